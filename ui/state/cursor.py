"""The cursor: where playback stands. Moving it is O(1) and waits for no panel."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal


class Cursor(QObject):
    """Session, turn and, while stepping by events, the event."""

    moved = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session, self.turn, self.last = 0, -1, -1
        self.seq: int | None = None

    def enter(self, session: int, last: int, turn: int) -> None:
        """Go to a session whose last turn that can be shown is ``last``."""
        self.session, self.last = session, last
        self.turn, self.seq = self._bounded(turn), None
        self.moved.emit()

    def extend(self, last: int) -> None:
        """The session can now be shown up to ``last`` (a live run goes on). Does not move."""
        self.last = last

    def go(self, turn: int, seq: int | None = None) -> None:
        """Stand after ``turn``, or after the event ``seq`` of it. Turns beyond the ends are clamped."""
        turn = self._bounded(turn)
        if (turn, seq) != (self.turn, self.seq):
            self.turn, self.seq = turn, seq
            self.moved.emit()

    def step(self, turns: int) -> None:
        """Move by this many turns."""
        self.go(self.turn + turns)

    def _bounded(self, turn: int) -> int:
        return max(min(0, self.last), min(turn, self.last))
