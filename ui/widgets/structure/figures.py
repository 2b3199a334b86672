"""Figures over time: the surprise along the tokens, the size of a state, the counts of kinds."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPen, QPolygonF

from ui.theme import theme
from ui.widgets.ink import Ink
from ui.widgets.structure.base import Sketch, card_height, one_line
from ui.widgets.units import count
from ui.widgets.units import tokens as tok
from workbench.projections.structure.curve import Curve, Point
from workbench.projections.structure.kinds import Group, Kinds
from workbench.projections.structure.ledger import State


class CurveSketch(Sketch):
    """The curve with the band above its threshold and the cuts, and under it the text that it was read from."""

    body: Curve

    def _chart(self) -> int:
        return theme.active().unit(44)

    def height(self, width: int) -> int:  # noqa: D102
        return self._chart() + theme.active().unit(6) + self._text(None, width)

    def paint(self, ink: Ink, width: int, clip: QRectF) -> None:  # noqa: D102
        unit, small = ink.style.unit, ink.style.metrics("small")
        points = self.body.points
        top = max([p.value for p in points] + [p.threshold or 0 for p in points] + [p.past or 0 for p in points]) or 1
        what = self.body.what + (f" · {self.body.unit}" if self.body.unit else "")
        ink.write(0, 0, what, "text-2", "small")
        shown = f"last {len(points):,} of {self.body.total:,}" if self.body.total > len(points) else ""
        ink.write_left_of(width, 0, shown)
        plot = QRectF(unit(8), small.height() + unit(2), width - unit(9), self._chart() - 2 * small.height() - unit(5))
        self._axis(ink, plot, top)
        self._draw(ink, plot, top)
        self._turns(ink, plot)
        self._text(ink, width)

    def _x(self, plot: QRectF, number: float) -> float:
        return plot.left() + plot.width() * number / max(len(self.body.points), 1)

    def _axis(self, ink: Ink, plot: QRectF, top: float) -> None:
        small = ink.style.metrics("small")
        for share in (0.0, 0.5, 1.0):
            y = plot.bottom() - share * plot.height()
            ink.painter.setPen(QPen(ink.color("line"), 1))
            ink.painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))
            ink.write_left_of(plot.left() - 6, y - small.height() / 2, f"{top * share:.2g}")

    def _draw(self, ink: Ink, plot: QRectF, top: float) -> None:
        painter, points = ink.painter, self.body.points
        scale, wide = plot.height() / top, plot.width() / max(len(points), 1)
        for number, point in enumerate(points):
            x, tall = self._x(plot, number), point.value * scale
            over = point.threshold is not None and point.value > point.threshold
            if point.threshold is not None:
                level = plot.bottom() - point.threshold * scale
                band = QRectF(x, plot.top(), wide + 0.5, max(level - plot.top(), 0))
                painter.fillRect(band, ink.color("accent-soft"))
            color = QColor(self.color)
            color.setAlphaF(1.0 if over or point.threshold is None else 0.5)
            gap = 1 if wide > 4 else 0
            painter.fillRect(QRectF(x, plot.bottom() - tall, max(wide - gap, 0.8), tall), color)
            limit = "" if point.threshold is None else f"threshold {point.threshold:.3g}"
            past = "" if point.past is None else f"momentum of the past {point.past:.3g}"
            cut = "a new event begins here" if point.cut else ""
            said = (one_line(point.text), f"{self.body.what} {point.value:.3g} · turn {point.turn}", limit, past, cut)
            self.zone(QRectF(x, plot.top(), max(wide, 1), plot.height()), None, *said)
        self._limits(ink, plot, scale)
        self._cuts(ink, plot)

    def _limits(self, ink: Ink, plot: QRectF, scale: float) -> None:
        """The threshold as a stepped line, and the second figure as a thin one."""
        steps, past = QPolygonF(), QPolygonF()
        for number, point in enumerate(self.body.points):
            if point.threshold is not None:
                y = plot.bottom() - point.threshold * scale
                steps.append(QPointF(self._x(plot, number), y))
                steps.append(QPointF(self._x(plot, number + 1), y))
            if point.past is not None:
                past.append(QPointF(self._x(plot, number + 0.5), plot.bottom() - point.past * scale))
        ink.painter.setBrush(Qt.BrushStyle.NoBrush)
        ink.painter.setPen(QPen(ink.color("text"), 1.2, Qt.PenStyle.DashLine))
        ink.painter.drawPolyline(steps)
        ink.painter.setPen(QPen(ink.color("text"), 1.4))
        ink.painter.drawPolyline(past)

    def _cuts(self, ink: Ink, plot: QRectF) -> None:
        ink.painter.setPen(QPen(ink.color("accent-fill"), 1.4))
        for number, point in enumerate(self.body.points):
            if point.cut:
                x = self._x(plot, number)
                ink.painter.drawLine(QPointF(x, plot.top() - 4), QPointF(x, plot.bottom()))

    def _turns(self, ink: Ink, plot: QRectF) -> None:
        """The turns under the axis, as many as have room; the cursor's always has."""
        seen, free = -1, plot.left() - 4
        small = ink.style.metrics("small")
        for number, point in enumerate(self.body.points):
            if point.turn == seen:
                continue
            seen, x = point.turn, self._x(plot, number)
            ink.painter.setPen(QPen(ink.color("text-3", 0.6), 1))
            ink.painter.drawLine(QPointF(x, plot.bottom()), QPointF(x, plot.bottom() + 4))
            word = f"turn {seen}" if free < plot.left() else str(seen)
            wide = small.horizontalAdvance(word)
            if x >= free and x + wide <= plot.right() + 4:
                free = ink.write(x, plot.bottom() + 5, word, "text-3", "small") + ink.style.unit(3)

    def _text(self, ink: Ink | None, width: int) -> int:
        """The text of the points as it flows; its height. ``ink`` None only measures."""
        style = theme.active()
        if self.body.unit != "nat":
            return self._segments(ink, width)
        small, x, y = style.metrics("small"), 0.0, float(self._chart() + style.unit(4))
        top = max((p.value for p in self.body.points), default=1) or 1
        line, start, seen = small.height() + style.unit(1.5), y, -1
        for point in sorted(self.body.points, key=lambda p: -p.turn):  # the latest turn first, each in reading order
            word = "".join(c if c.isprintable() else "·" for c in point.text).strip() or "·"
            wide = small.horizontalAdvance(word) + 4
            if point.turn != seen:
                x, y = (0.0, y + line if seen >= 0 else y)
                if ink is not None:
                    ink.write(0, y, str(point.turn), "text-3", "small")
                x, seen = style.unit(8), point.turn
            if x + wide > width:
                x, y = style.unit(8), y + line
            if ink is not None:
                self._word(ink, QRectF(x, y, wide, small.height()), word, point, point.value / top)
            x += wide + 2
        return int(y + line - start)

    def _word(self, ink: Ink, rect: QRectF, word: str, point: Point, share: float) -> None:
        color = QColor(self.color)
        color.setAlphaF(0.08 + 0.42 * share)
        ink.painter.setPen(Qt.PenStyle.NoPen)
        ink.painter.setBrush(color)
        ink.painter.drawRoundedRect(rect, 2, 2)
        if point.cut:
            edge = QRectF(rect.left() - 2, rect.top() - 1, 2, rect.height() + 2)
            ink.painter.fillRect(edge, ink.color("accent-fill"))
        ink.write(rect.left() + 2, rect.top(), word, font="small")
        cut = "a new event begins here" if point.cut else ""
        self.zone(rect, None, word, f"{self.body.what} {point.value:.3g} {self.body.unit}", cut)

    def _segments(self, ink: Ink | None, width: int) -> int:
        style = theme.active()
        line = style.metrics("small").height() + style.unit(2)
        if ink is None:
            return len(self.body.points) * line
        y, top = float(self._chart() + style.unit(4)), max(p.value for p in self.body.points) or 1
        for point in reversed(self.body.points):
            ink.write(0, y, str(point.turn), "text-3", "small")
            self.bar(ink, QRectF(style.unit(8), y + 4, style.unit(16), 6), point.value / top)
            left = style.unit(27)
            role = "accent" if point.cut else "text-2"
            ink.write(left, y, one_line(point.text), role, "small", width - left)
            rect = QRectF(0, y, width, line)
            go = f"{self.body.what} {point.value:.3g}"
            self.zone(rect, None, point.text, go)
            y += line
        return len(self.body.points) * line


