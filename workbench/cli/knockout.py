"""``mnemoscope knockout``: an answer with parts of its context masked."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from workbench.cli.arguments import json_flag, new, run_model_flags


def add(commands: Any) -> None:
    """The command and its arguments."""
    command = new(commands, "knockout", act, "an answer with parts of its context masked in the model")
    command.add_argument("file", type=Path, metavar="FILE", help="a run file")
    command.add_argument("--lane", required=True, metavar="L")
    command.add_argument("--probe", required=True, metavar="ID")
    command.add_argument("--session", default="", metavar="NAME", help="of several sessions in the run")
    command.add_argument("--span", action="append", default=[], metavar="S",
                         help="what to mask at once: a place, a label, an item or turn:N; repeat it")  # fmt: skip
    command.add_argument("--by-head", action="store_true",
                         help="mask them in every layer and head in turn; goes on where it was broken off")  # fmt: skip
    command.add_argument("--layers", default="", metavar="N,N-N", help="only in these layers")
    command.add_argument("--heads", default="", metavar="N,N-N", help="only in these heads")
    run_model_flags(command)
    json_flag(command)


def act(options: argparse.Namespace) -> None:
    """Carry it out."""
    from workbench.commands.knockout import knockout

    knockout(options)
