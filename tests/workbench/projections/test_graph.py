import numpy as np
import pytest

from workbench.projections.graph import ABSENT, STATUSES, extended, graph_view, lay_out, layout_of
from workbench.trace.reader import TraceReader


def _random_graph(nodes: int, links: int, seed: int = 3) -> tuple[list[str], list[int], list[tuple[int, int]]]:
    rng = np.random.default_rng(seed)
    ids = [f"note-{i}" for i in range(nodes)]
    pairs = {(int(a), int(b)): None for a, b in np.sort(rng.integers(0, nodes, (links, 2))) if a != b}
    return ids, sorted(rng.integers(0, 200, nodes).tolist()), list(pairs)


def test_what_is_there_at_the_cursor(story: TraceReader) -> None:
    view = graph_view(story, 1, 1, 3)
    assert view.layout.ids == ("note-0", "note-1", "note-2")
    assert [STATUSES[s] for s in view.status] == ["superseded", "active", "active"]
    assert view.fresh.tolist() == [False, False, True]
    assert view.changed.tolist() == [True, False, False]
    assert view.layout.edges.tolist() == [[0, 1], [0, 2]]
    assert view.alive.tolist() == [True, True] and view.new_edge.tolist() == [False, True]
    assert view.degree.tolist() == [2, 1, 1]
    assert (view.nodes, view.links, view.glow) == (3, 2, {})
    early = graph_view(story, 1, 1, 0)
    assert early.status.tolist() == [0, ABSENT, ABSENT] and early.links == 0
    assert early.layout is view.layout
    late = graph_view(story, 1, 1, 5)
    assert late.alive.tolist() == [False, True]


def test_hits_glow_at_their_turn_and_for_the_selected_probe(story: TraceReader) -> None:
    at_probe = graph_view(story, 1, 1, 4)
    assert (at_probe.probe, at_probe.glow) == ("p0", {0: 1, 1: 2})
    assert graph_view(story, 1, 1, 5).glow == {2: 1}
    selected = graph_view(story, 1, 1, 5, probe="p0")
    assert (selected.probe, selected.glow) == ("p0", {0: 1, 1: 2})
    assert graph_view(story, 1, 1, 3, probe="p0").glow == {0: 1, 1: 2}  # a pinned one, wherever the cursor stands


def test_an_empty_lane_has_an_empty_graph(story: TraceReader) -> None:
    view = graph_view(story, 1, 2, 5)
    assert view.nodes == 0 and view.layout.xy.shape == (0, 2)


def test_layout_is_the_same_every_time_and_everywhere_finite() -> None:
    first, again = lay_out(*_random_graph(200, 260)), lay_out(*_random_graph(200, 260))
    assert np.array_equal(first.xy, again.xy) and np.array_equal(first.thread, again.thread)
    assert np.isfinite(first.xy).all() and np.isfinite(first.thread).all()
    assert np.array_equal(first.cluster, again.cluster)


@pytest.mark.parametrize("links", [0, 30, 200])
@pytest.mark.parametrize("which", ["xy", "thread"])
def test_no_two_items_stand_on_each_other(links: int, which: str) -> None:
    points = getattr(lay_out(*_random_graph(120, links)), which)
    gaps = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1)) + np.eye(len(points)) * 9
    assert gaps.min() > 0.2


def test_thread_runs_with_the_turns() -> None:
    ids, turns, pairs = _random_graph(60, 80)
    x = lay_out(ids, turns, pairs).thread[:, 0]
    assert np.all(np.diff(x[np.argsort(turns, kind="stable")]) >= 0)


def test_growing_moves_nothing_and_sets_new_items_beside_their_friends() -> None:
    ids, turns, pairs = _random_graph(80, 120)
    early = [p for p in pairs if max(p) < 60]
    layout = lay_out(ids[:60], turns[:60], early)
    grown = extended(layout, ids, turns, pairs)
    assert np.array_equal(grown.xy[:60], layout.xy)
    size = np.ptp(layout.xy, axis=0).max()
    for new in range(60, 80):
        friends = [min(p) for p in pairs if max(p) == new]
        if friends:
            centroid = grown.xy[friends].mean(0)
            assert np.hypot(*(grown.xy[new] - centroid)) < 0.5 * size
    gaps = np.hypot(*(grown.xy[60:, None] - grown.xy[None]).transpose(2, 0, 1))
    assert np.sort(gaps, axis=1)[:, 1].min() > 0.5


def test_a_trace_that_grows_keeps_its_picture(tmp_path) -> None:
    from tests.support.traces import _Lane, session
    from workbench.trace.writer import TraceWriter

    with TraceWriter(tmp_path / "live.mnemo") as writer:
        lane = _Lane(writer.add_session(session(4, 1), "s"), writer.add_lane("a", "a-mem", "full-cache", {}))
        for turn in range(4):
            log = lane.log(turn)
            log.write(f"turn {turn}", "note")
            if turn:
                log.link(f"note-{turn}", "note-0")
        events = list(lane.events)
        writer.append([e for e in events if e.turn < 2])
        with TraceReader(tmp_path / "live.mnemo") as reader:
            from workbench.projections.index import TraceIndex

            before = layout_of(reader, 1, 1)
            assert layout_of(reader, 1, 1) is before
            writer.append([e for e in events if e.turn >= 2])
            TraceIndex.of(reader).refresh()
            after = layout_of(reader, 1, 1)
            assert after.ids == ("note-0", "note-1", "note-2", "note-3")
            assert np.array_equal(after.xy[:2], before.xy)
            assert graph_view(reader, 1, 1, 3).links == 3
