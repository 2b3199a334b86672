import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtWidgets import QPushButton

from tests.support.traces import write_trace
from ui import layouts, panels
from ui.panels.base import Panel
from ui.settings import Settings
from ui.theme import theme
from ui.tour import blank, failures
from workbench.engine.protocol import Ready


@pytest.fixture
def opened(window: Any, run_file: Path, settle: Any) -> Any:
    window.open(run_file)
    window.workspace.cursor.go(34)
    settle(window.workspace)
    return window


def seen(window: Any) -> set[str]:
    return {name for name, part in window._parts.items() if part.isVisible()}


@pytest.mark.parametrize("name", layouts.LAYOUTS)
def test_every_layout_shows_its_parts(opened: Any, name: str, settle: Any) -> None:
    opened.set_layout(name)
    settle(opened.workspace)
    layout = layouts.LAYOUTS[name]
    assert seen(opened) == layouts.parts(layout.body)
    assert opened.scrubber.isVisible() == layout.chrome
    assert opened.menuBar().isVisible() == layout.chrome
    assert theme.active().size == layout.size
    assert failures(opened) == []
    assert not blank(opened.grab().toImage())


def test_layouts_come_and_go_in_any_order(opened: Any, settle: Any) -> None:
    for name in ("Talk", "Debug", "Probe", "Compare", "Talk", "Probe", "Debug"):
        opened.set_layout(name)
    settle(opened.workspace)
    assert seen(opened) == {"transcript", "lanes", "inspector", "scoreboard"}
    assert opened.transport.layouts.text() == "Debug"


def test_no_layout_makes_the_window_larger(opened: Any, settle: Any) -> None:
    opened.resize(1366, 768)
    opened.show_panel("attention")
    for name in ("Compare", "Talk", "Probe", "Talk", "Debug", "Probe"):
        opened.set_layout(name)
        settle(opened.workspace)
        assert (opened.width(), opened.height()) == (1366, 768), name


@pytest.mark.parametrize(("width", "height"), [(1024, 700), (1280, 690)])
def test_every_layout_fits_a_small_screen(opened: Any, settle: Any, width: int, height: int) -> None:
    opened.resize(width, height)
    for name in layouts.LAYOUTS:
        opened.set_layout(name)
        settle(opened.workspace)
        assert (opened.width(), opened.height()) == (width, height), name


def test_a_new_window_is_no_larger_than_its_screen() -> None:
    from PySide6.QtCore import QSize

    from ui.window import fitting

    small = fitting(QSize(1480, 920), QSize(1280, 690))
    assert small.width() < 1280
    assert small.height() <= 650
    assert fitting(QSize(1480, 920), QSize(2560, 1400)) == QSize(1480, 920)


def test_a_file_opens_at_its_most_telling_probe(window: Any) -> None:
    from ui.samples import sample_run

    window.open(sample_run())
    assert window.workspace.cursor.turn > 0
    asked = window.workspace.probe_in_question()
    assert asked is not None
    assert window.workspace.selection.now.probe == asked.id
    assert not window.workspace.selection.can_go_back, "where a run opens is no step"


def test_a_run_with_a_damaged_answer_opens_at_its_end(window: Any, tmp_path: Path) -> None:
    """What a run says first is not worth refusing it: the panels say which event is damaged."""
    path = write_trace(tmp_path / "a.mnemo", turns=6, items=4, probes=2, lanes=("full",))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("DROP TRIGGER event_is_final")
        connection.execute("UPDATE event SET payload = '[]' WHERE kind = 'answer.finished'")
        assert connection.execute("SELECT count(*) FROM event WHERE payload = '[]'").fetchone()[0]
    window.open(path)
    assert window.workspace.run.path == path
    assert window.workspace.cursor.turn == window.workspace.cursor.last


def test_a_run_opens_where_it_was_left(window: Any, run_file: Path, settle: Any) -> None:
    from ui.samples import sample_run

    window.open(run_file)
    probe = window.workspace.session.probes[3]
    window.workspace.jump(7, lane=2, probe=probe.id, pinned=True)
    window.open(sample_run())
    window.open(run_file)
    settle(window.workspace)
    now = window.workspace.moment
    assert (now.turn, now.lane, now.probe, now.pinned) == (7, 2, probe.id, True)
    assert window.settings.place(run_file.with_name("gone.mnemo")) == {}


def test_compare_shows_two_lanes(opened: Any, settle: Any) -> None:
    opened.workspace.selection.select(lane=3)
    opened.set_layout("Compare")
    settle(opened.workspace)
    lanes = [inspector.panel.moment.lane for inspector in (opened.inspector, opened.second)]
    assert lanes == [3, 1]
    opened.second.chooser.setCurrentIndex(4)
    opened.second._choose()
    assert opened.second.panel.moment.lane == 5
    opened.set_layout("Debug")
    assert opened.inspector.panel.moment.lane == 3


