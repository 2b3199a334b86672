"""A command line run in a forked child, so that it costs a run and not a start of Python."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from workbench import cli


def in_child(command: list[str], said: Path, before: Callable[[], None], after: Callable[[], int]) -> tuple[int, int]:
    """Run a command in a child; its exit code (negative for a signal) and what ``after`` gave there (0 when killed).

    Args:
        said: file for standard output and standard error.
        before, after: called in the child, around the command.
    """
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        code = 70
        try:
            os.close(receive)
            handle = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(handle, 1)
            os.dup2(handle, 2)
            before()
            code = cli.main(command)
            os.write(send, str(after()).encode())
        finally:
            os._exit(code)
    os.close(send)
    with os.fdopen(receive) as pipe:
        figure = int(pipe.read() or 0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), figure


def left(folder: Path, name: str) -> list[str]:
    """Every file that belongs to a run file: itself, side files, locks, unfinished ones."""
    return sorted(f.name for f in folder.iterdir() if f.name.lstrip(".").startswith(name))
