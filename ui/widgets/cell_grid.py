"""The cells of a cache, a square each: what became of them is a shape as well as a colour."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QHelpEvent, QImage, QMouseEvent, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from ui.theme import theme
from ui.widgets.painting import painting
from ui.widgets.plain import plain
from workbench.projections.cache_picture import Cell

WORDS = {
    Cell.HELD: "used",
    Cell.PARTLY: "used by some heads",
    Cell.SHARED: "shared with an earlier prompt",
    Cell.LATER: "answer",
    Cell.MERGED: "merged",
    Cell.GONE: "evicted",
    Cell.AHEAD: "not read yet",
    Cell.FREE: "free",
}
_LARGEST = 14


class CellGrid(QWidget):
    """Squares in reading order, as large as the room allows; where there are more cells than squares of 3 px, several
    share one, which shows how much of them is held.

    Signals:
        pointed: the square under the mouse by the number of its first entry, -1 for none. chosen: one was clicked.
    """

    pointed = Signal(int)
    chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._states = np.zeros(0, np.int8)
        self._shares = np.zeros(0, np.float32)
        self._evidence = np.zeros(0, bool)
        self._color = QColor()
        self._says: Callable[[int], str] = str
        self._image: QImage | None = None
        self.hover = self.selected = -1
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Cells of the cache")

    def show_cells(
        self,
        states: NDArray[np.int8],
        shares: NDArray[np.float32],
        evidence: NDArray[np.bool_],
        says: Callable[[int], str],
        color: QColor,
    ) -> None:
        """States (``Cell``), share of the heads that hold each, whether it holds evidence, what an entry says."""
        self._states, self._shares, self._evidence, self._says, self._color = states, shares, evidence, says, color
        self._image = None
        counts = {WORDS[Cell(int(s))]: int(n) for s, n in zip(*np.unique(states, return_counts=True), strict=True)}
        self.setAccessibleDescription(", ".join(f"{n} {word}" for word, n in counts.items()))
        self.update()

    def select(self, entry: int) -> None:
        """Outline an entry; -1 for none."""
        if entry != self.selected:
            self.selected = entry
            self.update()

    def sizeHint(self) -> QSize:  # noqa: D102
        return QSize(320, 120)

    def minimumSizeHint(self) -> QSize:  # noqa: D102
        return QSize(120, 40)

    def _shape(self) -> tuple[int, int, int]:
        """Side of a square, squares in a row, entries in a square."""
        count, width, height = max(len(self._states), 1), max(self.width(), 20), max(self.height(), 20)
        for side in range(_LARGEST, 2, -1):
            if (width // side) * (height // side) >= count:
                return side, width // side, 1
        squares = (width // 3) * (height // 3)
        return 3, width // 3, -(-count // max(squares, 1))

    def entry_at(self, where: QPointF) -> int:
        """The first entry of the square under a point, -1 for none."""
        side, wide, each = self._shape()
        row, column = int(where.y() // side), int(where.x() // side)
        number = (row * wide + column) * each
        return number if 0 <= column < wide and row >= 0 and number < len(self._states) else -1

    def rect_of(self, entry: int) -> QRectF:
        """Where an entry is painted."""
        side, wide, each = self._shape()
        row, column = divmod(entry // each, wide)
        return QRectF(column * side, row * side, side, side)

    def _picture(self) -> QImage:
        side, wide, each = self._shape()
        states, shares, evidence = self._states, self._shares, self._evidence
        if each > 1:
            states, shares, evidence = _pooled(states, shares, evidence, each)
        rows = -(-len(states) // wide)
        pad = rows * wide - len(states)
        squares = np.pad(states, (0, pad), constant_values=-1).reshape(rows, wide)
        strength, marked = np.pad(shares, (0, pad)).reshape(rows, wide), np.pad(evidence, (0, pad)).reshape(rows, wide)
        style = theme.active()
        ground = _rgb(style.color("surface"))
        out = np.full((rows * side, wide * side, 3), ground, np.float32)
        for state in Cell:
            where = squares == state
            if where.any():
                _stamp(out, where, strength, side, _look(state, self._color))
        _underline(out, marked & (squares >= 0), side, _rgb(style.color("accent-fill")))
        pixels = np.full((*out.shape[:2], 4), 255, np.uint8)
        pixels[..., :3] = out[..., ::-1]
        return QImage(pixels.data, wide * side, rows * side, wide * side * 4, QImage.Format.Format_RGB32).copy()

    def paintEvent(self, _: QPaintEvent) -> None:  # noqa: D102
        if not len(self._states):
            return
        if self._image is None:
            self._image = self._picture()
        with painting(self) as painter:
            painter.drawImage(0, 0, self._image)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            for entry, color in ((self.selected, "accent-fill"), (self.hover, "text")):
                if 0 <= entry < len(self._states):
                    painter.setPen(QPen(theme.active().color(color), 1.4))
                    painter.drawRect(self.rect_of(entry).adjusted(-1, -1, 0, 0))

    def resizeEvent(self, event: object) -> None:  # noqa: D102
        self._image = None
        super().resizeEvent(event)  # type: ignore[arg-type]

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        entry = self.entry_at(event.position())
        if entry != self.hover:
            self.hover = entry
            self.pointed.emit(entry)
            self.update()

    def leaveEvent(self, event: QEvent) -> None:  # noqa: D102
        super().leaveEvent(event)
        self.hover = -1
        self.pointed.emit(-1)
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        entry = self.entry_at(event.position())
        if event.button() == Qt.MouseButton.LeftButton and entry >= 0:
            self.chosen.emit(entry)
        else:
            super().mousePressEvent(event)

    def event(self, event: QEvent) -> bool:  # noqa: D102
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            entry = self.entry_at(QPointF(event.pos()))
            if entry >= 0:
                QToolTip.showText(event.globalPos(), plain(self._says(entry)), self)
            else:
                QToolTip.hideText()
            return True
        return super().event(event)


class CellLegend(QWidget):
    """The states that are on show, a square and a word each, as many as fit."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._counts: tuple[tuple[Cell, int], ...] = ()
        self._color = QColor()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_states(self, states: NDArray[np.int8], color: QColor) -> None:
        """Count these."""
        found = zip(*np.unique(states, return_counts=True), strict=True)
        self._counts = tuple((Cell(int(state)), int(n)) for state, n in found)
        self._color = color
        self.setToolTip(plain(", ".join(f"{n:,} {WORDS[state]}" for state, n in self._counts)))
        self.update()

    def sizeHint(self) -> QSize:  # noqa: D102
        return QSize(100, theme.active().metrics("small").height() + 4)

    def paintEvent(self, _: QPaintEvent) -> None:  # noqa: D102
        style = theme.active()
        metrics, side, x = style.metrics("small"), 10, 0
        with painting(self) as painter:
            painter.setFont(style.font("small"))
            for state, n in self._counts:
                text = f"{n:,} {WORDS[state]}"
                wide = metrics.horizontalAdvance(text)
                if x + side + 6 + wide > self.width():
                    break
                out = np.full((side, side, 3), _rgb(style.color("surface")), np.float32)
                share = np.full((1, 1), 0.5 if state is Cell.PARTLY else 1, np.float32)
                _stamp(out, np.ones((1, 1), bool), share, side, _look(state, self._color))
                pixels = np.full((side, side, 4), 255, np.uint8)
                pixels[..., :3] = out[..., ::-1]
                image = QImage(pixels.data, side, side, side * 4, QImage.Format.Format_RGB32).copy()
                painter.drawImage(QPointF(x, (self.height() - side) / 2), image)
                painter.setPen(style.color("text-3"))
                painter.drawText(QPointF(x + side + 4, (self.height() + metrics.ascent()) / 2 - 1), text)
                x += side + 4 + wide + style.unit(3)


