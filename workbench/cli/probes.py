"""``mnemoscope probes``: questions beside a session."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from workbench.cli.arguments import json_flag, new
from workbench.sessions.model import COMPETENCIES


def add(commands: Any) -> None:
    """The command and its arguments."""
    command = new(commands, "probes", act, "questions beside a session file: list, add, let a model write")
    command.add_argument("session", type=Path, metavar="SESSION", help="a session file, any known format")
    command.add_argument("--session", dest="session_name", default="", metavar="NAME", help="only this one of the file")
    command.add_argument("--add", metavar="QUESTION", help="write one; with --gold")
    command.add_argument("--gold", action="append", metavar="ANSWER", help="an accepted answer; repeat it for several")
    command.add_argument("--evidence", default="", metavar="3,4", help="the turns that hold the answer, by number")
    command.add_argument("--after", type=int, metavar="TURN", help="asked after this turn; default: the last")
    command.add_argument("--competency", default=COMPETENCIES[0], choices=COMPETENCIES, help="what it tests")
    command.add_argument(
        "--make", type=int, metavar="N", help="let the model write up to N; what is unsupported is dropped"
    )
    command.add_argument("--remove", action="append", default=[], metavar="ID", help="take one out again")
    command.add_argument("--model", default="demo", metavar="NAME|PATH|URL", help="who writes: an instruct model")
    command.add_argument("--context", type=int, metavar="N", help="tokens per sequence")
    command.add_argument("--threads", type=int, metavar="N", help="CPU threads")
    json_flag(command)


def act(options: argparse.Namespace) -> None:
    """Carry it out."""
    from workbench.commands import probes

    probes.run(options)
