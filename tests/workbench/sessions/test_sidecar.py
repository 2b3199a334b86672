"""Probes beside a session file: read with it, written without touching it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from workbench.errors import MnemoscopeError, SessionFormatError
from workbench.sessions import Probe, Session, formats
from workbench.sessions.formats import sidecar

LOG = {"messages": [{"role": "user", "content": "I live in Oslo."}, {"role": "assistant", "content": "Noted."}]}


def log(folder: Path, *rows: Any) -> Path:
    path = folder / "log.jsonl"
    path.write_text("\n".join(map(json.dumps, rows or (LOG,))))
    return path


def question(id: str = "", **values: Any) -> Probe:
    return Probe(id, 1, "Where do I live?", ("Oslo",), "accurate_retrieval", (0,), **values)


def only(path: Path) -> Session:
    (session,) = formats.read(path)
    return session


def test_what_is_added_is_read_with_the_session_and_its_file_stays(tmp_path: Path) -> None:
    path = log(tmp_path)
    before = path.read_bytes()
    made = sidecar.add(path, only(path), [question(), question(extra={"written": "by hand"})])
    assert [p.id for p in made] == ["own-1", "own-2"]
    assert only(path).probes == tuple(made)
    assert sidecar.written(path) == {"log": ["own-1", "own-2"]}
    assert (path.read_bytes(), only(path).warnings) == (before, ("messages: no message has a time",))
    assert sidecar.beside(path).name == "log.jsonl.probes.json"
    assert "Where do I live?" in sidecar.beside(path).read_text("utf-8")


def test_new_ids_are_none_of_the_session_s_own(tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    own = {"question": "Who?", "gold": "x", "competency": "accurate_retrieval", "id": "own-1"}
    path.write_text(json.dumps({"mnemoscope_session": 1, "turns": [{"role": "user", "text": "x"}], "probes": [own]}))
    sidecar.add(path, only(path), [Probe("own-1", 0, "What?", ("x",), "c")])
    assert [p.id for p in only(path).probes] == ["own-1", "own-2"]


def test_removing(tmp_path: Path) -> None:
    path = log(tmp_path)
    sidecar.add(path, only(path), [question(), question()])
    assert sidecar.remove(path, only(path), ["own-1", "nine"]) == ["own-1"]
    assert [p.id for p in only(path).probes] == ["own-2"]
    assert sidecar.remove(path, only(path), ["own-2"]) == ["own-2"]
    assert only(path).probes == ()


def test_every_session_of_a_file_has_its_own(tmp_path: Path) -> None:
    path = log(tmp_path, LOG, LOG)
    first, second = formats.read(path)
    sidecar.add(path, second, [question()])
    assert [len(s.probes) for s in formats.read(path)] == [0, 1]
    assert first.name != second.name


def test_turns_that_changed_since_are_a_remark(tmp_path: Path) -> None:
    path = log(tmp_path)
    sidecar.add(path, only(path), [question(), Probe("far", 1, "What?", ("x",), "c", (1,))])
    log(tmp_path, {"messages": LOG["messages"][:1]})
    session = only(path)
    assert session.probes == ()
    assert session.warnings[1:] == (
        "its turns have changed since the probes beside it were written: check them",
        "probes beside it[0].after: is 1, the turns are 0 to 0; left out",
        "probes beside it[1].after: is 1, the turns are 0 to 0; left out",
    )


BROKEN: list[tuple[bytes, str]] = [
    (b"", "the probes beside it are left out: the file is empty"),
    (b"[1", "the probes beside it are left out: line 1, column 2: broken JSON"),
    (b"{}", "the probes beside it are left out: mnemoscope_probes: missing"),
    (b"[]", "the probes beside it are left out: the file: must be an object, is an array"),
    (
        b'{"mnemoscope_probes": 2}',
        "the probes beside it are left out: mnemoscope_probes: version 2 was",
    ),
    (b'{"mnemoscope_probes": 1, "sessions": []}', "the probes beside it are left out: sessions: must be an object"),
    (
        b'{"mnemoscope_probes": 1, "sessions": {"log": 3}}',
        "the probes beside it are left out: sessions.log: must be an object",
    ),
    (
        b'{"mnemoscope_probes": 1, "sessions": {"log": {"probes": [3]}}}',
        "probes beside it[0]: must be an object, is a number",
    ),
    (
        b'{"mnemoscope_probes": 1, "sessions": {"log": {"probes": [{"question": "x"}]}}}',
        "probes beside it[0].competency: missing; left out",
    ),
]


@pytest.mark.parametrize(("raw", "remark"), BROKEN)
def test_what_cannot_be_read_there_costs_no_session(tmp_path: Path, raw: bytes, remark: str) -> None:
    path = log(tmp_path)
    sidecar.beside(path).write_bytes(raw)
    session = only(path)
    assert session.probes == ()
    assert any(w.startswith(remark) for w in session.warnings)


def test_a_file_of_probes_that_cannot_be_read_is_not_written_over(tmp_path: Path) -> None:
    path = log(tmp_path)
    sidecar.beside(path).write_bytes(b"my notes")
    with pytest.raises(SessionFormatError, match="text, but not JSON"):
        sidecar.add(path, only(path), [question()])
    assert sidecar.beside(path).read_bytes() == b"my notes"


def test_a_file_of_probes_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    path = log(tmp_path)
    sidecar.beside(path).mkdir()
    with pytest.raises(MnemoscopeError, match="cannot be written"):
        sidecar.add(path, only(path), [question()])


def test_opened_by_itself_it_names_what_it_is(tmp_path: Path) -> None:
    path = log(tmp_path)
    sidecar.add(path, only(path), [question()])
    with pytest.raises(SessionFormatError, match="by its looks the probes written for a session"):
        formats.read(sidecar.beside(path))
