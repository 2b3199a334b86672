"""The funnel as a picture: seven stations in a row, the line whole up to where the fact was lost.

Names that are wider than a station stand on two or three lines by turns, so that large type cuts none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil

from PySide6.QtCore import QPointF, QRect, QSize, Qt
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from ui.theme import marks, theme
from ui.theme.marks import Mark
from ui.theme.theme import Theme
from ui.widgets.painting import painting
from ui.widgets.zones import Zone, ZonedWidget, tip
from workbench.projections.why import BROKE, HELD, Station

_MIDDLE = int(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop)
_MOST_LINES = 3


class FunnelBar(ZonedWidget):
    """Seven stations. A click goes to what the thread says of one; left, right and Return do so by keyboard.

    Args:
        follow: called with a station that was chosen.
    """

    def __init__(self, follow: Callable[[Station], None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._follow = follow
        self._stations: tuple[Station, ...] = ()
        self._at = 0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def show_stations(self, stations: Sequence[Station]) -> None:
        """Show the way of a fact."""
        self._stations = tuple(stations)
        self._at = next((n for n, s in enumerate(stations) if s.state == BROKE), max(0, len(stations) - 1))
        said = "; ".join(f"{s.stage}: {'yes' if s.state == HELD else 'no'}" for s in stations)
        self.setAccessibleName(f"Funnel. {said}")
        self.fit()
        self.update()

    @property
    def lines(self) -> int:
        """On how many lines the names stand at this width."""
        metrics, step = theme.active().metrics("small", bold=True), self.width() / max(1, len(self._stations))
        widest = max((metrics.horizontalAdvance(s.stage) for s in self._stations), default=0) + theme.active().unit(1)
        return min(_MOST_LINES, max(1, ceil(widest / max(1.0, step))))

    def fit(self) -> None:
        """As high as the names need."""
        now = theme.active()
        self.setFixedHeight(now.unit(7) + self.lines * now.metrics("small").height())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102
        super().resizeEvent(event)
        self.fit()

    def sizeHint(self) -> QSize:  # noqa: D102
        now = theme.active()
        return QSize(now.unit(90), now.unit(7) + self.lines * now.metrics("small").height())

    def minimumSizeHint(self) -> QSize:  # noqa: D102
        return QSize(theme.active().unit(60), self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102
        if self._stations:
            with painting(self) as painter:
                self._paint(painter, theme.active())

    def _paint(self, painter: QPainter, now: Theme) -> None:
        self.zones = []
        step = self.width() / len(self._stations)
        middle, radius = now.unit(2.5), now.unit(1.5)
        points = [QPointF(step * (n + 0.5), middle) for n in range(len(self._stations))]
        for n in range(1, len(points)):
            held = self._stations[n].state == HELD
            pen = QPen(
                now.color("right" if held else "line"), 2, Qt.PenStyle.SolidLine if held else Qt.PenStyle.DotLine
            )
            painter.setPen(pen)
            gap = QPointF(radius + now.unit(0.75), 0)
            painter.drawLine(points[n - 1] + gap, points[n] - gap)
        for n, (station, point) in enumerate(zip(self._stations, points, strict=True)):
            self._station(painter, now, station, point, n)
            area = QRect(round(step * n), 0, round(step), self.height())
            self.zones.append(Zone(area, _said(station), lambda s=station: self._follow(s)))  # type: ignore[misc]
        for n, station in enumerate(self._stations if self.lines > 1 else ()):  # wider than their station
            area = self._name_rect(now, n)
            self.zones.append(Zone(area, _said(station), lambda s=station: self._follow(s)))  # type: ignore[misc]

    def _station(self, painter: QPainter, now: Theme, station: Station, point: QPointF, n: int) -> None:
        role = {HELD: "right", BROKE: "wrong"}.get(station.state, "text-3")
        if station.state == HELD:
            marks.draw(painter, Mark.RIGHT, point, now.unit(1.4), now.color(role))
        elif station.state == BROKE:
            marks.draw(painter, Mark.WRONG, point, now.unit(1.6), now.color(role))
        else:
            painter.setPen(QPen(now.color("line"), 1.5))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawEllipse(point, now.unit(1), now.unit(1))
        painter.setFont(now.font("small", bold=station.state == BROKE))
        painter.setPen(now.color(role if station.state == BROKE else "text-2" if station.state == HELD else "text-3"))
        rect = self._name_rect(now, n)
        shown = now.metrics("small", bold=True).elidedText(station.stage, Qt.TextElideMode.ElideRight, rect.width())
        painter.drawText(rect, _MIDDLE, shown)
        if self.hasFocus() and n == self._at:
            painter.setPen(QPen(now.color("accent-fill"), 1.2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            step = self.width() / len(self._stations)
            high = now.unit(5) if self.lines > 1 else self.height() - 2  # names on several lines reach beyond it
            painter.drawRoundedRect(QRect(round(step * n) + 1, 1, round(step) - 2, high), 4, 4)

    def _name_rect(self, now: Theme, n: int) -> QRect:
        """Where the name of a station stands: as wide as its line has room, inside the widget."""
        step, lines, high = self.width() / len(self._stations), self.lines, now.metrics("small").height()
        wide = min(round(step * lines), self.width())
        left = min(max(round(step * (n + 0.5) - wide / 2), 0), self.width() - wide)
        return QRect(left, round(now.unit(5.5) + n % lines * high), wide, high)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102
        moves = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        if event.key() in moves and self._stations:
            self._at = min(len(self._stations) - 1, max(0, self._at + moves[Qt.Key(event.key())]))
            self.update()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._stations:
            self._follow(self._stations[self._at])
        else:
            super().keyPressEvent(event)


def _said(station: Station) -> str:
    state = {HELD: "it held", BROKE: "it broke here"}.get(station.state, "it never came here")
    step = station.step
    return tip(f"{station.stage}: {state}", f"turn {step.turn}: {step.item}: {step.text}" if step else "")
