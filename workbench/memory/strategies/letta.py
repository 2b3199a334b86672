"""Letta (MemGPT): core memory, a message queue under pressure, recall and archival storage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from workbench.memory import prompts, schemas
from workbench.memory.base import Fidelity, MemoryStrategy, Mind, Recall
from workbench.memory.facts import add, decide, extract, fitting, near, shortened, shown, with_recent
from workbench.memory.items import Item
from workbench.memory.lines import Line, one_line, said, told
from workbench.memory.log import MemoryLog
from workbench.memory.pieces import room
from workbench.memory.replies import UNFIT, Reply, ask
from workbench.memory.retrieval import best, marked, ranked
from workbench.memory.vectors import VectorIndex
from workbench.sessions.model import Turn

MESSAGE, CORE, PASSAGE, SUMMARY = "message", "core", "passage", "summary"
QUEUE, RECALL = "queue", "recall"
BLOCKS = ("human", "persona")
_PLACES = ("core", "archival", "none")
_APPEND, _REPLACE, _INSERT = "core_memory_append", "core_memory_replace", "archival_memory_insert"
_PLAIN_QUEUE = 20


@dataclass
class Letta(MemoryStrategy):
    """The context as main memory: core blocks, a queue of messages, and storage outside that is searched.

    Every turn the agent sees its core blocks with their limits, the summary, the queue and the new message, and answers
    with edits, as many as it wants: append to a block, replace words of a block, insert a passage into archival
    storage. An edit that cannot be done (no room, words that are not there) is told to it, and it may answer again, up
    to ``steps`` calls. When the queue fills more than ``pressure`` of its share of the context, its older half leaves
    for recall storage and a recursive summary takes its place (one call). Reading takes one call, the searches of
    recall and of archival storage; core, summary and queue are always in the context. The bundled model is asked
    where to keep something, and then what, in up to three calls. With ``insert`` every turn goes straight to archival
    storage and nothing else happens, as in MemoryAgentBench. MemGPT, arXiv 2310.08560.

    Attributes:
        k: results of each search, of recall and of archival storage (of both together for the bundled model).
        queue: messages in the queue at most; 0: as many as fit, and 20 for the bundled model.
        pressure: share of the context's half at which the queue is emptied.
        core: characters of each core block (of the one block of the bundled model, whose older half is rewritten).
        steps: calls that a turn's edits may take.
        insert: MemoryAgentBench's way of filling it.
    """

    name: ClassVar[str] = "letta"
    title: ClassVar[str] = "Letta (MemGPT)"
    fidelity: ClassVar[Fidelity] = "adapted"
    paper: ClassVar[str] = "MemGPT, arXiv 2310.08560"
    differs: ClassVar[str] = (
        "Prompts in own words. The agent answers with a list of edits instead of calling tools one by one, and does "
        "not take part in the talk: it reads every turn, whoever speaks. It searches once before every answer instead "
        "of when it wants to, and does not page through results."
    )

    k: int = 10
    queue: int = 0
    pressure: float = 0.7
    core: int = 2000
    steps: int = 2
    insert: bool = False

    def __post_init__(self) -> None:
        self._index = VectorIndex()

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        """Append to the queue, keep what the agent decides to keep, relieve the queue."""
        if self.insert:
            log.write(turn.said, PASSAGE)
            return
        before = _queue(log)
        log.write(turn.said, MESSAGE, tier=QUEUE)
        if mind.full:
            await self._edit(turn, before, mind, log)
        else:
            await self._keep(turn, mind, log)
        queue = _queue(log)
        full = self.pressure * room(mind, prompts.FULL_TOKENS if mind.full else 384, 0.5)
        most = self.queue or (len(queue) if mind.full else _PLAIN_QUEUE)
        if len(queue) > most or sum(mind.count_tokens(m.text) for m in queue) > full:
            await self._relieve(queue, mind, log)

    async def _edit(self, turn: Turn, queue: Sequence[Item], mind: Mind, log: MemoryLog) -> None:
        """Let the agent edit its memory; what could not be done is told to it."""
        errors: list[str] = []
        for _ in range(self.steps):
            inputs: dict[str, Any] = {
                "blocks": [self._block(label, log) for label in BLOCKS],
                "summary": [told(s) for s in log.state.active(SUMMARY)],
                "queue": [told(m) for m in shown(queue[::-1], mind, log, "edit")[::-1]],
                "message": said(turn),
                "errors": errors,
            }
            plain = prompts.choose(one_line(turn.said), _PLACES)
            reply = await ask(mind, log, self.operation("edit", plain, schema=_EDITS, reads=_no_edits, **inputs))
            log.note("edits", [e["tool"] for e in reply["edits"]] if reply else [], cause=reply.cause if reply else 0)
            found = [self._carry_out(edit, reply, log) for edit in reply["edits"]] if reply else []
            errors = [error for error in found if error]
            if not errors:
                return
            for error in errors:
                log.dropped(UNFIT, f"edit: {error}", operation="edit", cause=reply.cause if reply else 0)

    def _carry_out(self, edit: Mapping[str, Any], reply: Reply, log: MemoryLog) -> str:
        """Do one edit; what is wrong with it, empty when it was done."""
        text, cause = edit["content"], reply.cause
        if edit["tool"] == _INSERT:
            if text:
                log.write(text, PASSAGE, cause=cause, date=log.now)
            return "" if text else f"{_INSERT}: no content"
        lines = self._lines(edit["block"], log)
        old = next((i for i in lines if edit["old"] and edit["old"] in i.text), None)
        if edit["tool"] == _REPLACE and old is None:
            return f"{_REPLACE}: {edit['block']} does not say: {edit['old']}"
        size = sum(len(i.text) + 1 for i in lines) + len(text) - (len(edit["old"]) if old else 0)
        if size > self.core:
            return f"{edit['tool']}: {edit['block']} would have {size} of {self.core} characters"
        if edit["tool"] == _APPEND:
            if text:
                log.write(text, CORE, cause=cause, label=edit["block"], date=log.now)
            return "" if text else f"{_APPEND}: no content"
        if old is not None:
            _replace(old, edit["old"], text, cause, log)
        return ""

    def _lines(self, label: str, log: MemoryLog) -> list[Item]:
        return [i for i in log.state.active(CORE) if i.fields.get("label", BLOCKS[0]) == label]

    def _block(self, label: str, log: MemoryLog) -> dict[str, Any]:
        lines = self._lines(label, log)
        size = sum(len(i.text) + 1 for i in lines)
        return {"label": label, "size": size, "limit": self.core, "lines": [Line(one_line(i.text)) for i in lines]}

    async def _keep(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        """The edits as the bundled model makes them: a place, what to keep there, how it changes the core."""
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
        half = lines[: max(2, len(lines) // 2)]
        half = half[: fitting([shortened(i) for i in half], mind, 384)]
        reply = await ask(mind, log, prompts.summarise([shortened(i) for i in half])) if half else None
        if reply and reply["summary"]:
            into = log.write(reply["summary"], CORE, [t for i in half for t in i.turns], cause=reply.cause)
            log.merge([i.id for i in half], into.id, reason="the block is nearly full", cause=reply.cause)

    async def _relieve(self, queue: Sequence[Item], mind: Mind, log: MemoryLog) -> None:
        leaving = queue[: max(1, len(queue) // 2)]
        before = log.state.active(SUMMARY)
        seen = shown([*before, *leaving], mind, log, "summary", 384)
        plain = prompts.summarise([shortened(i) for i in seen])
        schema = schemas.fields(summary=schemas.text("the whole summary, of 300 to 500 words"))
        operation = self.operation(
            "summary", plain, schema=schema, summary=[told(i) for i in seen if i.kind == SUMMARY],
            messages=[told(i) for i in seen if i.kind != SUMMARY],
        )  # fmt: skip
        reply = await ask(mind, log, operation) if seen else None
        cause = reply.cause if reply else 0
        if reply and reply["summary"]:
            turns = [t for i in seen for t in i.turns]
            if before:
                log.update(before[0].id, text=reply["summary"], turns=turns, reason="recursive summary", cause=cause)
            else:
                log.write(reply["summary"], SUMMARY, turns, index_text="", cause=cause)
        for message in leaving:
            log.update(message.id, tier=RECALL, reason="memory pressure", cause=cause)

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        """Core, summary and queue, and what the searches of recall and archival storage find."""
        stored = [i for i in log.state.active(MESSAGE, PASSAGE) if i.fields.get("tier") != QUEUE]
        conversation = archival = query
        if stored and not self.insert:
            conversation, archival = await self._searches(query, mind, log)
        recall = await self._found(stored, conversation, archival, mind)
        return with_recent(recall, [*log.state.active(CORE), *log.state.active(SUMMARY), *_queue(log)])

    async def _searches(self, query: str, mind: Mind, log: MemoryLog) -> tuple[str, str]:
        asked = one_line(query)
        blocks = [self._block(label, log) for label in BLOCKS]
        operation = self.operation("search", prompts.keywords(asked), schema=_SEARCHES, reads=_topics,
                                   blocks=blocks, summary=[told(s) for s in log.state.active(SUMMARY)],
                                   question=asked)  # fmt: skip
        reply = await ask(mind, log, operation)
        if reply is None:
            return query, query
        log.note("searches", dict(reply.data), cause=reply.cause)
        one, other = reply["conversation_search"], reply["archival_memory_search"]
        return (one, other) if one or other else (query, query)

    async def _found(self, stored: Sequence[Item], conversation: str, archival: str, mind: Mind) -> Recall:
        """The nearest ``k`` of recall storage and of archival storage; an empty search finds nothing."""
        if not mind.full:
            found = await self._index.search(archival, stored, mind, self.k)
            return ranked(stored, found.scores, self.k, "cosine", order=found.order)
        scores, returned = np.full(len(stored), -1.0), set[str]()
        for kind, text in ((MESSAGE, conversation), (PASSAGE, archival)):
            places = [n for n, i in enumerate(stored) if i.kind == kind]
            if not text or not places:
                continue
            scores[places] = (await self._index.search(text, stored, mind, self.k)).scores[places]
            returned |= {stored[places[n]].id for n in best(scores[places])[: self.k]}
        return marked(stored, scores, returned, self.k)


_EDITS = schemas.fields(
    edits=schemas.many(
        schemas.fields(
            tool=schemas.one_of((_APPEND, _REPLACE, _INSERT), "what to do"),
            block=schemas.one_of(BLOCKS, "the core block; of an archival passage it does not matter"),
            old=schemas.text("of core_memory_replace: the words that go, exactly as they stand there; else empty"),
            content=schemas.text("what is written; empty to delete the old words"),
        ),
        "in their order; empty when nothing is to be kept",
    )
)
_SEARCHES = schemas.fields(
    conversation_search=schemas.text("what to look for in the conversation; empty for no search"),
    archival_memory_search=schemas.text("what to look for among the passages; empty for no search"),
)


def _no_edits(said: Mapping[str, Any]) -> dict[str, Any]:
    """What the agent says that was asked with the one-liner, which knows places and no edits."""
    return {"edits": []}


def _topics(said: Mapping[str, Any]) -> dict[str, Any]:
    topic = " ".join(said["keywords"])
    return {"conversation_search": topic, "archival_memory_search": topic}


def _replace(line: Item, old: str, new: str, cause: int, log: MemoryLog) -> None:
    """Replace words of a core line; a line of which nothing is left goes."""
    text = " ".join(line.text.replace(old, new, 1).split())
    if text:
        turns = (*line.turns, log.turn)
        log.update(line.id, text=text, index_text=text, turns=turns, reason="core_memory_replace", cause=cause)
    else:
        log.delete(line.id, reason="core_memory_replace", cause=cause)


def _queue(log: MemoryLog) -> list[Item]:
    return [m for m in log.state.active(MESSAGE) if m.fields["tier"] == QUEUE]
