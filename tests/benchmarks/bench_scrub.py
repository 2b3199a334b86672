"""Scrubbing: ``pytest tests/benchmarks/bench_scrub.py -m bench -s`` or ``python -m ui.bench scrub``.

Prints the figures; asserts only that nothing is far off, since the machine may be busy with other things.
"""

import json
from pathlib import Path

import pytest

from tests.support.traces import write_trace
from ui.bench import PANELS, path_of, scrub, start

LOOSE = 250.0  # ms; the aim is 16


@pytest.mark.bench
def test_scrubbing(tmp_path: Path, qapp: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNEMOSCOPE_HOME", str(tmp_path / "home"))
    figures = scrub(write_trace(tmp_path / "run.mnemo", 2000, 1000, 200), moves=100)
    print(json.dumps(figures, indent=2))
    assert set(figures["panels"]) == set(PANELS)
    assert {name: f for name, f in figures["panels"].items() if f["median_ms"] > LOOSE} == {}


@pytest.mark.bench
def test_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNEMOSCOPE_HOME", str(tmp_path / "home"))
    figures = start()
    print(json.dumps(figures, indent=2))
    assert figures["heavy_modules_before_first_window"] == []


def test_the_path_of_the_hand_is_the_same_every_time() -> None:
    assert path_of(1999, 50) == path_of(1999, 50)
    assert all(0 <= turn <= 1999 for turn in path_of(1999, 500))
