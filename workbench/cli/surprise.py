"""``mnemoscope surprise``: what the model expected."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from workbench.cli.arguments import json_flag, new


def add(commands: Any) -> None:
    """The command and its arguments."""
    command = new(commands, "surprise", act, "how much the model expected the words of a turn or an answer")
    command.add_argument("file", type=Path, metavar="FILE", help="a run file")
    command.add_argument("--lane", default="", metavar="L", help="whose model, and whose EM-LLM events; else the first")
    what = command.add_mutually_exclusive_group(required=True)
    what.add_argument("--turn", default="", metavar="N,N-N", help="these turns, each after what was said before it")
    what.add_argument("--probe", default="", metavar="ID", help="the packed context and the answer to this probe")
    command.add_argument("--session", default="", metavar="NAME", help="of several sessions in the run")
    command.add_argument("--model", default="", metavar="PATH", help="where the run's model is now, or another one")
    command.add_argument("--threads", type=int, metavar="N", help="CPU threads")
    json_flag(command)


def act(options: argparse.Namespace) -> None:
    """Carry it out."""
    from workbench.commands.surprise import surprise

    surprise(options)
