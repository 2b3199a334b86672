"""Every mark of the program is drawn here, so that an operation looks the same wherever it is shown.

written = filled dot, updated = ring, superseded = half, merged = two dots becoming one, deleted or evicted = cross,
linked = line, retrieved = glow; right = tick, wrong = ballot cross. Lanes have a colour and a shape.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPainterPath, QPen, QPixmap, QPolygonF, QRadialGradient

from workbench.trace.events import Kind

if TYPE_CHECKING:
    from ui.theme.theme import Theme


class Mark(StrEnum):
    """What a mark means."""

    WRITTEN = "written"
    UPDATED = "updated"
    SUPERSEDED = "superseded"
    MERGED = "merged"
    DELETED = "deleted"
    EVICTED = "evicted"
    RESTORED = "restored"
    LINKED = "linked"
    UNLINKED = "unlinked"
    RETRIEVED = "retrieved"
    DROPPED = "dropped"
    FAILED = "failed"
    FINDING = "finding"
    RIGHT = "right"
    WRONG = "wrong"


_OF_KIND = {
    Kind.WRITTEN: Mark.WRITTEN,
    Kind.UPDATED: Mark.UPDATED,
    Kind.SUPERSEDED: Mark.SUPERSEDED,
    Kind.MERGED: Mark.MERGED,
    Kind.DELETED: Mark.DELETED,
    Kind.EVICTED: Mark.EVICTED,
    Kind.RESTORED: Mark.RESTORED,
    Kind.LINKED: Mark.LINKED,
    Kind.UNLINKED: Mark.UNLINKED,
    Kind.ACCESSED: Mark.RETRIEVED,
    Kind.DROPPED: Mark.DROPPED,
    Kind.LANE_FAILED: Mark.FAILED,
}

MEANING = {
    Mark.WRITTEN: "written: a new item",
    Mark.UPDATED: "updated: an item changed",
    Mark.SUPERSEDED: "superseded: a newer item took its place",
    Mark.MERGED: "merged into another item",
    Mark.DELETED: "deleted",
    Mark.EVICTED: "evicted: pushed out to make room",
    Mark.RESTORED: "restored",
    Mark.LINKED: "linked to another item",
    Mark.UNLINKED: "link removed",
    Mark.RETRIEVED: "retrieved",
    Mark.DROPPED: "dropped: the memory wanted to store something and could not",
    Mark.FAILED: "the memory strategy failed",
    Mark.FINDING: "finding: a detector saw something go wrong in the memory",
    Mark.RIGHT: "probe answered right",
    Mark.WRONG: "probe answered wrong",
}
"""For tooltips and the legend."""


def mark_of(kind: str) -> Mark | None:
    """The mark of an event kind; None for kinds without one."""
    return _OF_KIND.get(Kind(kind)) if kind in Kind._value2member_map_ else None


def draw(painter: QPainter, mark: Mark, center: QPointF, radius: float, color: QColor) -> None:
    """Draw a mark around ``center``. ``radius`` is that of the written dot, in the painter's units."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    pen = QPen(color, max(1.2, radius * 0.42))
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    _DRAW[mark](painter, center, radius, color, pen)
    painter.restore()


def _dot(p: QPainter, c: QPointF, r: float, color: QColor, pen: QPen) -> None:
    p.setPen(Qt.PenStyle.NoPen)
    p.setBrush(color)
    p.drawEllipse(c, r, r)


def _ring(p: QPainter, c: QPointF, r: float, color: QColor, pen: QPen) -> None:
    p.setPen(pen)
    p.setBrush(Qt.BrushStyle.NoBrush)
    p.drawEllipse(c, r - pen.widthF() / 2, r - pen.widthF() / 2)


def _half(p: QPainter, c: QPointF, r: float, color: QColor, pen: QPen) -> None:
    _ring(p, c, r, color, pen)
    p.setPen(Qt.PenStyle.NoPen)
    p.setBrush(color)
    p.drawPie(QRectF(c.x() - r, c.y() - r, 2 * r, 2 * r), 90 * 16, 180 * 16)


