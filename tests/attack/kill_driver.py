"""Runs one command again and again in forked children, each killed at another change of its files, then goes on.

    LD_PRELOAD=killpoint.so KILL_UNDER=FOLDER [KILL_FORMAT=1] python -m tests.attack.kill_driver
        FOLDER POINTS PIECE/PIECES ARGUMENTS…

With ``KILL_FORMAT=1`` every run goes on from a file of format 1 that was left half way. Every second one goes on from
what ``repair`` saved of the killed file.

Forked from a process that has run the command once, so that a point costs a run and not a start of Python. A piece is
every PIECES-th point, so that each has its share of the file's beginning and end. Prints JSON: ``{"changes": of the
undisturbed run, "points": tried, "killed": died at theirs, "wrong": [what ended otherwise]}``.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import json
import os
import shutil
import signal
import sys
from pathlib import Path

from tests.attack.children import in_child, left
from tests.support.damage import first_version
from tests.support.runs import lane_events
from workbench import cli
from workbench.trace.reader import is_run


def points(changes: int, wanted: int) -> list[int]:
    """Which changes to die at: all of the first thirty, where the file is made, the others evenly over the rest."""
    if wanted >= changes:
        return list(range(1, changes + 1))
    first = list(range(1, min(30, wanted // 2) + 1))
    rest = wanted - len(first)
    return first + [len(first) + 1 + i * (changes - len(first) - 1) // max(rest - 1, 1) for i in range(rest)]


def main(folder: Path, wanted: int, piece: int, pieces: int, arguments: list[str]) -> None:
    """Try a piece of the points; see the module."""
    shim, whole, said = ctypes.CDLL(os.environ["LD_PRELOAD"]), folder / "whole.mnemo", folder.parent / "said"

    def child(out: Path, at: int = 0) -> tuple[int, int]:
        command = [*arguments, "--out", str(out)]
        return in_child(command, said, lambda: shim.killpoint_arm(at), shim.killpoint_count)

    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        assert cli.main([*arguments, "--out", str(whole)]) == 0
    want, wrong, killed, begun = lane_events(whole), [], 0, folder / "begun.mnemo"
    if os.environ.get("KILL_FORMAT"):
        child(begun, child(folder / "all.mnemo")[1] // 2)
        first_version(begun)

    def start(out: Path) -> Path:
        if begun.exists():
            shutil.copyfile(begun, out)
        return out

    changes = child(start(folder / "counted.mnemo"))[1]
    tried = points(changes, wanted)[piece::pieces]
    for number, at in enumerate(tried):
        out = start(folder / f"{at}.mnemo")
        code, made = child(out, at)
        if code == 0:  # the times that a run notes are longer or shorter, so it makes a few changes more or fewer
            out.unlink()
            code, _ = child(start(out), made - (changes - at))
        killed += code == -signal.SIGKILL
        if number % 2 and is_run(out):
            saved = out.with_name("saved.mnemo")
            code, _ = in_child(["repair", str(out), "--out", str(saved)], said, lambda: None, int)
            for part in folder.glob(f"{out.name}*"):
                part.unlink()
            saved.replace(out)
        again, _ = child(out)
        files = left(folder, out.name)
        if again or lane_events(out) != want or files != [out.name]:
            wrong.append(f"point {at}: exit {code}, then {again}, left {files}: {said.read_text()[-400:]}")
        out.unlink(missing_ok=True)
    print(json.dumps({"changes": changes, "points": len(tried), "killed": killed, "wrong": wrong}))


if __name__ == "__main__":
    part, whole_number = sys.argv[3].split("/")
    main(Path(sys.argv[1]), int(sys.argv[2]), int(part), int(whole_number), sys.argv[4:])
