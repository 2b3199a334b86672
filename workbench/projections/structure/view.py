"""What is special about a memory, at the cursor: tiers, tree, buckets, surprise, state, ledger, fragments, or kinds.

Which shapes a memory has is read off its data, over the whole lane, so that the view does not jump while one scrubs:
the fields of its items, the labels of its links and the names of what it noted. ``SHAPES`` is the one place that says
so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from workbench.projections.index import TraceIndex
from workbench.projections.structure import cards, curve, kinds, ledger, tree
from workbench.projections.structure.moment import Moment, Traits
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader


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
