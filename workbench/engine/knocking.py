"""Knock-out in a run file: its model opened, the probe asked again, spans masked one by one and together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from workbench.branch import settings_of
from workbench.engine.explain import Models, setting
from workbench.trace.reader import TraceReader
from workbench.why import use as attention
from workbench.why.explaining import Target, prover
from workbench.why.knockout import Bars, bars, found


@dataclass(frozen=True, slots=True)
class Masks:
    """What is masked: spans by their names, and in which layers and heads (None: all); with ``each`` every span of the
    context by itself, too."""

    spans: Sequence[str] = ()
    layers: tuple[int, ...] | None = None
    heads: tuple[int, ...] | None = None
    each: bool = True


def knocked(
    path: Path,
    target: Target,
    models: Models,
    masks: Masks = Masks(),
    threads: int | None = None,
    model: str = "",
    stopped: Callable[[], bool] = lambda: False,
) -> Bars:
    """Leave-one-out over a context, and the named spans masked together.

    Raises:
        UsageError: a span is not in the context.
        ModelError: the model cannot be opened, or its attention not be reached.
        Cancelled: it was stopped.
    """
    with closing(TraceReader(path)) as reader:
        settings = settings_of(reader, target.lane)
        backend = models.of(reader, settings, threads, model)

        async def ask() -> Bars:
            proof = prover(reader, setting(settings, backend), target)
            base = await proof.again()
            chosen = found(base.packed.spans, masks.spans)
            shares = attention.attention(reader, proof.scene.case)
            gold = await proof.gold_tokens()
            where = (masks.layers, masks.heads)
            return await bars(proof.scene, base, shares, gold, chosen, *where, stopped, masks.each)

        return asyncio.run(ask())
