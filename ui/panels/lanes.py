"""The lanes side by side: how each answered the probe in question, from which context, and what it did this turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, QSize, QSizeF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap, QResizeEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from ui.models.table import Table
from ui.panels.base import Empty, Panel
from ui.state.moment import Moment
from ui.theme import marks, theme
from ui.theme.marks import Mark
from ui.theme.theme import Theme
from ui.widgets.answer_card import AnswerCard
from ui.widgets.arrays import vector
from ui.widgets.export import Style
from ui.widgets.lane_drag import LaneDrag
from ui.widgets.painting import painting
from ui.widgets.paragraph import draw_lines, height_of, lines_of
from ui.widgets.units import count, ms, percent, tokens
from ui.widgets.zones import Zone, ZonedWidget, tip
from workbench.projections.index import TraceIndex
from workbench.projections.lanes import AnswerView, Lanes, LaneView, SpanView, Step, lanes
from workbench.trace.events import FIXED
from workbench.trace.reader import TraceReader
from workbench.words import shared

NARROWEST = 172
"""Width of a column in the ordinary type; where there is less room, some columns are out of sight to the side."""
_WIDEST = 460
_MOST_BELOW = 3
_ANSWER_LINES = 3
_FAR = 600  # characters of a line that may be seen at most
_SURE = 48  # characters of a text that is measured before it is cut: most of these fit
_LOW = 48  # units of the grid: in a lower column an answer has a line less
_MOST_KEPT = 12  # painted parts a column: some probes to and fro
_THIN = 3.0  # px of a span whose corners nobody sees
_FEWEST_SPANS = 3  # lines of the context: fewer are no use


class LanesPanel(Panel):
    """Columns, one per lane; the selected lane is the one that the inspector is about."""

    name: ClassVar[str] = "lanes"
    figure_height: ClassVar[int] = 460
    follows: ClassVar[frozenset[str]] = frozenset({"session", "turn", "seq", "probe", "pinned"})
    by_lane: ClassVar[bool] = True
    lanes_run: ClassVar[str] = "right"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.only_selected = False
        super().__init__(*args, **kwargs)

    @staticmethod
    def project(reader: TraceReader, moment: Moment, options: Any) -> Lanes | Empty:  # noqa: D102
        if not moment.session:
            return Empty("The run has no session yet", "It appears as soon as the engine has read it")
        view = lanes(reader, moment.session, moment.turn, moment.seq, moment.probe, moment.pinned, options)
        return view if view.lanes else Empty("The run has no lanes", "Start a run with at least one memory strategy")

    def build(self) -> QWidget:  # noqa: D102
        body = QWidget()
        layout = QVBoxLayout(body)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.active().unit(2))
        self.question = _Question(self)
        self.columns = _Columns(self)
        self.side = _Sideways()
        self.side.setFrameShape(QFrame.Shape.NoFrame)
        self.side.setWidgetResizable(True)
        self.side.setWidget(self.columns)
        self.side.horizontalScrollBar().rangeChanged.connect(lambda *_: self.columns.bring())
        self.side.horizontalScrollBar().valueChanged.connect(lambda _: self.columns.scrolled())
        layout.addWidget(self.question)
        layout.addWidget(self.side, 1)
        return body

    def options(self) -> frozenset[int] | None:
        """The lanes in sight: of the others an answer is read without its context. None for all."""
        return None if self._table_on else self.columns.in_sight()

    def toggle_table(self) -> None:  # noqa: D102
        super().toggle_table()
        self.refresh()

    def export(self, path: Path, style: Style | None = None) -> None:  # noqa: D102
        self._complete()
        super().export(path, style)

    def copy_table(self) -> None:  # noqa: D102
        self._complete()
        super().copy_table()

    def _complete(self) -> None:
        """Read the answers of the lanes out of sight whole, now: a figure and a table have all lanes."""
        reader, view = self.workspace.reader, self.view
        if reader is None or view is None or all(a is None or a.whole for a in (lane.answer for lane in view.lanes)):
            return
        TraceIndex.of(reader).refresh()
        self._whole = self.project(reader, self._reduced(self.moment), None)
        self.view = self.arranged(self._whole)
        self._arrange()

    def arranged(self, view: Lanes) -> Lanes:  # noqa: D102
        return replace(view, lanes=self.workspace.roster.arrange(view.lanes, lambda lane: lane.lane))

    def lane_under(self, point: QPoint) -> int:  # noqa: D102
        return self.columns.lane_at(self.columns.mapFrom(self, point))

    def title(self, view: Lanes | None) -> str:  # noqa: D102
        return f"Lanes at turn {view.turn}" if view else "Lanes"

    def show_view(self, view: Lanes) -> None:  # noqa: D102
        run = self.workspace.run
        if run is not None and run.places:
            view = replace(view, lanes=tuple(replace(lane, place=run.place(lane.lane)) for lane in view.lanes))
        self.question.show_view(view)
        self.columns.show_view(view)

    def on_moment(self, moment: Moment) -> None:  # noqa: D102
        self.columns.choose(moment.lane, moment.item, moment.thread)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102
        super().resizeEvent(event)
        self.question.fit()

    def retheme(self) -> None:  # noqa: D102
        self.columns.fit()
        self.question.fit()

    def show_answers(self) -> None:
        """Show every answer to the probe in question in full."""
        if self.view is not None and self.view.probe:
            AnswerCard(self.view, self.view.lanes, self).show_over(self)

    def show_only_selected(self, only: bool) -> None:
        """Show the selected lane alone (layout Talk), or all of them."""
        self.only_selected = only
        self.columns.fit()

    def table(self, view: Lanes) -> Table:  # noqa: D102
        columns = (
            "lane", "items", "operations", "answer", "correct", "spans", "evidence spans", "attention on evidence",
            "prompt (tok)", "generated (tok)", "answer (ms)", "turn (ms)",
        )  # fmt: skip
        return Table(columns, [_row(lane) for lane in view.lanes])


def _row(lane: LaneView) -> tuple[Any, ...]:
    a = lane.answer
    answer: tuple[Any, ...] = (None,) * 8
    if a:
        held = sum(s.evidence for s in a.spans)
        answer = (a.text, a.correct, len(a.spans), held, a.attention, a.prompt_tokens, a.generated, a.ms)
    return (lane.name, lane.items, sum(lane.counts.values()), *answer, lane.ms)


class _Question(ZonedWidget):
    """The probe that the answers are about, in one line over the columns."""

    def __init__(self, panel: LanesPanel) -> None:
        super().__init__()
        self._panel = panel
        self._view: Lanes | None = None
        self._narrow = False
        self.fit()

    def fit(self) -> None:
        """One line, or three where the panel is narrow: by its width alone, so that nothing jumps from turn to turn."""
        now = theme.active()
        self._narrow = self._panel.width() < now.unit(130)
        below = 2 if now.size <= theme.TALK else 1
        lines = now.metrics("small").height() + below * now.line() + now.unit(1)
        self.setFixedHeight((lines if self._narrow else now.metrics().height()) + now.unit(3))
        self.update()

    def show_view(self, view: Lanes) -> None:
        self._view = view
        self.setAccessibleName(f"Probe: {view.question}" if view.probe else "No probe was asked so far")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._view is not None:
            with painting(self) as painter:
                self._paint(painter, self._view, theme.active())

    def _paint(self, painter: QPainter, view: Lanes, now: Theme) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(now.color("raised"))
        painter.drawRoundedRect(QRectF(self.rect()), 6, 6)
        self.zones = []
        inner = self.rect().adjusted(now.unit(3), 0, -now.unit(3), 0)
        if self._narrow:
            inner.adjust(0, now.unit(1.5), 0, 0)
            line = _Line(painter, now, QRect(inner.x(), inner.y(), inner.width(), now.metrics().height()))
        else:
            line = _Line(painter, now, inner)
        if not view.probe:
            line.left("No probe was asked so far", "body", "text-3")
            return
        away = view.turn - view.asked
        asked = (
            f"asked {count(away, 'turn')} ago"
            if away > 0
            else f"asked {count(-away, 'turn')} on"
            if away
            else "asked now"
        )
        gold = " or ".join(view.gold) or "never said"
        line.left("probe", "small", "accent", bold=True)
        known = now.metrics(bold=True).horizontalAdvance(gold) + now.metrics("small").horizontalAdvance("gold")
        if not self._narrow or line.room(asked, "small") >= known + now.unit(4):  # what the tooltip says gives way
            line.right(asked, "small", "text-3")
        line.right(gold, "body", "text", bold=True, most=0.75 if self._narrow else 0.4)
        if line.room("gold", "small") >= 0:
            line.right("gold", "small", "text-3")
        if self._narrow:
            inner.setTop(inner.y() + now.metrics().height() + now.unit(0.5))
            most = max(1, (self.height() - inner.y()) // now.line())
            draw_lines(painter, " ".join(view.question.split()), QRectF(inner), now.font(), now.color("text"), most)
        else:
            line.left(view.question, "body", "text")
        go = self._panel.workspace.cursor.go
        self.zones = [
            Zone(
                self.rect(),
                tip(view.question, f"gold: {gold}", f"asked after turn {view.asked}"),
                lambda: go(view.asked),
            )
        ]


class _Line:
    """Texts set from both ends of one line."""

    def __init__(self, painter: QPainter, now: Theme, rect: QRect) -> None:
        self._painter, self._now, self._rect = painter, now, QRect(rect)

    def room(self, text: str, role: str) -> int:
        """Px that would be left of the line beside a text."""
        return self._rect.width() - self._now.metrics(role).horizontalAdvance(text) - self._now.unit(2)

    def left(self, text: str, role: str, color: str, bold: bool = False) -> None:
        metrics, shown = self._set(text, role, color, bold)
        self._painter.drawText(self._rect, _MIDDLE_LEFT, shown)
        self._rect.setLeft(self._rect.left() + metrics.horizontalAdvance(shown) + self._now.unit(3))

    def right(self, text: str, role: str, color: str, bold: bool = False, most: float = 1.0) -> None:
        """``most``: share of what is left of the line that the text takes at most."""
        metrics, shown = self._set(text, role, color, bold, most)
        self._painter.drawText(self._rect, _MIDDLE_RIGHT, shown)
        self._rect.setRight(self._rect.right() - metrics.horizontalAdvance(shown) - self._now.unit(2))

    def _set(self, text: str, role: str, color: str, bold: bool, most: float = 1.0) -> tuple[QFontMetrics, str]:
        metrics = self._now.metrics(role, bold)
        self._painter.setFont(self._now.font(role, bold))
        self._painter.setPen(self._now.color(color))
        room = round(max(0, self._rect.width()) * most)
        return metrics, metrics.elidedText(" ".join(text[:_FAR].split()), Qt.TextElideMode.ElideRight, room)


_MIDDLE_LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
_MIDDLE_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)


@dataclass(frozen=True, slots=True)
class _Kept:
    """A painted part of a column: its zones count from its own corner. It holds the answer, whose id is its key."""

    answer: AnswerView
    pixmap: QPixmap
    zones: list[Zone]
    height: int


class _Columns(ZonedWidget):
    """All columns, painted in one go: a turn of five lanes takes a few milliseconds."""

    def __init__(self, panel: LanesPanel) -> None:
        super().__init__()
        self._panel = panel
        self._view: Lanes | None = None
        self._lane, self._item = 0, ""
        self.followed: int | None = None
        self.answer_lines = 1
        self.kept: dict[Any, _Kept] = {}
        self.drag = LaneDrag(panel.workspace.roster, self.lane_at)
        self.setAccessibleName("Lanes side by side")

    def show_view(self, view: Lanes) -> None:
        before, self._view = self._view, view
        if before is None or [lane.lane for lane in before.lanes] != [lane.lane for lane in view.lanes]:
            self.fit()
            self.bring()
        self.setAccessibleDescription("; ".join(_spoken(lane) for lane in view.lanes))
        self.update()

    def choose(self, lane: int, item: str, thread: int | None) -> None:
        if (lane, item, thread) != (self._lane, self._item, self.followed):
            moved, self._lane, self._item, self.followed = lane != self._lane, lane, item, thread
            if moved:
                self.bring()
            self.update()

    def bring(self) -> None:
        """Scroll sideways until the selected column is in view."""
        shown = self._shown()
        place = next((i for i, lane in enumerate(shown) if lane.lane == self._lane), None)
        if place is not None and self.minimumWidth() and place >= self._fixed():
            each = (self.minimumWidth() + theme.active().unit(2)) / len(shown)
            start = self._start(round(place * each), round(each))
            self._panel.side.horizontalScrollBar().setValue(round(round(start / each) * each))  # whole columns

    def _start(self, left: int, width: int) -> int:
        bar, room = self._panel.side.horizontalScrollBar(), self._panel.side.viewport().width()
        covered = self._fixed() * width  # by what does not move with the others
        return (
            left - covered
            if left - covered < bar.value()
            else max(bar.value(), left + width - theme.active().unit(2) - room)
        )

    def fit(self) -> None:
        """Ask for as much room as the columns need."""
        now, many = theme.active(), max(1, len(self._shown()))
        room, gap = self._panel.side.viewport().width(), now.unit(2)
        fit = min(many, max(1, (room + gap) // (self._narrowest() + gap)))
        each = (room + gap) // fit  # whole columns are seen, never a part of one
        self.setMinimumSize(
            each * many - gap if many > fit else 0,
            now.metrics().height() * (10 if now.size <= theme.TALK else 6) + now.unit(13),
        )
        self.update()

    def sizeHint(self) -> QSize:
        return self.minimumSize()

    def _narrowest(self) -> int:
        return round(NARROWEST * theme.active().size / 13)

    def _shown(self) -> tuple[LaneView, ...]:
        if self._view is None:
            return ()
        if self._panel.only_selected:
            return tuple(lane for lane in self._view.lanes if lane.lane == self._lane) or self._view.lanes[:1]
        return self._view.lanes

    def _fixed(self) -> int:
        """How many columns, the pinned ones, stay where they are when the others are scrolled sideways."""
        shown, gap = self._shown(), theme.active().unit(2)
        pinned = sum(self._panel.workspace.roster.pinned(lane.lane) for lane in shown)
        if not pinned or pinned == len(shown) or not self.minimumWidth():
            return 0
        each = (self.minimumWidth() + gap) / len(shown)
        return pinned if (pinned + 1) * each <= self._panel.side.viewport().width() + gap + 1 else 0

    def scrolled(self) -> None:
        """The columns were scrolled sideways: others are in sight."""
        self._panel.refresh()
        if self._fixed():
            self.update()

    def in_sight(self) -> frozenset[int] | None:
        """The lanes whose columns are seen, at least in part; None before there are any."""
        shown = self._shown()
        if not shown:
            return None
        if not self.minimumWidth():
            return frozenset(lane.lane for lane in shown)
        begin, width = self._panel.side.horizontalScrollBar().value(), self._width()
        end = begin + self._panel.side.viewport().width()
        lefts = zip(shown, self._lefts(), strict=True)
        return frozenset(lane.lane for lane, left in lefts if left < end and left + width > begin)

    def _width(self) -> float:
        """Of a column."""
        many = len(self._shown())
        width = (self.width() - theme.active().unit(2) * (many - 1)) / max(1, many)
        return min(width, max(_WIDEST, self.width() / 3)) if many > 1 else width

    def _lefts(self) -> list[float]:
        """Where the columns begin."""
        moved, fixed = self._panel.side.horizontalScrollBar().value(), self._fixed()
        each = self._width() + theme.active().unit(2)
        return [(moved if place < fixed else 0) + place * each for place in range(len(self._shown()))]

    def lane_at(self, point: QPoint) -> int:
        """The lane of the column under a point; 0 for none."""
        shown, width = self._shown(), self._width()
        inside = (i for i, left in enumerate(self._lefts()) if left <= point.x() <= left + width)
        place = next(inside, None)
        return 0 if place is None else shown[place].lane

    def mousePressEvent(self, event: QMouseEvent) -> None:
        point = event.position().toPoint()
        if event.button() == Qt.MouseButton.LeftButton and point.y() <= self.head():
            self.drag.press(point, self.lane_at(point))
        super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self.drag.move(event.position().toPoint()):
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
            self.update()
        else:
            super().mouseMoveEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self.drag.release():
            self.unsetCursor()
            self.update()
        super().mouseReleaseEvent(event)

    def head(self) -> int:
        """Height of a column's head, by which it is dragged."""
        now = theme.active()
        return now.unit(3) + now.metrics("title", bold=True).height() + now.metrics("small").height()

    def paintEvent(self, event: QPaintEvent) -> None:
        view = self._view
        if view is None:
            return
        shown, now = self._shown(), theme.active()
        self.zones = []
        with painting(self) as painter:
            self._paint(painter, event.rect(), view, shown, now)

    def _paint(self, painter: QPainter, dirty: QRect, view: Lanes, shown: tuple[LaneView, ...], now: Theme) -> None:
        fixed, lefts, width = self._fixed(), self._lefts(), round(self._width())
        self.answer_lines = self._lines(shown, width, now)
        for place in (*range(fixed, len(shown)), *range(fixed)):  # the fixed ones over those that move beneath them
            lane, rect = shown[place], QRect(round(lefts[place]), 0, width, self.height())
            if place < fixed:
                painter.fillRect(rect.adjusted(0, 0, now.unit(2), 0), now.color("surface"))
            if rect.intersects(dirty):
                _Column(self, painter, rect, lane, view, self._panel, lane.lane == self._lane, self._item).paint()
                if lane.lane == self.drag.over:
                    painter.setPen(QPen(now.color("accent-fill"), 2, Qt.PenStyle.DashLine))
                    painter.setBrush(Qt.BrushStyle.NoBrush)
                    painter.drawRoundedRect(QRectF(rect).adjusted(1, 1, -1, -1), 6, 6)
        for key in list(self.kept)[: -_MOST_KEPT * len(shown)]:
            del self.kept[key]

    def _lines(self, shown: tuple[LaneView, ...], width: int, now: Theme) -> int:
        """Lines that the longest of the answers needs, up to three: all columns give it the same room."""
        room = width - now.unit(5) - now.unit(10)
        most = _ANSWER_LINES if self.height() > now.unit(_LOW) else _ANSWER_LINES - 1
        texts = [" ".join(lane.answer.text.split()) for lane in shown if lane.answer is not None]
        wide = [text for text in texts if now.advance(text, "large", bold=True) > room]
        return max((len(lines_of(text, now.font(), room, most)) for text in wide), default=1)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.update()