class StateSketch(Sketch):
    """How full a bounded state is now, and how large it was after every rewrite."""

    body: State

    def height(self, width: int) -> int:  # noqa: D102
        return theme.active().unit(26)

    def paint(self, ink: Ink, width: int, clip: QRectF) -> None:  # noqa: D102
        unit, body = ink.style.unit, self.body
        room = f"{body.tokens:,} of {tok(body.limit)}" if body.limit else tok(body.tokens)
        ink.write(0, 0, room, bold=True)
        said = f"{count(body.carried, 'sentence')} carried · {body.new} new · {body.gone} gone"
        ink.write_left_of(width, 1, said, "text-2")
        gauge = QRectF(0, ink.style.metrics().height() + unit(1.5), width, 6)
        self.bar(ink, gauge, body.tokens / body.limit if body.limit else 0.0)
        self.zone(gauge.adjusted(0, -6, 0, 6), None, f"the state holds {room}", "its limit is the strategy's")
        plot = QRectF(0, gauge.bottom() + unit(3), width, unit(11))
        most = max([size for _, size in body.sizes], default=1) or 1
        wide = min(plot.width() / max(len(body.sizes), 1), float(unit(4)))
        for number, (turn, size) in enumerate(body.sizes):
            tall = size / most * plot.height()
            color = QColor(self.color)
            color.setAlphaF(1.0 if turn == self.turn else 0.4)
            x = number * wide
            ink.painter.fillRect(QRectF(x, plot.bottom() - tall, max(wide - 1, 0.8), tall), color)
            self.zone(QRectF(x, plot.top(), wide, plot.height()), None, f"turn {turn}: {tok(size)}")
        ink.painter.setPen(QPen(ink.color("line"), 1))
        ink.painter.drawLine(plot.bottomLeft(), plot.bottomRight())
        ink.write(0, plot.bottom() + 2, "size after every rewrite", "text-3", "small")
        ink.write_left_of(width, plot.bottom() + 2, f"largest {tok(most)}")


