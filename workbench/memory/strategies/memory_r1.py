"""Memory-R1: a manager decides fact by fact, an answer agent distils what it retrieved."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from workbench.memory import prompts
from workbench.memory.base import Fidelity, MemoryStrategy, Mind, Recall
from workbench.memory.facts import FACT, decide, extract, fitting, near, shortened
from workbench.memory.lines import said
from workbench.memory.log import MemoryLog
from workbench.memory.replies import ask
from workbench.memory.retrieval import ranked
from workbench.memory.vectors import VectorIndex
from workbench.sessions.model import Turn


@dataclass
class MemoryR1(MemoryStrategy):
    """The manager answers ADD, UPDATE, DELETE or NOOP for one fact at a time; the answer agent first picks what helps.

    One model call a turn for the facts and one per fact for the manager; reading takes one, which names the useful ones
    among ``k`` memories (the distillation). Memory-R1, arXiv 2508.19828.

    Attributes:
        k: memories retrieved before the distillation (30 for each of two participants).
        neighbours: old memories that the manager sees.
        distil: whether the answer agent picks.
    """

    name: ClassVar[str] = "memory-r1"
    title: ClassVar[str] = "Memory-R1"
    fidelity: ClassVar[Fidelity] = "prompt-only"
    paper: ClassVar[str] = "Memory-R1, arXiv 2508.19828"
    differs: ClassVar[str] = (
        "Both policies trained with reinforcement learning are missing: an untrained model is prompted. The memories "
        "of all participants are retrieved together."
    )

    k: int = 60
    neighbours: int = 5
    distil: bool = True

    def __post_init__(self) -> None:
        self._index = VectorIndex()

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        """Extract, then let the manager decide on one fact after the other."""
        facts, _ = await extract(self, "facts", [(said(turn), [turn.index])], mind, log)
        for fact in facts:
            old = await near(self._index, fact.text, log.state.active(FACT), mind, self.neighbours)
            changed = await decide(self, "decide", [fact], old, mind, log)
            await self._index.add([i.index_text for i in changed], mind)

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        """Of the nearest ``k`` memories those that the answer agent calls useful; all of them when it calls none."""
        items = log.state.active(FACT)
        found = await self._index.search(query, items, mind, self.k)
        recall = ranked(items, found.scores, self.k, "cosine", order=found.order)
        return await self._distilled(query, recall, mind, log) if self.distil and items else recall

    async def _distilled(self, query: str, recall: Recall, mind: Mind, log: MemoryLog) -> Recall:
        returned = [h for h in recall.hits if h.returned]
        texts = [shortened(log.state[h.item]) for h in returned]
        seen = returned[: fitting(texts, mind, 128)]
        reply = await ask(mind, log, prompts.relevant(query, texts[: len(seen)])) if seen else None
        useful = {seen[n].item for n in reply["useful"]} if reply else set()
        log.note("distilled", {"of": len(returned), "useful": len(useful)}, cause=reply.cause if reply else 0)
        if not useful:
            return recall
        hits = tuple(replace(h, returned=h.item in useful, parts={**h.parts, "useful": float(h.item in useful)})
                     for h in recall.hits)  # fmt: skip
        return Recall(tuple(s for s in recall.spans if s.items[0] in useful), hits, recall.k)
