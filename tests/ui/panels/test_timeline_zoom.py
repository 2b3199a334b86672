"""Zoom, pan and ranges of the timeline."""

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent

from ui.panels import make
from ui.state.stretch import Stretch
from ui.state.workspace import Workspace
from ui.widgets.range_card import RangeCard, range_table
from workbench.projections.costs import costs
from workbench.projections.turn_range import turn_range
from workbench.trace.reader import TraceReader


@pytest.fixture
def tracks(workspace: Workspace, qtbot: Any, settle: Any) -> Any:
    panel = make("scrubber", workspace)
    qtbot.addWidget(panel)
    panel.resize(1000, 200)
    panel.show()
    settle(workspace)
    return panel.tracks


def wheel(tracks: Any, x: float, down: int, modifiers: Any = Qt.KeyboardModifier.NoModifier) -> None:
    at = QPointF(x, tracks._y(0))
    event = QWheelEvent(
        at, tracks.mapToGlobal(at), QPoint(), QPoint(0, down), Qt.MouseButton.NoButton, modifiers,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    tracks.wheelEvent(event)


def test_a_stretch_stays_inside_the_session() -> None:
    stretch = Stretch()
    stretch.of(101)
    assert stretch.whole and stretch.wide == 100
    stretch.zoom(4, 100)
    assert (stretch.first, stretch.last) == (75, 100)
    stretch.pan(50)
    assert stretch.last == 100
    stretch.pan(-500)
    assert (stretch.first, stretch.last) == (0, 25)
    assert stretch.follow(60) and stretch.first < 60 < stretch.last and stretch.wide == 25
    assert not stretch.follow(60)
    for _ in range(40):
        stretch.zoom(2, 60)
    assert stretch.wide == 8
    stretch.of(5)
    assert stretch.last <= 4
    stretch.zoom(0.001, 2)
    assert stretch.whole
    stretch.of(500)
    assert stretch.whole and stretch.end == 499


def test_the_wheel_zooms_about_the_pointer_and_pans(tracks: Any) -> None:
    x = tracks._x(30)
    wheel(tracks, x, 240)
    assert not tracks.stretch.whole
    assert tracks._x(30) == pytest.approx(x, abs=1)
    before = tracks.stretch.first
    wheel(tracks, x, -120, Qt.KeyboardModifier.ShiftModifier)
    assert tracks.stretch.first > before
    wheel(tracks, x, -2400)
    assert tracks.stretch.whole


def test_keys_zoom_about_the_cursor_which_stays_in_sight(tracks: Any, workspace: Workspace, qtbot: Any) -> None:
    workspace.cursor.go(10)
    for _ in range(6):
        qtbot.keyClick(tracks, Qt.Key.Key_Plus)
    assert tracks.stretch.first <= 10 <= tracks.stretch.last and tracks.stretch.wide < 20
    workspace.cursor.go(50)
    qtbot.waitUntil(lambda: tracks.stretch.first <= 50 <= tracks.stretch.last)
    spot = QPoint(round(tracks._x(50)), round(tracks._y(0)))
    qtbot.mouseClick(tracks, Qt.MouseButton.LeftButton, pos=spot)
    assert workspace.cursor.turn == 50
    assert tracks._labels and tracks.grab().toImage().size() == tracks.size() * tracks.devicePixelRatioF()
    qtbot.keyClick(tracks, Qt.Key.Key_0)
    assert tracks.stretch.whole


def test_the_bar_at_the_foot_pans(tracks: Any, workspace: Workspace, qtbot: Any) -> None:
    turn = workspace.cursor.turn
    tracks.zoom(4, 0)
    bar = tracks._bar()
    qtbot.mouseClick(tracks, Qt.MouseButton.LeftButton, pos=QPoint(round(bar.right()) - 1, round(bar.center().y())))
    assert tracks.stretch.last == tracks.stretch.end
    assert workspace.cursor.turn == turn


def test_a_range_says_what_every_lane_did(tracks: Any, workspace: Workspace, qtbot: Any) -> None:
    turn = workspace.cursor.turn
    y = round(tracks._y(1))
    shift = Qt.KeyboardModifier.ShiftModifier
    qtbot.mousePress(tracks, Qt.MouseButton.LeftButton, shift, QPoint(round(tracks._x(5)), y))
    qtbot.mouseMove(tracks, QPoint(round(tracks._x(20)), y))
    tracks.mark_range(20, 5)  # what the drag of a real pointer marks
    assert tracks.range == (5, 20)
    qtbot.mouseRelease(tracks, Qt.MouseButton.LeftButton, shift, QPoint(round(tracks._x(20)), y))
    panel = tracks._panel
    qtbot.waitUntil(lambda: bool(panel.findChildren(RangeCard)))
    (card,) = panel.findChildren(RangeCard)
    assert [row[0] for row in card.model.table.rows] == [lane.name for lane in workspace.run.lanes]
    card.close()
    assert workspace.cursor.turn == turn
    qtbot.keyClick(tracks, Qt.Key.Key_Escape)
    assert tracks.range is None


def test_shift_and_arrows_mark_a_range(tracks: Any, workspace: Workspace, qtbot: Any) -> None:
    workspace.cursor.go(10)
    qtbot.waitUntil(lambda: tracks._turn == 10)
    for _ in range(3):
        qtbot.keyClick(tracks, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
        qtbot.wait(1)
    assert tracks.range == (10, 13)


def test_the_whole_range_is_the_whole_run(run_file: Path) -> None:
    with TraceReader(run_file) as reader:
        rows = turn_range(reader, 1, -1, 10_000)
        assert [row.lane.name for row in rows] == [lane.lane.name for lane in costs(reader, 1)]
        for row, whole in zip(rows, costs(reader, 1), strict=True):
            spent = (whole.written, whole.read, whole.answers)
            assert row.asked == whole.probes
            assert row.calls == whole.written.calls + whole.read.calls + whole.probes
            assert row.tokens == sum(s.prompt + s.generated for s in spent)
        half = turn_range(reader, 1, 0, 20)
        assert all(a.written <= b.written for a, b in zip(half, rows, strict=True))
    assert range_table(rows).rows[0][0] == rows[0].lane.name
