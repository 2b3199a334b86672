"""EM-LLM: episodic events, cut where the text surprises, retrieved whole with their neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from workbench.cache.base import Bools, Fidelity, Floats, Ints, Need, Observation, Retriever, mask, need
from workbench.cache.retrieval import RetrievalPolicy, Segments, filled
from workbench.errors import UsageError

_N_INIT, _N_LOCAL, _N_MEM = 128, 4096, 2048  # the official proportions (config/llama31.yaml)


@dataclass
class EMLLMKV(RetrievalPolicy):
    """Events begin where a token's surprise exceeds the mean and ``gamma`` deviations of the tokens before it. A
    layer looks at the first tokens, the local ones, the events whose representative keys are nearest to the query,
    summed over heads, and the events beside them (``em_llm``).

    Attributes:
        gamma: deviations above the mean.
        least, most: tokens of an event.
        representatives: keys that stand for an event: those that received most attention.
        contiguity: share of the retrieved tokens for the neighbours of retrieved events.
    """

    name: ClassVar[str] = "em-llm-kv"
    title: ClassVar[str] = "EM-LLM (cache)"
    fidelity: ClassVar[Fidelity] = "adapted"
    paper: ClassVar[str] = "arXiv 2407.09450; github.com/em-llm/EM-LLM-model"
    differs: ClassVar[str] = (
        "Positions stay what they were (the official code puts all retrieved events at one far place); boundaries are "
        "not refined by modularity; first, local and retrieved tokens share the budget in the official proportions."
    )
    needs: ClassVar[frozenset[Need]] = frozenset({"surprise", "sums", "queries", "keys"})

    gamma: float = 1.0
    least: int = 8
    most: int = 128
    representatives: int = 4
    contiguity: float = 0.3

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.least <= self.most or self.representatives < 1 or not 0 <= self.contiguity < 1:
            raise UsageError(
                f"{self.name}: least and most are token counts, contiguity a share", "see `mnemoscope lanes`"
            )

    def retriever(self, seen: Observation, budget: int) -> Retriever:
        """The events of this prompt."""
        whole = _N_INIT + _N_LOCAL + _N_MEM
        first = min(_N_INIT, max(1, budget * _N_INIT // whole))
        local = min(_N_LOCAL, max(1, budget * _N_LOCAL // whole))
        always = mask(seen.n, slice(0, first)) | mask(seen.n, slice(max(0, seen.n - local), seen.n))
        of = np.full(seen.n, -1, np.int64)
        inside = np.flatnonzero(~always)
        of[inside] = events(need(seen.surprise), self.gamma, self.least, self.most)[inside]
        numbers = np.unique(of[inside])
        of[inside] = np.searchsorted(numbers, of[inside])
        received = need(seen.sums).mean(1)
        return _Events(of, len(numbers), received, always, budget, self.representatives, self.contiguity)


def events(surprise: Floats, gamma: float, least: int, most: int) -> Ints:
    """Number of the event that each token is in, int64 ``[n]``; thresholds look back over ``_N_LOCAL`` tokens."""
    n = len(surprise)
    sums, squares = np.cumsum(surprise, dtype=np.float64), np.cumsum(surprise.astype(np.float64) ** 2)
    new = np.zeros(n, bool)
    begun = 0
    for at in range(1, n):
        low = max(0, at - _N_LOCAL)
        count = at - low
        mean = (sums[at - 1] - (sums[low - 1] if low else 0.0)) / count
        square = (squares[at - 1] - (squares[low - 1] if low else 0.0)) / count
        bound = mean + gamma * np.sqrt(max(0.0, square - mean**2))
        if at - begun >= most or (at - begun >= least and surprise[at] > bound):
            new[at], begun = True, at
    return np.cumsum(new)


class _Events:
    def __init__(
        self, of: Ints, count: int, received: Floats, always: Bools, budget: int, standing: int, contiguity: float
    ) -> None:
        self._of, self._always, self._budget, self._contiguity = of, always, budget, contiguity
        self._standing = [Segments(_standing(of, count, row, standing), count) for row in received]
        self.facts = {"events": count}

    def visible(self, layer: int, scores: Floats) -> Bools:
        worth = self._standing[layer].means(np.maximum(scores, -1e9)).sum(0)  # one choice for all heads of the layer
        room = self._budget - int(self._always.sum())
        near = int(self._contiguity * room)
        chosen = filled(worth, self._of, self._always, self._budget - near)
        out = np.stack([self._beside(row, nearest) for row, nearest in zip(chosen, worth, strict=True)])
        return np.broadcast_to(out, scores.shape).copy()

    def _beside(self, chosen: Bools, worth: Floats) -> Bools:
        """The neighbours of the chosen events, of the best first, into what is left of the budget."""
        inside = np.unique(self._of[chosen & (self._of >= 0)])
        bonus = np.full(len(worth), -np.inf, np.float32)
        for place, event in enumerate(inside[np.argsort(-worth[inside], kind="stable")]):
            for beside in (event - 1, event + 1):
                if 0 <= beside < len(worth) and not np.isfinite(bonus[beside]):
                    bonus[beside] = -place
        rest = (
            worth - np.abs(worth).max(initial=0) * 2 - len(worth) * 2 - 1
        )  # any neighbour comes before any other event
        order = np.where(np.isfinite(bonus), bonus, rest)
        return filled(order.astype(np.float32), np.where(chosen, -1, self._of), chosen | self._always, self._budget)


def _standing(of: Ints, count: int, received: Floats, standing: int) -> Ints:
    """The tokens of each event that received most attention; all others are in none."""
    out = np.full(len(of), -1, np.int64)
    for event in range(count):
        inside = np.flatnonzero(of == event)
        out[inside[np.argsort(-received[inside], kind="stable")[:standing]]] = event
    return out
