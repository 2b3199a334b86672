from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QLabel, QWidget

from ui.models.table import Table
from ui.panels.base import ElidedLabel, Empty, Panel
from ui.state.moment import Moment
from ui.state.workspace import Workspace
from ui.theme import theme
from workbench.errors import MnemoscopeError
from workbench.trace.reader import TraceReader


class Example(Panel):
    name = "example"
    made: list[Moment] = []  # noqa: RUF012 - what was projected, for the tests

    @staticmethod
    def project(reader: TraceReader, moment: Moment, options: Any) -> Any:
        Example.made.append(moment)
        if options == "empty":
            return Empty("Nothing", "Do something")
        if options == "wrong":
            raise MnemoscopeError("the file is gone", "put it back")
        if options == "defect":
            raise ZeroDivisionError("by zero")
        return moment.turn

    def build(self) -> QWidget:
        self.label = QLabel()
        return self.label

    def show_view(self, view: int) -> None:
        self.label.setText(f"turn {view}")

    def title(self, view: int | None) -> str:
        return f"Example at turn {view}" if view is not None else "Example"

    def table(self, view: int) -> Table:
        return Table(("turn", "share"), [(view, 0.123456)])

    option = ""

    def options(self) -> str:
        return self.option


@pytest.fixture
def panel(workspace: Workspace, qtbot: Any, settle: Callable[[Workspace], None]) -> Example:
    Example.made.clear()
    made = Example(workspace)
    qtbot.addWidget(made)
    made.resize(300, 200)
    made.show()
    settle(workspace)
    return made


def test_it_shows_what_belongs_to_the_cursor(panel: Example, workspace: Workspace, settle: Any) -> None:
    assert panel.label.text() == "turn 34"
    workspace.cursor.go(7)
    settle(workspace)
    assert panel.label.text() == "turn 7"
    assert panel._title.text() == "Example at turn 7"


def test_what_it_does_not_follow_brings_no_projection(panel: Example, workspace: Workspace, settle: Any) -> None:
    before = len(Example.made)
    workspace.selection.select(item="note-1")
    settle(workspace)
    workspace.cursor.go(workspace.cursor.turn)
    settle(workspace)
    assert len(Example.made) == before


def test_a_hidden_panel_rests_and_catches_up(panel: Example, workspace: Workspace, settle: Any) -> None:
    panel.hide()
    before = len(Example.made)
    workspace.cursor.go(3)
    settle(workspace)
    assert len(Example.made) == before
    panel.show()
    settle(workspace)
    assert panel.label.text() == "turn 3"


@pytest.mark.parametrize(
    ("option", "said"),
    [("empty", "Nothing"), ("wrong", "the file is gone"), ("defect", "ZeroDivisionError: by zero")],
)
def test_empty_and_failed_views_say_so(
    panel: Example, workspace: Workspace, settle: Any, option: str, said: str
) -> None:
    panel.option = option
    panel.refresh()
    settle(workspace)
    assert panel.view is None
    assert panel._stack.currentWidget() is panel._card
    assert panel._card._what.text() == said
    assert panel._card._how.text()
    panel.option = ""
    panel.refresh()
    settle(workspace)
    assert panel._stack.currentWidget() is panel.content


def test_waiting_is_said_after_a_while(panel: Example, workspace: Workspace) -> None:
    panel.view = None
    panel._show_loading()
    assert panel.waiting


def test_the_twin_shows_the_same_as_a_table(panel: Example, workspace: Workspace, qtbot: Any, settle: Any) -> None:
    qtbot.keyClick(panel, Qt.Key.Key_T)
    assert panel._stack.currentWidget() is panel._twin
    workspace.cursor.go(9)
    settle(workspace)
    assert panel._twin_model.data(panel._twin_model.index(0, 0)) == "9"
    assert panel._twin_model.data(panel._twin_model.index(0, 1)) == "0.1235"
    panel.toggle_table()
    assert panel.label.text() == "turn 9"


