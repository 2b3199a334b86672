"""Dragging a lane to another place, by its name or the head of its column."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QApplication

from ui.state.roster import Roster


class LaneDrag:
    """A drag of a lane over the others. The widget hands on its mouse events, and paints ``over`` while ``active``.

    Attributes:
        lane, over: the lane that is dragged, and the one whose place it would take; 0 for none.
        active: the pointer has gone far enough for a drag.
    """

    def __init__(self, roster: Roster, lane_at: Callable[[QPoint], int]) -> None:
        self._roster, self._lane_at = roster, lane_at
        self._pressed = QPoint()
        self.lane = self.over = 0
        self.active = False

    def press(self, point: QPoint, lane: int) -> None:
        """The button went down on a lane."""
        self._pressed, self.lane, self.over, self.active = point, lane, 0, False

    def move(self, point: QPoint) -> bool:
        """The pointer moved with the button down; whether a lane is being dragged."""
        if not self.lane:
            return False
        if not self.active and (point - self._pressed).manhattanLength() < QApplication.startDragDistance():
            return False
        self.active = True
        over = self._lane_at(point)
        fits = over and over != self.lane and self._roster.pinned(over) == self._roster.pinned(self.lane)
        self.over = over if fits else 0
        return True

    def release(self) -> bool:
        """The button went up; whether that ended a drag."""
        lane, over, dragged = self.lane, self.over, self.active
        self.lane, self.over, self.active = 0, 0, False
        if dragged and over:
            self._roster.put(lane, over)
        return dragged
