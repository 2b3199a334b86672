"""Mem0 (classic): facts that the model adds, updates and deletes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from workbench.memory.base import Fidelity, MemoryStrategy, Mind, Recall
from workbench.memory.facts import FACT, Fact, decide, extract, near
from workbench.memory.items import Item
from workbench.memory.lines import said
from workbench.memory.log import MemoryLog
from workbench.memory.retrieval import ranked
from workbench.memory.vectors import VectorIndex
from workbench.sessions.model import Turn


@dataclass
class Mem0(MemoryStrategy):
    """Draw facts from every turn, and let the model decide what each does to the facts that are like it.

    Two model calls a turn: the facts; then, with the ``neighbours`` nearest old memories of each under small numbers,
    ADD, UPDATE, DELETE or NONE for each fact. A contradiction may delete an old fact without storing the new one, as
    published. A turn without facts costs one call; what the system role says is ignored. There is no buffer: every turn
    is drawn out when it comes, and what a failed extraction would have stored is on record and lost. Mem0, arXiv
    2504.19413.

    Attributes:
        k: facts returned (the authors' LoCoMo runs: 10 a speaker; the library's own default is 100).
        neighbours: old memories looked up per fact.
    """

    name: ClassVar[str] = "mem0"
    title: ClassVar[str] = "Mem0"
    fidelity: ClassVar[Fidelity] = "faithful"
    paper: ClassVar[str] = "Mem0, arXiv 2504.19413"

    k: int = 10
    neighbours: int = 5

    def __post_init__(self) -> None:
        self._index = VectorIndex()

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        """Extract, look up, decide, carry out."""
        if turn.role == "system":
            return
        facts, _ = await extract(self, "facts", [(said(turn), [turn.index])], mind, log)
        old = await self._related(facts, mind, log)
        changed = await decide(self, "decide", facts, old, mind, log)
        await self._index.add([i.index_text for i in changed], mind)

    async def _related(self, facts: list[Fact], mind: Mind, log: MemoryLog) -> list[Item]:
        """The union of every fact's neighbours, each once."""
        known = log.state.active(FACT)
        found: dict[str, Item] = {}
        for fact in facts:
            found |= {i.id: i for i in await near(self._index, fact.text, known, mind, self.neighbours)}
        return list(found.values())

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        """The nearest ``k`` facts."""
        items = log.state.active(FACT)
        found = await self._index.search(query, items, mind, self.k)
        return ranked(items, found.scores, self.k, "cosine", order=found.order)
