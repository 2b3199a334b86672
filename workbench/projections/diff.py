"""What changed between two turns, grouped by operation, with old and new text word by word."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from workbench.memory.items import Item, MemoryState
from workbench.projections.index import TraceIndex
from workbench.trace.events import Event, Kind
from workbench.trace.reader import TraceReader

SAME, GONE, NEW = "same", "gone", "new"
ORDER = (
    Kind.WRITTEN,
    Kind.UPDATED,
    Kind.SUPERSEDED,
    Kind.MERGED,
    Kind.DELETED,
    Kind.EVICTED,
    Kind.RESTORED,
    Kind.LINKED,
    Kind.UNLINKED,
    Kind.ACCESSED,
    Kind.DROPPED,
)
"""The groups in the order in which they are shown: what was stored first, what was lost last."""

_MOST_WORDS = 3000  # beyond this only the common start and end are matched: difflib is quadratic
_WORDS = re.compile(r"\s+|[^\s\w]|\w+")


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text: ``same``, ``gone`` (only in the old text) or ``new`` (only in the new one)."""

    op: str
    text: str


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of an item, as people read it, before and after."""

    name: str
    old: str
    new: str

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """Old and new as one text, word by word."""
        return word_diff(self.old, self.new)


@dataclass(frozen=True, slots=True)
class Change:
    """One operation, or the sum of several of the same kind on the same item between the two turns.

    Attributes:
        kind: one of ``ORDER``.
        item: the item's id, empty for a dropped operation.
        text: the item's text after the change.
        fields: what changed, old and new. For an item that was written, its fields with an empty old.
        other: the item on the far side: the successor, or where the link leads.
        other_text: its text.
        label: of the link.
        reason: what the method says; for dropped operations reason and detail.
        count: how many operations this sums up.
        turn, n, cause: of the last of them.
    """

    kind: str
    item: str
    text: str
    fields: tuple[FieldChange, ...] = ()
    other: str = ""
    other_text: str = ""
    label: str = ""
    reason: str = ""
    count: int = 1
    turn: int = -1
    n: int = 0
    cause: int = 0
    turns: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class DiffView:
    """What changed after turn ``base`` up to and with turn ``turn``; groups are never empty."""

    lane: int
    base: int
    turn: int
    groups: tuple[tuple[str, tuple[Change, ...]], ...]
    items: int

    @property
    def changes(self) -> tuple[Change, ...]:
        """All changes in the order of the groups."""
        return tuple(change for _, changes in self.groups for change in changes)


def diff_view(
    reader: TraceReader, session: int, lane: int, turn: int, seq: int | None = None, base: int | None = None
) -> DiffView:
    """The diff of a lane at the cursor against turn ``base`` (default: the turn before).

    A base after the cursor is taken as the later end, so that the pair reads the same both ways.
    """
    index = TraceIndex.of(reader)
    first = turn - 1 if base is None else base
    if first > turn:
        first, turn, seq = turn, first, None
    state = index.state(session, lane, turn, seq)
    events = _between(index, session, lane, first, turn, seq)
    groups: dict[str, list[Change]] = {}
    for change in summed(events, state):
        groups.setdefault(change.kind, []).append(change)
    ordered = tuple((str(k), tuple(groups[k])) for k in ORDER if k in groups)
    return DiffView(lane, first, turn, ordered, len(state.active()))


def _between(index: TraceIndex, session: int, lane: int, base: int, turn: int, seq: int | None) -> list[Event]:
    if turn - base == 1:
        events: Iterable[Event] = index.events(session, lane, turn)
    else:
        events = index.reader.events(session, lane, ORDER, turns=(base + 1, turn), up_to_seq=index.seq)
    return [e for e in events if e.kind in ORDER and (seq is None or e.seq <= seq)]


@dataclass
class _Sum:
    event: Event
    count: int = 0
    changes: dict[str, list[Any]] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)

    def add(self, event: Event) -> None:
        self.event = event
        self.count += 1
        for name, (old, new) in event.payload.get("changes", {}).items():
            self.changes.setdefault(name, [old, new])[1] = new
        reason = event.payload.get("reason", "")
        if reason and reason not in self.reasons:
            self.reasons.append(reason)


def summed(events: Iterable[Event], state: MemoryState) -> list[Change]:
    """Operations as changes: several of one kind on one item become one, in the order of their first.

    An update that was taken back again is left out. ``state`` is the one after the events and lends the texts.
    """
    sums: dict[tuple[Any, ...], _Sum] = {}
    for event in events:
        far = event.payload.get("to", ""), event.payload.get("label", "")
        key = (event.kind, event.subject, *far) if event.kind != Kind.DROPPED else (event.kind, event.n)
        sums.setdefault(key, _Sum(event)).add(event)
    changes = (_change(one, state) for one in sums.values())
    return [c for c in changes if c.kind != Kind.UPDATED or c.fields]


def _change(one: _Sum, state: MemoryState) -> Change:
    event, payload = one.event, one.event.payload
    item = state.items.get(event.subject)
    other = payload.get("to") or payload.get("by") or payload.get("into") or ""
    beyond = state.items.get(other)
    reason = "; ".join(one.reasons)
    if event.kind == Kind.DROPPED:
        reason = ": ".join(p for p in (reason, payload.get("detail", "")) if p)
    return Change(
        str(event.kind),
        event.subject,
        payload["text"] if event.kind == Kind.WRITTEN else item.text if item else "",
        _fields(one, item),
        other,
        beyond.text if beyond else "",
        payload.get("label", ""),
        reason,
        one.count,
        event.turn,
        event.n,
        event.cause,
        item.turns if item else (),
    )


def _fields(one: _Sum, item: Item | None) -> tuple[FieldChange, ...]:
    if one.event.kind == Kind.WRITTEN:
        written: Mapping[str, Any] = one.event.payload.get("fields", {})
        return tuple(FieldChange(name, "", readable(value)) for name, value in written.items() if readable(value))
    pairs = ((name, readable(old), readable(new)) for name, (old, new) in one.changes.items())
    return tuple(FieldChange(*pair) for pair in pairs if pair[1] != pair[2])


def readable(value: Any) -> str:
    """A field's value as people read it: lists with commas, mappings as ``name: value``, numbers short."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{k}: {readable(v)}" for k, v in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(readable(v) for v in value)
    return str(value)


