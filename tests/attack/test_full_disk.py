"""A disk that is full at any moment of a run: one line says so, and the same command goes on once there is room."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.attack.test_kill_points import LANES, session


def attack(folder: Path, root: Path, levels: int, seed: int = 3) -> dict[str, object]:
    """What ``disk_driver`` says."""
    unshare = [shutil.which("unshare") or "", "--map-root-user", "--mount"]
    small = folder / "small"
    small.mkdir()
    mount = [*unshare, "mount", "-t", "tmpfs", "tmpfs", str(small)]
    if not unshare[0] or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a file system of its own needs Linux, unshare, and leave to use it")
    driver = [*unshare, sys.executable, "-m", "tests.attack.disk_driver", str(small), str(levels)]
    environment = os.environ | {"PYTHONPATH": str(root), "MNEMOSCOPE_HOME": str(folder / "home")}
    command = [*driver, "run", str(session(folder, environment, seed)), *LANES]
    done = subprocess.run(command, env=environment, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return dict(json.loads(done.stdout))


def test_a_run_goes_on_after_a_full_disk(tmp_path: Path, root: Path) -> None:
    said = attack(tmp_path, root, 4)
    assert (said["levels"], said["wrong"]) == (4, [])
    assert said["full"] == 4


@pytest.mark.slow
def test_a_run_goes_on_after_a_disk_that_was_full_at_any_of_40_levels(tmp_path: Path, root: Path) -> None:
    said = attack(tmp_path, root, 40)
    assert (said["levels"], said["wrong"]) == (40, [])
    assert int(str(said["full"])) > 30
