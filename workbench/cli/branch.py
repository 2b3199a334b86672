"""``mnemoscope branch``: what if."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from workbench.cli.arguments import code_flag, json_flag, new


def add(commands: Any) -> None:
    """The command and its arguments."""
    command = new(commands, "branch", act, "what if: a lane run again from a turn, with something changed")
    command.add_argument(
        "file", type=Path, metavar="FILE", help="a run file; the branch becomes a lane of its own in it"
    )
    command.add_argument("--lane", required=True, metavar="L")
    what = command.add_mutually_exclusive_group(required=True)
    what.add_argument("--turn", type=int, metavar="T", help="the last turn that stays as it was")
    what.add_argument("--undo", action="store_true", help="take the branch L out of the file again")
    command.add_argument("--session", default="", metavar="NAME", help="of several sessions in the run")
    command.add_argument(
        "--edit",
        action="append",
        default=[],
        metavar="EDIT",
        help="text:ITEM=TEXT, add:KIND=TEXT, delete:ITEM, restore:ITEM, param:KEY=VALUE, cache:POLICY, prompts:SET, "
        "model:PATH, temperature:T, thinking:N, reader:R, seed:N; repeat it",
    )
    command.add_argument("--threads", type=int, metavar="N", help="CPU threads")
    code_flag(command)
    json_flag(command)


def act(options: argparse.Namespace) -> None:
    """Carry it out."""
    from workbench.commands.branch import branch

    branch(options)
