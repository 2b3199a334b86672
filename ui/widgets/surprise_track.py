"""How much a model expected a text: words with a ground as strong as their surprise, over a track of the figures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from ui.theme import theme
from ui.widgets.ink import Ink
from ui.widgets.painting import painting
from ui.widgets.plain import Label
from ui.widgets.token_strip import TokenStrip
from ui.widgets.units import count
from workbench.projections.surprise import Cut, SurpriseView

FULL = 10.0
"""Nats at which a word's ground is full: about that of a token drawn evenly from a vocabulary of 22,000."""
_LINES = 4  # of words that are shown before they scroll
LEGEND = "bars: surprise, line: entropy, in nats"


class SurpriseTrack(QWidget):
    """Words and figures of one text, linked: what one points at in either is marked in both and read out."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        unit = theme.active().unit
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(unit(1))
        self.head, self.read = Label(), Label()
        self.read.setProperty("part", "faint")
        for label in (self.head, self.read):
            label.setWordWrap(True)
        self.words, self.figures = TokenStrip(), Figures()
        self.words.setAccessibleName("Words by surprise")
        self._scroll = QScrollArea()
        self._scroll.setWidget(self.words)
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        for widget in (self.head, self._scroll, self.figures, self.read):
            column.addWidget(widget)
        self.words.pointed.connect(self.point)
        self.figures.pointed.connect(self.point)
        self._view: SurpriseView | None = None
        self.say("")

    def say(self, text: str, what: str = "") -> None:
        """A line in place of a track: what is missing, and what is done about it."""
        self._view = None
        self.head.setText(text)
        self.read.setText(what)
        self.read.setVisible(bool(what))
        self.read.setMinimumHeight(0)
        self._scroll.hide()
        self.figures.hide()

    def show_view(self, view: SurpriseView) -> None:
        """Show a track."""
        self._view = view
        name = f"turn {view.turn}" if not view.probe else view.probe
        events = f" · {count(len(view.cuts), 'event')}" if view.cuts else ""
        self.head.setText(f"{name} · mean {view.mean:.2f} nats{events}")
        self.words.show_tokens(view.texts, [cut.token for cut in view.cuts if cut.token])
        strength = np.clip(np.nan_to_num(view.surprise) / FULL, 0, 1)
        self.words.show_values(strength, theme.active().color("accent-fill"))
        self.figures.show_view(view)
        for widget in (self._scroll, self.figures, self.read):
            widget.show()
        self.read.setMinimumHeight(2 * self.read.fontMetrics().lineSpacing())  # so that nothing jumps while one points
        self._fit()
        self.point(-1)

    def point(self, token: int) -> None:
        """Mark a token in both and read it out; -1 for none."""
        self.words.point(token)
        self.figures.point(token)
        if self._view is not None:
            self.read.setText(told(self._view, token) if token >= 0 else LEGEND)

    def retheme(self) -> None:
        """Colours or type size have changed."""
        self.words.retheme()
        if self._view is not None:
            self.show_view(self._view)

    def _fit(self) -> None:
        pace = theme.active().metrics().height() + theme.active().unit(1)
        self._scroll.setFixedHeight(min(self.words.minimumHeight(), _LINES * pace) + 2)

    def resizeEvent(self, event: QEvent) -> None:  # type: ignore[override]  # noqa: D102
        super().resizeEvent(event)  # type: ignore[arg-type]
        if self._view is not None:
            self._fit()


def told(view: SurpriseView, token: int) -> str:
    """One token's figures as a line."""
    text = view.texts[token].strip() or view.texts[token].replace("\n", "⏎") or "?"
    value, spread = float(view.surprise[token]), float(view.entropy[token])
    if value != value:
        return f"“{text}”: nothing stands before it"
    said = f"“{text}” {value:.2f} (p {np.exp(-value):.2g}), entropy {spread:.2f}"
    said += f"; with the full cache, not under {view.policy}" if view.policy else ""
    cut = next((cut for cut in view.cuts if cut.token == token), None)
    return said + (f"; {event(cut)}" if cut is not None else "")


def event(cut: Cut) -> str:
    """What EM-LLM did there."""
    return f"EM-LLM began an event here, {cut.surprise:.2f} over {cut.limit:.2f}"


