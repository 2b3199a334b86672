"""The table view that lists are shown in: whole rows, no grid, one line each."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QAbstractItemModel, QModelIndex, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QTableView

from ui.theme import theme


class WalkedTable(QTableView):
    """Says when there is more or less room for columns, and when the arrow keys went to another row."""

    resized = Signal()
    moved = Signal(QModelIndex)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102
        before = self.currentIndex().row()
        super().keyPressEvent(event)
        if self.currentIndex().row() not in (before, -1):
            self.moved.emit(self.currentIndex().siblingAtColumn(0))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102
        super().resizeEvent(event)
        self.resized.emit()


def fit_columns(table: QTableView, last: float = 0.0, spare: Sequence[int] = ()) -> None:
    """Columns as wide as what they hold, none wider than a third of the room; the last one takes what is left.

    Args:
        last: share of the room that the last column has at least; the others become narrower for it, the widest first.
        spare: columns that are left out, one after the other, until there is room for the rest.
    """
    room, unit = table.viewport().width(), theme.active().unit
    for column in spare:
        table.setColumnHidden(column, False)
    most = max(room // 3, unit(24))
    table.resizeColumnsToContents()
    columns = [n for n in range(table.model().columnCount() - 1) if not table.isColumnHidden(n)]
    widths = {n: min(table.columnWidth(n) + unit(1), most) for n in columns}
    while last and sum(widths.values()) > room * (1 - last) and max(widths.values()) > unit(12):
        widest = max(widths, key=lambda n: widths[n])
        widths[widest] -= unit(1)
    if spare:
        last_column = table.model().columnCount() - 1
        head = table.horizontalHeader().sectionSizeHint(last_column)
        need = widths | {last_column: max(table.sizeHintForColumn(last_column), head) + unit(1)}
        for column in spare:
            if sum(need.values()) <= room:
                break
            need.pop(column)
            table.setColumnHidden(column, True)
    for column, width in widths.items():
        table.setColumnWidth(column, width)


def row_table(model: QAbstractItemModel, name: str, stretch: bool = True) -> WalkedTable:
    """A table view over ``model`` whose rows are chosen one at a time.

    Args:
        name: for screen readers.
        stretch: whether the last column takes the room that is left.
    """
    table = WalkedTable()
    table.setModel(model)
    table.setAccessibleName(name)
    table.verticalHeader().hide()
    table.setShowGrid(False)
    table.setWordWrap(False)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    head = table.horizontalHeader()
    head.setStretchLastSection(stretch)
    head.setHighlightSections(False)
    head.setResizeContentsPrecision(100)  # rows that are measured for the width of a column
    head.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    return table
