"""Text token by token, each with a ground as strong as its value: the prompt as the model weighed it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from ui.theme import theme
from ui.widgets.painting import painting


@dataclass(frozen=True)
class _Placed:
    """Where every token stands at one width: x, width and line of each, first token of each line."""

    x: NDArray[np.float64]
    width: NDArray[np.float64]
    line: NDArray[np.int64]
    firsts: list[int]


class TokenStrip(QWidget):
    """Flowing tokens. Only visible lines are painted, so that thousands of tokens cost what a screen costs.

    Signals:
        pointed: the token under the mouse, -1 for none. chosen: a token that was clicked.
    """

    pointed = Signal(int)
    chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tokens: tuple[str, ...] = ()
        self._values = np.zeros(0)
        self._gone = np.zeros(0, bool)
        self._breaks: frozenset[int] = frozenset()
        self._underlined: tuple[tuple[int, int], ...] = ()
        self._placed: _Placed | None = None
        self._color = QColor()
        self.hover = -1
        self.setMouseTracking(True)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setAccessibleName("Prompt by token")

    def show_tokens(
        self, tokens: Sequence[str], breaks: Sequence[int] = (), underlined: Sequence[tuple[int, int]] = ()
    ) -> None:
        """The text; ``breaks`` are tokens that begin a line, ``underlined`` ranges of tokens (half open)."""
        new = tuple(tokens), frozenset(breaks), tuple(underlined)
        if new != (self._tokens, self._breaks, self._underlined):
            self._tokens, self._breaks, self._underlined = new
            self._values = np.zeros(len(self._tokens))
            self._place()

    def show_values(self, values: NDArray[np.floating], color: QColor) -> None:
        """A value in [0, 1] for each token; ``color`` is the ground at 1."""
        self._values, self._color = np.asarray(values, float), color
        self.update()

    def show_gone(self, gone: NDArray[np.bool_]) -> None:
        """Tokens that are struck through, bool ``[tokens]``."""
        self._gone = gone
        self.update()

    def point(self, token: int) -> None:
        """Outline a token from outside; -1 for none."""
        if token != self.hover:
            self.hover = token
            self.update()

    def rect_of(self, token: int) -> QRect:
        """Where a token stands."""
        placed = self._placed
        if placed is None or not 0 <= token < len(self._tokens):
            return QRect()
        top = int(placed.line[token]) * self._pace()
        return QRect(int(placed.x[token]), top, int(placed.width[token]) + 1, self._pace())

    def retheme(self) -> None:
        """Type size or colours have changed."""
        self._place()

    def _pace(self) -> int:
        return theme.active().metrics().height() + theme.active().unit(1)

    def _place(self) -> None:
        self._placed = self._flow(self.width()) if self.width() > 20 else None
        lines = len(self._placed.firsts) if self._placed else 1
        self.setMinimumHeight(lines * self._pace() + 2)
        self.updateGeometry()
        self.update()

    def _flow(self, width: int) -> _Placed:
        metrics = theme.active().metrics()
        widths = {token: float(metrics.horizontalAdvance(_shown(token))) for token in set(self._tokens)}
        sizes = [widths[token] for token in self._tokens]
        space, words = float(metrics.horizontalAdvance(" ")), _words(self._tokens, sizes)
        ends = {token for token in widths if token.endswith("\n")}
        x, line, firsts = list[float](), list[int](), [0]
        at, row = 0.0, 0
        for number, (token, size, word) in enumerate(zip(self._tokens, sizes, words, strict=True)):
            over = at + size > width or (at + word > width and word <= width)
            if at > 0 and ((over and token != "\n") or number in self._breaks):  # a line's end stays on its line
                at, row = -space if token.startswith(" ") else 0.0, row + 1
                firsts.append(number)
            x.append(at)
            line.append(row)
            at = float(width) if token in ends else at + size
        return _Placed(np.array(x, float), np.array(sizes, float), np.array(line, np.int64), firsts)

    def sizeHint(self) -> QSize:  # noqa: D102
        return QSize(200, self.minimumHeight())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width() or self._placed is None:
            self._place()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102
        placed = self._placed
        if placed is None or not self._tokens:
            return
        style, pace = theme.active(), self._pace()
        first = min(max(event.rect().top() // pace, 0), len(placed.firsts) - 1)
        last = min(event.rect().bottom() // pace, len(placed.firsts) - 1)
        end = placed.firsts[last + 1] if last + 1 < len(placed.firsts) else len(self._tokens)
        ascent = style.metrics().ascent()
        with painting(self) as painter:
            painter.setFont(style.font())
            text, quiet = style.color("text"), style.color("text-2")
            for token in range(placed.firsts[first], end):
                rect = QRectF(placed.x[token], placed.line[token] * pace, placed.width[token], pace - 2)
                value = float(self._values[token]) if token < len(self._values) else 0.0
                if value > 0.02:
                    ground = QColor(self._color)
                    ground.setAlphaF(min(0.08 + 0.62 * value, 0.7))
                    painter.fillRect(rect, ground)
                painter.setPen(text if value > 0.25 else quiet)
                painter.drawText(QPointF(rect.left(), rect.top() + ascent + 1), _shown(self._tokens[token]))
                if token < len(self._gone) and self._gone[token]:
                    middle = rect.top() + ascent * 0.68
                    painter.setPen(QPen(style.color("bad"), 1.2))
                    painter.drawLine(QPointF(rect.left(), middle), QPointF(rect.right(), middle))
                if token == self.hover:
                    painter.setPen(QPen(style.color("accent-fill"), 1.4))
                    painter.drawRect(rect.adjusted(0.5, 0.5, -0.5, -0.5))
                if any(a <= token < b for a, b in self._underlined):
                    painter.fillRect(QRectF(rect.left(), rect.bottom(), rect.width(), 1.6), style.color("accent-fill"))

    def token_at(self, where: QPointF) -> int:
        """The token under a point, -1 for none."""
        placed = self._placed
        if placed is None or not self._tokens:
            return -1
        row = int(where.y() // self._pace())
        if not 0 <= row < len(placed.firsts):
            return -1
        low = placed.firsts[row]
        end = placed.firsts[row + 1] if row + 1 < len(placed.firsts) else len(self._tokens)
        token = bisect_right(placed.x[low:end].tolist(), where.x()) - 1 + low
        return token if token >= low and where.x() <= placed.x[token] + placed.width[token] else -1

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        token = self.token_at(event.position())
        if token != self.hover:
            self.point(token)
            self.pointed.emit(token)

    def leaveEvent(self, event: QEvent) -> None:  # noqa: D102
        super().leaveEvent(event)
        if self.hover >= 0:
            self.point(-1)
            self.pointed.emit(-1)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        token = self.token_at(event.position())
        if event.button() == Qt.MouseButton.LeftButton and token >= 0:
            self.chosen.emit(token)
        else:
            super().mousePressEvent(event)


def _words(tokens: Sequence[str], sizes: Sequence[float]) -> list[float]:
    """At the first token of each word its width, else 0: lines break between words, not within."""
    found = [0.0] * len(tokens)
    first, apart = 0, {token: (token[:1].isspace(), token[-1:].isspace()) for token in set(tokens)}
    after = True
    for number, (token, size) in enumerate(zip(tokens, sizes, strict=True)):
        before, behind = apart[token]
        if after or before:
            first = number
        found[first] += size
        after = behind
    return found


def _shown(token: str) -> str:
    return token.replace("\n", "⏎").replace("\t", "⇥")