class Figures(QWidget):
    """Surprise as bars and entropy as a line over the tokens; EM-LLM's events as upright lines.

    More tokens than pixels share them: a pixel shows the largest of its tokens.

    Signals:
        pointed: the token under the mouse, -1 for none.
    """

    pointed = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._surprise = self._entropy = np.zeros(0, np.float32)
        self._cuts: tuple[int, ...] = ()
        self.top = FULL
        self.hover = -1
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Surprise and entropy by token")

    def show_view(self, view: SurpriseView) -> None:
        """Show a track."""
        self._surprise, self._entropy = np.nan_to_num(view.surprise), np.nan_to_num(view.entropy)
        self._cuts = tuple(cut.token for cut in view.cuts)
        self.top = max(FULL, float(np.ceil(max(self._surprise.max(initial=0), self._entropy.max(initial=0)))))
        self.setAccessibleDescription(
            f"mean surprise {view.mean:.2f} nats, largest {self._surprise.max(initial=0):.2f}"
        )
        self.update()

    def point(self, token: int) -> None:
        """Mark a token from outside; -1 for none."""
        if token != self.hover:
            self.hover = token
            self.update()

    def sizeHint(self) -> QSize:  # noqa: D102
        return QSize(200, theme.active().unit(18))

    def minimumSizeHint(self) -> QSize:  # noqa: D102
        return QSize(80, theme.active().unit(12))

    def _plot(self) -> QRectF:
        now = theme.active()
        left = now.metrics("small").horizontalAdvance("10") + now.unit(2)
        return QRectF(left, now.unit(1.5), max(self.width() - left - 1, 1), self.height() - now.unit(3))

    def token_at(self, x: float) -> int:
        """The token at a place, -1 outside."""
        plot, tokens = self._plot(), len(self._surprise)
        at = int((x - plot.left()) / plot.width() * tokens) if tokens else -1
        return at if x >= plot.left() and at < tokens else -1

    def paintEvent(self, _: QPaintEvent) -> None:  # noqa: D102
        tokens = len(self._surprise)
        if not tokens:
            return
        plot = self._plot()
        with painting(self) as painter:
            ink = Ink(painter)
            self._axis(ink, plot)
            edges = self._edges(plot)
            bars = np.maximum.reduceat(self._surprise, edges)
            self._bars(ink, plot, edges, bars)
            self._line(ink, plot, edges)
            painter.setPen(QPen(ink.color("text"), 1.2, Qt.PenStyle.DashLine))
            for token in self._cuts:
                x = plot.left() + plot.width() * token / tokens
                painter.drawLine(QPointF(x, 0), QPointF(x, plot.bottom()))
            if 0 <= self.hover < tokens:
                x, wide = plot.left() + plot.width() * self.hover / tokens, max(plot.width() / tokens, 2)
                painter.setPen(QPen(ink.color("accent-fill"), 1.4))
                painter.drawRect(QRectF(x, plot.top(), wide, plot.height()))

    def _edges(self, plot: QRectF) -> NDArray[np.int64]:
        """First token of each bar."""
        tokens, most = len(self._surprise), max(int(plot.width()), 1)
        return np.arange(tokens) if tokens <= most else np.arange(most) * tokens // most

    def _axis(self, ink: Ink, plot: QRectF) -> None:
        small = ink.style.metrics("small")
        for value in (0.0, self.top / 2, self.top):
            y = plot.bottom() - value / self.top * plot.height()
            ink.painter.setPen(QPen(ink.color("line"), 1))
            ink.painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))
            ink.write_left_of(plot.left() - 4, y - small.height() / 2, f"{value:.0f}")

    def _bars(self, ink: Ink, plot: QRectF, edges: NDArray[np.int64], bars: NDArray[np.float32]) -> None:
        wide, color = plot.width() / len(edges), ink.color("accent", 0.6)
        gap = 1 if wide > 4 else 0
        for number, value in enumerate(bars.tolist()):
            tall = value / self.top * plot.height()
            ink.painter.fillRect(
                QRectF(plot.left() + number * wide, plot.bottom() - tall, max(wide - gap, 0.8), tall), color
            )

    def _line(self, ink: Ink, plot: QRectF, edges: NDArray[np.int64]) -> None:
        wide, line = plot.width() / len(edges), QPolygonF()
        for number, value in enumerate(np.maximum.reduceat(self._entropy, edges).tolist()):
            line.append(QPointF(plot.left() + (number + 0.5) * wide, plot.bottom() - value / self.top * plot.height()))
        ink.painter.setBrush(Qt.BrushStyle.NoBrush)
        ink.painter.setPen(QPen(ink.color("text-2"), 1.4))
        ink.painter.drawPolyline(line)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        token = self.token_at(event.position().x())
        if token != self.hover:
            self.point(token)
            self.pointed.emit(token)

    def leaveEvent(self, event: QEvent) -> None:  # noqa: D102
        super().leaveEvent(event)
        self.point(-1)
        self.pointed.emit(-1)