def _merged(p: QPainter, c: QPointF, r: float, color: QColor, pen: QPen) -> None:
    _ring(p, QPointF(c.x() - r * 0.45, c.y()), r * 0.8, color, pen)
    _dot(p, QPointF(c.x() + r * 0.45, c.y()), r * 0.8, color, pen)


def _cross(p: QPainter, c: QPointF, r: float, color: QColor, pen: QPen) -> None:
    p.setPen(pen)
    a = r * 0.8
    p.drawLine(QPointF(c.x() - a, c.y() - a), QPointF(c.x() + a, c.y() + a))
    p.drawLine(QPointF(c.x() - a, c.y() + a), QPointF(c.x() + a, c.y() - a))


def _line(p: QPainter, c: QPointF, r: float, color: QColor, pen: QPen) -> None:
    p.setPen(QPen(color, max(1.0, r * 0.3)))
    p.drawLine(QPointF(c.x() - r, c.y() + r * 0.6), QPointF(c.x() + r, c.y() - r * 0.6))
    _dot(p, QPointF(c.x() - r, c.y() + r * 0.6), r * 0.38, color, pen)
    _dot(p, QPointF(c.x() + r, c.y() - r * 0.6), r * 0.38, color, pen)


def _broken_line(p: QPainter, c: QPointF, r: float, color: QColor, pen: QPen) -> None:
    thin = QPen(color, max(1.0, r * 0.3), Qt.PenStyle.DotLine)
    p.setPen(thin)
    p.drawLine(QPointF(c.x() - r, c.y() + r * 0.6), QPointF(c.x() + r, c.y() - r * 0.6))
    _dot(p, QPointF(c.x() - r, c.y() + r * 0.6), r * 0.38, color, pen)
    _dot(p, QPointF(c.x() + r, c.y() - r * 0.6), r * 0.38, color, pen)


def _glow(p: QPainter, c: QPointF, r: float, color: QColor, pen: QPen) -> None:
    halo = QRadialGradient(c, r * 2)
    strong, none = QColor(color), QColor(color)
    strong.setAlphaF(0.55)
    none.setAlphaF(0)
    halo.setColorAt(0.3, strong)
    halo.setColorAt(1, none)
    p.setPen(Qt.PenStyle.NoPen)
    p.setBrush(halo)
    p.drawEllipse(c, r * 2, r * 2)
    _dot(p, c, r * 0.6, color, pen)


def _back(p: QPainter, c: QPointF, r: float, color: QColor, pen: QPen) -> None:
    p.setPen(pen)
    p.setBrush(Qt.BrushStyle.NoBrush)
    p.drawArc(QRectF(c.x() - r, c.y() - r, 2 * r, 2 * r), 60 * 16, 270 * 16)
    _dot(p, c, r * 0.35, color, pen)


def _tick(p: QPainter, c: QPointF, r: float, color: QColor, pen: QPen) -> None:
    p.setPen(pen)
    p.setBrush(Qt.BrushStyle.NoBrush)
    points = [(-0.85, 0.05), (-0.25, 0.7), (0.9, -0.75)]
    p.drawPolyline(QPolygonF([QPointF(c.x() + x * r, c.y() + y * r) for x, y in points]))


def _slash(p: QPainter, c: QPointF, r: float, color: QColor, pen: QPen) -> None:
    _ring(p, c, r, color, pen)
    a = r * 0.7
    p.setPen(pen)
    p.drawLine(QPointF(c.x() - a, c.y() + a), QPointF(c.x() + a, c.y() - a))


def _warning(p: QPainter, c: QPointF, r: float, color: QColor, pen: QPen) -> None:
    p.setPen(pen)
    p.setBrush(Qt.BrushStyle.NoBrush)
    points = [(0, -1), (1, 0.85), (-1, 0.85)]
    p.drawPolygon(QPolygonF([QPointF(c.x() + x * r, c.y() + y * r) for x, y in points]))


