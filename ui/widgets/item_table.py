"""The memory table's view: rows are painted once and kept as pictures, since a cursor comes back to most of them."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QPointF, QRect, QRectF, QSizeF, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPixmap, QResizeEvent
from PySide6.QtWidgets import QTableView, QWidget

from ui.models import items as model
from ui.models.items import ItemsModel, turns_text
from ui.theme import marks, theme
from ui.widgets.arrays import vector
from ui.widgets.ink import Ink, fit
from workbench.projections.diff import FieldChange
from workbench.projections.items import ItemRow, chips
from workbench.trace.events import Kind

_FADED = 0.6
_LEAST_CHIP = 48  # px: a chip that shows next to nothing of its value is left out
_MOST_BYTES = 24 << 20
"""What the pictures of rows may take: 160 rows of 780 px, 40 on a screen of twice the resolution."""


def row_height() -> int:
    """Height of a row: two lines."""
    style = theme.active()
    return style.metrics().height() + style.metrics("small").height() + style.unit(4)


class ItemTable(QTableView):
    """Rows of two lines: what a model would read, and under it the fields or what this turn changed.

    Attributes:
        color: the lane's, for marks.
        followed: the turn that is followed; what comes from it is marked at its edge. None for none.
    """

    resized = Signal()
    """It has another size."""

    def __init__(self, items: ItemsModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._items = items
        self.color = QColor()
        self.followed: int | None = None
        self._look: Any = None
        self._kept: dict[Any, tuple[ItemRow, QPixmap]] = {}
        self.setModel(items)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102
        super().resizeEvent(event)
        self.resized.emit()

    def settle(self) -> None:
        """Give the rows that have just come and gone their places, instead of at the next turn of the event loop."""
        self.executeDelayedItemsLayout()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Only rows: there is no grid, and a cell has nothing of its own."""
        first, last = self.rowAt(event.rect().top()), self.rowAt(event.rect().bottom())
        if first < 0:
            return
        with_selection = self.selectionModel()
        chosen = {index.row() for index in with_selection.selectedRows()}
        followed, columns = self.followed, self._columns()
        painter = QPainter(self.viewport())
        try:
            kept = not vector(painter)
            for place in range(first, (last if last >= 0 else self._items.rowCount() - 1) + 1):
                row, y = self._items.row(place), self.rowViewportPosition(place)
                marked = followed is not None and followed in row.item.turns
                if kept:
                    painter.drawPixmap(0, y, self._picture(row, place in chosen, marked, columns))
                else:
                    painter.save()
                    painter.translate(0, y)
                    _Row(painter, self.rowHeight(place), row, self.color).paint(columns, place in chosen, marked)
                    painter.restore()
        finally:
            painter.end()
        self._forget((last if last >= 0 else first) - first + 1)

    def _forget(self, shown: int) -> None:
        """Of too many pictures those go that were not used for longest; what is on show stays."""
        if self._kept:
            _, pixmap = next(iter(self._kept.values()))
            most = max(shown, _MOST_BYTES // (4 * pixmap.width() * pixmap.height() or 1))
            for key in list(self._kept)[:-most]:
                del self._kept[key]

    def _columns(self) -> tuple[tuple[int, int, int], ...]:
        """Number, left edge and width of those that are shown."""
        shown = (c for c in range(self._items.columnCount()) if not self.isColumnHidden(c))
        return tuple((c, self.columnViewportPosition(c), self.columnWidth(c)) for c in shown)

    def _picture(self, row: ItemRow, chosen: bool, marked: bool, columns: tuple[tuple[int, int, int], ...]) -> QPixmap:
        ratio, now = self.devicePixelRatioF(), theme.active()
        size = QRect(0, 0, self.viewport().width(), self.verticalHeader().defaultSectionSize())
        look = (now, ratio, size, columns, self.color.rgba())
        if look != self._look:
            self._look = look
            self._kept.clear()
        key = (row.item.id, row.marks, row.used, chosen, marked)
        kept = self._kept.pop(key, None)
        if kept is None or (kept[0] is not row and kept[0] != row):
            pixmap = QPixmap((QSizeF(size.size()) * ratio).toSize())
            pixmap.setDevicePixelRatio(ratio)
            pixmap.fill(now.color("surface"))
            painter = QPainter(pixmap)
            try:
                _Row(painter, size.height(), row, self.color).paint(columns, chosen, marked)
            finally:
                painter.end()
            kept = row, pixmap
        self._kept[key] = kept
        return kept[1]


class _Row:
    """Paints one row from its top left corner."""

    def __init__(self, painter: QPainter, height: int, row: ItemRow, color: QColor) -> None:
        self.painter, self.row, self.color, self.height = painter, row, color, height
        self.ink = Ink(painter, 1.0 if row.item.active else _FADED)
        style = self.style = self.ink.style
        self.top = style.unit(1.5)
        self.lower = self.top + style.metrics().height() + 1

    def paint(self, columns: tuple[tuple[int, int, int], ...], chosen: bool, marked: bool) -> None:
        """The columns by number, left edge and width."""
        style, row = self.style, self.row
        whole = QRect(columns[0][1], 0, columns[-1][1] + columns[-1][2] - columns[0][1], self.height)
        if chosen:
            self.painter.fillRect(whole, style.color("accent-soft"))
        elif Kind.WRITTEN in row.marks or Kind.UPDATED in row.marks:
            self.painter.fillRect(whole, style.color("raised"))
        for column, x, width in columns:
            left, room = x + style.unit(2), width - style.unit(2) - style.unit(1)
            if column == model.MARK:
                if marked:
                    self.painter.fillRect(QRectF(x, 2, style.unit(0.8), self.height - 4), style.color("accent"))
                self._marks(x)
            elif column == model.ITEM:
                kind = row.item.kind if row.item.active else row.item.status
                self.ink.put(left, self.top, row.item.id, width=room, bold=True)
                self.ink.put(left, self.lower, kind, "text-3", "small", room)
            elif column == model.TEXT:
                self.ink.put(left, self.top, " ".join(row.item.text[:400].split()), width=room)
                if row.changes:
                    self._change(left, room, row.changes)
                else:
                    self._chips(left, left + room)
            else:
                text = turns_text(row.item.turns) if column == model.TURNS else self._number(column)
                self.ink.put(left, self.top + 1, text, "text-2", "small", room)

    def _number(self, column: int) -> str:
        return str(self.row.item.changed if column == model.CHANGED else self.row.used)

    def _marks(self, left: int) -> None:
        """At full strength also where the item is faded: what ended it must stay plain to see."""
        grown = self.style.size / theme.NORMAL
        x = left + 12 * grown
        found = [mark for mark in map(marks.mark_of, self.row.marks) if mark is not None]
        for mark in found[:2]:
            marks.draw(self.painter, mark, QPointF(x, self.height / 2), 4.2 * grown, self.color)
            x += 13 * grown

    def _change(self, left: float, width: float, changes: tuple[FieldChange, ...]) -> None:
        """``context  old → new`` for the first change; more are counted."""
        ink, small, change = self.ink, self.style.metrics("small"), changes[0]
        tail = f"  +{len(changes) - 1}" if len(changes) > 1 else ""
        room = width - small.horizontalAdvance(f"{change.name}   → {tail}") - 8
        old = fit(small, change.old, room * 0.45)
        new = fit(small, change.new, room - small.horizontalAdvance(old))
        x = ink.write(left, self.lower, f"{change.name}  ", "text-3", "small")
        if old:
            x = ink.write(ink.strike(x, self.lower, old), self.lower, " → ", "text-3", "small")
        ink.put(ink.write(x, self.lower, new, "accent", "small"), self.lower, tail, "text-3", "small")

    def _chips(self, x: float, right: float) -> None:
        """Field names with their values on small grounds, as many as fit."""
        ink, style, painter = self.ink, self.style, self.painter
        high, ground = style.metrics("small").height() + 1, ink.color("control")
        for name, value in chips(self.row.item.fields):
            label = f"{name}  " if name else ""
            start = x + (style.advance(label, "small") if label else 0)
            room = min(right - start, 160.0)
            whole = style.advance(value, "small")
            if room < min(_LEAST_CHIP, whole + 10):
                break
            if label:
                ink.put(x, self.lower, label, "text-3", "small")
            text = value if whole <= int(room - 10) else fit(style.metrics("small"), value, room - 10)
            chip = QRectF(start, self.lower - 0.5, style.advance(text, "small") + 10, high)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(ground)
            painter.drawRoundedRect(chip, 4, 4)
            ink.put(start + 5, self.lower, text, "text-2", "small")
            x = chip.right() + 4
