"""The whole way by hand, once with keys alone and once with the mouse alone, on two conversations of LoCoMo.

Open a file, choose one of its sessions, run three lanes, cancel, go on, find a wrong answer, reach its cause and its
evidence, export a figure, tell a story of three steps. The engine is the real one, in its own process. Real key and
mouse events on the platform that Qt runs on: offscreen in CI; on a screen with ``QT_QPA_PLATFORM=xcb xvfb-run pytest``.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QTimer, QUrl
from PySide6.QtGui import QDropEvent, QKeySequence, QTextCursor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QLineEdit, QWidget

from ui.commands.registry import SUBMENUS
from ui.dialogs.figure_dialog import FigureDialog
from ui.dialogs.run_dialog import RunDialog
from ui.settings import Settings
from ui.widgets.rich import RichView
from ui.window import MainWindow

LOCOMO = Path(__file__).parents[3] / "shared" / "data" / "locomo" / "locomo5.json"
PATIENCE = 90_000
CTRL, NONE = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.NoModifier
LEFT = Qt.MouseButton.LeftButton

pytestmark = pytest.mark.slow


@pytest.fixture
def locomo(tmp_path: Path) -> Path:
    """Two conversations, of each its first sitting and the questions about it."""
    if not LOCOMO.is_file():
        pytest.skip(f"{LOCOMO} is not there")
    short = []
    for sample in json.loads(LOCOMO.read_text("utf-8"))[:2]:
        talk = sample["conversation"]
        keep = {
            k: v for k, v in talk.items() if not k.startswith("session_") or k in ("session_1", "session_1_date_time")
        }
        asked = [q for q in sample["qa"] if q["evidence"] and all(e.startswith("D1:") for e in q["evidence"])]
        short.append({**sample, "conversation": keep, "qa": asked[:6]})
    path = tmp_path / "locomo-short.json"
    path.write_text(json.dumps(short), "utf-8")
    return path


@pytest.fixture
def shown(qtbot: Any, tmp_path: Path) -> Iterator[MainWindow]:
    made = MainWindow(Settings(tmp_path / "window.ini"))
    made.resize(1480, 920)
    made.show()
    made.activateWindow()
    yield made
    made.close()
    made.deleteLater()


class Hand:
    """What both ways have in common: waiting for what the window does."""

    def __init__(self, window: MainWindow, qtbot: Any) -> None:
        self.window, self.qtbot = window, qtbot

    def wait(self, until: Callable[[], object]) -> None:
        self.qtbot.waitUntil(lambda: bool(until()), timeout=PATIENCE)

    def settle(self) -> None:
        self.qtbot.wait(1)
        self.wait(lambda: not self.window.workspace.busy)

    def in_dialog(self, kind: type[QWidget], act: Callable[[Any], None]) -> None:
        """Do something in a dialog that is about to open; it must close by that."""
        timer = QTimer(self.window)
        timer.setInterval(30)

        def look() -> None:
            dialog = QApplication.activeModalWidget()
            if isinstance(dialog, kind) and dialog.isAncestorOf(QApplication.focusWidget() or self.window):
                timer.stop()
                try:
                    act(dialog)
                except Exception:
                    dialog.close()  # else the test would wait in it for ever
                    raise

        timer.timeout.connect(look)
        timer.start()

    def link(self, text: str) -> RichView:
        panel = self.window.inspector.panel
        assert panel is not None
        views = [v for v in panel.findChildren(RichView) if v.isVisible() and text in v.toPlainText()]
        assert views, f"no link {text}"
        return views[0]


class Keys(Hand):
    """Nothing but keys."""

    def press(self, key: Qt.Key, how: Qt.KeyboardModifier = NONE) -> None:
        modal = QApplication.activeModalWidget()
        QTest.keyClick(QApplication.focusWidget() or modal or self.window, key, how)

    def tab_to(self, wanted: QWidget) -> None:
        for _ in range(120):
            if QApplication.focusWidget() is wanted:
                return
            self.press(Qt.Key.Key_Tab)
        raise AssertionError(f"{wanted} is not reached by Tab")

    def type(self, text: str) -> None:
        QTest.keyClicks(QApplication.focusWidget(), text)

    def open(self, path: Path) -> None:
        self.in_dialog(RunDialog, self._choose)
        self.in_dialog(QFileDialog, lambda dialog: self._name(dialog, path))
        self.press(Qt.Key.Key_N, CTRL)

    def _name(self, dialog: QFileDialog, path: Path) -> None:
        field = dialog.findChild(QLineEdit, "fileNameEdit")
        self.tab_to(field)
        field.selectAll()
        self.type(str(path))
        self.press(Qt.Key.Key_Return)

    def _choose(self, dialog: RunDialog) -> None:
        self.tab_to(dialog.sessions.rows)
        dialog.sessions.rows.setCurrentItem(dialog.sessions.rows.topLevelItem(0))
        self.press(Qt.Key.Key_Space)
        self.press(Qt.Key.Key_Down)
        self.press(Qt.Key.Key_Space)
        self.tab_to(dialog.lanes.none)
        self.press(Qt.Key.Key_Space)
        self.tab_to(dialog.lanes.typed)
        self.type("full; window; bm25")
        assert [s.name for s in dialog.sessions.chosen()] == [dialog._sessions[1].name]
        self.tab_to(dialog.start)
        self.press(Qt.Key.Key_Space)

    def command(self, name: str) -> None:
        keys = self.window.registry[name].shortcuts[0]
        if not self.window.isActiveWindow():
            self.window.activateWindow()  # what a window manager does when a dialog has closed; offscreen has none
            self.wait(self.window.isActiveWindow)
        QTest.keySequence(QApplication.focusWidget() or self.window, QKeySequence(keys))

    def follow_link(self, view: RichView, text: str) -> None:
        self.tab_to(view)
        for _ in range(60):
            if view.textCursor().selectedText() == text:
                self.press(Qt.Key.Key_Return)
                return
            self.press(Qt.Key.Key_Tab)
        raise AssertionError(f"link {text} is not reached by Tab")

    def save_figure(self, path: Path) -> None:
        def act(dialog: FigureDialog) -> None:
            self.tab_to(dialog.file)
            dialog.file.selectAll()
            self.type(str(path))
            self.press(Qt.Key.Key_Return)

        self.in_dialog(FigureDialog, act)
        self.command("file.export-figure")

    def next_turn(self) -> None:
        self.command("playback.back")

    def next_step(self) -> None:
        self.press(Qt.Key.Key_PageDown)

    def end_story(self) -> None:
        self.press(Qt.Key.Key_Escape)


class Mouse(Hand):
    """Nothing but the mouse; a file is dropped on the window."""

    def click(self, widget: QWidget, at: QPoint | None = None) -> None:
        QTest.mouseClick(widget, LEFT, NONE, at if at is not None else widget.rect().center())

    def open(self, path: Path) -> None:
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(path))])
        event = QDropEvent(QPointF(9, 9), Qt.DropAction.CopyAction, data, LEFT, NONE)
        self.in_dialog(RunDialog, self._choose)
        self.window.dropEvent(event)

    def _choose(self, dialog: RunDialog) -> None:
        rows = dialog.sessions.rows
        for place in (0, 1):
            box = rows.visualItemRect(rows.topLevelItem(place))
            self.click(rows.viewport(), QPoint(box.x() + 12, box.center().y()))
        self.click(dialog.lanes.none)
        for name in ("full", "window", "bm25"):
            row = dialog.lanes._shown(name)
            index = dialog.lanes.rows.index(row, 0)
            dialog.lanes.table.scrollTo(index)
            box = dialog.lanes.table.visualRect(index)
            self.click(dialog.lanes.table.viewport(), QPoint(box.x() + 14, box.center().y()))
        assert [s.name for s in dialog.sessions.chosen()] == [dialog._sessions[1].name]
        assert set(dialog.specs()) == {"full", "window", "bm25"}
        self.click(dialog.start)

    def command(self, name: str) -> None:
        """Click it in its menu."""
        command = self.window.registry[name]
        menu, bar, action = self.window._menu[command.menu], self.window.menuBar(), self.window.registry.action(name)
        self.click(bar, bar.actionGeometry(menu.menuAction()).center())
        self.wait(menu.isVisible)
        within = self.window._menu.get(SUBMENUS.get((command.menu, command.group), ""))
        if within is not None:
            self.click(menu, menu.actionGeometry(within.menuAction()).center())
            self.wait(within.isVisible)
            menu = within
        assert action in menu.actions()
        self.click(menu, menu.actionGeometry(action).center())

    def follow_link(self, view: RichView, text: str) -> None:
        found = view.document().find(text)
        assert not found.isNull()
        cursor = QTextCursor(view.document())
        cursor.setPosition(found.selectionStart() + 2)
        view.setTextCursor(cursor)
        view.ensureCursorVisible()
        box = view.cursorRect(cursor)
        self.click(view.viewport(), box.center() + QPoint(2, 0))

    def save_figure(self, path: Path) -> None:
        def act(dialog: FigureDialog) -> None:
            self.click(dialog.buttons.button(dialog.buttons.StandardButton.Save))

        self.window.settings.set("figure", {"folder": str(path.parent)})
        self.in_dialog(FigureDialog, act)
        self.command("file.export-figure")

    def next_turn(self) -> None:
        button = self.window.transport._buttons["playback.back"][0]
        self.click(button)

    def next_step(self) -> None:
        self.click(self.window.stage.caption.buttons["next"])

    def end_story(self) -> None:
        self.click(self.window.stage.caption.buttons["end"])


@pytest.mark.parametrize("way", [Keys, Mouse])
def test_from_a_file_to_a_told_story(
    shown: MainWindow, qtbot: Any, locomo: Path, tmp_path: Path, way: type[Keys] | type[Mouse]
) -> None:
    hand = way(shown, qtbot)
    space = shown.workspace
    hand.open(locomo)
    hand.wait(lambda: shown.client.live and space.run is not None and space.cursor.turn >= 1)
    hand.command("run.cancel")
    hand.wait(lambda: not shown.client.live)
    assert shown.client.state == "cancelled"
    hand.settle()
    assert shown.can_resume()
    assert len(space.run.lanes) == 3
    before = space.reader.last_seq()
    hand.command("run.resume")
    hand.wait(lambda: shown.client.state == "finished")
    hand.settle()
    assert space.reader.last_seq() > before
    assert len(space.run.sessions) == 1
    hand.command("playback.next-wrong")
    hand.settle()
    probe = space.probe_in_question()
    assert probe is not None and space.selection.now.probe == probe.id
    hand.command("view.why")
    hand.settle()
    panel = shown.inspector.panel
    assert panel is not None and panel.name == "why" and panel.view is not None
    evidence = probe.evidence[0]
    text = f"turn {evidence}"
    hand.follow_link(hand.link(text), text)
    hand.settle()
    assert space.cursor.turn == evidence
    assert space.selection.now.probe == probe.id, "the probe stays in question"
    figure = tmp_path / f"why-turn-{evidence}.png"
    hand.save_figure(figure)
    hand.wait(lambda: "Saved to" in shown.notice.what.text())
    assert list(tmp_path.glob("*.png"))
    for _ in range(3):
        hand.command("story.add")
        hand.next_turn()
        hand.settle()
    assert len(shown.stage.book.steps) == 3
    turns = [step.turn for step in shown.stage.book.steps]
    hand.command("story.play")
    hand.settle()
    told = [space.cursor.turn]
    for _ in range(2):
        hand.next_step()
        hand.settle()
        told.append(space.cursor.turn)
    assert told == turns
    hand.end_story()
    assert not shown.stage.book.telling
    hand.wait(lambda: not shown.inquiry.busy)
    from workbench.trace.reader import TraceReader
    from workbench.trace.story import read_story

    with TraceReader(space.run.path) as reader:
        assert [step.turn for step in read_story(reader)] == turns
