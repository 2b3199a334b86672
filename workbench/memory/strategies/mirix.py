"""MIRIX: six stores, a meta manager that wakes their managers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from workbench.memory import prompts
from workbench.memory.base import Fidelity, MemoryStrategy, Mind, Recall
from workbench.memory.facts import Said, decide, extract, fitting, near, shortened, with_recent
from workbench.memory.items import Item
from workbench.memory.lines import said, told
from workbench.memory.log import MemoryLog
from workbench.memory.replies import ask
from workbench.memory.retrieval import best, marked
from workbench.memory.vectors import VectorIndex
from workbench.sessions.model import Turn

MESSAGE = "message"
STORES = ("core", "episodic", "semantic", "procedural", "resource", "knowledge")
"""The knowledge vault is ``knowledge``."""


@dataclass
class MIRIX(MemoryStrategy):
    """A meta manager says which of six stores a batch of messages concerns; each of their managers then writes.

    Every batch costs one model call of the meta manager and two of each manager it wakes: what to store, and how that
    changes what the store has. When the core store is nearly full, one call more rewrites it. Reading takes one call,
    the topic; then up to ``k`` items of each store, of the episodic one the newest ``k`` and the nearest ``k``, and all
    of the core. MIRIX, arXiv 2507.07957.

    Attributes:
        batch: messages that are taken in together (the official limit is 20).
        k: items of each store that are returned.
        core: characters of the core store; at nine tenths it is rewritten.
    """

    name: ClassVar[str] = "mirix"
    title: ClassVar[str] = "MIRIX"
    fidelity: ClassVar[Fidelity] = "adapted"
    paper: ClassVar[str] = "MIRIX, arXiv 2507.07957"
    differs: ClassVar[str] = (
        "Managers answer what to store and how it changes the store instead of calling tools, and do not chain. "
        "Text only. A message at a time by default, so that every turn shows what it did. Items are sentences: their "
        "summaries and details are not told apart. Reading is one search: the answering agent has no search tool."
    )

    batch: int = 1
    k: int = 10
    core: int = 5000

    def __post_init__(self) -> None:
        self._index = VectorIndex()

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        """Wait until the batch is full, then wake the managers."""
        waiting = log.state.active(MESSAGE)
        if len(waiting) + 1 < self.batch:
            log.write(turn.said, MESSAGE, index_text="")
            return
        heard = [*((told(m), m.turns) for m in waiting), (said(turn), (turn.index,))]
        woken = await self._meta([line.text for line, _ in heard], mind, log)
        if woken is None and self.batch > 1:
            log.write(turn.said, MESSAGE, index_text="")  # nothing is lost: tried again with the next message
            return
        for store in woken or ():
            await self._manage(store, heard, mind, log)
        for message in waiting:
            log.evict(message.id, reason="taken in")

    async def _meta(self, texts: Sequence[str], mind: Mind, log: MemoryLog) -> list[str] | None:
        task = " ".join(" ".join(t.split()) for t in texts)
        if fitting([task], mind, 64) == 0:
            return list(STORES[1:3])  # too long to be judged as a whole: what happened and what it says
        reply = await ask(mind, log, prompts.choose(task, STORES, most=len(STORES)))
        woken = list(dict.fromkeys(reply["choice"])) if reply else None
        log.note("managers", woken or [], cause=reply.cause if reply else 0)
        return woken

    async def _manage(self, store: str, heard: Sequence[Said], mind: Mind, log: MemoryLog) -> None:
        facts, _ = await extract(self, "facts", heard, mind, log)
        old: dict[str, Item] = {}
        for fact in facts:
            old |= {i.id: i for i in await near(self._index, fact.text, log.state.active(store), mind, 5)}
        changed = await decide(self, "decide", facts, list(old.values()), mind, log, store)
        await self._index.add([i.index_text for i in changed], mind)
        if store == "core" and sum(len(i.text) for i in log.state.active("core")) >= 0.9 * self.core:
            await self._rewrite_core(mind, log)

    @staticmethod
    async def _rewrite_core(mind: Mind, log: MemoryLog) -> None:
        """Summarise the older half of the core into one item."""
        lines = log.state.active("core")
        texts = [shortened(i) for i in lines[: max(2, len(lines) // 2)]]
        seen = fitting(texts, mind, 384)
        reply = await ask(mind, log, prompts.summarise(texts[:seen])) if seen > 1 else None
        if reply and reply["summary"]:
            turns = [t for i in lines[:seen] for t in i.turns]
            merged = log.write(reply["summary"], "core", turns, cause=reply.cause)
            log.merge([i.id for i in lines[:seen]], merged.id, reason="the core is nearly full", cause=reply.cause)

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        """Up to ``k`` of each store around the topic, the newest episodes, the whole core."""
        items = log.state.active(*STORES)
        topic = await self._topic(query, mind, log) if items else query
        found = await self._index.search(topic, items, mind, len(items))
        returned = {i.id for i in items if i.kind == "core"}
        for store in STORES[1:]:
            own = [n for n in best(found.scores) if items[n].kind == store]
            returned |= {items[n].id for n in own[: self.k]}
        returned |= {i.id for i in [i for i in items if i.kind == "episodic"][-self.k :]}
        recall = marked(items, found.scores, returned, self.k)
        spans = sorted(recall.spans, key=lambda s: STORES.index(s.kind))  # stable: store after store, each in time
        return with_recent(replace(recall, spans=tuple(spans)), log.state.active(MESSAGE))

    @staticmethod
    async def _topic(query: str, mind: Mind, log: MemoryLog) -> str:
        reply = await ask(mind, log, prompts.keywords(" ".join(query.split())))
        topic = " ".join(reply["keywords"]) if reply else ""
        log.note("topic", topic, cause=reply.cause if reply else 0)
        return topic or query
