"""SentenceKV: whole sentences that the sentence being written resembles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from workbench.cache.base import Bools, Fidelity, Floats, Ints, Need, Observation, Retriever, mask, need
from workbench.cache.retrieval import RetrievalPolicy, Segments, filled, membership
from workbench.cache.selection import pooled, top
from workbench.errors import UsageError

TERMINALS = frozenset(".!?…。！？｡।॥؟۔։።၊။\n")
"""Characters that end a sentence, of the scripts that have their own."""


@dataclass
class SentenceKV(RetrievalPolicy):
    """Keep ``factor`` times the budget as SnapKV would; at every step look at the first and last tokens and, of what
    was kept, the sentences whose mean key is nearest to the mean query of what is being written, until the budget is
    full (``custom_llama_sentencekv.py``).

    Attributes:
        factor: how many budgets are kept after reading (runner 3, class 5).
        start, recent: first and last tokens always looked at; a quarter of the budget each at most.
        window_size, kernel: of the SnapKV step (max-pooled).
    """

    name: ClassVar[str] = "sentencekv"
    title: ClassVar[str] = "SentenceKV"
    fidelity: ClassVar[Fidelity] = "adapted"
    paper: ClassVar[str] = "arXiv 2504.00970; github.com/zzbright1998/SentenceKV"
    differs: ClassVar[str] = (
        "The sentence being written is all that was read after the compression; the last sentence is taken in part, so "
        "that the budget is exact; sentences also end with a span; nothing is moved off the device."
    )
    needs: ClassVar[frozenset[Need]] = frozenset({"recent", "queries", "keys"})

    factor: float = 3.0
    start: int = 32
    recent: int = 32
    window_size: int = 32
    kernel: int = 7

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.factor < 1 or min(self.window_size, self.kernel) < 1 or min(self.start, self.recent) < 0:
            raise UsageError(f"{self.name}: factor, window_size and kernel are at least 1", "see `mnemoscope lanes`")

    def window(self, budget: int) -> int:
        """The SnapKV step's queries; the last of them vote in ``evicted-uniform``."""
        return max(1, min(self.window_size, budget // 2))

    def retriever(self, seen: Observation, budget: int) -> Retriever:
        """Of the sentences of this prompt."""
        start, recent = min(self.start, budget // 4), min(self.recent, budget // 4)
        always = mask(seen.n, slice(0, start)) | mask(seen.n, slice(seen.n - max(1, recent), seen.n))
        before = seen.n - self.window(budget)
        scores = np.zeros(seen.alive.shape, np.float32)
        scores[..., :before] = seen.grouped(pooled(need(seen.recent)[..., :before], self.kernel, "maxpool")).mean(2)
        held = np.where(always | (np.arange(seen.n) >= before), np.inf, scores)
        kept = top(held, min(seen.n, round(self.factor * budget)))
        return _Sentences(sentences(seen), kept, always, budget, seen.heads)


def sentences(seen: Observation) -> Ints:
    """Number of the sentence that each token is in, int64 ``[n]``."""
    ends = np.array([any(c in TERMINALS for c in text.rstrip(" ")[-1:] or text[-1:]) for text in seen.texts])
    spans = seen.spans if len(seen.spans) else np.zeros(seen.n, np.int64)
    new = np.ones(seen.n, bool)
    new[1:] = ends[:-1] | (spans[1:] != spans[:-1])
    return np.cumsum(new) - 1


class _Sentences:
    def __init__(self, of: Ints, kept: Bools, always: Bools, budget: int, heads: int) -> None:
        self._of, self._always, self._budget = of, always, budget
        self._count = int(of.max()) + 1
        self._kept, self._group = kept, heads // kept.shape[1]
        self._sums: dict[int, Floats] = {}
        self._steps: dict[int, int] = {}
        self._means = [[membership(np.where(head, of, -1), self._count) for head in layer] for layer in kept]
        self.facts = {"sentences": self._count}

    def visible(self, layer: int, scores: Floats) -> Bools:
        before = self._sums.get(layer, np.zeros_like(scores[:, 0]))
        count = self._steps.get(layer, 0)
        sums = before[:, None] + np.cumsum(np.maximum(scores, -1e9), axis=1)
        self._sums[layer], self._steps[layer] = sums[:, -1], count + scores.shape[1]
        mean = sums / np.arange(count + 1, count + scores.shape[1] + 1)[:, None]
        out = np.empty(scores.shape, bool)
        for head in range(len(scores)):
            own = self._kept[layer, head // self._group]
            worth = mean[head] @ self._means[layer][head // self._group]
            segments = np.where(own & ~self._always, self._of, -1)
            out[head] = filled(worth, segments, self._always, min(self._budget, int((own | self._always).sum())))
        return out


__all__ = ["TERMINALS", "Segments", "SentenceKV", "sentences"]
