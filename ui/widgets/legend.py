"""One quiet line that says what the marks on show mean."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from ui.theme import marks, theme
from ui.theme.marks import Mark
from ui.widgets.painting import painting
from ui.widgets.plain import plain

FRESH, GLOW, TO_COME = "fresh", "glow", "to come"


class Legend(QWidget):
    """Marks with a word each, as many as fit; the rest is in the tooltip."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._marks: tuple[tuple[str, str], ...] = ()
        self._color = QColor()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Legend")

    def show_marks(self, pairs: Sequence[tuple[str, str]], color: QColor) -> None:
        """Show (event kind, word) pairs; ``FRESH``, ``GLOW``, ``TO_COME`` are the graph's. ``color`` is the lane's."""
        if tuple(pairs) != self._marks or color != self._color:
            self._marks, self._color = tuple(pairs), color
            words = ", ".join(word for _, word in pairs)
            self.setAccessibleDescription(words)
            self.setToolTip(plain(words))
            self.update()

    def sizeHint(self) -> QSize:  # noqa: D102
        return QSize(100, theme.active().metrics("small").height() + 6)

    def paintEvent(self, _: QPaintEvent) -> None:  # noqa: D102
        style = theme.active()
        grown = style.size / theme.NORMAL
        metrics, x, middle = style.metrics("small"), 6.0 * grown, self.height() / 2
        with painting(self) as painter:
            painter.setFont(style.font("small"))
            for kind, word in self._marks:
                wide = metrics.horizontalAdvance(word)
                if x + 12 * grown + wide > self.width():
                    break
                self._mark(painter, kind, QPointF(x, middle), grown)
                painter.setPen(style.color("text-3"))
                painter.drawText(QPointF(x + 10 * grown, middle + metrics.ascent() / 2 - 1), word)
                x += 10 * grown + wide + style.unit(5)

    def _mark(self, painter: QPainter, kind: str, center: QPointF, grown: float) -> None:
        accent = theme.active().color("accent-fill")
        if kind == FRESH:
            marks.draw(painter, Mark.WRITTEN, center, 2.4 * grown, self._color)
            painter.setPen(QPen(accent, 1.3))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawEllipse(center, 5 * grown, 5 * grown)
        elif kind == GLOW:
            marks.draw(painter, Mark.RETRIEVED, center, 3.2 * grown, accent)
        elif kind == TO_COME:
            marks.draw(painter, Mark.WRITTEN, center, 1.8 * grown, theme.active().color("text-3", 0.5))
        else:
            marks.draw(painter, marks.mark_of(kind) or Mark.WRITTEN, center, 4 * grown, self._color)
