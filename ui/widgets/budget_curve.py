"""What policies keep of the evidence at their budgets, and what comes of it, as curves."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from ui.theme import marks, theme
from ui.theme.theme import Theme
from ui.widgets.ink import fit
from ui.widgets.painting import painting
from ui.widgets.units import percent
from ui.widgets.zones import Zone, ZonedWidget, tip
from workbench.projections.survival import SurvivalPoint

EVIDENCE, ACCURACY, KL = "evidence kept", "accuracy", "KL to the full cache"
METRICS: dict[str, Callable[[SurvivalPoint], float | None]] = {
    EVIDENCE: lambda p: p.evidence,
    ACCURACY: lambda p: p.accuracy,
    KL: lambda p: p.kl,
}

_AXIS = ("of the cache kept", "cache kept", "kept")  # the first that there is room for


class BudgetCurve(ZonedWidget):
    """A line for each policy and way, over the share of entries that it kept; a click on a point chooses its lane.

    Signals:
        lane_chosen: the lane of a point.
    """

    lane_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._series: list[tuple[str, list[SurvivalPoint]]] = []
        self._metric, self._lane = EVIDENCE, 0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Budgets")

    def show_points(self, points: Sequence[SurvivalPoint], metric: str, lane: int) -> None:
        """Show a metric of ``METRICS``; ``lane`` is the selected one."""
        self._metric, self._lane = metric, lane
        found: dict[tuple[str, ...], list[SurvivalPoint]] = {}
        for point in points:
            if METRICS[metric](point) is not None:
                found.setdefault(point.series, []).append(point)
        memories = {key[0] for key in found}
        self._series = [
            (_name(key, len(memories) > 1, list(found)), sorted(of, key=lambda p: p.share)) for key, of in found.items()
        ]
        told = (f"{name} {', '.join(self._value(p) for p in of)}" for name, of in self._series)
        self.setAccessibleDescription(f"{metric}: {'; '.join(told)}")
        self.update()

    def sizeHint(self) -> QSize:  # noqa: D102
        return QSize(320, 160)

    def minimumSizeHint(self) -> QSize:  # noqa: D102
        return QSize(160, 56)

    def _value(self, point: SurvivalPoint) -> str:
        value = METRICS[self._metric](point)
        if value is None:
            return "–"
        return f"{value:.2g} nats" if self._metric == KL else percent(value)

    def paintEvent(self, _: QPaintEvent) -> None:  # noqa: D102
        self.zones = []
        now = theme.active()
        with painting(self) as painter:
            if not self._series:
                painter.setPen(now.color("text-3"))
                painter.drawText(
                    self.rect(), int(Qt.AlignmentFlag.AlignCenter), f"No lane has a figure for {self._metric}"
                )
                return
            self._paint(painter, now)

    def _paint(self, painter: QPainter, now: Theme) -> None:
        small = now.metrics("small")
        side = min(max(small.horizontalAdvance(name) for name, _ in self._series) + now.unit(6), self.width() * 0.42)
        left = small.horizontalAdvance("100 %") + now.unit(2)
        area = QRectF(
            left, now.unit(2), self.width() - left - side - now.unit(3), self.height() - small.height() - now.unit(5)
        )
        top = self._top()
        self._axes(painter, now, area, top)
        for place, (name, points) in enumerate(self._series):
            self._line(painter, now, area, top, place, name, points)
        self._legend(painter, now, QRectF(area.right() + now.unit(3), area.top(), side, area.height()))

    def _top(self) -> float:
        if self._metric != KL:
            return 1.0
        return max((METRICS[KL](p) or 0.0 for _, of in self._series for p in of), default=0.0) * 1.05 or 1.0

    def _axes(self, painter: QPainter, now: Theme, area: QRectF, top: float) -> None:
        small = now.metrics("small")
        painter.setFont(now.font("small"))
        for share in (0.0, 0.5, 1.0):
            y = area.bottom() - share * area.height()
            painter.setPen(QPen(now.color("line"), 1))
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            text = f"{share * top:.2g}" if self._metric == KL else percent(share)
            painter.setPen(now.color("text-3"))
            painter.drawText(QPointF(area.left() - small.horizontalAdvance(text) - now.unit(1.5), y + 4), text)
        for share in (0.0, 0.25, 0.5, 0.75, 1.0):
            text = percent(share)
            x = area.left() + share * area.width() - small.horizontalAdvance(text) / 2
            painter.drawText(QPointF(x, area.bottom() + small.height() + now.unit(0.5)), text)
        left = area.right() + now.unit(6)
        room = QRectF(left, area.bottom() + now.unit(0.5), self.width() - left, small.height())
        said = next((text for text in _AXIS if small.horizontalAdvance(text) <= room.width()), "")
        painter.drawText(room, int(Qt.AlignmentFlag.AlignLeft), said)

    def _line(
        self, painter: QPainter, now: Theme, area: QRectF, top: float, place: int, name: str, of: list[SurvivalPoint]
    ) -> None:
        color = now.lane(place)
        spots = []
        for point in of:
            value = min((METRICS[self._metric](point) or 0.0) / top, 1.0)
            spots.append(QPointF(area.left() + point.share * area.width(), area.bottom() - value * area.height()))
        painter.setPen(QPen(color, 1.6))
        for one, other in itertools.pairwise(spots):
            painter.drawLine(one, other)
        for point, spot in zip(of, spots, strict=True):
            marks.draw_shape(painter, place, spot, now.unit(1), color)
            if point.lane == self._lane:
                painter.setPen(QPen(now.color("accent-fill"), 1.6))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawEllipse(spot, now.unit(2), now.unit(2))
            around = QRect(spot.toPoint() - QPoint(8, 8), QSize(16, 16))
            self.zones.append(Zone(around, partial(self._tip, name, point), partial(self.lane_chosen.emit, point.lane)))

    def _legend(self, painter: QPainter, now: Theme, box: QRectF) -> None:
        """Names beside the area; closer where there are many, and how many more where not all fit."""
        small, names = now.metrics("small"), [name for name, _ in self._series]
        pace = min(small.height() + now.unit(1), max(box.height() / len(names), small.height() - 1))
        rows = max(int((box.height() + 1) / pace), 1)
        shown = len(names) if len(names) <= rows else rows - 1
        painter.setFont(now.font("small"))
        for place, name in enumerate([*names[:shown], *([f"{len(names) - shown} more"] if shown < len(names) else [])]):
            y = box.top() + place * pace
            if place < shown:
                spot = QPointF(box.left() + now.unit(1), y + small.height() / 2)
                marks.draw_shape(painter, place, spot, 4, now.lane(place))
            painter.setPen(now.color("text-2" if place < shown else "text-3"))
            said = fit(small, name, box.width() - now.unit(5))
            painter.drawText(QPointF(box.left() + now.unit(4), y + small.ascent()), said)
        if shown < len(names):
            last = QRectF(box.left(), box.top() + shown * pace, box.width(), small.height()).toRect()
            self.zones.append(Zone(last, lambda: tip(*names[shown:])))

    def _tip(self, name: str, point: SurvivalPoint) -> str:
        known = f"{point.with_evidence} with evidence in the context" if point.with_evidence else ""
        return tip(
            point.name,
            point.badge,
            f"{percent(point.share)} of the cache kept",
            f"evidence kept {percent(point.evidence)}" if point.evidence is not None else "",
            f"accuracy {percent(point.accuracy)} of {point.probes}",
            f"KL to the full cache {point.kl:.2g} nats" if point.kl is not None else "",
            known,
        )


def _name(key: tuple[str, ...], memories: bool, every: list[tuple[str, ...]]) -> str:
    """The policy, with what tells it from others of the same name."""
    memory, policy, way, when = key
    alike = [other for other in every if other[:2] == (memory, policy)]
    parts = [f"{memory}+{policy}" if memories else policy]
    if len({other[2] for other in alike}) > 1:
        parts.append("per head" if way == "emulated-per-head" else "uniform" if way == "evicted-uniform" else way)
    if len({other[3] for other in alike}) > 1:
        parts.append("before" if when == "before-question" else "after")
    return ", ".join(parts)
