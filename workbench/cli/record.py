"""``mnemoscope record``: a running agent as a run file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from workbench import console
from workbench.cli.arguments import json_flag, model_flags, new


def add(commands: Any) -> None:
    """The command and its arguments."""
    command = new(commands, "record", act, "a running agent as a run file, live: what it sends over OTLP")
    command.add_argument("file", nargs="*", type=Path, metavar="FILE", help="OTLP files instead of a running agent")
    command.add_argument(
        "--otlp",
        nargs="?",
        type=int,
        const=4318,
        default=4318,
        metavar="PORT",
        help="listen here; 4318, 0 for any free",
    )
    command.add_argument("--out", type=Path, metavar="FILE.mnemo", help="default: recorded.mnemo, here")
    command.add_argument("--lane", action="append", metavar="SPEC", help="replays the same turns as they come")
    model_flags(command)
    command.add_argument("--threads", type=int, metavar="N", help="CPU threads of those lanes")
    json_flag(command)


def act(options: argparse.Namespace) -> None:
    """Carry it out."""
    from workbench.record import command

    out = options.out or command.default_path()
    if options.file:
        found = command.convert(out, options.file)
    else:
        from workbench.engine.config import RunConfig

        lanes, model, embedder = tuple(options.lane or ()), options.model, options.embedder
        beside = RunConfig((), lanes, model, embedder, capture="off", threads=options.threads) if lanes else None
        until = command.Until()
        with console.cancelling(until):
            found = command.listen(out, options.otlp, until, console.remark, beside)
    if options.json:
        console.say_json(found)
        return
    for warning in found["warnings"]:
        console.remark(warning)
    counted = [console.count(found[name], name.removesuffix("s")) for name in ("sessions", "turns", "events")]
    console.say(f"wrote {found['out']}: {', '.join(counted)}")
