"""BM25 over the turns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from workbench.memory.base import Fidelity, MemoryStrategy, Mind, Recall
from workbench.memory.log import MemoryLog
from workbench.memory.retrieval import ranked, tokenizer
from workbench.sessions.model import Turn


@dataclass
class BM25(MemoryStrategy):
    """Retrieve the ``k`` turns that share the rarest words with the question.

    ``rank_bm25.BM25Okapi`` with its defaults (k1 1.5, b 0.75, epsilon 0.25), as in MemoryAgentBench (arXiv 2507.05257).

    Attributes:
        k: turns returned.
        tokens: ``words`` (lower-case letters and digits) or ``split`` (at single spaces, as published baselines do).
    """

    name: ClassVar[str] = "bm25"
    title: ClassVar[str] = "BM25"
    fidelity: ClassVar[Fidelity] = "baseline"
    paper: ClassVar[str] = "MemoryAgentBench, arXiv 2507.05257"

    k: int = 10
    tokens: Literal["words", "split"] = "words"

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        """Append the turn."""
        log.write(turn.said, "turn", id=f"turn-{turn.index}")

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        """The best ``k`` turns; ties keep the older first."""
        items = log.state.active("turn")
        if not items:
            return Recall((), k=self.k)
        scores = self._index(log).get_scores(tokenizer(self.tokens)(query))
        return ranked(items, np.asarray(scores), self.k, "bm25")

    def _index(self, log: MemoryLog):  # type: ignore[no-untyped-def]
        from rank_bm25 import BM25Okapi

        cached = getattr(self, "_cached", None)
        if cached is None or cached[0] != log.state.version:
            split = tokenizer(self.tokens)
            cached = (log.state.version, BM25Okapi([split(i.text) for i in log.state.active("turn")]))
            self._cached = cached
        return cached[1]
