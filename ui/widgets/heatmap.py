"""Attention as a map: answer tokens down, prompt positions across, context spans as bands below, mass on top."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QHelpEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from ui.theme import theme
from ui.theme.theme import Theme
from ui.widgets import colormap
from ui.widgets.arrays import draw_lines, vector
from ui.widgets.bands import BandMarks, band_height, paint_bands
from ui.widgets.painting import painting
from ui.widgets.plain import plain
from ui.widgets.span_bar import span_tip
from workbench.projections.attention import AttentionPicture, binned, column_mass, percent, ticks


@dataclass(frozen=True)
class _Places:
    """Where the parts of the map lie in the widget."""

    map: QRectF
    strip: QRectF
    bands: QRectF
    row: float


class AttentionMap(QWidget):
    """Shows an ``AttentionPicture``.

    Mouse: hovering crosses row and column, a click on a row chooses its answer token, one on a band chooses it, a
    double click on a cell or band follows it; Ctrl and the wheel zoom into the positions, the wheel then moves along.
    Keys: arrows move the cross, + and - zoom, 0 shows all, Return chooses the row and follows the band.

    Signals:
        pointed: row and column under the cross, -1 for none.
        row_chosen: an answer token, -1 to let go. band_chosen, band_followed: index of a band.
        zoomed: more or less is on show; whether it is a part.
    """

    pointed = Signal(int, int)
    row_chosen = Signal(int)
    band_chosen = Signal(int)
    band_followed = Signal(int)
    zoomed = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.picture: AttentionPicture | None = None
        self._seen = (0.0, 1.0)  # part of the positions on show
        self.row, self.band = -1, -1
        self.cross = (-1, -1)
        self.colors = "cividis"
        self._image: QImage | None = None
        self._width = 0  # columns of the image
        self._edges = np.zeros((0, 2), np.int64)  # of the bands
        self._evidence = np.zeros(0, bool)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)
        self.setAccessibleName("Attention map")

    def show_picture(self, picture: AttentionPicture | None) -> None:
        """Show a capture."""
        self.picture = picture
        self._image = None
        rows, columns = picture.matrix.shape if picture else (0, 0)
        if self.cross[0] >= rows or self.cross[1] >= columns:
            self._point(-1, -1)
        self.row = self.row if self.row < rows else -1
        self.band = self.band if picture and self.band < len(picture.view.bands) else -1
        bands = picture.view.bands if picture else ()
        self._edges = np.array([band.columns for band in bands], np.int64).reshape(-1, 2)
        self._evidence = np.array([band.evidence for band in bands], bool)
        if picture:
            self.setAccessibleDescription(f"{rows} answer tokens, {columns} positions; {_told(picture)}")
        self.updateGeometry()
        self.update()

    def choose_row(self, row: int) -> None:
        """Mark an answer token; -1 for none."""
        if row != self.row:
            self.row = row
            self.update()

    def choose_band(self, band: int) -> None:
        """Mark a band; -1 for none."""
        if band != self.band:
            self.band = band
            self.update()

    def choose_colors(self, name: str) -> None:
        """Another colour map."""
        self.colors, self._image = name, None
        self.update()

    def point(self, row: int, column: int) -> None:
        """Move the cross from outside (the text below the map)."""
        self._point(row, column)

    # Geometry.

    def sizeHint(self) -> QSize:  # noqa: D102
        rows = len(self.picture.view.rows) if self.picture else 4
        style = theme.active()
        return QSize(320, int(style.unit(6) + min(max(rows, 1), 12) * style.unit(6) + self._foot()))

    def minimumSizeHint(self) -> QSize:  # noqa: D102
        return QSize(160, int(theme.active().unit(6) + self._foot() + 40))

    def _foot(self) -> float:
        return float(band_height(theme.active()))

    def _places(self) -> _Places:
        style = theme.active()
        picture = self.picture
        rows = len(picture.view.rows) if picture else 1
        small = style.metrics("small")
        widest = max((small.horizontalAdvance(_visible(t)) for t in (picture.view.rows if picture else ())), default=0)
        left = min(widest + style.unit(3), self.width() * 0.22)
        strip = QRectF(left, 0, self.width() - left, style.unit(4.5))
        top = strip.bottom() + style.unit(0.5)
        room = max(self.height() - top - self._foot(), 8.0)
        row = min(room / max(rows, 1), style.unit(6))
        area = QRectF(left, top, strip.width(), row * rows)
        return _Places(area, strip, QRectF(left, area.bottom() + style.unit(1.5), area.width(), self._foot()), row)

    @property
    def seen(self) -> tuple[int, int]:
        """Columns on show, half open."""
        columns = self.picture.matrix.shape[1] if self.picture else 0
        first = min(int(self._seen[0] * columns), max(columns - 1, 0))
        return first, max(min(round(self._seen[1] * columns), columns), first + 1 if columns else 0)

    def zoom(self, factor: float, at: float = 0.5) -> None:
        """Show so many times fewer positions, around a place from 0 to 1 of what is on show; below 1 more of them."""
        low, high = self._seen
        columns = self.picture.matrix.shape[1] if self.picture else 1
        wide = min(max((high - low) / factor, min(8 / max(columns, 1), 1.0)), 1.0)
        self._show_part(low + at * (high - low) - at * wide, wide)

    def _show_part(self, low: float, wide: float) -> None:
        low = min(max(low, 0.0), 1.0 - wide)
        if (low, low + wide) != self._seen:
            self._seen, self._image = (low, low + wide), None
            self.zoomed.emit(wide < 1)
            self.update()

    def _x(self, column: float, places: _Places) -> float:
        first, end = self.seen
        inside = min(max(column, first), end)
        return places.map.left() + (inside - first) * places.map.width() / max(end - first, 1)

    def _cell(self, where: QPointF) -> tuple[int, int]:
        """Row and column under a point; (-1, -1) outside of the map."""
        if self.picture is None:
            return -1, -1
        area = self._places().map
        rows, columns = self.picture.matrix.shape
        if not rows or not columns or not area.contains(where):
            return -1, -1
        row = int((where.y() - area.top()) / area.height() * rows)
        return min(row, rows - 1), self._column_near(where.x(), area)

    def _column_near(self, x: float, area: QRectF) -> int:
        """The column under x; where several share a pixel, the brightest, which is the one that is seen."""
        assert self.picture is not None
        first, end = self.seen
        exact = min(max(first + int((x - area.left()) / area.width() * (end - first)), first), end - 1)
        if end - first <= area.width():
            return exact
        span = int(np.ceil((end - first) / area.width()))
        low = max(exact - span, first)
        return low + int(column_mass(self.picture.values[:, low : min(exact + span + 1, end)]).argmax())

    def _row_label(self, where: QPointF) -> int:
        places = self._places()
        if self.picture is None or where.x() >= places.map.left():
            return -1
        row = int((where.y() - places.map.top()) // places.row)
        return row if 0 <= row < len(self.picture.view.rows) else -1

    def _band_under(self, where: QPointF) -> int:
        if self.picture is None or not self._places().bands.contains(where):
            return -1
        area = self._places().map
        first, end = self.seen
        return self.picture.view.band_at(first + int((where.x() - area.left()) / max(area.width(), 1) * (end - first)))

    # Painting.

    def paintEvent(self, _: QPaintEvent) -> None:  # noqa: D102
        if self.picture is None:
            return
        with painting(self) as painter:
            style, places = theme.active(), self._places()
            self._paint_map(painter, places)
            self._paint_hidden(painter, places, style)
            self._paint_strip(painter, places, style)
            self._paint_rows(painter, places, style)
            self._paint_bands(painter, places, style)
            self._paint_cross(painter, places, style)
            if self.hasFocus():
                painter.setPen(QPen(style.color("accent-fill", 0.5), 1))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRect(places.map.adjusted(-1.5, -1.5, 1, 1.5))

    def _paint_map(self, painter: QPainter, places: _Places) -> None:
        assert self.picture is not None
        wanted = int(places.map.width() * self.devicePixelRatioF())
        if self._image is None or self._width != wanted:
            self._width = wanted
            part = self.picture.values[:, slice(*self.seen)]
            shown, _ = binned(part, wanted, self.picture.choice.pool)
            self._image = colormap.image(shown, self.colors)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        painter.drawImage(places.map, self._image)

    def _paint_hidden(self, painter: QPainter, places: _Places, style: Theme) -> None:
        assert self.picture is not None
        brush = style.color("sunken")
        for first, last in _stretches(self.picture.hidden):
            rect = QRectF(
                self._x(first, places),
                places.map.top(),
                self._x(last, places) - self._x(first, places),
                places.map.height(),
            )
            painter.fillRect(rect, brush if rect.width() >= 3 else style.color("text-3", 0.35))
            if rect.width() >= 3:
                painter.setPen(QPen(style.color("line"), 1))
                painter.drawLine(rect.topLeft(), rect.bottomRight())

    def _paint_strip(self, painter: QPainter, places: _Places, style: Theme) -> None:
        """Mean over the rows, on the map's own scale: bars that stand on the map."""
        assert self.picture is not None
        mass, pool = column_mass(self.picture.values[:, slice(*self.seen)])[None], self.picture.choice.pool
        values, _ = binned(mass, int(places.strip.width()), pool)
        heights = values[0] * (places.strip.height() - 2)
        x = places.strip.left() + (np.arange(len(heights)) + 0.5) * places.strip.width() / len(heights)
        base = np.full(len(heights), places.strip.bottom())
        pen = QPen(style.color("text-3"), max(places.strip.width() / len(heights) - 0.6, 1.0))
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(pen)
        draw_lines(painter, np.stack([x, base, x, base - heights], 1))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)

    def _paint_rows(self, painter: QPainter, places: _Places, style: Theme) -> None:
        assert self.picture is not None
        small = style.metrics("small")
        rows = self.picture.view.rows
        every = max(1, int(np.ceil(small.height() / max(places.row, 1e-6))))
        painter.setFont(style.font("small"))
        for number, text in enumerate(rows):
            chosen = number in (self.row, self.cross[0])
            if number % every and not chosen:
                continue
            rect = QRectF(0, places.map.top() + number * places.row, places.map.left() - style.unit(1.5), places.row)
            painter.setPen(style.color("accent" if number == self.row else "text" if chosen else "text-2"))
            shown = small.elidedText(_visible(text), Qt.TextElideMode.ElideRight, int(rect.width()))
            painter.drawText(
                rect.adjusted(0, -8, 0, 8), int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), shown
            )
        if 0 <= self.row < len(rows):
            area = QRectF(places.map.left(), places.map.top() + self.row * places.row, places.map.width(), places.row)
            painter.setPen(QPen(style.color("accent-fill"), 1.4))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(area)

    def _paint_bands(self, painter: QPainter, places: _Places, style: Theme) -> None:
        """A line per context span, its name and share where there is room; evidence in the accent."""
        assert self.picture is not None
        picture, (first, end) = self.picture, self.seen
        shown = np.flatnonzero((self._edges[:, 1] > first) & (self._edges[:, 0] < end)).tolist()
        edges = np.clip(self._edges[shown], first, end) - first
        across = places.map.left() + edges * places.map.width() / max(end - first, 1)
        marks = BandMarks(
            across[:, 0],
            across[:, 1],
            [picture.view.bands[n].span.label for n in shown],
            picture.mass[shown],
            self._evidence[shown],
            lambda n: percent(float(picture.mass[shown[n]])),
        )
        paint_bands(painter, style, places.bands, marks, shown.index(self.band) if self.band in shown else -1)

    def _paint_cross(self, painter: QPainter, places: _Places, style: Theme) -> None:
        row, column = self.cross
        if self.picture is None or row < 0 or not self.seen[0] <= column < self.seen[1]:
            return
        x = self._x(column + 0.5, places)
        y = places.map.top() + (row + 0.5) * places.row
        for width, color in ((2.4, QColor(0, 0, 0, 110)), (1.0, QColor(255, 255, 255, 220))):
            painter.setPen(QPen(color, width))
            painter.drawLine(QPointF(x, places.strip.top()), QPointF(x, places.map.bottom()))
            painter.drawLine(QPointF(places.map.left(), y), QPointF(places.map.right(), y))

    # Mouse and keys.

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        where = event.position()
        self._point(*self._cell(where))
        hand = self._row_label(where) >= 0 or self._band_under(where) >= 0
        self.setCursor(Qt.CursorShape.PointingHandCursor if hand else Qt.CursorShape.ArrowCursor)

    def leaveEvent(self, event: QEvent) -> None:  # noqa: D102
        super().leaveEvent(event)
        self._point(-1, -1)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        if event.button() != Qt.MouseButton.LeftButton:
            super().mousePressEvent(event)
            return
        where = event.position()
        band = self._band_under(where)
        row = max(self._row_label(where), self._cell(where)[0])
        if band >= 0:
            self.band_chosen.emit(band)
        elif row >= 0:
            self.row_chosen.emit(-1 if row == self.row else row)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        band = self._band_under(event.position())
        column = self._cell(event.position())[1]
        if band < 0 and column >= 0 and self.picture is not None:
            band = self.picture.view.band_at(column)
        if band >= 0:
            self.band_followed.emit(band)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: D102
        turned = event.angleDelta().y() or event.angleDelta().x()
        area = self._places().map
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            at = (event.position().x() - area.left()) / max(area.width(), 1)
            self.zoom(1.25 ** (turned / 120), min(max(at, 0.0), 1.0))
        elif self._seen != (0.0, 1.0):
            wide = self._seen[1] - self._seen[0]
            self._show_part(self._seen[0] - turned / 120 * wide / 5, wide)
        else:
            super().wheelEvent(event)
            return
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102
        steps = {Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1), Qt.Key.Key_Up: (-1, 0), Qt.Key.Key_Down: (1, 0)}
        key = event.key()
        zooms = {"+": 1.6, "=": 1.6, "-": 1 / 1.6, "0": 0.0}
        if self.picture is not None and event.text() in zooms and event.text():
            self.zoom(zooms[event.text()] or 1e-9, self._cross_at())
            return
        if self.picture is None or event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            super().keyPressEvent(event)
        elif key in steps:
            rows, columns = self.picture.matrix.shape
            row, column = (max(c, 0) for c in self.cross)
            down, right = steps[Qt.Key(key)] if self.cross[0] >= 0 else (0, 0)
            self._point(min(max(row + down, 0), rows - 1), min(max(column + right, 0), columns - 1))
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.cross[0] >= 0:
            self.row_chosen.emit(self.cross[0])
            band = self.picture.view.band_at(self.cross[1])
            if band >= 0:
                self.band_followed.emit(band)
        elif key == Qt.Key.Key_Escape and (self.row >= 0 or self.cross[0] >= 0):
            self._point(-1, -1)
            self.row_chosen.emit(-1)
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:  # noqa: D102
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent) and self.picture is not None:
            where = QPointF(event.pos())
            band = self._band_under(where)
            if band >= 0:
                share = percent(float(self.picture.mass[band]))
                about = span_tip(self.picture.view.bands[band].span)
                QToolTip.showText(event.globalPos(), plain(f"{share} of the attention\n{about}"), self)
            elif self._places().strip.contains(where):
                QToolTip.showText(event.globalPos(), "Mean over the answer's tokens, on the scale of the map", self)
            else:
                QToolTip.hideText()
            return True
        return super().event(event)

    def _cross_at(self) -> float:
        """Where the cross stands in what is on show, from 0 to 1; the middle without one."""
        first, end = self.seen
        return (self.cross[1] - first) / max(end - first, 1) if first <= self.cross[1] < end else 0.5

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: D102
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: D102
        super().focusOutEvent(event)
        self.update()

    def _point(self, row: int, column: int) -> None:
        if (row, column) != self.cross:
            self.cross = row, column
            self.pointed.emit(row, column)
            self.update()


