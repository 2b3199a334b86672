"""The graph of items with time: where every item of a run stands, and which of them are there at the cursor.

Positions are laid out once over everything the lane ever wrote and linked, and stay. What changes with the cursor is
only whether a node or an edge is there and how it looks. While a run is still growing, new items are set beside the
items they are linked to and nothing else moves.
"""

from __future__ import annotations

import random
import threading
import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from workbench.memory.items import ACTIVE, DELETED, EVICTED, MERGED, SUPERSEDED, Item
from workbench.projections.index import TraceIndex
from workbench.trace.events import Event, Kind
from workbench.trace.reader import TraceReader

Points = NDArray[np.float32]
STATUSES = (ACTIVE, SUPERSEDED, MERGED, DELETED, EVICTED)
ABSENT = -1
"""Status number of an item that is not yet written at the cursor; others index ``STATUSES``."""

_GOLDEN = np.pi * (3 - 5**0.5)
_NEAREST = 0.62
"""Nodes of one component are pushed at least this far apart; 1 is the median length of an edge."""

_APART = 1.3  # between nodes of different components


@dataclass(frozen=True, slots=True, eq=False)
class GraphLayout:
    """Where everything stands.

    Attributes:
        ids: every item the lane ever wrote, in the order of writing.
        edges: int32 ``[m, 2]``, positions in ``ids`` of each linked pair; a pair linked twice is there once.
        xy: float32 ``[n, 2]``, by force; 1 is the median length of an edge, the middle is (0, 0).
        thread: float32 ``[n, 2]``, x by the turn of writing, y by cluster.
        cluster: int32 ``[n]``, clusters by modularity in the order of their first item; unlinked items share one.
        turns: int32 ``[n]``, when each was written.
    """

    ids: tuple[str, ...]
    edges: NDArray[np.int32]
    xy: Points
    thread: Points
    cluster: NDArray[np.int32]
    turns: NDArray[np.int32]
    place: Mapping[str, int] = field(default_factory=dict, compare=False)
    pair: Mapping[tuple[int, int], int] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True, eq=False)
class GraphView:
    """The graph at the cursor. All arrays are in the order of ``layout.ids`` or ``layout.edges``.

    Attributes:
        status: int8 ``[n]``, ``ABSENT`` or an index into ``STATUSES``.
        fresh: bool ``[n]``, written this turn. changed: bool ``[n]``, updated or restored this turn.
        degree: int32 ``[n]``, links at the cursor. age: int32 ``[n]``, turns since the last change, -1 while absent.
        alive, new_edge: bool ``[m]``, linked at the cursor; linked this turn.
        glow: rank of every item that was retrieved at this turn (or by the selected probe), 1 is best; 0 for accessed.
        items: the items by id; shared, read only.
        probe: whose hits glow, empty for none.
    """

    lane: int
    turn: int
    layout: GraphLayout
    status: NDArray[np.int8]
    fresh: NDArray[np.bool_]
    changed: NDArray[np.bool_]
    degree: NDArray[np.int32]
    age: NDArray[np.int32]
    alive: NDArray[np.bool_]
    new_edge: NDArray[np.bool_]
    glow: Mapping[int, int]
    items: Mapping[str, Item]
    probe: str

    @property
    def nodes(self) -> int:
        """How many items are there."""
        return int((self.status != ABSENT).sum())

    @property
    def links(self) -> int:
        """How many linked pairs are there."""
        return int(self.alive.sum())


def graph_view(
    reader: TraceReader, session: int, lane: int, turn: int, seq: int | None = None, probe: str = "", version: int = 0
) -> GraphView:
    """The graph of a lane at the cursor; ``probe`` is the selected one, whose hits glow wherever the cursor stands.

    ``version`` is that of the layout (see ``layout_of``).
    """
    index = TraceIndex.of(reader)
    layout = layout_of(reader, session, lane, version)
    state = index.state(session, lane, turn, seq)
    events = [e for e in index.events(session, lane, turn) if seq is None or e.seq <= seq]
    place = layout.place
    status = np.full(len(layout.ids), ABSENT, np.int8)
    age = np.full(len(status), -1, np.int32)
    number = {name: at for at, name in enumerate(STATUSES)}
    for item in state.items.values():
        at = place[item.id]
        status[at], age[at] = number[item.status], turn - item.changed
    alive = np.zeros(len(layout.edges), bool)
    there = (_key(place[k.source], place[k.target]) for k in state.links.values() if _known(k.source, k.target, place))
    alive[[layout.pair[key] for key in there]] = True
    fresh, changed = np.zeros(len(status), bool), np.zeros(len(status), bool)
    new_edge = np.zeros(len(alive), bool)
    for event in events:
        if event.kind == Kind.WRITTEN:
            fresh[place[event.subject]] = True
        elif event.kind in (Kind.UPDATED, Kind.RESTORED):
            changed[place[event.subject]] = True
        elif event.kind == Kind.LINKED and _known(event.subject, event.payload["to"], place):
            new_edge[layout.pair[_key(place[event.subject], place[event.payload["to"]])]] = True
    ends = layout.edges[alive].ravel()
    degree = np.bincount(ends, minlength=len(status)).astype(np.int32)
    asked, glow = _glow(reader, session, lane, turn, events, probe, place)
    return GraphView(
        lane, turn, layout, status, fresh, changed, degree, age, alive, new_edge & alive, glow, state.items, asked
    )


