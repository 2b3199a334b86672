"""Runs one command on a small file system filled to many levels, then again with room.

    unshare --map-root-user --mount python -m tests.attack.disk_driver FOLDER LEVELS ARGUMENTS…

Mounts a file system in memory over FOLDER, for this process only. Prints JSON: ``{"needs": bytes of the undisturbed
run, "levels": tried, "full": how many met a full disk, "wrong": [what ended otherwise]}``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.attack.children import in_child, left
from tests.support.runs import lane_events

_SIZE = 16 << 20
_PEAK = 6  # a run takes up to so many times its final size, with its side files


def main(folder: Path, levels: int, arguments: list[str]) -> None:
    """Try the levels; see the module."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_SIZE}", "tmpfs", str(folder)], check=True)
    said, whole, out, ballast = folder.parent / "said", folder / "whole.mnemo", folder / "run.mnemo", folder / "ballast"

    def child(path: Path) -> int:
        return in_child([*arguments, "--out", str(path)], said, lambda: None, int)[0]

    before = _free(folder)
    assert child(whole) == 0, said.read_text()
    want, needs, full, wrong = lane_events(whole), before - _free(folder), 0, []
    for level in range(levels):
        with ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, _free(folder) - _PEAK * needs * level // levels)
        first, line = child(out), said.read_text()
        ballast.unlink()
        full += first == 1
        honest = first == 0 or (first == 1 and "the disk is full" in line.splitlines()[-1] and "Traceback" not in line)
        again = child(out)
        files = left(folder, out.name)
        if not honest or again or lane_events(out) != want or files != [out.name]:
            wrong.append(
                f"level {level}: exit {first}, then {again}, left {files}: {line[-300:]} | {said.read_text()[-300:]}"
            )
        out.unlink(missing_ok=True)
    print(json.dumps({"needs": needs, "levels": levels, "full": full, "wrong": wrong}))


def _free(folder: Path) -> int:
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
