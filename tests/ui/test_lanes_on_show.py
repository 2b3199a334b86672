"""Hiding, moving, pinning and soloing lanes in the window: every panel that shows lanes follows."""

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from ui.panels.charts import ChartsPanel
from ui.settings import Settings
from ui.widgets.hidden_lanes import HiddenLanes
from ui.window import MainWindow


@pytest.fixture
def opened(window: Any, run_file: Path, settle: Any) -> Any:
    window.open_run(run_file)
    window.set_layout("Debug")
    window.inspector.show_panel("probes")
    window.workspace.cursor.go(34)
    settle(window.workspace)
    return window


def names(window: Any) -> dict[str, list[str]]:
    """The lanes that each panel shows, in its order."""
    lanes, board = window._parts["lanes"], window._parts["scoreboard"]
    return {
        "cards": [lane.name for lane in lanes.columns._shown()],
        "timeline": [track.name for track in window.scrubber.tracks._view.tracks],
        "scoreboard": [row.name for row in board.matrix.view.rows],
        "probes": [name for _, name in window.inspector.panel.model.lanes],
    }


def everywhere(window: Any, *wanted: str) -> None:
    assert set(map(tuple, names(window).values())) == {wanted}, names(window)


def test_one_command_each_and_every_panel_follows(opened: Any, settle: Any) -> None:
    run, space = opened.registry.run, opened.workspace
    everywhere(opened, "full", "window", "bm25", "dense", "a-mem")
    assert run("lanes.hide")
    assert space.run.name(space.selection.now.lane) == "dense"  # the next one is selected
    assert run("lanes.earlier") and run("lanes.earlier")
    everywhere(opened, "full", "dense", "window", "bm25")
    assert run("lanes.pin")
    everywhere(opened, "dense", "full", "window", "bm25")
    opened.step_lane(2)
    assert run("lanes.alone")
    everywhere(opened, "dense", "window")
    opened.step_lane(1)  # the next lane takes its place
    everywhere(opened, "dense", "bm25")
    for _ in range(5):
        assert run("lanes.undo")
    everywhere(opened, "full", "window", "bm25", "dense", "a-mem")
    assert not run("lanes.undo")


def test_colour_and_shape_of_a_lane_stay(opened: Any) -> None:
    opened.registry.run("lanes.earlier")
    panel = opened.inspector.panel
    last = len(panel.model.lanes) - 2
    assert panel.model.lanes[last][1] == "a-mem"
    assert panel.model.places[panel.model.lanes[last][0]] == 4


def test_what_is_hidden_is_said_and_a_click_shows_it(opened: Any, qtbot: Any) -> None:
    def said() -> list[HiddenLanes]:
        return [one for one in opened.findChildren(HiddenLanes) if one.isVisible()]

    assert not said()
    opened.registry.run("lanes.hide")
    opened.registry.run("lanes.hide")
    assert len(said()) == 4 and {one.text() for one in said()} == {"2 hidden"}  # cards, timeline, scoreboard, probes
    assert "a-mem" in said()[0].toolTip() and "Show all lanes" in said()[0].accessibleName()
    qtbot.mouseClick(said()[0], Qt.MouseButton.LeftButton)
    assert not said() and not opened.workspace.roster.hidden()


def drag(widget: Any, start: QPoint, end: QPoint) -> None:
    QTest.mousePress(widget, Qt.MouseButton.LeftButton, pos=start)
    QTest.mouseMove(widget, (start + end) / 2)
    QTest.mouseMove(widget, end)
    QTest.mouseRelease(widget, Qt.MouseButton.LeftButton, pos=end)