def test_a_layout_is_saved_by_name_and_found_again(opened: Any, tmp_path: Path, qtbot: Any) -> None:
    opened.set_layout("Probe")
    opened.second.show_panel("diff")
    opened.save_layout("mine")
    opened.set_layout("Debug")
    opened.settings.sync()
    from ui.window import MainWindow

    other = MainWindow(Settings(opened.settings.path))
    qtbot.addWidget(other)
    other.show()
    other.set_layout("mine")
    assert other.layout_name == "Probe"
    assert other.second.current == "diff"
    assert other.transport.layouts.text() == "mine"
    other.close()


def test_the_window_remembers_its_layout(window: Any, qtbot: Any) -> None:
    window.set_layout("Probe")
    window.settings.sync()
    from ui.window import MainWindow

    other = MainWindow(Settings(window.settings.path))
    qtbot.addWidget(other)
    assert other.layout_name == "Probe"
    other.close()


def test_every_inspector_panel_opens(opened: Any, settle: Any) -> None:
    for name in panels.INSPECTORS:
        opened.registry.run(f"view.{name}")
        settle(opened.workspace)
        assert opened.inspector.current == name
        assert isinstance(opened.inspector.panel, Panel), name
    assert failures(opened) == []


def test_panels_are_made_when_they_are_first_seen(opened: Any) -> None:
    assert set(opened.inspector._made) == {"graph"}


def test_the_bar_says_where_the_cursor_is(opened: Any, qtbot: Any) -> None:
    bar = opened.transport
    assert (bar.turn.text(), bar.of.text()) == ("turn 34", "of 59")
    assert bar.session.text().startswith("moving house")
    assert "demo model" in bar.pill.text()
    qtbot.mouseClick(bar._buttons["playback.forward"][0], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bar.turn.text() == "turn 35")


def test_keys_move_the_cursor(opened: Any, qtbot: Any) -> None:
    opened.activateWindow()
    qtbot.waitUntil(opened.isActiveWindow)
    opened.setFocus()
    qtbot.keyClick(opened, Qt.Key.Key_Home)
    assert opened.workspace.cursor.turn == 0
    qtbot.keyClick(opened, Qt.Key.Key_P)
    assert opened.workspace.selection.now.probe == "p0"
    qtbot.keyClick(opened, Qt.Key.Key_J)
    assert opened.workspace.selection.now.lane == 1


def test_a_bad_file_is_said_and_nothing_is_lost(opened: Any, tmp_path: Path) -> None:
    for name, text in (("broken.mnemo", "no"), ("broken.json", "{"), ("gone.mnemo", None)):
        path = tmp_path / name
        if text is not None:
            path.write_text(text)
        opened.open(path)
        assert opened.notice.isVisible()
        assert name in opened.notice.what.text()
    assert opened.workspace.run is not None
    opened.notice.findChildren(QPushButton)[-1].click()
    assert not opened.notice.isVisible()


def test_a_file_can_be_dropped(window: Any, run_file: Path, qtbot: Any) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(run_file))])
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    window.show()
    window.dragEnterEvent(QDragEnterEvent(QPoint(9, 9), Qt.DropAction.CopyAction, data, buttons, keys))
    assert window._drop.isVisible() and run_file.name in window._drop.text()
    assert window._drop.geometry() == window.rect()
    window.dragLeaveEvent(QDragLeaveEvent())
    assert not window._drop.isVisible()
    window.dropEvent(QDropEvent(QPointF(9, 9), Qt.DropAction.CopyAction, data, buttons, keys))
    qtbot.waitUntil(lambda: window.workspace.run is not None)
    assert window.settings.recent() == [run_file.resolve()]
    window._fill_recent()
    assert [a.text() for a in window._recent.actions()] == [run_file.name]


def test_recent_files_are_few_and_exist(tmp_path: Path) -> None:
    settings = Settings(tmp_path / "s.ini")
    files = [tmp_path / f"{i}.mnemo" for i in range(14)]
    for file in files:
        file.write_text("")
        settings.remember(file)
    files[13].unlink()
    assert settings.recent()[0] == files[12]
    assert len(settings.recent()) == 9
    settings.set("broken", 1)
    settings._ini.setValue("broken", "{")
    assert settings.get("broken", 7) == 7


def test_theme_and_type_change_everything(opened: Any, settle: Any) -> None:
    opened.registry.run("view.theme")
    assert theme.active().name == "light"
    assert opened.settings.get("theme") == "light"
    opened.registry.run("view.larger")
    assert theme.active().size == theme.NORMAL + 1
    settle(opened.workspace)
    assert failures(opened) == []


def test_sessions_of_one_run_are_changed(window: Any, tmp_path: Path, settle: Any) -> None:
    from tests.support.traces import session
    from workbench.trace.writer import TraceWriter

    path = tmp_path / "two.mnemo"
    with TraceWriter(path) as writer:
        for seed in (0, 1):
            writer.add_session(session(6, 2, seed), f"sha-{seed}")
        writer.add_lane("full", "full", "full-cache", {})
    window.open(path)
    settle(window.workspace)
    assert window.registry.run("select.next-session")
    settle(window.workspace)
    assert window.workspace.cursor.session == 2
    assert window.transport.session.text() == "moving house, seed 1"


