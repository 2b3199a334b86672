"""Operations as a ledger with old and new text, and the one state of a bounded memory against the turn before."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from workbench.memory.items import Item, MemoryState
from workbench.projections.diff import Piece, word_diff
from workbench.projections.structure.moment import Moment
from workbench.trace.events import Event, Kind

MOST = 200
"""Entries shown: the last ones up to the cursor."""

VERBS = {
    Kind.WRITTEN: "ADD",
    Kind.UPDATED: "UPDATE",
    Kind.DELETED: "DELETE",
    Kind.SUPERSEDED: "SUPERSEDE",
    Kind.MERGED: "MERGE",
    Kind.EVICTED: "EVICT",
    Kind.RESTORED: "RESTORE",
}
"""What an operation is called in a ledger, in the words of the systems that decide so."""
NONE = "NONE"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger.

    Attributes:
        verb: one of ``VERBS``, or ``NONE`` for a fact that the model decided to leave.
        kind: the event kind, for its mark; empty for ``NONE``.
        old, new: the text before and after; both when it was rewritten.
        other: the item that took its place.
    """

    seq: int
    turn: int
    verb: str
    kind: str
    item: str
    old: str
    new: str
    reason: str
    other: str = ""

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """Old and new as one text, word by word."""
        return word_diff(self.old, self.new)


@dataclass(frozen=True, slots=True)
class Ledger:
    """The last entries up to the cursor, newest first; ``counts`` is over all ``total`` of them."""

    entries: tuple[Entry, ...]
    counts: tuple[tuple[str, int], ...]
    total: int


@dataclass(frozen=True, slots=True)
class State:
    """A memory that is one text.

    Attributes:
        item: the text now, None before it was first written.
        before: the text after the turn before.
        tokens, limit: its size and how much it may hold; 0 when unknown.
        sizes: (turn, tokens) after every rewrite up to the cursor.
        carried, new, gone: how many sentences stayed, came and went at the last rewrite.
    """

    item: Item | None
    before: str
    tokens: int
    limit: int
    sizes: tuple[tuple[int, int], ...]
    carried: int
    new: int
    gone: int

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """The text before and now, word by word."""
        return word_diff(self.before, self.item.text if self.item else "")


def ledger(moment: Moment) -> Ledger:
    """What became of the memory, operation by operation."""
    told = [e for e in moment.operations if e.kind in VERBS and _tells(e)]
    left = [e for e in _left(moment) if e.turn <= moment.turn and e.seq <= moment.limit]
    counts: dict[str, int] = {}
    for event in told:
        counts[VERBS[Kind(event.kind)]] = counts.get(VERBS[Kind(event.kind)], 0) + 1
    if left:
        counts[NONE] = len(left)
    last = [_entry(e, moment.state) for e in told[-MOST:]]
    shown = sorted([*last, *left[-MOST:]], key=lambda e: -e.seq)[:MOST]
    return Ledger(tuple(shown), tuple(counts.items()), len(told) + len(left))


def _tells(event: Event) -> bool:
    """An update counts as one when it changes what a reader would read."""
    return event.kind != Kind.UPDATED or "text" in event.payload["changes"]


def _entry(event: Event, state: MemoryState) -> Entry:
    data, old, new = event.payload, "", ""
    if event.kind == Kind.WRITTEN:
        new = data["text"]
    elif event.kind == Kind.UPDATED:
        old, new = data["changes"]["text"]
    elif event.kind == Kind.RESTORED:
        new = state[event.subject].text
    else:
        old = state[event.subject].text
    other = str(data.get("by") or data.get("into") or "")
    if other in state and event.kind in (Kind.SUPERSEDED, Kind.MERGED):
        new = state[other].text
    verb = VERBS[Kind(event.kind)]
    return Entry(event.seq, event.turn, verb, str(event.kind), event.subject, old, new, data.get("reason", ""), other)


@dataclass
class _Left:
    entries: list[Entry]
    seq: int = 0


def _left(moment: Moment) -> list[Entry]:
    """The facts that a model decided to leave: the answers ``NONE`` of the calls that decide."""
    memo: _Left = moment.index.memo.setdefault(("left", moment.session, moment.lane), _Left([]))
    if memo.seq < moment.index.seq:
        reader = moment.index.reader
        calls = reader.events(
            moment.session, moment.lane, (Kind.MODEL_CALLED,), after_seq=memo.seq, up_to_seq=moment.index.seq
        )
        for call in calls:
            if call.payload.get("purpose") == "decide" and not call.payload.get("error"):
                memo.entries += _decided_none(call)
        memo.seq = moment.index.seq
    return memo.entries


def _decided_none(call: Event) -> list[Entry]:
    try:
        answer: Any = json.loads(call.payload.get("raw", ""))
    except json.JSONDecodeError:
        return []  # an answer that was cut off: the log shows it as an error
    entries = answer.get("memory", ()) if isinstance(answer, dict) else ()
    texts = [str(e.get("text", "")) for e in entries if isinstance(e, dict) and e.get("event") == NONE]
    return [Entry(call.seq, call.turn, NONE, "", "", "", text, "nothing to change") for text in texts]


def state(moment: Moment) -> State:
    """The one text of a bounded memory at the cursor against the turn before."""
    item = next((i for i in moment.state.active() if {"lines", "tokens"} <= i.fields.keys()), None)
    before = ""
    if moment.turn > 0 and item is not None:
        earlier = moment.index.state(moment.session, moment.lane, moment.turn - 1)
        before = earlier[item.id].text if item.id in earlier else ""
    sizes, last = [], dict[str, int]()
    for note in moment.notes:
        if note.payload["name"] == "state size":
            last = note.payload["value"]
            sizes.append((note.turn, int(last["tokens"])))
    tokens = int(item.fields["tokens"]) if item else 0
    carried, new, gone = (int(last.get(k, 0)) for k in ("carried", "new", "gone"))
    return State(item, before, tokens, int(last.get("limit", 0)), tuple(sizes), carried, new, gone)