def test_lanes_are_dragged_on_cards_timeline_and_scoreboard(opened: Any, settle: Any) -> None:
    columns = opened._parts["lanes"].columns
    columns.grab()
    drag(columns, QPoint(round(columns._lefts()[0]) + 40, 12), QPoint(round(columns._lefts()[2]) + 40, 12))
    everywhere(opened, "window", "bm25", "full", "dense", "a-mem")
    tracks = opened.scrubber.tracks
    drag(tracks, QPoint(30, round(tracks._y(4))), QPoint(30, round(tracks._y(0))))
    everywhere(opened, "a-mem", "window", "bm25", "full", "dense")
    matrix = opened._parts["scoreboard"].matrix
    row = [round(matrix._head() + (n + 0.5) * matrix._row()) for n in range(5)]
    drag(matrix, QPoint(30, row[0]), QPoint(30, row[1]))
    everywhere(opened, "window", "a-mem", "bm25", "full", "dense")
    matrix.grab()
    drag(matrix, QPoint(30, row[0]), QPoint(31, row[0]))  # a click is no drag
    everywhere(opened, "window", "a-mem", "bm25", "full", "dense")
    assert opened.workspace.run.name(opened.workspace.selection.now.lane) == "window"


def test_a_pinned_column_stays_in_sight(opened: Any, settle: Any) -> None:
    opened.registry.run("lanes.pin")
    opened.resize(1024, 720)
    settle(opened.workspace)
    columns, bar = opened._parts["lanes"].columns, opened._parts["lanes"].side.horizontalScrollBar()
    assert bar.maximum() > 0 and columns._fixed() == 1
    bar.setValue(bar.maximum())
    columns.grab()
    assert columns._lefts()[0] == bar.maximum()
    first = columns.lane_at(QPoint(bar.maximum() + 20, 20))
    assert opened.workspace.run.name(first) == "a-mem"
    opened.step_lane(-1)  # the last one is selected: it is brought in sight beside the pinned one
    columns.bring()
    at = round(columns._lefts()[4]) - bar.value()
    assert at >= round(columns._width()) and at + columns._width() <= opened._parts["lanes"].side.viewport().width() + 2


def test_the_menu_of_a_lane_is_about_the_lane_under_the_pointer(opened: Any) -> None:
    panel = opened._parts["lanes"]
    panel.columns.grab()
    panel._pointed_lane = panel.lane_under(
        panel.columns.mapTo(panel, QPoint(round(panel.columns._lefts()[1]) + 20, 60))
    )
    menu = panel.context_menu()
    entry = next(a for a in menu.actions() if a.text().replace("&", "").startswith("Hide "))
    assert entry.text().replace("&", "") == "Hide window"
    entry.trigger()
    everywhere(opened, "full", "bm25", "dense", "a-mem")
    panel._pointed_lane = 0
    assert not any(a.text().replace("&", "").startswith("Hide ") for a in panel.context_menu().actions())


def test_an_arrangement_is_kept_per_run_file(opened: Any, run_file: Path, tmp_path: Path, settle: Any) -> None:
    opened.registry.run("lanes.hide")
    opened.registry.run("lanes.earlier")
    opened.settings.sync()
    other = tmp_path / "other.mnemo"
    other.write_bytes(run_file.read_bytes())
    again = MainWindow(Settings(opened.settings.path))
    again.open_run(other)
    assert not again.workspace.roster.arranged
    again.open_run(run_file)
    assert [again.workspace.run.name(lane) for lane in again.workspace.roster.shown()] == [
        "full", "window", "dense", "bm25",
    ]  # fmt: skip
    again.workspace.roster.reset()
    assert again.settings.arrangement(run_file) is None
    again.close()
    again.deleteLater()


def test_pictures_and_tables_hold_the_lanes_on_show(opened: Any, settle: Any) -> None:
    opened.registry.run("lanes.hide")
    board = opened._parts["scoreboard"]
    assert "a-mem" not in {row[0] for row in board.table(board.view).rows}
    opened.inspector.show_panel("charts")
    settle(opened.workspace)
    panel = opened.inspector.panel
    assert isinstance(panel, ChartsPanel)
    assert "a-mem" not in {one.lane.name for one in panel.view.outlays}
    opened.registry.run("lanes.show-all")
    assert "a-mem" in {one.lane.name for one in panel.view.outlays}
