"""``mnemoscope repair``: what is readable of a damaged run."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from workbench import console
from workbench.cli.arguments import json_flag, new


def add(commands: Any) -> None:
    """The command and its arguments."""
    command = new(commands, "repair", act, "save what is readable of a damaged run into a new file")
    command.add_argument("file", type=Path, metavar="FILE", help="a run file")
    command.add_argument("--out", type=Path, required=True, metavar="NEW.mnemo")
    json_flag(command)


def act(options: argparse.Namespace) -> int:
    """Carry it out."""
    from workbench.repair import repair

    saved = repair(options.file, options.out)
    if options.json:
        console.say_json({"out": str(options.out)} | vars(saved))
        return 0
    for line in saved.lost:
        console.say(f"lost: {line}")
    console.say("nothing was lost" if not saved.lost else "the rest was saved" + "; it has gaps" * saved.gaps)
    held = [console.count(saved.sessions, "session"), console.count(saved.lanes, "lane")]
    console.say(f"wrote {options.out}: {', '.join(held)}, {console.count(saved.events, 'event')}")
    return 0
