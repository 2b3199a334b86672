"""Pictures of a run: where evidence lay, how old it was, what a lane spends; each figure as counted by hand."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.benchmark import benchmark_run
from workbench.probes import score_probe
from workbench.projections.charts import charts
from workbench.projections.costs import costs
from workbench.sessions import Probe, Session, Turn
from workbench.trace.events import Event, Kind
from workbench.trace.reader import TraceReader
from workbench.trace.writer import TraceWriter


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[TraceReader]:
    with TraceReader(benchmark_run(tmp_path / "run.mnemo", sessions=2)) as opened:
        yield opened


def needle_run(path: Path, *asked: tuple[int, int, dict[str, float], bool]) -> Path:
    """Sessions of one probe each: turns, place of the evidence, what its maker says, and whether it was right."""
    with TraceWriter(path) as writer:
        lane = writer.add_lane("bm25", "bm25", "full-cache", {})
        for n, (turns, at, extra, right) in enumerate(asked):
            probe = Probe("q", turns - 1, "Where?", ("Oslo",), "accurate_retrieval", (at,), extra=extra)
            session = Session(f"s{n}", tuple(Turn(i, "user", "x") for i in range(turns)), (probe,))
            number = writer.add_session(session, str(n))
            payload = score_probe(probe, "Oslo" if right else "Lima", [], 5)
            writer.append([Event(number, lane, turns - 1, 1, Kind.SCORED, "q", payload=payload)])
    return path


def test_the_score_is_the_published_one_where_all_probes_have_it_and_can_be_chosen(reader: TraceReader) -> None:
    found = charts(reader)
    assert (found.score, found.scores) == ("locomo-f1", ("locomo-f1", "accuracy"))
    assert charts(reader, score="accuracy").score == "accuracy"
    assert charts(reader, score="nonsense").score == "locomo-f1"


def test_controls_that_are_no_memory_are_left_out(reader: TraceReader) -> None:
    found = charts(reader)
    assert [own.lane.name for own in found.outlays] == ["bm25", "window", "a-mem", "full"]
    assert found.places == {1: 0, 2: 1, 3: 2, 4: 3, 5: 4, 6: 5}


def test_the_grid_takes_the_lengths_and_depths_that_the_maker_says(tmp_path: Path) -> None:
    asked = [
        (20, 3, {"length": float(length), "depth": depth}, right)
        for length, depth, right in (
            (1000, 0.0, True), (1000, 1.0, False), (4000, 0.0, True), (4000, 1.0, True), (4000, 1.0, False),
        )
    ]  # fmt: skip
    with TraceReader(needle_run(tmp_path / "n.mnemo", *asked)) as opened:
        grid = charts(opened).needles
    assert grid is not None
    assert (grid.unit, grid.lengths, grid.depths) == ("tok", ("1k", "4k"), ("0 %", "100 %"))
    ((_, cells),) = grid.lanes
    assert [[(c.n, c.mean) for c in row] for row in cells] == [[(1, 1.0), (1, 1.0)], [(1, 0.0), (2, 0.5)]]


def test_without_them_it_counts_turns(tmp_path: Path) -> None:
    asked = [(11, 0, {}, True), (11, 5, {"length": 9.0, "depth": 0.1}, True), (21, 20, {}, False)]
    with TraceReader(needle_run(tmp_path / "n.mnemo", *asked)) as opened:
        grid = charts(opened).needles
    assert grid is not None
    assert (grid.unit, grid.lengths, grid.depths) == ("turns", ("11", "21"), ("0 %", "50 %", "100 %"))


def test_many_lengths_are_put_together_and_none_is_lost(tmp_path: Path) -> None:
    asked = [(10 + n, 0, {}, n % 2 == 0) for n in range(40)]
    with TraceReader(needle_run(tmp_path / "n.mnemo", *asked)) as opened:
        grid = charts(opened).needles
    assert grid is not None
    assert 4 <= len(grid.lengths) <= 8
    assert (grid.lengths[0].split("–")[0], grid.lengths[-1].split("–")[-1]) == ("10", "49")
    assert sum(c.n for row in grid.lanes[0][1] for c in row) == 40


def test_one_length_and_one_depth_are_no_picture(tmp_path: Path) -> None:
    with TraceReader(needle_run(tmp_path / "n.mnemo", (11, 0, {}, True), (11, 0, {}, False))) as opened:
        found = charts(opened)
    assert found.needles is None
    assert found.retention is None


def test_retention_is_by_the_age_of_the_newest_evidence(tmp_path: Path) -> None:
    asked = [(10, 9, {}, True), (10, 8, {}, True), (10, 6, {}, False), (10, 5, {}, True), (300, 0, {}, False)]
    with TraceReader(needle_run(tmp_path / "n.mnemo", *asked)) as opened:
        found = charts(opened).retention
    assert found is not None
    assert found.ages == ("0", "1", "2–4", "200–499")
    ((_, points),) = found.lanes
    assert [(p.n, p.mean) for p in points] == [(1, 1.0), (1, 1.0), (2, 0.5), (1, 0.0)]
    assert points[2].interval is not None
    assert points[2].interval.method == "wilson"


def test_what_a_lane_spends_is_what_costs_says(reader: TraceReader) -> None:
    spent = {own.lane.name: own for own in costs(reader)}
    for own in charts(reader, score="accuracy").outlays:
        known = spent[own.lane.name]
        assert own.size == known.size
        assert own.tokens == known.written.prompt + known.read.prompt + known.answers.prompt == 50 * 20
    bm25 = next(o for o in charts(reader, score="accuracy").outlays if o.lane.name == "bm25")
    assert (bm25.mean.n, bm25.mean.mean) == (16, pytest.approx(14 / 16))  # without the four that have no answer
