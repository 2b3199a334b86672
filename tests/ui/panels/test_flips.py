from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester, QTest

from tests.support.traces import write_trace
from ui.models.flips import FlipsModel
from ui.panels.base import NO_SECOND


@pytest.fixture(scope="module")
def other_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The session of ``run_file`` with other answers, a lane less, one more, and in another order."""
    lanes = ("a-mem", "full", "bm25", "mem0")
    return write_trace(tmp_path_factory.mktemp("beside") / "other.mnemo", items=31, lanes=lanes)


@pytest.fixture
def compared(window: Any, run_file: Path, other_run: Path, settle: Any) -> Any:
    window.open(run_file)
    window.open(other_run, window.compare)
    both(window, settle)
    return window


def both(window: Any, settle: Any) -> None:
    settle(window.workspace)
    settle(window.beside.there)
    settle(window.workspace)


def name(space: Any) -> str:
    return str(space.run.name(space.selection.now.lane))


def test_choosing_a_flip_goes_there_in_both_runs(compared: Any, settle: Any) -> None:
    panel, there = compared._parts["flips"], compared.beside.there
    assert panel.view is not None
    assert compared.layout_name == "Runs"
    assert panel.model.flips
    for row in (0, panel.model.rowCount() - 1):
        flip = panel.model.flips[row]
        panel._chosen(panel.model.index(row, 0))
        both(compared, settle)
        for space in (compared.workspace, there):
            assert (space.cursor.turn, space.selection.now.probe) == (flip.turn, flip.probe)
            assert name(space) == flip.lane_name
        assert panel.grid.currentIndex().row() == row


def test_the_arrow_keys_walk_the_flips(compared: Any, settle: Any) -> None:
    panel = compared._parts["flips"]
    panel.grid.setFocus()
    panel.grid.selectRow(0)
    QTest.keyClick(panel.grid, Qt.Key.Key_Down)
    both(compared, settle)
    assert compared.beside.there.selection.now.probe == panel.model.flips[1].probe


def test_either_run_leads(compared: Any, settle: Any) -> None:
    there = compared.beside.there
    compared.workspace.cursor.go(17)
    both(compared, settle)
    assert there.cursor.turn == 17
    lane = next(row.id for row in there.run.lanes if row.name == "bm25")
    there.jump(41, lane=lane)
    both(compared, settle)
    assert compared.workspace.cursor.turn == 41
    assert name(compared.workspace) == "bm25"


def test_a_lane_that_is_missing_leaves_the_other_run_where_it_was(compared: Any, settle: Any) -> None:
    there, lanes = compared.beside.there, {row.name: row.id for row in compared.workspace.run.lanes}
    compared.workspace.selection.select(lane=lanes["full"])
    both(compared, settle)
    compared.workspace.selection.select(lane=lanes["window"])
    both(compared, settle)
    assert name(compared.workspace) == "window"
    assert name(there) == "full"
    assert "window" in compared._parts["flips"].what.text()
    assert "mem0" in compared._parts["flips"].what.text()


def test_the_same_lane_has_the_same_colour_in_both(compared: Any) -> None:
    here, there = compared.workspace.run, compared.beside.there.run
    places = {row.name: here.place(row.id) for row in here.lanes}
    shown = {row.name: there.place(row.id) for row in there.lanes}
    assert all(shown[lane] == places[lane] for lane in ("a-mem", "full", "bm25"))
    assert len(set(shown.values())) == len(shown)


def test_filters_show_one_kind_of_change_and_one_lane(compared: Any) -> None:
    panel = compared._parts["flips"]
    for kind, wanted in ((-1, {-1}), (1, {1})):
        panel.kinds.setCurrentIndex(panel.kinds.findData(kind))
        panel._filter()
        assert {flip.change for flip in panel.model.flips} == wanted
    panel._lane_chosen(panel.lanes_model.index(0, 0))
    assert {flip.lane_name for flip in panel.model.flips} == {panel.lanes_model.table.rows[0][0]}


def test_an_empty_list_says_why_it_is_empty(window: Any, run_file: Path, settle: Any) -> None:
    window.open(run_file)
    window.open(run_file, window.compare)
    both(window, settle)
    panel = window._parts["flips"]
    assert panel.answers.currentWidget() is panel.none
    right = sum(flip.here.correct for flip in panel.view.runs.flips)
    assert f"No answer flipped: {right} of 60 probes right in both runs, {60 - right} wrong" in panel.none.text()
    panel.kinds.setCurrentIndex(panel.kinds.count() - 1)
    panel._filter()
    assert panel.answers.currentWidget() is panel.grid


def test_no_picture_of_the_second_run_stays_when_it_is_closed(compared: Any, settle: Any) -> None:
    lanes = compared._parts["lanes-there"]
    assert lanes.view is not None
    compared.stop_comparing()
    compared.set_layout("Runs")
    settle(compared.workspace)
    assert lanes.view is None
    assert "B ·" not in lanes._title.text()
    assert lanes._stack.currentWidget() is lanes._card
    assert lanes._card._what.text() == NO_SECOND.what, "a run is open: it is the second one that is missing"


def test_a_run_over_another_session_is_refused_in_one_line(
    window: Any, run_file: Path, tmp_path: Path, settle: Any
) -> None:
    other = write_trace(tmp_path / "elsewhere.mnemo", turns=12, items=4, probes=2, lanes=("full",), seed=5)
    window.open(run_file)
    window.open(other, window.compare)
    settle(window.workspace)
    assert "elsewhere.mnemo" in window.notice.what.text()
    assert "\n" not in window.notice.what.text()
    assert not window.comparing()
    assert window.layout_name == "Debug"


def test_opening_a_run_over_another_session_ends_the_comparison(compared: Any, tmp_path: Path, settle: Any) -> None:
    other = write_trace(tmp_path / "elsewhere.mnemo", turns=12, items=4, probes=2, lanes=("full",), seed=5)
    compared.open(other)
    settle(compared.workspace)
    assert not compared.comparing()
    compared.show_panel("hits")
    assert compared.inspector.panel is not None
    assert not compared.inspector.panel._title.text().startswith("A ·")


def test_the_model_is_a_qt_model(compared: Any) -> None:
    model = FlipsModel()
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    model.show(compared._parts["flips"].view.runs.flips)
    model.show(compared._parts["flips"].view.runs.flips[:3])
