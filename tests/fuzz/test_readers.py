"""A slice of the fuzzer in every run, and the fuzzer itself: that it finds what it is there to find."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.fuzz import readers
from tests.fuzz.seeds import seeds
from workbench.sessions import Session, Turn, formats

MUTANTS = 2000


def test_mutants_of_every_format_are_read_or_refused_in_one_line() -> None:
    """The seeds are those of the repository alone: the same everywhere."""
    report = readers.run(0, MUTANTS, seed=1, files=list(seeds(shared=False).values()))
    assert report.mutants == report.read + report.refused == MUTANTS
    assert report.faults == {}
    missed = set(formats.READERS) - set(report.formats)
    assert not missed, "a mutant of every format is read"


@pytest.mark.parametrize(
    ("read", "fault"),
    [
        (lambda path: {}["x"], "KeyError at"),
        (lambda path: [Session("s", ())], "Fault at readers.py"),
        (lambda path: [Session("s", (Turn(0, "", "x"),))], "SessionFormatError"),
        (lambda path: [Session("s", (Turn(0, "user", "x", extra={"a": float("nan")}),))], "ValueError at"),
    ],
)
def test_the_fuzzer_finds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, read: Any, fault: str) -> None:
    real = formats.read
    monkeypatch.setattr(formats, "read", lambda path: real(path) if path.suffix == ".converted" else read(path))
    report = readers.Report()
    (tmp_path / "a.json").write_bytes(b"{}")
    readers.attack(tmp_path / "a.json", report, 7)
    if fault == "SessionFormatError":
        assert report.refused == 1
    else:
        assert [what.startswith(fault) for what in report.faults] == [True]


def test_a_mutant_is_the_same_every_time() -> None:
    files = list(seeds(shared=False).values())
    assert readers.made(3, 1, files) == readers.made(3, 1, files) != readers.made(4, 1, files)
