"""What people need who see little, hear the screen, or use the keyboard alone."""

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLabel, QLineEdit, QMenu, QPushButton, QWidget

from tests.ui.access import interactive, nameless, spoken
from ui import panels
from ui.commands.palette import Palette
from ui.panels.base import Panel
from ui.settings import Settings
from ui.theme import motion, theme
from ui.widgets.mnemonics import literal, mnemonics
from ui.window import MainWindow
from workbench.sessions import formats


@pytest.fixture
def opened(window: Any, run_file: Path, settle: Any) -> Any:
    window.open_run(run_file)
    window.set_layout("Debug")
    window.workspace.cursor.go(34)
    settle(window.workspace)
    return window


def test_a_widget_without_a_name_is_found(qtbot: Any) -> None:
    box = QWidget()
    qtbot.addWidget(box)
    QPushButton(box)
    named = QPushButton("Go", box)
    assert nameless(box) == [f"QPushButton < {type(box).__name__}"] and spoken(named) == "Go"


def test_every_widget_of_the_window_has_a_name(opened: Any, settle: Any) -> None:
    for name in panels.INSPECTORS:
        opened.inspector.show_panel(name)
        settle(opened.workspace)
    assert len(list(interactive(opened))) > 100
    assert nameless(opened) == []
    panel = opened.inspector.panel
    assert spoken(panel) == panel._title.text()


def test_every_widget_of_the_dialogs_has_a_name(opened: Any, tmp_path: Path) -> None:
    from tests.support.runs import session_file
    from ui.dialogs.help import HelpDialog
    from ui.dialogs.models_dialog import ModelsDialog
    from ui.dialogs.probes_dialog import ProbesDialog
    from ui.dialogs.run_dialog import RunDialog
    from ui.dialogs.what_if import WhatIfDialog

    file = session_file(tmp_path, turns=6, probes=2)
    sessions = formats.read(file)
    for dialog in (
        HelpDialog(opened.registry, "start", opened), RunDialog((file,), opened.settings, opened, sessions),
        ModelsDialog(opened.settings, opened), ProbesDialog(file, sessions, opened.settings, opened),
        WhatIfDialog("a-mem", 3, (), opened), Palette(opened.palette_entries(), opened),
    ):  # fmt: skip
        assert nameless(dialog) == [], type(dialog).__name__
        dialog.close()


def _menus(window: Any) -> list[QMenu]:
    bar, buttons = window.transport, []
    buttons = [bar.session.menu(), bar.speed.menu(), bar.layouts.menu(), window._recent, window._samples]
    shown = [
        part for part in (*window._parts.values(), window.scrubber, window.inspector.panel) if isinstance(part, Panel)
    ]
    contexts = []
    for panel in shown:
        panel._pointed_lane = 1
        contexts.append(panel.context_menu())
        panel._pointed_lane = 0
    return [*window._menu.values(), *buttons, *contexts]


def test_every_entry_of_a_menu_has_a_letter_of_its_own(opened: Any) -> None:
    bar = [action.text() for action in opened.menuBar().actions()]
    assert len({_letter(text) for text in bar}) == len(bar)
    for menu in _menus(opened):
        menu.aboutToShow.emit()
        texts = [action.text() for action in menu.actions() if not action.isSeparator() and action.text()]
        letters = [_letter(text) for text in texts]
        assert texts and all(letters), texts
        assert len(set(letters)) == len(letters), texts


def _letter(text: str) -> str:
    bare = text.replace("&&", "")
    return bare.partition("&")[2][:1].casefold() if "&" in bare else ""


