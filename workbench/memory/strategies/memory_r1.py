"""Memory-R1: a manager decides fact by fact, an answer agent distils what it retrieved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from workbench.memory import prompts, schemas
from workbench.memory.base import Fidelity, MemoryStrategy, Mind, Recall
from workbench.memory.facts import FACT, decide, extract, near, shortened, shown
from workbench.memory.items import Item
from workbench.memory.lines import said, told
from workbench.memory.log import MemoryLog
from workbench.memory.replies import ask
from workbench.memory.retrieval import best, marked
from workbench.memory.vectors import VectorIndex
from workbench.sessions.model import Turn


@dataclass
class MemoryR1(MemoryStrategy):
    """The manager answers ADD, UPDATE, DELETE or NOOP for one fact at a time; the answer agent first picks what helps.

    One model call a turn for the facts and one per fact for the manager; reading takes one, which names the useful ones
    among ``k`` memories (the distillation). Memory-R1, arXiv 2508.19828.

    Attributes:
        k: memories retrieved before the distillation, shared evenly among those whose words they come from (30 for each
            of two participants).
        neighbours: old memories that the manager sees.
        distil: whether the answer agent picks.
    """

    name: ClassVar[str] = "memory-r1"
    title: ClassVar[str] = "Memory-R1"
    fidelity: ClassVar[Fidelity] = "prompt-only"
    paper: ClassVar[str] = "Memory-R1, arXiv 2508.19828"
    differs: ClassVar[str] = (
        "Both policies trained with reinforcement learning are missing: an untrained model is prompted, in own words. "
        "The answer agent distils in a call of its own before the answer. One store for all participants."
    )

    k: int = 60
    neighbours: int = 5
    distil: bool = True

    def __post_init__(self) -> None:
        self._index = VectorIndex()

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        """Extract, then let the manager decide on one fact after the other."""
        facts, _ = await extract(self, "facts", [(said(turn), [turn.index])], mind, log)
        speaker = {"speaker": turn.speaker or turn.role}
        for fact in facts:
            old = await near(self._index, fact.text, log.state.active(FACT), mind, self.neighbours)
            changed = await decide(self, "decide", [fact], old, mind, log, fields=speaker, exactly=1)
            await self._index.add([i.index_text for i in changed], mind)

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        """Of the nearest ``k`` memories those that the answer agent calls useful; all when it cannot be understood."""
        items = log.state.active(FACT)
        found = await self._index.search(query, items, mind, self.k)
        speakers = dict.fromkeys(i.fields.get("speaker", "") for i in items)
        returned: set[str] = set()
        for speaker in speakers:
            own = [items[n].id for n in best(found.scores) if items[n].fields.get("speaker", "") == speaker]
            returned |= {*own[: -(-self.k // len(speakers))]}
        recall = marked(items, found.scores, returned, self.k)
        return await self._distilled(query, recall, mind, log) if self.distil and items else recall

    async def _distilled(self, query: str, recall: Recall, mind: Mind, log: MemoryLog) -> Recall:
        returned = [log.state[h.item] for h in recall.hits if h.returned]
        useful = await self._useful(query, returned, mind, log)
        if useful is None:
            return recall
        hits = tuple(replace(h, returned=h.item in useful, parts={**h.parts, "useful": float(h.item in useful)})
                     for h in recall.hits)  # fmt: skip
        return Recall(tuple(s for s in recall.spans if s.items[0] in useful), hits, recall.k)

    async def _useful(self, query: str, returned: Sequence[Item], mind: Mind, log: MemoryLog) -> set[str] | None:
        seen = shown(returned, mind, log, "distil", 128)
        plain = prompts.relevant(query, [shortened(i) for i in seen])
        numbers = schemas.many(schemas.index(len(seen)), "numbers of the memories that help", most=len(seen))
        operation = self.operation(
            "distil", plain, schema=schemas.fields(useful=numbers), memories=[told(i) for i in seen], question=query
        )
        reply = await ask(mind, log, operation) if seen else None
        useful = {seen[n].id for n in reply["useful"]} if reply else set()
        log.note("distilled", {"of": len(returned), "useful": len(useful)}, cause=reply.cause if reply else 0)
        understood = reply is not None and mind.full  # the bundled model's empty list says nothing
        return useful if useful or understood else None
