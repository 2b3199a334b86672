"""Windows that are narrow or low for their type: parts lie otherwise and are scrolled, and nothing is cut."""

from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt

from ui import layouts, panels
from ui.theme import theme
from ui.widgets.score_matrix import ScoreMatrix, cut_above


@pytest.fixture
def opened(window: Any, run_file: Any, settle: Any) -> Any:
    window.resize(1280, 720)
    window.show()
    window.open_run(run_file)
    settle(window.workspace)
    yield window
    theme.use(size=theme.NORMAL)


def top(window: Any, part: str) -> int:
    return int(window._parts[part].mapTo(window._splitter, QPoint()).y())


@pytest.mark.parametrize("layout", ["Debug", "Probe", "Runs"])
def test_twice_the_type_gives_every_part_room_to_be_read(opened: Any, settle: Any, layout: str) -> None:
    opened.set_layout(layout)
    assert not opened.ground.verticalScrollBar().maximum()
    opened.zoom(theme.NORMAL)
    settle(opened.workspace)
    assert (opened.width(), opened.height()) == (1280, 720)
    assert opened.ground.verticalScrollBar().maximum()
    for name in layouts.parts(layouts.LAYOUTS[layout].body):
        assert opened._parts[name].width() >= 20 * theme.active().size, name
    opened.zoom(-theme.NORMAL)
    settle(opened.workspace)
    assert not opened.ground.verticalScrollBar().maximum()
    assert not opened._narrow


def test_the_layout_follows_the_window_and_comes_back(opened: Any, settle: Any) -> None:
    opened.zoom(7)
    assert top(opened, "lanes") == top(opened, "transcript") == 0
    opened.resize(1200, 800)
    settle(opened.workspace)
    assert top(opened, "lanes") < top(opened, "scoreboard") < top(opened, "transcript")
    opened.resize(1290, 800)
    settle(opened.workspace)
    assert top(opened, "lanes") == top(opened, "transcript") == 0


def test_a_panel_that_is_wanted_by_keys_is_scrolled_to(opened: Any, settle: Any, qtbot: Any) -> None:
    opened.zoom(theme.NORMAL)
    settle(opened.workspace)
    transcript = opened._parts["transcript"]
    assert transcript.visibleRegion().isEmpty()
    opened.activateWindow()
    transcript.setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.waitUntil(lambda: not transcript.visibleRegion().isEmpty())
    opened.show_panel("findings")
    qtbot.waitUntil(lambda: not opened.inspector.visibleRegion().isEmpty())


def test_the_scoreboard_is_as_high_as_its_lanes_until_a_hand_moves_it(opened: Any, settle: Any, qtbot: Any) -> None:
    board = opened._parts["scoreboard"]
    qtbot.waitUntil(lambda: board.area.verticalScrollBar().maximum() == 0)
    opened.resize(1280, 1000)
    opened._share_out()
    settle(opened.workspace)
    assert board.height() <= board.wanted() + 1
    opened._splitter.setSizes([300, 500])
    opened._hand_moved()
    opened.set_layout("Probe")
    opened.set_layout("Debug")
    settle(opened.workspace)
    assert board.height() > board.wanted() + 50
    opened.reset_layout()
    settle(opened.workspace)
    assert board.height() <= board.wanted() + 1


def test_a_recall_says_its_cut_in_the_head_where_cells_are_narrow(opened: Any, settle: Any) -> None:
    opened.workspace.cursor.go(opened.workspace.cursor.last)
    settle(opened.workspace)
    view = opened.findChild(ScoreMatrix).view
    assert (cut_above(view, 60), cut_above(view, 200)) == (6, 0)
    opened.zoom(theme.NORMAL)
    assert cut_above(view, 130) == 6


def test_every_panel_can_be_chosen_though_its_tab_is_out_of_sight(opened: Any, settle: Any) -> None:
    inspector = opened.inspector
    actions = inspector.every.menu().actions()
    assert [action.text() for action in actions] == list(panels.INSPECTORS.values())
    actions[list(panels.INSPECTORS).index("engine")].trigger()
    settle(opened.workspace)
    assert inspector.current == "engine" and inspector.panel.isVisible()


def test_what_a_hand_made_of_a_narrow_window_is_kept_though_it_opens_wide(tmp_path: Any, qtbot: Any) -> None:
    from ui.settings import Settings
    from ui.window import MainWindow

    settings, kept = Settings(tmp_path / "kept.ini"), [[300, 200, 100], [[250, 250]]]
    settings.set("sizes/Debug-narrow", kept)
    made = MainWindow(settings)
    made.resize(1480, 920)
    made.show()
    qtbot.waitUntil(lambda: not made._narrow)
    made.close()
    assert settings.get("sizes/Debug-narrow") == kept
    made.deleteLater()
