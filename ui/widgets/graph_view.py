"""The picture of an item graph with time: pinned positions, nodes that only appear, fade and light up.

One widget that paints itself. Everything that changes only with the cursor or the camera is kept in one pixmap; what
follows the mouse and the selection (rings, the neighbourhood, labels, the hover card) is painted over it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEasingCurve, QEvent, QPointF, QRectF, QSizeF, Qt, QVariantAnimation, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QFontMetricsF,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QRadialGradient,
    QResizeEvent,
    QTextOption,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QStyle, QWidget

from ui.theme import marks, motion, theme
from ui.theme.marks import Mark
from ui.widgets.arrays import draw_copies, draw_lines, vector
from ui.widgets.painting import painting
from workbench.memory.items import DELETED, EVICTED, MERGED, SUPERSEDED
from workbench.projections.graph import ABSENT, STATUSES, GraphView

FORCE, THREAD = "force", "thread"

_REACH = 12  # px around a node in which the mouse means it
_RECENT = (4, 25, 100)  # turns since the last change: full colour, less, less still, least
_STRENGTH = (1.0, 0.84, 0.7, 0.58)
_ENDED = {
    SUPERSEDED: Mark.SUPERSEDED,
    MERGED: Mark.MERGED,
    DELETED: Mark.DELETED,
    EVICTED: Mark.EVICTED,
}
_STRETCH = 1.4  # the picture may be this much wider or higher than laid out, to fill the panel
_LABELS = 6  # items named for their many links
_FADE_MS = 160
_ARC_STEPS, _MOST_ARCS = 8, 1500
_EDGE_SHARE = (0.5, 0.38, 0.28)  # how far edges stand out: up to 60, up to _CROWD, more
_CROWD = 400
_SETTLED, _LOOSE = 40, 160  # turns after which an edge counts as settled; edges drawn anew for each cursor
_TO_COME = "to come"
_SPEAKER = re.compile(r"^[^\s:]{1,24}: ")


@dataclass
class _Camera:
    """World to widget: ``(world - center) * scale + middle``."""

    center: NDArray[np.float64]
    scale: NDArray[np.float64]
    own: bool = False  # the user has moved it: nothing may move it but the user


@dataclass(frozen=True)
class _Settled:
    """A picture of some edges, what it was drawn for, and which edges are in it."""

    key: tuple[object, ...]
    drawn: NDArray[np.bool_]
    pixmap: QPixmap


class GraphCanvas(QWidget):
    """Shows a ``GraphView``.

    Mouse: wheel zooms, dragging moves, a click selects (beside all nodes: nothing), a double click opens. Keys: arrows
    go to the next node in that direction, + and - zoom, F fits, Return opens, Escape selects nothing.

    Signals:
        clicked, opened: an item's id; ``clicked`` with an empty one for the background.
    """

    clicked = Signal(str)
    opened = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.view: GraphView | None = None
        self.place = 0
        self.selected = ""
        self.arrangement = FORCE
        self.within = 0
        self._camera = _Camera(np.zeros(2), np.ones(2))
        self._screen = np.zeros((0, 2))
        self._shown = np.zeros(0, bool)
        self._base: QPixmap | None = None
        self._settled: _Settled | None = None
        self._sprites: dict[tuple[object, ...], QPixmap] = {}
        self._hover = -1
        self._drag: QPointF | None = None
        self._dragged = False
        self._fade = QVariantAnimation(self)
        self._fade.setDuration(_FADE_MS)
        self._fade.setStartValue(0.0)
        self._fade.setEndValue(1.0)
        self._fade.setEasingCurve(QEasingCurve.Type.OutCubic)
        self._fade.valueChanged.connect(lambda _: self.update())
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(120, 120)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Graph of items")

    # What the panel calls.

    def show_view(self, view: GraphView | None, place: int) -> None:
        """Show a graph; ``place`` decides the lane's colour."""
        before, self.view = self.view, view
        other = view is None or before is None or place != self.place or not _continues(before, view)
        self.place = place
        if view is None:
            self._fade.stop()
        elif other:
            self._sprites.clear()
            self.fit()
        elif self._outgrown(before):
            self.fit()
        if view is not None:
            step = before is not None and not other and view.turn == before.turn + 1
            self._fade_in(step and bool(view.fresh.any()))
            self.setAccessibleDescription(f"{view.nodes} items, {view.links} links at turn {view.turn}")
        self._hover = self._hover if view is not None and self._hover < len(view.status) else -1
        self._changed()

    def select(self, item: str) -> None:
        """Highlight an item and what it is linked to."""
        if item != self.selected:
            self.selected = item
            if self.within:
                self._changed()
            self.update()

    def arrange(self, arrangement: str) -> None:
        """``FORCE``, or ``THREAD``: turns from left to right, clusters as bands."""
        if arrangement != self.arrangement:
            self.arrangement = arrangement
            self.fit()

    def limit(self, depth: int) -> None:
        """Show only what is at most so many links away from the selected item; 0 shows all."""
        if depth != self.within:
            self.within = depth
            self.fit()

    def fit(self) -> None:
        """Show everything that the run will ever hold, so that nothing moves while the cursor does."""
        self._camera = self._fitted()
        self._changed()

    def retheme(self) -> None:
        """Colours have changed."""
        self._sprites.clear()
        self._changed()

    # Geometry.

    def _world(self) -> NDArray[np.float32]:
        assert self.view is not None
        return self.view.layout.xy if self.arrangement == FORCE else self.view.layout.thread

    def _fitted(self) -> _Camera:
        if self.view is None or not len(self.view.layout.ids):
            return _Camera(np.zeros(2), np.full(2, 30.0))
        world = self._world().astype(np.float64)
        if self.within:
            near = self._near(self.within)
            world = world[near] if near.any() else world
        low, high = world.min(0), world.max(0)
        room = np.array([max(self.width() - 56, 40), max(self.height() - 56, 40)], float)
        scale = room / np.maximum(high - low, 1e-6)
        if self.arrangement == FORCE:
            scale = np.minimum(scale, min(scale.min() * _STRETCH, 64.0))
        else:
            scale = np.minimum(scale, (64.0, 40.0))
        return _Camera((low + high) / 2, scale)

    def _outgrown(self, before: GraphView | None) -> bool:
        """Whether a live run's graph now reaches beyond the picture, and the user has not chosen what to see."""
        if self._camera.own or self.view is None or before is None or self.view.layout is before.layout:
            return False
        screen = self._project()
        size = np.array([self.width(), self.height()])
        return bool((screen < 4).any() or (screen > size - 4).any())

    def _project(self) -> NDArray[np.float64]:
        middle = np.array([self.width(), self.height()]) / 2
        return (self._world() - self._camera.center) * self._camera.scale + middle

    def _near(self, depth: int) -> NDArray[np.bool_]:
        """Which nodes are at most ``depth`` links from the selected one; all when none is selected."""
        view = self.view
        assert view is not None
        there: NDArray[np.bool_] = view.status != ABSENT
        at = view.layout.place.get(self.selected, -1)
        if at < 0 or not there[at]:
            return there
        found = np.zeros(len(there), bool)
        found[at] = True
        edges = view.layout.edges[view.alive]
        for _ in range(depth):
            touched = edges[found[edges].any(1)]
            found[touched.ravel()] = True
        return found & there

    def _changed(self) -> None:
        """The base picture is out of date."""
        self._base = None
        if self.view is not None:
            self._screen = self._project()
            self._shown = self._near(self.within) if self.within else self.view.status != ABSENT
        self.update()

    def _radius(self) -> NDArray[np.float64]:
        """Radius of every node in px, in steps of half a pixel: more links, larger."""
        assert self.view is not None
        near, grown = float(self._camera.scale.min()) / 14, theme.active().size / theme.NORMAL
        radius = grown * (2.1 + 0.7 * np.sqrt(self.view.degree)) * near**0.4
        steps: NDArray[np.float64] = np.clip(np.round(radius * 2) / 2, 1.5, 13 * grown)
        return steps

    def _at(self, where: QPointF) -> int:
        """The node under a point, -1 for none."""
        if self.view is None or not self._shown.any():
            return -1
        far = np.hypot(*(self._screen - (where.x(), where.y())).T)
        far[~self._shown] = np.inf
        nearest = int(far.argmin())
        return nearest if far[nearest] <= _REACH else -1

    def _item(self, node: int) -> str:
        return self.view.layout.ids[node] if self.view is not None and node >= 0 else ""

    # Painting.

    def paintEvent(self, _: QPaintEvent) -> None:  # noqa: D102
        if self.view is None:
            return
        with painting(self) as painter:
            if vector(painter):
                self._paint_base(painter, sprites=False)
            else:
                if self._base is None:
                    self._base = self._render()
                painter.drawPixmap(0, 0, self._base)
            self._paint_fresh(painter)
            self._paint_selection(painter)
            self._paint_labels(painter)
            if self._hover >= 0:
                self._paint_card(painter, self._hover)
            if self.hasFocus():
                painter.setPen(QPen(theme.active().color("accent-fill", 0.5), 1))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)

    def _render(self) -> QPixmap:
        ratio = self.devicePixelRatioF()
        pixmap = QPixmap(self._settled_edges(ratio)) if self._crowded() else self._blank(ratio)
        with painting(pixmap) as painter:
            self._paint_base(painter, sprites=True)
        return pixmap

    def _blank(self, ratio: float) -> QPixmap:
        pixmap = QPixmap((QSizeF(self.size()) * ratio).toSize())
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(theme.active().color("surface"))
        return pixmap

    def _crowded(self) -> bool:
        return self.view is not None and self.arrangement == FORCE and self.view.links > _CROWD

    def _settled_edges(self, ratio: float) -> QPixmap:
        """Edges between items that have been there for a while, drawn once and kept while all of them still are.

        Drawing thousands of lines is what costs; between two cursors near to each other few of them differ.
        """
        view = self.view
        assert view is not None
        edges = view.layout.edges
        camera = self._camera
        key = (
            ratio,
            self.width(),
            self.height(),
            *camera.center,
            *camera.scale,
            theme.active(),
            view.layout,
            self.within,
        )
        seen = view.alive & self._shown[edges[:, 0]] & self._shown[edges[:, 1]]
        kept = self._settled
        if kept is None or kept.key != key or (kept.drawn & ~seen).any() or int((seen & ~kept.drawn).sum()) > _LOOSE:
            old = seen & (view.age[edges].min(1) >= 0) & (view.layout.turns[edges].max(1) < view.turn - _SETTLED)
            old = old if int((seen & ~old).sum()) <= _LOOSE else seen
            pixmap = self._blank(ratio)
            with painting(pixmap) as painter:
                painter.setPen(_hairline(_mixed("text-3", _EDGE_SHARE[-1])))
                draw_lines(painter, self._ends()[old])
            self._settled = kept = _Settled(key, old, pixmap)
        return kept.pixmap

    def _ends(self) -> NDArray[np.float64]:
        assert self.view is not None
        edges = self.view.layout.edges
        return np.hstack([self._screen[edges[:, 0]], self._screen[edges[:, 1]]])

    def _paint_base(self, painter: QPainter, sprites: bool) -> None:
        if self.arrangement == THREAD:
            self._paint_axis(painter)
        self._paint_edges(painter, sprites)
        view = self.view
        assert view is not None
        self._paint_to_come(painter, sprites)
        radius, strength = self._radius(), np.digitize(view.age, _RECENT, right=True)
        steady = self._shown & ~view.fresh
        for node, rank in view.glow.items():
            if self._shown[node]:
                reach = radius[node] * 1.6 + (9 if rank == 1 else 6)
                _halo(
                    painter,
                    QPointF(*self._screen[node]),
                    reach,
                    theme.active().color("accent-fill"),
                    0.75 if rank else 0.4,
                )
        for status in range(len(STATUSES)):
            for level in range(len(_STRENGTH)):
                same = steady & (view.status == status) & (strength == level)
                for size in np.unique(radius[same]):
                    self._paint_nodes(painter, same & (radius == size), STATUSES[status], level, float(size), sprites)
        color = theme.active().lane(self.place)
        for center, size in zip(
            self._screen[ringed := self._shown & view.changed & ~view.fresh], radius[ringed], strict=True
        ):
            marks.draw(painter, Mark.UPDATED, QPointF(*center), float(size) + 3.2, color)

    def _paint_to_come(self, painter: QPainter, sprites: bool) -> None:
        """Faint specks where items will be written later: they say why a place is kept free."""
        view = self.view
        if view is None or self.within:
            return
        self._paint_nodes(
            painter, view.status == ABSENT, _TO_COME, 0, 1.5 * theme.active().size / theme.NORMAL, sprites
        )

    def _paint_edges(self, painter: QPainter, sprites: bool) -> None:
        view = self.view
        assert view is not None
        edges = view.layout.edges
        if not len(edges):
            return
        seen = view.alive & self._shown[edges[:, 0]] & self._shown[edges[:, 1]]
        new = seen & view.new_edge
        ends, crowd = self._ends(), int(seen.sum())
        share = _EDGE_SHARE[int(np.searchsorted((60, _CROWD), crowd))]
        if self._crowded() and sprites and self._settled is not None:
            styles = [(seen & ~new & ~self._settled.drawn, _mixed("text-3", share))]
        else:
            ended = (view.status[edges] > 0).any(1) & (crowd <= _CROWD)
            styles = [
                (seen & ~new & ended, _mixed("text-3", share * 0.55)),
                (seen & ~new & ~ended, _mixed("text-3", share)),
            ]
        for which, color in styles:
            painter.setPen(_hairline(color))
            self._paint_lines(painter, ends[which])
        painter.setPen(QPen(_mixed("accent-fill", 0.85), 1.5))
        self._paint_lines(painter, ends[new])

    def _paint_lines(self, painter: QPainter, ends: NDArray[np.float64]) -> None:
        """Edges: straight, or in the arrangement by turn as arcs, so that those within a row can be told apart."""
        if self.arrangement == FORCE or len(ends) > _MOST_ARCS:
            draw_lines(painter, ends)
            return
        start, end = ends[:, None, :2], ends[:, None, 2:]
        lift = np.minimum(np.abs(end - start)[..., 0] * 0.22, 34.0) * (np.abs(end - start)[..., 1] < 3)
        step = np.linspace(0, 1, _ARC_STEPS + 1)[None, :, None]
        points = start + (end - start) * step
        points[..., 1] -= 4 * lift * (step * (1 - step))[..., 0]
        draw_lines(painter, np.concatenate([points[:, :-1], points[:, 1:]], 2).reshape(-1, 4))

    def _paint_axis(self, painter: QPainter) -> None:
        """Turns along the foot, and where the cursor stands."""
        view = self.view
        assert view is not None
        turns, x = view.layout.turns, self._screen[:, 0]
        first, last = int(turns.argmin()), int(turns.argmax())
        if turns[first] == turns[last]:
            return
        pace = (x[last] - x[first]) / (turns[last] - turns[first])
        style, foot = theme.active(), self.height() - theme.active().metrics("small").height() - 2
        painter.setFont(style.font("small"))
        step = _nice(84 / max(pace, 1e-6))
        left, right = x[first] - turns[first] * pace, x[last]
        for turn in range(0, int((right - left) / pace) + 1, step):
            at = left + turn * pace
            painter.setPen(QPen(style.color("line"), 1))
            painter.drawLine(QPointF(at, 4), QPointF(at, foot - 2))
            painter.setPen(style.color("text-3"))
            painter.drawText(QRectF(at - 30, foot, 60, 20), int(Qt.AlignmentFlag.AlignHCenter), str(turn))
        painter.setPen(QPen(style.color("accent-fill", 0.7), 1.2))
        now = left + view.turn * pace
        painter.drawLine(QPointF(now, 4), QPointF(now, foot - 2))

    def _paint_nodes(
        self, painter: QPainter, which: NDArray[np.bool_], status: str, level: int, radius: float, sprites: bool
    ) -> None:
        if sprites:
            draw_copies(painter, self._sprite(status, level, radius), self._screen[which])
            return
        for center in self._screen[which]:
            _draw_node(painter, QPointF(*center), status, _STRENGTH[level], radius, self.place)

    def _sprite(self, status: str, level: int, radius: float) -> QPixmap:
        ratio = self.devicePixelRatioF()
        key = (status, level, radius, ratio)
        if key not in self._sprites:
            side = int(2 * radius + 6)
            sprite = QPixmap(round(side * ratio), round(side * ratio))
            sprite.setDevicePixelRatio(ratio)
            sprite.fill(Qt.GlobalColor.transparent)
            with painting(sprite) as painter:
                _draw_node(painter, QPointF(side / 2, side / 2), status, _STRENGTH[level], radius, self.place)
            self._sprites[key] = sprite
        return self._sprites[key]

    def _paint_fresh(self, painter: QPainter) -> None:
        """Nodes of this turn: they fade in where they stay, ringed in the accent."""
        view = self.view
        assert view is not None
        fading = self._fade.state() == QVariantAnimation.State.Running
        painter.setOpacity(float(self._fade.currentValue()) if fading else 1.0)
        radius = self._radius()
        for node in np.flatnonzero(self._shown & view.fresh):
            center, size = QPointF(*self._screen[node]), float(radius[node])
            _draw_node(painter, center, STATUSES[view.status[node]], 1.0, size, self.place)
            painter.setPen(QPen(theme.active().color("accent-fill"), 1.6))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawEllipse(center, size + 4, size + 4)
        painter.setOpacity(1.0)

    def _paint_selection(self, painter: QPainter) -> None:
        view = self.view
        assert view is not None
        chosen = view.layout.place.get(self.selected, -1)
        accent, radius = theme.active().color("accent-fill"), self._radius()
        for node, color in ((self._hover, theme.active().color("text-2")), (chosen, accent)):
            if node < 0 or not self._shown[node]:
                continue
            edges = view.layout.edges[view.alive & (view.layout.edges == node).any(1)]
            edges = edges[self._shown[edges].all(1)]
            painter.setPen(QPen(color, 1.4))
            self._paint_lines(painter, np.hstack([self._screen[edges[:, 0]], self._screen[edges[:, 1]]]).reshape(-1, 4))
            for other in np.unique(edges):
                _draw_node(
                    painter,
                    QPointF(*self._screen[other]),
                    STATUSES[view.status[other]],
                    1.0,
                    float(radius[other]),
                    self.place,
                )
            painter.setPen(QPen(color, 2.0 if node == chosen else 1.4))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            reach = float(radius[node]) + (5.5 if node == chosen else 3.5)
            painter.drawEllipse(QPointF(*self._screen[node]), reach, reach)

    def _paint_labels(self, painter: QPainter) -> None:
        """Names, most important first; one that would cover another is left out."""
        view = self.view
        assert view is not None
        painter.setFont(theme.active().font("small"))
        metrics, radius = QFontMetricsF(painter.font()), self._radius()
        taken: list[QRectF] = []
        said: set[str] = set()
        for node, role in self._named():
            text = metrics.elidedText(_label(view, node), Qt.TextElideMode.ElideRight, 10 * theme.active().size)
            size = metrics.horizontalAdvance(text) + 8, metrics.height()
            rect = self._label_place(node, *size, float(radius[node]), taken, 9 if role == "text" else 1)
            if rect is None or text in said:
                continue
            said.add(text)
            taken.append(rect)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.active().color("surface", 0.66))
            painter.drawRoundedRect(rect, 4, 4)
            painter.setPen(theme.active().color(role))
            painter.drawText(rect, int(Qt.AlignmentFlag.AlignCenter), text)

    def _named(self) -> list[tuple[int, str]]:
        view = self.view
        assert view is not None
        found: dict[int, str] = {}
        chosen = view.layout.place.get(self.selected, -1)
        if chosen >= 0 and self._shown[chosen]:
            found[chosen] = "text"
        for node in np.flatnonzero(self._shown & view.fresh)[:3]:
            found.setdefault(int(node), "text")
        for node, _ in sorted(view.glow.items(), key=lambda pair: pair[1])[:4]:
            if self._shown[node]:
                found.setdefault(node, "text")
        weight = np.where(self._shown & (view.status == 0), view.degree, -1)
        for node in np.argsort(-weight, kind="stable")[:_LABELS]:
            if weight[node] > 0 or (self._shown.sum() <= _LABELS and self._shown[node]):
                found.setdefault(int(node), "text-2")
        found.pop(self._hover, None)
        return list(found.items())

    def _label_place(
        self, node: int, width: float, height: float, radius: float, taken: list[QRectF], covers: int
    ) -> QRectF | None:
        """Where a label hides the fewest nodes; None when that is more than ``covers``, or another label is there."""
        x, y = self._screen[node]
        gap = radius + 5
        inside = QRectF(self.rect()).adjusted(2, 2, -2, -2)
        nodes = self._screen[self._shown]
        best, fewest = None, covers + 1
        for left, top in (
            (x + gap, y - height / 2),
            (x - gap - width, y - height / 2),
            (x - width / 2, y - gap - height),
            (x - width / 2, y + gap),
        ):
            rect = QRectF(left, top, width, height)
            if not inside.contains(rect) or any(rect.intersects(t) for t in taken):
                continue
            under = (np.abs(nodes - (left + width / 2, top + height / 2)) < (width / 2 + 3, height / 2 + 3)).all(1)
            if (hidden := int(under.sum())) < fewest:
                best, fewest = rect, hidden
        return best

    def _paint_card(self, painter: QPainter, node: int) -> None:
        """What the mouse is on: id, how it stands, its text, turns and links."""
        view = self.view
        assert view is not None
        item = view.items.get(view.layout.ids[node])
        if item is None:
            return
        style = theme.active()
        turns = ", ".join(map(str, item.turns[:6])) + ("…" if len(item.turns) > 6 else "")
        links = int(view.degree[node])
        facts = [f"turn{'s' if len(item.turns) != 1 else ''} {turns}" if item.turns else "no turn"]
        facts.append(f"{links} link{'s' if links != 1 else ''}")
        if not item.active:
            facts.append(item.status)
        if view.glow.get(node):
            facts.append(f"retrieved, rank {view.glow[node]}")
        pad, width = style.unit(2), min(280.0, self.width() - 16.0)
        body, small = style.metrics("body", bold=True), style.metrics("small")
        wrap = QTextOption()
        wrap.setWrapMode(QTextOption.WrapMode.WordWrap)
        text = _SPEAKER.sub("", item.text)[:160]
        high = min(
            small.boundingRect(0, 0, int(width - 2 * pad), 1000, int(Qt.TextFlag.TextWordWrap), text).height(),
            3 * small.height(),
        )
        rect = QRectF(0, 0, width, 2 * pad + body.height() + 4 + high + 4 + small.height())
        x, y = self._screen[node]
        rect.moveTo(min(max(x + 14, 8), self.width() - width - 8), y + 14)
        if rect.bottom() > self.height() - 8:
            rect.moveBottom(y - 14)
        painter.setPen(QPen(style.color("line"), 1))
        painter.setBrush(style.color("raised"))
        painter.drawRoundedRect(rect, 6, 6)
        inner = rect.adjusted(pad, pad, -pad, -pad)
        painter.setPen(style.color("text"))
        painter.setFont(style.font("body", bold=True))
        painter.drawText(inner, int(Qt.AlignmentFlag.AlignLeft), item.id)
        painter.setFont(style.font("small"))
        painter.setPen(style.color("text-2"))
        painter.save()
        block = QRectF(inner.left(), inner.top() + body.height() + 4, inner.width(), high)
        painter.setClipRect(block)
        painter.drawText(block.adjusted(0, 0, 0, 400), text, wrap)
        painter.restore()
        painter.setPen(style.color("text-3"))
        line = QRectF(inner.left(), inner.bottom() - small.height(), inner.width(), small.height())
        painter.drawText(
            line,
            int(Qt.AlignmentFlag.AlignLeft),
            small.elidedText(" · ".join(facts), Qt.TextElideMode.ElideRight, int(inner.width())),
        )

    def _fade_in(self, wanted: bool) -> None:
        self._fade.stop()
        # Zero says that the system (or its style) wants no motion.
        if (
            wanted
            and self.isVisible()
            and self.style().styleHint(QStyle.StyleHint.SH_Widget_Animation_Duration, None, self)
        ):
            self._fade.setDuration(motion.milliseconds(_FADE_MS))
            self._fade.start()

    # Mouse and keys.

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        where = event.position()
        if self._drag is not None and event.buttons() & Qt.MouseButton.LeftButton:
            step = where - self._drag
            if self._dragged or step.manhattanLength() > 4:
                self._dragged = True
                self._camera.center = self._camera.center - np.array([step.x(), step.y()]) / self._camera.scale
                self._camera.own, self._drag = True, where
                self._changed()
            return
        self._hover_at(self._at(where))

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        if event.button() == Qt.MouseButton.LeftButton:
            self._drag, self._dragged = event.position(), False
        else:
            super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        if event.button() == Qt.MouseButton.LeftButton and not self._dragged:
            self.clicked.emit(self._item(self._at(event.position())))
        self._drag = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        item = self._item(self._at(event.position()))
        if item:
            self.opened.emit(item)
        else:
            self.fit()

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: D102
        self._zoom(1.0015 ** event.angleDelta().y(), event.position())
        event.accept()

    def _zoom(self, factor: float, where: QPointF) -> None:
        camera = self._camera
        factor = float(np.clip(factor, 2.0 / camera.scale.max(), 240.0 / camera.scale.min()))
        from_middle = np.array([where.x() - self.width() / 2, where.y() - self.height() / 2])
        camera.center = camera.center + from_middle / camera.scale * (1 - 1 / factor)
        camera.scale = camera.scale * factor
        camera.own = True
        self._changed()

    def leaveEvent(self, event: QEvent) -> None:  # noqa: D102
        super().leaveEvent(event)
        self._hover_at(-1)

    def _hover_at(self, node: int) -> None:
        if node != self._hover:
            self._hover = node
            self.setCursor(Qt.CursorShape.PointingHandCursor if node >= 0 else Qt.CursorShape.ArrowCursor)
            self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102
        key = event.key()
        steps = {Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, -1), Qt.Key.Key_Down: (0, 1)}
        middle = QPointF(self.width() / 2, self.height() / 2)
        if event.modifiers() & ~(Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.KeypadModifier):
            super().keyPressEvent(event)
        elif Qt.Key(key) in steps:
            self._walk(np.array(steps[Qt.Key(key)]))
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self._zoom(1.25, middle)
        elif key == Qt.Key.Key_Minus:
            self._zoom(0.8, middle)
        elif key == Qt.Key.Key_F:
            self.fit()
        elif key == Qt.Key.Key_Escape and self.selected:
            self.clicked.emit("")
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.selected:
            self.opened.emit(self.selected)
        else:
            super().keyPressEvent(event)

    def _walk(self, way: NDArray[np.int64]) -> None:
        """Select the nearest node that lies more or less in this direction."""
        if self.view is None or not self._shown.any():
            return
        at = self.view.layout.place.get(self.selected, -1)
        if at < 0 or not self._shown[at]:
            start = np.array([self.width(), self.height()]) / 2
            nearest = np.where(self._shown, np.hypot(*(self._screen - start).T), np.inf).argmin()
            self.clicked.emit(self._item(int(nearest)))
            return
        step = self._screen - self._screen[at]
        along, across = step @ way, np.abs(step @ way[::-1])
        cost = np.where(self._shown & (along > 0.5), along + 2.2 * across, np.inf)
        if np.isfinite(cost).any():
            self.clicked.emit(self._item(int(cost.argmin())))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102
        super().resizeEvent(event)
        if self._camera.own:
            self._changed()
        else:
            self.fit()

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: D102
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: D102
        super().focusOutEvent(event)
        self.update()


