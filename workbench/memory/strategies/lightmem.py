"""LightMem: a sensory buffer cut by topic, a short-term buffer drawn out in one call, sleep-time updates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from workbench.memory import prompts, schemas
from workbench.memory.base import Fidelity, MemoryStrategy, Mind, Recall, above
from workbench.memory.facts import FACT, MESSAGES, SOURCE, Said, add, extract, shortened, shown, with_recent
from workbench.memory.items import Item
from workbench.memory.lines import Line, one_line, told
from workbench.memory.log import MemoryLog
from workbench.memory.pieces import room
from workbench.memory.replies import UNFIT, ask
from workbench.memory.retrieval import ranked
from workbench.memory.vectors import VectorIndex
from workbench.sessions.model import Turn
from workbench.sessions.spoken import spoken, weekday_of

TURN = "turn"
SENSORY, SHORT_TERM = "sensory", "short-term"
_K, _PLAIN_K = 60, 10
_ANSWER = 16000  # tokens that an extraction may take, as in the official code
_ACTIONS = ("update", "delete", "ignore")


@dataclass
class LightMem(MemoryStrategy):
    """Turns gather in a sensory buffer, move on topic by topic, and become facts in one call per full buffer.

    When the sensory buffer is full it is cut where neighbouring turns differ in topic (cosine below a threshold that
    starts at 0.2 and rises by 0.05 to 0.5 until there is a cut); what is before the last cut moves to the short-term
    buffer, all of it when there is no cut. A full short-term buffer becomes facts, each with the message that it comes
    from, and is emptied; when the call fails the turns stay and are tried again at the next. Then, as in sleep, every
    older fact that is among the ``sources`` nearest of a new one is put to the model once, with all new facts that
    resemble it: update, delete or ignore. An updated fact keeps its old vector, as in the official code. Turns in the
    buffers are in the context. LightMem, arXiv 2510.18866.

    Attributes:
        k: facts returned; 0: 60, as in the published LoCoMo results, and 10 for the bundled model.
        sensory: tokens of the sensory buffer.
        short_term: tokens of the short-term buffer, at most three fifths of what fits a prompt (a quarter, and eight
            turns, for the bundled model).
        sleep: cosine at which a new fact is a source for updating an older one; above 1 never.
        sources: older facts that a new one may be a source for.
        stale_vectors: whether an updated fact keeps its old vector.
    """

    name: ClassVar[str] = "lightmem"
    title: ClassVar[str] = "LightMem"
    fidelity: ClassVar[Fidelity] = "adapted"
    paper: ClassVar[str] = "LightMem, arXiv 2510.18866"
    differs: ClassVar[str] = (
        "No LLMLingua-2 compression and no attention in the topic cuts. Prompts in own words; words of time become "
        "dates instead of being kept beside the message's date. Sleep follows every extraction instead of coming once "
        "after all. Turns that wait in a buffer are in the context."
    )

    k: int = 0
    sensory: int = 512
    short_term: int = above(1, 2000)
    sleep: float = 0.8
    sources: int = 10
    stale_vectors: bool = True

    def __post_init__(self) -> None:
        self._index = VectorIndex()

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        """Into the sensory buffer; from there on what is full."""
        log.write(turn.said, TURN, id=f"turn-{turn.index}", index_text="", tier=SENSORY, date=turn.date)
        answer, share = (prompts.FULL_TOKENS, 0.6) if mind.full else (384, 0.25)
        limit = room(mind, answer, share)
        if _full(SENSORY, min(self.sensory, limit // 2), MESSAGES // 2, mind, log):
            await self._segment(mind, log)
        if _full(SHORT_TERM, min(self.short_term, limit), MESSAGES, mind, log):
            await self._extract(mind, log)

    async def _segment(self, mind: Mind, log: MemoryLog) -> None:
        turns = _buffer(SENSORY, log)
        vectors = await self._index.vectors.of(mind, [t.text for t in turns])
        likeness = np.sum(vectors[1:] * vectors[:-1], axis=1) if len(turns) > 1 else np.zeros(0)
        threshold, used, cuts = 0.2, 0.2, np.zeros(0, np.int64)
        while not len(cuts) and threshold < 0.501:
            cuts, used = np.flatnonzero(likeness < threshold) + 1, threshold
            threshold += 0.05
        last = int(cuts[-1]) if len(cuts) else len(turns)
        log.note("topics", {"cuts": [turns[int(c)].turns[0] for c in cuts], "threshold": round(used, 2),
                            "likeness": [round(float(s), 4) for s in likeness]})  # fmt: skip
        for n, item in enumerate(turns[:last]):
            topic = turns[max((int(c) for c in cuts if c <= n), default=0)].turns[0]
            log.update(item.id, tier=SHORT_TERM, topic=topic, reason="topic complete")

    async def _extract(self, mind: Mind, log: MemoryLog) -> None:
        turns = _buffer(SHORT_TERM, log)
        if not mind.full:
            turns = turns[:MESSAGES]  # what one call takes; the rest waits for the next
        older = log.state.active(FACT)
        messages = [(_dated(t), t.turns) for t in turns]
        facts, complete = await extract(
            self, "facts", messages, mind, log, schema=_schema(len(turns)), topics=_topics(turns), max_tokens=_ANSWER
        )
        if not complete:
            return  # on record; the turns stay and are tried again with the next that come
        if not facts:
            log.dropped("empty extraction", f"turns {turns[0].turns[0]} to {turns[-1].turns[-1]}")
        dates = {t: item.fields["date"] for item in turns for t in item.turns}
        new = [add(fact, log, said=dates.get(fact.turns[-1], "")) for fact in facts]
        for item in turns:
            log.evict(item.id, reason="drawn out")
        await self._index.add([i.index_text for i in new], mind)
        if older and new:
            await self._asleep(older, new, mind, log)

    async def _asleep(self, older: Sequence[Item], new: Sequence[Item], mind: Mind, log: MemoryLog) -> None:
        vectors = await self._index.vectors.of(mind, [i.index_text for i in (*older, *new)])
        likeness = vectors[: len(older)] @ vectors[len(older) :].T
        queues = [{*np.argsort(-column, kind="stable")[: self.sources].tolist()} for column in likeness.T]
        for row, old in enumerate(older):
            order = [int(n) for n in np.argsort(-likeness[row], kind="stable") if likeness[row, n] >= self.sleep]
            near = [new[n] for n in order if row in queues[n] and new[n].text != old.text]
            if near:
                await self._update(old, near, mind, log)

    async def _update(self, old: Item, near: Sequence[Item], mind: Mind, log: MemoryLog) -> None:
        """Put an older fact to the model, with all newer ones that are like it."""
        near = shown(near, mind, log, "update", 96 * len(near))
        plain = prompts.decide([shortened(old)], [shortened(n) for n in near])
        schema = schemas.fields(
            action=schemas.one_of(_ACTIONS, "what becomes of the old memory"),
            new_memory=schemas.text("with update: the whole old memory as it reads now; else empty"),
        )
        operation = self.operation(
            "update", plain, schema=schema, reads=_one_action, memory=told(old), candidates=[told(n) for n in near]
        )
        reply = await ask(mind, log, operation) if near else None
        if reply is None or reply["action"] == "ignore":
            return
        sources = ", ".join(n.id for n in near)
        if reply["action"] == "delete":
            log.delete(old.id, reason=f"by {sources}", cause=reply.cause)
        elif not reply["new_memory"]:
            log.dropped(UNFIT, f"update of {old.id} without a text", operation="update", cause=reply.cause)
        else:
            text, turns = reply["new_memory"], [t for n in near for t in n.turns]
            index = old.index_text if self.stale_vectors else text
            log.update(old.id, text=text, index_text=index, turns=(*old.turns, *turns), reason=f"by {sources}",
                       cause=reply.cause)  # fmt: skip

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        """The nearest ``k`` facts, with date and weekday, and the turns in the buffers."""
        facts, k = log.state.active(FACT), self.k or (_K if mind.full else _PLAIN_K)
        found = await self._index.search(query, facts, mind, k)
        recall = ranked(facts, found.scores, k, "cosine", order=found.order)
        spans = (replace(s, when=_when(log.state[s.items[0]])) for s in recall.spans)
        return with_recent(replace(recall, spans=tuple(spans)), log.state.active(TURN))


def _schema(count: int) -> dict[str, Any]:
    """The schema of the extraction from ``count`` messages."""
    entry = schemas.fields(
        fact=schemas.text("a complete sentence with all details"),
        **{SOURCE: schemas.index(count, "number of the message that it comes from", default=-1)},
    )
    return schemas.fields(facts=schemas.many(entry, "in the order of the messages"))


def _topics(turns: Sequence[Item]) -> Any:
    """For the messages of a call, the topic of each under 1, 2, …"""
    topic = {turn: item.fields.get("topic", 0) for item in turns for turn in item.turns}

    def numbers(batch: Sequence[Said]) -> list[int]:
        own = [topic[turns[0]] for _, turns in batch]
        return [1 + list(dict.fromkeys(own)).index(t) for t in own]

    return numbers


def _one_action(said: Mapping[str, Any]) -> dict[str, Any]:
    """The one-liner decides candidate by candidate; what is left of the old fact after all of them."""
    text = ""
    for entry in said["memory"]:
        if entry["id"] == 0 and entry["event"] == "DELETE":
            return {"action": "delete", "new_memory": ""}
        if entry["id"] == 0 and entry["event"] == "UPDATE":
            text = entry["text"] or text
    return {"action": "update" if text else "ignore", "new_memory": text}


def _dated(item: Item) -> Line:
    """A turn under its date with the weekday."""
    return Line(one_line(item.text), _when(item))


def _when(item: Item) -> str:
    date = item.fields.get("said", item.fields["date"])
    return spoken(date, weekday_of(date)) if weekday_of(date) else item.when


def _full(tier: str, tokens: int, turns: int, mind: Mind, log: MemoryLog) -> bool:
    held = _buffer(tier, log)
    return (not mind.full and len(held) >= turns) or sum(mind.count_tokens(i.text) for i in held) >= tokens


def _buffer(tier: str, log: MemoryLog) -> list[Item]:
    return [i for i in log.state.active(TURN) if i.fields["tier"] == tier]
