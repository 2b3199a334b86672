"""The scoreboard as it is shown: published columns first, ours beside them, controls as marks, lanes compared."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.benchmark import benchmark_run
from tests.support.traces import write_trace
from workbench.probes.statistics import compare, interval, wilson
from workbench.projections.board import OURS, RECALL, Board, BoardCell, board, compared_at
from workbench.trace.events import Event, Kind
from workbench.trace.reader import TraceReader
from workbench.trace.writer import TraceWriter


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[TraceReader]:
    with TraceReader(benchmark_run(tmp_path / "run.mnemo", sessions=2)) as opened:
        yield opened


def cell(view: Board, lane: str, title: str, ours: bool = False) -> BoardCell:
    rows = {row.name: row for row in (*view.rows, *view.controls.values())}
    names = [c.title or c.key for c in view.columns]
    place = next(n for n, c in enumerate(view.columns) if names[n] == title and c.ours is ours)
    return rows[lane].cells[place]


def test_the_benchmarks_own_columns_come_first_and_ours_are_called_ours(reader: TraceReader) -> None:
    view = board(reader, 1, 99)
    assert [(c.group, c.title or c.key) for c in view.columns] == [
        ("LoCoMo", "1 multi-hop"), ("LoCoMo", "2 temporal"), ("LoCoMo", "3 open-domain"), ("LoCoMo", "4 single-hop"),
        ("LoCoMo", "5 adversarial"), ("LoCoMo", "all"),
        (OURS, "accuracy"), (OURS, "accurate_retrieval"), (OURS, "long_range_understanding"), (OURS, "abstention"),
        (OURS, "evidence recall"),
    ]  # fmt: skip
    assert {c.score for c in view.columns if not c.ours} == {"locomo-f1"}
    assert cell(view, "bm25", "1 multi-hop").mean == pytest.approx(0.5)
    assert cell(view, "bm25", "2 temporal").mean == pytest.approx(0.5)
    assert cell(view, "bm25", "5 adversarial").mean == pytest.approx(0.5)
    assert cell(view, "bm25", "all").mean == pytest.approx((0.5 + 0.5 * 2 + 1 + 4 + 0.5 * 2) / 10)
    assert view.missing == {"locomo-judge": "`mnemoscope judge` gives it"}


def test_intervals_say_how_they_were_made_and_figures_in_between_get_the_bootstrap(reader: TraceReader) -> None:
    view = board(reader, 1, 99)
    every, ours = cell(view, "bm25", "all"), cell(view, "bm25", "accuracy", True)
    assert every.interval == interval([1, 1, 1, 1, 0.5, 1, 0, 1, 1, 0])
    assert every.interval is not None and every.interval.method == "bca"
    assert ours.interval is not None and ours.interval.method == "wilson"
    recall = cell(view, "bm25", "evidence recall", True).interval
    assert recall is not None and 0 < recall.low < recall.high < 1


def test_abstention_is_a_column_of_its_own_and_counts_in_no_other(reader: TraceReader) -> None:
    view = board(reader, 1, 99)
    assert (cell(view, "window", "abstention", True).n, cell(view, "window", "abstention", True).right) == (2, 2)
    accuracy = cell(view, "window", "accuracy", True)
    assert (accuracy.n, accuracy.right) == (8, 2)  # half of two parts is right by our reading
    parts = [cell(view, "window", name, True).n for name in ("accurate_retrieval", "long_range_understanding")]
    assert parts == [6, 2]


def test_controls_are_marks_and_no_rows_and_full_context_is_both(reader: TraceReader) -> None:
    view = board(reader, 1, 99)
    assert [row.name for row in view.rows] == ["bm25", "window", "a-mem", "full"]
    assert {name: row.name for name, row in view.controls.items()} == {
        "no memory": "no-memory", "evidence alone": "oracle", "full context": "full",
    }  # fmt: skip
    assert cell(view, "no-memory", "4 single-hop").mean == pytest.approx(0.25)
    assert view.guessable == 1
    assert view.fitted == (9, 10)


def test_columns_stand_still_while_figures_follow_the_cursor(reader: TraceReader) -> None:
    early, late = board(reader, 1, 1), board(reader, 1, 99)
    assert early.columns == late.columns
    assert (early.asked, late.asked) == (2, 10)
    assert cell(early, "bm25", "1 multi-hop") == BoardCell()
    assert cell(early, "bm25", "4 single-hop").n == 2
    assert cell(early, "bm25", "accuracy", True).right == 2
    assert board(reader, 1, 0, seq=0).rows[0].cells[3].n == 0
    assert board(reader, 1, 99, seq=0).asked == 0, "what a broken-off run never asked does not count as asked"


def test_the_whole_session_and_the_whole_run_leave_the_cursor_aside(reader: TraceReader) -> None:
    session, run = board(reader, 1, 0, scope="session"), board(reader, 1, 0, scope="run")
    assert (session.asked, session.probes, run.asked, run.probes) == (10, 10, 20, 20)
    assert cell(session, "bm25", "all").n == 10
    assert cell(run, "bm25", "all").n == 20
    assert cell(run, "bm25", "abstention", True).n == 4
    assert run.guessable == 2


def test_intervals_say_what_they_are(reader: TraceReader) -> None:
    view = board(reader, 1, 99)
    found = cell(view, "bm25", "4 single-hop").interval
    assert found is not None
    assert (found.method, (found.low, found.high)) == ("wilson", wilson(4, 4))


def test_lanes_are_compared_on_the_probes_of_one_column(reader: TraceReader) -> None:
    view = board(reader, 1, 99)
    column = next(c for c in view.columns if c.title == "4 single-hop")
    found = compared_at(reader, 1, 99, None, "cursor", column)
    assert found is not None
    assert {name for pair in found.pairs for name in (pair.first, pair.second)} == {"bm25", "window", "a-mem", "full"}
    against = dict(found.of("bm25"))
    expected = compare([1.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0])
    other = against["window"]
    assert (other.n, other.difference) == (4, pytest.approx(0.75))
    assert (other.low, other.high) == (pytest.approx(expected.low), pytest.approx(expected.high))
    assert (other.first_only, other.second_only) == (0, 3)
    assert other.holm >= other.p
    turned = dict(found.of("window"))["bm25"]
    assert (turned.difference, turned.low, turned.high) == (-other.difference, -other.high, -other.low)
    ours = next(c for c in view.columns if c.key == "abstention")
    two = compared_at(reader, 1, 99, None, "cursor", ours)
    assert two is not None
    assert two.n == 2
    assert compared_at(reader, 1, 99, None, "cursor", next(c for c in view.columns if c.score == RECALL)) is None
    both = compared_at(reader, 1, 99, None, "run", column)
    assert both is not None
    assert both.n == 8


def test_a_judge_gets_a_column_under_its_published_name(reader: TraceReader) -> None:
    with TraceWriter(reader.path) as writer:
        payload = {"name": "locomo-judge", "judge": "small", "value": 1.0}
        writer.append([Event(1, 1, 0, 1000, Kind.JUDGED, "q0", payload=payload)])
    view = board(reader, 1, 99)
    (place,) = [n for n, c in enumerate(view.columns) if c.score == "locomo-judge"]
    column = view.columns[place]
    assert (column.group, column.title) == ("LoCoMo, LLM judge", "4 single-hop")
    own = {row.name: row.cells[place] for row in view.rows}
    assert (own["bm25"].n, own["bm25"].mean, own["bm25"].judge) == (1, 1.0, "small")
    assert own["window"] == BoardCell()
    assert cell(view, "bm25", "4 single-hop").n == 4  # the paper's own figure is as it was


def test_a_session_of_no_benchmark_has_our_columns_alone(tmp_path: Path) -> None:
    with TraceReader(write_trace(tmp_path / "own.mnemo")) as opened:
        view = board(opened, 1, 59)
    assert not view.published
    assert {c.group for c in view.columns} == {OURS}
    assert len(view.rows) == 5
    assert list(view.controls) == ["full context"]


def test_a_run_of_controls_alone_shows_them_as_rows(tmp_path: Path) -> None:
    with TraceReader(write_trace(tmp_path / "own.mnemo", lanes=("no-memory",))) as opened:
        view = board(opened, 1, 59)
    assert [row.name for row in view.rows] == ["no-memory"]
    assert view.controls == {}
