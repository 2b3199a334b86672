"""Damaged and hostile run files: one clear line from every command and from the window, nothing hangs, and what is
readable can be saved."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.attack.children import left
from tests.attack.test_kill_points import LANES, session
from tests.support.runs import lane_events

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="children are forked and bounded as on Linux")


def tried(folder: Path, root: Path, first: int, count: int, what: str) -> dict[str, Any]:
    """What ``damage_driver`` says of damages by number."""
    return driven(folder, root, first, count, what)


def driven(folder: Path, root: Path, *asked: object) -> dict[str, Any]:
    """What ``damage_driver`` says."""
    driver = [sys.executable, "-m", "tests.attack.damage_driver", str(folder), *map(str, asked)]
    environment = os.environ | {"PYTHONPATH": str(root), "MNEMOSCOPE_HOME": str(folder / "home")}
    done = subprocess.run(driver, env=environment, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return dict(json.loads(done.stdout))


def attack(folder: Path, root: Path, first: int, count: int, what: str) -> None:
    assert tried(folder, root, first, count, what) == {"tried": count, "wrong": []}


@pytest.mark.parametrize("what", ["commands", "window"])
def test_damaged_run_files_give_one_clear_line(tmp_path: Path, root: Path, what: str) -> None:
    attack(tmp_path, root, 0, 18, what)


@pytest.mark.slow
@pytest.mark.parametrize("what", ["commands", "window"])
def test_300_damaged_run_files_give_one_clear_line(tmp_path: Path, root: Path, what: str) -> None:
    attack(tmp_path, root, 1000, 300, what)


@pytest.mark.parametrize("what", ["commands", "window"])
def test_run_files_that_once_fell_give_one_clear_line(tmp_path: Path, root: Path, cases: Path, what: str) -> None:
    files = sorted((cases / "robustness").glob("*.mnemo"))
    assert driven(tmp_path, root, what, *files) == {"tried": len(files), "wrong": []} and files


def test_a_run_whose_making_once_broke_off_is_made_anew(tmp_path: Path, root: Path, cases: Path) -> None:
    """Killed at its thirtieth write by an earlier version: tables without a row, and an empty journal beside it."""
    for file in (cases / "robustness").glob("killpoint-30-0.mnemo*"):
        shutil.copyfile(file, tmp_path / file.name.replace("killpoint-30-0", "run"))
    environment = os.environ | {"PYTHONPATH": str(root), "MNEMOSCOPE_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-m", "workbench", "run", str(session(tmp_path, environment)), *LANES, "--out"]
    done = [subprocess.run([*command, str(tmp_path / f"{n}.mnemo")], env=environment) for n in ("run", "whole")]
    assert [d.returncode for d in done] == [0, 0]
    assert lane_events(tmp_path / "run.mnemo") == lane_events(tmp_path / "whole.mnemo")
    assert left(tmp_path, "run") == ["run.mnemo"]
