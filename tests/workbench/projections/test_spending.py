"""What lanes spend turn by turn: the same sums as the costs, however they are cut."""

from pathlib import Path

import pytest

from tests.support.traces import write_trace
from workbench.projections.costs import costs
from workbench.projections.spending import CALLS, SECONDS, TOKENS, percentile, spending
from workbench.projections.turn_range import turn_range
from workbench.trace.events import Event, Kind
from workbench.trace.reader import TraceReader
from workbench.trace.writer import TraceWriter


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_trace(tmp_path_factory.mktemp("spent") / "run.mnemo", turns=40, probes=6)


def test_turns_and_probes_add_up_to_the_lanes_costs(run: Path) -> None:
    with TraceReader(run) as reader:
        found, whole, ranged = spending(reader, 1), costs(reader, 1), turn_range(reader, 1, 0, 39)
    assert [lane.lane.name for lane in found.lanes] == [row.lane.name for row in whole]
    for lane, cost, row in zip(found.lanes, whole, ranged, strict=True):
        assert len(lane.turns) == cost.turns and len(lane.probes) == cost.probes
        assert sum(s.seconds for s in lane.turns) == pytest.approx(cost.seconds_a_turn * cost.turns)
        assert sum(s.seconds for s in (*lane.turns, *lane.probes)) == pytest.approx(row.seconds)
        assert sum(s.tokens for s in (*lane.turns, *lane.probes)) == row.tokens
        written = [(o.operation, o.calls, o.prompt, o.generated) for o in lane.operations if o.writing]
        assert sorted(written) == sorted(
            (purpose, s.calls, s.prompt, s.generated) for purpose, s in cost.writing.items()
        )
        answers = [(o.calls, o.prompt, o.generated) for o in lane.operations if o.operation == "answer"]
        spent = cost.answers
        assert answers == ([(spent.calls, spent.prompt, spent.generated)] if spent.calls else [])


def test_each_turn_has_its_own_figures(run: Path) -> None:
    with TraceReader(run) as reader:
        lane = spending(reader, 1).lanes[-1]
        for turn in (0, 7, 39):
            (row,) = [r for r in turn_range(reader, 1, turn, turn) if r.lane == lane.lane]
            here = [s for s in (*lane.turns, *lane.probes) if s.turn == turn]
            assert sum(s.of(TOKENS) for s in here) == row.tokens
            assert sum(s.of(SECONDS) for s in here) == pytest.approx(row.seconds)
        assert all(s.of(CALLS) >= 0 for s in lane.turns)


def test_percentiles_are_values_that_occurred() -> None:
    assert percentile([], 0.5) == 0
    assert [percentile(range(1, 101), share) for share in (0.5, 0.95, 1.0)] == [50, 95, 100]
    assert percentile([3, 1], 0.5) == 1 and percentile([7], 0.95) == 7


def test_a_run_that_goes_on_is_counted_once(tmp_path: Path) -> None:
    path = write_trace(tmp_path / "live.mnemo", turns=6, probes=1, lanes=("a-mem",))
    with TraceReader(path) as reader:
        before = spending(reader, 1).lanes[0]
        with TraceWriter(path) as writer:
            call = Event(1, 1, 6, 9001, Kind.MODEL_CALLED, "", 0, {"purpose": "note", "tokens": [5, 2]}, 3.0)
            writer.append([call])
        reader_again = spending(_fresh(reader), 1).lanes[0]
        assert len(reader_again.turns) == len(before.turns)  # the step has not ended: nobody's yet
        with TraceWriter(path) as writer:
            writer.append([Event(1, 1, 6, 9002, Kind.TURN_CLOSED, "", 0, {"calls": 1, "tokens": [5, 2]}, 10.0)])
        after = spending(_fresh(reader), 1).lanes[0]
    assert (after.turns[-1].calls, after.turns[-1].tokens, after.turns[-1].seconds) == (1, 7, 0.01)
    assert after.turns[:-1] == before.turns


def _fresh(reader: TraceReader) -> TraceReader:
    from workbench.projections.index import TraceIndex

    TraceIndex.of(reader).refresh()
    return reader
