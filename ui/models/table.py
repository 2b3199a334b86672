"""The table twin of a panel: plain rows with a header."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt

from ui.widgets.plain import plain

_Index = QModelIndex | QPersistentModelIndex
_LOOKED_AT = 50  # rows, for what a column holds
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)


@dataclass(frozen=True, slots=True)
class Table:
    """Columns and rows of plain values (text, numbers, None). Units go into the column names.

    ``right`` names columns whose texts are figures ("8.7 MiB") and stand to the right as numbers do.
    """

    columns: tuple[str, ...]
    rows: Sequence[Sequence[Any]]
    right: tuple[str, ...] = ()

    def figures(self, column: int) -> bool:
        """Whether a column holds figures: it is named in ``right``, or its first value is a number."""
        first = next((row[column] for row in self.rows[:_LOOKED_AT] if row[column] is not None), None)
        return self.columns[column] in self.right or _is_number(first)

    def csv(self) -> str:
        """The table as CSV with a header line; RFC 4180 quoting."""
        import csv
        import io

        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows(["" if v is None else v for v in row] for row in self.rows)
        return out.getvalue()

    def json(self, title: str, about: Mapping[str, Any]) -> str:
        """The table as one JSON object: ``title``, what it is about, ``columns`` and ``rows``."""
        import json

        rows = [list(row) for row in self.rows]
        whole = {"title": title, **about, "columns": list(self.columns), "rows": rows}
        return json.dumps(whole, ensure_ascii=False, indent=1, default=_number) + "\n"


def _number(value: Any) -> Any:
    """A number of NumPy as JSON knows it; anything else as text."""
    return value.item() if hasattr(value, "item") else str(value)


class TableModel(QAbstractTableModel):
    """A ``Table`` for a view. ``show`` replaces it, keeping the selection's row where the shape stays the same."""

    def __init__(self, table: Table | None = None, parent: Any = None) -> None:
        super().__init__(parent)
        self.table = table or Table((), ())

    def show(self, table: Table) -> None:
        """Show another table."""
        if table.columns == self.table.columns and len(table.rows) == len(self.table.rows):
            self.table = table
            if table.rows:
                last = self.index(len(table.rows) - 1, len(table.columns) - 1)
                self.dataChanged.emit(self.index(0, 0), last)
            return
        self.beginResetModel()
        self.table = table
        self.endResetModel()

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008, D102
        return 0 if parent.isValid() else len(self.table.rows)

    def columnCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008, D102
        return 0 if parent.isValid() else len(self.table.columns)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: D102
        if not index.isValid():
            return None
        value = self.table.rows[index.row()][index.column()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return shown(value) if role == Qt.ItemDataRole.DisplayRole else plain(shown(value))
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if _is_number(value) or self.table.columns[index.column()] in self.table.right else None
        return None

    def headerData(  # noqa: D102
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal or section >= len(self.table.columns):
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole and self.table.figures(section):
            return _RIGHT
        return self.table.columns[section] if role == Qt.ItemDataRole.DisplayRole else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def shown(value: Any) -> str:
    """A value as a person reads it: at most four significant digits, thousands apart, empty for None."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and abs(value) >= 10_000:
        return f"{value:,}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
