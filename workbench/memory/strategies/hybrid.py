"""Hybrid retrieval: BM25 and embeddings, fused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from workbench.memory.base import Fidelity, MemoryStrategy, Mind, Recall
from workbench.memory.log import MemoryLog
from workbench.memory.retrieval import Lexical, ranked, reciprocal_ranks, unit_range
from workbench.memory.units import CHUNK, TURN, checked, store
from workbench.memory.vectors import VectorIndex
from workbench.sessions.model import Turn


@dataclass
class Hybrid(MemoryStrategy):
    """Retrieve the ``k`` turns that BM25 and embeddings together rank best.

    Attributes:
        k: turns returned.
        fusion: ``ranks`` (reciprocal rank fusion, Cormack et al., SIGIR 2009) or ``scores`` (weighted sum of both
            scores, each moved to [0, 1]).
        constant: of reciprocal rank fusion.
        weight: of the embedding when scores are summed; BM25 has the rest.
        tokens: BM25's tokenizer, see ``bm25``.
        unit: what is stored: ``turn``, or ``chunk:N`` for chunks of N tokens (MemoryAgentBench: 4096).
    """

    name: ClassVar[str] = "hybrid"
    title: ClassVar[str] = "Hybrid retrieval"
    fidelity: ClassVar[Fidelity] = "baseline"
    paper: ClassVar[str] = "Reciprocal rank fusion, SIGIR 2009"

    k: int = 10
    fusion: Literal["ranks", "scores"] = "ranks"
    constant: float = 60.0
    weight: float = 0.5
    tokens: Literal["words", "split"] = "words"
    unit: str = TURN

    def __post_init__(self) -> None:
        checked(self.unit)
        self._index, self._lexical = VectorIndex(), Lexical(self.tokens)

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        """Append the turn and embed it."""
        changed = store(turn, self.unit, mind, log)
        await self._index.add([item.index_text for item in changed], mind)

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        """The best ``k`` turns by the fused score; its parts are in the hits."""
        items = log.state.active(TURN, CHUNK)
        if not items:
            return Recall((), k=self.k)
        cosine = (await self._index.search(query, items, mind, self.k)).scores
        lexical = self._lexical.scores(query, [i.text for i in items])
        if self.fusion == "ranks":
            fused = reciprocal_ranks(lexical, cosine, constant=self.constant)
        else:
            fused = self.weight * unit_range(cosine) + (1 - self.weight) * unit_range(lexical)
        return ranked(items, fused, self.k, "fused", {"bm25": lexical, "cosine": cosine})
