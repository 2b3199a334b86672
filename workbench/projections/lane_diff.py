"""Two memories at one turn: what only one of them holds, and what they say differently."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.memory.items import Item
from workbench.projections.diff import Change, DiffView, FieldChange, readable
from workbench.projections.index import TraceIndex
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader


def lane_diff(reader: TraceReader, session: int, lane: int, other: int, turn: int, seq: int | None = None) -> DiffView:
    """What a lane holds against another one, as if the other had become it.

    A branch and its parent name alike what they had at the fork; what came later, and in other lanes, is the same when
    it says the same, and is held against each other when it comes from the same turns.

    Returns:
        ``written``: only here; ``deleted``: only there; ``updated``: the same item with another text or fields.
    """
    index = TraceIndex.of(reader)
    here, there = (index.state(session, n, turn, seq if n == lane else None).active() for n in (lane, other))
    rows = {row.id: row for row in index.lanes}
    line = {rows[lane].parent or lane, lane} & {rows[other].parent or other, other}
    forks = [fork for n in (lane, other) if (fork := rows[n].parent_turn) is not None]
    pairs = _by_id(here, there, min(forks, default=turn)) if line else []
    mine, yours = {a.id for a, _ in pairs}, {b.id for _, b in pairs}
    pairs += _by_text([i for i in here if i.id not in mine], [i for i in there if i.id not in yours])
    mine, yours = {a.id for a, _ in pairs}, {b.id for _, b in pairs}
    found = {
        str(Kind.WRITTEN): [_alone(Kind.WRITTEN, i) for i in here if i.id not in mine],
        str(Kind.UPDATED): [c for a, b in pairs if (c := _changed(a, b)).fields],
        str(Kind.DELETED): [_alone(Kind.DELETED, i) for i in there if i.id not in yours],
    }
    groups = tuple((kind, tuple(changes)) for kind, changes in found.items() if changes)
    return DiffView(lane, turn, turn, groups, len(here))


def _by_id(here: Sequence[Item], there: Sequence[Item], fork: int) -> list[tuple[Item, Item]]:
    """The items of one name; of those written after the turn of the fork only such as say the same."""
    known = {i.id: i for i in there}
    both = [(i, known[i.id]) for i in here if i.id in known]
    return [(a, b) for a, b in both if a.text == b.text or max(a.created, b.created) <= fork]


def _by_text(here: Sequence[Item], there: Sequence[Item]) -> list[tuple[Item, Item]]:
    """Equal texts first; of the rest those that come from exactly the same turns, one to one."""
    left: dict[str, list[Item]] = {}
    for item in there:
        left.setdefault(item.text, []).append(item)
    pairs = [(i, left[i.text].pop(0)) for i in here if left.get(i.text)]
    taken, used = {a.id for a, _ in pairs}, {b.id for _, b in pairs}
    by_turns: dict[tuple[int, ...], list[Item]] = {}
    for item in there:
        if item.id not in used:
            by_turns.setdefault(item.turns, []).append(item)
    rest = [i for i in here if i.id not in taken]
    return pairs + [(i, by_turns[i.turns].pop(0)) for i in rest if by_turns.get(i.turns)]


def _alone(kind: Kind, item: Item) -> Change:
    return Change(str(kind), item.id, item.text, turn=item.changed, turns=item.turns)


def _changed(mine: Item, yours: Item) -> Change:
    fields = [("text", yours.text, mine.text)] if mine.text != yours.text else []
    if mine.id == yours.id:
        names = dict.fromkeys((*yours.fields, *mine.fields))
        fields += [(n, readable(yours.fields.get(n)), readable(mine.fields.get(n))) for n in names]
    told = tuple(FieldChange(*f) for f in fields if f[1] != f[2])
    other = "" if mine.id == yours.id else yours.id
    return Change(str(Kind.UPDATED), mine.id, mine.text, told, other, yours.text, turn=mine.changed, turns=mine.turns)
