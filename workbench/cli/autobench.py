"""``mnemoscope autobench``: what is hard for lanes."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from workbench.cli.arguments import json_flag, model_flags, new
from workbench.cli.files import write_sessions
from workbench.reading import READERS


def add(commands: Any) -> None:
    """The command and its arguments."""
    command = new(commands, "autobench", act, "search a generator's settings for what is hard for lanes")
    command.add_argument("generator", metavar="GENERATOR", help="see `mnemoscope synth --list`")
    command.add_argument("--lane", action="append", required=True, metavar="SPEC", help="two or more; repeat it")
    command.add_argument("--rounds", type=int, default=12, metavar="N", help="settings that are tried")
    command.add_argument("--tokens", type=int, default=1000, metavar="N", help="of the first session")
    command.add_argument("--seed", type=int, default=0, metavar="N")
    command.add_argument("--reader", choices=READERS, default="model", help="who answers")
    model_flags(command)
    command.add_argument("--threads", type=int, metavar="N", help="CPU threads")
    command.add_argument("--out", type=Path, metavar="SESSION.json", help="the sessions of the best setting")
    json_flag(command)


def act(options: argparse.Namespace) -> None:
    """Carry it out."""
    from workbench.commands import autobench

    best = autobench.run(options)
    if options.out and best:
        write_sessions(best, options.out, False)