class _Sideways(QScrollArea):
    """Scrolls sideways by whole columns; its width decides how many of them are seen."""

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        columns = self.widget()
        if isinstance(columns, _Columns):
            columns.fit()
            columns.bring()
            columns.scrolled()


def _spoken(lane: LaneView) -> str:
    answer = lane.answer
    verdict = "" if answer is None else f", answered {answer.text}, {'right' if answer.correct else 'wrong'}"
    return f"{lane.name}: {lane.items} items{verdict}"


class _Column:
    """Paints one lane from top to bottom."""

    def __init__(
        self,
        widget: _Columns,
        painter: QPainter,
        rect: QRect,
        lane: LaneView,
        view: Lanes,
        panel: LanesPanel,
        selected: bool,
        item: str,
    ) -> None:
        self.now = theme.active()
        self.widget, self.painter, self.lane, self.view = widget, painter, lane, view
        self.selected, self.item, self.select = selected, item, panel.workspace.selection.select
        self.explain = panel.workspace.explain
        self.being_written = lambda: panel.workspace.being_written
        self.alone = panel.only_selected
        self.lines = widget.answer_lines
        self.pinned = panel.workspace.roster.pinned(lane.lane)
        self.whole = rect
        pad = self.now.unit(2.5)
        self.x, self.right, self.y = rect.x() + pad, rect.right() - pad, rect.y()
        self.foot = rect.bottom() - self.now.metrics("small").height() - self.now.unit(2)

    @property
    def width(self) -> int:
        return self.right - self.x

    def paint(self) -> None:
        self._ground()
        self._head()
        if self.lane.answer is not None:
            self._kept("answer", self.lane.answer, partial(self._answered, self.lane.answer))
            if self.alone:
                self._contents(self.lane.answer, 0.5)
        elif self.view.probe:
            self._label("answer")
            self._text("not answered yet", "body", "text-3")
            self.y += self.now.unit(3)
        self._turn()
        if self.lane.answer is not None and not self.alone:
            self.y += self.now.unit(3)
            self._kept("contents", self.lane.answer, partial(self._contents, self.lane.answer))
        self._footer()
        if self.selected:
            self._ring()

    def _answered(self, answer: AnswerView) -> None:
        self._answer(answer)
        if answer.whole:  # else it has just been scrolled into sight, and the rest is being read
            self._context(answer)
            self._attention(answer)

    def _kept(self, part: str, answer: AnswerView, paint: Callable[[], None]) -> None:
        """Paint a part that is the same at every turn until the next probe from a copy of the last time."""
        if vector(self.painter):
            paint()
            return
        item = self.item if self.selected else ""
        ratio = self.widget.devicePixelRatioF()
        size = (ratio, self.width, self.foot - self.y, self.whole.bottom() - self.y, self.lines)
        key = (part, id(answer), self.lane.lane, *size, self.selected, item, self.widget.followed, self.now)
        kept = self.widget.kept.pop(key, None) or self._copied(answer, paint)
        self.widget.kept[key] = kept
        self.painter.drawPixmap(self.whole.x(), self.y, kept.pixmap)
        x, y = self.whole.x(), self.y
        self.widget.zones += [Zone(zone.rect.translated(x, y), zone.says, zone.click) for zone in kept.zones]
        self.y += kept.height

    def _copied(self, answer: AnswerView, paint: Callable[[], None]) -> _Kept:
        """Paint on a pixmap as if the column stood at the left edge and the part at the top."""
        ratio, whole = self.widget.devicePixelRatioF(), self.whole
        pixmap = QPixmap((QSizeF(whole.width(), max(1, whole.bottom() + 1 - self.y)) * ratio).toSize())
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(self._ground_color())
        before = self.painter, self.widget.zones, self.x, self.right, self.y, self.foot
        zones: list[Zone] = []
        self.widget.zones, self.x, self.right = zones, self.x - whole.x(), self.right - whole.x()
        self.y, self.foot = 0, self.foot - self.y
        with painting(pixmap) as self.painter:
            paint()
        height = self.y
        self.painter, self.widget.zones, self.x, self.right, self.y, self.foot = before
        return _Kept(answer, pixmap.copy(0, 0, pixmap.width(), round(height * ratio)), zones, height)

    def _ground_color(self) -> QColor:
        return self.now.color("raised" if self.selected else "sunken")

    def _ground(self) -> None:
        self.painter.setPen(Qt.PenStyle.NoPen)
        self.painter.setBrush(self._ground_color())
        self.painter.drawRoundedRect(QRectF(self.whole), 6, 6)
        lane = self.lane.lane
        self._zone(self.whole, "", lambda: self.select(lane=lane))

    def _ring(self) -> None:
        self.painter.setBrush(Qt.BrushStyle.NoBrush)
        self.painter.setPen(QPen(self.now.color("accent-fill"), 1.2))
        self.painter.drawRoundedRect(QRectF(self.whole).adjusted(0.6, 0.6, -0.6, -0.6), 6, 6)

    def _head(self) -> None:
        p, now, lane = self.painter, self.now, self.lane
        height = now.metrics("title", bold=True).height()
        self.y += now.unit(2.5)
        marks.draw_shape(
            p, lane.place, QPointF(self.x + now.unit(1.2), self.y + height / 2), now.unit(1.2), now.lane(lane.place)
        )
        left, end = self.x + now.unit(4.5), self.right
        if self.pinned:
            end -= now.unit(5)
            now.icon("mdi6.pin").paint(p, QRect(end + now.unit(1), self.y, now.unit(4), height))
        self._draw(lane.name, QRect(left, self.y, end - left, height), "title", "text", bold=True)
        says = partial(tip, lane.name, f"memory {lane.memory} · {lane.cache}", "Drag: move this lane")
        self._zone(QRect(self.x, self.y, self.width, height), says)
        self.y += height + now.unit(0.5)
        held = count(lane.items, "item") + (f" · {count(lane.links, 'link')}" if lane.links else "")
        self._text(held, "small", "text-2")
        self.y += now.unit(2)

    def _answer(self, answer: AnswerView) -> None:
        p, now = self.painter, self.now
        verdict = "right" if answer.correct else "wrong"
        one = now.metrics("large", bold=True).height()
        box = QRect(self.x, self.y, self.width, max(one, self.lines * now.line()) + now.unit(3))
        p.setPen(Qt.PenStyle.NoPen)
        p.setBrush(now.color(f"{verdict}-soft"))
        p.drawRoundedRect(QRectF(box), 6, 6)
        sign = now.unit(1.6)
        center = QPointF(box.right() - now.unit(4), box.center().y())
        marks.draw(p, Mark.RIGHT if answer.correct else Mark.WRONG, center, sign, now.color(verdict))
        said = answer.text.strip() or (answer.error and "error") or "no answer"
        room = box.adjusted(now.unit(3), 0, -now.unit(7), 0)
        said = " ".join(said.split())
        if now.metrics("large", bold=True).horizontalAdvance(said) <= room.width():
            self._draw(said, room, "large", "text", bold=True)
        else:
            self._sentence(said, answer, room)
        gold = " or ".join(answer.gold) or "never said"
        lines = (f"{verdict}: {answer.text}", f"gold: {gold}", f"score {answer.score:.2g}", answer.error)
        says = partial(tip, *lines, "Click: why. A: all answers in full")
        self._zone(box, says, partial(self.explain, self.lane.lane, answer.probe))
        self.y = box.bottom() + now.unit(3)

    def _sentence(self, said: str, answer: AnswerView, room: QRect) -> None:
        """A longer answer on its lines; what it shares with the gold answer is underlined."""
        now, font = self.now, self.now.font()
        high = height_of(said, font, room.width(), self.lines)
        top = room.y() + (room.height() - high) / 2
        rect = QRectF(room.x(), top, room.width(), high)
        draw_lines(
            self.painter, said, rect, font, now.color("text"), self.lines, shared(said, answer.gold),
            now.color("accent"),
        )  # fmt: skip

    def _context(self, answer: AnswerView) -> None:
        now = self.now
        known = answer.used and answer.budget
        self._label("context", f"{tokens(answer.used)} of {answer.budget:,}" if known else tokens(answer.prompt_tokens))
        bar = QRect(self.x, self.y, self.width, now.unit(3.5))
        self._spans(bar, answer)
        self.y = bar.bottom() + now.unit(1.5)
        said, role = _evidence_line(answer)
        fits = [s for s in said if now.metrics("small").horizontalAdvance(s) < self.width - 2]
        line = QRect(self.x, self.y, self.width, now.metrics("small").height())
        self._text(fits[0] if fits else said[-1], "small", role)
        way = "Click: the way of the fact, turn by turn" if answer.evidence else "Click: why"
        self._zone(line, partial(tip, said[0], way), partial(self.explain, self.lane.lane, answer.probe))
        self.y += now.unit(3)

    def _spans(self, bar: QRect, answer: AnswerView) -> None:
        p, now, lane = self.painter, self.now, self.lane
        gap = 2 if len(answer.spans) * 6 < bar.width() else 0
        x, room = float(bar.x()), bar.width() - gap * (len(answer.spans) - 1)
        held, fixed, other = now.lane(lane.place), now.color("track"), now.lane(lane.place, 0.32)
        marked: list[QRectF] = []
        p.setPen(Qt.PenStyle.NoPen)
        for span in answer.spans:
            width = max(1.0, span.share * room)
            rect = QRectF(x, bar.y(), width, bar.height())
            ink = held if span.evidence else fixed if span.kind in FIXED else other
            if width < _THIN:
                p.fillRect(rect, ink)
            else:
                p.setBrush(ink)
                p.drawRoundedRect(rect, min(3.0, width / 2), 3)
            if (self.item and self.item in span.items and self.selected) or self.widget.followed in span.turns:
                marked.append(rect)
            self._zone(rect.toAlignedRect(), partial(self._span_tip, span), self._span_chooser(span))
            x += span.share * room + gap  # thin spans overlap rather than leave the column
        if marked:
            p.setBrush(Qt.BrushStyle.NoBrush)
            p.setPen(QPen(now.color("accent-fill"), 2))
            for rect in marked:
                p.drawRoundedRect(rect.adjusted(-1, -1, 1, 1), 3, 3)
        if answer.dropped:
            p.setPen(QPen(now.color("wrong"), 2))
            p.drawLine(QPointF(bar.right(), bar.y()), QPointF(bar.right(), bar.bottom()))

    def _span_tip(self, span: SpanView) -> str:
        where = ", ".join(f"turn {t}" for t in span.turns[:6])
        head = " · ".join(x for x in (span.label, span.kind, tokens(span.tokens) if span.tokens else "", where) if x)
        followed = (
            f"comes from turn {self.widget.followed}, which is followed" if self.widget.followed in span.turns else ""
        )
        return tip(head, "holds the evidence" if span.evidence else "", followed, span.text)

    def _span_chooser(self, span: SpanView) -> Callable[[], None] | None:
        if not span.items:
            return None
        lane, item = self.lane.lane, span.items[0]
        return lambda: self.select(lane=lane, item=item)

    def _probe_chooser(self, probe: str) -> Callable[[], None]:
        lane = self.lane.lane
        return lambda: self.select(lane=lane, probe=probe)

    def _attention(self, answer: AnswerView) -> None:
        if answer.attention is None:
            return
        p, now = self.painter, self.now
        share = ("≈ " if answer.pooled else "") + percent(answer.attention)
        label = "attention on evidence"  # by the widest share: the columns shall say the same
        fits = now.metrics("small").horizontalAdvance(f"{label}  ≈ 100 %") < self.width
        self._label(label if fits else "on evidence", share)
        bar = QRectF(self.x, self.y, self.width, now.unit(1))
        p.setPen(Qt.PenStyle.NoPen)
        p.setBrush(now.color("track"))
        p.drawRoundedRect(bar, 2, 2)
        if answer.attention > 0:
            p.setBrush(now.color("accent-fill"))
            p.drawRoundedRect(
                QRectF(bar.x(), bar.y(), max(3.0, bar.width() * min(1.0, answer.attention)), bar.height()), 2, 2
            )
        said = "Mean over layers, heads and answer tokens of the attention on spans from evidence turns"
        self._zone(bar.toAlignedRect().adjusted(0, -20, 0, 8), partial(tip, said), self._probe_chooser(answer.probe))
        self.y = round(bar.bottom()) + now.unit(4)

    def _contents(self, answer: AnswerView, part: float = 1.0) -> None:
        """The spans of the context, one line each, as far as this part of what is left has room for them."""
        if not answer.whole:
            return
        now, spans = self.now, [s for s in answer.spans if s.kind not in FIXED]
        row = now.metrics().height() + now.unit(1)
        room = int((self.foot - self.y) * part) // row - 2
        if room < _FEWEST_SPANS and part == 1.0:
            return
        first = sorted(range(len(spans)), key=lambda i: (not spans[i].evidence, i))[: max(0, room)]
        self._label("in the context", f"{len(first)} of {len(spans)}" if len(first) < len(spans) else "")
        for place in sorted(first):
            self._span_line(spans[place])
        self.y += now.unit(3)

    def _span_line(self, span: SpanView) -> None:
        now, height = self.now, self.now.metrics().height()
        followed = self.widget.followed in span.turns
        ink = now.color("accent-fill") if followed else now.lane(self.lane.place, 1.0 if span.evidence else 0.4)
        self.painter.setPen(Qt.PenStyle.NoPen)
        self.painter.setBrush(ink)
        self.painter.drawRoundedRect(QRectF(self.x, self.y + 2, now.unit(1), height - 4), 2, 2)
        rect = QRect(self.x + now.unit(3), self.y, self.width - now.unit(3), height)
        self._draw(" ".join(span.text.split()), rect, "body", "text" if span.evidence else "text-2", bold=span.evidence)
        self._zone(rect, partial(self._span_tip, span), self._span_chooser(span))
        self.y += height + now.unit(1)

    def _turn(self) -> None:
        now, lane = self.now, self.lane
        total = sum(lane.counts.values())
        if self.y + now.metrics("small").height() > self.foot:
            return  # a low window: the answer is what matters
        self._label(f"turn {self.view.turn}", count(total, "operation") if total else "")
        if lane.failed:
            self._step(Step(0, "strategy.failed", "", lane.failed))
        elif not lane.steps:
            open_ended = "at work" if self.being_written() else "the run ended before this turn"
            self._text("nothing changed" if lane.done else open_ended, "body", "text-3")
        row = now.metrics().height() + now.unit(1)
        space = self.foot - self.y - now.unit(2)
        room = max(0, space // row)
        lines = total - sum(step.times - 1 for step in lane.steps)
        shown = lane.steps[: room if lines <= room or room == 1 else max(0, room - 1)]
        below = min(_MOST_BELOW, (space - len(shown) * row) // (len(shown) * now.line("small") or 1))
        for step in shown:
            self._step(step, below)
        rest = total - sum(step.times for step in shown)
        if rest and room > 1:  # where one line fits it is an operation; how many there are stands above
            self._text(f"and {rest} more", "small", "text-3")

    def _step(self, step: Step, below: int = 0) -> None:
        """One operation; its text goes below it, on up to so many lines, where it does not fit beside it."""
        p, now = self.painter, self.now
        metrics = now.metrics()
        rect = QRect(self.x, self.y, self.width, metrics.height())
        mark = marks.mark_of(step.kind)
        color = now.color("bad") if mark in (Mark.DROPPED, Mark.FAILED) else now.lane(self.lane.place)
        if mark is not None:
            marks.draw(p, mark, QPointF(self.x + now.unit(1.2), rect.center().y() + 1), now.unit(1), color)
        left = self.x + now.unit(4.5)
        chosen = step.item and step.item == self.item and self.selected
        if step.item:
            name = metrics.elidedText(step.item, Qt.TextElideMode.ElideRight, round(self.width * 0.5))
            width = metrics.horizontalAdvance(name)
            self._draw(name, QRect(left, self.y, width + 2, rect.height()), "body", "accent" if chosen else "text")
            left += width + now.unit(2)
        text = (f"{step.times} × " if step.times > 1 else "") + " ".join(step.text.split())
        wraps = below > 0 and now.advance(text) > self.right - left
        if not wraps and left < self.right - 16:
            self._draw(text, QRect(left, self.y, self.right - left, rect.height()), "body", "text-2")
        elif wraps:
            rect.setHeight(rect.height() + self._paragraph(text, rect.bottom() + 1, below))
        said = marks.MEANING[mark] if mark is not None else step.kind
        lane, item = self.lane.lane, step.item
        click = (lambda: self.select(lane=lane, item=item)) if item else None
        self._zone(
            rect,
            partial(tip, f"{step.item}  {said}", step.text, f"because: {step.reason}" if step.reason else ""),
            click,
        )
        self.y += rect.height() + now.unit(1)

    def _paragraph(self, text: str, top: int, lines: int) -> int:
        """Text in the small type on up to so many lines; how high it became."""
        now, font = self.now, self.now.font("small")
        rect = QRectF(self.x + now.unit(4.5), top, self.right - self.x - now.unit(4.5), lines * now.line("small"))
        return draw_lines(self.painter, text, rect, font, now.color("text-2"), lines)

    def _footer(self) -> None:
        lane, now = self.lane, self.now
        if not lane.done or self.y > self.foot:
            return
        spent = [tokens(sum(lane.tokens))] if lane.tokens != (0, 0) else []
        parts = [ms(lane.ms), *spent, *([count(lane.calls, "call")] if lane.calls else [])]
        rect, metrics = QRect(self.x, self.foot, self.width, now.metrics("small").height()), now.metrics("small")
        while len(parts) > 1 and metrics.horizontalAdvance(" · ".join(parts)) > rect.width():
            parts.pop()
        self._draw(" · ".join(parts), rect, "small", "text-3")
        detail = (
            f"{count(lane.calls, 'model call')}: prompt {tokens(lane.tokens[0])}, generated {tokens(lane.tokens[1])}"
        )
        answer = lane.answer
        asked = (
            f"answer: {tokens(answer.prompt_tokens)} prompt, {tokens(answer.generated)} generated, {ms(answer.ms)}"
            if answer
            else ""
        )
        self._zone(rect, partial(tip, f"Writing the turn into memory: {ms(lane.ms)}", detail, asked))

    # Small helpers.

    def _label(self, text: str, right: str = "") -> None:
        height = self.now.metrics("small").height()
        rect = QRect(self.x, self.y, self.width, height)
        room = rect.adjusted(0, 0, -self.now.metrics("small").horizontalAdvance(right + " ") if right else 0, 0)
        self._draw(text, room, "small", "text-3")
        if right:
            self._draw(right, rect, "small", "text-2", align=_MIDDLE_RIGHT)
        self.y += height + self.now.unit(1)

    def _text(self, text: str, role: str, color: str) -> None:
        height = self.now.metrics(role).height()
        self._draw(text, QRect(self.x, self.y, self.width, height), role, color)
        self.y += height

    def _draw(
        self, text: str, rect: QRect, role: str, color: str, bold: bool = False, align: int = _MIDDLE_LEFT
    ) -> None:
        now, width = self.now, rect.width()
        font: QFont = now.font(role, bold)
        if len(text) > _SURE or now.advance(text, role, bold) > width:
            text = now.metrics(role, bold).elidedText(text[:_FAR], Qt.TextElideMode.ElideRight, width)
        self.painter.setFont(font)
        self.painter.setPen(now.color(color))
        self.painter.drawText(rect, align, text)

    def _zone(self, rect: QRect, says: str | Callable[[], str], click: Callable[[], None] | None = None) -> None:
        self.widget.zones.append(Zone(rect, says, click))


def _evidence_line(answer: AnswerView) -> tuple[tuple[str, ...], str]:
    """What became of the evidence on its way into the context, in longer and shorter words, and in which colour."""
    if not answer.evidence:
        return (f"{count(len(answer.spans), 'span')} · evidence unknown", "evidence unknown"), "text-2"
    held = sum(s.evidence for s in answer.spans)
    if held:
        spans = count(len(answer.spans), "span")
        return (f"evidence in {held} of {spans}", f"evidence in {held} of {len(answer.spans)}"), "text-2"
    if answer.cut:
        return ("evidence retrieved, then cut", "evidence cut"), "wrong"
    if answer.rank:
        return (f"evidence not retrieved, rank {answer.rank}", f"evidence at rank {answer.rank}"), "wrong"
    return ("evidence not in the context", "evidence not in context", "no evidence"), "wrong"