def test_a_pinned_panel_stays_with_its_lane(panel: Example, workspace: Workspace, settle: Any) -> None:
    panel.pinned_lane = 2
    panel.refresh()
    settle(workspace)
    assert Example.made[-1].lane == 2
    workspace.selection.select(lane=4)
    settle(workspace)
    assert panel.moment.lane == 2


def test_it_copies_and_exports(panel: Example, tmp_path: Path) -> None:
    panel.copy_table()
    assert QGuiApplication.clipboard().text() == "turn\tshare\n34\t0.123456"
    for suffix, begins in (("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF"), ("csv", b"turn,share\n34,")):
        path = tmp_path / f"figure.{suffix}"
        panel.export(path)
        assert path.read_bytes().startswith(begins)
    margins = 2 * theme.active().unit(4)
    assert QImage(str(tmp_path / "figure.png")).width() == (panel.width() + margins) * 3


def test_what_cannot_be_exported_is_said(panel: Example, workspace: Workspace, tmp_path: Path, settle: Any) -> None:
    with pytest.raises(MnemoscopeError, match="png"):
        panel.export(tmp_path / "figure.bmp")
    with pytest.raises(MnemoscopeError, match="cannot be written"):
        panel.export(tmp_path / "nowhere" / "figure.svg")
    panel.option = "empty"
    panel.refresh()
    settle(workspace)
    with pytest.raises(MnemoscopeError, match="empty"):
        panel.export(tmp_path / "figure.csv")


def test_its_menu_offers_table_copy_and_export(panel: Example) -> None:
    titles = [a.text().replace("&", "") for a in panel.context_menu().actions() if a.text()]
    assert titles[0].startswith("Show as table")
    assert {"Copy picture", "Copy as table", "Export PNG…", "Export SVG…", "Export PDF…", "Export CSV…"} <= set(titles)


def test_stale_answers_are_dropped(workspace: Workspace, run_file: Path, qtbot: Any) -> None:
    shown: list[int] = []
    pool = workspace.pool
    for turn in range(20):
        pool.submit(1, Example.project, Moment(1, turn), None, lambda a: shown.append(a.view))
    qtbot.waitUntil(lambda: not pool.busy)
    assert shown[-1] == 19
    assert shown == sorted(shown)
    pool.submit(1, Example.project, Moment(1, 50), None, lambda a: shown.append(a.view))
    pool.open(run_file)
    pool.submit(1, Example.project, Moment(1, 3), None, lambda a: shown.append(a.view))
    qtbot.waitUntil(lambda: not pool.busy)
    assert 50 not in shown
    assert shown[-1] == 3


def test_a_part_of_a_title_that_says_nothing_any_more_is_left_out(qtbot: Any) -> None:
    label = ElidedLabel("Transcript · a long conversation")
    qtbot.addWidget(label)
    wide = label.fontMetrics().horizontalAdvance
    for room, shown in (("Transcript · a l", "Transcript"), ("Transcript · a long con", "Transcript · a long")):
        label.resize(wide(room), 20)
        label.grab()
        assert label.shown.startswith(shown)
        assert label.shown.endswith("…") == (shown != "Transcript")
    assert label.text() == "Transcript · a long conversation"


def test_another_figure_in_a_title_lays_nothing_out_anew(panel: Example, qtbot: Any) -> None:
    from PySide6.QtCore import QEvent, QObject

    heard: list[QEvent.Type] = []

    class Ear(QObject):
        def eventFilter(self, watched: QObject, event: QEvent) -> bool:
            heard.append(event.type())
            return False

    ear = Ear()
    title = panel._title
    title.setText("Example at turn 70")
    qtbot.wait(1)
    panel.installEventFilter(ear)
    title.setText("Example at turn 71")
    qtbot.waitUntil(lambda: QEvent.Type.UpdateRequest in heard or not title.isVisible() or title.shown.endswith("71"))
    assert QEvent.Type.LayoutRequest not in heard
    title.setText("Example at turn 71 of a session with a long name")
    qtbot.waitUntil(lambda: QEvent.Type.LayoutRequest in heard)
    assert title.accessibleName() == title.text()
