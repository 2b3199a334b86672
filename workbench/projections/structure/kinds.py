"""Any memory: its items by kind and by status, with their counts over the turns."""

from __future__ import annotations

from dataclasses import dataclass, field

from workbench.memory.items import ACTIVE, Item
from workbench.projections.structure.cards import Card, changes_of
from workbench.projections.structure.moment import Moment
from workbench.trace.events import Event, Kind

LATEST = 6
"""Cards shown per kind."""

_OVER = (Kind.SUPERSEDED, Kind.MERGED, Kind.DELETED, Kind.EVICTED)


@dataclass(frozen=True, slots=True)
class Group:
    """The items of one kind.

    Attributes:
        counts: items per status at the cursor, ``active`` first.
        over: active items after every turn from 0 to the last of the session, whatever the cursor.
        latest: the items that changed last, newest first.
    """

    kind: str
    counts: tuple[tuple[str, int], ...]
    over: tuple[int, ...]
    latest: tuple[Card, ...]

    @property
    def active(self) -> int:
        """How many can be retrieved at the cursor."""
        return dict(self.counts).get(ACTIVE, 0)


@dataclass(frozen=True, slots=True)
class Kinds:
    """The kinds in the order of their first item; ``turns`` is the length of every ``Group.over``."""

    groups: tuple[Group, ...]
    turns: int


@dataclass
class _Tally:
    """Active items per kind after every turn of a lane, as far as the trace goes."""

    deltas: dict[str, list[int]] = field(default_factory=dict)
    kind_of: dict[str, str] = field(default_factory=dict)
    alive: set[str] = field(default_factory=set)
    done: int = 0

    def take(self, events: list[Event], turns: int) -> None:
        for event in events[self.done :]:
            self._one(event, turns)
        self.done = len(events)

    def _one(self, event: Event, turns: int) -> None:
        name = event.subject
        if event.kind == Kind.WRITTEN:
            self.kind_of[name] = event.payload["kind"]
        if event.kind in (Kind.WRITTEN, Kind.RESTORED) and name not in self.alive:
            self.alive.add(name)
            self._step(event, 1, turns)
        elif event.kind in _OVER and name in self.alive:
            self.alive.discard(name)
            self._step(event, -1, turns)

    def _step(self, event: Event, by: int, turns: int) -> None:
        deltas = self.deltas.setdefault(self.kind_of[event.subject], [0] * turns)
        deltas[min(max(event.turn, 0), turns - 1)] += by


def kinds(moment: Moment) -> Kinds:
    """Every kind that the lane ever has, with its counts at the cursor."""
    turns = moment.index.turns(moment.session)
    tally: _Tally = moment.index.memo.setdefault(("kinds", moment.session, moment.lane), _Tally())
    tally.take(moment.index.operations(moment.session, moment.lane), turns)
    inside: dict[str, list[Item]] = {}
    for item in moment.state.items.values():
        inside.setdefault(item.kind, []).append(item)
    marks = changes_of(moment.events)
    groups = (_group(kind, inside.get(kind, []), deltas, marks) for kind, deltas in tally.deltas.items())
    return Kinds(tuple(groups), turns)


def _group(kind: str, items: list[Item], deltas: list[int], marks: dict[str, str]) -> Group:
    counts: dict[str, int] = {}
    for item in items:
        counts[item.status] = counts.get(item.status, 0) + 1
    ordered = sorted(counts.items(), key=lambda pair: (pair[0] != ACTIVE, pair[0]))
    latest = sorted(items, key=lambda i: -i.changed)[:LATEST]
    return Group(kind, tuple(ordered), _summed(deltas), tuple(Card(i, marks.get(i.id, "")) for i in latest))


def _summed(deltas: list[int]) -> tuple[int, ...]:
    held, out = 0, []
    for delta in deltas:
        held += delta
        out.append(held)
    return tuple(out)