def _known(source: str, target: str, place: Mapping[str, int]) -> bool:
    return source in place and target in place and source != target


def _key(a: int, b: int) -> tuple[int, int]:
    return (a, b) if a < b else (b, a)


def _glow(
    reader: TraceReader,
    session: int,
    lane: int,
    turn: int,
    events: Sequence[Event],
    probe: str,
    place: Mapping[str, int],
) -> tuple[str, dict[int, int]]:
    asked = [e for e in events if e.kind == Kind.RECALLED]
    if probe and not any(e.subject == probe for e in asked):
        asked += list(reader.events(session, lane, [Kind.RECALLED], subject=probe))
    glow = {place[e.subject]: 0 for e in events if e.kind == Kind.ACCESSED and e.subject in place}
    shown = next((e for e in asked if e.subject == probe), asked[-1] if asked else None)
    if shown is None:
        return "", glow
    hits = [h for h in shown.payload["hits"] if h["returned"] and h["item"] in place]
    return shown.subject, {place[h["item"]]: h["rank"] for h in hits}


class _Layouts:
    """The layouts of one reader's lanes: version, how many operations each has taken in, the layout."""

    _of: ClassVar[weakref.WeakKeyDictionary[TraceReader, _Layouts]] = weakref.WeakKeyDictionary()

    def __init__(self) -> None:
        self.known: dict[tuple[int, int], tuple[int, int, GraphLayout]] = {}

    @classmethod
    def of(cls, reader: TraceReader) -> _Layouts:
        return cls._of.setdefault(reader, cls())


def layout_of(reader: TraceReader, session: int, lane: int, version: int = 0) -> GraphLayout:
    """The lane's layout, made on the first call and kept; extended when the trace has grown since.

    A higher ``version`` than before lays everything out anew: for a live run that has grown a lot.
    """
    layouts, operations = _Layouts.of(reader).known, TraceIndex.of(reader).operations(session, lane)
    made, done, layout = layouts.get((session, lane), (0, 0, None))
    if layout is None or done < len(operations) or made < version:
        ids, turns, pairs = _everything(operations)
        afresh = layout is None or not layout.ids or made < version
        layout = lay_out(ids, turns, pairs) if afresh or layout is None else extended(layout, ids, turns, pairs)
        layouts[(session, lane)] = (max(made, version), len(operations), layout)
    return layout


def _everything(operations: Iterable[Event]) -> tuple[list[str], list[int], list[tuple[int, int]]]:
    place: dict[str, int] = {}
    turns: list[int] = []
    pairs: dict[tuple[int, int], None] = {}
    for event in operations:
        if event.kind == Kind.WRITTEN and event.subject not in place:
            place[event.subject] = len(place)
            turns.append(event.turn)
        elif event.kind == Kind.LINKED and _known(event.subject, event.payload["to"], place):
            pairs[_key(place[event.subject], place[event.payload["to"]])] = None
    return list(place), turns, list(pairs)


def lay_out(ids: Sequence[str], turns: Sequence[int], pairs: Sequence[tuple[int, int]], seed: int = 0) -> GraphLayout:
    """Positions for a whole graph; the same input always gives the same picture.

    Every connected component is laid out by itself (Fruchterman and Reingold 1991, igraph's grid variant), the
    components are packed around the largest one, and unlinked items form a sunflower in the order of their writing.
    """
    count, edges = len(ids), np.array(pairs, np.int32).reshape(-1, 2)
    parts = _components(count, edges)
    linked = [p for p in parts if len(p) > 1]
    alone = np.array([p[0] for p in parts if len(p) == 1], int)
    shapes = [(p, _component_layout(p, edges, seed)) for p in linked]
    if len(alone):
        shapes.append((alone, _sunflower(len(alone))))
    xy = _packed(shapes, count)
    cluster = _clusters(linked, alone, edges, count)
    when = np.array(turns, np.int32)
    return _layout(ids, when, edges, xy, _threads(when, cluster), cluster)


