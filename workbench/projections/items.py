"""The memory table at the cursor, and the whole story of one item."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workbench.memory.items import Item
from workbench.projections.diff import FieldChange, readable
from workbench.projections.index import TraceIndex
from workbench.projections.remarks import Remark, remarks
from workbench.sessions.model import Turn
from workbench.trace.events import Event, Kind
from workbench.trace.reader import TraceReader

MARKED = (
    Kind.SUPERSEDED,
    Kind.MERGED,
    Kind.DELETED,
    Kind.EVICTED,
    Kind.RESTORED,
    Kind.WRITTEN,
    Kind.UPDATED,
    Kind.LINKED,
    Kind.UNLINKED,
    Kind.ACCESSED,
)
"""Operations by how much they matter to an item; the first of a turn's marks stands for the turn."""

_IN_MODEL = (Kind.MODEL_CALLED, Kind.RECALLED)


@dataclass(frozen=True, slots=True)
class ItemRow:
    """An item at the cursor and what this turn did to it.

    ``marks`` are the kinds of this turn's operations on it, most important first; ``changes`` the fields that this
    turn updated, old and new; ``used`` is how often it was retrieved so far.
    """

    item: Item
    marks: tuple[str, ...] = ()
    changes: tuple[FieldChange, ...] = ()
    used: int = 0


@dataclass(frozen=True, slots=True)
class ItemsView:
    """All items of a lane that exist at the cursor, oldest first.

    ``fields`` are the names that any item has, in order of first appearance; ``counts`` the operations of this turn.
    """

    lane: int
    turn: int
    rows: tuple[ItemRow, ...]
    fields: tuple[str, ...]
    counts: tuple[tuple[str, int], ...]
    active: int


def items_view(reader: TraceReader, session: int, lane: int, turn: int, seq: int | None = None) -> ItemsView:
    """The memory of a lane at the cursor."""
    index = TraceIndex.of(reader)
    state = index.state(session, lane, turn, seq)
    events = [e for e in index.events(session, lane, turn) if e.kind in MARKED and (seq is None or e.seq <= seq)]
    touched: dict[str, list[Event]] = {}
    for event in events:
        touched.setdefault(event.subject, []).append(event)
    used = _used(index, session, lane, turn, index.seq if seq is None else seq)
    rows = tuple(_row(i, touched.get(i.id, []), used[i.id]) for i in state.items.values())
    names = dict.fromkeys(name for i in state.items.values() for name in i.fields)
    found = [e.kind for e in events]
    counts = tuple((str(k), found.count(k)) for k in MARKED if k in found)
    return ItemsView(lane, turn, rows, tuple(names), counts, sum(i.active for i in state.items.values()))


@dataclass
class _Recalls:
    """Turn, event and returned items of every recall of a lane, as far as the trace was read."""

    seq: int = 0
    found: list[tuple[int, int, tuple[str, ...]]] = field(default_factory=list)


def _used(index: TraceIndex, session: int, lane: int, turn: int, seq: int) -> Counter[str]:
    """How many recalls up to the cursor have returned each item."""
    recalls: _Recalls = index.memo.setdefault(("recalls", session, lane), _Recalls())
    if recalls.seq < index.seq:
        for event in index.reader.events(session, lane, (Kind.RECALLED,), after_seq=recalls.seq, up_to_seq=index.seq):
            names = tuple(h["item"] for h in event.payload["hits"] if h["returned"])
            recalls.found.append((event.turn, event.seq, names))
        recalls.seq = index.seq
    return Counter(name for at, n, names in recalls.found if at <= turn and n <= seq for name in names)


def _row(item: Item, events: list[Event], used: int) -> ItemRow:
    used = max(used, item.accessed)  # methods whose state depends on use record the same retrievals themselves
    if not events:
        return ItemRow(item, used=used)
    kinds = {e.kind for e in events}
    marks = tuple(str(k) for k in MARKED if k in kinds)
    first: dict[str, Any] = {}
    last: dict[str, Any] = {}
    for event in events:
        for name, (old, new) in event.payload.get("changes", {}).items():
            first.setdefault(name, old)
            last[name] = new
    pairs = ((name, readable(first[name]), readable(last[name])) for name in first)
    return ItemRow(item, marks, tuple(FieldChange(*p) for p in pairs if p[1] != p[2]), used)