Look = tuple[str, tuple[float, float, float]]


def _look(state: Cell, color: QColor) -> Look:
    """Shape and colour of a state."""
    style = theme.active()
    own, faint = _rgb(color), _rgb(style.color("text-3"))
    return {
        Cell.FREE: ("ring", _rgb(style.color("track"))),
        Cell.AHEAD: ("ring", _rgb(style.color("track"))),
        Cell.HELD: ("full", own),
        Cell.PARTLY: ("share", own),
        Cell.SHARED: ("notched", own),
        Cell.MERGED: ("half", own),
        Cell.GONE: ("cross", faint),
        Cell.LATER: ("frame", own),
    }[state]


@lru_cache(maxsize=256)
def _stencil(shape: str, side: int) -> NDArray[np.float32]:
    """How much of its colour a state puts on each pixel of its square, float32 ``[side, side]``; a gap at the end."""
    inner = side - 1
    y, x = np.mgrid[0:inner, 0:inner]
    edge = (x == 0) | (y == 0) | (x == inner - 1) | (y == inner - 1)
    match shape:
        case "ring":
            part = edge * 1.0
        case "frame":
            part = np.where(edge, 1.0, 0.3)
        case "half":
            part = np.where(x <= inner - 1 - y, 1.0, 0.15)
        case "notched":
            part = np.where(x + y < max(inner // 2, 1), 0.25, 1.0)
        case "cross":
            part = np.where((x == y) | (x == inner - 1 - y), 0.75, 0.12) if inner >= 4 else np.full((inner, inner), 0.2)
        case _:
            part = np.ones((inner, inner))
    out = np.zeros((side, side), np.float32)
    out[:inner, :inner] = part
    return out


def _stamp(
    out: NDArray[np.float32], where: NDArray[np.bool_], shares: NDArray[np.float32], side: int, look: Look
) -> None:
    shape, color = look
    rows, wide = where.shape
    strength = where.astype(np.float32)
    if shape == "share":
        strength *= 0.15 + 0.85 * shares
    cover = (strength[:, None, :, None] * _stencil(shape, side)[None, :, None, :]).reshape(rows * side, wide * side)
    out += cover[..., None] * (np.asarray(color, np.float32) - out)


def _underline(
    out: NDArray[np.float32], where: NDArray[np.bool_], side: int, color: tuple[float, float, float]
) -> None:
    """The evidence: a line below its squares."""
    rows, wide = where.shape
    line = np.zeros((rows, side, wide, side), bool)
    thick = 2 if side >= 7 else 1
    line[:, side - thick :, :, :] = where[:, None, :, None]
    out[line.reshape(rows * side, wide * side)] = color


def _pooled(
    states: NDArray[np.int8], shares: NDArray[np.float32], evidence: NDArray[np.bool_], each: int
) -> tuple[NDArray[np.int8], NDArray[np.float32], NDArray[np.bool_]]:
    """Squares of several entries: of one state where all are alike, else held in part."""
    starts = np.arange(0, len(states), each)
    low, high = np.minimum.reduceat(states, starts), np.maximum.reduceat(states, starts)
    sizes = np.diff(np.append(starts, len(states)))
    alike = np.where(low == high, low, np.int8(Cell.PARTLY)).astype(np.int8)
    return alike, (np.add.reduceat(shares, starts) / sizes).astype(np.float32), np.logical_or.reduceat(evidence, starts)


def _rgb(color: QColor) -> tuple[float, float, float]:
    return float(color.red()), float(color.green()), float(color.blue())
