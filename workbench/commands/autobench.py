"""``mnemoscope autobench``: a search over a generator's settings."""

from __future__ import annotations

import argparse

from workbench import console
from workbench.commands.synth import counting, given
from workbench.engine.autobench import Candidate, Search
from workbench.engine.config import RunConfig
from workbench.errors import UsageError
from workbench.sessions.generators import generate
from workbench.sessions.model import Session


def run(options: argparse.Namespace) -> list[Session]:
    """Search and say what was found; the sessions of the best setting, none where no setting is salient."""
    if len(set(options.lane)) < 2:
        raise UsageError("mnemoscope autobench: one lane alone has nothing to be told apart from", "name two or more")
    if not 1 <= options.rounds <= 1000:
        raise UsageError(f"mnemoscope autobench: --rounds {options.rounds} is out of range", "choose from 1 to 1,000")
    config = RunConfig(
        (), tuple(options.lane), options.model, options.embedder, options.seed, capture="off", reader=options.reader,
        threads=options.threads,
    )  # fmt: skip
    count = counting(options.model)
    with console.Meter() as meter:
        search = Search(options.generator, options.tokens, config, count, options.seed, meter.step)
        found = search.go(options.rounds)
    if options.json:
        console.say_json({"generator": options.generator, "candidates": [c.to_json() for c in found]})
    else:
        console.say(_table(found))
    best = found[0] if found and found[0].salient else None
    return generate(options.generator, best.tokens, options.seed, count, **best.settings) if best else []


def _table(found: list[Candidate]) -> str:
    lanes = list(found[0].accuracies) if found else []
    heads = ["tokens", "n", "oracle", "difficulty", "separability", "novelty", "objective", *lanes]
    rows = [
        [given(c.settings), str(c.tokens), str(c.n),
         *(f"{v:.2f}" for v in (c.oracle, c.difficulty, c.separability, c.novelty, c.objective)),
         *(f"{c.accuracies[lane]:.2f}" for lane in lanes)]
        for c in found
    ]  # fmt: skip
    dull = sum(not c.salient for c in found)
    note = (
        f"\n{console.count(dull, 'setting')} not salient: the evidence alone is not enough for the reader"
        if dull
        else ""
    )
    return console.table(["settings", *heads], rows, right=heads) + note