def chips(fields: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Fields as short name and value pairs; list entries after the first have an empty name."""
    found: list[tuple[str, str]] = []
    for name, value in fields.items():
        parts = [readable(v) for v in value] if isinstance(value, list | tuple) else [readable(value)]
        parts = [p for p in parts if p]
        found += [(name if at == 0 else "", part) for at, part in enumerate(parts)]
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Cause:
    """The event that brought an operation about: a model call (prompt and raw output) or a recall (its query)."""

    n: int
    kind: str
    purpose: str
    prompt: tuple[tuple[str, str], ...]
    raw: str
    tokens: tuple[int, int]
    stop: str
    error: str
    ms: float


@dataclass(frozen=True, slots=True)
class Step:
    """One operation in an item's history.

    ``role`` is ``subject``, or ``other`` when the operation was on another item and only names this one (a link to it,
    an item that it superseded). ``future`` lies after the cursor.
    """

    kind: str
    turn: int
    n: int
    seq: int
    role: str
    other: str
    label: str
    reason: str
    changes: tuple[FieldChange, ...]
    cause: Cause | None
    future: bool


@dataclass(frozen=True, slots=True)
class ItemDetail:
    """The whole story of one item: what it is at the cursor, where it came from, all that happened to it.

    ``item`` is None while it is not yet written at the cursor; ``accesses`` counts retrievals up to the cursor, which
    are not listed one by one. ``remarks`` are what people said of it.
    """

    id: str
    item: Item | None
    sources: tuple[Turn, ...]
    steps: tuple[Step, ...]
    links: tuple[tuple[str, str, str], ...]
    stale_index: bool
    remarks: tuple[Remark, ...] = ()


def item_detail(
    reader: TraceReader, session: int, lane: int, turn: int, item: str, seq: int | None = None
) -> ItemDetail | None:
    """An item's story; None when the lane never has such an item."""
    index = TraceIndex.of(reader)
    state = index.state(session, lane, turn, seq)
    operations = index.operations(session, lane)
    events = [e for e in operations if e.kind != Kind.ACCESSED and (e.subject == item or _names(e, item))]
    if not any(e.subject == item and e.kind == Kind.WRITTEN for e in events):
        return None
    causes = _causes(reader, session, lane, {e.cause for e in events if e.cause})
    steps = tuple(_step(e, item, causes, e.turn > turn or (seq is not None and e.seq > seq)) for e in events)
    now = state.items.get(item)
    named = now.turns if now else tuple(events[0].payload.get("turns", ()))
    spoken = index.session(session).turns
    links = tuple(
        (link.target if link.source == item else link.source, link.label, "to" if link.source == item else "from")
        for link in state.ties(item)
    )
    sources = tuple(spoken[t] for t in named if 0 <= t < len(spoken))
    said = tuple(r for r in remarks(reader, session) if (r.about, r.lane, r.subject) == ("item", lane, item))
    return ItemDetail(item, now, sources, steps, links, now is not None and _stale(now, operations), said)


def _names(event: Event, item: str) -> bool:
    payload = event.payload
    return item in (payload.get("to"), payload.get("by"), payload.get("into"))


def _step(event: Event, item: str, causes: Mapping[int, Cause], future: bool) -> Step:
    own = event.subject == item
    payload = event.payload
    other = (payload.get("to") or payload.get("by") or payload.get("into") or "") if own else event.subject
    fields: tuple[FieldChange, ...] = ()
    if event.kind == Kind.WRITTEN:
        named = {"text": payload["text"], **payload.get("fields", {})}
        fields = tuple(FieldChange(k, "", readable(v)) for k, v in named.items() if readable(v))
    elif event.kind == Kind.UPDATED:
        pairs = ((name, readable(old), readable(new)) for name, (old, new) in payload["changes"].items())
        fields = tuple(FieldChange(*p) for p in pairs)
    return Step(
        str(event.kind),
        event.turn,
        event.n,
        event.seq,
        "subject" if own else "other",
        other,
        payload.get("label", ""),
        payload.get("reason", ""),
        fields,
        causes.get(event.cause),
        future,
    )


def _causes(reader: TraceReader, session: int, lane: int, wanted: set[int]) -> dict[int, Cause]:
    found = {}
    for n in sorted(wanted):
        rows = reader.query("SELECT seq FROM event WHERE session = ? AND lane = ? AND n = ?", (session, lane, n))
        if rows:
            event = reader.event(rows[0][0])
            if event.kind in _IN_MODEL:
                found[n] = _cause(event)
    return found


def _cause(event: Event) -> Cause:
    data = event.payload
    prompt = data.get("prompt") or ([{"role": "query", "text": data["query"]}] if "query" in data else [])
    tokens = data.get("tokens", (0, 0))
    return Cause(
        event.n,
        str(event.kind),
        data.get("purpose", "recall"),
        tuple((m["role"], m["text"]) for m in prompt),
        data.get("raw", ""),
        (tokens[0], tokens[1]),
        data.get("stop", ""),
        data.get("error", ""),
        event.ms,
    )


def _stale(item: Item, operations: list[Event]) -> bool:
    """Whether the index still holds something that an update has taken out of text or fields."""
    gone: set[str] = set()
    for event in operations:
        if event.subject == item.id and event.kind == Kind.UPDATED and event.turn <= item.changed:
            for old, new in event.payload["changes"].values():
                gone = (gone | _parts(old)) - _parts(new)
    return any(part in item.index_text for part in gone)


def _parts(value: Any) -> set[str]:
    parts = value if isinstance(value, list | tuple) else [value]
    return {p for p in map(readable, parts) if p}
