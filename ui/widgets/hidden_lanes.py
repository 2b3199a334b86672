"""How many lanes are not on show, as a button that shows them; and what a lane's menu offers."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMenu, QToolButton, QWidget

from ui.state.roster import Roster
from ui.widgets.plain import plain

_NAMED = 30  # characters of a lane's name in a menu


class HiddenLanes(QToolButton):
    """``2 hidden``; a click shows all lanes. Not there while every lane is on show."""

    def __init__(self, roster: Roster, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._roster = roster
        self.setProperty("part", "link")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.clicked.connect(roster.show_all)
        roster.changed.connect(self._say)
        self._say()

    def _say(self) -> None:
        names = self._roster.hidden()
        self.setText(f"{len(names)} hidden")
        self.setAccessibleName(f"{len(names)} lanes are hidden. Show all lanes")
        self.setToolTip(plain("\n".join(("Not on show", *names, "Click: show all lanes"))))
        self.setVisible(bool(names))


def lane_entries(menu: QMenu, roster: Roster, lane: int, name: str, after: str = "right") -> None:
    """Add what can be done with a lane to a menu; ``after`` is where later lanes stand, ``right`` or ``below``."""
    before = {"right": "left", "below": "up"}[after]
    after = {"right": "right", "below": "down"}[after]
    short = (name if len(name) <= _NAMED else name[: _NAMED - 1] + "…").replace("&", "&&")
    menu.addAction(f"Hide {short}", partial(roster.hide, lane)).setEnabled(len(roster.steps()) > 1)
    pin = menu.addAction("Pin first", partial(roster.pin, lane))
    alone = menu.addAction("Show alone")
    alone.triggered.connect(lambda on: roster.set_alone(on))
    for entry, on in ((pin, roster.pinned(lane)), (alone, roster.now.alone)):
        entry.setCheckable(True)
        entry.setChecked(on)
    menu.addAction(f"Move {before}", partial(roster.move, lane, -1))
    menu.addAction(f"Move {after}", partial(roster.move, lane, 1))
    menu.addAction("Show all lanes", roster.show_all).setEnabled(bool(roster.hidden()))
    menu.addAction("Undo the last change of lanes", roster.undo).setEnabled(roster.can_undo)
