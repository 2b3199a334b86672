from collections import Counter
from pathlib import Path

import pytest

from tests.support.traces import write_trace
from tests.ui.live import Growing
from workbench.memory.items import MemoryState
from workbench.projections.index import TraceIndex
from workbench.projections.timeline import CLASSES, next_change, timeline
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader


def test_every_mark_is_counted_once(invented: Path) -> None:
    with TraceReader(invented) as reader:
        view = timeline(reader, 1)
        assert [t.name for t in view.tracks] == ["bm25", "a-mem"]
        assert view.turns == 80
        for track in view.tracks:
            events = list(reader.events(1, track.lane, list(CLASSES)))
            counted = Counter((CLASSES[e.kind], e.turn) for e in events)
            assert {(c, t): n for c, turns in track.marks.items() for t, n in turns.items()} == counted
            assert sum(track.total.values()) == len(events)
            scored = reader.events(1, track.lane, (Kind.SCORED,))
            assert [(p.probe, p.correct) for p in track.probes] == [(e.subject, e.payload["correct"]) for e in scored]


def test_it_grows_with_a_live_run_as_if_read_at_once(tmp_path: Path) -> None:
    growing = Growing(tmp_path / "live.mnemo")
    growing.turns(3)
    with TraceReader(growing.path) as reader:
        first = timeline(reader, 1)
        growing.turns(4)
        growing.score("p0", 6, True)
        assert timeline(reader, 1) == first  # until the index is refreshed
        TraceIndex.of(reader).refresh()
        grown = timeline(reader, 1)
    with TraceReader(growing.path) as fresh:
        assert timeline(fresh, 1) == grown
    assert grown.tracks[0].marks["written"] == dict.fromkeys(range(7), 1)
    assert [p.correct for p in grown.tracks[0].probes] == [True]
    growing.close()


@pytest.mark.parametrize("forward", [True, False])
def test_the_nearest_change_is_found(invented: Path, forward: bool) -> None:
    with TraceReader(invented) as reader:
        for lane in (1, 2):
            changes = sorted({e.turn for e in reader.events(1, lane, [k for k in CLASSES if k.startswith("item.")])})
            for turn in (-1, 0, 33, 79, 80):
                turns = [t for t in changes if (t > turn if forward else t < turn)]
                nearest = (min if forward else max)(turns, default=None)
                assert next_change(reader, 1, lane, turn, forward) == nearest


def test_a_session_nobody_read_has_empty_tracks(tmp_path: Path) -> None:
    with TraceReader(write_trace(tmp_path / "small.mnemo", turns=5, items=0, probes=1, lanes=("full",))) as reader:
        view = timeline(reader, 1)
    assert "written" not in view.tracks[0].marks


def test_the_index_follows_a_live_run(tmp_path: Path) -> None:
    growing = Growing(tmp_path / "live.mnemo")
    growing.turns(60)
    with TraceReader(growing.path) as reader:
        index = TraceIndex.of(reader)
        assert len(index.state(1, 1, 59)) == len(index.state(1, 1, 70)) == 60
        assert len(index.events(1, 1, 60)) == 0
        growing.turns(60)
        assert len(index.state(1, 1, 80)) == 60  # what it says does not change under the reader's feet
        assert index.refresh()
        assert not index.refresh()
        assert len(index.events(1, 1, 60)) == 2
        for turn in (0, 49, 50, 59, 60, 99, 100, 119):
            state = index.state(1, 1, turn)
            assert state == MemoryState(reader.events(1, 1, turns=(-1, turn)))
            assert index.counts(1, 1, turn) == (turn + 1, 0)
            assert index.operations(1, 1, turn)[-1].turn == turn
    growing.close()