def _continues(before: GraphView, view: GraphView) -> bool:
    """Whether this is the same graph at another moment, perhaps grown."""
    known = before.layout.ids
    same = view.layout is before.layout or view.layout.ids[: len(known)] == known
    return same and before.lane == view.lane


def _hairline(color: QColor) -> QPen:
    """Opaque and cosmetic of width 1: several times faster than the same line with an alpha."""
    pen = QPen(color, 1.0)
    pen.setCosmetic(True)
    return pen


def _nice(least: float) -> int:
    """The smallest of 1, 2, 5, 10, 20 … that is at least ``least``."""
    power = 10 ** int(np.floor(np.log10(max(least, 1))))
    return next(int(step * power) for step in (1, 2, 5, 10) if step * power >= least)


def _mixed(role: str, share: float) -> QColor:
    """A colour laid over the surface with this alpha, but opaque."""
    top, under = theme.active().color(role), theme.active().color("surface")
    parts = (round(u + (t - u) * share) for t, u in zip(top.getRgb()[:3], under.getRgb()[:3], strict=True))  # type: ignore[index]
    return QColor(*parts)


def _draw_node(painter: QPainter, center: QPointF, status: str, strength: float, radius: float, place: int) -> None:
    style = theme.active()
    if status == _TO_COME:
        marks.draw(painter, Mark.WRITTEN, center, radius, _mixed("text-3", 0.3))
        return
    lane, surface = style.lane(place), style.color("surface")
    mark = _ENDED.get(status)
    share = strength if mark is None else min(strength, 0.55)
    color = QColor(*(round(s + (c - s) * share) for c, s in zip(lane.getRgb()[:3], surface.getRgb()[:3], strict=True)))  # type: ignore[index]
    marks.draw(painter, mark or Mark.WRITTEN, center, radius, color)


def _halo(painter: QPainter, center: QPointF, reach: float, color: QColor, strength: float) -> None:
    gradient = QRadialGradient(center, reach)
    inner, outer = QColor(color), QColor(color)
    inner.setAlphaF(strength)
    outer.setAlphaF(0)
    gradient.setColorAt(0.2, inner)
    gradient.setColorAt(1, outer)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(gradient)
    painter.drawEllipse(center, reach, reach)


def _label(view: GraphView, node: int) -> str:
    item = view.items.get(view.layout.ids[node])
    return "" if item is None else " ".join(_SPEAKER.sub("", item.text).split())[:60]
