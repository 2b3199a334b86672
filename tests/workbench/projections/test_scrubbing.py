"""What holds for every projection of the memory: it is the fold from scratch, and the way there does not matter."""

import random
from dataclasses import fields, is_dataclass
from pathlib import Path

import numpy as np
import pytest

from workbench.memory.items import MemoryState
from workbench.projections import attention, board, diff, graph, hits, items, lanes
from workbench.trace.reader import TraceReader

LANE = 2

PROJECTIONS = {
    "items": lambda r, t: items.items_view(r, 1, LANE, t),
    "detail": lambda r, t: items.item_detail(r, 1, LANE, t, "note-7"),
    "diff": lambda r, t: diff.diff_view(r, 1, LANE, t),
    "diff to 20": lambda r, t: diff.diff_view(r, 1, LANE, t, base=20),
    "graph": lambda r, t: graph.graph_view(r, 1, LANE, t),
    "hits": lambda r, t: hits.hits_view(r, 1, LANE, t),
    "attention": lambda r, t: attention.attention_view(r, 1, LANE, t),
    "board": lambda r, t: board.board(r, 1, t),
    "lanes": lambda r, t: lanes.lanes(r, 1, t),
}


def same(a: object, b: object) -> bool:
    """Equality through dataclasses and arrays."""
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and np.array_equal(a, b)
    if is_dataclass(a) and not isinstance(a, type):
        return type(a) is type(b) and all(same(getattr(a, f.name), getattr(b, f.name)) for f in fields(a))
    if isinstance(a, tuple):
        return isinstance(b, tuple) and len(a) == len(b) and all(map(same, a, b))
    return bool(a == b)


@pytest.mark.parametrize("turn", [-1, 0, 13, 49, 50, 51, 79])
def test_items_and_graph_are_the_fold_from_scratch(invented: Path, turn: int) -> None:
    with TraceReader(invented) as reader:
        state = MemoryState(reader.events(1, LANE, turns=(-1, turn)))
        view = items.items_view(reader, 1, LANE, turn)
        assert {r.item.id: r.item for r in view.rows} == state.items
        picture = graph.graph_view(reader, 1, LANE, turn)
        there = {n for n, s in zip(picture.layout.ids, picture.status, strict=True) if s != graph.ABSENT}
        assert there == set(state.items)
        ends = {tuple(sorted((k.source, k.target))) for k in state.links.values()}
        ids = picture.layout.ids
        assert {tuple(sorted((ids[a], ids[b]))) for a, b in picture.layout.edges[picture.alive]} == ends


@pytest.mark.parametrize("name", PROJECTIONS)
def test_the_order_of_scrubbing_does_not_matter(invented: Path, name: str) -> None:
    project, turns = PROJECTIONS[name], [*range(-1, 80, 7), 79]
    random.Random(5).shuffle(turns)
    with TraceReader(invented) as used:
        found = {turn: project(used, turn) for turn in turns}
    for turn in turns[:6]:
        with TraceReader(invented) as fresh:
            assert same(project(fresh, turn), found[turn]), turn


def test_a_turns_diff_leads_from_one_table_to_the_next(invented: Path) -> None:
    """Applying the diff's written and updated fields to the table before gives the table after."""
    with TraceReader(invented) as reader:
        for turn in range(80):
            before = {r.item.id: r.item for r in items.items_view(reader, 1, LANE, turn - 1).rows}
            after = {r.item.id: r.item for r in items.items_view(reader, 1, LANE, turn).rows}
            groups = dict(diff.diff_view(reader, 1, LANE, turn).groups)
            assert set(after) - set(before) == {c.item for c in groups.get("item.written", ())}
            ended = {i for i in before if before[i].active and not after[i].active}
            kinds = ("item.superseded", "item.merged", "item.deleted", "item.evicted")
            named = {c.item for kind in kinds for c in groups.get(kind, ())}
            assert ended <= named and all(not after[i].active for i in named)
            for change in groups.get("item.updated", ()):
                for field in change.fields:
                    if field.name not in ("text", "turns", "index_text") and change.item in before:
                        assert diff.readable(before[change.item].fields.get(field.name)) == field.old
                        assert diff.readable(after[change.item].fields[field.name]) == field.new
