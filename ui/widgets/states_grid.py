"""Hidden states at writing and at recall: their cosine by layer (rows) and token of the memory (columns)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from ui.theme import theme
from ui.theme.theme import Theme
from ui.widgets import colormap
from ui.widgets.ink import Ink, fit
from ui.widgets.painting import painting
from workbench.projections.states import StatesView

LEVELS: dict[str, tuple[float, float] | None] = {"0 to 1": (0.0, 1.0), "0.5 to 1": (0.5, 1.0), "least to most": None}
"""Cosines at the two ends of the colours, by name; None takes those on show."""
WHOLE, OTHERS = "whole", "others"
_LEAST_CELL = 3.0


class StatesGrid(QWidget):
    """The cosines of one span; behind a gap, those of the mean states and of different tokens.

    Signals:
        pointed: layer and column under the mouse, -1 and -1 for none; see :meth:`told`.
    """

    pointed = Signal(int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._view: StatesView | None = None
        self._values = np.zeros((0, 0), np.float32)
        self._names: tuple[str, ...] = ()
        self._levels = next(iter(LEVELS))
        self._said = ""
        self.colors = "cividis"
        self.at = (-1, -1)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Hidden states at writing and at recall")

    def say(self, text: str) -> None:
        """A line in place of the figures."""
        self._view, self._said = None, text
        self._values = np.zeros((0, 0), np.float32)
        self.setAccessibleDescription(text)
        self.update()

    def show_view(self, view: StatesView) -> None:
        """Show a comparison."""
        self._view = view
        self._values = np.column_stack([view.cosines, view.whole, view.others])
        self._names = (*view.texts, WHOLE, OTHERS)
        last = float(view.whole[-1]) if len(view.whole) else float("nan")
        self.setAccessibleDescription(f"{view.shared} tokens in both; mean states in the last layer {last:.2f}")
        self.update()

    def choose_levels(self, name: str) -> None:
        """Which cosines the two ends of the colours stand for, one of :data:`LEVELS`."""
        self._levels = name
        self.update()

    def choose_colors(self, name: str) -> None:
        """Another colour map."""
        self.colors = name
        self.update()

    @property
    def levels(self) -> tuple[float, float]:
        """The cosines at the two ends of the colours."""
        fixed = LEVELS[self._levels]
        if fixed is not None:
            return fixed
        known = self._values[~np.isnan(self._values)]
        low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
        return (low, high) if high > low else (low - 0.5, high + 0.5)

    def told(self, layer: int, column: int) -> str:
        """A cell in words; "" outside."""
        view = self._view
        if view is None or not (0 <= layer < len(self._values) and 0 <= column < self._values.shape[1]):
            return ""
        value, tokens = float(self._values[layer, column]), len(view.texts)
        number = "–" if value != value else f"{value:.3f}"
        if column >= tokens:
            what = "the memory's mean state" if column == tokens else "different tokens, on average"
            return f"layer {layer}, {what}: cosine {number}"
        said = f"layer {layer}, “{view.texts[column].strip()}”"
        return f"{said}: cosine {number}" if value == value else f"{said}: the token did not stand where it was written"

    def sizeHint(self) -> QSize:  # noqa: D102
        return QSize(260, theme.active().unit(40))

    def minimumSizeHint(self) -> QSize:  # noqa: D102
        least = int(self._top() + max(len(self._values), 4) * _LEAST_CELL + self._foot())
        return QSize(120, min(least, theme.active().unit(40)))

    def _left(self) -> int:
        return theme.active().metrics("small").horizontalAdvance("L00") + 4

    def _top(self) -> int:
        return theme.active().unit(9)

    def _foot(self) -> int:
        return theme.active().metrics("small").height() + theme.active().unit(1)

    def _sides(self) -> tuple[float, float]:
        layers, columns = self._values.shape
        wide = (self.width() - self._left() - 2) / max(columns + 1, 1)  # the gap is a column wide
        high = (self.height() - self._top() - self._foot()) / max(layers, 1)
        return min(wide, theme.active().unit(8)), max(min(high, theme.active().unit(6)), 1.0)

    def _rect(self, row: int, column: int) -> QRectF:
        wide, high = self._sides()
        gap = wide if column >= self._values.shape[1] - 2 else 0.0
        return QRectF(self._left() + column * wide + gap, self._top() + row * high, wide, high)

    def paintEvent(self, _: QPaintEvent) -> None:  # noqa: D102
        style = theme.active()
        with painting(self) as painter:
            if self._view is None:
                painter.setFont(style.font("small"))
                painter.setPen(style.color("text-3"))
                centred = int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap)
                painter.drawText(self.rect(), centred, self._said)
                return
            low, high = self.levels
            self._names_over(painter, style)
            self._layers_beside(painter, style)
            gap = 1.0 if min(self._sides()) >= 5 else 0.0
            for row, values in enumerate(self._values.tolist()):
                for column, value in enumerate(values):
                    fill = (
                        style.color("sunken")
                        if value != value
                        else colormap.color(self.colors, (value - low) / (high - low))
                    )
                    painter.fillRect(self._rect(row, column).adjusted(0, 0, -gap, -gap), fill)
            if self.at[0] >= 0:
                painter.setPen(QPen(style.color("accent-fill"), 1.6))
                painter.drawRect(self._rect(*self.at))
            self._legend(Ink(painter), low, high)

    def _names_over(self, painter: QPainter, style: Theme) -> None:
        """Upright, read from below, where a column is wide enough; the two behind the gap always."""
        small, (wide, _) = style.metrics("small"), self._sides()
        painter.setFont(style.font("small"))
        painter.setPen(style.color("text-3"))
        every = max(1, int(np.ceil(small.height() * 0.8 / max(wide, 0.1))))
        tokens = len(self._names) - 2
        for column, name in enumerate(self._names):
            if column < tokens and (column % every or column > tokens - every / 2):
                continue
            rect = self._rect(0, column)
            painter.save()
            painter.translate(rect.center().x() + small.ascent() / 2 - 1, self._top() - 3)
            painter.rotate(-90)
            painter.drawText(QPointF(0, 0), fit(small, name.strip() or "·", self._top() - 4))
            painter.restore()

    def _layers_beside(self, painter: QPainter, style: Theme) -> None:
        small, (_, high) = style.metrics("small"), self._sides()
        right = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        for row in range(0, len(self._values), max(1, int(np.ceil(small.height() / high)))):
            painter.drawText(QRectF(0, self._top() + row * high - 10, self._left() - 4, high + 20), right, f"L{row}")

    def _legend(self, ink: Ink, low: float, high: float) -> None:
        small, unit = ink.style.metrics("small"), ink.style.unit
        top = self._top() + len(self._values) * self._sides()[1] + unit(1)
        x = ink.write(self._left(), top, f"cosine {low:.2g}", "text-3", "small") + unit(1)
        bar = QRectF(x, top + small.height() * 0.3, unit(14), small.height() * 0.5)
        ink.painter.drawImage(bar, colormap.image(np.linspace(0, 1, 128)[None], self.colors))
        ink.write(bar.right() + unit(1), top, f"{high:.2g}", "text-3", "small")

    def under(self, where: QPointF) -> tuple[int, int]:
        """Layer and column at a place, (-1, -1) for none."""
        layers, columns = self._values.shape
        wide, high = self._sides()
        row = int((where.y() - self._top()) // high)
        column = int((where.x() - self._left()) // max(wide, 0.1))
        if column == columns - 2:  # the gap
            return -1, -1
        column -= column > columns - 2
        return (row, column) if 0 <= row < layers and 0 <= column < columns else (-1, -1)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        self._point(self.under(event.position()))

    def leaveEvent(self, event: QEvent) -> None:  # noqa: D102
        super().leaveEvent(event)
        self._point((-1, -1))

    def _point(self, at: tuple[int, int]) -> None:
        if at != self.at:
            self.at = at
            self.update()
            self.pointed.emit(*at)


def rows(view: StatesView) -> list[tuple[str, int, str, float | None]]:
    """The comparison as a table: what, layer, token, cosine."""
    found: list[tuple[str, int, str, float | None]] = []
    columns: Sequence[tuple[str, str, NDArray[np.float32]]] = [
        *(("token", text, view.cosines[:, n]) for n, text in enumerate(view.texts)),
        (WHOLE, "", view.whole),
        (OTHERS, "", view.others),
    ]
    for what, text, values in columns:
        found += [(what, layer, text, None if v != v else v) for layer, v in enumerate(values.tolist())]
    return found
