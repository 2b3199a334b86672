"""BM25 over the turns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from workbench.memory.base import Fidelity, MemoryStrategy, Mind, Recall
from workbench.memory.log import MemoryLog
from workbench.memory.retrieval import Lexical, ranked
from workbench.memory.units import CHUNK, TURN, checked, store
from workbench.sessions.model import Turn


@dataclass
class BM25(MemoryStrategy):
    """Retrieve the ``k`` turns that share the rarest words with the question.

    ``rank_bm25.BM25Okapi`` with its defaults (k1 1.5, b 0.75, epsilon 0.25), as MemoryAgentBench uses it over
    chunks of 4,096 tokens (arXiv 2507.05257).

    Attributes:
        k: turns returned.
        tokens: ``words`` (lower-case letters and digits of any script) or ``split`` (at single spaces, as published
            baselines do).
        unit: what is stored: ``turn``, or ``chunk:N`` for chunks of N tokens (MemoryAgentBench: 4096).
    """

    name: ClassVar[str] = "bm25"
    title: ClassVar[str] = "BM25"
    embeds: ClassVar[bool] = False
    fidelity: ClassVar[Fidelity] = "baseline"
    paper: ClassVar[str] = "MemoryAgentBench, arXiv 2507.05257"

    k: int = 10
    tokens: Literal["words", "split"] = "words"
    unit: str = TURN

    def __post_init__(self) -> None:
        checked(self.unit)
        self._lexical = Lexical(self.tokens)

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        """Append the turn."""
        store(turn, self.unit, mind, log)

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        """The best ``k`` turns; ties keep the older first."""
        items = log.state.active(TURN, CHUNK)
        return ranked(items, self._lexical.scores(query, [i.text for i in items]), self.k, "bm25")
