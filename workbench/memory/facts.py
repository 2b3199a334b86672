"""What fact stores share: extraction, provenance, decisions about old facts, buffers of turns."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workbench.memory import prompts, schemas
from workbench.memory.base import Hit, MemoryStrategy, Mind, Recall
from workbench.memory.items import Item
from workbench.memory.lines import Line, said, told
from workbench.memory.log import MemoryLog
from workbench.memory.pieces import cut, room
from workbench.memory.replies import INVENTED, TOO_LONG, UNFIT, Reply, ask
from workbench.memory.retrieval import recent
from workbench.memory.vectors import VectorIndex
from workbench.sessions.model import Turn
from workbench.words import words

FACT = "fact"
EVENTS = ("ADD", "UPDATE", "DELETE", "NONE")
_ANSWER = 384  # tokens that an extraction may write
MESSAGES = 8
"""Messages that one extraction takes: it writes at most twelve facts, and what is above that would be lost silently."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A sentence that a model drew from turns and that is not stored yet.

    Attributes:
        text: stands alone, as the model wrote it.
        turns: the turns of the messages that share the most words with it, or of the one that the model names.
        cause: ``n`` of the ``model.called`` event that wrote it, for the operations that store it.
        fields: what else the model wrote about it, by name.
    """

    text: str
    turns: tuple[int, ...]
    cause: int
    fields: Mapping[str, Any] = field(default_factory=dict)


Said = tuple[Line, Sequence[int]]
"""A message with its turns."""

MESSAGE = "message"
"""Kind of the messages that wait for a batch to be complete."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages that are taken in together, who said each, and in which role."""

    messages: tuple[Said, ...]
    speakers: tuple[str, ...]
    roles: tuple[str, ...]


SOURCE = "source"
"""Property of an extracted entry that names the message it comes from, under the number that it was shown with."""


async def extract(
    strategy: MemoryStrategy, name: str, messages: Sequence[Said], mind: Mind, log: MemoryLog, **asked: Any
) -> tuple[list[Fact], bool]:
    """The facts in messages, each with the turns it came from; one model call unless they do not fit.

    Args:
        name: of the method's operation; its template is given ``messages``.
        asked: what else :meth:`MemoryStrategy.operation` takes: ``max_tokens``, inputs of the template, and ``schema``,
            whose ``facts`` may be objects: the first property is the text, the others are a fact's ``fields``, as is
            what the answer says beside ``facts``. What is a function is given the messages of each call.

    A fact comes from the message that its ``source`` names, else from those that share the most words with it. The same
    sentence twice is one fact.

    Returns:
        The facts, and whether every call was answered usably (what was not is on record).
    """
    out: dict[str, Fact] = {}
    complete = True
    asked.setdefault("schema", schemas.fields(facts=schemas.texts("one sentence each; empty when there is none")))
    for batch in _batches(messages, mind):
        plain = prompts.facts([line.text for line, _ in batch])
        inputs = {key: value(batch) if callable(value) else value for key, value in asked.items()}
        operation = strategy.operation(name, plain, messages=[line for line, _ in batch], **inputs)
        reply = await ask(mind, log, operation)
        if reply:
            found = [_fact(entry, batch, reply) for entry in reply["facts"]]
            out = {f.text: f for f in found if any(map(str.isalnum, f.text))} | out  # "..." says nothing
        complete = complete and reply is not None
    return list(out.values()), complete


def _fact(entry: str | Mapping[str, Any], batch: Sequence[Said], reply: Reply) -> Fact:
    text, *_ = entry.values() if isinstance(entry, Mapping) else (entry,)
    told = dict(list(entry.items())[1:]) if isinstance(entry, Mapping) else {}
    source = told.pop(SOURCE, -1)
    about = {name: value for name, value in reply.data.items() if name != "facts"}
    heard = [(line.text, turns) for line, turns in batch]
    turns = tuple(batch[source][1]) if 0 <= source < len(batch) else origin(text, heard)
    return Fact(text, turns, reply.cause, about | told)


def origin(text: str, said: Sequence[tuple[str, Sequence[int]]]) -> tuple[int, ...]:
    """The turns of the messages that share the most words with ``text``; of all when none shares any."""
    wanted = set(words(text))
    shared = [len(wanted & set(words(message))) for message, _ in said]
    chosen = [turns for (_, turns), n in zip(said, shared, strict=True) if n == max(shared)]
    return tuple(sorted({t for turns in chosen for t in turns}))


def _batches(messages: Sequence[Said], mind: Mind) -> Iterator[list[Said]]:
    """Messages in parts that fit a prompt; for the bundled model eight at most, of which it can write the facts."""
    most = len(messages) if mind.full else MESSAGES
    limit = room(mind, prompts.FULL_TOKENS, 0.6) if mind.full else room(mind, _ANSWER, 0.8)
    batch: list[Said] = []
    length = 0
    for line, turns in messages:
        for piece in cut(line.text, limit, mind.count_tokens):
            size = mind.count_tokens(piece) + 1
            if batch and (length + size > limit or len(batch) == most):
                yield batch
                batch, length = [], 0
            batch.append((Line(piece, line.when), turns))
            length += size
    if batch:
        yield batch


