from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog

from tests.support.traces import write_trace
from ui.dialogs.story_dialog import StoryDialog
from ui.panels.base import Panel
from ui.theme import theme
from ui.tour import failures
from workbench.engine.protocol import Tell


@pytest.fixture
def told(window: Any, run_file: Path, settle: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A window with a story of three steps; what it asks the engine is kept in ``window.asked``."""
    window.asked = []
    monkeypatch.setattr(window.inquiry, "ask", window.asked.append)
    window.open(run_file)
    settle(window.workspace)
    lanes = {row.name: row.id for row in window.workspace.run.lanes}
    for layout, panel, turn, lane in (
        ("Debug", "why", 14, "full"),
        ("Talk", "graph", 34, "a-mem"),
        ("Compare", "items", 50, "bm25"),
    ):
        window.set_layout(layout)
        window.show_panel(panel)
        window.workspace.jump(turn, lane=lanes[lane])
        settle(window.workspace)
        if turn == 14:
            window.workspace.selection.select(probe="p2", pinned=True)
            window.timeline.show_stretch(5.0, 25.0)
        if layout == "Talk":
            window.stage.light.light(window.inspector.panel)
        settle(window.workspace)
        window.registry.run("story.add")
        window.stage.light.light(None)
        window.timeline.show_stretch(0.0, 0.0)
    return window


def key(window: Any, settle: Any, *keys: Qt.Key) -> None:
    for one in keys:
        QTest.keyClick(window.focusWidget() or window, one)
    settle(window.workspace)


def where(window: Any) -> tuple[Any, ...]:
    space = window.workspace
    return (window.layout_name, space.cursor.turn, space.run.name(space.selection.now.lane), window.inspector.current)


STORY = [("Debug", 14, "full", "why"), ("Talk", 34, "a-mem", "graph"), ("Compare", 50, "bm25", "items")]


def test_a_step_is_where_one_stood(told: Any, settle: Any) -> None:
    assert [(s.layout, s.turn, s.lane, s.tabs[0]) for s in told.stage.book.steps] == STORY
    first, second, _ = told.stage.book.steps
    assert (first.probe, first.pinned, first.first, first.last) == ("p2", True, 5.0, 25.0)
    assert second.spot == "graph"
    kept = told.asked[-1]
    assert isinstance(kept, Tell)
    assert [step["turn"] for step in kept.steps] == [14, 34, 50]
    told.workspace.cursor.go(0)
    told.stage.go(0)
    settle(told.workspace)
    assert where(told) == STORY[0]
    assert told.workspace.selection.now.pinned
    assert (told.timeline.stretch.first, told.timeline.stretch.last) == (5.0, 25.0)


def test_a_step_keeps_which_lanes_are_shown_and_in_which_order(told: Any, settle: Any) -> None:
    space = told.workspace
    roster, ids = space.roster, {row.name: row.id for row in space.run.lanes}
    space.selection.select(lane=ids["a-mem"])
    roster.put(ids["a-mem"], ids["full"])
    roster.hide(ids["dense"])
    told.registry.run("story.add")
    told.stage.book.turn_to(0)
    roster.reset()
    roster.hide(ids["window"])
    mine = roster.now
    told.registry.run("story.play")
    assert roster.shown() == tuple(ids.values()), "a step of all lanes"
    told.stage.go(3)
    settle(space)
    assert [space.run.name(n) for n in roster.shown()] == ["a-mem", "full", "window", "bm25"]
    told.stage.end()
    assert roster.now == mine, "one's own arrangement is back"


def test_a_run_that_is_opened_meanwhile_keeps_its_own_lanes(told: Any, tmp_path: Path, settle: Any) -> None:
    told.workspace.roster.hide(told.workspace.run.lanes[1].id)
    told.stage.book.turn_to(0)
    told.registry.run("story.play")
    told.open(write_trace(tmp_path / "other.mnemo"))
    settle(told.workspace)
    assert not told.stage.book.telling
    assert not told.workspace.roster.arranged


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1024, 768)])
def test_a_story_is_told_by_keys_without_chrome_and_fits(told: Any, settle: Any, width: int, height: int) -> None:
    told.set_layout("Debug")
    told.resize(width, height)
    told.activateWindow()
    before = theme.active().size
    told.registry.run("story.play")
    settle(told.workspace)
    seen = []
    for step in (Qt.Key.Key_Right, Qt.Key.Key_PageDown, Qt.Key.Key_Space):
        seen.append(where(told))
        assert not told.menuBar().isVisible()
        assert not told.transport.isVisible()
        assert not told.inspector.head.isVisible() or told.inspector.chooser.isVisible()
        assert told.stage.caption.isVisible()
        assert theme.active().size > before
        assert (told.width(), told.height()) == (width, height)
        assert told.stage.caption.geometry().bottom() <= told.centralWidget().height()
        assert failures(told) == []
        key(told, settle, step)
    assert seen == STORY
    assert where(told) == STORY[-1], "the last step stays"
    key(told, settle, Qt.Key.Key_Left)
    assert where(told) == STORY[1]
    assert told.stage.light.lit == "graph"
    key(told, settle, Qt.Key.Key_Home)
    assert told.stage.caption.place.text() == "1 of 3"
    key(told, settle, Qt.Key.Key_Escape)
    assert told.menuBar().isVisible()
    assert told.transport.isVisible()
    assert not told.stage.caption.isVisible()
    assert theme.active().size == before


def test_a_story_is_told_by_the_mouse(told: Any, settle: Any) -> None:
    told.registry.action("story.play").trigger()
    settle(told.workspace)
    at = told.stage.book.at
    QTest.mouseClick(told.stage.caption.buttons["previous" if at else "next"], Qt.MouseButton.LeftButton)
    settle(told.workspace)
    assert told.stage.book.at != at
    QTest.mouseClick(told.stage.caption.buttons["end"], Qt.MouseButton.LeftButton)
    assert not told.stage.book.telling


def test_steps_are_renamed_noted_ordered_and_deleted(told: Any, qtbot: Any) -> None:
    told.show_steps()
    dialog = told.findChild(StoryDialog)
    dialog.list.setCurrentRow(0)
    dialog.list.item(0).setText("Where it began")
    dialog.list.setCurrentRow(0)
    dialog.note.setPlainText("Look at the <b>first</b> turn")
    dialog._keep_note()
    QTest.keyClick(dialog, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    dialog._down()
    book = told.stage.book
    assert "Where it began" in [s.name for s in book.steps][1:]
    moved = next(s for s in book.steps if s.name == "Where it began")
    assert moved.note == "Look at the <b>first</b> turn"
    row = book.steps.index(moved)
    dialog.list.setCurrentRow(row)
    dialog.list.setFocus()
    QTest.keyClick(dialog.list, Qt.Key.Key_Delete)
    assert len(book.steps) == 2
    assert moved not in book.steps
    dialog.close()


def test_a_story_goes_out_and_comes_in_as_json(told: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = str(tmp_path / "story.json")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (file, ""))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (file, ""))
    told.show_steps()
    dialog = told.findChild(StoryDialog)
    dialog._export()
    before = told.stage.book.steps
    dialog._import()
    assert told.stage.book.steps == before * 2
    dialog.close()


def test_steps_that_no_longer_fit_the_run_are_shown_as_far_as_they_do(told: Any, settle: Any) -> None:
    step = told.stage.book.steps[0].but(lane="gone", probe="gone", layout="gone", tabs=("gone", "hits"), turn=10_000)
    told.stage.book.put([step.but(session=9)])
    told.stage.go(0)
    settle(told.workspace)
    assert told.workspace.cursor.turn == told.workspace.cursor.last
    assert failures(told) == []


def test_a_run_without_a_story_says_how_to_make_one(window: Any, run_file: Path) -> None:
    window.open(run_file)
    window.stage.play()
    assert not window.stage.book.telling
    assert "S adds" in window.notice.what.text()


def test_a_panel_floats_and_follows(told: Any, settle: Any) -> None:
    told.set_layout("Debug")
    told.show_panel("hits")
    told.registry.run("view.float")
    (floating,) = told._floating
    told.workspace.cursor.go(14)
    settle(told.workspace)
    assert floating.isVisible()
    assert isinstance(floating.panel, Panel)
    assert floating.panel.name == "hits"
    assert floating.panel.view is not None
    assert told.registry.action("playback.forward") in floating.actions()
    floating.close()
    assert told._floating == []


def test_the_spotlight_lights_one_panel(told: Any, settle: Any) -> None:
    told.set_layout("Debug")
    settle(told.workspace)
    light, panel = told.stage.light, told._parts["lanes"]
    panel.setFocus()
    light.light(panel)
    inside, outside = (w.mapTo(told.centralWidget(), w.rect().center()) for w in (panel, told.inspector))
    plain = told.centralWidget().grab().toImage()
    assert light.lit == "lanes"
    assert light.lit_rect().contains(inside)
    assert not light.lit_rect().contains(outside)
    light.light(None)
    bright = told.centralWidget().grab().toImage()
    corner = (
        told.inspector.mapTo(told.centralWidget(), told.inspector.rect().topLeft()) + told.inspector.rect().center() / 8
    )
    assert plain.pixelColor(corner).value() < bright.pixelColor(corner).value()
    assert not light.on
