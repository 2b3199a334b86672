"""The ring around the panel that has the keys."""

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QWidget


def ringed(window: Any) -> list[QWidget]:
    return [w for w in window.findChildren(QWidget) if w.property("ring")]


def test_tab_shows_where_one_is_and_a_click_takes_it_away(window: Any, run_file: Any, qtbot: Any, settle: Any) -> None:
    window.open(run_file)
    settle(window.workspace)
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    window.scrubber.setFocus()
    assert ringed(window) == []
    seen = set()
    for _ in range(25):
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        assert len(ringed(window)) <= 1
        seen |= {w.objectName() for w in ringed(window)}
    assert {"panel-scrubber", "panel-transcript", "panel-lanes", "panel-scoreboard"} & seen
    if not ringed(window):
        window.scrubber.tracks.setFocus()
    qtbot.mouseClick(window.scrubber.tracks, Qt.MouseButton.LeftButton)
    assert ringed(window) == []