def _visible(text: str) -> str:
    """A token as it can be read: white space shown where it is all there is."""
    if text.strip():
        return text.strip()
    return text.replace("\n", "⏎").replace("\t", "⇥").replace(" ", "␣")


def _stretches(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Runs of True as half-open ranges."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def _told(picture: AttentionPicture) -> str:
    """The shares of the strongest spans, in order, for who does not see them."""
    strongest = sorted(np.argsort(-picture.mass, kind="stable")[:_NAMED].tolist())
    said = [f"{picture.view.bands[n].span.label} {percent(float(picture.mass[n]))}" for n in strongest]
    more = len(picture.mass) - len(strongest)
    return ", ".join([*said, *([f"{more} more spans"] if more else [])])


_NAMED = 12  # spans that a description names
_LEAST_CELL = 2.0


class HeadGrid(QWidget):
    """Every layer (rows) and head (columns) as a small square, coloured by its share on one span.

    Signals:
        chosen: positions of a layer and a head.
    """

    chosen = Signal(int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shares = np.zeros((0, 0), np.float32)
        self._layers: tuple[int, ...] = ()
        self._signed = False
        self._said = 0  # counts what is shown
        self._cells: tuple[tuple[object, ...], QPixmap] | None = None
        self.layer, self.head = -1, -1
        self.colors, self.what, self.scale = "cividis", "on the span", 1.0
        self.words: Callable[[float], str] | None = None  # says a value, in place of a share
        self.names: tuple[str, ...] = ()  # of the columns, where they are not the heads alone
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Layers and heads")

    def show_shares(
        self, shares: NDArray[np.float32], layers: tuple[int, ...], layer: int, head: int, signed: bool = False
    ) -> None:
        """``shares`` is float32 ``[layer, head]``; the chosen ones are positions, negative for mean and maximum.

        ``signed``: they are differences, from -1 to 1, NaN where there is none.
        """
        if signed != self._signed or not np.array_equal(shares, self._shares, equal_nan=True):
            self._said += 1
        self._shares, self._layers, self.layer, self.head = shares, layers, layer, head
        self._signed = signed
        known = np.nan_to_num(shares)
        if shares.size:
            best = np.unravel_index(int(np.abs(known).argmax()), shares.shape)
            self.setAccessibleDescription(
                f"most in layer {layers[best[0]]} {self.name(int(best[1]))}: {self.told(int(best[0]), int(best[1]))}"
            )
        self.updateGeometry()
        self.update()

    def name(self, column: int) -> str:
        """What stands over a column."""
        return self.names[column] if self.names else f"H{column}"

    def told(self, row: int, column: int) -> str:
        """A square in words."""
        value = float(self._shares[row, column]) * (self.scale if self._signed else 1.0)
        if self.words is not None:
            return self.words(value)
        if self._signed:
            return f"{percent(abs(value))} {'more' if value > 0 else 'less'} {self.what}"
        return f"{percent(value)} {self.what}"

    def choose_colors(self, name: str) -> None:
        """Another colour map."""
        self.colors = name
        self.update()

    def sizeHint(self) -> QSize:  # noqa: D102
        layers, heads = self._shares.shape
        wide, high = (min(theme.active().unit(5), room / max(n, 1)) for room, n in ((230, heads), (150, layers)))
        return QSize(int(self._left() + max(heads, 1) * wide) + 2, int(self._top() + max(layers, 1) * high) + 2)

    def minimumSizeHint(self) -> QSize:  # noqa: D102
        layers, heads = self._shares.shape
        least = _LEAST_CELL
        return QSize(int(self._left() + max(heads, 1) * least) + 2, int(self._top() + max(layers, 1) * least) + 2)

    def _sides(self) -> tuple[float, float]:
        """Width and height of a cell: all the room there is, neither flatter nor steeper than three to one."""
        layers, heads = self._shares.shape
        wide = max((self.width() - self._left() - 2) / max(heads, 1), _LEAST_CELL)
        high = max((self.height() - self._top() - 2) / max(layers, 1), _LEAST_CELL)
        largest = theme.active().unit(8)
        return min(wide, 3 * high, largest), min(high, 3 * wide, largest)

    def _left(self) -> int:
        return theme.active().metrics("small").horizontalAdvance("L00") + 4

    def _top(self) -> int:
        return theme.active().metrics("small").height() + 1

    def paintEvent(self, _: QPaintEvent) -> None:  # noqa: D102
        if not self._shares.size:
            return
        style, (wide, tall), (left, above) = theme.active(), self._sides(), (self._left(), self._top())
        layers, heads = self._shares.shape
        with painting(self) as painter:
            painter.setFont(style.font("small"))
            painter.setPen(style.color("text-3"))
            high = style.metrics("small").height()
            for row in range(0, layers, max(1, int(np.ceil(high / tall)))):
                rect = QRectF(0, above + row * tall - 10, left - 4, tall + 20)
                painter.drawText(
                    rect, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), f"L{self._layers[row]}"
                )
            for column in range(0, heads, max(1, int(np.ceil(26 / wide)))):
                rect = QRectF(left + column * wide - 20, 0, wide + 40, high)
                painter.drawText(rect, int(Qt.AlignmentFlag.AlignHCenter), self.name(column))
            gap = 1.0 if min(wide, tall) >= 5 else 0.0
            self._paint_cells(painter, gap)
            self._paint_choice(painter, style, gap)

    def _paint_cells(self, painter: QPainter, gap: float) -> None:
        """The squares; on a screen from a picture of them, which changes with what they show alone."""
        if vector(painter):
            self._fill_cells(painter, gap)
            return
        key = (self._said, self.size(), self.devicePixelRatioF(), theme.active(), self.colors)
        if self._cells is None or self._cells[0] != key:
            ratio = self.devicePixelRatioF()
            picture = QPixmap(self.size() * ratio)
            picture.setDevicePixelRatio(ratio)
            picture.fill(Qt.GlobalColor.transparent)
            with painting(picture) as inner:
                self._fill_cells(inner, gap)
            self._cells = key, picture
        painter.drawPixmap(0, 0, self._cells[1])

    def _fill_cells(self, painter: QPainter, gap: float) -> None:
        (wide, tall), (left, above) = self._sides(), (self._left(), self._top())
        top = 1.0 if self._signed else max(float(np.nan_to_num(self._shares).max()), 1e-9)
        for row, shares in enumerate(self._shares.tolist()):
            for column, share in enumerate(shares):
                cell = QRectF(left + column * wide, above + row * tall, wide - gap, tall - gap)
                painter.fillRect(cell, self._fill(share / top))

    def _fill(self, value: float) -> QColor:
        if value != value:
            return theme.active().color("sunken")
        return colormap.signed(value) if self._signed else colormap.color(self.colors, value)

    def _paint_choice(self, painter: QPainter, style: Theme, gap: float) -> None:
        layers, heads = self._shares.shape
        rows = (self.layer, self.layer + 1) if self.layer >= 0 else (0, layers)
        columns = (self.head, self.head + 1) if self.head >= 0 else (0, heads)
        if self.layer < 0 and self.head < 0 and not self.hasFocus():
            return
        low, high = self._rect(rows[0], columns[0]), self._rect(rows[1] - 1, columns[1] - 1)
        painter.setPen(QPen(style.color("accent-fill"), 1.6))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(QRectF(low.topLeft(), high.bottomRight()).adjusted(-1, -1, 1 - gap, 1 - gap))

    def _rect(self, row: int, column: int) -> QRectF:
        wide, high = self._sides()
        return QRectF(self._left() + column * wide, self._top() + row * high, wide, high)

    def _under(self, where: QPointF) -> tuple[int, int]:
        wide, high = self._sides()
        row, column = int((where.y() - self._top()) // high), int((where.x() - self._left()) // wide)
        layers, heads = self._shares.shape
        return (row, column) if 0 <= row < layers and 0 <= column < heads else (-1, -1)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        row, column = self._under(event.position())
        if event.button() == Qt.MouseButton.LeftButton and row >= 0:
            self.chosen.emit(row, column)
        else:
            super().mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102
        steps = {Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1), Qt.Key.Key_Up: (-1, 0), Qt.Key.Key_Down: (1, 0)}
        if event.key() in steps and self._shares.size:
            down, right = steps[Qt.Key(event.key())]
            layers, heads = self._shares.shape
            row = min(max(max(self.layer, 0) + (down if self.layer >= 0 else 0), 0), layers - 1)
            column = min(max(max(self.head, 0) + (right if self.head >= 0 else 0), 0), heads - 1)
            self.chosen.emit(row, column)
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:  # noqa: D102
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            row, column = self._under(QPointF(event.pos()))
            if row >= 0:
                said = f"layer {self._layers[row]}, {self.name(column)}\n{self.told(row, column)}"
                QToolTip.showText(event.globalPos(), plain(said), self)
            return True
        return super().event(event)

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: D102
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: D102
        super().focusOutEvent(event)
        self.update()


class ColorBar(QWidget):
    """The colours with what they mean."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._ticks: tuple[tuple[float, str], ...] = ()
        self.colors = "cividis"
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Colour scale")

    def show_scale(self, picture: AttentionPicture) -> None:
        """The scale of a picture."""
        self._ticks = ticks(picture.choice.scale, picture.top, picture.matrix.shape[1])
        self.setAccessibleDescription(", ".join(text for _, text in self._ticks))
        self.update()

    def choose_colors(self, name: str) -> None:
        """Another colour map."""
        self.colors = name
        self.update()

    def sizeHint(self) -> QSize:  # noqa: D102
        return QSize(180, theme.active().metrics("small").height() + theme.active().unit(3))

    def paintEvent(self, _: QPaintEvent) -> None:  # noqa: D102
        style = theme.active()
        small = style.metrics("small")
        with painting(self) as painter:
            bar = QRect(0, 0, self.width(), style.unit(2))
            painter.drawImage(bar, colormap.image(np.linspace(0, 1, 256)[None], self.colors))
            painter.setFont(style.font("small"))
            painter.setPen(style.color("text-3"))
            taken: list[QRectF] = []
            for place, text in sorted(self._ticks, key=lambda t: -abs(t[0] - 0.5)):  # the ends matter most
                wide = small.horizontalAdvance(text)
                x = min(max(place * self.width() - wide / 2, 0), self.width() - wide)
                box = QRectF(x - 4, 0, wide + 8, 1)
                if not any(box.intersects(t) for t in taken):
                    taken.append(box)
                    painter.drawText(QPointF(x, bar.bottom() + 3 + small.ascent()), text)
