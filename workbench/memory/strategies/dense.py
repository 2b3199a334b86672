"""Dense retrieval: sentence embeddings of the turns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from workbench.memory.base import Fidelity, MemoryStrategy, Mind, Recall
from workbench.memory.log import MemoryLog
from workbench.memory.retrieval import ranked
from workbench.memory.units import CHUNK, TURN, checked, store
from workbench.memory.vectors import VectorIndex
from workbench.sessions.model import Turn


@dataclass
class Dense(MemoryStrategy):
    """Retrieve the ``k`` turns whose embedding is nearest to the question's.

    Embedding retrieval of MemoryAgentBench (arXiv 2507.05257), with whatever embedder the run has loaded
    (all-MiniLM-L6-v2 by default), by exact cosine.

    Attributes:
        k: turns returned.
        unit: what is stored: ``turn``, or ``chunk:N`` for chunks of N tokens (MemoryAgentBench: 4096).
    """

    name: ClassVar[str] = "dense"
    title: ClassVar[str] = "Dense retrieval"
    fidelity: ClassVar[Fidelity] = "baseline"
    paper: ClassVar[str] = "MemoryAgentBench, arXiv 2507.05257"

    k: int = 10
    unit: str = TURN

    def __post_init__(self) -> None:
        checked(self.unit)
        self._index = VectorIndex()

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        """Append the turn and embed it."""
        changed = store(turn, self.unit, mind, log)
        await self._index.add([item.index_text for item in changed], mind)

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        """The nearest ``k`` turns; ties keep the older first."""
        items = log.state.active(TURN, CHUNK)
        found = await self._index.search(query, items, mind, self.k)
        return ranked(items, found.scores, self.k, "cosine", order=found.order)
