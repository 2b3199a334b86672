"""Causes of wrong answers as stacked bars, one for each lane and, below it, one for each competency."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from ui.theme import theme
from ui.theme.theme import Theme
from ui.widgets.painting import painting
from ui.widgets.zones import Zone, ZonedWidget, tip
from workbench.probes.competencies import label
from workbench.projections.why import ORDER, LaneCauses
from workbench.why.verdict import (
    CUT,
    LOST,
    MISREAD,
    NEVER_STORED,
    NOT_ATTENDED,
    NOT_RETRIEVED,
    SCORER,
    TITLES,
    UNEXPLAINED,
)

Chosen = Callable[[int, str, str], None]
_LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)


_COLORS = {
    NEVER_STORED: ("bad", 1.0),
    LOST: ("bad", 0.55),
    NOT_RETRIEVED: ("accent-fill", 1.0),
    CUT: ("accent-fill", 0.55),
    NOT_ATTENDED: ("right", 1.0),
    MISREAD: ("right", 0.55),
    SCORER: ("good", 1.0),
    UNEXPLAINED: ("text-3", 0.5),
}
"""Colour and strength of a cause: one hue for what went wrong in writing, one for retrieval, one for reading."""


def color_of(cause: str) -> QColor:
    """The colour of a cause."""
    return theme.active().color(*_COLORS[cause])


class CauseBars(ZonedWidget):
    """The bars. A click on a part calls ``chosen`` with lane, competency (empty for all) and cause; one on a name with
    an empty cause."""

    def __init__(self, chosen: Chosen, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._chosen = chosen
        self._rows: list[tuple[int, str, str, Mapping[str, int], str]] = []
        self._most = 1
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_causes(self, lanes: Sequence[LaneCauses], room: int = 0, unfolded: int = 0) -> None:
        """Show these. Where all of them are higher than ``room`` (px; 0: any), competencies only of the lane
        ``unfolded``."""
        self._rows = [row for lane in lanes for row in _rows(lane)]
        if room and self.sizeHint().height() > room:
            self._rows = [row for row in self._rows if not row[1] or row[0] == unfolded]
        self._most = max((sum(row[3].values()) for row in self._rows), default=1) or 1
        told = "; ".join(f"{row[2]}: {_counts(row[3])}" for row in self._rows if not row[1])
        self.setAccessibleName(f"Causes per lane. {told}")
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:  # noqa: D102
        now = theme.active()
        return QSize(now.unit(80), sum(self._height(now, row[1]) for row in self._rows) + self._legend(now)[-1][2])

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.updateGeometry()  # the legend takes other lines

    def minimumSizeHint(self) -> QSize:  # noqa: D102
        return QSize(theme.active().unit(60), self.sizeHint().height())

    def _height(self, now: Theme, competency: str) -> int:
        return now.metrics("small" if competency else "body").height() + now.unit(1 if competency else 2.5)

    def _legend(self, now: Theme) -> list[tuple[str, int, int]]:
        """The causes that there are, with where each stands, in as many lines as they take; last, where the bars
        begin."""
        line, x, y = now.metrics("small").height() + now.unit(1), 0, 0
        places = []
        for cause in (c for c in ORDER if any(row[3].get(c) for row in self._rows)):
            width = now.unit(4.5) + now.metrics("small").horizontalAdvance(TITLES[cause])
            if x and x + width > self.width():
                x, y = 0, y + line
            places.append((cause, x, y))
            x += width + now.unit(3)
        return [*places, ("", 0, y + line + now.unit(2))]

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102
        with painting(self) as painter:
            self._paint(painter, theme.active())

    def _paint(self, painter: QPainter, now: Theme) -> None:
        self.zones = []
        y, left = self._draw_legend(painter, now), min(now.unit(44), self.width() // 3)
        for lane, competency, name, counts, note in self._rows:
            height = self._height(now, competency)
            role = "small" if competency else "body"
            painter.setFont(now.font(role, bold=not competency))
            painter.setPen(now.color("text-3" if competency else "text"))
            indent = now.unit(3) if competency else 0
            text = QRect(indent, y, left - indent - now.unit(2), height)
            painter.drawText(
                text,
                _LEFT,
                now.metrics(role, not competency).elidedText(name, Qt.TextElideMode.ElideRight, text.width()),
            )
            self.zones.append(Zone(text, tip(name), partial(self._chosen, lane, competency, "")))
            self._bar(painter, now, QRect(left, y, self.width() - left, height), lane, competency, counts)
            if note:
                painter.setFont(now.font("small"))
                painter.setPen(now.color("text-3"))
                painter.drawText(QRect(left, y, self.width() - left, height), _RIGHT, note)
            y += height

    def _bar(
        self, painter: QPainter, now: Theme, rect: QRect, lane: int, competency: str, counts: Mapping[str, int]
    ) -> None:
        room = max(1, rect.width() - now.unit(46))
        x = float(rect.x())
        inset = now.unit(0.75)
        for cause in ORDER:
            if not counts.get(cause):
                continue
            width = room * counts[cause] / self._most
            part = QRectF(x, rect.y() + inset, max(3.0, width - 1), rect.height() - 2 * inset)
            painter.fillRect(part, color_of(cause))
            said = tip(f"{counts[cause]} {TITLES[cause]}")
            self.zones.append(Zone(part.toRect(), said, lambda c=cause: self._chosen(lane, competency, c)))  # type: ignore[misc]
            x += width

    def _draw_legend(self, painter: QPainter, now: Theme) -> int:
        """The colours of the causes; where the bars begin."""
        *places, (_, _, below) = self._legend(now)
        line = now.metrics("small").height() + now.unit(1)
        painter.setFont(now.font("small"))
        painter.setPen(now.color("text-2"))
        for cause, x, y in places:
            square = QRectF(x, y + (line - now.unit(2.5)) / 2, now.unit(2.5), now.unit(2.5))
            painter.fillRect(square, color_of(cause))
            text = QRect(x + now.unit(3.5), y, self.width() - x, line)
            painter.drawText(text, _LEFT, TITLES[cause])
        return below


def _rows(lane: LaneCauses) -> list[tuple[int, str, str, Mapping[str, int], str]]:
    """A lane's bar and those of its competencies: lane, competency, name, causes, note."""
    note = f"{len(lane.wrong)} of {lane.asked} wrong"
    if tried := sum(w.confirmed is not None for w in lane.wrong):
        note += f", {lane.proved} proved" + (f" of {tried} tried" if tried < len(lane.wrong) else "")
    parts = lane.by_competency()
    more = [(lane.lane.id, name, label(name), counts, "") for name, counts in parts.items()] if len(parts) > 1 else []
    return [(lane.lane.id, "", lane.lane.name, lane.counts, note), *more]


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{counts[c]} {TITLES[c]}" for c in ORDER if counts.get(c)) or "none"
