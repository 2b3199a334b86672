"""Rows of a table with a second line: the columns above, and below them a text that has the width of the row."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QTableView

from ui.theme import theme
from ui.widgets.ink import Ink
from ui.widgets.paragraph import draw_lines

_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


class TwoLines(QStyledItemDelegate):
    """Paints cells; a subclass says what stands below them.

    Attributes:
        two: rows have the second line.
        under: column at whose left edge the second line begins.
        upper: lines that a text of the column ``under`` may take; other columns have one.
    """

    def __init__(self, table: QTableView) -> None:
        super().__init__(table)
        self._table = table
        self.two, self.under, self.upper = True, 1, 1

    def below(self, row: int) -> Sequence[tuple[str, str]]:
        """The second line in pieces: text and role of its colour."""
        return ()

    def pale(self, row: int) -> bool:
        """Whether a row is painted faintly."""
        return False

    def height(self) -> int:
        """What a row needs."""
        now = theme.active()
        line = now.metrics().height()
        return line * self.upper + now.metrics("small").height() + now.unit(3) if self.two else line + now.unit(3)

    def paint(  # noqa: D102
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        now, rect = theme.active(), option.rect
        painter.save()
        painter.setClipRect(rect, Qt.ClipOperation.IntersectClip)
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, now.color("accent-soft"))
        elif option.state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(rect, now.color("raised"))
        if self.pale(index.row()):
            painter.setOpacity(0.5)
        cell = rect.adjusted(now.unit(2), 0, -now.unit(1), 0)
        if self.two:
            cell.setTop(rect.top() + now.unit(1))
            cell.setHeight(now.metrics().height() * (self.upper if index.column() == self.under else 1))
        self.cell(painter, cell, index)
        if self.two:
            self._second(painter, rect, index.row())
        painter.restore()

    def cell(self, painter: QPainter, rect: QRect, index: QModelIndex | QPersistentModelIndex) -> None:
        """Paint what a column has."""
        align = index.data(Qt.ItemDataRole.TextAlignmentRole)
        self.text(painter, rect, str(index.data() or ""), "text", align or int(_LEFT))

    def text(self, painter: QPainter, rect: QRect, text: str, color: str, align: int = int(_LEFT)) -> None:
        """Paint a text, cut to the room there is."""
        now, text = theme.active(), " ".join(text.split())
        if self.two and rect.height() > now.metrics().height():
            draw_lines(painter, text, QRectF(rect), now.font(), now.color(color), self.upper)
            return
        painter.setFont(now.font())
        painter.setPen(now.color(color))
        painter.drawText(rect, align, now.metrics().elidedText(text, Qt.TextElideMode.ElideRight, rect.width()))

    def _second(self, painter: QPainter, rect: QRect, row: int) -> None:
        """Every cell paints its part of the line, since a table paints cells one by one."""
        now, table = theme.active(), self._table
        x = table.columnViewportPosition(self.under) + now.unit(2)
        end = table.viewport().width() - now.unit(1)
        if x > rect.right():
            return
        ink = Ink(painter)
        top = rect.bottom() + 1 - now.unit(1.5) - now.metrics("small").height()
        for text, role in self.below(row):
            if x >= end:
                break
            x = round(ink.write(x, top, " ".join(text.split()), role, "small", end - x)) + now.unit(1)
