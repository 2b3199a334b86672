"""A button with a menu of choices, each one of several: what a panel has no room for in its bars."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QSizePolicy, QToolButton, QWidget

from ui.widgets.mnemonics import follow
from ui.widgets.plain import plain


class ChoiceMenu(QToolButton):
    """Choices by section; the first of each stands at the beginning."""

    def __init__(self, title: str, tip: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setText(title)
        self.setToolTip(plain(tip))
        self.setAccessibleName(tip)
        self.setProperty("part", "quiet")
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setMenu(follow(QMenu(self)))
        self.menu().setToolTipsVisible(True)
        self._sections: dict[str, dict[str, QAction]] = {}

    def add(self, section: str, names: Sequence[str], changed: Callable[[], None], tip: str = "") -> None:
        """Add a section; ``changed`` is called when another of its choices is made."""
        self.menu().addSection(section)
        group = QActionGroup(self)
        self._sections[section] = {}
        for number, name in enumerate(names):
            action = self.menu().addAction(name)
            action.setCheckable(True)
            action.setChecked(not number)
            action.setToolTip(plain(tip or name))
            action.triggered.connect(lambda _=False: changed())
            group.addAction(action)
            self._sections[section][name] = action

    def chosen(self, section: str) -> str:
        """The choice of a section."""
        return next(name for name, action in self._sections[section].items() if action.isChecked())

    def choose(self, section: str, name: str) -> None:
        """Make a choice, as by a click."""
        self._sections[section][name].trigger()
