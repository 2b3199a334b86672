"""The funnel as a picture: seven stations in a row, the line whole up to where the fact was lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QPointF, QRect, QSize, Qt
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from ui.theme import marks, theme
from ui.theme.marks import Mark
from ui.theme.theme import Theme
from ui.widgets.painting import painting
from ui.widgets.zones import Zone, ZonedWidget, tip
from workbench.projections.why import BROKE, HELD, Station

_MIDDLE = int(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop)


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
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:  # noqa: D102
        now = theme.active()
        return QSize(now.unit(90), now.unit(7) + now.metrics("small").height())

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
        width = self.width() / len(self._stations)
        rect = QRect(round(width * n), now.unit(5.5), round(width), now.metrics("small").height())
        shown = now.metrics("small", bold=True).elidedText(station.stage, Qt.TextElideMode.ElideRight, rect.width())
        painter.drawText(rect, _MIDDLE, shown)
        if self.hasFocus() and n == self._at:
            painter.setPen(QPen(now.color("accent-fill"), 1.2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRect(rect.x() + 1, 1, rect.width() - 2, self.height() - 2), 4, 4)

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
