"""Short texts in painted rows, fast: one baseline each, no layout, and paler by the pen's alpha.

``QPainter.setOpacity`` makes text five times slower on a screen of two pixels per pixel (measured), an alpha does not.
"""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter

from ui.theme import theme


class Ink:
    """A painter with the theme's fonts and colours; ``strength`` from 0 to 1 pales everything that it writes."""

    def __init__(self, painter: QPainter, strength: float = 1.0) -> None:
        self.painter, self.style, self.strength = painter, theme.active(), strength
        self._colors: dict[str, QColor] = {}

    def color(self, role: str, alpha: float = 1.0) -> QColor:
        """A colour of the theme, paled."""
        return self.style.color(role, alpha * self.strength)

    def put(
        self,
        x: float,
        top: float,
        text: str,
        role: str = "text",
        font: str = "body",
        width: float = 0.0,
        bold: bool = False,
    ) -> None:
        """Write one line whose top is ``top``; cut to ``width`` when that is positive."""
        style = self.style
        if width > 0 and style.advance(text, font, bold) > int(width):
            text = fit(style.metrics(font, bold), text, width)
        self._draw(x, top, text, role, style.font(font, bold), style.metrics(font, bold))

    def write(
        self,
        x: float,
        top: float,
        text: str,
        role: str = "text",
        font: str = "body",
        width: float = 0.0,
        bold: bool = False,
    ) -> float:
        """As ``put``. Returns where it ends."""
        metrics = self.style.metrics(font, bold)
        if width > 0:
            text = fit(metrics, text, width)
        self._draw(x, top, text, role, self.style.font(font, bold), metrics)
        return x + metrics.horizontalAdvance(text)

    def write_left_of(self, right: float, top: float, text: str, role: str = "text-3", font: str = "small") -> float:
        """Write one line that ends at ``right``. Returns where it begins."""
        start = right - self.style.metrics(font).horizontalAdvance(text)
        self._draw(start, top, text, role, self.style.font(font), self.style.metrics(font))
        return start

    def strike(self, x: float, top: float, text: str, role: str = "text-3", font: str = "small") -> float:
        """Write a struck-through line. Returns where it ends."""
        struck = QFont(self.style.font(font))
        struck.setStrikeOut(True)
        self._draw(x, top, text, role, struck, self.style.metrics(font))
        return x + self.style.metrics(font).horizontalAdvance(text)

    def _draw(self, x: float, top: float, text: str, role: str, font: QFont, metrics: QFontMetrics) -> None:
        if role not in self._colors:
            self._colors[role] = self.color(role)
        self.painter.setFont(font)
        self.painter.setPen(self._colors[role])
        self.painter.drawText(QPointF(x, top + metrics.ascent()), text)


def fit(metrics: QFontMetrics, text: str, width: float) -> str:
    """The text, ending in an ellipsis where it is wider than ``width`` px."""
    return metrics.elidedText(text, Qt.TextElideMode.ElideRight, int(max(width, 0)))
