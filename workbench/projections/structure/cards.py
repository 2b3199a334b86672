"""Items as cards in columns: the tiers of a memory, its buckets, or the fragments of a context."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from workbench.memory.items import Item
from workbench.projections.structure.moment import Moment
from workbench.trace.events import Event, Kind

WORKING = "WorkingMemory"
BUCKET_FIELDS = ("bucket", "place", "chunk")
"""Fields that say in which of many equal places an item lies, the first that a lane has counts."""

_ROOM = {
    "short-term": (("short", "item"),),
    "mid-term": (),
    "segment": (("mid", "item"),),
    "knowledge": (("long", "item"),),
    "LongTermMemory": (("long_term", "item"),),
    "UserMemory": (("user", "item"),),
    WORKING: (("working", "item"),),
    "queue": (("queue", "item"),),
    "core": (("core", "character"),),
    "slot": (("slots", "item"),),
    "memory": (("memories", "item"),),
    "sensory": (),
}  # the column's capacity: the strategy's parameter and what it counts
_BY_STRATEGY = {"lightmem": frozenset({"short-term"})}  # tiers whose parameter counts something else: tokens

ENDED = (Kind.EVICTED, Kind.DELETED, Kind.SUPERSEDED, Kind.MERGED)
_WEIGHT = (*ENDED, Kind.WRITTEN, Kind.RESTORED, Kind.UPDATED)


@dataclass(frozen=True, slots=True)
class Card:
    """An item and what this turn did to it.

    Attributes:
        mark: the kind of the operation that matters most, empty when the turn left it alone.
        was: the column it came from at this turn, empty when it did not move.
        note: what is worth a word besides its text.
    """

    item: Item
    mark: str = ""
    was: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A tier, bucket or place.

    Attributes:
        cards: newest change first; items that left at this turn come last.
        held: how many active items it has.
        gone: how many were in it when they left the memory.
        size, room: how full it is and how much fits, in ``unit``; ``room`` is 0 when nothing limits it.
    """

    name: str
    cards: tuple[Card, ...]
    held: int
    gone: int
    size: int
    room: int
    unit: str = "item"


@dataclass(frozen=True, slots=True)
class Board:
    """Columns in the order in which a lane opened them. ``by`` is the word for what they are."""

    by: str
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Fragments:
    """The fragments of a context in order; ``item.fields['view']`` is how much of each the model sees."""

    cards: tuple[Card, ...]
    counts: Mapping[str, int]


def board(moment: Moment) -> Board:
    """Tiers, or the kinds of items where a memory keeps its stores apart by kind."""
    names = [name for name, turn in moment.traits.opened.items() if turn <= moment.turn]
    columns = _columns(moment, names, _tier, "tier")
    return Board("tier", (*_working(moment), *columns) if columns else ())


def buckets(moment: Moment) -> Board:
    """Items by bucket, place or chunk; every bucket is there where the strategy says how many it has."""
    by = next(name for name in BUCKET_FIELDS if moment.traits.has(name))

    def place(item: Item) -> str:
        return str(item.fields[by]) if by in item.fields else ""

    fixed = [str(n) for n in range(moment.param("buckets"))] if by == "bucket" else []
    names = dict.fromkeys([*fixed, *(place(i) for i in _known(moment))])
    names.pop("", None)
    titled = {n: _named(moment, n) for n in names}
    columns = _columns(moment, names, place, by)
    return Board(by, tuple(_renamed(c, titled[c.name]) for c in columns))


def fragments(moment: Moment) -> Fragments:
    """The context as its fragments."""
    marks, was = changes_of(moment.events), _moves(moment.events, "view")
    found = [i for i in moment.state.items.values() if "view" in i.fields and (i.active or i.id in marks)]
    counts: dict[str, int] = {}
    for item in found:
        view = str(item.fields["view"])
        counts[view] = counts.get(view, 0) + item.active
    return Fragments(tuple(Card(i, marks.get(i.id, ""), was.get(i.id, "")) for i in found), counts)


def _working(moment: Moment) -> Iterable[Column]:
    """Working memory as a column of its own, where it is a mark on items that have their tier besides (MemOS)."""
    if moment.traits.has("working"):
        held = [i for i in _known(moment) if i.active and i.fields.get("working") is True]
        column = _column(moment, WORKING, held, changes_of(moment.events), {})
        yield replace(column, cards=tuple(replace(card, note="") for card in column.cards))


def _tier(item: Item) -> str:
    return str(item.fields.get("tier") or item.kind)


def _named(moment: Moment, name: str) -> str:
    return moment.state[name].text if name in moment.state else name


def _renamed(column: Column, title: str) -> Column:
    return Column(title, column.cards, column.held, column.gone, column.size, column.room, column.unit)


def _known(moment: Moment) -> Iterable[Item]:
    return moment.state.items.values()


def _columns(moment: Moment, names: Iterable[str], key: Callable[[Item], str], field: str) -> tuple[Column, ...]:
    marks, was = changes_of(moment.events), _moves(moment.events, field)
    inside: dict[str, list[Item]] = {name: [] for name in names}
    for item in moment.state.items.values():
        if key(item) in inside:
            inside[key(item)].append(item)
    return tuple(_column(moment, name, items, marks, was) for name, items in inside.items())


def _column(moment: Moment, name: str, items: list[Item], marks: Mapping[str, str], was: Mapping[str, str]) -> Column:
    held = [i for i in items if i.active]
    shown = sorted(held, key=lambda i: -i.changed)
    leaving = [i for i in items if not i.active and i.id in marks]
    room, unit = _room(moment, name)
    size = sum(len(i.text) for i in held) if unit == "character" else len(held)
    cards = (Card(i, marks.get(i.id, ""), was.get(i.id, ""), _note(i)) for i in [*shown, *leaving])
    return Column(name, tuple(cards), len(held), len(items) - len(held), size, room, unit)


def _room(moment: Moment, name: str) -> tuple[int, str]:
    row = next(row for row in moment.index.lanes if row.id == moment.lane)
    if name not in _BY_STRATEGY.get(row.memory, ()):
        for param, unit in _ROOM.get(name, ()):
            if room := moment.param(param):
                return room, unit
    return 0, "item"


def _note(item: Item) -> str:
    heat = item.fields.get("heat")
    return (
        f"heat {heat:g}"
        if isinstance(heat, int | float)
        else "working" * (item.active and item.fields.get("working") is True)
    )


def changes_of(events: Iterable[Event]) -> dict[str, str]:
    """How each item changed in these events: its subject with the mark of the last operation."""
    found: dict[str, str] = {}
    for event in events:
        if event.kind in _WEIGHT:
            known = found.get(event.subject)
            if known is None or _WEIGHT.index(Kind(event.kind)) < _WEIGHT.index(Kind(known)):
                found[event.subject] = str(event.kind)
    return found


def _moves(events: Iterable[Event], field: str) -> dict[str, str]:
    """Where each item was before this turn moved it."""
    found: dict[str, str] = {}
    for event in events:
        change = event.payload.get("changes", {}).get(field) if event.kind == Kind.UPDATED else None
        if change and change[0] != change[1]:
            found.setdefault(event.subject, str(change[0]))
    return found
