"""``mnemoscope convert``: sessions in the native format."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from workbench.cli.arguments import json_flag, new, read_options, reading_flags
from workbench.cli.files import sessions_of, write_sessions
from workbench.errors import UsageError


def add(commands: Any) -> None:
    """The command and its arguments."""
    command = new(commands, "convert", act, "write the sessions of any known file in the native format")
    command.add_argument("file", type=Path, metavar="FILE", help="a session file, or a run")
    command.add_argument("--out", type=Path, required=True, metavar="SESSION.json")
    command.add_argument(
        "--rotate", action="store_true", help="every choice once for every rotation of its options (CircularEval)"
    )
    reading_flags(command)
    json_flag(command)


def act(options: argparse.Namespace) -> None:
    """Carry it out."""
    if options.out.exists() and options.file.exists() and options.out.samefile(options.file):
        raise UsageError(f"--out {options.out} is the file that is read, and would be gone", "name another file")
    sessions, _ = sessions_of(options.file, **read_options("convert", options))
    if options.rotate:
        from workbench.sessions.rotations import rotated

        sessions = [rotated(session) for session in sessions]
    write_sessions(sessions, options.out, options.json)
