"""Letta (MemGPT): core memory, a message queue under pressure, recall and archival storage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from workbench.memory import prompts
from workbench.memory.base import Fidelity, MemoryStrategy, Mind, Recall
from workbench.memory.facts import add, decide, extract, fitting, near, shortened, with_recent
from workbench.memory.items import Item
from workbench.memory.lines import one_line, said
from workbench.memory.log import MemoryLog
from workbench.memory.pieces import room
from workbench.memory.replies import ask
from workbench.memory.retrieval import ranked
from workbench.memory.vectors import VectorIndex
from workbench.sessions.model import Turn

MESSAGE, CORE, PASSAGE, SUMMARY = "message", "core", "passage", "summary"
QUEUE, RECALL = "queue", "recall"
_PLACES = ("core", "archival", "none")


@dataclass
class Letta(MemoryStrategy):
    """The context as main memory: core blocks, a queue of messages, and storage outside that is searched.

    Every turn the agent decides in one model call where to keep something of it: in core memory (one call for what, one
    for how it changes the block), in archival storage (one call for what), or nowhere. When the queue fills more than
    ``pressure`` of its share of the context, its older half leaves for recall storage and a recursive summary takes its
    place (one call). Reading takes one call, the search; core, summary and queue are always in the context. With
    ``insert`` every turn goes straight to archival storage and nothing else happens, as in MemoryAgentBench. MemGPT,
    arXiv 2310.08560.

    Attributes:
        k: results of the search of recall and archival storage.
        queue: messages in the queue at most.
        pressure: share of the context's half at which the queue is emptied.
        core: characters of the core block; at nine tenths its older half is rewritten.
        insert: MemoryAgentBench's way of filling it.
    """

    name: ClassVar[str] = "letta"
    title: ClassVar[str] = "Letta (MemGPT)"
    fidelity: ClassVar[Fidelity] = "adapted"
    paper: ClassVar[str] = "MemGPT, arXiv 2310.08560"
    differs: ClassVar[str] = (
        "The agent chooses a place and answers what to keep there instead of calling tools in a loop; there is one "
        "core block, of lines; the search of storage happens for every question."
    )

    k: int = 10
    queue: int = 20
    pressure: float = 0.7
    core: int = 2000
    insert: bool = False

    def __post_init__(self) -> None:
        self._index = VectorIndex()

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        """Append to the queue, keep what the agent decides to keep, relieve the queue."""
        if self.insert:
            log.write(turn.said, PASSAGE)
            return
        log.write(turn.said, MESSAGE, tier=QUEUE)
        await self._keep(turn, mind, log)
        queue = _queue(log)
        full = self.pressure * room(mind, 384, 0.5)
        if len(queue) > self.queue or sum(mind.count_tokens(m.text) for m in queue) > full:
            await self._relieve(queue, mind, log)

    async def _keep(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        text = one_line(turn.said)
        place = "archival"  # for what is too long to be judged as a whole
        if fitting([text], mind, 64):
            reply = await ask(mind, log, prompts.choose(text, _PLACES))
            place = reply["choice"][0] if reply and reply["choice"] else "none"
        log.note("place", place)
        if place == "none":
            return
        facts, _ = await extract(self, "facts", [(said(turn), [turn.index])], mind, log)
        if place == "archival":
            await self._index.add([add(f, log, PASSAGE).index_text for f in facts], mind)
            return
        old: dict[str, Item] = {}
        for fact in facts:
            old |= {i.id: i for i in await near(self._index, fact.text, log.state.active(CORE), mind, 5)}
        await decide(self, "replace", facts, list(old.values()), mind, log, CORE)
        await self._bound_core(mind, log)

    async def _bound_core(self, mind: Mind, log: MemoryLog) -> None:
        lines = log.state.active(CORE)
        if sum(len(i.text) for i in lines) < 0.9 * self.core or len(lines) < 2:
            return
        merged = await _summarised(lines[: max(2, len(lines) // 2)], mind, log)
        if merged:
            text, turns, cause, ids = merged
            into = log.write(text, CORE, turns, cause=cause)
            log.merge(ids, into.id, reason="the block is nearly full", cause=cause)

    async def _relieve(self, queue: list[Item], mind: Mind, log: MemoryLog) -> None:
        leaving = queue[: max(1, len(queue) // 2)]
        merged = await _summarised([*log.state.active(SUMMARY), *leaving], mind, log)
        if merged:
            text, turns, cause, _ = merged
            if log.state.active(SUMMARY):
                log.update(f"{SUMMARY}-0", text=text, turns=turns, reason="recursive summary", cause=cause)
            else:
                log.write(text, SUMMARY, turns, index_text="", cause=cause)
        for message in leaving:
            log.update(message.id, tier=RECALL, reason="memory pressure", cause=merged[2] if merged else 0)

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        """Core, summary and queue, and the nearest ``k`` of recall and archival storage."""
        stored = [i for i in log.state.active(MESSAGE, PASSAGE) if i.fields.get("tier") != QUEUE]
        topic = query
        if stored and not self.insert:
            reply = await ask(mind, log, prompts.keywords(" ".join(query.split())))
            topic = (" ".join(reply["keywords"]) if reply else "") or query
        found = await self._index.search(topic, stored, mind, self.k)
        recall = ranked(stored, found.scores, self.k, "cosine", order=found.order)
        return with_recent(recall, [*log.state.active(CORE), *log.state.active(SUMMARY), *_queue(log)])


def _queue(log: MemoryLog) -> list[Item]:
    return [m for m in log.state.active(MESSAGE) if m.fields["tier"] == QUEUE]


async def _summarised(items: list[Item], mind: Mind, log: MemoryLog) -> tuple[str, list[int], int, list[str]] | None:
    """A summary of the items that fit: text, turns, cause, ids; None when there is none (on record)."""
    texts = [shortened(i) for i in items]
    seen = fitting(texts, mind, 384)
    reply = await ask(mind, log, prompts.summarise(texts[:seen])) if seen else None
    if reply is None or not reply["summary"]:
        return None
    return reply["summary"], [t for i in items[:seen] for t in i.turns], reply.cause, [i.id for i in items[:seen]]
