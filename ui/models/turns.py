"""The turns of a session that is not replayed yet, with those that are marked as evidence."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, Qt, Signal

from ui.widgets.plain import plain
from workbench.sessions import Turn

_Index = QModelIndex | QPersistentModelIndex
TURN = Qt.ItemDataRole.UserRole
"""Role under which a row's ``Turn`` is found."""


class TurnsModel(QAbstractListModel):
    """One row per turn; checked means evidence.

    Signals:
        marked: which turns are evidence has changed.
    """

    marked = Signal()

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.turns: tuple[Turn, ...] = ()
        self._evidence: set[int] = set()

    @property
    def evidence(self) -> tuple[int, ...]:
        """The marked turns, in their order."""
        return tuple(sorted(self._evidence))

    def show(self, turns: tuple[Turn, ...]) -> None:
        """Show other turns; none is marked."""
        self.beginResetModel()
        self.turns, self._evidence = turns, set()
        self.endResetModel()
        self.marked.emit()

    def mark(self, turns: Iterable[int]) -> None:
        """Mark these turns and no others."""
        changed = self._evidence.symmetric_difference(turns)
        self._evidence = set(turns)
        for turn in changed:
            self.dataChanged.emit(self.index(turn), self.index(turn))
        if changed:
            self.marked.emit()

    def toggle(self, turn: int) -> None:
        """Mark a turn, or not."""
        self.mark(self._evidence.symmetric_difference({turn}))

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008, D102
        return 0 if parent.isValid() else len(self.turns)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: D102
        if not index.isValid():
            return None
        turn = self.turns[index.row()]
        if role == TURN:
            return turn
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return f"{turn.index}  {turn.speaker or turn.role}: {turn.text}"
        if role == Qt.ItemDataRole.CheckStateRole:
            return (Qt.CheckState.Checked if index.row() in self._evidence else Qt.CheckState.Unchecked).value
        if role == Qt.ItemDataRole.ToolTipRole:
            date = f" · {turn.date}" if turn.date else ""
            return plain(f"turn {turn.index} · {turn.speaker or turn.role}{date}\n{turn.text[:1500]}")
        return None

    def setData(self, index: _Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:  # noqa: D102
        if not index.isValid() or role != Qt.ItemDataRole.CheckStateRole:
            return False
        if (Qt.CheckState(value) == Qt.CheckState.Checked) != (index.row() in self._evidence):
            self.toggle(index.row())
        return True

    def flags(self, index: _Index) -> Qt.ItemFlag:  # noqa: D102
        usual = super().flags(index)
        return usual | Qt.ItemFlag.ItemIsUserCheckable if index.isValid() else usual
