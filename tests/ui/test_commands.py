import re

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QAbstractItemModelTester

from ui.commands.palette import Entry, Palette, PaletteModel
from ui.commands.registry import MENUS, Command, Registry, fuzzy, with_key


def test_names_shortcuts_and_menus_are_checked(qtbot: object) -> None:
    registry = Registry()
    registry.add(Command("view.a", "A", lambda: None, "View", ("Ctrl+A",)))
    for wrong in (
        Command("view.a", "A", lambda: None),
        Command("view.b", "B", lambda: None, "View", ("Ctrl+A",)),
        Command("view.c", "C", lambda: None, "Nowhere"),
    ):
        with pytest.raises(ValueError, match=wrong.name):
            registry.add(wrong)


def test_a_command_runs_only_while_it_is_enabled(qtbot: object) -> None:
    registry, ran, allowed = Registry(), [], [False]
    action = registry.add(Command("x.y", "Do it", lambda: ran.append(1), enabled=lambda: allowed[0]))
    assert not registry.run("x.y")
    registry.update()
    assert not action.isEnabled()
    allowed[0] = True
    registry.update()
    action.trigger()
    assert ran == [1]


def test_checked_commands_show_what_is_on(qtbot: object) -> None:
    registry, state = Registry(), [False]
    command = Command("x.on", "On", lambda: state.__setitem__(0, not state[0]), checked=lambda: state[0])
    action = registry.add(command)
    registry.run("x.on")
    assert state == [True]
    assert action.isChecked()


@pytest.mark.parametrize(
    ("wanted", "better", "worse"),
    [
        ("np", "Next probe", "Open picture"),
        ("pal", "Command palette", "Paint a long line"),
        ("dl", "Debug layout", "Middle"),
    ],
)
def test_fuzzy_prefers_words_that_begin_so(wanted: str, better: str, worse: str) -> None:
    first, second = fuzzy(wanted, better), fuzzy(wanted, worse)
    assert first is not None
    assert second is None or first > second


def test_fuzzy_needs_all_letters_in_order() -> None:
    assert fuzzy("xyz", "Next probe") is None
    assert fuzzy("", "anything") == 0


def test_every_command_of_the_window_is_complete(window: object) -> None:
    registry = window.registry  # type: ignore[attr-defined]
    commands = list(registry)
    assert len(commands) > 40
    for command in commands:
        assert re.fullmatch(r"[a-z]+\.[a-z-]+", command.name), command.name
        assert command.menu in MENUS, command.name
        assert command.help, command.name
        assert command.title[0].isupper(), command.name
        assert not command.title.endswith("."), command.name
    keys = [QKeySequence(k).toString() for c in commands for k in c.shortcuts]
    assert all(keys)
    assert len(keys) == len(set(keys))


def test_every_command_can_be_reached_from_its_menu(window: object) -> None:
    shown = {a.objectName() for menu in window._menu.values() for a in menu.actions() if a.objectName()}  # type: ignore[attr-defined]
    assert shown == {c.name for c in window.registry}  # type: ignore[attr-defined]


def test_a_tooltip_names_the_key(qtbot: object) -> None:
    assert with_key(Command("a.b", "Open…", lambda: None, help="Open it", shortcuts=("F2",))) == "Open it  (F2)"
    assert with_key(Command("a.b", "Open…", lambda: None)) == "Open"


def test_the_palette_model_is_a_model(qtbot: object) -> None:
    model = PaletteModel([Entry(t, lambda: None, "File") for t in ("Open run", "Open session", "Quit")])
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    model.find("os")
    assert model.data(model.index(0)) == "Open session"
    model.find("zzz")
    assert model.rowCount() == 0


def test_the_palette_does_what_is_chosen(qtbot: object) -> None:
    ran = []
    palette = Palette([Entry(t, lambda t=t: ran.append(t)) for t in ("First", "Second", "Third")])
    palette.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(palette)  # type: ignore[attr-defined]
    palette.show()
    qtbot.keyClick(palette.field, Qt.Key.Key_Down)  # type: ignore[attr-defined]
    qtbot.keyClick(palette.field, Qt.Key.Key_Return)  # type: ignore[attr-defined]
    assert ran == ["Second"]
    assert not palette.isVisible()


def test_the_palette_finds_commands_lanes_and_probes(window: object, run_file: object) -> None:
    window.open(run_file)  # type: ignore[attr-defined]
    entries = window.palette_entries()  # type: ignore[attr-defined]
    titles = {e.title for e in entries}
    assert {"Next probe", "a-mem", window.workspace.session.probes[0].question} <= titles  # type: ignore[attr-defined]
    next(e for e in entries if e.title == "bm25").run()
    assert window.workspace.run.name(window.workspace.selection.now.lane) == "bm25"  # type: ignore[attr-defined]