class KindsSketch(Sketch):
    """Counts over time as stacked areas, and each kind with its statuses and newest items."""

    body: Kinds

    def _chart(self) -> int:
        return theme.active().unit(30)

    def _head(self) -> int:
        return theme.active().metrics().height() + theme.active().unit(3)

    def height(self, width: int) -> int:  # noqa: D102
        unit, card = theme.active().unit, card_height()
        return self._chart() + sum(self._head() + len(g.latest) * (card + unit(1)) + unit(3) for g in self.body.groups)

    def paint(self, ink: Ink, width: int, clip: QRectF) -> None:  # noqa: D102
        unit = ink.style.unit
        self._areas(ink, QRectF(0, unit(5), width, self._chart() - unit(12)))
        top = float(self._chart())
        for number, group in enumerate(self.body.groups):
            self._title(ink, QRectF(0, top, width, self._head()), group, number)
            top += self._head()
            for card in group.latest:
                self.card(ink, QRectF(0, top, width, card_height()), card, clip)
                top += card_height() + unit(1)
            top += unit(3)

    def _tint(self, number: int) -> QColor:
        """Kinds are told apart by the strength of the lane's colour, and by their order."""
        color = QColor(self.color)
        color.setAlphaF((0.9, 0.6, 0.38, 0.22)[number % 4])
        return color

    def _areas(self, ink: Ink, plot: QRectF) -> None:
        groups, turns = self.body.groups, self.body.turns
        base = [0] * turns
        highest = max((sum(g.over[t] for g in groups) for t in range(turns)), default=1) or 1
        wide = plot.width() / max(turns, 1)
        ink.write(0, plot.top() - ink.style.unit(5), "active items over the turns", "text-2", "small")
        ink.write_left_of(plot.right(), plot.top() - ink.style.unit(5), f"largest {highest:,}")
        for number, group in enumerate(groups):
            upper = [b + n for b, n in zip(base, group.over, strict=True)]
            ink.painter.setPen(Qt.PenStyle.NoPen)
            ink.painter.setBrush(self._tint(number))
            ink.painter.drawPolygon(_band(plot, base, upper, highest, wide))
            base = upper
        x = (self.turn + 0.5) * wide
        veil = QColor(ink.style.color("surface", 0.55))
        ink.painter.fillRect(QRectF(x, plot.top(), plot.right() - x, plot.height()), veil)
        ink.painter.setPen(QPen(ink.color("line"), 1))
        ink.painter.drawLine(plot.bottomLeft(), plot.bottomRight())
        ink.painter.setPen(QPen(ink.color("accent-fill"), 1.6))
        ink.painter.drawLine(QPointF(x, plot.top()), QPointF(x, plot.bottom()))
        ink.write(0, plot.bottom() + 2, "turn 0", "text-3", "small")
        ink.write_left_of(plot.right(), plot.bottom() + 2, f"turn {turns - 1}")
        for turn in range(turns):
            self._slot(QRectF(turn * wide, plot.top(), wide, plot.height()), turn)

    def _slot(self, rect: QRectF, turn: int) -> None:
        lines = [f"{g.kind}  {g.over[turn]:,}" for g in self.body.groups]
        self.zone(rect, None, f"turn {turn}", *lines)

    def _title(self, ink: Ink, rect: QRectF, group: Group, number: int) -> None:
        unit, body = ink.style.unit, ink.style.metrics()
        box = QRectF(0, rect.top() + body.height() / 2 - 5, 10, 10)
        ink.painter.setPen(Qt.PenStyle.NoPen)
        ink.painter.setBrush(self._tint(number))
        ink.painter.drawRoundedRect(box, 2, 2)
        x = ink.write(unit(4), rect.top(), group.kind, bold=True)
        said = " · ".join(f"{n:,} {status}" for status, n in group.counts) or "none yet"
        ink.write(x + unit(2), rect.top() + 2, said, "text-2", "small", rect.width() - x - unit(4))
        shown, held = len(group.latest), sum(n for _, n in group.counts)
        if held > shown:
            ink.write_left_of(rect.right(), rect.top() + 2, f"the {shown} that changed last")


def _band(plot: QRectF, lower: Sequence[int], upper: Sequence[int], highest: int, wide: float) -> QPolygonF:
    """A step-shaped band: a turn's count holds for the width of that turn."""
    scale, shape = plot.height() / highest, QPolygonF()
    for turn, value in enumerate(upper):
        y = plot.bottom() - value * scale
        shape.append(QPointF(plot.left() + turn * wide, y))
        shape.append(QPointF(plot.left() + (turn + 1) * wide, y))
    for turn in reversed(range(len(lower))):
        y = plot.bottom() - lower[turn] * scale
        shape.append(QPointF(plot.left() + (turn + 1) * wide, y))
        shape.append(QPointF(plot.left() + turn * wide, y))
    return shape
