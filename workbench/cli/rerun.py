"""``mnemoscope rerun``: a run made again."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from workbench.cli.arguments import json_flag, new


def add(commands: Any) -> None:
    """The command and its arguments."""
    command = new(commands, "rerun", act, "makes a run again from its own file, and compares")
    command.add_argument("file", type=Path, metavar="FILE", help="a run file")
    command.add_argument("--out", type=Path, metavar="FILE.mnemo", help="default: beside it, with -again in its name")
    command.add_argument("--model", default="", metavar="demo|NAME|PATH|URL", help="where the model is now")
    command.add_argument("--threads", type=int, metavar="N", help="CPU threads")
    json_flag(command)


def act(options: argparse.Namespace) -> None:
    """Carry it out."""
    from workbench.commands import rerun

    rerun.run(options)
