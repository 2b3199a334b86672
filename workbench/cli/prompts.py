"""``mnemoscope prompts``: what a method sends to a model."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from workbench import console
from workbench.cli.arguments import json_flag, new
from workbench.errors import UsageError


def add(commands: Any) -> None:
    """The command and its arguments."""
    command = new(commands, "prompts", act, "what a method sends to a model")
    command.add_argument("method", nargs="?", metavar="METHOD", help="a memory strategy, or answer; all without it")
    command.add_argument("operation", nargs="?", metavar="OPERATION", help="one of the method's")
    command.add_argument("--prompts", type=Path, metavar="DIR", help="your own prompts, which come before these")
    json_flag(command)


def act(options: argparse.Namespace) -> None:
    """Carry it out."""
    from workbench.memory.prompt_sets import PromptSet

    known = PromptSet("full", options.prompts)
    files = known.files()
    chosen = files if options.method is None else {options.method: files.get(options.method, {})}
    if options.method and not chosen[options.method]:
        raise UsageError(f"no prompts of {options.method!r}", f"there are: {', '.join(files)}")
    if options.operation:
        chosen = {options.method: {k: v for k, v in chosen[options.method].items() if k == options.operation}}
        if not chosen[options.method]:
            named = ", ".join(files[options.method])
            raise UsageError(f"{options.method} has no operation {options.operation!r}", f"it has: {named}")
    if options.json:
        written = {m: {o: known.written_out(p) for o, p in found.items()} for m, found in chosen.items()}
        console.say_json({"set": known.name, "sha256": known.digest, "prompts": written})
    elif options.method is None:
        console.say(console.table(["method", "operations"], [[m, ", ".join(found)] for m, found in files.items()]))
    else:
        for operation, path in chosen[options.method].items():
            console.say(f"=== {options.method}/{operation}\n{known.written_out(path).rstrip()}\n")
