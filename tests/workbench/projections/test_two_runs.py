from pathlib import Path

import pytest
from scipy.stats import binomtest

from tests.support.traces import write_trace
from workbench.errors import MnemoscopeError
from workbench.projections.published import ACCURACY
from workbench.projections.two_runs import pairing, two_runs
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_trace(tmp_path_factory.mktemp("two") / "here.mnemo", lanes=("full", "bm25", "a-mem", "window"))


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same session, other answers, the lanes in another order."""
    return write_trace(
        tmp_path_factory.mktemp("two") / "there.mnemo", items=31, lanes=("a-mem", "mem0", "full", "bm25")
    )


def verdicts(reader: TraceReader, lane: str) -> dict[str, bool]:
    number = next(row.id for row in reader.lanes() if row.name == lane)
    return {e.subject: e.payload["correct"] for e in reader.events(1, number, (Kind.SCORED,))}


def test_lanes_go_by_name_and_others_are_named(here: Path, there: Path) -> None:
    with TraceReader(here) as one, TraceReader(there) as two:
        found = pairing(one, two)
    assert found.sessions == {1: 1}
    assert found.lanes == {1: 3, 2: 4, 3: 1}
    assert (found.only_here, found.only_there) == (("window",), ("mem0",))


def test_flips_and_statistics_are_those_of_the_answers(here: Path, there: Path) -> None:
    with TraceReader(here) as one, TraceReader(there) as two:
        runs = two_runs(one, two)
        assert {row.name for row in runs.lanes} == {"full", "bm25", "a-mem"}
        for lane in ("full", "bm25", "a-mem"):
            before, after = verdicts(one, lane), verdicts(two, lane)
            expected = {probe: int(after[probe]) - int(before[probe]) for probe in before}
            assert {f.probe: f.change for f in runs.flips if f.lane_name == lane} == expected
            row = next(r for r in runs.lanes if r.name == lane and r.score == ACCURACY)
            lost, won = (list(expected.values()).count(change) for change in (-1, 1))
            assert (row.lost, row.won, row.comparison.n) == (lost, won, len(before))
            assert row.comparison.difference == pytest.approx(sum(expected.values()) / len(expected))
            p = binomtest(lost, lost + won, 0.5).pvalue if lost + won else 1.0
            assert row.comparison.p == pytest.approx(p)
            assert row.comparison.low <= row.comparison.difference <= row.comparison.high
        assert any(flip.change for flip in runs.flips)
        rows = sorted(r.comparison.p for r in runs.lanes)
        holm = [min(1.0, p * (len(rows) - place)) for place, p in enumerate(rows)]
        assert min(r.comparison.holm for r in runs.lanes) == pytest.approx(min(1.0, holm[0]))


def test_a_run_beside_itself_has_no_flips(here: Path) -> None:
    with TraceReader(here) as one, TraceReader(here) as two:
        runs = two_runs(one, two)
    assert runs.flips
    assert not any(flip.change for flip in runs.flips)
    assert {row.comparison.holm for row in runs.lanes} == {1.0}


def test_other_sessions_are_refused_in_one_line(here: Path, tmp_path: Path) -> None:
    other = write_trace(tmp_path / "other.mnemo", turns=12, items=4, probes=2, lanes=("full",), seed=5)
    with TraceReader(here) as one, TraceReader(other) as two, pytest.raises(MnemoscopeError) as told:
        pairing(one, two)
    assert "other.mnemo" in str(told.value)
    assert "moving house, seed 5" in str(told.value)
    assert "\n" not in str(told.value)
