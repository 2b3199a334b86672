"""One registry of commands feeds the menus, the shortcuts, the command palette and the help page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QKeySequence

from ui.widgets.plain import plain

MENUS = ("File", "Playback", "Select", "Lanes", "Run", "Story", "View", "Help")

SUBMENUS = {("View", "panel"): "Panels"}
"""Groups of a menu that have a menu of their own in it: what has more entries than letters cannot be used by key."""


def _always() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Command:
    """Something the user can do.

    Attributes:
        name: ``area.verb``, lower-case.
        title: sentence case; an ellipsis when it asks something first.
        run: does it.
        menu: one of ``MENUS``, or empty for the palette alone.
        shortcuts: in Qt's portable notation; the first is shown.
        help: one sentence.
        enabled: whether it can be done now.
        checked: for what is on or off: whether it is on.
        group: entries of a menu with different groups are separated by a line.
    """

    name: str
    title: str
    run: Callable[[], object]
    menu: str = ""
    shortcuts: tuple[str, ...] = ()
    help: str = ""
    enabled: Callable[[], bool] = _always
    checked: Callable[[], bool] | None = None
    group: str = ""


class Registry(QObject):
    """All commands, with one ``QAction`` each."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._commands: dict[str, Command] = {}
        self._actions: dict[str, QAction] = {}

    def add(self, command: Command) -> QAction:
        """Register a command. Raises ``ValueError`` for a name or a shortcut that is taken, or an unknown menu."""
        if command.name in self._commands:
            raise ValueError(f"command {command.name} is registered twice")
        if command.menu and command.menu not in MENUS:
            raise ValueError(f"command {command.name}: no menu {command.menu!r}")
        taken = {key for other in self._commands.values() for key in other.shortcuts} & set(command.shortcuts)
        if taken:
            raise ValueError(f"command {command.name}: {', '.join(taken)} is taken")
        action = QAction(command.title, self)
        action.setObjectName(command.name)
        action.setShortcuts([QKeySequence(key) for key in command.shortcuts])
        action.setToolTip(plain(with_key(command)))
        action.setStatusTip(command.help)
        action.setCheckable(command.checked is not None)
        action.triggered.connect(lambda *_: self.run(command.name))
        self._commands[command.name], self._actions[command.name] = command, action
        return action

    def __getitem__(self, name: str) -> Command:
        return self._commands[name]

    def __contains__(self, name: object) -> bool:
        return name in self._commands

    def __iter__(self) -> Iterator[Command]:
        return iter(self._commands.values())

    def action(self, name: str) -> QAction:
        """The action of a command, for menus and buttons."""
        return self._actions[name]

    def run(self, name: str) -> bool:
        """Do it when it can be done now; whether it was done."""
        command = self._commands[name]
        if not command.enabled():
            return False
        command.run()
        self.update()
        return True

    def update(self) -> None:
        """Ask every command whether it can be done and whether it is on."""
        for name, command in self._commands.items():
            action, enabled = self._actions[name], command.enabled()
            if action.isEnabled() != enabled:
                action.setEnabled(enabled)
            if command.checked is not None and action.isChecked() != command.checked():
                action.setChecked(command.checked())


def with_key(command: Command) -> str:
    """``help (Ctrl+K)`` for a tooltip."""
    key = (
        QKeySequence(command.shortcuts[0]).toString(QKeySequence.SequenceFormat.NativeText) if command.shortcuts else ""
    )
    text = command.help or command.title.rstrip("…")
    return f"{text}  ({key})" if key else text


def fuzzy(wanted: str, text: str) -> int | None:
    """How well ``wanted`` matches ``text``: higher is better, None when its letters do not occur in this order.

    Letters in a row and at the beginnings of words count more; every letter that is skipped counts a little less.
    """
    if not wanted:
        return 0
    wanted, text = wanted.lower().replace(" ", ""), text.lower()
    score, at, run = 0, -1, 0
    for letter in wanted:
        found = text.find(letter, at + 1)
        if found < 0:
            return None
        run = run + 1 if found == at + 1 and at >= 0 else 0
        starts = found == 0 or not text[found - 1].isalnum()
        score += 10 + 10 * run + (12 if starts else 0) - min(found - at - 1, 8)
        at = found
    return score