def _flag(p: QPainter, c: QPointF, r: float, color: QColor, pen: QPen) -> None:
    p.setPen(QPen(color, max(1.0, r * 0.3)))
    p.drawLine(QPointF(c.x() - 0.6 * r, c.y() - r), QPointF(c.x() - 0.6 * r, c.y() + r))
    p.setPen(Qt.PenStyle.NoPen)
    p.setBrush(color)
    points = [(-0.6, -1.0), (1.0, -0.4), (-0.6, 0.2)]
    p.drawPolygon(QPolygonF([QPointF(c.x() + x * r, c.y() + y * r) for x, y in points]))


_DRAW = {
    Mark.WRITTEN: _dot,
    Mark.UPDATED: _ring,
    Mark.SUPERSEDED: _half,
    Mark.MERGED: _merged,
    Mark.DELETED: _cross,
    Mark.EVICTED: _cross,
    Mark.RESTORED: _back,
    Mark.LINKED: _line,
    Mark.UNLINKED: _broken_line,
    Mark.RETRIEVED: _glow,
    Mark.DROPPED: _slash,
    Mark.FAILED: _warning,
    Mark.FINDING: _flag,
    Mark.RIGHT: _tick,
    Mark.WRONG: _cross,
}


def draw_verdicts(
    painter: QPainter, right: int, asked: int, center: QPointF, radius: float, now: Theme, chosen: bool = False
) -> None:
    """A badge for ``asked`` probes of which ``right`` were answered right: one sign, or a pie where they differ."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(now.color("accent-fill" if chosen else "surface"), 2))
    painter.setBrush(now.color("right" if right == asked else "wrong"))
    painter.drawEllipse(center, radius + 1, radius + 1)
    if 0 < right < asked:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(now.color("right"))
        box = QRectF(center.x() - radius, center.y() - radius, 2 * radius, 2 * radius)
        painter.drawPie(box, 90 * 16, round(360 * 16 * right / asked))
    else:
        draw(painter, Mark.RIGHT if right else Mark.WRONG, center, radius * 0.55, now.color("surface"))
    painter.restore()


def draw_shape(painter: QPainter, place: int, center: QPointF, radius: float, color: QColor) -> None:
    """Draw the shape of the lane at this place of the run, filled."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(color)
    painter.drawPath(shape(place, center, radius))
    painter.restore()


_SHAPES: tuple[tuple[tuple[float, float], ...], ...] = (
    (),
    ((-0.88, -0.88), (0.88, -0.88), (0.88, 0.88), (-0.88, 0.88)),
    ((0, -1.1), (1.05, 0.8), (-1.05, 0.8)),
    ((0, -1.2), (1.1, 0), (0, 1.2), (-1.1, 0)),
    ((0, 1.1), (1.05, -0.8), (-1.05, -0.8)),
    ((0, -1.1), (1.05, -0.34), (0.65, 0.9), (-0.65, 0.9), (-1.05, -0.34)),
    ((-0.55, -1), (0.55, -1), (1.1, 0), (0.55, 1), (-0.55, 1), (-1.1, 0)),
    ((-0.35, -1), (0.35, -1), (0.35, -0.35), (1, -0.35), (1, 0.35), (0.35, 0.35), (0.35, 1), (-0.35, 1),
     (-0.35, 0.35), (-1, 0.35), (-1, -0.35), (-0.35, -0.35)),
)  # fmt: skip


def shape(place: int, center: QPointF, radius: float) -> QPainterPath:
    """Outline of a lane's shape: disc, square, triangle, diamond, triangle down, pentagon, hexagon, plus.

    From the ninth lane on the shapes are one ahead of the colours, so that no two of 64 lanes look alike.
    """
    path, points = QPainterPath(), _SHAPES[(place + place // len(_SHAPES)) % len(_SHAPES)]
    if not points:
        path.addEllipse(center, radius, radius)
        return path
    path.addPolygon(QPolygonF([QPointF(center.x() + x * radius, center.y() + y * radius) for x, y in points]))
    path.closeSubpath()
    return path


def shape_icon(place: int, color: QColor, size: int = 12) -> QIcon:
    """A lane's shape as an icon, for combo boxes and menus."""
    pixmap = QPixmap(size * 3, size * 3)
    pixmap.setDevicePixelRatio(3)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    draw_shape(painter, place, QPointF(size / 2, size / 2), size * 0.38, color)
    painter.end()
    return QIcon(pixmap)
