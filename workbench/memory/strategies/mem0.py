"""Mem0 (classic): facts that the model adds, updates and deletes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from workbench.memory.base import Fidelity, MemoryStrategy, Mind, Recall
from workbench.memory.facts import FACT, MESSAGE, Batch, Fact, decide, extract, gathered, near, with_recent
from workbench.memory.items import Item
from workbench.memory.log import MemoryLog
from workbench.memory.retrieval import best, marked, ranked
from workbench.memory.vectors import VectorIndex
from workbench.sessions.model import Turn

_BATCH = 2


@dataclass
class Mem0(MemoryStrategy):
    """Draw facts from messages, and let the model decide what they do to the facts that are like them.

    Two model calls a batch of messages: the facts; then, with the ``neighbours`` nearest old memories of each under
    small numbers, a list of events over old and new entries: ADD, UPDATE, DELETE, NONE. A contradiction may delete an
    old fact without storing the new one, as published. A batch without facts costs one call; what the system role says
    is ignored. What a failed extraction would have stored is on record and lost. A message that waits for its batch is
    in the context. Mem0, arXiv 2504.19413.

    Attributes:
        k: facts returned, of each speaker with ``speakers`` (the authors' LoCoMo runs: 10; the library's default: 100).
        neighbours: old memories looked up per fact.
        batch: messages that one extraction sees, of one sitting; 0: two, as in the authors' LoCoMo runs, and one for
            the bundled model.
        speakers: a store for each speaker, as in those runs: a batch is drawn out once for each who speaks in it.
    """

    name: ClassVar[str] = "mem0"
    title: ClassVar[str] = "Mem0"
    fidelity: ClassVar[Fidelity] = "adapted"
    paper: ClassVar[str] = "Mem0, arXiv 2504.19413"
    differs: ClassVar[str] = (
        "As the published library, not the paper: the extraction is given neither a running summary nor the last ten "
        "messages, and five neighbours are looked up instead of ten. Prompts in own words. Old memories that stay as "
        "they are may be left out of the decision; of two events for one memory texts are merged or one is refused, on "
        "record. A message that waits for its batch is in the context. One store for all, unless speakers=true."
    )

    k: int = 10
    neighbours: int = 5
    batch: int = 0
    speakers: bool = False

    def __post_init__(self) -> None:
        self._index = VectorIndex()

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        """Wait until the batch is full; extract, look up, decide, carry out."""
        if turn.role == "system":
            return
        for batch in gathered(turn, self.batch or (_BATCH if mind.full else 1), log):
            await self._take(batch, mind, log)

    async def _take(self, batch: Batch, mind: Mind, log: MemoryLog) -> None:
        for about in dict.fromkeys(batch.speakers) if self.speakers else ("",):
            await self._store(batch, about, mind, log)

    async def _store(self, batch: Batch, about: str, mind: Mind, log: MemoryLog) -> None:
        facts, _ = await extract(self, "facts", batch.messages, mind, log, about=about)
        old = await self._related(facts, _of(about, log), mind)
        changed = await decide(self, "decide", facts, old, mind, log, fields={"speaker": about} if about else None)
        await self._index.add([i.index_text for i in changed], mind)

    async def _related(self, facts: Sequence[Fact], known: Sequence[Item], mind: Mind) -> list[Item]:
        """The union of every fact's neighbours, each once."""
        found: dict[str, Item] = {}
        for fact in facts:
            found |= {i.id: i for i in await near(self._index, fact.text, known, mind, self.neighbours)}
        return list(found.values())

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        """The nearest ``k`` facts, and the messages that wait."""
        items = log.state.active(FACT)
        found = await self._index.search(query, items, mind, self.k)
        if not self.speakers:
            recall = ranked(items, found.scores, self.k, "cosine", order=found.order)
            return with_recent(recall, log.state.active(MESSAGE))
        returned: set[str] = set()
        for about in dict.fromkeys(i.fields["speaker"] for i in items):
            own = [items[n].id for n in best(found.scores) if items[n].fields["speaker"] == about]
            returned |= {*own[: self.k]}
        return with_recent(marked(items, found.scores, returned, self.k), log.state.active(MESSAGE))


def _of(about: str, log: MemoryLog) -> list[Item]:
    return [i for i in log.state.active(FACT) if i.fields.get("speaker", "") == about]
