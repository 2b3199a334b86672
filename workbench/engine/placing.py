"""Where the texts of a memory lie among each other: the run's own embedder, then a principal component analysis.

The same texts give the same places: the components' signs are fixed, and nothing is drawn by lot. Items alone decide
the components; queries are laid into them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import closing

import numpy as np
from numpy.typing import NDArray

from workbench import whereabouts
from workbench.engine.protocol import Place, Placed
from workbench.llm.base import BackendOptions
from workbench.llm.open import open_embedding
from workbench.llm.vectors import Embedding
from workbench.llm.worker import Worker
from workbench.memory.controls import CONTROLS
from workbench.memory.registry import strategies, strategy
from workbench.projections.embedding import every_text, key
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader

CHUNK = 64
"""Texts that are embedded before progress is told and a cancel is heard."""
_DIGITS = 4  # what else was in an embedding batch moves the sixth


def place(asked: Place, tell: Callable[[int, int], None], stopped: Callable[[], bool]) -> Placed | None:
    """Place every text of a lane in a session; None where that was cancelled.

    Raises:
        ModelError: the embedder is not there.
        TraceError: the run file cannot be read.
    """
    with TraceReader(asked.path) as reader:
        texts = every_text(reader, asked.session, asked.lane)
        queries = {key(e.payload["query"]) for e in reader.events(asked.session, asked.lane, (Kind.RECALLED,))}
        row = next(row for row in reader.lanes() if row.id == asked.lane)
        source = _embedder(reader)
    worker = Worker()
    source.attach(worker)
    with closing(worker), closing(source):
        vectors = asyncio.run(_embedded(source, list(texts.values()), tell, stopped))
        about = source.about
    if vectors is None:
        return None
    of_items = np.array([name not in queries for name in texts], bool)
    places, shares = components(vectors, of_items)
    found = {name: (float(x), float(y)) for name, (x, y) in zip(texts, places, strict=True)}
    return Placed(asked, about, int(vectors.shape[1]) if vectors.size else 0, shares, _embeds(row.memory), found)


def components(
    vectors: NDArray[np.float32], fitted: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], tuple[float, ...]]:
    """The first two principal components, float64 ``[n, 2]``, and the share of the variance that each sees.

    Args:
        vectors: ``[n, dimensions]``.
        fitted: which of them decide the components; all where fewer than three do.

    The largest loading of a component is positive, so that the same vectors never give a mirrored picture.
    """
    if not len(vectors):
        return np.zeros((0, 2)), (0.0, 0.0)
    wide = vectors.astype(np.float64)
    chosen = wide[fitted] if fitted.sum() >= 3 else wide
    middle = chosen.mean(0)
    values, axes = np.linalg.eigh(np.cov(chosen - middle, rowvar=False, bias=True))
    order = np.argsort(values, kind="stable")[::-1][:2]
    axes, total = axes[:, order], max(float(values.clip(0).sum()), 1e-12)
    axes = axes * np.sign(axes[np.abs(axes).argmax(0), range(axes.shape[1])])
    shares = tuple(round(max(0.0, float(values[n])) / total, 4) for n in order)
    return np.round((wide - middle) @ axes, _DIGITS), shares


def _embeds(memory: str) -> bool | None:
    if memory in CONTROLS:
        return CONTROLS[memory].embeds
    return strategy(memory).embeds if memory in strategies() else None


def _embedder(reader: TraceReader) -> Embedding:
    identity = reader.meta("identity")
    settings = whereabouts.resolved(identity, reader.meta("config", {}))
    named = settings.get("embedder", "minilm")
    whereabouts.check(identity, named)
    threads = settings.get("threads")
    return open_embedding(BackendOptions(embedder=named, threads=threads, exact=bool(settings.get("exact"))))


async def _embedded(
    source: Embedding, texts: list[str], tell: Callable[[int, int], None], stopped: Callable[[], bool]
) -> NDArray[np.float32] | None:
    parts = []
    for start in range(0, len(texts), CHUNK):
        if stopped():
            return None
        parts.append(await source.embed(texts[start : start + CHUNK]))
        tell(min(start + CHUNK, len(texts)), len(texts))
    return np.concatenate(parts) if parts else np.zeros((0, 0), np.float32)