def test_help_names_every_command(window: Any, qtbot: Any) -> None:
    from ui.dialogs.help import PAGES, HelpDialog

    dialog = HelpDialog(window.registry, "keys", window)
    text = dialog.text.toPlainText()
    assert all(c.title.rstrip("…") in text for c in window.registry)
    for row in range(len(PAGES)):
        dialog.list.setCurrentRow(row)
        assert len(dialog.text.toPlainText()) > 60
    dialog.close()


def test_an_unexpected_exception_is_said_in_the_window(window: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from ui.app import _show_defects

    printed: list[Any] = []
    monkeypatch.setattr(sys, "excepthook", lambda *what: printed.append(what))
    _show_defects(window)
    try:
        raise ZeroDivisionError("by zero")
    except ZeroDivisionError as error:
        sys.excepthook(type(error), error, error.__traceback__)
    assert len(printed) == 1
    assert "ZeroDivisionError: by zero" in window.notice.what.text()
    assert "Traceback" in window.notice.details.toPlainText()


@pytest.mark.parametrize(
    ("pyside", "python", "refused"),
    [("6.11.3", (3, 11), False), ("6.12.0", (3, 11), True), ("6.12.0", (3, 12), False), ("6.8.1", (3, 13), False)],
)
def test_a_qt_that_aborts_is_refused(
    monkeypatch: pytest.MonkeyPatch, pyside: str, python: tuple[int, int], refused: bool
) -> None:
    import sys
    from types import SimpleNamespace

    import PySide6

    from ui.app import _refusal

    monkeypatch.setattr(PySide6, "__version__", pyside)
    version = SimpleNamespace(major=python[0], minor=python[1])
    monkeypatch.setattr(sys, "version_info", type("V", (tuple,), vars(version))((*python, 0)))
    assert bool(_refusal()) == refused


def test_widgets_with_a_use_for_a_key_keep_it(opened: Any, qtbot: Any, settle: Any) -> None:
    opened.activateWindow()
    qtbot.waitUntil(opened.isActiveWindow)
    opened.show_panel("probes")
    settle(opened.workspace)
    panel = opened.inspector.panel
    panel.grid.setFocus()
    panel.grid.selectRow(0)
    qtbot.keyClick(panel.grid, Qt.Key.Key_Down)
    assert panel.grid.currentIndex().row() == 1
    turn = opened.workspace.cursor.turn
    assert turn == panel.model.lines[1].turn
    panel.wrong.setFocus()
    qtbot.keyClick(panel.wrong, Qt.Key.Key_Space)
    assert panel.wrong.isChecked()
    assert not opened.player.playing
    opened.setFocus()
    qtbot.keyClick(opened, Qt.Key.Key_Right)
    assert opened.workspace.cursor.turn == turn + 1
    qtbot.keyClick(opened, Qt.Key.Key_Space)
    assert opened.player.playing
    opened.player.pause()


def test_without_a_sample_run_it_offers_a_session(window: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from ui import window as module

    monkeypatch.setattr(module, "sample_run", lambda: None)
    window.open_sample()
    assert "no recorded sample run" in window.notice.what.text()
    titles = [button.text() for button in window.notice.findChildren(QPushButton)]
    assert "Open session…" in titles
    assert any(title.startswith("Natural English") or title.startswith("Toy English") for title in titles)


def test_a_figure_of_the_timeline_is_made_of_lines(opened: Any, tmp_path: Path) -> None:
    path = tmp_path / "strip.svg"
    opened.scrubber.export(path)
    text = path.read_text()
    assert "<image" not in text
    assert text.count("<path") + text.count("<circle") + text.count("<ellipse") > 100


def test_a_model_that_cannot_be_one_is_not_chosen(window: Any, tmp_path: Path) -> None:
    before = window.settings.get("model", "demo")
    wrong = tmp_path / "wrong.gguf"
    wrong.write_bytes(b"PK\x03\x04" + bytes(100))
    window.open(wrong)
    assert "is not a GGUF file" in window.notice.what.text()
    assert window.settings.get("model", "demo") == before


def test_how_long_the_first_window_takes_is_told(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ui", "--times", "--settings", str(tmp_path / "w.ini")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    told = [re.fullmatch(r"([\w ]+): (\d+\.\d+) s \((\d+\.\d+) s of processor\)", x) for x in done.stdout.splitlines()]
    assert [match[1] for match in told if match] == ["first window", "with a run shown"], done.stderr
    first, shown = (float(match[2]) for match in told if match)
    assert 0 < first < shown


def test_a_model_whose_attention_cannot_be_recorded_says_so(window: Any, run_file: Path) -> None:
    window._ready(Ready("gemma", "CPU", str(run_file)))
    assert not window.notice.isVisible()
    window._ready(Ready("gemma", "CPU", str(run_file), "no attention is recorded: a sliding window"))
    assert window.notice.isVisible() and "sliding window" in window.notice.what.text()
