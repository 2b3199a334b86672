"""Sweeps on this machine with real engine processes and the bundled model: some are killed, nothing is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.runs import lane_events
from tests.workbench.sweep.support import sweep_file
from workbench.sweep import config
from workbench.sweep.drive import Driver, Report
from workbench.sweep.local import LocalEngine
from workbench.sweep.merging import merged
from workbench.sweep.store import Store
from workbench.sweep.tasks import plan

KEYS = {"exact": True, "context": 1024, "lanes": ["bm25", "full"]}


def test_an_engine_process_is_killed(tmp_path: Path) -> None:
    """Its task is tried again by a new one, from the beginning; what failed is counted."""
    planned = plan(config.read(sweep_file(tmp_path, sessions=3, **KEYS)))
    killed = []
    report = Report(3, 0)
    with Store(planned.sweep.out) as store:
        engine = LocalEngine(store, 1)

        def tell(report: Report) -> None:
            if report.done == 1 and not killed and report.under_way:
                killed.extend(engine.pids)
                os.kill(killed[0], signal.SIGKILL)

        try:
            Driver(planned, store, engine, tell).go(planned.tasks(), report)
        finally:
            engine.close()
        (run,) = merged(planned, store, store.finished()).values()
    assert (report.done, report.retried, report.failed) == (3, 1, {})
    assert next(iter(report.errors.values()))[0].startswith("the engine process died (signal 9)")
    found = lane_events(run)
    assert len(found) == 6
    assert not engine.pids and not (tmp_path / "sweep-runs" / "under-way").exists()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_the_command_is_ended_and_goes_on(tmp_path: Path, root: Path, number: int) -> None:
    """What was done is not done again; the whole is what it would have been."""
    path = sweep_file(tmp_path, sessions=10, **KEYS)
    environment = os.environ | {"PYTHONPATH": str(root), "MNEMOSCOPE_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-m", "workbench", "sweep", str(path), "--workers", "1"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if " of 10 tasks" in line and not line.startswith("0 %"):
            process.send_signal(number)
            break
    rest = process.communicate()[1]
    assert process.returncode == (1 if number == signal.SIGINT else -signal.SIGKILL)
    if number == signal.SIGINT:
        assert rest.splitlines()[-1].endswith("tasks done; the same command goes on")
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "sweep-runs" / "tasks").iterdir()}
    assert 0 < len(before) < 10
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert f"{10 - len(before)} tasks to do, {2 * len(before)} results there already" in done.stderr
    after = {file: file.stat().st_mtime_ns for file in (tmp_path / "sweep-runs" / "tasks").iterdir()}
    assert len(after) == 10 and after.items() >= before.items()
    whole = tmp_path / "whole.mnemo"
    sessions = sorted(str(file) for file in tmp_path.glob("session-*.json"))
    lanes = ["--lane", "bm25", "--lane", "full", "--prompts", "plain", "--embedder", "hash", "--exact"]
    more = ["--capture", "off", "--context", "1024", "--threads", "1", "--out", str(whole)]
    command = [sys.executable, "-m", "workbench", "run", *sessions, *lanes, *more]
    assert subprocess.run(command, env=environment, capture_output=True).returncode == 0
    assert lane_events(tmp_path / "sweep-runs" / "demo-seed0.mnemo") == lane_events(whole)
