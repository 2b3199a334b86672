"""The window's measurements are a program that ``mnemoscope bench scrub`` starts."""

import json
import subprocess
import sys
from typing import Any

import pytest

from ui import bench
from workbench.bench import BENCHMARKS, measure


def test_a_small_measurement_has_every_panel(capsys: pytest.CaptureFixture[str], qapp: Any) -> None:
    small = ["--turns", "30", "--items", "10", "--probes", "4", "--moves", "3"]
    assert bench.main(["scrub", *small]) == 0
    figures = json.loads(capsys.readouterr().out)["scrub"]
    assert set(figures["panels"]) == set(bench.PANELS)
    assert all(panel["median_ms"] > 0 for panel in figures["panels"].values())
    assert figures["debug layout, all panels"]["median_ms"] > 0


def test_the_command_line_starts_it_as_it_wants_to_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[list[str]] = []

    def run(command: list[str], **_: Any) -> Any:
        called.append(command)
        return subprocess.CompletedProcess(command, 0, "{}")

    monkeypatch.setattr(subprocess, "run", run)
    assert measure("scrub") == {}
    assert called == [[sys.executable, "-m", BENCHMARKS["scrub"].target]]
    assert bench.arguments(called[0][3:]).what == "all"
