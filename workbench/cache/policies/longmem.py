"""LongMem: a bank of cached chunks beside the local context."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from workbench.cache.base import Bools, Fidelity, Floats, Observation, Retriever, mask
from workbench.cache.retrieval import RetrievalPolicy, Segments, blocks, filled
from workbench.errors import UsageError


@dataclass
class LongMem(RetrievalPolicy):
    """The local context is always looked at; of everything older each head looks at the chunks whose mean key has the
    highest product with the query.

    Attributes:
        chunk: tokens of a chunk in the bank.
        local: share of the budget for the local context (the official model pairs 1,024 local tokens with 64 retrieved
            ones, trained for it).
    """

    name: ClassVar[str] = "longmem"
    title: ClassVar[str] = "LongMem"
    fidelity: ClassVar[Fidelity] = "adapted"
    paper: ClassVar[str] = "arXiv 2306.07174; github.com/Victorwz/LongMem"
    differs: ClassVar[str] = (
        "No side network and no training: every layer of the model itself attends to what is retrieved, in one softmax "
        "with the local context. The last chunk is taken in part."
    )

    chunk: int = 4
    local: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.chunk < 1 or not 0 <= self.local <= 1:
            raise UsageError(f"{self.name}: chunk is at least 1 and local a share", "see `mnemoscope lanes`")

    def retriever(self, seen: Observation, budget: int) -> Retriever:
        """The bank of this prompt."""
        local = max(1, round(self.local * budget))
        return _Bank(blocks(0, seen.n - local, self.chunk, seen.n), mask(seen.n, slice(seen.n - local, seen.n)), budget)


class _Bank:
    def __init__(self, segments: Segments, always: Bools, budget: int) -> None:
        self._segments, self._always, self._budget = segments, always, budget
        self.facts = {"chunks": segments.count}

    def visible(self, layer: int, scores: Floats) -> Bools:
        worth = self._segments.means(np.maximum(scores, -1e9))
        return filled(worth, self._segments.of, self._always, self._budget)
