"""``mnemoscope knockout``: an answer with parts of its context masked."""

from __future__ import annotations

import argparse
from contextlib import closing

from workbench import console
from workbench.branch import typed
from workbench.commands.explain import session_number
from workbench.engine import explain as engine
from workbench.engine.knocking import Masks, knocked
from workbench.errors import UsageError
from workbench.examine import opened
from workbench.reports import why as text


def knockout(options: argparse.Namespace) -> None:
    """``mnemoscope knockout``."""
    with opened(options.file) as reader:
        typed(reader, options.code)
        session = session_number(reader, options.session)
        wanted = engine.targets(reader, session, options.lane, options.probe)
    if not wanted:
        raise UsageError(f"{options.file}: {options.lane} was not asked {options.probe!r}")
    masks = Masks(options.span, numbers(options.layers, "--layers"), numbers(options.heads, "--heads"))
    with closing(engine.Models()) as models:
        made = knocked(options.file, wanted[0], models, masks, options.threads, options.model)
    if options.json:
        console.say_json({"probe": options.probe, "lane": options.lane} | made.to_json())
    else:
        console.say(text.bars(made))


def numbers(given: str, name: str) -> tuple[int, ...] | None:
    """``0,2,5-7`` as numbers; None for nothing. Raises ``UsageError`` for anything else."""
    if not given:
        return None
    out: list[int] = []
    for part in given.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise UsageError(f"{name} is {given!r}", "write numbers from 0, such as 0,2,5-7")
        out += range(int(first), int(last if dash else first) + 1)
    return tuple(dict.fromkeys(out))
