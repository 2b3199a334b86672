"""Which memories lost what: every span of a context with what its policy threw away, and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from ui.theme import marks, theme
from ui.theme.marks import Mark
from ui.theme.theme import Theme
from ui.widgets.ink import Ink
from ui.widgets.painting import painting
from ui.widgets.span_bar import span_tip
from ui.widgets.zones import Zone, ZonedWidget, tip
from workbench.projections.hits import ContextSpan

_STRIP = 24  # steps of the grid


@dataclass(frozen=True, slots=True, eq=False)
class LossRow:
    """A span and what to say of it.

    Attributes:
        band: its index in prompt order.
        held: share of each of its tokens that is held, float32 ``[tokens]``.
        kept: of all its entries; ``says`` is the line below.
    """

    band: int
    span: ContextSpan
    held: NDArray[np.float32]
    kept: float
    says: str

    @property
    def mark(self) -> Mark:
        """Kept, kept in part or evicted."""
        return Mark.WRITTEN if self.kept > 0.995 else Mark.EVICTED if self.kept < 0.005 else Mark.SUPERSEDED


class LossList(ZonedWidget):
    """Rows of two lines; a click chooses a span, a double click or Return goes where it came from.

    Signals:
        chosen, followed: a span by its index in prompt order.
    """

    chosen = Signal(int)
    followed = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[LossRow, ...] = ()
        self._color = QColor()
        self.band = -1
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        self.setAccessibleName("Memories by what they lost")

    def show_rows(self, rows: Sequence[LossRow], color: QColor) -> None:
        """Show these; ``color`` is the lane's."""
        self._rows, self._color = tuple(rows), color
        self.setAccessibleDescription("; ".join(f"{r.span.label}: {r.says}" for r in self._rows[:40]))
        self.setMinimumHeight(self._pace() * len(self._rows))
        self.updateGeometry()
        self.update()

    def choose(self, band: int) -> None:
        """Mark a span; -1 for none."""
        if band != self.band:
            self.band = band
            self.update()

    def rect_of(self, band: int) -> QRect:
        """Where the row of a span stands."""
        place = next((n for n, r in enumerate(self._rows) if r.band == band), -1)
        return QRect(0, place * self._pace(), self.width(), self._pace()) if place >= 0 else QRect()

    def _pace(self) -> int:
        now = theme.active()
        return now.metrics().height() + now.metrics("small").height() + now.unit(3)

    def sizeHint(self) -> QSize:  # noqa: D102
        return QSize(240, self._pace() * max(len(self._rows), 1))

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102
        now, pace = theme.active(), self._pace()
        self.zones = []
        first, last = event.rect().top() // pace, event.rect().bottom() // pace
        with painting(self) as painter:
            for place, row in enumerate(self._rows):
                rect = QRect(0, place * pace, self.width(), pace)
                self.zones.append(Zone(rect, partial(_tip, row), partial(self.chosen.emit, row.band)))
                if first <= place <= last:
                    self._row(painter, now, rect, row)

    def _row(self, painter: QPainter, now: Theme, rect: QRect, row: LossRow) -> None:
        if row.band == self.band:
            painter.setPen(QPen(now.color("accent-fill"), 1) if self.hasFocus() else Qt.PenStyle.NoPen)
            painter.setBrush(now.color("accent-soft"))
            painter.drawRoundedRect(QRectF(rect).adjusted(0.5, 0.5, -0.5, -1.5), 4, 4)
        top = rect.top() + now.unit(1)
        color = now.color("accent-fill") if row.span.evidence else self._color
        lost = row.kept < 0.005
        middle = QPointF(now.unit(3), top + now.metrics().height() / 2)
        marks.draw(painter, row.mark, middle, now.unit(1.1), now.color("bad") if lost else color)
        ink, left = Ink(painter), float(now.unit(6))
        strip = float(now.unit(_STRIP)) if rect.width() > now.unit(80) else 0.0
        right = rect.width() - now.unit(2) - (strip + now.unit(2) if strip else 0)
        x = ink.write(left, top, row.span.label, "text", width=right * 0.45, bold=True) + now.unit(2)
        if row.span.evidence:
            x = ink.write(x, top, "evidence", "accent", "small") + now.unit(2)
        if row.span.text and row.span.text != row.span.label and right - x > now.unit(8):
            ink.write(x, top, " ".join(row.span.text.split()), "text-3", width=right - x)
        below = top + now.metrics().height()
        ink.write(left, below, row.says, "bad" if lost else "text-2", "small", width=right - left)
        if strip:
            box = QRectF(rect.width() - now.unit(2) - strip, top + now.unit(1), strip, now.metrics().height())
            self._strip(painter, now, box, row)

    def _strip(self, painter: QPainter, now: Theme, box: QRectF, row: LossRow) -> None:
        """Its tokens in order, as far as they are held."""
        count = len(row.held)
        wide = box.width() / max(count, 1)
        painter.fillRect(box, now.color("track"))
        most = int(box.width())
        held = row.held if count <= most else row.held[(np.arange(most) * count) // most]
        wide = max(wide, 1.0)
        for number, share in enumerate(held):
            if share > 0.005:
                ground = QColor(self._color)
                ground.setAlphaF(0.2 + 0.8 * float(share))
                painter.fillRect(QRectF(box.left() + number * wide, box.top(), wide, box.height()), ground)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        place = int(event.position().y()) // self._pace()
        if 0 <= place < len(self._rows):
            self.followed.emit(self._rows[place].band)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102
        steps = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}
        place = next((n for n, r in enumerate(self._rows) if r.band == self.band), -1)
        if event.key() in steps and self._rows:
            place = min(max(place + steps[Qt.Key(event.key())], 0), len(self._rows) - 1)
            self.chosen.emit(self._rows[place].band)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and place >= 0:
            self.followed.emit(self.band)
        else:
            super().keyPressEvent(event)


def _tip(row: LossRow) -> str:
    return tip(row.says, span_tip(row.span), "Double click: go where it came from")
