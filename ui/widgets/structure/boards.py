"""Columns of cards, buckets with their occupancy, and a context in fragments."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPen

from ui.theme import marks, theme
from ui.widgets.ink import Ink
from ui.widgets.structure.base import GHOST, Sketch, card_height, ground, one_line, story
from ui.widgets.units import count
from workbench.projections.structure.cards import Board, Card, Column, Fragments

_NARROW = 150  # px of the narrowest column, at the ordinary type
_MOST, _FEW = 80, 5  # cards per column where the columns stand in one row, and where they stand in several
_LINES = 3  # items shown per bucket


class BoardSketch(Sketch):
    """Tiers side by side; more than fit go into rows."""

    body: Board

    def _grid(self, width: int) -> tuple[int, float, list[list[Column]]]:
        """Cards per column, width of a column, rows of columns."""
        style, columns = theme.active(), self.body.columns
        fit = max(1, int(width // (_NARROW * style.size / theme.NORMAL)))
        lines = -(-len(columns) // fit)
        across = -(-len(columns) // max(lines, 1)) or 1
        rows = [list(columns[n : n + across]) for n in range(0, len(columns), across)]
        wide = (width - style.unit(2) * (across - 1)) / across
        return (_MOST if lines <= 1 else _FEW), wide, rows

    def _head(self) -> int:
        style = theme.active()
        return style.metrics().height() + style.metrics("small").height() + style.unit(5)

    def _row(self, columns: list[Column], most: int) -> int:
        tall = max(min(len(c.cards), most) + (len(c.cards) > most) * 0.6 for c in columns)
        return int(self._head() + max(tall, 0.6) * (card_height() + theme.active().unit(1)) + theme.active().unit(1))

    def height(self, width: int) -> int:  # noqa: D102
        most, _, rows = self._grid(width)
        return sum(self._row(row, most) + theme.active().unit(2) for row in rows)

    def paint(self, ink: Ink, width: int, clip: QRectF) -> None:  # noqa: D102
        most, wide, rows = self._grid(width)
        top = 0.0
        for row in rows:
            tall = self._row(row, most)
            for place, column in enumerate(row):
                rect = QRectF(place * (wide + ink.style.unit(2)), top, wide, tall)
                if rect.intersects(clip):
                    self._column(ink, rect, column, most, clip)
            top += tall + ink.style.unit(2)

    def _column(self, ink: Ink, rect: QRectF, column: Column, most: int, clip: QRectF) -> None:
        unit = ink.style.unit
        ink.painter.setPen(Qt.PenStyle.NoPen)
        ink.painter.setBrush(ink.color("sunken"))
        ink.painter.drawRoundedRect(rect, 6, 6)
        inner = rect.adjusted(unit(1.5), unit(2), -unit(1.5), 0)
        self._title(ink, inner, column)
        y, tall = rect.top() + self._head(), card_height()
        for card in column.cards[:most]:
            self.card(ink, QRectF(inner.left(), y, inner.width(), tall), card, clip)
            y += tall + unit(1)
        if len(column.cards) > most:
            more = f"{len(column.cards) - most:,} more in the table"
            ink.write(inner.left() + unit(1), y + 2, more, "text-3", "small", inner.width())
        elif not column.cards:
            ink.write(inner.left() + unit(1), y + 2, "empty now", "text-3", "small", inner.width())

    def _title(self, ink: Ink, inner: QRectF, column: Column) -> None:
        unit, top = ink.style.unit, inner.top()
        left = inner.left() + unit(1)
        start = ink.write_left_of(inner.right() - unit(1), top + 1, f"{column.held:,}", "text-2")
        ink.write(left, top, column.name, width=start - left - unit(2), bold=True)
        lower = top + ink.style.metrics().height() + 1
        unit_word = " characters" if column.unit == "character" else ""
        said = [f"{column.size:,} of {column.room:,}{unit_word}"] if column.room else []
        said += [f"{column.gone:,} gone"] if column.gone else []
        ink.write(left, lower, " · ".join(said), "text-3", "small", inner.width() - unit(2))
        line = QRectF(left, lower + ink.style.metrics("small").height() + unit(0.5), inner.width() - unit(2), 3)
        if column.room:
            self.bar(ink, line, column.size / column.room)
        full = f"{column.size:,} of {column.room:,} {column.unit}s" if column.room else "no limit"
        head = QRectF(inner.left(), inner.top(), inner.width(), self._head() - unit(3))
        left_so_far = f"{count(column.gone, 'item')} gone: out of this {self.body.by} and of the memory"
        self.zone(head, None, f"{column.name}: {count(column.held, 'item')} at turn {self.turn}", full, left_so_far)


class BucketSketch(Sketch):
    """One row per bucket: a bar as long as it is full, and its newest items."""

    body: Board

    def _tall(self, column: Column) -> int:
        style = theme.active()
        lines = min(len(column.cards), _LINES)
        return style.metrics().height() + style.unit(2.5) + lines * (style.metrics("small").height() + style.unit(1))

    def height(self, width: int) -> int:  # noqa: D102
        return sum(self._tall(c) + theme.active().unit(2) for c in self.body.columns)

    def paint(self, ink: Ink, width: int, clip: QRectF) -> None:  # noqa: D102
        fullest, top = max((c.held for c in self.body.columns), default=0) or 1, 0.0
        for column in self.body.columns:
            rect = QRectF(0, top, width, self._tall(column))
            if rect.intersects(clip):
                self._bucket(ink, rect, column, fullest)
            top += rect.height() + ink.style.unit(2)

    def _bucket(self, ink: Ink, rect: QRectF, column: Column, fullest: int) -> None:
        unit, body = ink.style.unit, ink.style.metrics()
        numbered = column.name.isdigit()
        name = f"{self.body.by} {column.name}" if numbered else column.name
        start = unit(20) if numbered else min(unit(34), rect.width() * 0.4)
        fresh = sum(bool(c.mark) for c in column.cards)
        ink.write(unit(1), rect.top(), name, width=start - unit(3), bold=bool(fresh))
        room = QRectF(start, rect.top() + body.height() / 2 - 4, rect.width() - start - unit(14), 8)
        self.bar(ink, room, column.held / fullest, None if column.held else ink.color("track"))
        ink.write_left_of(rect.width() - unit(1), rect.top() + 1, count(column.held, "item"), "text-2")
        gone = f"{count(column.gone, 'item')} gone: out of this bucket and of the memory" if column.gone else ""
        touched = f"{count(fresh, 'item')} touched at this turn" if fresh else ""
        head = QRectF(0, rect.top(), rect.width(), body.height())
        self.zone(head, None, f"{name}: {column.held:,} active", gone, touched)
        y = rect.top() + body.height() + unit(1)
        for card in column.cards[:_LINES]:
            y = self._line(ink, QRectF(start, y, rect.width() - start, ink.style.metrics("small").height()), card)

    def _line(self, ink: Ink, rect: QRectF, card: Card) -> float:
        unit, grown = ink.style.unit, ink.style.size / theme.NORMAL
        if card.item.id == self.chosen:
            ground(ink, rect.adjusted(-unit(1), -2, 0, 2), True, False)
        mark = marks.mark_of(card.mark) if card.mark else None
        if mark is not None:
            marks.draw(ink.painter, mark, QPointF(rect.left() + 5 * grown, rect.center().y()), 3.2 * grown, self.color)
        left = rect.left() + unit(4)
        paler = Ink(ink.painter, 1.0 if card.item.active else GHOST)
        role = "text" if card.mark else "text-2"
        paler.write(left, rect.top(), one_line(card.item.text), role, "small", rect.right() - left - unit(1))
        self.zone(rect, card.item, *story(card))
        return rect.bottom() + unit(1)


class FragmentSketch(Sketch):
    """The context as a bar of fragments, and under it what the model sees of each."""

    body: Fragments

    def _tall(self, card: Card) -> int:
        style = theme.active()
        small = style.metrics("small").height()
        if card.item.fields["view"] == "folded":
            return small + style.unit(1.5)
        return style.metrics().height() + small + style.unit(3)

    def _bar(self) -> int:
        return theme.active().unit(12)

    def height(self, width: int) -> int:  # noqa: D102
        return self._bar() + sum(self._tall(c) + theme.active().unit(1) for c in self.body.cards)

    def paint(self, ink: Ink, width: int, clip: QRectF) -> None:  # noqa: D102
        self._strip(ink, QRectF(0, ink.style.unit(6), width, ink.style.unit(4)))
        self._words(ink, width)
        top = float(self._bar())
        for card in self.body.cards:
            rect = QRectF(0, top, width, self._tall(card))
            if rect.intersects(clip):
                self._fragment(ink, rect, card)
            top += rect.height() + ink.style.unit(1)

    def _words(self, ink: Ink, width: int) -> None:
        x, style = 0.0, ink.style
        for view in ("full", "summary", "folded"):
            box = QRectF(x, 3, 10, 10)
            self._fill(ink, box, view)
            x = ink.write(x + 15, 0, f"{view}  {self.body.counts.get(view, 0):,}", "text-2", "small") + style.unit(4)

    def _fill(self, ink: Ink, box: QRectF, view: str) -> None:
        color = ink.style.color("track") if view == "folded" else QColor(self.color)
        color.setAlphaF(0.45 if view == "summary" else 1.0)
        ink.painter.setPen(Qt.PenStyle.NoPen)
        ink.painter.setBrush(color)
        ink.painter.drawRoundedRect(box, 2, 2)

    def _strip(self, ink: Ink, rect: QRectF) -> None:
        lengths = [len(c.item.text) for c in self.body.cards]
        x, scale = rect.left(), rect.width() / max(sum(lengths), 1)
        for card, length in zip(self.body.cards, lengths, strict=True):
            wide, view = length * scale, str(card.item.fields["view"])
            box = QRectF(x, rect.top(), max(wide - 1, 0.8), rect.height())
            self._fill(ink, box, view)
            if card.item.id == self.chosen:
                ink.painter.setPen(QPen(ink.color("accent-fill"), 2))
                ink.painter.setBrush(Qt.BrushStyle.NoBrush)
                ink.painter.drawRoundedRect(box, 2, 2)
            self.zone(box, card.item, f"{view} · {length:,} characters", *story(card))
            x += wide

    def _fragment(self, ink: Ink, rect: QRectF, card: Card) -> None:
        unit, view, item = ink.style.unit, str(card.item.fields["view"]), card.item
        folded = view == "folded"
        if not folded or item.id == self.chosen or card.mark:
            ground(ink, rect, item.id == self.chosen, bool(card.mark))
        color = ink.style.color("text-3", 0.5) if folded else QColor(self.color)
        color.setAlphaF(0.45 if view == "summary" else color.alphaF())
        ink.painter.setPen(Qt.PenStyle.NoPen)
        ink.painter.setBrush(color)
        ink.painter.drawRoundedRect(QRectF(0, rect.top() + 1, 3, rect.height() - 2), 1.5, 1.5)
        left, top = rect.left() + unit(3), rect.top() + unit(1 if folded else 1.5)
        said = view if not card.was else f"{card.was} → {view}"
        start = ink.write_left_of(
            rect.right() - unit(2), top + (0 if folded else 1), said, "accent" if card.was else "text-3"
        )
        text = item.fields.get("summary") if view == "summary" else item.text
        role, font = ("text-3", "small") if folded else ("text", "body")
        ink.write(left, top, one_line(str(text)), role, font, start - left - unit(2))
        if not folded:
            lower = top + ink.style.metrics().height() + 1
            ink.write(left, lower, f"{item.id} · {len(item.text):,} characters", "text-3", "small", start - left)
        self.zone(rect, item, f"summary: {text}" if view == "summary" else view, *story(card))
