"""What fact stores share: extraction, provenance, decisions about old facts, buffers of turns."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.memory import prompts
from workbench.memory.base import Hit, Mind, Recall
from workbench.memory.items import Item
from workbench.memory.log import MemoryLog
from workbench.memory.pieces import cut, room
from workbench.memory.replies import ask
from workbench.memory.retrieval import recent, words
from workbench.memory.vectors import VectorIndex

FACT = "fact"
_ANSWER = 384  # tokens that an extraction may write
MESSAGES = 8
"""Messages that one extraction takes: it writes at most twelve facts, and what is above that would be lost silently."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A sentence that a model drew from turns and that is not stored yet.

    Attributes:
        text: stands alone, as the model wrote it.
        turns: the turns of the messages that share the most words with it.
        cause: ``n`` of the ``model.called`` event that wrote it, for the operations that store it.
    """

    text: str
    turns: tuple[int, ...]
    cause: int


async def extract(said: Sequence[tuple[str, Sequence[int]]], mind: Mind, log: MemoryLog) -> tuple[list[Fact], bool]:
    """The facts in messages, each with the turns it came from; one model call unless they do not fit.

    Args:
        said: the messages, each with its turns.

    A fact comes from the messages that share the most words with it. The same sentence twice is one fact.

    Returns:
        The facts, and whether every call was answered usably (what was not is on record).
    """
    out: dict[str, Fact] = {}
    complete = True
    for batch in _batches(said, room(mind, _ANSWER, 0.8), mind.count_tokens):
        reply = await ask(mind, log, prompts.facts([" ".join(text.split()) for text, _ in batch]))
        if reply:
            found = [Fact(text, origin(text, batch), reply.cause) for text in reply["facts"] if text]
            out = {f.text: f for f in found} | out
        complete = complete and reply is not None
    return list(out.values()), complete


def origin(text: str, said: Sequence[tuple[str, Sequence[int]]]) -> tuple[int, ...]:
    """The turns of the messages that share the most words with ``text``; of all when none shares any."""
    wanted = set(_words(text))
    shared = [len(wanted & set(_words(message))) for message, _ in said]
    chosen = [turns for (_, turns), n in zip(said, shared, strict=True) if n == max(shared)]
    return tuple(sorted({t for turns in chosen for t in turns}))


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def _batches(
    said: Sequence[tuple[str, Sequence[int]]], limit: int, count: Callable[[str], int]
) -> Iterator[list[tuple[str, Sequence[int]]]]:
    batch: list[tuple[str, Sequence[int]]] = []
    length = 0
    for text, turns in said:
        for piece in cut(text, limit, count):
            size = count(piece) + 1
            if batch and (length + size > limit or len(batch) == MESSAGES):
                yield batch
                batch, length = [], 0
            batch.append((piece, turns))
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


def digest(text: str) -> str:
    """Mem0's identity of a text: its MD5."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def add(fact: Fact, log: MemoryLog, kind: str = FACT, **fields: Any) -> Item:
    """Write a fact as an item with its hash and date."""
    return log.write(fact.text, kind, fact.turns, cause=fact.cause, hash=digest(fact.text), date=log.now, **fields)


def shortened(item: Item, limit: int = prompts.MAX_TEXT) -> str:
    """An item's text as a line of a prompt."""
    return " ".join(item.text.split())[:limit]


async def near(
    index: VectorIndex, text: str, items: Sequence[Item], mind: Mind, k: int, at_least: float = -1.0
) -> list[Item]:
    """The ``k`` nearest items by cosine, none below ``at_least``."""
    found = await index.search(text, items, mind, k)
    return [items[i] for i in found.order[:k] if found.scores[i] >= at_least]


async def decide(
    facts: Sequence[Fact], old: Sequence[Item], mind: Mind, log: MemoryLog, kind: str = FACT, **fields: Any
) -> list[Item]:
    """Mem0's update: the model says per fact what becomes of the old memories; what it says is done.

    Old memories are shown under the numbers 0, 1, ... so that the model cannot mangle their ids. ADD writes a new item,
    UPDATE rewrites an old one under its id, DELETE ends one and adds nothing, NONE does nothing. One model call.

    Returns:
        The items written or rewritten.
    """
    if not facts:
        return []
    kept = old[: fitting([i.text for i in old], mind, 96 * len(facts), 0.5)]
    reply = await ask(mind, log, prompts.decide([shortened(i) for i in kept], [f.text for f in facts]))
    if reply is None:
        return []
    done = []
    for number, entry in enumerate(reply["memory"]):
        fact = facts[min(number, len(facts) - 1)]
        item = _carry_out(entry, Fact(fact.text, fact.turns, reply.cause), kept, log, kind, fields)
        if item:
            done.append(item)
    return done


def _carry_out(
    entry: Mapping[str, Any], fact: Fact, old: Sequence[Item], log: MemoryLog, kind: str, fields: dict[str, Any]
) -> Item | None:
    event, number, text = entry["event"], entry["id"], entry["text"]
    if event == "NONE":
        return None
    if event == "ADD":
        text = text or fact.text
        return add(Fact(text, fact.turns, fact.cause), log, kind, **fields)
    if number >= len(old) or not log.state[old[number].id].active:
        log.dropped("invented id", f"{event} of memory {number}: {text or fact.text}", cause=fact.cause)
        return None
    item = log.state[old[number].id]
    if event == "DELETE":
        log.delete(item.id, reason=f"contradicted by: {fact.text}", cause=fact.cause)
        return None
    if not text:
        log.dropped("not in the schema", f"UPDATE of {item.id} without a text: {fact.text}", cause=fact.cause)
        return None
    return log.update(item.id, text=text, index_text=text, turns=(*item.turns, *fact.turns), hash=digest(text),
                      updated=log.now, reason="UPDATE", cause=fact.cause)  # fmt: skip


def with_recent(recall: Recall, items: Sequence[Item]) -> Recall:
    """A recall and the turns that wait in a buffer, which are in the context whatever the question."""
    first = len(recall.hits) + 1
    known = {h.item for h in recall.hits if h.returned}
    waiting = [i for i in items if i.id not in known]
    hits = tuple(Hit(i.id, 0.0, first + n, True, {"buffer": 1.0}) for n, i in enumerate(waiting))
    return Recall((*recall.spans, *recent(waiting)), (*recall.hits, *hits), recall.k)


def keyed_words(text: str) -> set[str]:
    """The words of a text that tell it from others: those of three letters and more."""
    return {w for w in words(text) if len(w) > 2}
