"""The selection that all panels share: lane, item, probe, answer token, followed turn; with back and forward."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

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
    thread: int | None = None


class Place(NamedTuple):
    """Where the cursor stood while something was selected."""

    session: int = 0
    turn: int = -1
    seq: int | None = None


class Selection(QObject):
    """One selection for the whole window. Selecting a lane lets go of the item and token of the lane before.

    Every step of the history keeps where the cursor stood when it was left, so that going back leads there.

    Attributes:
        standing: says where the cursor stands.

    Signals:
        returned: ``back`` or ``forward`` leads to this ``Place``; comes before ``changed``.
    """

    changed = Signal()
    returned = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.standing: Callable[[], Place] = Place
        self._history: list[tuple[Selected, Place]] = [(Selected(), Place())]
        self._at = 0

    @property
    def now(self) -> Selected:
        """The current selection."""
        return self._history[self._at][0]

    def select(self, *, step: bool = False, **changes: Any) -> None:
        """Change some of ``lane, item, probe, token, pinned, thread``; another probe is not pinned unless that is said.

        ``step`` makes a step to go back to even where nothing else is selected: the cursor is about to jump.
        """
        now = self.now
        if changes.get("lane", now.lane) != now.lane:
            changes = {"item": "", "token": None} | changes
        if changes.get("probe", now.probe) != now.probe:
            changes = {"token": None, "pinned": False} | changes
        new = replace(now, **changes)
        if new == now and not step:
            return
        place = self._leave()
        self._history[self._at + 1 :] = [(new, place)]
        self._history = self._history[-_KEPT:]
        self._at = len(self._history) - 1
        self.changed.emit()

    def let_go(self, **values: Any) -> None:
        """Change the current selection in place: what follows from moving the cursor is no step to go back to."""
        now, place = self._history[self._at]
        new = replace(now, **values)
        if new != now:
            self._history[self._at] = (new, place)
            self.changed.emit()

    def reset(self, **values: Any) -> None:
        """Start over with a new history: another run was opened."""
        self._history, self._at = [(Selected(**values), Place())], 0
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
        """The selection before this one, and where the cursor stood then."""
        if self.can_go_back:
            self._go(-1)

    def forward(self) -> None:
        """The selection that ``back`` left, and where the cursor stood then."""
        if self.can_go_forward:
            self._go(1)

    def _go(self, steps: int) -> None:
        self._leave()
        self._at += steps
        self.returned.emit(self._history[self._at][1])
        self.changed.emit()

    def _leave(self) -> Place:
        place = self.standing()
        self._history[self._at] = (self.now, place)
        return place