def _layout(
    ids: Sequence[str],
    turns: NDArray[np.int32],
    edges: NDArray[np.int32],
    xy: Points,
    thread: Points,
    cluster: NDArray[np.int32],
) -> GraphLayout:
    place = {name: at for at, name in enumerate(ids)}
    pair = {(int(a), int(b)): at for at, (a, b) in enumerate(edges)}
    return GraphLayout(tuple(ids), edges, xy, thread, cluster, turns, place, pair)


def _components(count: int, edges: NDArray[np.int32]) -> list[NDArray[np.int64]]:
    """Positions of each connected component, largest first, then oldest first."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not count:
        return []
    matrix = coo_array((np.ones(len(edges), bool), (edges[:, 0], edges[:, 1])), (count, count))
    number, labels = connected_components(matrix, directed=False)
    order = np.argsort(labels, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(labels, minlength=number))[:-1])
    return sorted(parts, key=lambda p: (-len(p), p[0]))


_igraph_lock = threading.Lock()  # igraph draws from one generator per process


def _component_layout(part: NDArray[np.int64], edges: NDArray[np.int32], seed: int) -> NDArray[np.float64]:
    import igraph

    local = np.full(int(part.max()) + 1, -1)
    local[part] = np.arange(len(part))
    inside = edges[np.isin(edges[:, 0], part)]
    own = local[inside]
    graph = igraph.Graph(len(part), own.tolist())
    start = np.random.default_rng(seed).standard_normal((len(part), 2)) * len(part) ** 0.5
    with _igraph_lock:
        igraph.set_random_number_generator(random.Random(seed))
        found = graph.layout_fruchterman_reingold(niter=400, seed=start.tolist(), grid=len(part) > 300)
    xy = np.array(found.coords, float)
    length = np.median(np.hypot(*(xy[own[:, 0]] - xy[own[:, 1]]).T))
    return _spread(xy / max(length, 1e-9))


def _spread(xy: NDArray[np.float64], rounds: int = 40) -> NDArray[np.float64]:
    """Push nodes apart that lie nearer than ``_NEAREST``, each pair by half of what is missing."""
    from scipy.spatial import cKDTree

    xy = xy.copy()
    for _ in range(rounds):
        pairs = cKDTree(xy).query_pairs(_NEAREST * 0.98, output_type="ndarray")
        if not len(pairs):
            break
        gap = xy[pairs[:, 0]] - xy[pairs[:, 1]]
        far = np.hypot(*gap.T)[:, None]
        # Two nodes at one point have no direction; the golden angle gives every pair its own.
        turn = pairs[:, :1] * _GOLDEN
        gap = np.where(far > 1e-6, gap / np.maximum(far, 1e-6), np.hstack([np.cos(turn), np.sin(turn)]))
        push = gap * (_NEAREST - far) / 2
        np.add.at(xy, pairs[:, 0], push)
        np.add.at(xy, pairs[:, 1], -push)
    return xy


def _sunflower(count: int) -> NDArray[np.float64]:
    turn = np.arange(count) * _GOLDEN
    radius = 0.62 * np.sqrt(np.arange(count) + 0.5)
    return np.stack([radius * np.cos(turn), radius * np.sin(turn)], 1)


def _packed(shapes: list[tuple[NDArray[np.int64], NDArray[np.float64]]], count: int) -> Points:
    """Set each shape down at the place nearest to the middle where none of its nodes comes near to one there."""
    xy, placed = np.zeros((count, 2)), np.zeros((0, 2))
    start: dict[int, int] = {}
    for part, shape in shapes:
        shape = shape - (shape.max(0) + shape.min(0)) / 2
        # A shape of as many nodes as the one before will hardly fit where that one did not.
        step = _free_step(placed, shape, start.get(len(part), 0)) if len(placed) else 0
        start[len(part)] = step
        xy[part] = shape + _spiral(step)
        placed = np.vstack([placed, xy[part]])
    if count:
        xy -= (xy.max(0) + xy.min(0)) / 2
    return xy.astype(np.float32)


def _spiral(step: int | NDArray[np.int64]) -> NDArray[np.float64]:
    """Places ever farther from the middle, evenly spread."""
    turn, radius = np.asarray(step) * _GOLDEN, 0.45 * np.sqrt(step)
    return np.stack([radius * np.cos(turn), radius * np.sin(turn)], -1)


def _free_step(placed: NDArray[np.float64], shape: NDArray[np.float64], first: int) -> int:
    from scipy.spatial import cKDTree

    tree = cKDTree(placed)
    outline = shape if len(shape) < 400 else shape[:: len(shape) // 200]
    while True:
        steps = np.arange(first, first + 48)
        tried = (_spiral(steps)[:, None] + outline[None]).reshape(-1, 2)
        far = tree.query(tried, distance_upper_bound=_APART)[0].reshape(len(steps), -1).min(1)
        if (far >= _APART).any():
            return first + int(np.argmax(far >= _APART))
        first += len(steps)


def _clusters(
    linked: list[NDArray[np.int64]], alone: NDArray[np.int64], edges: NDArray[np.int32], count: int
) -> NDArray[np.int32]:
    """Clusters of each component (Clauset, Newman and Moore 2004), numbered by their oldest item."""
    import igraph

    cluster, used = np.zeros(count, np.int64), 0
    for part in linked:
        local = np.full(count, -1)
        local[part] = np.arange(len(part))
        graph = igraph.Graph(len(part), local[edges[np.isin(edges[:, 0], part)]].tolist())
        found = (
            np.array(graph.community_fastgreedy().as_clustering().membership)
            if len(part) > 8
            else np.zeros(len(part), int)
        )
        cluster[part] = found + used
        used += int(found.max()) + 1
    cluster[alone] = used
    _, first, inverse = np.unique(cluster, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first, kind="stable"), kind="stable")[inverse].astype(np.int32)


def _threads(turns: NDArray[np.int32], cluster: NDArray[np.int32]) -> Points:
    """x by turn, y by cluster: each cluster is a band of as many rows as it needs so that no two items touch."""
    if not len(turns):
        return np.zeros((0, 2), np.float32)
    last = max(int(turns.max()), 1)
    gap, row = last / 70, np.zeros(len(turns))
    top = 0.0
    for number in range(int(cluster.max()) + 1):
        members = np.flatnonzero(cluster == number)
        ends: list[float] = []
        for at in members[np.argsort(turns[members], kind="stable")]:
            free = next((r for r, end in enumerate(ends) if end <= turns[at] - gap), len(ends))
            ends[free : free + 1] = [float(turns[at])]
            row[at] = top + free
        top += len(ends) + 1.2
    height = max(top - 1.2, 1.0)
    width = max(1.9 * height, 24.0)
    xy = np.stack([turns / last * width, row * 1.0], 1)
    xy -= (xy.max(0) + xy.min(0)) / 2
    return xy.astype(np.float32)


def extended(
    layout: GraphLayout, ids: Sequence[str], turns: Sequence[int], pairs: Sequence[tuple[int, int]]
) -> GraphLayout:
    """The layout with what came since: a new item stands at the centroid of the items it is linked to, pushed into the
    nearest free place, and an unlinked one at the rim. Nothing that was there moves in the force layout."""
    known, edges, when = len(layout.ids), np.array(pairs, np.int32).reshape(-1, 2), np.array(turns, np.int32)
    near: dict[int, list[int]] = {}
    for a, b in pairs:
        near.setdefault(max(a, b), []).append(min(a, b))
    xy, cluster = list(map(tuple, layout.xy.tolist())), layout.cluster.tolist()
    for at in range(known, len(ids)):
        friends = [f for f in near.get(at, []) if f < at]
        placed = np.array(xy)
        start = placed[friends].mean(0) if friends else _rim(placed)
        xy.append(tuple(_nearest_free(placed, start, at)))
        cluster.append(cluster[friends[0]] if friends else max(cluster, default=-1) + 1)
    clusters = np.array(cluster, np.int32)
    return _layout(ids, when, edges, np.array(xy, np.float32).reshape(-1, 2), _threads(when, clusters), clusters)


def _rim(placed: NDArray[np.float64]) -> NDArray[np.float64]:
    if not len(placed):
        return np.zeros(2)
    angle = len(placed) * _GOLDEN
    radius = float(np.hypot(*placed.T).max()) + 0.3
    return np.array([radius * np.cos(angle), radius * np.sin(angle)])


def _nearest_free(placed: NDArray[np.float64], start: NDArray[np.float64], number: int) -> NDArray[np.float64]:
    if not len(placed):
        return start
    steps = np.arange(4000)
    turn, radius = steps * _GOLDEN + number, 0.22 * np.sqrt(steps)
    spots = start + np.stack([radius * np.cos(turn), radius * np.sin(turn)], 1)
    for low in range(0, len(spots), 64):  # most find room among the first few
        block = spots[low : low + 64]
        far = np.hypot(*(block[:, None] - placed[None]).transpose(2, 0, 1)).min(1)
        if (far >= _NEAREST).any():
            return block[int(np.argmax(far >= _NEAREST))]
    return spots[-1]
