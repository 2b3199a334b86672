"""The selection that all panels share: lane, item, probe and answer token, with back and forward."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from PySide6.QtCore import QObject, Signal

_KEPT = 200


@dataclass(frozen=True, slots=True)
class Selected:
    """What is selected; see ``Moment``."""

    lane: int = 0
    item: str = ""
    probe: str = ""
    token: int | None = None
    pinned: bool = False


class Selection(QObject):
    """One selection for the whole window. Selecting a lane lets go of the item and token of the lane before."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._history: list[Selected] = [Selected()]
        self._at = 0

    @property
    def now(self) -> Selected:
        """The current selection."""
        return self._history[self._at]

    def select(self, **changes: Any) -> None:
        """Change some of ``lane, item, probe, token, pinned``; another probe is not pinned unless that is said."""
        now = self.now
        if changes.get("lane", now.lane) != now.lane:
            changes = {"item": "", "token": None} | changes
        if changes.get("probe", now.probe) != now.probe:
            changes = {"token": None, "pinned": False} | changes
        new = replace(now, **changes)
        if new != now:
            self._history[self._at + 1 :] = [new]
            self._history = self._history[-_KEPT:]
            self._at = len(self._history) - 1
            self.changed.emit()

    def let_go(self, **values: Any) -> None:
        """Change the current selection in place: what follows from moving the cursor is no step to go back to."""
        new = replace(self.now, **values)
        if new != self.now:
            self._history[self._at] = new
            self.changed.emit()

    def reset(self, **values: Any) -> None:
        """Start over with a new history: another run was opened."""
        self._history, self._at = [Selected(**values)], 0
        self.changed.emit()

    @property
    def can_go_back(self) -> bool:
        """Whether ``back`` would move."""
        return self._at > 0

    @property
    def can_go_forward(self) -> bool:
        """Whether ``forward`` would move."""
        return self._at < len(self._history) - 1

    def back(self) -> None:
        """The selection before this one."""
        if self.can_go_back:
            self._at -= 1
            self.changed.emit()

    def forward(self) -> None:
        """The selection that ``back`` left."""
        if self.can_go_forward:
            self._at += 1
            self.changed.emit()
