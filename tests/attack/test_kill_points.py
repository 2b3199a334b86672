"""kill -9 at the changes that a real run makes to its files: the same command always goes on, to the same events."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
LANES = ("--lane", "bm25", "--lane", "window", "--embedder", "hash", "--exact", "--threads", "1")


def session(folder: Path, environment: dict[str, str], seed: int = 3) -> Path:
    """A small session file."""
    path = folder / "session.json"
    program = [
        sys.executable,
        "-m",
        "workbench",
        "synth",
        "conflict-resolution",
        "--seed",
        str(seed),
        "--out",
        str(path),
    ]
    sizes = ["--option", "turns=12", "--option", "probes=3"]
    subprocess.run([*program, *sizes], check=True, env=environment, capture_output=True)
    return path


def attack(
    folder: Path, root: Path, points: int, seed: int = 3, piece: str = "0/1", first: bool = False
) -> dict[str, object]:
    """What ``kill_driver`` says of a piece of the points; ``first``: of a run that began in a file of format 1."""
    compiler = shutil.which("cc")
    if sys.platform != "linux" or not compiler:
        pytest.skip("the library that kills at a write is built by cc and preloaded by Linux")
    shim, runs = folder / "killpoint.so", folder / "runs"
    build = [compiler, "-shared", "-fPIC", "-O1", "-o", str(shim), str(HERE / "killpoint.c"), "-ldl"]
    subprocess.run(build, check=True)
    runs.mkdir()
    environment = os.environ | {"PYTHONPATH": str(root), "MNEMOSCOPE_HOME": str(folder / "home")}
    command = ["run", str(session(folder, environment, seed)), *LANES]
    done = subprocess.run(
        [sys.executable, "-m", "tests.attack.kill_driver", str(runs), str(points), piece, *command],
        env=environment | {"LD_PRELOAD": str(shim), "KILL_UNDER": str(runs), "KILL_FORMAT": "1" * first},
        cwd=root,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return dict(json.loads(done.stdout))


def check(said: dict[str, object], points: int) -> None:
    assert said["points"] == said["killed"] == points  # every point lay within the run
    assert said["wrong"] == []


def test_a_run_killed_while_its_file_is_made_or_written_goes_on(tmp_path: Path, root: Path) -> None:
    check(attack(tmp_path, root, 16), 16)


def test_a_run_of_format_1_killed_while_it_goes_on_goes_on(tmp_path: Path, root: Path) -> None:
    check(attack(tmp_path, root, 6, first=True), 6)


@pytest.mark.slow
def test_a_run_of_format_1_killed_at_any_of_100_changes_goes_on(tmp_path: Path, root: Path) -> None:
    check(attack(tmp_path, root, 100, first=True), 100)


@pytest.mark.slow
@pytest.mark.parametrize("piece", ["0/4", "1/4", "2/4", "3/4"])
def test_a_run_killed_at_any_of_400_changes_goes_on(piece: str, tmp_path: Path, root: Path) -> None:
    check(attack(tmp_path, root, 400, piece=piece), 100)
