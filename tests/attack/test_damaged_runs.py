"""Damaged and hostile run files: one clear line from every command and from the window, nothing hangs, and what is
readable can be saved."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="children are forked and bounded as on Linux")


def tried(folder: Path, root: Path, first: int, count: int, what: str) -> dict[str, Any]:
    """What ``damage_driver`` says."""
    driver = [sys.executable, "-m", "tests.attack.damage_driver", str(folder), str(first), str(count), what]
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
