"""The packed context as one bar: every span as long as its tokens."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from ui.theme import theme
from ui.widgets.painting import painting
from ui.widgets.zones import Zone, ZonedWidget
from workbench.projections.hits import ContextSpan


class SpanBar(ZonedWidget):
    """Spans in prompt order; evidence in the accent, the chosen item outlined, what is not memory in grey.

    Signals:
        chosen: index of the span that was clicked.
    """

    chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._spans: tuple[ContextSpan, ...] = ()
        self._room, self._item, self._color = 0, "", QColor()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Packed context")

    def show_spans(self, spans: Sequence[ContextSpan], room: int, color: QColor) -> None:
        """``room`` is how many tokens would fit; 0 when unknown. ``color`` is the lane's."""
        self._spans, self._room, self._color = tuple(spans), room, color
        self.setAccessibleDescription(", ".join(f"{s.label} {s.length} tokens" for s in spans))
        self.update()

    def choose(self, item: str) -> None:
        """Outline the spans of an item."""
        if item != self._item:
            self._item = item
            self.update()

    def sizeHint(self) -> QSize:  # noqa: D102
        return QSize(200, theme.active().unit(5))

    def paintEvent(self, _: QPaintEvent) -> None:  # noqa: D102
        style = theme.active()
        used = sum(s.length for s in self._spans)
        whole = max(used, self._room, 1)
        self.zones = []
        with painting(self) as painter:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(style.color("track"))
            bar = QRectF(0, 2, self.width(), self.height() - 4)
            painter.drawRoundedRect(bar, 4, 4)
            x, scale = 0.0, self.width() / whole
            for number, span in enumerate(self._spans):
                wide = span.length * scale
                rect = QRectF(x + 0.5, 2, max(wide - 1, 0.8), self.height() - 4)
                x += wide
                painter.setBrush(self._fill(span))
                chosen = bool(self._item) and self._item in span.items
                painter.setPen(style.color("accent-fill") if chosen else Qt.PenStyle.NoPen)
                painter.drawRoundedRect(rect, 2, 2)
                area = QRect(int(rect.left()), 0, max(int(rect.width()), 3), self.height())
                self.zones.append(Zone(area, partial(span_tip, span), lambda n=number: self.chosen.emit(n)))  # type: ignore[misc]

    def _fill(self, span: ContextSpan) -> QColor:
        style = theme.active()
        if span.evidence:
            return style.color("accent-fill")
        if not span.items and not span.turns:
            return style.color("control-hover")
        faint = QColor(self._color)
        faint.setAlphaF(0.75)
        return faint


def span_tip(span: ContextSpan) -> str:
    """What a span is, for tooltips."""
    lines = [span.label if span.label == span.kind else f"{span.kind} {span.label}", f"{span.length:,} tok"]
    if span.turns:
        lines.append(f"from turn{'s' if len(span.turns) > 1 else ''} {', '.join(map(str, span.turns[:12]))}")
    if span.evidence:
        lines.append("holds the evidence")
    return "\n".join([", ".join(lines), span.text[:400]])
