"""Task trees and dependencies as an outline with arcs beside it."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainterPath, QPen

from ui.theme import marks, theme
from ui.widgets.ink import Ink
from ui.widgets.structure.base import GHOST, Sketch, ground, one_line, story
from workbench.projections.structure.cards import Card
from workbench.projections.structure.tree import Node, Tree

_GUTTER = 56  # px for arcs, at the ordinary type
_DONE = frozenset({"complete", "stacked", "pruned", "SUCCESS"})
_FAILED = frozenset({"failed", "FAIL"})


class OutlineSketch(Sketch):
    """One row per item: guides to its whole, a box that says how far it is, what it says."""

    body: Tree

    def _row(self) -> int:
        return theme.active().metrics().height() + theme.active().unit(2)

    def height(self, width: int) -> int:  # noqa: D102
        return len(self.body.nodes) * self._row() + theme.active().unit(2)

    def paint(self, ink: Ink, width: int, clip: QRectF) -> None:  # noqa: D102
        tall = self._row()
        gutter = _GUTTER * ink.style.size / theme.NORMAL if self.body.arcs else 0.0
        first, last = max(0, int(clip.top() // tall)), int(clip.bottom() // tall) + 1
        for number, node in list(enumerate(self.body.nodes))[first:last]:
            self._node(ink, QRectF(0, number * tall, width - gutter, tall), node)
        if gutter:
            self._arcs(ink, width - gutter, gutter, tall, clip)

    def _node(self, ink: Ink, rect: QRectF, node: Node) -> None:
        unit, item = ink.style.unit, node.item
        step, middle = unit(5), rect.center().y()
        chosen = item.id == self.chosen
        left = rect.left() + unit(2) + node.depth * step
        if chosen or node.mark:
            ground(ink, QRectF(left - unit(2), rect.top(), rect.right() - left + unit(2), rect.height()), chosen, True)
        self._guides(ink, rect, node, step)
        self._box(ink, QPointF(left + unit(1), middle), node)
        paler = Ink(ink.painter, GHOST if node.ghost else 1.0)
        top = middle - ink.style.metrics().height() / 2
        x, end = left + unit(4), rect.right() - unit(2)
        if mark := marks.mark_of(node.mark) if node.mark else None:
            grown = ink.style.size / theme.NORMAL
            marks.draw(ink.painter, mark, QPointF(end - 5 * grown, middle), 3.6 * grown, self.color)
            end -= 14 * grown
        state = node.state if not node.ghost or node.state else node.item.status
        role = "bad" if node.state in _FAILED else "text-2"
        end = paler.write_left_of(end, top + 2, state, role) - unit(2) if state else end
        text = one_line(item.text)
        paler.write(x, top, text or item.id, "text" if text else "text-3", width=end - x)
        self.zone(rect, item, *story(Card(item, node.mark)), state)

    def _guides(self, ink: Ink, rect: QRectF, node: Node, step: int) -> None:
        ink.painter.setPen(QPen(ink.color("text-3", 0.45), 1))
        unit, middle = ink.style.unit, rect.center().y()
        for level, ends in enumerate(node.last):
            x = round(rect.left() + unit(3) + level * step) + 0.5
            own = level == node.depth - 1
            if own:
                ink.painter.drawLine(QPointF(x, middle), QPointF(x + step - unit(2), middle))
            if own or not ends:
                low = middle if own and ends else rect.bottom()
                ink.painter.drawLine(QPointF(x, rect.top()), QPointF(x, low))

    def _box(self, ink: Ink, center: QPointF, node: Node) -> None:
        """A square: filled when concluded, open while it is under way, dashed when only its place is left."""
        half = 4 * ink.style.size / theme.NORMAL
        color = ink.style.color("text-3") if node.ghost else self.color
        color = ink.style.color("bad") if node.state in _FAILED else color
        pen = QPen(color, 1.4)
        if node.ghost:
            pen.setStyle(Qt.PenStyle.DotLine)
        filled = not node.ghost and (node.state in _DONE or not node.state)
        ink.painter.setPen(pen)
        ink.painter.setBrush(color if filled else Qt.BrushStyle.NoBrush)
        ink.painter.drawRoundedRect(QRectF(center.x() - half, center.y() - half, 2 * half, 2 * half), 2, 2)

    def _arcs(self, ink: Ink, left: float, wide: float, tall: int, clip: QRectF) -> None:
        ink.painter.setBrush(Qt.BrushStyle.NoBrush)
        pale = 0.55 if len(self.body.arcs) <= 20 else 0.3
        reach = max((abs(a.end - a.start) for a in self.body.arcs), default=1)
        for arc in self.body.arcs:
            start, end = (arc.start + 0.5) * tall, (arc.end + 0.5) * tall
            if max(start, end) < clip.top() or min(start, end) > clip.bottom():
                continue
            nodes = self.body.nodes[arc.start].item, self.body.nodes[arc.end].item
            lit = self.chosen in (nodes[0].id, nodes[1].id)
            color = ink.color("accent-fill") if lit else ink.color("text-2", pale)
            bow = wide * (0.35 + 0.55 * abs(arc.end - arc.start) / reach)
            path = QPainterPath(QPointF(left, start))
            path.cubicTo(QPointF(left + bow, start), QPointF(left + bow, end), QPointF(left, end))
            ink.painter.setPen(QPen(color, 1.8 if lit else 1.1))
            ink.painter.drawPath(path)
            ink.painter.drawLine(QPointF(left, end), QPointF(left + 5, end - 3))
            ink.painter.drawLine(QPointF(left, end), QPointF(left + 5, end + 3))
            said = f"{one_line(nodes[0].text)} {arc.label} {one_line(nodes[1].text)}"
            self.zone(QRectF(left, start - tall / 2, wide, tall), nodes[0], said)
