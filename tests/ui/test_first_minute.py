"""The first minute: the sample at its most telling probe, said to be one, and three things pointed at in turn."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtWidgets import QPushButton

from ui.samples import sample_run
from ui.state.workspace import Workspace
from ui.window import MainWindow
from workbench import paths


@pytest.fixture
def opened(window: MainWindow, settle: Callable[[Workspace], None], qtbot: Any) -> MainWindow:
    """The window as somebody sees it who starts the program for the first time."""
    if sample_run() is None:
        pytest.skip("no recorded sample in this checkout: make samples")
    window.open_sample()
    qtbot.waitUntil(lambda: window.guide.on)
    settle(window.workspace)
    return window


def test_it_says_what_is_open_and_points_at_three_things_in_turn(opened: MainWindow, qtbot: Any) -> None:
    guide, window = opened.guide, opened
    assert guide.card.first.text().startswith("This is a sample: ")
    assert window.transport.file.text().startswith("sample · ")
    seen = []
    for _ in range(3):
        assert guide.on
        seen.append(guide.pointed)
        assert guide.pointed_rect().intersected(guide.rect()) == guide.pointed_rect()
        card = QRect(guide.card.pos(), guide.card.size())
        assert window.centralWidget().rect().contains(card)
        assert not guide.pointed_rect().intersects(card)
        qtbot.mouseClick(guide.card.further, Qt.MouseButton.LeftButton)
    assert seen == [window.scrubber, window._parts["lanes"], window.inspector]
    assert not guide.on and not guide.card.isVisible()
    assert window.inspector.current == "why"


def test_escape_ends_it_and_it_never_comes_again_unless_asked_for(
    opened: MainWindow, settle: Callable[[Workspace], None], qtbot: Any
) -> None:
    probe = opened.workspace.selection.now.probe
    qtbot.waitUntil(opened.isActiveWindow)
    qtbot.keyClick(opened.guide.card.further, Qt.Key.Key_Escape)
    assert not opened.guide.on
    assert opened.workspace.selection.now.probe == probe  # Escape has let go of nothing else
    opened.open_sample()
    settle(opened.workspace)
    assert not opened.guide.on
    opened.registry.run("help.around")
    assert opened.guide.on


def test_what_lies_below_can_be_used_meanwhile(opened: MainWindow, qtbot: Any) -> None:
    at = opened.scrubber.content
    inside = at.mapTo(opened, QPoint(at.width() // 2, at.height() // 2))
    assert opened.childAt(inside) not in (opened.guide, opened.guide.card)


def test_what_went_wrong_is_read_undimmed(opened: MainWindow) -> None:
    opened.notice.say("Saved.", calm=True)
    assert opened.guide.on
    opened.notice.say("Something went wrong.")
    assert not opened.guide.on


def test_it_stays_within_a_small_window_in_large_type(opened: MainWindow) -> None:
    opened.resize(1024, 720)
    opened.set_type(13)
    for _ in range(3):
        card = QRect(opened.guide.card.pos(), opened.guide.card.size())
        assert opened.centralWidget().rect().contains(card)
        opened.guide.card.further.click()


def test_without_a_run_the_window_offers_samples_a_file_and_a_model(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch, run_file: Path
) -> None:
    def offered(panel: str) -> list[str]:
        return [b.text() for b in window._parts[panel]._card.findChildren(QPushButton) if not b.isHidden()]

    asked: list[str] = []
    monkeypatch.setattr(MainWindow, "ask_session", lambda _: asked.append("session"))
    window.set_layout("Compare")
    assert "No run is open" in window._parts["lanes"]._card._what.text()
    assert offered("lanes")[-3:] == ["Open run…", "Open session…", "Models…"]
    assert any(text.startswith("Sample: ") for text in offered("lanes"))
    window.set_layout("Probe")
    assert "Open session…" in offered("scoreboard")
    next(b for b in window._parts["scoreboard"]._card.findChildren(QPushButton) if b.text() == "Open session…").click()
    assert asked == ["session"]
    window.set_layout("Debug")
    assert offered("scoreboard") == []
    window.open(run_file)

    assert offered("lanes") == []


def test_a_layout_is_reset(window: MainWindow, run_file: Path, qtbot: Any) -> None:
    window.open(run_file)
    lanes = window._parts["lanes"]
    board = window._parts["scoreboard"]
    qtbot.waitUntil(lambda: lanes.width() > 400 and 0 <= board.height() - board.wanted() < 2)
    first = lanes.size()
    handle = window._splitter.handle(1)
    at = handle.rect().center()
    qtbot.mousePress(handle, Qt.MouseButton.LeftButton, pos=at)
    qtbot.mouseMove(handle, at - QPoint(0, 120))
    qtbot.mouseRelease(handle, Qt.MouseButton.LeftButton, pos=at - QPoint(0, 120))
    qtbot.waitUntil(lambda: lanes.height() < first.height())
    window.set_layout("Probe")
    window.set_layout("Debug")
    qtbot.waitUntil(lambda: 0 < lanes.height() < first.height())  # as it was left
    window.zoom(2)
    window.registry.run("view.reset-layout")
    assert window.type_zoom == 0
    # The bar may stay a little higher than it was.
    qtbot.waitUntil(lambda: lanes.width() == first.width() and abs(lanes.height() - first.height()) < 16)


def test_the_sample_opens_at_a_probe_that_lanes_disagree_on(opened: MainWindow) -> None:
    from workbench.projections.probe_table import probe_table

    space = opened.workspace
    assert space.run is not None and space.reader is not None and space.run.path.parent == paths.sample_sessions()
    probe = space.probe_in_question()
    line = next(o for o in probe_table(space.reader, space.cursor.session).lines if probe and o.probe == probe.id)
    assert line.disputed
