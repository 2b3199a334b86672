"""A picture of texts by where their vectors lie: items as dots, coloured by turn, a probe's query and its hits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap, QPolygonF
from PySide6.QtWidgets import QToolTip

from ui.theme import marks, theme
from ui.theme.marks import Mark
from ui.widgets import colormap
from ui.widgets.arrays import vector
from ui.widgets.painting import painting
from ui.widgets.plain import plain
from ui.widgets.zones import Zone, ZonedWidget, tip
from workbench.memory.items import DELETED, EVICTED, MERGED, SUPERSEDED
from workbench.projections.embedding import Dot, EmbeddingView, Found

_MAP = "viridis"
_SEEN = {True: (0.12, 1.0), False: (0.0, 0.85)}  # of the colour map, by dark: its ends are lost on such a ground
_ENDED = {SUPERSEDED: Mark.SUPERSEDED, MERGED: Mark.MERGED, DELETED: Mark.DELETED, EVICTED: Mark.EVICTED}
_RANKED = 10  # hits whose rank is written
_ARROWS = {
    Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, -1), Qt.Key.Key_Down: (0, 1),
}  # fmt: skip


class PlaceMap(ZonedWidget):
    """Shows an ``EmbeddingView`` at given places, which stay for a whole session.

    Mouse: pointing names an item, a click selects it, beside all items nothing. Keys: the arrows go to the next item in
    that direction, Home to the best hit, Return selects, Escape lets go.

    Signals:
        chosen: an item's id; empty for none.
    """

    chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._view: EmbeddingView | None = None
        self._places: Mapping[str, tuple[float, float]] = {}
        self._shares: Sequence[float] = ()
        self._box = (0.0, 0.0, 1.0, 1.0)
        self._lane_place, self._selected, self.at = 0, "", ""
        self._points: NDArray[np.float64] = np.zeros((0, 2))
        self._order: list[Dot] = []
        self._base: QPixmap | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(160, 140)
        self.setAccessibleName("Map of the items' vectors")

    # What the panel calls.

    def place(self, places: Mapping[str, tuple[float, float]], shares: Sequence[float]) -> None:
        """Where every text of the lane's session lies."""
        self._places, self._shares = places, shares
        spots = np.array(list(places.values()), float).reshape(-1, 2)
        low, high = (spots.min(0), spots.max(0)) if len(spots) else (np.zeros(2), np.ones(2))
        self._box = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
        self.forget()

    def show_view(self, view: EmbeddingView, lane_place: int) -> None:
        """Show the items of a turn."""
        self._view, self._lane_place = view, lane_place
        self._order = sorted((d for d in view.dots if d.key in self._places), key=lambda d: (d.active, d.turn))
        said = f"{sum(d.active for d in self._order)} items"
        hits = ", ".join(f"{h.rank} {h.item}" for h in view.hits[:_RANKED] if h.returned)
        self.setAccessibleDescription(f"{said}; query: {view.question}; hits: {hits}" if view.query else said)
        self.forget()

    def select(self, item: str) -> None:
        """Light up an item."""
        if item != self._selected:
            self._selected = item
            self.update()

    def forget(self) -> None:
        """What was painted is out of date."""
        self._base = None
        self.update()

    # Where things are.

    def _field(self) -> QRectF:
        now = theme.active()
        foot = now.metrics("small").height() + now.unit(3)
        return QRectF(self.rect()).adjusted(now.unit(5), now.unit(4), -now.unit(5), -foot - now.unit(2))

    def _spot(self, key: str) -> QPointF:
        x, y = self._places[key]
        left, low, right, high = self._box
        field = self._field()
        across, up = (x - left) / max(1e-9, right - left), (y - low) / max(1e-9, high - low)
        return QPointF(field.x() + across * field.width(), field.bottom() - up * field.height())

    # Painting.

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102
        if self._view is None:
            return
        with painting(self) as painter:
            if vector(painter):
                self._draw_dots(painter)
            else:
                ratio = self.devicePixelRatioF()
                if self._base is None or self._base.size() != self.size() * ratio:
                    self._base = QPixmap(self.size() * ratio)
                    self._base.setDevicePixelRatio(ratio)
                    self._base.fill(Qt.GlobalColor.transparent)
                    with painting(self._base) as base:
                        self._draw_dots(base)
                painter.drawPixmap(0, 0, self._base)
            self._draw_hits(painter, self._view)
            self._draw_chosen(painter)
            self._draw_foot(painter, self._view)

    def _radius(self) -> float:
        many = len(self._order)
        return theme.active().unit(1.1 if many < 150 else 0.85 if many < 800 else 0.6)

    def _draw_dots(self, p: QPainter) -> None:
        view, now, radius = self._view, theme.active(), self._radius()
        if view is None:
            return
        self.zones, spots = [], []
        evidence = set(view.holders)
        for dot in self._order:
            at = self._spot(dot.key)
            spots.append((at.x(), at.y()))
            color = _shade(dot.turn / max(1, view.turns - 1))
            if dot.active:
                p.setPen(QPen(now.color("surface"), 1))
                p.setBrush(color)
                p.drawEllipse(at, radius, radius)
            else:
                p.setOpacity(0.6)
                marks.draw(p, _ENDED.get(dot.status, Mark.DELETED), at, radius * 0.9, now.color("text-3"))
                p.setOpacity(1)
            reach = max(radius, 6.0)
            box = QRectF(at.x() - reach, at.y() - reach, 2 * reach, 2 * reach).toAlignedRect()
            held = dot.item in evidence
            if held:
                self._draw_wedge(p, at, radius)
            self.zones.append(Zone(box, partial(self._tip, dot, held), partial(self._choose, dot.item)))
        self._points = np.array(spots, float).reshape(-1, 2)

    def _draw_wedge(self, p: QPainter, at: QPointF, radius: float) -> None:
        """Over an item that holds evidence, as on the timeline."""
        now = theme.active()
        size, tip_ = now.unit(1.25), QPointF(at.x(), at.y() - radius - now.unit(1))
        p.setPen(Qt.PenStyle.NoPen)
        p.setBrush(now.color("accent"))
        p.drawPolygon(QPolygonF([tip_, tip_ + QPointF(-size, -size * 1.6), tip_ + QPointF(size, -size * 1.6)]))

    def _draw_hits(self, p: QPainter, view: EmbeddingView) -> None:
        """Rings about hits: whole for those returned, with a line from the query; dotted for those left out."""
        now, dots = theme.active(), {d.item: d for d in self._order}
        ink, reach = now.color("accent"), self._radius() + now.unit(0.75)
        query = self._spot(view.query) if view.query in self._places else None
        p.setBrush(Qt.BrushStyle.NoBrush)
        for hit in reversed(view.hits):
            dot = dots.get(hit.item)
            if dot is None:
                continue
            at = self._spot(dot.key)
            if hit.returned and query is not None:
                p.setPen(QPen(now.color("accent", 0.45), 1.2))
                p.drawLine(query, at)
            style = Qt.PenStyle.SolidLine if hit.returned else Qt.PenStyle.DotLine
            p.setPen(QPen(ink if hit.returned else now.color("text-3"), 1.8, style))
            p.drawEllipse(at, reach, reach)
        self._write_ranks(p, view, dots, reach)
        if query is not None:
            size = now.unit(1.6)
            corners = [QPointF(0, -size), QPointF(size, 0), QPointF(0, size), QPointF(-size, 0)]
            p.setPen(QPen(now.color("surface"), 1.5))
            p.setBrush(ink)
            p.drawPolygon(QPolygonF([query + corner for corner in corners]))

    def _write_ranks(self, p: QPainter, view: EmbeddingView, dots: Mapping[str, Dot], reach: float) -> None:
        now, metrics, taken = theme.active(), theme.active().metrics("small", bold=True), list[QRectF]()
        p.setFont(now.font("small", bold=True))
        p.setPen(now.color("text"))
        for hit in view.hits[:_RANKED]:
            dot = dots.get(hit.item)
            if dot is None or not hit.returned:
                continue
            at, text = self._spot(dot.key), str(hit.rank)
            box = QRectF(
                at.x() + reach, at.y() - metrics.height() / 2, metrics.horizontalAdvance(text) + 2, metrics.height()
            )
            if not any(box.intersects(other) for other in taken):
                taken.append(box)
                p.drawText(box, int(Qt.AlignmentFlag.AlignCenter), text)

    def _draw_chosen(self, p: QPainter) -> None:
        now, reach = theme.active(), self._radius() + theme.active().unit(2)
        p.setBrush(Qt.BrushStyle.NoBrush)
        for dot in self._order:
            if dot.item == self._selected:
                p.setPen(QPen(now.color("text"), 2))
                p.drawEllipse(self._spot(dot.key), reach - 2, reach - 2)
            if dot.item == self.at and self.hasFocus():
                p.setPen(QPen(now.color("accent-fill"), 2, Qt.PenStyle.DashLine))
                p.drawEllipse(self._spot(dot.key), reach + 1, reach + 1)

    def _draw_foot(self, p: QPainter, view: EmbeddingView) -> None:
        """How much of the vectors is seen across and upwards, and which colour is which turn."""
        now, metrics = theme.active(), theme.active().metrics("small")
        p.setFont(now.font("small"))
        p.setPen(now.color("text-3"))
        y, wide = self.height() - metrics.height() - now.unit(1), now.unit(20)
        ends = ("turn 0", str(view.turns - 1))
        right = self.width() - now.unit(2)
        x = right - metrics.horizontalAdvance(ends[1])
        p.drawText(QPointF(x, y + metrics.ascent()), ends[1])
        bar = QRectF(x - now.unit(1.5) - wide, y + metrics.height() / 2 - now.unit(0.75), wide, now.unit(1.5))
        for step in range(int(wide)):
            shade = _shade(step / wide)
            p.fillRect(QRectF(bar.x() + step, bar.y(), 1, bar.height()), shade)
        start = bar.x() - now.unit(1.5) - metrics.horizontalAdvance(ends[0])
        p.drawText(QPointF(start, y + metrics.ascent()), ends[0])
        said = " · ".join(
            f"{way} {share * 100:.0f} %" for way, share in zip(("across", "upwards"), self._shares, strict=False)
        )
        room = round(start - now.unit(4))
        p.drawText(
            QPointF(now.unit(2), y + metrics.ascent()), metrics.elidedText(said, Qt.TextElideMode.ElideRight, room)
        )

    # Pointing and keys.

    def _hit(self, item: str) -> Found | None:
        return next((h for h in self._view.hits if h.item == item), None) if self._view else None

    def _tip(self, dot: Dot, evidence: bool) -> str:
        hit = self._hit(dot.item)
        found = f"rank {hit.rank}, score {hit.score:.3f}, {'returned' if hit.returned else 'left out'}" if hit else ""
        ended = "" if dot.active else dot.status
        return tip(f"{dot.item} · turn {dot.turn}", ended, found, "holds the evidence" if evidence else "", dot.text)

    def _choose(self, item: str) -> None:
        self.at = item
        self.chosen.emit("" if item == self._selected else item)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        if event.button() == Qt.MouseButton.LeftButton and self.zone_at(event.position().toPoint()) is None:
            self.chosen.emit("")
        super().mousePressEvent(event)

    def event(self, event: QEvent) -> bool:  # noqa: D102
        own = (*_ARROWS, Qt.Key.Key_Home, Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride:
            event.setAccepted(not event.modifiers() and event.key() in own)
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102
        key = Qt.Key(event.key())
        if key in _ARROWS and not event.modifiers():
            self._go(*_ARROWS[key])
        elif key == Qt.Key.Key_Home and self._view is not None:
            here = {d.item for d in self._order}
            self._stand(next((h.item for h in self._view.hits if h.item in here), ""))
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.at:
            self._choose(self.at)
        else:
            super().keyPressEvent(event)

    def _go(self, right: int, down: int) -> None:
        """To the nearest item that lies more in this direction than beside it."""
        names = [d.item for d in self._order]
        if not names or not len(self._points):
            return
        start = self.at or self._selected
        if start not in names:
            self._stand(names[-1])
            return
        away = self._points - self._points[names.index(start)]
        along = away @ np.array((right, down), float)
        beside = np.abs(away @ np.array((down, right), float))
        cost = np.where(along > 0.5, along + 2.5 * beside, np.inf)
        if np.isfinite(cost).any():
            self._stand(names[int(cost.argmin())])

    def _stand(self, item: str) -> None:
        self.at = item
        place = next((n for n, d in enumerate(self._order) if d.item == item), None)
        self.update()
        if place is None:
            return
        zone = self.zones[place]
        self.setAccessibleDescription(zone.tip)
        QToolTip.showText(self.mapToGlobal(zone.rect.bottomLeft()), plain(zone.tip), self, QRect(zone.rect))

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: D102
        super().focusOutEvent(event)
        self.update()


def _shade(share: float) -> QColor:
    """The colour of a turn, from the first (0) to the last (1) of the session."""
    first, last = _SEEN[theme.active().dark]
    return colormap.color(_MAP, first + (last - first) * share)
