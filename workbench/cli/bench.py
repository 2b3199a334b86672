"""``mnemoscope bench``: measurements."""

from __future__ import annotations

import argparse
from typing import Any

from workbench import console
from workbench.cli.arguments import json_flag, new


def add(commands: Any) -> None:
    """The command and its arguments."""
    command = new(commands, "bench", act, "measure what should be fast")
    command.add_argument("name", nargs="*", metavar="NAME", help="which; all quick ones without a name")
    command.add_argument("--list", action="store_true", help="the names")
    command.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of it, as model=PATH or out=FOLDER"
    )
    json_flag(command)


def act(options: argparse.Namespace) -> None:
    """Carry it out."""
    from workbench import bench

    if options.list:
        cards = [{"name": b.name, "what": b.what} for b in bench.BENCHMARKS.values()]
        table = console.table(["name", "what"], [[c["name"], c["what"]] for c in cards])
        console.say_json(cards) if options.json else console.say(table)
        return
    found, settings = {}, dict(given.partition("=")[::2] for given in options.set)
    for name in bench.chosen(options.name):
        console.remark(f"{name}: measuring")
        found[name] = bench.measure(name, settings) if settings else bench.measure(name)
        if not options.json:
            console.say(console.table([name, "value"], bench.rows(found[name]), right=["value"]) + "\n")
    if options.json:
        console.say_json(found)
