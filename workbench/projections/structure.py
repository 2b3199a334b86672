"""What is special about a memory, at the cursor: tiers, tree, buckets, surprise, state, ledger, fragments, or kinds.

Which shapes a memory has is read off its data, over the whole lane, so that the view does not jump while one scrubs:
the fields of its items, the labels of its links and the names of what it noted. ``SHAPES`` is the one place that says
so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from workbench.memory.items import MemoryState
from workbench.projections import structure_cards as cards
from workbench.projections import structure_curve as curve
from workbench.projections import structure_kinds as kinds
from workbench.projections import structure_ledger as ledger
from workbench.projections import structure_tree as tree
from workbench.projections.index import TraceIndex
from workbench.trace.events import Event, Kind
from workbench.trace.reader import TraceReader


@dataclass
class Traits:
    """What the data of a lane offers, from all of its events so far.

    Attributes:
        fields: the names of fields that any item had, per kind.
        labels: of links.
        noted: every note of the strategy, in order.
        opened: the columns of a board, each with the turn of its first item.
        seq: up to where the trace was read.
    """

    fields: dict[str, set[str]] = field(default_factory=dict)
    labels: set[str] = field(default_factory=set)
    noted: list[Event] = field(default_factory=list)
    opened: dict[str, int] = field(default_factory=dict)
    done: int = 0
    seq: int = 0

    def has(self, *names: str) -> bool:
        """Whether some kind of item has all of these fields."""
        return any(known.issuperset(names) for known in self.fields.values())

    def kinds_with(self, name: str) -> int:
        """How many kinds of items have this field."""
        return sum(name in known for known in self.fields.values())

    def take(self, operations: list[Event], noted: list[Event], seq: int) -> None:
        """Take in what was written since."""
        for event in operations[self.done :]:
            if event.kind == Kind.WRITTEN:
                own = event.payload.get("fields", {})
                self.fields.setdefault(event.payload["kind"], set()).update(own)
                self.opened.setdefault(str(own.get("tier") or event.payload["kind"]), event.turn)
            elif event.kind == Kind.UPDATED:
                changes = event.payload["changes"]
                if "files" in changes:
                    self.fields.setdefault("", set()).add("files")
                if "tier" in changes:
                    self.opened.setdefault(str(changes["tier"][1]), event.turn)
            elif event.kind == Kind.LINKED:
                self.labels.add(event.payload.get("label", ""))
        self.done, self.seq = len(operations), seq
        self.noted += noted


@dataclass(frozen=True, slots=True)
class Moment:
    """Where a shape looks: the lane at the cursor, its state there (shared: read only) and what this turn did."""

    index: TraceIndex
    session: int
    lane: int
    turn: int
    seq: int | None
    state: MemoryState
    events: tuple[Event, ...]
    traits: Traits

    @property
    def limit(self) -> int:
        """The last event that counts."""
        return self.index.seq if self.seq is None else self.seq

    @property
    def operations(self) -> list[Event]:
        """The lane's operations up to the cursor."""
        found = self.index.operations(self.session, self.lane, self.turn)
        return found if self.seq is None else [e for e in found if e.seq <= self.limit]

    @property
    def notes(self) -> list[Event]:
        """What the strategy noted up to the cursor."""
        return [e for e in self.traits.noted if e.turn <= self.turn and e.seq <= self.limit]

    def param(self, name: str) -> int:
        """A parameter of the strategy as a number, 0 when it has none of that name."""
        row = next(row for row in self.index.lanes if row.id == self.lane)
        value = row.params.get(name, 0)
        return int(value) if isinstance(value, int | float) else 0


@dataclass(frozen=True, slots=True)
class Shape:
    """One way to look at a memory.

    Attributes:
        name: what it is called on screen.
        fits: whether a lane's data offers it.
        make: what it shows at a moment.
    """

    name: str
    fits: Callable[[Traits], bool]
    make: Callable[[Moment], Any]


BOARD, TREE, BUCKETS, SURPRISE = "Tiers", "Tree", "Buckets", "Surprise"
STATE, LEDGER, FRAGMENTS, KINDS = "State", "Ledger", "Fragments", "Kinds"

SHAPES = (
    Shape(FRAGMENTS, lambda t: t.has("view"), cards.fragments),
    Shape(STATE, lambda t: t.has("lines", "tokens"), ledger.state),
    Shape(SURPRISE, lambda t: any(e.payload["name"] in curve.NOTES for e in t.noted), curve.curve),
    Shape(BUCKETS, lambda t: any(t.has(name) for name in cards.BUCKET_FIELDS), cards.buckets),
    Shape(BOARD, lambda t: t.has("tier"), cards.board),
    Shape(TREE, lambda t: bool(t.labels & tree.LABELS) or t.has("parent") or t.has("files"), tree.tree),
    Shape(BOARD, lambda t: "long-term" in t.fields or t.kinds_with("hash") > 1, cards.board),
    Shape(LEDGER, lambda t: t.has("hash"), ledger.ledger),
    Shape(BOARD, lambda t: len(t.fields.keys() - {""}) > 2, cards.board),
    Shape(KINDS, lambda t: True, kinds.kinds),
    Shape(LEDGER, lambda t: True, ledger.ledger),
)
"""Every shape, most telling first: the first that fits is what a lane opens with, the others can be chosen."""


@dataclass(frozen=True, slots=True)
class StructureView:
    """A memory in one of its shapes.

    Attributes:
        shape: the name of the shape shown.
        offered: the names of all shapes that fit the lane, the most telling first.
        body: what the shape's ``make`` answered.
        items: how many items are active.
    """

    lane: int
    turn: int
    shape: str
    offered: tuple[str, ...]
    body: Any
    items: int


def structure_view(
    reader: TraceReader, session: int, lane: int, turn: int, seq: int | None = None, wanted: str = ""
) -> StructureView:
    """The lane's memory at the cursor, in the shape ``wanted`` where it fits and in the most telling one else."""
    index = TraceIndex.of(reader)
    traits = _traits(index, session, lane)
    fitting: dict[str, Shape] = {}
    for shape in SHAPES:
        if shape.name not in fitting and shape.fits(traits):
            fitting[shape.name] = shape
    chosen = fitting.get(wanted) or next(iter(fitting.values()))
    events = tuple(e for e in index.events(session, lane, turn) if seq is None or e.seq <= seq)
    moment = Moment(index, session, lane, turn, seq, index.state(session, lane, turn, seq), events, traits)
    held, _ = index.counts(session, lane, turn, seq)
    return StructureView(lane, turn, chosen.name, tuple(fitting), chosen.make(moment), held)


def _traits(index: TraceIndex, session: int, lane: int) -> Traits:
    key = ("traits", session, lane)
    traits: Traits = index.memo.setdefault(key, Traits())
    if traits.seq < index.seq:
        noted = list(index.reader.events(session, lane, (Kind.NOTED,), after_seq=traits.seq, up_to_seq=index.seq))
        traits.take(index.operations(session, lane), noted, index.seq)
    return traits
