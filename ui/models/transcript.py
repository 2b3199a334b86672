"""The transcript's rows for a list view."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, Qt

from ui.widgets.plain import plain
from workbench.probes.competencies import label
from workbench.projections.transcript import ProbeRow, Transcript, TurnRow

_Index = QModelIndex | QPersistentModelIndex
ROW = Qt.ItemDataRole.UserRole
"""Role under which a row's ``TurnRow`` or ``ProbeRow`` is found."""


class TranscriptModel(QAbstractListModel):
    """Turns and probes in the session's order. Showing the same session again only tells that data changed."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._rows: tuple[TurnRow | ProbeRow, ...] = ()
        self._session = 0

    def show(self, view: Transcript) -> bool:
        """Show a transcript; True when the rows are new ones (and not the same ones with more verdicts)."""
        if view.session == self._session and len(view.rows) == len(self._rows):
            self._rows = view.rows
            if view.rows:
                self.dataChanged.emit(self.index(0), self.index(len(view.rows) - 1))
            return False
        self.beginResetModel()
        self._rows, self._session = view.rows, view.session
        self.endResetModel()
        return True

    def row(self, place: int) -> TurnRow | ProbeRow:
        """One row."""
        return self._rows[place]

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008, D102
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: D102
        if not index.isValid():
            return None
        row = self._rows[index.row()]
        if role == ROW:
            return row
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return f"{row.speaker}: {row.text}" if isinstance(row, TurnRow) else f"Probe: {row.question}"
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain(_tip(row))
        return None


def _tip(row: TurnRow | ProbeRow) -> str:
    if isinstance(row, TurnRow):
        head = f"turn {row.turn} · {row.speaker}" + (f" · {row.date}" if row.date else "")
        return "\n".join((head, *row.remarks, row.text[:1500]))
    gold = "nothing (it was never said)" if row.abstain else " or ".join(row.gold)
    evidence = ", ".join(map(str, row.evidence)) or "unknown"
    head = f"probe {row.probe} · {label(row.competency)}"
    return "\n".join((head, row.question, f"gold: {gold}", f"evidence turns: {evidence}", *row.remarks))
