"""``mnemoscope explain``: why answers are wrong."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from workbench.cli.arguments import json_flag, new, run_model_flags


def add(commands: Any) -> None:
    """The command and its arguments."""
    command = new(commands, "explain", act, "why answers are wrong, and what proves it")
    command.add_argument("file", type=Path, metavar="FILE", help="a run file")
    command.add_argument("--session", default="", metavar="NAME", help="only this session of the run")
    command.add_argument("--probe", default="", metavar="ID", help="only this one, at length; right answers, too")
    command.add_argument("--lane", default="", metavar="L", help="only this lane")
    command.add_argument(
        "--confirm", action="store_true", help="change one thing and ask again, until the answer flips"
    )
    run_model_flags(command)
    json_flag(command)


def act(options: argparse.Namespace) -> None:
    """Carry it out."""
    from workbench.commands.explain import explain

    explain(options)
