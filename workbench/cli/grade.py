"""``mnemoscope grade``: scores of foreign answers."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from workbench.cli.arguments import errata_flags, json_flag, known_errors, new, read_options, reading_flags
from workbench.cli.files import sessions_of


def add(commands: Any) -> None:
    """The command and its arguments."""
    command = new(commands, "grade", act, "scores of answers that another system gave to a session's probes")
    command.add_argument("session", type=Path, metavar="SESSION", help="a session file, any known format, or a run")
    command.add_argument(
        "--answers",
        type=Path,
        required=True,
        metavar="FILE.jsonl",
        help='a line an answer: {"id", "answer"}; with several sessions also "session"',
    )
    command.add_argument("--session", dest="session_name", default="", metavar="NAME", help="only this one of the file")
    command.add_argument(
        "--judge", default="", metavar="MODEL", help="also judge with this model, like `judge --model`"
    )
    command.add_argument("--threads", type=int, metavar="N", help="CPU threads of the judge")
    reading_flags(command)
    errata_flags(command)
    json_flag(command)


def act(options: argparse.Namespace) -> None:
    """Carry it out."""
    from workbench.commands import grade

    sessions, _ = sessions_of(options.session, **read_options("grade", options))
    grade.run(sessions, options, known_errors(options))
