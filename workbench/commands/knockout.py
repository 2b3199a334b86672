"""``mnemoscope knockout``: an answer with parts of its context masked."""

from __future__ import annotations

import argparse
from contextlib import closing

from workbench import console
from workbench.branch import typed
from workbench.commands.explain import session_number
from workbench.engine import explain as engine
from workbench.engine.knocking import Masks, by_head, knocked
from workbench.errors import UsageError
from workbench.examine import opened
from workbench.reports import why as text
from workbench.why.explaining import Target
from workbench.words import numeric

_MOST = 100_000  # layers, heads or spans: beyond what any model or context has


def knockout(options: argparse.Namespace) -> None:
    """``mnemoscope knockout``."""
    with opened(options.file) as reader:
        typed(reader, options.code)
        session = session_number(reader, options.session)
        wanted = engine.targets(reader, session, options.lane, options.probe)
    if not wanted:
        raise UsageError(f"{options.file}: {options.lane} was not asked {options.probe!r}")
    if options.by_head:
        _by_head(options, wanted[0])
        return
    masks = Masks(options.span, numbers(options.layers, "--layers"), numbers(options.heads, "--heads"))
    with closing(engine.Models()) as models:
        made = knocked(options.file, wanted[0], models, masks, options.threads, options.model)
    if options.json:
        console.say_json({"probe": options.probe, "lane": options.lane} | made.to_json())
    else:
        console.say(text.bars(made))


def _by_head(options: argparse.Namespace, target: Target) -> None:
    """What masking in each layer and head alone does."""
    if not options.span:
        raise UsageError("--by-head without --span", "name what to mask: a place, a label, an item or turn:N")
    if options.layers or options.heads:
        raise UsageError("--by-head takes every layer and head in turn", "leave out --layers and --heads")
    with closing(engine.Models()) as models, console.Meter() as meter:
        asked = (options.file, target, models, options.span, options.threads, options.model)
        grid = by_head(*asked, progress=lambda done, total: meter.step(done, total, "heads"))
    if options.json:
        effects = None if grid.effects is None else grid.effects.round(5).tolist()
        masked = [span.label for span in grid.spans]
        found = {"probe": grid.probe, "lane": options.lane, "masked": masked, "answer": grid.answer, "effects": effects}
        console.say_json(found)
    else:
        console.say(text.by_head(grid))


def numbers(given: str, name: str) -> tuple[int, ...] | None:
    """``0,2,5-7`` as numbers; None for nothing. Raises ``UsageError`` for anything else."""
    if not given:
        return None
    out: list[int] = []
    for part in given.split(","):
        first, dash, last = part.strip().partition("-")
        low, high = numeric(first), numeric(last if dash else first)
        if low < 0 or not 0 <= high < _MOST:
            raise UsageError(f"{name} is {given!r}", "write numbers from 0, such as 0,2,5-7")
        out += range(low, high + 1)
    return tuple(dict.fromkeys(out))
