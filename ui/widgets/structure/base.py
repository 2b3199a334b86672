"""The base of the sketches, and what they share: cards, section heads, bars."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPen

from ui.theme import marks, theme
from ui.widgets.ink import Ink
from ui.widgets.rich import VERBS
from ui.widgets.zones import Zone, tip
from workbench.memory.items import Item
from workbench.projections.structure.cards import Card
from workbench.trace.events import Kind

GHOST = 0.65
"""Strength of what has left the memory."""


class Sketch:
    """Paints the body of one shape.

    Attributes:
        body: what ``workbench.projections.structure.view`` made.
        color: the lane's.
        chosen: id of the selected item, empty for none.
        turn: the cursor's.
        choose, go: select an item, move the cursor to a turn.
        zones: the places of the last painting.
    """

    def __init__(self, body: Any, color: QColor, turn: int) -> None:
        self.body, self.color, self.turn = body, color, turn
        self.chosen = ""
        self.choose: Callable[[str], None] = lambda _: None
        self.go: Callable[[int], None] = lambda _: None
        self.zones: list[Zone] = []

    def height(self, width: int) -> int:
        """How high it is at this width, in px."""
        raise NotImplementedError

    def paint(self, ink: Ink, width: int, clip: QRectF) -> None:
        """Paint what lies in ``clip`` and note its zones."""
        raise NotImplementedError

    def zone(self, rect: QRectF, item: Item | None, *lines: str) -> None:
        """A place that explains itself; a click selects the item."""
        click = None if item is None else lambda name=item.id: self.choose(name)
        self.zones.append(Zone(rect.toAlignedRect(), partial(tip, *lines), click))

    def card(self, ink: Ink, rect: QRectF, card: Card, clip: QRectF) -> None:
        """An item in two lines: what it says, and under it its id and where it came from."""
        if not rect.intersects(clip):
            return
        style, item = ink.style, card.item
        ground(ink, rect, self.chosen == item.id, bool(card.mark))
        grown = style.size / theme.NORMAL
        left, top = rect.left() + style.unit(2), rect.top() + style.unit(1.5)
        paler = Ink(ink.painter, 1.0 if item.active else GHOST)
        mark = marks.mark_of(card.mark) if card.mark else None
        if mark is not None:
            center = QPointF(left + 5 * grown, top + style.metrics().height() / 2)
            marks.draw(ink.painter, mark, center, 3.8 * grown, self.color)
            left += 15 * grown
        room = rect.right() - style.unit(2) - left
        paler.write(left, top, one_line(item.text) or item.id, width=room)
        lower = top + style.metrics().height() + 1
        end = paler.write(left, lower, item.id, "text-3", "small", room)
        what = f"from {card.was}" if card.was else card.note if item.active else item.status
        if what and rect.right() - end > style.unit(12):
            role = "accent" if card.was else "text-3"
            paler.write(end + style.unit(2), lower, what, role, "small", rect.right() - end - style.unit(4))
        self.zone(rect.intersected(clip), item, *story(card))

    def bar(self, ink: Ink, rect: QRectF, share: float, color: QColor | None = None) -> None:
        """A track filled to ``share`` of its width."""
        radius = rect.height() / 2
        ink.painter.setPen(Qt.PenStyle.NoPen)
        ink.painter.setBrush(ink.color("track"))
        ink.painter.drawRoundedRect(rect, radius, radius)
        if share > 0:
            wide = max(rect.width() * min(share, 1.0), rect.height())
            ink.painter.setBrush(color or self.color)
            ink.painter.drawRoundedRect(QRectF(rect.left(), rect.top(), wide, rect.height()), radius, radius)


def card_height() -> int:
    """Height of a card."""
    style = theme.active()
    return style.metrics().height() + style.metrics("small").height() + style.unit(3) + 2


def ground(ink: Ink, rect: QRectF, chosen: bool, fresh: bool) -> None:
    """What a card stands on: framed in the accent while it is selected, brighter when this turn touched it."""
    ink.painter.setPen(QPen(ink.color("accent-fill"), 1.2) if chosen else Qt.PenStyle.NoPen)
    ink.painter.setBrush(ink.color("accent-soft" if chosen else "control" if fresh else "raised"))
    ink.painter.drawRoundedRect(rect.adjusted(0.6, 0.6, -0.6, -0.6), 5, 5)


def one_line(text: str) -> str:
    """The beginning of a text without its line breaks."""
    return " ".join(text[:400].split())


def story(card: Card) -> tuple[str, ...]:
    """The lines of a card's tooltip."""
    item = card.item
    turns = ", ".join(map(str, item.turns))
    verb = VERBS.get(Kind(card.mark), "") if card.mark else ""
    did = f"{verb} at this turn" if verb else ""
    did += f", from {card.was}" if card.was else ""
    status = "" if item.active else f" · {item.status}"
    return (item.text or "no text yet", f"{item.id} · {item.kind}{status} · turns {turns}", did, card.note)
