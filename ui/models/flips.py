"""Qt model over the answers of two runs: one row per probe and lane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt

from ui.widgets.plain import plain
from workbench.projections.two_runs import Flip

_Index = QModelIndex | QPersistentModelIndex
COLUMNS = ("flip", "turn", "lane", "question", "gold", "A", "B")
FLIP = Qt.ItemDataRole.UserRole
"""Role under which every cell has its ``Flip``."""
CHANGES = {-1: "right → wrong", 1: "wrong → right", 0: "the same"}


class FlipsModel(QAbstractTableModel):
    """Pairs of answers."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.flips: list[Flip] = []

    def show(self, flips: Sequence[Flip]) -> None:
        """Show these."""
        if list(flips) != self.flips:
            self.beginResetModel()
            self.flips = list(flips)
            self.endResetModel()

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008, D102
        return 0 if parent.isValid() else len(self.flips)

    def columnCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008, D102
        return 0 if parent.isValid() else len(COLUMNS)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: D102
        if not index.isValid():
            return None
        flip = self.flips[index.row()]
        if role == FLIP:
            return flip
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            said = (
                CHANGES[flip.change], str(flip.turn), flip.lane_name, flip.question, flip.gold, flip.here.answer,
                flip.there.answer,
            )[index.column()]  # fmt: skip
            return said if role == Qt.ItemDataRole.DisplayRole else plain(said)
        return None

    def headerData(  # noqa: D102
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return COLUMNS[section]
        return None
