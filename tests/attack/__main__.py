"""Attacks the program for some minutes, every round with other seeds, and prints what was tried and what fell.

    python -m tests.attack [--minutes N] [--seed N]      (make attack MINUTES=N)

A round: damaged run files given to every command and to the window, mutants of session files given to every reader,
``kill -9`` at changes of a run's files, full disks. Exit code 1 when anything was not as it should be.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.attack import test_full_disk, test_kill_points
from tests.attack.test_damaged_runs import tried
from tests.fuzz.readers import attack_all

ROOT = Path(__file__).resolve().parent.parent.parent
Found = tuple[str, int, list[str]]  # what was tried, how often, what was wrong


def damaged(what: str, count: int) -> Callable[[Path, int], Found]:
    """Damaged run files, to the commands or to the window."""

    def attempt(folder: Path, seed: int) -> Found:
        said = tried(folder, ROOT, 100_000 + seed * count, count, what)
        return f"damaged run files, {what}", said["tried"], said["wrong"]

    return attempt


def mutants(folder: Path, seed: int) -> Found:
    """Mutants of session files, to every reader."""
    report = attack_all(500, seed)
    return "mutants of session files", report.mutants, [f"{w} (mutant {n[0]})" for w, n in report.faults.items()]


def killed(folder: Path, seed: int) -> Found:
    """A twentieth of 400 kill points, another one each round; so differ the session and where the points lie."""
    said: dict[str, Any] = test_kill_points.attack(folder, ROOT, 400, seed, f"{seed % 20}/20")
    return "kill -9 at a change of a file", said["points"], said["wrong"]


def full(folder: Path, seed: int) -> Found:
    """Levels at which a disk is full."""
    said: dict[str, Any] = test_full_disk.attack(folder, ROOT, 5, seed)
    return "full disks", said["levels"], said["wrong"]


SUITES = (damaged("commands", 20), damaged("window", 10), mutants, killed, full)


def attack(minutes: float, seed: int) -> int:
    """Rounds until the time is over; at least one. The exit code."""
    end, number, count, wrong = time.monotonic() + 60 * minutes, seed, Counter[str](), list[str]()
    while True:
        for suite in SUITES:
            with tempfile.TemporaryDirectory(prefix="mnemoscope-attack-", ignore_cleanup_errors=True) as folder:
                name, times, fell = attempted(suite, Path(folder), number)
            count[name] += times
            wrong += [f"{name}, seed {number}: {line}" for line in fell]
            if time.monotonic() > end and len(count) == len(SUITES):
                break
        else:
            number += 1
            continue
        break
    for name, times in count.items():
        print(f"{times:7,}  {name}")
    print(f"seeds {seed} to {number}; {len(wrong)} fell")
    print(*wrong, sep="\n", end="\n" * bool(wrong))
    return 1 if wrong else 0


def attempted(suite: Callable[[Path, int], Found], folder: Path, seed: int) -> Found:
    """What a suite found; one that cannot run here says why and counts nothing."""
    try:
        return suite(folder, seed)
    except pytest.skip.Exception as reason:
        return f"(left out: {reason})", 0, []
    except (AssertionError, OSError, subprocess.SubprocessError) as error:
        return "a driver that broke off", 1, [str(error)[-600:]]


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.attack", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=int(time.time()) % 100_000, help="default: another every time")
    options = parser.parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    return attack(options.minutes, options.seed)


if __name__ == "__main__":
    sys.exit(main())
