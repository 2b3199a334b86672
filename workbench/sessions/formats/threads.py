"""The requests of a log sorted into conversations, each told once however often its history is repeated."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workbench.sessions.formats.chat import conversation
from workbench.sessions.formats.limits import Remarks
from workbench.sessions.formats.messages import Said
from workbench.sessions.formats.shapes import each, with_remarks
from workbench.sessions.model import Session


@dataclass(frozen=True, slots=True)
class Record:
    """A request of a log and, when it was logged, its answer.

    Attributes:
        where: its place in the file.
        asked: what was sent, the history included.
        answer: what came back.
        id: of the conversation, where the log tells it: two ids are never the same conversation, one id always is.
        scope: what else tells conversations apart (the user): two scopes are never the same conversation.
        whole: a conversation of its own, whatever others say (a row of training data, a request of a batch).
        name: of the conversation, where the log tells it.
    """

    where: str
    asked: tuple[Said, ...]
    answer: tuple[Said, ...] = ()
    id: str = ""
    scope: str = ""
    whole: bool = False
    name: str = ""

    @property
    def spoken(self) -> list[Said]:
        """What was sent, without instructions."""
        return [m for m in self.asked if not m.system]


@dataclass(eq=False)
class Thread:
    """A conversation as its requests tell it; ``known`` is its last request with the answer, without instructions."""

    where: str
    scope: str = ""
    name: str = ""
    turns: list[Said] = field(default_factory=list)
    known: list[Said] = field(default_factory=list)
    system: list[tuple[str, ...]] = field(default_factory=list)
    repeated: int = 0
    remarks: Remarks = field(default_factory=Remarks)

    def take(self, record: Record, shared: int) -> None:
        """Add what a record has beyond the ``shared`` first messages."""
        spoken = record.spoken
        self._take_system(record)
        self.repeated += shared
        self.turns += [*spoken[shared:], *record.answer]
        self.known = [*spoken, *record.answer]
        self.name = self.name or record.name

    def _take_system(self, record: Record) -> None:
        told = [m for m in record.asked if m.system]
        keys = [m.key for m in told]
        if keys == self.system:
            self.repeated += len(told)
            return
        if self.turns and told:
            self.remarks.add(record.where, "the system message changed; the new one is a turn of its own")
            told = [m for m in told if m.key not in self.system]
        self.turns += told
        self.system = keys

    def rejoin(self, record: Record) -> int:
        """How much of a record of this conversation is known: its beginning, or what a window on the history left."""
        told, new = [m.key for m in self.known], [m.key for m in record.spoken]
        shared = _common(told, new)
        if shared < len(told) and shared and all(m.role == "assistant" for m in self.known[shared:]):
            self.turns = [t for t in self.turns if all(t is not m for m in self.known[shared:])]
            self.remarks.add(record.where, "goes on with another answer than the one logged before; it is kept")
        elif shared < len(told) and shared:
            self.remarks.add(record.where, "goes on otherwise than what was logged before; both are kept")
        return shared or _overlap(told, new)

    def session(self, name: str, format: str) -> Session:
        """The conversation as a session."""
        if self.repeated:
            self.remarks.add(self.where, f"{self.repeated} repeated messages collapsed")
        return conversation(self.turns, name, format, self.remarks, self.where)


def threads(records: Iterable[Record]) -> list[Thread]:
    """The conversations of a log, in the order in which they begin.

    A request goes on with the conversation whose last request and answer it repeats whole in front of something new:
    the longest such one, of several with the same system message, else the oldest. One that shares only its first
    question, or has another system message and no answer in common, is a conversation of its own. Where the log names
    its conversations, the name decides.
    """
    sorter = Sorter()
    for record in records:
        sorter.take(record)
    return sorter.found


class Sorter:
    """Sorts requests into conversations as they come (see ``threads``); ``found`` are the conversations so far."""

    def __init__(self) -> None:
        self.found: list[Thread] = []
        self._by_known: dict[int, list[Thread]] = {}
        self._by_id: dict[str, Thread] = {}

    def take(self, record: Record) -> Thread:
        """The conversation that a request belongs to, which knows it from now on."""
        thread, shared = _continued(record, self._by_known, self._by_id)
        if thread is None:
            thread = Thread(record.where, record.scope)
            self.found.append(thread)
        elif not record.id:
            self._by_known[_key(thread.known)].remove(thread)
        thread.take(record, shared)
        if record.id:
            self._by_id[record.id] = thread
        elif not record.whole:
            self._by_known.setdefault(_key(thread.known), []).append(thread)
        return thread


def named(found: Sequence[Thread], stem: str, format: str, remarks: Remarks) -> list[Session]:
    """The conversations as sessions, named by the log or else by the file. One that holds nothing costs itself."""
    several = len(found) > 1
    rows = [(thread.name or (f"{stem} {n}" if several else stem), thread) for n, thread in enumerate(found, 1)]
    return with_remarks(each(rows, lambda name, thread: thread.session(name, format), remarks), remarks)


def _key(messages: Iterable[Said]) -> int:
    *_, last = _keys(messages)
    return last


def _keys(messages: Iterable[Said]) -> Iterator[int]:
    """A key of nothing, of the first message, of the first two …"""
    key = 0
    yield key
    for message in messages:
        key = hash((key, message.key))
        yield key


def _continued(
    record: Record, by_known: Mapping[int, list[Thread]], by_id: Mapping[str, Thread]
) -> tuple[Thread | None, int]:
    """The conversation that a record goes on with, and how many of its spoken messages are known there."""
    if record.whole:
        return None, 0
    if record.id:
        thread = by_id.get(record.id)
        return (thread, thread.rejoin(record)) if thread else (None, 0)
    spoken = record.spoken
    system = [m.key for m in record.asked if m.system]
    best: tuple[Thread | None, int] = (None, 0)
    for length, key in enumerate(_keys(spoken)):
        if not 0 < length < len(spoken):
            continue  # nothing in common, or nothing new
        same = [t for t in by_known.get(key, ()) if t.scope == record.scope and _may(t, system)]
        if same:
            best = next((t for t in same if t.system == system), same[0]), length
    return best


def _may(thread: Thread, system: list[tuple[str, ...]]) -> bool:
    return thread.system == system or thread.known[-1].role != "user"


def _common(one: Sequence[Any], two: Sequence[Any]) -> int:
    return next((n for n, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two)))


def _overlap(known: Sequence[Any], new: Sequence[Any]) -> int:
    """How long the longest beginning of ``new`` is that ends ``known`` (Knuth, Morris and Pratt: linear)."""
    if not new:
        return 0
    back = [0] * len(new)
    at = 0
    for n in range(1, len(new)):
        while at and new[n] != new[at]:
            at = back[at - 1]
        at += new[n] == new[at]
        back[n] = at
    at = 0
    for key in known:
        while at and (at == len(new) or key != new[at]):
            at = back[at - 1]
        at += at < len(new) and key == new[at]
    return at
