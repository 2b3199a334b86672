"""Knock-out in a run file: its model opened, the probe asked again, spans masked one by one and together, or in one
layer and head after another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from workbench import paths
from workbench.branch import settings_of
from workbench.engine.explain import Models, setting
from workbench.errors import Cancelled, ModelError
from workbench.projections.knocked import KnockGrid, knock_grid
from workbench.trace.reader import TraceReader
from workbench.trace.side import SideArrays
from workbench.why import use as attention
from workbench.why.explaining import Target, prover
from workbench.why.knockout import Bars, bars, found, knock_out


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


def by_head(
    path: Path,
    target: Target,
    models: Models,
    names: Sequence[str],
    threads: int | None = None,
    model: str = "",
    stopped: Callable[[], bool] = lambda: False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> KnockGrid:
    """Mask the named spans together in every head of every layer in turn, and in the whole layer. A layer that is done
    lies beside the run file and is not done again: what was broken off goes on there.

    Args:
        progress: called with the heads that are done, and all.

    Raises:
        UsageError: a span is not in the context.
        ModelError: the model cannot be opened, its attention not be reached, or no model gave the answer.
        Cancelled: it was stopped.
    """
    with closing(TraceReader(path)) as reader:
        settings = settings_of(reader, target.lane)
        backend = models.of(reader, settings, threads, model)
        info, side = backend.info, SideArrays(path, paths.user_cache)

        async def ask() -> KnockGrid:
            proof = prover(reader, setting(settings, backend), target)
            base = await proof.again()
            where = (reader, target.session, target.lane, target.probe)
            grid = knock_grid(*where, found(base.packed.spans, names))
            if grid is None:
                raise ModelError("no model answered this probe", "knock-out needs a model's answer")
            shape = (info.layers, info.heads + 1)
            same = grid.effects is not None and grid.effects.shape == shape
            effects = grid.effects.copy() if same and grid.effects is not None else np.full(shape, np.nan, np.float32)
            for layer in np.flatnonzero(np.isnan(effects).any(1)).tolist():
                for head in range(shape[1]):
                    if stopped():
                        raise Cancelled("cancelled")
                    progress(layer * shape[1] + head, effects.size)
                    only = ((layer,), (head,) if head < info.heads else None)
                    done = await knock_out(proof.scene, base, grid.places, None, *only, free=False)
                    effects[layer, head] = -done.change
                side.put(grid.key, effects)
            return replace(grid, effects=effects)

        return asyncio.run(ask())
