"""Which tokens were held after each compression: positions across, compressions down, context spans below."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from ui.theme import theme
from ui.widgets.bands import BandMarks, band_height, paint_bands
from ui.widgets.painting import painting
from workbench.projections.attention import binned


class EvictionMap(QWidget):
    """Shows shares from 0 to 1, or differences from -1 to 1.

    Signals:
        step_chosen: a compression was clicked or reached by the arrow keys. token_chosen: a position was clicked.
        token_pointed: the position under the mouse, -1 for none.
        band_chosen, band_followed: a span was clicked, or clicked twice.
    """

    step_chosen = Signal(int)
    token_chosen = Signal(int)
    token_pointed = Signal(int)
    band_chosen = Signal(int)
    band_followed = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._values = np.zeros((0, 0), np.float32)
        self._ahead = np.zeros((0, 0), bool)
        self._signed = False
        self._spans: tuple[tuple[int, int, str, str, float, bool], ...] = ()
        self._color = QColor()
        self._image: QImage | None = None
        self.step, self.band, self.token = 0, -1, -1
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Tokens held after each compression")

    def show_shares(
        self,
        values: NDArray[np.float32],
        ahead: NDArray[np.bool_],
        spans: tuple[tuple[int, int, str, str, float, bool], ...],
        color: QColor,
        signed: bool = False,
    ) -> None:
        """Show them.

        Args:
            values: float32 ``[compressions, tokens]``; ``ahead``: tokens that had not been read by then.
            spans: from token, to token, name, figure, weight, whether it is evidence.
            signed: values are differences.
        """
        self._values, self._ahead, self._spans, self._color, self._signed = values, ahead, spans, color, signed
        self._image = None
        self.band = self.band if self.band < len(spans) else -1
        self.setAccessibleDescription(", ".join(f"{s[2]} {s[3]}" for s in spans))
        self.updateGeometry()
        self.update()

    def choose(self, step: int, band: int, token: int) -> None:
        """Mark a compression, a span and a token; -1 for none."""
        if (step, band, token) != (self.step, self.band, self.token):
            self.step, self.band, self.token = step, band, token
            self.update()

    def _rows(self) -> float:
        """Height of the picture: a row for each compression, within bounds."""
        style = theme.active()
        return float(min(max(len(self._values) * 3, style.unit(5)), style.unit(18)))

    def sizeHint(self) -> QSize:  # noqa: D102
        return QSize(320, int(self._rows() + theme.active().unit(1.5) + band_height(theme.active())))

    def minimumSizeHint(self) -> QSize:  # noqa: D102
        return QSize(160, self.sizeHint().height())

    def _area(self) -> QRectF:
        return QRectF(0, 0, self.width(), self._rows())

    def _x(self, token: float) -> float:
        return token * self.width() / max(self._values.shape[1], 1)

    def token_at(self, where: QPointF) -> int:
        """The position under a point, -1 for none."""
        count = self._values.shape[1]
        if not count or not 0 <= where.x() < self.width():
            return -1
        return min(int(where.x() / self.width() * count), count - 1)

    def _step_at(self, where: QPointF) -> int:
        return min(max(int(where.y() / self._rows() * len(self._values)), 0), len(self._values) - 1)

    def _band_at(self, where: QPointF) -> int:
        token = self.token_at(where)
        return next((n for n, s in enumerate(self._spans) if s[0] <= token < s[1]), -1)

    def _picture(self) -> QImage:
        wide, high = max(int(self.width() * self.devicePixelRatioF()), 1), max(int(self._rows()), 1)
        shown = np.where(self._ahead, 0, self._values).astype(np.float32)
        values, _ = binned(_rows_of(shown, high), wide, "mean")
        ahead, _ = binned(_rows_of(self._ahead.astype(np.float32), high), wide, "mean")
        style = theme.active()
        ground = np.array(_rgb(style.color("track")), np.float32)
        if self._signed:
            one, two = (np.array(_rgb(style.color(role)), np.float32) for role in ("right", "wrong"))
            color = np.where(values[..., None] >= 0, one, two)
            out = (ground + np.abs(values)[..., None] * (color - ground)).astype(np.float32)
        else:
            own = np.array(_rgb(self._color), np.float32)
            out = (ground + values[..., None] * (own - ground)).astype(np.float32)
        out += ahead[..., None] * (np.array(_rgb(style.color("surface")), np.float32) - out)
        pixels = np.full((*out.shape[:2], 4), 255, np.uint8)
        pixels[..., :3] = np.clip(out, 0, 255)[..., ::-1]
        rows, columns = out.shape[:2]
        return QImage(pixels.data, columns, rows, columns * 4, QImage.Format.Format_RGB32).copy()

    def paintEvent(self, _: QPaintEvent) -> None:  # noqa: D102
        if not self._values.size:
            return
        if self._image is None:
            self._image = self._picture()
        style, area = theme.active(), self._area()
        with painting(self) as painter:
            painter.drawImage(area, self._image)
            if len(self._values) > 1:
                y = (self.step + 0.5) / len(self._values) * area.height()
                for wide, color in ((3.0, style.color("surface", 0.8)), (1.2, style.color("text"))):
                    painter.setPen(QPen(color, wide))
                    painter.drawLine(QPointF(0, y), QPointF(self.width(), y))
            if self.token >= 0:
                x = self._x(self.token + 0.5)
                painter.setPen(QPen(style.color("text"), 1))
                painter.drawLine(QPointF(x, 0), QPointF(x, area.height()))
            below = QRectF(0, area.bottom() + style.unit(1.5), self.width(), band_height(style))
            marks = self._marks()
            paint_bands(painter, style, below, marks, self.band)
            if self.hasFocus():
                painter.setPen(QPen(style.color("accent-fill", 0.5), 1))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRect(area.adjusted(0, 0, -1, 0))

    def _marks(self) -> BandMarks:
        spans = self._spans
        across = np.array([span[:2] for span in spans], float).reshape(-1, 2) * self._x(1.0)
        weights, evidence = np.array([span[4] for span in spans], float), np.array([span[5] for span in spans], bool)
        return BandMarks(across[:, 0], across[:, 1], [s[2] for s in spans], weights, evidence, lambda n: spans[n][3])

    def resizeEvent(self, event: object) -> None:  # noqa: D102
        self._image = None
        super().resizeEvent(event)  # type: ignore[arg-type]

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        self.token_pointed.emit(self.token_at(event.position()))

    def leaveEvent(self, event: object) -> None:  # noqa: D102
        super().leaveEvent(event)  # type: ignore[arg-type]
        self.token_pointed.emit(-1)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        if event.button() != Qt.MouseButton.LeftButton or not self._values.size:
            super().mousePressEvent(event)
            return
        where = event.position()
        if where.y() <= self._rows():
            self.step_chosen.emit(self._step_at(where))
            self.token_chosen.emit(self.token_at(where))
        elif self._band_at(where) >= 0:
            self.band_chosen.emit(self._band_at(where))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        if self._band_at(event.position()) >= 0:
            self.band_followed.emit(self._band_at(event.position()))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102
        steps = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}
        across = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        if event.key() in steps and len(self._values):
            step = self.step + steps[Qt.Key(event.key())]
            self.step_chosen.emit(min(max(step, 0), len(self._values) - 1))
        elif event.key() in across and self._spans:
            self.band_chosen.emit(min(max(self.band + across[Qt.Key(event.key())], 0), len(self._spans) - 1))
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.band >= 0:
            self.band_followed.emit(self.band)
        else:
            super().keyPressEvent(event)


def _rows_of(values: NDArray[np.float32], most: int) -> NDArray[np.float32]:
    """At most so many rows: the last of those that share one."""
    count = len(values)
    return values if count <= most else values[((np.arange(most) + 1) * count) // most - 1]


def _rgb(color: QColor) -> tuple[float, float, float]:
    return float(color.red()), float(color.green()), float(color.blue())
