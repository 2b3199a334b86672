"""The vector index: rows on disk, and a Chroma collection where the run asks for one (``--chroma``)."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
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
        await self.vectors.keep(mind, [t for t in texts if t])

    async def search(self, query: str, items: Sequence[Item], mind: Mind, k: int) -> Found:
        """Exact scores of all ``items`` and the order of the best ``max(k, CANDIDATES)``."""
        return await self.nearest((await mind.embed([query]))[0], items, mind, k)

    async def nearest(self, vector: NDArray[np.float32], items: Sequence[Item], mind: Mind, k: int) -> Found:
        """Like :meth:`search`, for a query that is a vector already."""
        where = np.array([n for n, item in enumerate(items) if item.index_text], np.intp)
        scores = np.full(len(items), -1.0)
        if not len(where):
            return Found(scores, ())
        indexed = [items[n] for n in where]
        scores[where] = await self.vectors.near(mind, vector, [i.index_text for i in indexed])
        count = min(max(k, CANDIDATES), len(indexed))
        self._shelf = self._shelf or shelf()
        if self._shelf is not None:
            worst = await self._worst(vector, indexed, scores[where], mind, count)
            where = where[scores[where] >= worst]
        order = where[np.argsort(-scores[where], kind="stable")[:count]]
        return Found(scores, tuple(int(n) for n in order))

    async def _worst(
        self, vector: NDArray[np.float32], indexed: Sequence[Item], scores: NDArray[np.float64], mind: Mind, count: int
    ) -> float:
        """A score that none of the best ``count`` is below, as the collection finds it.

        Of any ``count`` items the worst is no better than the last of the best ``count``, so nothing is missed,
        whatever the collection has yet to take in. Which of several equal ones it hands over depends on when they
        came in.
        """
        places = {item.id: n for n, item in enumerate(indexed)}
        assert self._shelf is not None
        with self._shelf.telling():
            late = await self._sync(indexed, mind)
            found = self._collection.query(
                query_embeddings=[vector], n_results=min(count + late, len(self._texts)), include=[]
            )["ids"][0]
        held = [scores[places[name]] for name in found if name in places]
        return float(min(held)) if len(held) >= count else -np.inf

    def close(self) -> None:
        """Drop the collection; the next search builds it anew."""
        if self._finalizer is not None:
            self._finalizer()
        self._collection, self._finalizer, self._texts = None, None, {}

    async def _sync(self, indexed: Sequence[Item], mind: Mind) -> int:
        """Bring the collection in line once enough has changed; how many of what it holds are out of date."""
        there = {item.id for item in indexed}
        gone = [name for name in self._texts if name not in there]
        new = [item for item in indexed if self._texts.get(item.id) != item.index_text]
        if self._texts and len(gone) + len(new) < _LATE:
            return len(gone) + sum(item.id in self._texts for item in new)
        collection = self._open()
        for at in range(0, len(gone), _CHUNK):
            collection.delete(ids=gone[at : at + _CHUNK])
        for at in range(0, len(new), _CHUNK):
            chunk = new[at : at + _CHUNK]
            vectors = await self.vectors.of(mind, [item.index_text for item in chunk])
            collection.upsert(ids=[item.id for item in chunk], embeddings=vectors)
        self._texts = {item.id: item.index_text for item in indexed}
        return 0

    def _open(self) -> Any:
        if self._collection is None:
            assert self._shelf is not None
            self._collection = self._shelf.create(configuration={"hnsw": _HNSW})
            self._finalizer = weakref.finalize(self, self._shelf.drop, self._collection.name)
            self._finalizer.atexit = False  # the store ends with the process anyway, and may be gone first
        return self._collection
