"""Runs one command again and again in forked children, each killed at another change of its files, then goes on.

    LD_PRELOAD=killpoint.so KILL_UNDER=FOLDER python -m tests.attack.kill_driver FOLDER POINTS ARGUMENTS…

Forked from a process that has everything imported, so that a point costs a run and not a start of Python. Prints JSON:
``{"changes": of the undisturbed run, "points": tried, "killed": died at theirs, "wrong": [what ended otherwise]}``.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from pathlib import Path

from tests.attack.children import in_child, left
from tests.support.runs import lane_events


def points(changes: int, wanted: int) -> list[int]:
    """Which changes to die at: all of the first thirty, where the file is made, the others evenly over the rest."""
    if wanted >= changes:
        return list(range(1, changes + 1))
    first = list(range(1, min(30, wanted // 2) + 1))
    rest = wanted - len(first)
    return first + [len(first) + 1 + i * (changes - len(first) - 1) // max(rest - 1, 1) for i in range(rest)]


def main(folder: Path, wanted: int, arguments: list[str]) -> None:
    """Try the points; see the module."""
    shim, whole, said = ctypes.CDLL(os.environ["LD_PRELOAD"]), folder / "whole.mnemo", folder.parent / "said"

    def child(command: list[str], at: int = 0) -> tuple[int, int]:
        return in_child(command, said, lambda: shim.killpoint_arm(at), shim.killpoint_count)

    changes = child([*arguments, "--out", str(whole)])[1]
    want, wrong, killed = lane_events(whole), [], 0
    tried = points(changes, wanted)
    for at in tried:
        out = folder / f"{at}.mnemo"
        command = [*arguments, "--out", str(out)]
        code, _ = child(command, at)
        killed += code == -signal.SIGKILL
        again, _ = child(command)
        files = left(folder, out.name)
        if again or lane_events(out) != want or files != [out.name]:
            wrong.append(f"point {at}: exit {code}, then {again}, left {files}: {said.read_text()[-400:]}")
        out.unlink(missing_ok=True)
    print(json.dumps({"changes": changes, "points": len(tried), "killed": killed, "wrong": wrong}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
