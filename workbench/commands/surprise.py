"""``mnemoscope surprise``: how much the model expected the words of turns, or of an answer with its prompt."""

from __future__ import annotations

import argparse
import asyncio
from contextlib import closing
from typing import Any

import numpy as np

from workbench import console
from workbench.commands.explain import session_number
from workbench.commands.knockout import numbers
from workbench.engine.explain import Models
from workbench.engine.tracking import track
from workbench.errors import UsageError
from workbench.examine import opened
from workbench.llm.base import Track
from workbench.projections.surprise import Cut, cuts, policy_of


def surprise(options: argparse.Namespace) -> None:
    """``mnemoscope surprise``."""
    with opened(options.file) as reader:
        lanes = {row.name: row.id for row in reader.lanes()}
        name = options.lane or next(iter(lanes), "")
        if name not in lanes:
            raise UsageError(f"{options.file}: no lane {name!r}", f"it has: {', '.join(lanes)}")
        session = session_number(reader, options.session) or next(iter(reader.session_names()), 0)
        if not session:
            raise UsageError(f"{options.file}: it holds no session")
        lane = lanes[name]
        wanted: list[tuple[int, str]] = [(turn, "") for turn in numbers(options.turn, "--turn") or ()]
        wanted = [(-1, options.probe)] if options.probe else wanted
        found = []
        with closing(Models()) as models:
            for turn, probe in wanted:
                where = (options.file, session, lane, turn, probe)
                made = asyncio.run(track(*where, models, options.threads, options.model))
                began = () if probe else cuts(reader, session, lane, turn, made.texts)
                found.append((turn, probe, made, began))
            policy = policy_of(reader, lane)
    if options.json:
        console.say_json({"lane": name, "tracks": [_json(*one) for one in found]})
    else:
        console.say("\n\n".join(_lines(*one, policy) for one in found))


def _json(turn: int, probe: str, made: Track, began: tuple[Cut, ...]) -> dict[str, Any]:
    events = {cut.token for cut in began}
    rows = zip(made.texts, made.surprise.tolist(), made.entropy.tolist(), strict=True)
    tokens = [
        {"text": text, "surprise": _number(nats), "entropy": _number(spread), "event": n in events}
        for n, (text, nats, spread) in enumerate(rows)
    ]
    return ({"probe": probe} if probe else {"turn": turn}) | {"tokens": tokens}


def _number(value: float) -> float | None:
    return None if value != value else value


def _lines(turn: int, probe: str, made: Track, began: tuple[Cut, ...], policy: str) -> str:
    events = {cut.token for cut in began}
    rows = [
        ["|" if n in events else "", console.plain(repr(text)[1:-1]), _told(made.surprise[n]), _told(made.entropy[n])]
        for n, text in enumerate(made.texts)
    ]
    heads = ["surprise", "entropy"]
    about = f"answer to {probe}" if probe else f"turn {turn}"
    about += f", read with the full cache, not under {policy}" if probe and policy else ""
    known = made.surprise[~np.isnan(made.surprise)]
    mean = f", mean surprise {known.mean():.2f} nats" if known.size else ""
    return f"{about}{mean}\n{console.table(['', 'token', *heads], rows, right=heads)}"


def _told(value: float) -> str:
    return "" if value != value else f"{value:.2f}"
