"""``mnemoscope synth``: generated sessions."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from workbench.cli.arguments import json_flag, new, pairs
from workbench.cli.files import write_sessions
from workbench.errors import UsageError


def add(commands: Any) -> None:
    """The command and its arguments."""
    command = new(commands, "synth", act, "generate sessions with probes, also after published benchmarks")
    command.add_argument("kind", nargs="?", metavar="KIND", help="see --list")
    command.add_argument("--list", action="store_true", help="every kind with its options, paper and label")
    command.add_argument("--seed", type=int, default=0, metavar="N")
    command.add_argument("--tokens", type=int, metavar="N", help="length of a benchmark's session; default 2000")
    command.add_argument(
        "--model", default="demo", metavar="demo|NAME|PATH|words", help="whose tokens are counted; words: no model's"
    )
    command.add_argument("--date", default="", metavar="YYYY-MM-DD", help="of a release: each has probes of its own")
    command.add_argument("--versions", type=int, default=1, metavar="N", help="so many versions of every probe")
    command.add_argument("--option", action="append", default=[], metavar="KEY=VALUE", help="repeat it for several")
    command.add_argument("--out", type=Path, metavar="SESSION.json", help="default: KIND-SEED.json")
    json_flag(command)


def act(options: argparse.Namespace) -> None:
    """Carry it out."""
    from workbench.commands import synth

    if options.list:
        synth.listed(options.json)
        return
    if not options.kind:
        raise UsageError("mnemoscope synth: which kind?", "see `mnemoscope synth --list`")
    given = pairs("synth", options.option, "--option", "see `mnemoscope synth --list`")
    sessions = synth.made(options, given)
    write_sessions(sessions, options.out or Path(f"{options.kind}-{options.seed}.json"), options.json)
