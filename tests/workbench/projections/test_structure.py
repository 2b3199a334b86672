"""What is special about each memory, read off what its strategy really did."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.structures import TURNS, run_of
from workbench.memory.registry import STRATEGIES
from workbench.projections.index import TraceIndex
from workbench.projections.structure import view as shapes
from workbench.projections.structure.cards import WORKING, Board, Fragments
from workbench.projections.structure.curve import Curve
from workbench.projections.structure.kinds import Kinds
from workbench.projections.structure.ledger import NONE, Ledger, State
from workbench.projections.structure.tree import Tree
from workbench.projections.structure.view import StructureView, structure_view
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader

FIRST = {
    "memos": shapes.BOARD,
    "memoryos": shapes.BOARD,
    "mirix": shapes.BOARD,
    "lightmem": shapes.BOARD,
    "letta": shapes.BOARD,
    "hmt:segment=32": shapes.BOARD,
    "pmi": shapes.BOARD,
    "tme-tree": shapes.TREE,
    "tme-dag": shapes.TREE,
    "tim": shapes.TREE,
    "l2mac": shapes.TREE,
    "chem-agent": shapes.TREE,
    "think-in-memory": shapes.BUCKETS,
    "hcam": shapes.BUCKETS,
    "spatial": shapes.BUCKETS,
    "em-llm": shapes.SURPRISE,
    "titans": shapes.SURPRISE,
    "video-llamb": shapes.SURPRISE,
    "mem1": shapes.STATE,
    "sculptor": shapes.FRAGMENTS,
    "mem0": shapes.LEDGER,
    "mem0-v3": shapes.LEDGER,
    "mem0-graph": shapes.LEDGER,
    "memory-r1": shapes.LEDGER,
    "a-mem": shapes.KINDS,
    "full": shapes.KINDS,
}

LANES = (*STRATEGIES, "hmt:segment=32")  # a segment that short turns fill


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TraceReader]:
    with TraceReader(run_of(tmp_path_factory.mktemp("structure"), LANES)) as opened:
        yield opened


def lane(reader: TraceReader, name: str) -> int:
    return next(row.id for row in reader.lanes() if row.name == name)


def view(
    reader: TraceReader, name: str, turn: int = TURNS - 1, wanted: str = "", seq: int | None = None
) -> StructureView:
    return structure_view(reader, 1, lane(reader, name), turn, seq, wanted)


@pytest.mark.parametrize("name", FIRST)
def test_a_memory_opens_in_the_shape_that_tells_most(reader: TraceReader, name: str) -> None:
    shown = view(reader, name)
    assert shown.shape == shown.offered[0] == FIRST[name]


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_has_its_kinds_and_its_ledger(reader: TraceReader, name: str) -> None:
    state = TraceIndex.of(reader).state(1, lane(reader, name), TURNS - 1)
    kinds: Kinds = view(reader, name, wanted=shapes.KINDS).body
    assert {g.kind: g.active for g in kinds.groups if g.active} == {
        kind: len(state.active(kind)) for kind in {i.kind for i in state.active()}
    }
    for turn in (0, 7, TURNS - 1):
        at = TraceIndex.of(reader).state(1, lane(reader, name), turn)
        assert {g.kind: g.over[turn] for g in kinds.groups} == {g.kind: len(at.active(g.kind)) for g in kinds.groups}
    ledger: Ledger = view(reader, name, wanted=shapes.LEDGER).body
    assert ledger.total == sum(n for _, n in ledger.counts) > 0


@pytest.mark.parametrize("name", STRATEGIES)
def test_shapes_do_not_change_while_one_scrubs(reader: TraceReader, name: str) -> None:
    assert len({(view(reader, name, turn).shape, view(reader, name, turn).offered) for turn in range(0, TURNS, 5)}) == 1


@pytest.mark.parametrize("name", [n for n in FIRST if FIRST[n] in (shapes.BOARD, shapes.BUCKETS)])
def test_every_active_item_stands_in_one_column(reader: TraceReader, name: str) -> None:
    for turn in range(0, TURNS, 4):
        shown = view(reader, name, turn)
        state = TraceIndex.of(reader).state(1, lane(reader, name), turn)
        tiers = [column for column in shown.body.columns if column.name != WORKING]
        cards = [c.item.id for column in tiers for c in column.cards if c.item.active]
        placed = {
            i.id for i in state.active() if FIRST[name] == shapes.BOARD or {"bucket", "place", "chunk"} & {*i.fields}
        }
        assert len(cards) == len(set(cards)) and set(cards) == placed
        assert all(column.held == sum(c.item.active for c in column.cards) for column in shown.body.columns)


def test_working_memory_is_a_column_and_segments_say_how_hot_they_are(reader: TraceReader) -> None:
    first, *tiers = view(reader, "memos").body.columns
    state = TraceIndex.of(reader).state(1, lane(reader, "memos"), TURNS - 1)
    working = {i.id for i in state.active() if i.fields.get("working")}
    assert first.name == WORKING and working and {c.item.id for c in first.cards} == working
    assert (first.held, first.room) == (len(working), 20) and not any(c.note for c in first.cards)
    assert {c.item.id for t in tiers for c in t.cards if c.note == "working"} == working
    segments = next(c for c in view(reader, "memoryos").body.columns if c.name == "segment")
    assert all(c.note == f"heat {c.item.fields['heat']:g}" for c in segments.cards)


def test_a_full_queue_passes_its_oldest_page_on(reader: TraceReader) -> None:
    def columns(turn: int) -> dict[str, Any]:
        board: Board = view(reader, "memoryos", turn).body
        return {c.name: c for c in board.columns}

    moved = next(t for t in range(TURNS) if any(c.was for column in columns(t).values() for c in column.cards))
    before, now = columns(moved - 1), columns(moved)
    card = next(c for c in now["mid-term"].cards if c.was)
    assert card.was == "short-term" and card.mark == Kind.UPDATED
    assert card.item.id in {c.item.id for c in before["short-term"].cards}
    assert now["short-term"].held <= now["short-term"].room == 10
    assert before["short-term"].room == 10 and now["mid-term"].room == 0


def test_buckets_are_all_there_also_while_empty(reader: TraceReader) -> None:
    board: Board = view(reader, "think-in-memory", 0).body
    assert [c.name for c in board.columns] == [str(n) for n in range(8)]
    assert any(not c.held for c in board.columns)


def test_a_task_tree_shows_what_was_pruned_as_ghosts(reader: TraceReader) -> None:
    tree: Tree = view(reader, "tim").body
    state = TraceIndex.of(reader).state(1, lane(reader, "tim"), TURNS - 1)
    assert {n.item.id for n in tree.nodes if n.ghost} == {i.id for i in state.items.values() if not i.active}
    at: list[str] = []
    for node in tree.nodes:
        at = [*at[: node.depth], node.item.id]
        above = next((k.target for k in state.links.values() if k.source == node.item.id), None)
        assert above == (at[-2] if node.depth else None)
    assert max(n.depth for n in tree.nodes) >= 2


def test_dependencies_become_arcs(reader: TraceReader) -> None:
    tree: Tree = view(reader, "tme-dag").body
    state = TraceIndex.of(reader).state(1, lane(reader, "tme-dag"), TURNS - 1)
    expected = {(k.source, k.target) for k in state.links.values() if k.label == "depends on"}
    assert {(tree.nodes[a.start].item.id, tree.nodes[a.end].item.id) for a in tree.arcs} == expected != set()
    steps: Tree = view(reader, "l2mac").body
    assert {a.label for a in steps.arcs} == {"wrote"}
    assert all(steps.nodes[a.end].item.kind == "file" for a in steps.arcs)


def test_the_surprise_curve_repeats_what_was_noted(reader: TraceReader) -> None:
    curve: Curve = view(reader, "em-llm").body
    notes = [e for e in reader.events(1, lane(reader, "em-llm"), (Kind.NOTED,)) if e.payload["name"] == "surprise"]
    values = [v for e in notes for v in e.payload["value"]["values"]]
    assert curve.total == len(values)
    assert [p.value for p in curve.points] == values[-len(curve.points) :]
    assert sum(p.cut for p in curve.points) == sum(len(e.payload["value"]["boundaries"]) for e in notes) > 0
    assert max(p.turn for p in view(reader, "em-llm", 5).body.points) == 5
    assert all(p.past is not None and p.threshold is None for p in view(reader, "titans").body.points)


def test_a_bounded_state_is_compared_with_the_turn_before(reader: TraceReader) -> None:
    index, at = TraceIndex.of(reader), lane(reader, "mem1")
    for turn in (1, 9, TURNS - 1):
        state: State = view(reader, "mem1", turn).body
        assert state.item == index.state(1, at, turn)["state-0"]
        assert state.before == index.state(1, at, turn - 1)["state-0"].text
        assert "".join(p.text for p in state.pieces if p.op != "gone") == state.item.text
        assert state.tokens == state.sizes[-1][1] <= state.limit


def test_fragments_are_counted_by_what_the_model_sees(reader: TraceReader) -> None:
    body: Fragments = view(reader, "sculptor").body
    assert body.counts["folded"] > 0 and sum(body.counts.values()) == len(body.cards)


def test_the_ledger_says_what_was_done_and_what_was_left(reader: TraceReader) -> None:
    body: Ledger = view(reader, "mem0").body
    index = TraceIndex.of(reader)
    assert [e.seq for e in body.entries] == sorted((e.seq for e in body.entries), reverse=True)
    assert {"ADD", NONE} < {verb for verb, _ in body.counts}
    for entry in body.entries:
        if entry.verb == "UPDATE":
            before = index.state(1, lane(reader, "mem0"), entry.turn, entry.seq - 1)[entry.item].text
            assert (entry.old, entry.new) == (
                before,
                index.state(1, lane(reader, "mem0"), entry.turn, entry.seq)[entry.item].text,
            )
    early: Ledger = view(reader, "mem0", 5).body
    assert {e.turn for e in early.entries} <= set(range(6)) and early.total < body.total


def test_within_a_turn_only_what_has_happened_counts(reader: TraceReader) -> None:
    events = list(reader.events(1, lane(reader, "mem0"), (Kind.WRITTEN,)))
    first = events[0]
    body: Ledger = view(reader, "mem0", first.turn, seq=first.seq).body
    assert next(e for e in body.entries if e.kind).item == first.subject
    assert dict(body.counts)["ADD"] == 1


def test_a_shape_that_does_not_fit_gives_the_lanes_own(reader: TraceReader) -> None:
    assert view(reader, "mem0", wanted=shapes.SURPRISE).shape == shapes.LEDGER
