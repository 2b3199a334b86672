"""The stretch of turns that the timeline shows: zoom about a turn, pan, keep the cursor in sight."""

from __future__ import annotations

_LEAST = 8.0  # turns that are shown at least


class Stretch:
    """From ``first`` to ``last`` turn, as floats, of ``0`` to ``end``."""

    def __init__(self) -> None:
        self.end = 1.0
        self.first, self.last = 0.0, 1.0

    @property
    def whole(self) -> bool:
        """Whether all turns are shown."""
        return self.first <= 0 and self.last >= self.end

    @property
    def wide(self) -> float:
        """Turns that are shown."""
        return self.last - self.first

    def of(self, turns: int) -> None:
        """The session has so many turns; what was shown stays, and a whole one stays whole."""
        whole, self.end = self.whole, float(max(1, turns - 1))
        if whole:
            self.show_all()
        else:
            self._stand(self.first, self.wide)

    def show(self, first: float, last: float) -> None:
        """Show these turns; all of them where that is no stretch."""
        if last > first:
            self._stand(first, min(self.end, max(last - first, min(_LEAST, self.end))))
        else:
            self.show_all()

    def show_all(self) -> None:
        """Show every turn."""
        self.first, self.last = 0.0, self.end

    def zoom(self, factor: float, about: float) -> None:
        """Show ``factor`` times less, with the turn ``about`` where it is."""
        wide = min(self.end, max(min(_LEAST, self.end), self.wide / factor))
        share = (about - self.first) / self.wide
        self._stand(about - share * wide, wide)

    def pan(self, turns: float) -> None:
        """Go on by so many turns."""
        self._stand(self.first + turns, self.wide)

    def follow(self, turn: float) -> bool:
        """Move as little as needed to have a turn in sight; whether it moved."""
        edge = min(1.0, self.wide / 20)
        if self.first <= turn <= self.last or self.whole:
            return False
        self._stand(turn - edge if turn < self.first else turn + edge - self.wide, self.wide)
        return True

    def _stand(self, first: float, wide: float) -> None:
        self.first = min(max(0.0, first), max(0.0, self.end - wide))
        self.last = min(self.end, self.first + wide)
