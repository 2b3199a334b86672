"""Draws the ranked candidates of a probe."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from ui.models.hits import ROW, HitsModel, score_text
from ui.theme import theme
from ui.widgets.ink import Ink
from workbench.projections.hits import DROPPED, HitRow

_LEFT_OUT = 0.72
_SHADES = (1.0, 0.62, 0.4, 0.28)  # of the parts that add up to a score


class HitDelegate(QStyledItemDelegate):
    """Rank, score bar with its parts, item and text; the cut as a dashed line.

    Attributes:
        color: the lane's, for bars.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.color = QColor()

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:  # noqa: D102
        style = theme.active()
        return QSize(100, style.metrics().height() + style.metrics("small").height() + style.unit(3.5))

    def paint(  # noqa: D102
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        row: HitRow | None = index.data(ROW)
        rect, state = QRectF(option.rect), option.state  # type: ignore[attr-defined]
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if row is None:
            _cut(painter, rect, str(index.data()))
        else:
            if state & QStyle.StateFlag.State_Selected:
                painter.fillRect(rect, theme.active().color("accent-soft"))
            elif state & QStyle.StateFlag.State_MouseOver:
                painter.fillRect(rect, theme.active().color("raised"))
            hits = index.model()
            self._row(painter, rect, row, hits.top if isinstance(hits, HitsModel) else 1.0)
        painter.restore()

    def _row(self, painter: QPainter, rect: QRectF, row: HitRow, best: float) -> None:
        ink = Ink(painter, 1.0 if row.returned else _LEFT_OUT)
        style, body = ink.style, ink.style.metrics()
        top, lower = rect.top() + style.unit(1.5), rect.top() + style.unit(1.5) + body.height() + 1
        rank = rect.left() + style.unit(1) + style.metrics("small").horizontalAdvance("000")
        ink.write_left_of(rank, top + 1, str(row.rank))
        bar = QRectF(rank + style.unit(2), top + body.height() / 2 - 4, min(rect.width() * 0.2, 110), 8)
        self._bar(ink, bar, row, best)
        ink.write(bar.left(), lower, score_text(row.score), "text-2", "small")
        x, right = bar.right() + style.unit(3), rect.right() - style.unit(2)
        end = _facts(ink, right, top, row, x + style.metrics(bold=True).horizontalAdvance(row.item) + 8)
        ink.write(x, top, row.item, width=max(end - x - 8, 20), bold=True)
        ink.write(x, lower, " ".join(row.text[:300].split()), "text-2", "small", right - x)

    def _bar(self, ink: Ink, rect: QRectF, row: HitRow, best: float) -> None:
        """The score against the best one; stacked when its parts add up to it."""
        painter = ink.painter
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ink.color("track"))
        painter.drawRoundedRect(rect, 3, 3)
        values = [value for _, value in row.parts]
        stacked = len(values) > 1 and min(values) >= 0 and abs(sum(values) - row.score) <= 0.02 * abs(row.score)
        x, color = rect.left(), ink.color("accent-fill") if row.evidence else QColor(self.color)
        for number, value in enumerate(values if stacked else [max(row.score, 0.0)]):
            wide = min(rect.width() * value / best, rect.right() - x)
            color.setAlphaF(_SHADES[min(number, 3)] * ink.strength)
            painter.setBrush(color)
            painter.drawRoundedRect(QRectF(x, rect.top(), wide, rect.height()), 3, 3)
            x += wide


def _facts(ink: Ink, right: float, top: float, row: HitRow, after: float) -> float:
    """Evidence chip or source turn, and what became of it, from the right; where they begin.

    Where the name, which ends at ``after``, has no room else the chip leaves out its first word; its colour says it.
    """
    style = ink.style
    small, gap = style.metrics("small"), style.unit(2)
    if row.evidence:
        text = f"evidence, turn {row.evidence[0]}"
        if right - small.horizontalAdvance(text) - 12 < after:
            text = f"turn {row.evidence[0]}"
        chip = QRectF(
            right - small.horizontalAdvance(text) - 12, top, small.horizontalAdvance(text) + 12, small.height() + 2
        )
        ink.painter.setPen(Qt.PenStyle.NoPen)
        ink.painter.setBrush(style.color("accent-soft"))
        ink.painter.drawRoundedRect(chip, 4, 4)
        ink.write(chip.left() + 6, top + 1, text, "accent", "small")
        right = chip.left() - gap
    elif row.turns:
        more = f" +{len(row.turns) - 1}" if len(row.turns) > 1 else ""
        right = ink.write_left_of(right, top + 1, f"turn {row.turns[0]}{more}") - gap
    if row.fate == DROPPED:
        right = ink.write_left_of(right, top + 1, "no room", "wrong") - gap
    return right


def _cut(painter: QPainter, rect: QRectF, text: str) -> None:
    ink, middle = Ink(painter), rect.center()
    half = ink.style.metrics("small").horizontalAdvance(text) / 2
    painter.setPen(QPen(ink.color("text-3"), 1.2, Qt.PenStyle.DashLine))
    painter.drawLine(QPointF(rect.left(), middle.y()), QPointF(middle.x() - half - 8, middle.y()))
    painter.drawLine(QPointF(middle.x() + half + 8, middle.y()), QPointF(rect.right(), middle.y()))
    ink.write(middle.x() - half, middle.y() - ink.style.metrics("small").height() / 2, text, "text-2", "small")
