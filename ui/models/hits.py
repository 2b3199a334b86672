"""The ranked candidates of a probe as a Qt list, with the cut line as a row of its own."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, Qt

from ui.widgets.plain import plain
from workbench.projections.hits import DROPPED, PACKED, HitRow, HitsView

_Index = QModelIndex | QPersistentModelIndex

ROW = Qt.ItemDataRole.UserRole
"""Gives the ``HitRow``, or None for the cut line."""

FATES = {PACKED: "in the context", DROPPED: "no room in the context", "": ""}


class HitsModel(QAbstractListModel):
    """Candidates by rank. ``cut`` is the row of the cut line, -1 when everything was returned."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._rows: tuple[HitRow | None, ...] = ()
        self.cut = -1
        self.top = 1.0
        self.cut_text = ""

    def show(self, view: HitsView) -> None:
        """Show the candidates of a probe; nothing happens when they are on show already."""
        returned = [r for r in view.rows if r.returned]
        rest = [r for r in view.rows if not r.returned]
        rows: tuple[HitRow | None, ...] = (*returned, *([None] if rest else []), *rest)
        text = f"{len(returned)} returned" + (f" (k = {view.k})" if view.k else "") + f", {len(rest)} left out"
        if rows == self._rows and text == self.cut_text:
            return
        self.beginResetModel()
        self._rows, self.cut_text = rows, text
        self.cut = len(returned) if rest else -1
        self.top = max((abs(r.score) for r in view.rows), default=0.0) or 1.0
        self.endResetModel()

    def place(self, item: str) -> int:
        """Row of an item, -1 when it is no candidate."""
        return next((at for at, row in enumerate(self._rows) if row is not None and row.item == item), -1)

    def row(self, place: int) -> HitRow | None:
        """The candidate in a row; None for the cut line."""
        return self._rows[place]

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008, D102
        return 0 if parent.isValid() else len(self._rows)

    def flags(self, index: _Index) -> Qt.ItemFlag:  # noqa: D102
        if index.isValid() and index.row() == self.cut:
            return Qt.ItemFlag.ItemIsEnabled
        return super().flags(index)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: D102
        if not index.isValid():
            return None
        row = self._rows[index.row()]
        if role == ROW:
            return row
        if row is None:
            return self.cut_text if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole) else None
        if role == Qt.ItemDataRole.DisplayRole:
            return row.text
        if role == Qt.ItemDataRole.AccessibleTextRole:
            held = f", holds the evidence of turn {row.evidence[0]}" if row.evidence else ""
            return f"rank {row.rank}, {row.item}, score {score_text(row.score)}, {FATES[row.fate]}{held}. {row.text}"
        return plain(tip(row)) if role == Qt.ItemDataRole.ToolTipRole else None


def tip(row: HitRow) -> str:
    """All there is to say about a candidate."""
    parts = ", ".join(f"{name} {score_text(value)}" for name, value in row.parts)
    lines = [
        f"{row.item}, rank {row.rank}, score {score_text(row.score)}" + (f" = {parts}" if len(row.parts) > 1 else "")
    ]
    lines.append(("returned" if row.returned else "left out") + (f", {FATES[row.fate]}" if row.fate else ""))
    if row.turns:
        lines.append(f"from turn{'s' if len(row.turns) > 1 else ''} {', '.join(map(str, row.turns))}")
    if row.evidence:
        lines.append(
            f"holds the evidence of turn{'s' if len(row.evidence) > 1 else ''} {', '.join(map(str, row.evidence))}"
        )
    return "\n".join([*lines, row.text[:600]])


def score_text(score: float) -> str:
    """A score with as many digits as it takes to tell neighbours apart: ``0.873``, ``12.4``, ``1.2e-05``."""
    if score == 0 or 0.001 <= abs(score) < 10:
        return f"{score:.3f}"
    return f"{score:.3g}"
