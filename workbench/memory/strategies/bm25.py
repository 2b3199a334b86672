"""BM25 over the turns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from workbench.memory.base import Fidelity, MemoryStrategy, Mind, Recall
from workbench.memory.log import MemoryLog
from workbench.memory.retrieval import Lexical, ranked
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

    def __post_init__(self) -> None:
        self._lexical = Lexical(self.tokens)

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        """Append the turn."""
        log.write(turn.said, "turn", id=f"turn-{turn.index}")

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        """The best ``k`` turns; ties keep the older first."""
        items = log.state.active("turn")
        return ranked(items, self._lexical.scores(query, [i.text for i in items]), self.k, "bm25")
