"""The vector index: a Chroma collection beside the items, rebuilt from them whenever they differ."""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.memory.base import Mind
from workbench.memory.items import Item
from workbench.memory.pieces import Vectors
from workbench.memory.retrieval import CANDIDATES
from workbench.memory.shelf import Shelf, shelf

_CHUNK = 1000
_LATE = 64
"""So many changes are taken in at once: one alone costs Chroma 6.5 ms, a hundred together 0.4 ms each (measured)."""
_HNSW = {"space": "cosine", "ef_search": 512, "ef_construction": 256, "max_neighbors": 32, "num_threads": 1}
"""Wide enough that the approximate search finds the exact neighbours of a few thousand items; one thread, so that the
graph is the same from run to run."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found.

    Attributes:
        scores: exact cosine of the query to every item that was asked about, float64 ``[items]``.
        order: indexes of what the index returned, best first; of equal scores the earlier item first.
    """

    scores: NDArray[np.float64]
    order: tuple[int, ...]


class VectorIndex:
    """Vectors of items under their ``index_text``; items without one are not in the index.

    A cache: what the collection has not taken in yet is scored beside it, so a fresh instance finds the same as one
    that has been there since the first turn. Every instance has a collection of its own, dropped with it.
    """

    def __init__(self) -> None:
        self.vectors = Vectors()
        self._texts: dict[str, str] = {}
        self._shelf: Shelf | None = None
        self._collection: Any = None
        self._finalizer: Any = None

    async def add(self, texts: Sequence[str], mind: Mind) -> None:
        """Embed texts on the write path, where the cost belongs; the index takes them in with the next search."""
        await self.vectors.of(mind, [t for t in texts if t])

    async def search(self, query: str, items: Sequence[Item], mind: Mind, k: int) -> Found:
        """Exact scores of all ``items`` and the order of the best ``max(k, CANDIDATES)``."""
        return await self.nearest((await mind.embed([query]))[0], items, mind, k)

    async def nearest(self, vector: NDArray[np.float32], items: Sequence[Item], mind: Mind, k: int) -> Found:
        """Like :meth:`search`, for a query that is a vector already."""
        indexed = {i.id: i.index_text for i in items if i.index_text}
        vectors = await self.vectors.of(mind, list(indexed.values()))
        self._shelf = self._shelf or shelf()
        scores = np.full(len(items), -1.0)
        if not indexed:
            return Found(scores, ())
        with self._shelf.telling():
            late = self._sync(indexed, vectors)
        places = {item.id: n for n, item in enumerate(items)}
        where = [places[name] for name in indexed]
        # Five decimals: what else was in an embedding batch moves the sixth, and must not move a rank.
        scores[where] = np.round(vectors.astype(np.float64) @ vector, 5)
        count = min(max(k, CANDIDATES), len(indexed))
        with self._shelf.telling():
            found = self._collection.query(
                query_embeddings=[vector], n_results=min(count + late, len(self._texts)), include=[]
            )["ids"][0]
        held = [scores[places[name]] for name in found if name in indexed]
        # Of any `count` items the worst is no better than the last of the best `count`, so nothing is missed, whatever
        # the collection has yet to take in. Which of several equal ones it hands over depends on when they came in.
        worst = min(held) if len(held) >= count else -np.inf
        near = sorted((n for n in where if scores[n] >= worst), key=lambda n: (-scores[n], n))
        return Found(scores, tuple(near[:count]))

    def close(self) -> None:
        """Drop the collection; the next search builds it anew."""
        if self._finalizer is not None:
            self._finalizer()
        self._collection, self._finalizer, self._texts = None, None, {}

    def _sync(self, indexed: Mapping[str, str], vectors: NDArray[np.float32]) -> int:
        """Bring the collection in line once enough has changed; how many of what it holds are out of date."""
        gone = [name for name in self._texts if name not in indexed]
        new = [n for n, (name, text) in enumerate(indexed.items()) if self._texts.get(name) != text]
        names = list(indexed)
        if self._texts and len(gone) + len(new) < _LATE:
            return len(gone) + sum(names[n] in self._texts for n in new)
        collection = self._open()
        for at in range(0, len(gone), _CHUNK):
            collection.delete(ids=gone[at : at + _CHUNK])
        for at in range(0, len(new), _CHUNK):
            chunk = new[at : at + _CHUNK]
            collection.upsert(ids=[names[n] for n in chunk], embeddings=vectors[chunk])
        self._texts = dict(indexed)
        return 0

    def _open(self) -> Any:
        if self._collection is None:
            assert self._shelf is not None
            self._collection = self._shelf.create(configuration={"hnsw": _HNSW})
            self._finalizer = weakref.finalize(self, self._shelf.drop, self._collection.name)
            self._finalizer.atexit = False  # the store ends with the process anyway, and may be gone first
        return self._collection