def word_diff(old: str, new: str) -> tuple[Piece, ...]:
    """One text that shows both, word by word; joining all but ``gone`` gives ``new``, all but ``new`` gives ``old``."""
    a, b = _WORDS.findall(old), _WORDS.findall(new)
    start = _common(a, b)
    end = _common(a[start:][::-1], b[start:][::-1])
    pieces = [Piece(SAME, "".join(a[:start]))]
    pieces += _middle(a[start : len(a) - end], b[start : len(b) - end])
    pieces.append(Piece(SAME, "".join(a[len(a) - end :])))
    return tuple(_joined(p for p in pieces if p.text))


def _common(a: list[str], b: list[str]) -> int:
    shortest = min(len(a), len(b))
    return next((i for i in range(shortest) if a[i] != b[i]), shortest)


def _middle(a: list[str], b: list[str]) -> list[Piece]:
    if len(a) + len(b) > _MOST_WORDS:
        return [Piece(GONE, "".join(a)), Piece(NEW, "".join(b))]
    pieces = []
    for op, i, j, k, m in difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        if op == "equal":
            pieces.append(Piece(SAME, "".join(a[i:j])))
        else:
            pieces += [Piece(GONE, "".join(a[i:j])), Piece(NEW, "".join(b[k:m]))]
    return pieces


def _joined(pieces: Iterable[Piece]) -> list[Piece]:
    """Neighbours of one kind become one; a lone space between two changes joins them, so phrases stay whole."""
    found = [p for p in pieces if p.text]
    for at in range(1, len(found) - 1):
        if found[at].op == SAME and found[at].text.isspace() and found[at - 1].op == NEW and found[at + 1].op == GONE:
            found[at] = Piece("both", found[at].text)
    joined: list[Piece] = []
    gone, new = "", ""
    for piece in [*found, Piece(SAME, "")]:
        if piece.op == SAME:
            joined += [p for p in (Piece(GONE, gone), Piece(NEW, new), piece) if p.text]
            gone, new = "", ""
        else:
            gone += piece.text if piece.op in (GONE, "both") else ""
            new += piece.text if piece.op in (NEW, "both") else ""
    return joined
