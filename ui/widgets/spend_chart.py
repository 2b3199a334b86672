"""Strips of what lanes spent over the turns, one per lane, with median, 95th percentile and the cursor."""

from __future__ import annotations

from bisect import bisect_right
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap, QResizeEvent

from ui.theme import marks, theme
from ui.widgets.arrays import vector
from ui.widgets.painting import painting
from ui.widgets.units import count, ms, tokens
from ui.widgets.zones import Zone, ZonedWidget, tip
from workbench.projections.spending import CALLS, TOKENS, LaneSpent, Spending, Step, percentile

TURNS, PROBES = "turns", "probes"
_LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)


def spent(value: float, measure: str) -> str:
    """A figure with its unit."""
    if measure == CALLS:
        return count(round(value), "call")
    return tokens(round(value)) if measure == TOKENS else ms(value * 1000)


class SpendChart(ZonedWidget):
    """One strip per lane; all share their scale, so that lanes can be compared.

    Signals:
        turn_chosen: a click or a drag on a strip.
        lane_chosen: a click on a lane's name.
    """

    turn_chosen = Signal(int)
    lane_chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._view: Spending | None = None
        self._measure, self._part = TOKENS, TURNS
        self._turn, self._lane = -1, 0
        self._picture: QPixmap | None = None
        self._dragging = False
        self._sums: list[NDArray[np.float64]] = []
        self._tops: list[float] = [0.0]  # of the strips, and where the last one ends
        self.setAccessibleName("Cost over turns")

    # What the panel calls.

    def show_view(self, view: Spending, measure: str, part: str) -> None:
        """Show a measure (``calls``, ``tokens``, ``seconds``) of taking in turns, or of probes."""
        self._view, self._measure, self._part = view, measure, part
        self._sums = [self._by_turn(lane) for lane in view.lanes]
        self.setAccessibleDescription("; ".join(f"{lane.lane.name}: {self.summary(lane)}" for lane in view.lanes))
        self._tops = [0.0]
        self.setMinimumHeight(round(self._least()) + theme.active().unit(2))
        self._share_out()
        self.forget()

    def stand(self, turn: int, lane: int) -> None:
        """The cursor and the selected lane."""
        if (turn, lane) != (self._turn, self._lane):
            self._turn, self._lane = turn, lane
            self.update()

    def forget(self) -> None:
        """What was painted is out of date."""
        self._picture = None
        self.update()

    def summary(self, lane: LaneSpent) -> str:
        """All of a lane, and the middle and high of a turn or probe."""
        steps = self.steps(lane)
        values = [step.of(self._measure) for step in steps]
        one = "turn" if self._part == TURNS else "probe"
        if not values:
            return f"no {one} yet"
        if not any(values):
            return f"no model was called for a {one}"
        ends = (spent(percentile(values, share), self._measure) for share in (0.5, 0.95))
        middle, high = ends
        return f"{spent(sum(values), self._measure)} · a {one}: p50 {middle}, p95 {high}"

    def steps(self, lane: LaneSpent) -> tuple[Step, ...]:
        """The lane's turns or probes."""
        return lane.turns if self._part == TURNS else lane.probes

    def sizeHint(self) -> QSize:  # noqa: D102
        return QSize(420, max(200, self.minimumHeight()))

    # Where things are.

    def _by_turn(self, lane: LaneSpent) -> NDArray[np.float64]:
        turns = self._view.turns if self._view else 0
        sums = np.zeros(max(1, turns))
        for step in self.steps(lane):
            if 0 <= step.turn < len(sums):
                sums[step.turn] += step.of(self._measure)
        return sums

    def _head(self) -> float:
        now = theme.active()
        return now.metrics(bold=True).height() + now.metrics("small").height() + now.unit(1)

    def _least(self) -> float:
        """The height of all strips at least; a lane that spent nothing has no bars."""
        return sum(self._head() + theme.active().unit(8 if sums.any() else 2) for sums in self._sums)

    def _share_out(self) -> None:
        """Give the room that there is to the strips with bars, up to some height."""
        unit, barred = theme.active().unit, sum(bool(sums.any()) for sums in self._sums)
        more = max(0.0, min(unit(16), (self.height() - self._least()) / max(1, barred)))
        self._tops = [0.0]
        for sums in self._sums:
            self._tops.append(self._tops[-1] + self._head() + (unit(8) + more if sums.any() else unit(2)))

    def strip(self, lane: int) -> QRect:
        """Where a lane's strip is; empty for none."""
        row = next((n for n, one in enumerate(self._view.lanes) if one.lane.id == lane), -1) if self._view else -1
        return QRectF(0, self._tops[row], self.width(), self._high(row)).toRect() if row >= 0 else QRect()

    def _high(self, row: int) -> float:
        return self._tops[row + 1] - self._tops[row]

    def _plot(self, row: int) -> QRectF:
        """Where the bars of a lane are."""
        now = theme.active()
        room = self._high(row) - self._head() - now.unit(2)
        return QRectF(now.unit(2), self._tops[row] + self._head(), self.width() - now.unit(4), max(0.0, room))

    def _x(self, turn: float, plot: QRectF) -> float:
        turns = max(1, self._view.turns if self._view else 1)
        return plot.x() + (turn + 0.5) / turns * plot.width()

    def _turn_at(self, x: float) -> int:
        plot, turns = self._plot(0), max(1, self._view.turns if self._view else 1)
        return min(max(int((x - plot.x()) / max(1.0, plot.width()) * turns), 0), turns - 1)

    # Painting.

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102
        view = self._view
        if view is None:
            return
        with painting(self) as p:
            if vector(p):
                self._paint_bars(p, view)
            else:
                ratio = self.devicePixelRatioF()
                if self._picture is None or self._picture.size() != self.size() * ratio:
                    self._picture = QPixmap(self.size() * ratio)
                    self._picture.setDevicePixelRatio(ratio)
                    self._picture.fill(Qt.GlobalColor.transparent)
                    with painting(self._picture) as inner:
                        self._paint_bars(inner, view)
                p.drawPixmap(0, 0, self._picture)
            self._paint_heads(p, view)
            self._paint_cursor(p, view)

    def _paint_bars(self, p: QPainter, view: Spending) -> None:
        """Bars to one scale for all lanes; turns narrower than two pixels show their highest."""
        now = theme.active()
        top = max((float(s.max()) for s in self._sums), default=0.0) or 1.0
        for row, lane in enumerate(view.lanes):
            plot, sums = self._plot(row), self._sums[row]
            if not sums.any():
                continue
            slots = min(len(sums), max(1, int(plot.width() / 2)))
            edges = np.linspace(0, len(sums), slots + 1).astype(int)
            highest = np.maximum.reduceat(sums, edges[:-1])
            wide = plot.width() / slots
            p.setPen(QPen(now.color("line"), 1))
            p.drawLine(plot.bottomLeft(), plot.bottomRight())
            p.setPen(Qt.PenStyle.NoPen)
            p.setBrush(now.lane(lane.place))
            for slot, value in enumerate(highest.tolist()):
                if value > 0:
                    high = max(1.0, value / top * plot.height())
                    p.drawRect(QRectF(plot.x() + slot * wide, plot.bottom() - high, max(1.0, wide - 0.5), high))
            self._paint_percentiles(p, lane, plot, top)

    def _paint_percentiles(self, p: QPainter, lane: LaneSpent, plot: QRectF, top: float) -> None:
        """Median (whole) and 95th percentile (dashed) of a turn; probes share turns, so theirs are only said."""
        values = [step.of(self._measure) for step in self.steps(lane)]
        if self._part != TURNS or not values:
            return
        for share, style in ((0.5, Qt.PenStyle.SolidLine), (0.95, Qt.PenStyle.DashLine)):
            y = plot.bottom() - percentile(values, share) / top * plot.height()
            p.setPen(QPen(theme.active().color("text", 0.75), 1, style))
            p.drawLine(QPointF(plot.x(), y), QPointF(plot.right(), y))

    def _paint_heads(self, p: QPainter, view: Spending) -> None:
        now = theme.active()
        self.zones = []
        for row, lane in enumerate(view.lanes):
            top, chosen = round(self._tops[row]), lane.lane.id == self._lane
            body, small = now.metrics(bold=True), now.metrics("small")
            if chosen:
                p.setPen(Qt.PenStyle.NoPen)
                p.setBrush(now.color("raised", 0.55))
                p.drawRoundedRect(QRectF(0, top, self.width(), self._high(row) - now.unit(0.5)), 6, 6)
            line = QRect(now.unit(2), top + now.unit(0.5), self.width() - now.unit(4), body.height())
            center = QPointF(line.x() + now.unit(1), line.center().y())
            marks.draw_shape(p, lane.place, center, now.unit(1), now.lane(lane.place))
            here = self._here(row, lane)
            p.setFont(now.font("small"))
            p.setPen(now.color("text-2"))
            p.drawText(line, _RIGHT, here)
            name = line.adjusted(now.unit(4), 0, -small.horizontalAdvance(here) - now.unit(3), 0)
            p.setFont(now.font(bold=True))
            p.setPen(now.color("text"))
            p.drawText(name, _LEFT, body.elidedText(lane.lane.name, Qt.TextElideMode.ElideRight, name.width()))
            below = QRect(line.x(), line.bottom() + 1, line.width(), small.height())
            p.setFont(now.font("small"))
            p.setPen(now.color("text-3"))
            said = small.elidedText(self.summary(lane), Qt.TextElideMode.ElideRight, below.width())
            p.drawText(below, _LEFT, said)
            head = line.united(below)
            says = partial(tip, lane.lane.name, self.summary(lane))
            self.zones.append(Zone(head, says, partial(self.lane_chosen.emit, lane.lane.id)))

    def _here(self, row: int, lane: LaneSpent) -> str:
        """What was spent at the cursor."""
        sums = self._sums[row]
        if not 0 <= self._turn < len(sums) or not sums.any():
            return ""
        asked = sum(step.turn == self._turn for step in lane.probes) if self._part == PROBES else 0
        many = f" ({count(asked, 'probe')})" if asked else ""
        return f"turn {self._turn}: {spent(float(sums[self._turn]), self._measure)}{many}"

    def _paint_cursor(self, p: QPainter, view: Spending) -> None:
        now = theme.active()
        for row in range(len(view.lanes)):
            plot = self._plot(row)
            if not self._sums[row].any():
                continue
            x = self._x(self._turn, plot)
            p.fillRect(
                QRectF(round(x) - 1, plot.y() - now.unit(0.5), 2, plot.height() + now.unit(1)), now.color("accent-fill")
            )

    # Pointing.

    def lane_at(self, y: int) -> int:
        """The lane whose strip is at a height; 0 for none."""
        row = bisect_right(self._tops, y) - 1
        return self._view.lanes[row].lane.id if self._view and 0 <= row < len(self._view.lanes) else 0

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102
        super().resizeEvent(event)
        self._share_out()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        point = event.position().toPoint()
        if event.button() == Qt.MouseButton.LeftButton and self.zone_at(point) is None and self.lane_at(point.y()):
            self._dragging = True
            self.turn_chosen.emit(self._turn_at(point.x()))
            event.accept()
            return
        super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        if self._dragging:
            self.turn_chosen.emit(self._turn_at(event.position().x()))
        else:
            super().mouseMoveEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        self._dragging = False
        super().mouseReleaseEvent(event)