def fitting(texts: Sequence[str], mind: Mind, answer: int, share: float = 0.8) -> int:
    """How many of ``texts``, from the first, fit a prompt's ``share`` of the room beside an answer."""
    limit, length = room(mind, answer, share), 0
    for n, text in enumerate(texts):
        length += mind.count_tokens(text) + 4  # its number
        if length > limit:
            return n
    return len(texts)


def shown(items: Sequence[Item], mind: Mind, log: MemoryLog, name: str, answer: int = 256) -> list[Item]:
    """The first items that a prompt takes beside an answer of ``answer`` tokens; the others are on record.

    Of a full prompt they take at most three fifths; one that is longer than a quarter of that is clipped when it is
    sent. The bundled model is shown the beginning of each (``shortened``).

    Args:
        name: of the operation that they are shown in.
    """
    if not mind.full:
        return list(items[: fitting([shortened(i) for i in items], mind, answer)])
    limit = room(mind, min(prompts.FULL_TOKENS, mind.budget // 4), 0.6)
    left, out = limit, list[Item]()
    for item in items:
        left -= min(mind.count_tokens(item.text) + 16, limit // 4)  # 16: its number and time
        if left < 0:
            log.dropped(TOO_LONG, f"{name}: {len(out)} of {len(items)} shown", operation=name)
            break
        out.append(item)
    return out


def gathered(turn: Turn, most: int, log: MemoryLog) -> list[Batch]:
    """Take in a turn; the batches of ``most`` messages that are complete with it, which have left memory.

    Messages wait as items of kind ``message``. A sitting that has ended leaves what it has as a smaller batch.
    """
    waiting = log.state.active(MESSAGE)
    out = []
    if waiting and waiting[-1].fields["part"] != turn.part:
        out.append(_taken(waiting, log))
        waiting = []
    if len(waiting) + 1 < most:
        speaker = turn.speaker or turn.role
        log.write(turn.said, MESSAGE, index_text="", part=turn.part, speaker=speaker, role=turn.role)
        return out
    before = _taken(waiting, log)
    messages = (*before.messages, (said(turn), (turn.index,)))
    return [*out, Batch(messages, (*before.speakers, turn.speaker or turn.role), (*before.roles, turn.role))]


def _taken(waiting: Sequence[Item], log: MemoryLog) -> Batch:
    for message in waiting:
        log.evict(message.id, reason="taken in")
    speakers, roles = (tuple(m.fields[name] for m in waiting) for name in ("speaker", "role"))
    return Batch(tuple((told(m), m.turns) for m in waiting), speakers, roles)


def sitting_over(waiting: Sequence[Item], turn: Turn, most: int, mind: Mind, answer: int = prompts.FULL_TOKENS) -> bool:
    """Whether what waits is a sitting that ``turn`` no longer belongs to: it has ended, holds ``most`` turns (0: any
    number), or fills a prompt beside an answer of ``answer`` tokens."""
    if not waiting or waiting[-1].fields["part"] != turn.part or 0 < most <= len(waiting):
        return bool(waiting)
    if not mind.full:
        return False  # a plain prompt shows what fits
    size = sum(mind.count_tokens(item.text) + 16 for item in waiting)  # 16: its number and time
    return size + mind.count_tokens(turn.said) > room(mind, answer, 0.6)


def digest(text: str) -> str:
    """Mem0's identity of a text: its MD5."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def add(fact: Fact, log: MemoryLog, kind: str = FACT, **fields: Any) -> Item:
    """Write a fact as an item with its hash and date."""
    return log.write(fact.text, kind, fact.turns, cause=fact.cause, hash=digest(fact.text), date=log.now, **fields)


def shortened(item: Item, limit: int = prompts.MAX_TEXT) -> str:
    """An item's text as a line of a plain prompt, which the bundled model reads."""
    return " ".join(item.text.split())[:limit]


async def near(
    index: VectorIndex, text: str, items: Sequence[Item], mind: Mind, k: int, at_least: float = -1.0
) -> list[Item]:
    """The ``k`` nearest items by cosine, none below ``at_least``."""
    found = await index.search(text, items, mind, k)
    return [items[i] for i in found.order[:k] if found.scores[i] >= at_least]


def decision(old: Sequence[Item], facts: Sequence[Fact], exactly: int | None = None) -> dict[str, Any]:
    """The schema of Mem0's update: events over old and new entries, ``exactly`` so many or as many as it takes."""
    entry = schemas.fields(
        id=schemas.number(0, len(old), "number of the old memory; of a new one the number one past the last"),
        text=schemas.text("what the memory says afterwards; of DELETE: what it said"),
        event=schemas.one_of(EVENTS, "what happens to it"),
        fact=schemas.index(len(facts), "number of the new fact that it comes from", default=-1),
    )
    about = "what changes; what stays as it is may be left out" if exactly is None else "what becomes of the memory"
    return schemas.fields(memory=schemas.many(entry, about, exactly=exactly))


async def decide(
    strategy: MemoryStrategy,
    name: str,
    facts: Sequence[Fact],
    old: Sequence[Item],
    mind: Mind,
    log: MemoryLog,
    kind: str = FACT,
    fields: Mapping[str, Any] | None = None,
    exactly: int | None = None,
    **asked: Any,
) -> list[Item]:
    """Mem0's update: the model says what becomes of old memories and new facts; what it says is done. One model call.

    Old memories and new facts are shown under the numbers 0, 1, ... so that the model cannot mangle ids. ADD writes a
    new item, UPDATE rewrites an old one under its id, DELETE ends one, NONE does nothing. A full prompt may answer with
    several events for one fact (DELETE of the old and ADD of the new); the one-liner with exactly one per fact, in
    their order. Of two events for one old memory texts are merged; what cannot be merged is refused and on record.

    Args:
        name: of the method's operation; its template is given ``memories``, ``facts`` and what ``asked`` adds.
        fields: of new items.
        exactly: how many events a full prompt is answered with; as many as there is to say when not given.

    Returns:
        The items written or rewritten.
    """
    if not facts:
        return []
    kept = (
        shown(old, mind, log, name) if mind.full else old[: fitting([i.text for i in old], mind, 96 * len(facts), 0.5)]
    )
    plain = prompts.decide([shortened(i) for i in kept], [f.text for f in facts])
    new = [Line(f.text, log.said_at(f.turns)) for f in facts]
    schema = decision(kept, facts, exactly)
    inputs = {"memories": [told(i) for i in kept], "facts": new, **asked}
    reply = await ask(mind, log, strategy.operation(name, plain, schema=schema, **inputs))
    if reply is None:
        return []
    events = _Events(kept, log, kind, dict(fields or {}), reply.cause)
    for number, entry in enumerate(reply["memory"]):
        about = entry["fact"] if 0 <= entry["fact"] < len(facts) else min(number, len(facts) - 1)
        events.carry_out(entry, facts[about])
    return list(events.done.values())


@dataclass
class _Events:
    """Carries out the events of one decision; of two for one old memory none is lost silently."""

    old: Sequence[Item]
    log: MemoryLog
    kind: str
    fields: dict[str, Any]
    cause: int
    done: dict[str, Item] = field(default_factory=dict)

    def carry_out(self, entry: Mapping[str, Any], fact: Fact) -> None:
        event, number, text = entry["event"], entry["id"], entry["text"]
        if event == "NONE":
            return
        if event == "ADD":
            self._add(text or fact.text, fact)
        elif number >= len(self.old):
            self._lost(INVENTED, f"{event} of memory {number}: {text or fact.text}")
        elif not self.log.state[self.old[number].id].active:
            self._after_its_end(event, number, text or fact.text, fact)
        elif event == "DELETE":
            self._delete(self.old[number].id, fact)
        elif text:
            self._update(self.old[number].id, text, fact)
        else:
            self._lost(UNFIT, f"UPDATE of {self.old[number].id} without a text: {fact.text}")

    def _add(self, text: str, fact: Fact) -> None:
        item = add(Fact(text, fact.turns, self.cause), self.log, self.kind, **self.fields)
        self.done[item.id] = item

    def _delete(self, id: str, fact: Fact) -> None:
        if id in self.done:
            self._lost("two events", f"DELETE of {id}, which this decision has just rewritten")
            return
        self.log.delete(id, reason=f"contradicted by: {fact.text}", cause=self.cause)

    def _update(self, id: str, text: str, fact: Fact) -> None:
        item = self.log.state[id]
        if id in self.done and item.text not in text:
            text = item.text if text in item.text else f"{item.text} {text}"
        self.done[id] = self.log.update(
            id, text=text, index_text=text, turns=(*item.turns, *fact.turns), hash=digest(text), updated=self.log.now,
            reason="UPDATE", cause=self.cause,
        )  # fmt: skip

    def _after_its_end(self, event: str, number: int, text: str, fact: Fact) -> None:
        """A second event for a memory that the first one deleted: what it would have said is a memory of its own."""
        self._lost("two events", f"{event} of {self.old[number].id}, which this decision has just deleted: {text}")
        if event == "UPDATE":
            self._add(text, fact)

    def _lost(self, reason: str, detail: str) -> None:
        self.log.dropped(reason, detail, operation="decide", cause=self.cause)


def with_recent(recall: Recall, items: Sequence[Item]) -> Recall:
    """A recall and the turns that wait in a buffer, which are in the context whatever the question."""
    first = len(recall.hits) + 1
    known = {h.item for h in recall.hits if h.returned}
    waiting = [i for i in items if i.id not in known]
    hits = tuple(Hit(i.id, 0.0, first + n, True, {"buffer": 1.0}) for n, i in enumerate(waiting))
    return Recall((*recall.spans, *recent(waiting)), (*recall.hits, *hits), recall.k)