@pytest.mark.parametrize(
    ("texts", "marked"),
    [
        (("Open run…", "Open session…"), ["&Open run…", "Open &session…"]),
        (("A", "AB", "A B"), ["&A", "A&B", "A B"]),
        (("R&D plan", "Plan"), ["&R&&D plan", "&Plan"]),
        (("打开", "Ort"), ["&打开", "&Ort"]),
        (("Copy\tT", "Top"), ["&Copy\tT", "&Top"]),
        (("…", "!"), ["…", "!"]),
    ],
)
def test_letters_are_shared_out_as_far_as_they_go(qtbot: Any, texts: tuple[str, ...], marked: list[str]) -> None:
    menu = QMenu()
    qtbot.addWidget(menu)
    for text in texts:
        menu.addAction(literal(text))
    mnemonics(menu)
    got = [action.text() for action in menu.actions()]
    mnemonics(menu)
    assert [action.text() for action in menu.actions()] == got  # and again the same
    letters = [_letter(text) for text in got if _letter(text)]
    assert len(set(letters)) == len(letters)
    assert [t.replace("&&", "\0").replace("&", "").replace("\0", "&") for t in got] == list(texts)
    if texts != ("A", "AB", "A B"):
        assert got == marked


def test_the_keys_go_through_the_window_from_left_to_right(opened: Any, qtbot: Any) -> None:
    """Tab from the top: the bar, the strip, then the panels as they lie, and back by Shift+Tab."""
    opened.activateWindow()
    start = opened.transport.session
    start.setFocus()
    seen: list[QWidget] = []
    for _ in range(40):
        now = opened.focusWidget()
        if now is None or (seen and now is seen[0]):
            break
        seen.append(now)
        qtbot.keyClick(now, Qt.Key.Key_Tab)
    corners = [w.mapTo(opened, QPoint()) for w in seen]
    in_bar = [n for n, w in enumerate(seen) if opened.transport.isAncestorOf(w)]
    assert in_bar == list(range(len(in_bar))) and len(in_bar) >= 8  # one after the other, before all else
    assert [corners[n].x() for n in in_bar] == sorted(corners[n].x() for n in in_bar)
    parts = [opened.scrubber, opened._parts["transcript"], opened._parts["lanes"], opened.inspector,
             opened._parts["scoreboard"]]  # fmt: skip
    order = [next((i for i, part in enumerate(parts) if part is w or part.isAncestorOf(w)), -1) for w in seen]
    visited = [i for n, i in enumerate(order) if i >= 0 and (n == 0 or order[n - 1] != i)]
    assert visited == sorted(visited) and set(visited) == set(range(len(parts)))


@pytest.mark.parametrize("layout", ["Debug", "Compare", "Probe"])
def test_twice_the_type_cuts_nothing_at_1280_by_720(opened: Any, settle: Any, layout: str) -> None:
    opened.set_layout(layout)
    opened.zoom(theme.NORMAL)
    assert theme.active().size == 2 * theme.NORMAL
    opened.resize(1280, 720)
    settle(opened.workspace)
    assert (opened.width(), opened.height()) == (1280, 720)
    cut = [
        f"{type(w).__name__} {w.accessibleName() or w.text() if hasattr(w, 'text') else ''} {w.width()}"
        for kind in (QAbstractButton, QComboBox, QLineEdit)
        for w in opened.transport.findChildren(kind)
        if w.isVisible() and (w.width() < min(28, w.minimumSizeHint().width()) or not _inside(w, opened))
    ]
    assert cut == []
    for label in opened.transport.findChildren(QLabel):
        assert not label.isVisible() or _inside(label, opened)


def _inside(widget: QWidget, window: QWidget) -> bool:
    corner = widget.mapTo(window, QPoint())
    return corner.x() >= 0 and corner.x() + widget.width() <= window.width()


def test_less_motion_is_a_setting_that_is_kept(opened: Any, tmp_path: Path, qtbot: Any) -> None:
    assert motion.milliseconds(160) == 160
    assert opened.registry.run("view.less-motion")
    assert motion.milliseconds(160) == 0
    opened.settings.sync()
    try:
        motion.reduce(False)
        again = MainWindow(Settings(opened.settings.path))
        assert motion.reduced() and again.registry.action("view.less-motion") is not None
        again.close()
        again.deleteLater()
        opened.inspector.show_panel("graph")
        canvas = opened.inspector.panel.canvas
        canvas._fade_in(True)
        assert canvas._fade.duration() == 0
    finally:
        motion.reduce(False)
