"""Draws the rows of the memory table."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from ui.models import items as model
from ui.models.items import turns_text
from ui.theme import marks, theme
from ui.widgets.ink import Ink, fit
from workbench.projections.diff import FieldChange
from workbench.projections.items import ItemRow, chips
from workbench.trace.events import Kind

_FADED = 0.6
_LEAST_CHIP = 48  # px: a chip that shows next to nothing of its value is left out


def row_height() -> int:
    """Height of a row: two lines."""
    style = theme.active()
    return style.metrics().height() + style.metrics("small").height() + style.unit(4)


class ItemDelegate(QStyledItemDelegate):
    """A row of two lines: what a model would read, and under it the fields or what this turn changed.

    Attributes:
        color: the lane's, for marks.
        followed: the turn that is followed; what comes from it is marked at its edge. None for none.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.color = QColor()
        self.followed: int | None = None

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:  # noqa: D102
        return QSize(40, row_height())

    def paint(  # noqa: D102
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        row: ItemRow = index.data(model.ROW)
        style, rect = theme.active(), QRectF(option.rect)  # type: ignore[attr-defined]
        painter.save()
        if option.state & QStyle.StateFlag.State_Selected:  # type: ignore[attr-defined]
            painter.fillRect(rect, style.color("accent-soft"))
        elif Kind.WRITTEN in row.marks or Kind.UPDATED in row.marks:
            painter.fillRect(rect, style.color("raised"))
        if index.column() == model.MARK and self.followed is not None and self.followed in row.item.turns:
            painter.fillRect(QRectF(rect.x(), rect.y() + 2, style.unit(0.8), rect.height() - 4), style.color("accent"))
        ink = Ink(painter, 1.0 if row.item.active else _FADED)
        inner = rect.adjusted(style.unit(2), style.unit(1.5), -style.unit(1), -style.unit(1))
        column = index.column()
        if column == model.MARK:
            self._marks(painter, rect, row)
        elif column == model.ITEM:
            kind = row.item.kind if row.item.active else row.item.status
            ink.write(inner.left(), inner.top(), row.item.id, width=inner.width(), bold=True)
            ink.write(inner.left(), _lower(inner), kind, "text-3", "small", inner.width())
        elif column == model.TEXT:
            line = " ".join(row.item.text[:400].split())
            ink.write(inner.left(), inner.top(), line, width=inner.width())
            lower = QRectF(inner.left(), _lower(inner), inner.width(), inner.bottom() - _lower(inner))
            if row.changes:
                _change(ink, lower, row.changes)
            else:
                _chips(ink, lower, row)
        else:
            text = turns_text(row.item.turns) if column == model.TURNS else str(index.data())
            ink.write(inner.left(), inner.top() + 1, text, "text-2", "small", inner.width())
        painter.restore()

    def _marks(self, painter: QPainter, rect: QRectF, row: ItemRow) -> None:
        """At full strength also where the item is faded: what ended it must stay plain to see."""
        grown = theme.active().size / theme.NORMAL
        x = rect.left() + 12 * grown
        found = [mark for mark in map(marks.mark_of, row.marks) if mark is not None]
        for mark in found[:2]:
            marks.draw(painter, mark, QPointF(x, rect.center().y()), 4.2 * grown, self.color)
            x += 13 * grown


def _lower(rect: QRectF) -> float:
    return rect.top() + theme.active().metrics().height() + 1


def _change(ink: Ink, rect: QRectF, changes: tuple[FieldChange, ...]) -> None:
    """``context  old → new`` for the first change; more are counted."""
    small, change = ink.style.metrics("small"), changes[0]
    tail = f"  +{len(changes) - 1}" if len(changes) > 1 else ""
    room = rect.width() - small.horizontalAdvance(f"{change.name}   → {tail}") - 8
    old = fit(small, change.old, room * 0.45)
    new = fit(small, change.new, room - small.horizontalAdvance(old))
    x = ink.write(rect.left(), rect.top(), f"{change.name}  ", "text-3", "small")
    if old:
        x = ink.write(ink.strike(x, rect.top(), old), rect.top(), " → ", "text-3", "small")
    ink.write(ink.write(x, rect.top(), new, "accent", "small"), rect.top(), tail, "text-3", "small")


def _chips(ink: Ink, rect: QRectF, row: ItemRow) -> None:
    """Field names with their values on small grounds, as many as fit."""
    small, x = ink.style.metrics("small"), rect.left()
    for name, value in chips(row.item.fields):
        label = f"{name}  " if name else ""
        start = x + small.horizontalAdvance(label)
        room = min(rect.right() - start, 160.0)
        if room < min(_LEAST_CHIP, small.horizontalAdvance(value) + 10):
            break
        if label:
            ink.write(x, rect.top(), label, "text-3", "small")
        text = fit(small, value, room - 10)
        chip = QRectF(start, rect.top() - 0.5, small.horizontalAdvance(text) + 10, small.height() + 1)
        ink.painter.setPen(Qt.PenStyle.NoPen)
        ink.painter.setBrush(ink.color("control"))
        ink.painter.drawRoundedRect(chip, 4, 4)
        ink.write(start + 5, rect.top(), text, "text-2", "small")
        x = chip.right() + 4
