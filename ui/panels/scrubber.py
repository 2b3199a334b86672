"""The scrubber: the whole session in one strip per lane, with the cursor that rules everything.

Marks are painted once into a pixmap; moving the cursor repaints two narrow strips of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import ceil, floor
from typing import Any, ClassVar

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import (
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QApplication, QSizePolicy, QToolTip, QWidget

from ui.bridge.project_pool import Answer
from ui.models.table import Table
from ui.panels.base import Empty, Panel
from ui.state.moment import Moment
from ui.state.stretch import Stretch
from ui.theme import marks, theme
from ui.theme.marks import Mark
from ui.widgets.arrays import vector
from ui.widgets.hidden_lanes import HiddenLanes
from ui.widgets.lane_drag import LaneDrag
from ui.widgets.painting import painting
from ui.widgets.plain import plain
from ui.widgets.range_card import RangeCard
from ui.widgets.zones import tip
from workbench.projections.findings import SHOWN_ELSEWHERE, FindingsView, LaneFindings, findings_view
from workbench.projections.index import TraceIndex
from workbench.projections.thread import KEPT, PACKED, RETRIEVED, STORED, LaneThread
from workbench.projections.timeline import ProbeMark, Timeline, Track, timeline
from workbench.projections.turn_range import RangeRow, turn_range
from workbench.trace.reader import TraceReader

_ZOOM = 1.25  # of a notch of the wheel

SLOT = 8
"""Width in px of the slots into which turns are gathered where there is less room than that for each."""

_TOLD = 5  # findings in a tooltip


class ScrubberPanel(Panel):
    """One thin track per lane. A click or a drag moves the cursor, a click on a lane's name selects the lane."""

    name: ClassVar[str] = "scrubber"
    follows: ClassVar[frozenset[str]] = frozenset({"session"})
    by_lane: ClassVar[bool] = True

    @staticmethod
    def project(reader: TraceReader, moment: Moment, options: Any) -> Timeline | Empty:  # noqa: D102
        if not moment.session:
            return Empty("The run has no session yet")
        return timeline(reader, moment.session)

    def build(self) -> QWidget:  # noqa: D102
        self.head.hide()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.tracks = Tracks(self)
        self.workspace.followed.connect(self.tracks.update)
        self.workspace.marked.connect(self.tracks.update)
        self.setFocusProxy(self.tracks)
        return self.tracks

    def arranged(self, view: Timeline) -> Timeline:  # noqa: D102
        return replace(view, tracks=self.workspace.roster.arrange(view.tracks, lambda track: track.lane))

    def lane_under(self, point: QPoint) -> int:  # noqa: D102
        return self.tracks.lane_at(self.tracks.mapFrom(self, point))

    def title(self, view: Timeline | None) -> str:  # noqa: D102
        return "Timeline"

    def show_view(self, view: Timeline) -> None:  # noqa: D102
        self.tracks.show_view(view)
        self.fit()
        moment = Moment().but(session=view.session)
        self.workspace.pool.submit(id(self.tracks), _findings, moment, None, self._found, True)  # after the tracks

    def ask_item(self, moment: Moment) -> None:
        """Find out from which turns the selected item comes, and at which it was changed last."""
        asked = Moment().but(session=moment.session, lane=moment.lane, item=moment.item)
        self.workspace.pool.submit(id(self.tracks.drag), _item_turns, asked, None, self._item_found)

    def _item_found(self, answer: Answer) -> None:
        self.tracks.show_item(answer.request.moment, answer.view or ())

    def _found(self, answer: Answer) -> None:
        if answer.error is not None:
            self._answered(answer)
        elif isinstance(answer.view, FindingsView):
            self.tracks.show_findings(answer.view)

    def on_moment(self, moment: Moment) -> None:  # noqa: D102
        self.tracks.stand(moment)

    @property
    def stretch(self) -> Stretch:
        """The turns that are shown."""
        return self.tracks.stretch

    def show_stretch(self, first: float, last: float) -> None:
        """Show these turns; all of them for an empty stretch."""
        if (first, last) != ((0.0, 0.0) if self.stretch.whole else (self.stretch.first, self.stretch.last)):
            self.tracks.show_stretch(first, last)

    def tell_range(self, first: int, last: int) -> None:
        """Say what every lane did from one turn to another, in a card of its own."""
        moment = Moment().but(session=self.workspace.cursor.session)
        self.workspace.pool.submit(id(self), _in_range, moment, (first, last), self._told_range, True)

    def _told_range(self, answer: Answer) -> None:
        if isinstance(answer.view, tuple) and self.tracks.range is not None:
            first, last = self.tracks.range
            card = RangeCard(first, last, answer.view, self)
            at = self.tracks.mapToGlobal(QPoint(round(self.tracks._x(last)), self.tracks.height()))
            card.show_at(at)

    def retheme(self) -> None:  # noqa: D102
        self.tracks.forget()
        self.fit()

    def fit(self) -> None:
        """As high as its lanes need."""
        layout, unit = self.layout(), theme.active().unit
        if layout is not None:
            layout.setContentsMargins(unit(3), unit(1.5), unit(3), unit(1.5))
        self.setFixedHeight(self.tracks.sizeHint().height() + 2 * unit(1.5))

    def table(self, view: Timeline) -> Table:  # noqa: D102
        rows: list[tuple[str, int, str, int]] = []
        for track in view.tracks:
            rows.extend(
                (track.name, turn, kind, n) for kind, turns in sorted(track.marks.items()) for turn, n in turns.items()
            )
            rows.extend((track.name, p.turn, "probe right" if p.correct else "probe wrong", 1) for p in track.probes)
            found = self.tracks.findings(track.lane)
            rows.extend((track.name, f.turn, f"finding: {f.kind}", 1) for f in found.findings)
        return Table(("lane", "turn", "what", "count"), sorted(rows))


def _item_turns(reader: TraceReader, moment: Moment, options: Any) -> tuple[tuple[int, str], ...]:
    """Turns of an item with what each is to it, in the run's last state."""
    index = TraceIndex.of(reader)
    last = len(index.session(moment.session).turns) - 1
    item = index.state(moment.session, moment.lane, last).items.get(moment.item)
    if item is None:
        return ()
    told = {turn: f"{item.id} comes from here" for turn in item.turns}
    told.setdefault(item.created, f"{item.id} was written here")
    told.setdefault(item.changed, f"{item.id} was changed here last" if item.active else f"{item.id}: {item.status}")
    return tuple(sorted(told.items()))


def _in_range(reader: TraceReader, moment: Moment, options: Any) -> tuple[RangeRow, ...]:
    return turn_range(reader, moment.session, *options)


def _findings(reader: TraceReader, moment: Moment, options: Any) -> FindingsView:
    return findings_view(reader, moment.session)


class Tracks(QWidget):
    """Paints the tracks and the cursor."""

    def __init__(self, panel: ScrubberPanel) -> None:
        super().__init__()
        self._panel = panel
        self._view: Timeline | None = None
        self._rows: dict[int, int] = {}  # of the lanes on show
        self.drag = LaneDrag(panel.workspace.roster, self.lane_at)
        self._hidden = HiddenLanes(panel.workspace.roster, self)
        self._found: FindingsView | None = None
        self._picture: QPixmap | None = None
        self._margin = 0  # px left of the first turn; 0 before it is measured
        self._turn, self._lane, self._probe = -1, 0, ""
        self._dragging = False
        self._pressed = QPointF()
        self._evidence: tuple[int, ...] = ()
        self._item: tuple[int, str] = (0, "")  # the selected one, with its lane
        self._item_turns: dict[int, str] = {}
        self._labels: list[QRectF] = []
        self.stretch = Stretch()
        self._range: tuple[int, int] | None = None
        """First and last turn of a range that is being marked, or was."""
        self._panning = False
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setAccessibleName("Timeline")
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)

    # What the panel calls.

    def show_view(self, view: Timeline) -> None:
        """Take over a view; the marks are drawn at the next paint."""
        if view is not self._view:
            self._view = view
            self._rows = {track.lane: row for row, track in enumerate(view.tracks)}
            self.stretch.of(view.turns)
            self.forget()

    def show_findings(self, found: FindingsView) -> None:
        """Take over what the detectors found; it comes after the tracks."""
        if found is not self._found and (self._found is None or found.lanes != self._found.lanes):
            self._found = found
            self.forget()

    def findings(self, lane: int) -> LaneFindings:
        """What the detectors found in a lane of the session on show."""
        if self._found is None or self._view is None or self._found.session != self._view.session:
            return LaneFindings(lane, ())
        return self._found.lanes.get(lane, LaneFindings(lane, ()))

    def show_stretch(self, first: float, last: float) -> None:
        """Show these turns; all of them for an empty stretch."""
        self.stretch.show(first, last)
        self.forget()

    def show_item(self, moment: Moment, turns: tuple[tuple[int, str], ...]) -> None:
        """Mark the turns of the selected item, if it still is the selected one."""
        if (moment.lane, moment.item) == self._item:
            self._item_turns = dict(turns)
            self.update()

    @property
    def range(self) -> tuple[int, int] | None:
        """First and last turn of the marked range."""
        return self._range

    def forget(self) -> None:
        """The picture is out of date: theme, size or data changed."""
        self._picture, self._margin = None, 0
        self._hidden.setGeometry(0, 0, self._hidden.sizeHint().width(), self._top() - 2)
        self.updateGeometry()
        self.update()

    def stand(self, moment: Moment) -> None:
        """Follow the cursor and the selection."""
        if (moment.lane, moment.probe) != (self._lane, self._probe):
            self._lane, self._probe = moment.lane, moment.probe
            self.update()
        asked = self._panel.workspace.probe_in_question()
        evidence = asked.evidence if asked is not None else ()
        if evidence != self._evidence:
            self._evidence = evidence
            self.update()
        if (moment.lane, moment.item) != self._item:
            self._item = moment.lane, moment.item
            self._item_turns = {}
            self.update()
            if moment.item:
                self._panel.ask_item(moment)
        if moment.turn != self._turn:
            old, self._turn = self._turn, moment.turn
            for turn in (old, moment.turn):
                self.update(self._strip(turn))
            if self.stretch.follow(moment.turn):
                self.forget()
            if self._view is not None:
                self.setAccessibleDescription(f"turn {moment.turn} of {self._view.turns - 1}")

    def sizeHint(self) -> QSize:  # noqa: D102
        lanes = len(self._view.tracks) if self._view else 1
        return QSize(400, self._top() + lanes * self._row() + theme.active().unit(1))

    # Where things are.

    def _row(self) -> int:
        lanes = len(self._view.tracks) if self._view else 1
        roomy = lanes <= 5 and theme.active().size <= theme.TALK
        return theme.active().unit(6 if roomy else 5 if lanes <= 8 else 4)

    def _top(self) -> int:
        return theme.active().metrics("small").height() + theme.active().unit(2)

    def _left(self) -> int:
        if not self._margin:
            self._margin = self._measured_left()
        return self._margin

    def _measured_left(self) -> int:
        now = theme.active()
        widest = (
            max((now.metrics("small").horizontalAdvance(t.name) for t in self._view.tracks), default=0)
            if self._view
            else 0
        )
        return min(widest + now.unit(9), now.unit(44))

    def _x(self, turn: float) -> float:
        left, right = self._left(), self.width() - theme.active().unit(3)
        turn = min(max(turn, 0), self.stretch.end)
        return left + (right - left) * (turn - self.stretch.first) / self.stretch.wide

    def _turn_at(self, x: float) -> int:
        return round(min(max(self._place(x), 0), self.stretch.end))

    def _place(self, x: float) -> float:
        """The turn under ``x``, with its fraction."""
        left, right = self._left(), self.width() - theme.active().unit(3)
        return self.stretch.first + (x - left) / max(1, right - left) * self.stretch.wide

    def _per_turn(self) -> float:
        """Pixels of a turn."""
        return max(1e-6, (self.width() - theme.active().unit(3) - self._left()) / self.stretch.wide)

    def _plot(self) -> QRectF:
        """Where marks may be: right of the names."""
        left, edge = self._left(), theme.active().unit(2.5)
        return QRectF(left - edge, 0, self.width() - left + edge, self.height())

    def _y(self, place: int) -> float:
        return self._top() + (place + 0.5) * self._row()

    def _badge_slot(self) -> int:
        """Turns whose probes share a badge."""
        return max(1, round(SLOT * 1.6 / self._per_turn()))

    def _strip(self, turn: int) -> QRect:
        half = theme.active().unit(10)
        return QRect(round(self._x(turn)) - half, 0, 2 * half, self.height())

    # Painting.

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102
        now = theme.active()
        with painting(self) as painter:
            painter.fillRect(event.rect(), now.color("surface"))
            if self._view is None:
                return
            self._draw_ground(painter, self._view)
            if vector(painter):  # a figure: lines, not pixels
                painter.setClipRect(self._plot())
                self._draw_everything(painter, self._view)
            else:
                ratio = self.devicePixelRatioF()
                if self._picture is None or self._picture.size() != self.size() * ratio:
                    self._picture = self._draw_all(self._view, ratio)
                source = QRectF(event.rect())
                painter.drawPixmap(source, self._picture, QRectF(source.topLeft() * ratio, source.size() * ratio))
                painter.setClipRect(self._plot())
            self._draw_range(painter)
            self._draw_chosen(painter, self._view)
            self._draw_thread(painter)
            self._draw_found(painter)
            self._draw_evidence(painter)
            self._draw_item(painter)
            if self.stretch.first - 0.5 <= self._turn <= self.stretch.last + 0.5:
                self._draw_cursor(painter)
            self._draw_overview(painter)

    def _draw_range(self, painter: QPainter) -> None:
        """The range of turns that is marked."""
        if self._range is None:
            return
        first, last = self._range
        left, right = self._x(first - 0.5), self._x(last + 0.5)
        tint = theme.active().color("accent")
        tint.setAlphaF(0.16)
        painter.fillRect(QRectF(left, self._top(), max(2.0, right - left), self.height() - self._top()), tint)

    def _draw_overview(self, painter: QPainter) -> None:
        """Which part of the session is shown, where it is not the whole: a bar at the foot that can be dragged."""
        if self.stretch.whole:
            return
        now, bar = theme.active(), self._bar()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(now.color("track"))
        painter.drawRoundedRect(bar, 2, 2)
        first, last = (
            bar.x() + bar.width() * turn / self.stretch.end for turn in (self.stretch.first, self.stretch.last)
        )
        painter.setBrush(now.color("accent-fill"))
        painter.drawRoundedRect(QRectF(first, bar.y(), max(4.0, last - first), bar.height()), 2, 2)

    def _bar(self) -> QRectF:
        now = theme.active()
        left, right = self._left(), self.width() - now.unit(3)
        return QRectF(left, self.height() - now.unit(1), right - left, now.unit(0.75))

    def _draw_thread(self, painter: QPainter) -> None:
        """The followed turn: in every lane a line as long as it held something of it, with what happened to it."""
        found = self._panel.workspace.thread_view
        if found is None or self._view is None or found.session != self._view.session:
            return
        now, ink = theme.active(), theme.active().color("accent")
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for one in found.lanes:
            if one.lane.id not in self._rows:
                continue
            y, size = self._y(self._rows[one.lane.id]) + self._row() * 0.4, self._row() / 11
            painter.setPen(QPen(ink, 1.6))
            painter.drawLine(QPointF(self._x(found.turn), y), QPointF(self._x(one.end), y))
            for turn, kind in _stations(one).items():
                color = now.color("wrong") if kind == Mark.DELETED else ink
                marks.draw(painter, kind, QPointF(self._x(turn), y), size * (1.3 if kind == Mark.DELETED else 1), color)
        painter.setPen(QPen(ink, 1.2, Qt.PenStyle.DotLine))
        x = self._x(found.turn)
        painter.drawLine(QPointF(x, self._top()), QPointF(x, self._y(len(self._view.tracks) - 1) + self._row() * 0.4))
        painter.restore()

    def _draw_found(self, painter: QPainter) -> None:
        """A stroke under the scale at every turn that holds what is looked for."""
        now = theme.active()
        painter.setPen(QPen(now.color("text"), 2))
        for turn in self._panel.workspace.found:
            x = self._x(turn)
            painter.drawLine(QPointF(x, self._top() - now.unit(1)), QPointF(x, self._top() + now.unit(0.5)))

    def _draw_evidence(self, painter: QPainter) -> None:
        """A wedge under the scale at every turn that holds the answer to the probe in question."""
        now = theme.active()
        size, top = now.unit(1.25), self._top() - 1.0
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(now.color("accent"))
        for turn in self._evidence:
            x = self._x(turn)
            wedge = [QPointF(x - size, top - size), QPointF(x + size, top - size), QPointF(x, top + size * 0.6)]
            painter.drawPolygon(wedge)
        painter.restore()

    def _draw_item(self, painter: QPainter) -> None:
        """A box in the lane's row at every turn of the selected item."""
        row = self._rows.get(self._item[0])
        if row is None or not self._item_turns:
            return
        size = self._row() * 0.72
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.active().color("accent"), 1.6))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for turn in self._item_turns:
            box = QRectF(0, 0, max(8.0, size * 0.5), size)
            box.moveCenter(QPointF(self._x(turn), self._y(row)))
            painter.drawRoundedRect(box, 2, 2)
        painter.restore()

    def _draw_cursor(self, painter: QPainter) -> None:
        now, x = theme.active(), self._x(self._turn)
        metrics = now.metrics("small", bold=True)
        text = str(self._turn)
        width = metrics.horizontalAdvance(text) + now.unit(3)
        left = min(max(x - width / 2, 0), self.width() - width)
        bubble = QRectF(left, 0, width, metrics.height() + 2)
        for label in self._labels:  # a turn that the bubble touches is not written beside it
            if label.intersects(bubble.adjusted(-4, 0, 4, 0)):
                painter.fillRect(label, now.color("surface"))
        painter.fillRect(QRectF(round(x) - 1, bubble.bottom(), 2, self.height()), now.color("accent-fill"))
        self._draw_probes_at(painter)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(now.color("accent-fill"))
        painter.drawRoundedRect(bubble, 4, 4)
        painter.setPen(now.color("on-accent"))
        painter.setFont(now.font("small", bold=True))
        painter.drawText(bubble, int(Qt.AlignmentFlag.AlignCenter), text)

    def _draw_all(self, view: Timeline, ratio: float) -> QPixmap:
        picture = QPixmap(self.size() * ratio)
        picture.setDevicePixelRatio(ratio)
        picture.fill(Qt.GlobalColor.transparent)
        with painting(picture) as painter:
            painter.setClipRect(self._plot())
            self._draw_everything(painter, view)
        return picture

    def _draw_everything(self, painter: QPainter, view: Timeline) -> None:
        self._draw_scale(painter, view)
        for place, track in enumerate(view.tracks):
            self._draw_track(painter, view, place, track)

    def _draw_ground(self, painter: QPainter, view: Timeline) -> None:
        """What the selection changes lies under the picture, which is drawn once: the ground and the names of lanes."""
        now, row = theme.active(), self._row()
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for place, track in enumerate(view.tracks):
            y, chosen = self._y(place), track.lane == self._lane
            if chosen:
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(now.color("raised"))
                painter.drawRoundedRect(QRectF(0, y - row / 2 + 1, self.width(), row - 2), 4, 4)
            marks.draw_shape(painter, track.place, QPointF(now.unit(2.5), y), now.unit(1), now.lane(track.place))
            painter.setFont(now.font("small", bold=chosen))
            painter.setPen(now.color("text" if chosen else "text-2"))
            metrics, left = now.metrics("small"), now.unit(5)
            name = metrics.elidedText(track.name, Qt.TextElideMode.ElideRight, self._left() - left - now.unit(2))
            painter.drawText(QPointF(left, y + metrics.ascent() / 2 - 1), name)
            if track.lane == self.drag.over:
                painter.setPen(QPen(now.color("accent-fill"), 2, Qt.PenStyle.DashLine))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRoundedRect(QRectF(1, y - row / 2 + 1, self._left() - now.unit(3), row - 2), 4, 4)
        painter.restore()

    def _draw_chosen(self, painter: QPainter, view: Timeline) -> None:
        """The badges of the selected probe once more, over the picture."""
        for place, track in enumerate(view.tracks if self._probe else ()):
            self._draw_probes(painter, view, track, self._y(place), self._probe)

    def _draw_scale(self, painter: QPainter, view: Timeline) -> None:
        now = theme.active()
        metrics = now.metrics("small")
        painter.setFont(now.font("small"))
        self._labels = []
        most = max(1, int((self.width() - self._left()) / now.unit(22)))
        for turn in _nice_turns(self.stretch.first, min(self.stretch.last, view.turns - 1), most):
            x, width = self._x(turn), metrics.horizontalAdvance(str(turn))
            label = QRectF(min(x - width / 2, self.width() - width), 0, width, metrics.height() + 2)
            painter.setPen(QPen(now.color("line"), 1))
            painter.drawLine(QPointF(x, self._top()), QPointF(x, self.height()))
            painter.setPen(now.color("text-3"))
            painter.drawText(label, int(Qt.AlignmentFlag.AlignCenter), str(turn))
            self._labels.append(label)

    def _draw_track(self, painter: QPainter, view: Timeline, place: int, track: Track) -> None:
        y = self._y(place)
        painter.setPen(QPen(theme.active().color("line"), 1))
        painter.drawLine(QPointF(self._x(0), y), QPointF(self._x(view.turns), y))
        self._draw_marks(painter, view, track, y)
        self._draw_probes(painter, view, track, y)

    def _draw_marks(self, painter: QPainter, view: Timeline, track: Track, y: float) -> None:
        """Writes and updates on the line, links above it, what ends items below it; gathered where turns are narrow."""
        now, row = theme.active(), self._row()
        per = max(1, round(SLOT / self._per_turn()))
        color, quiet, step = now.lane(track.place), now.lane(track.place, 0.55), row * 0.3
        size = row / 10
        layers = (
            ("linked", Mark.LINKED, -step, quiet, 1.25),
            ("written", Mark.WRITTEN, 0.0, color, 1.0),
            ("updated", Mark.UPDATED, 0.0, color, 1.4),
            ("superseded", Mark.SUPERSEDED, step, color, 1.15),
            ("evicted", Mark.EVICTED, step, color, 1.1),
            ("deleted", Mark.DELETED, step, color, 1.1),
            ("dropped", Mark.DROPPED, step, now.color("bad"), 1.15),
            ("failed", Mark.FAILED, step, now.color("bad"), 1.1),
        )
        for name, mark, dy, ink, scale in layers:
            for turn, count in _gathered(track.marks.get(name, {}), per).items():
                radius = size * scale * (1.0 + min(count / per, 3) * 0.12)
                marks.draw(painter, mark, QPointF(self._x(turn), y + dy), radius, ink)
        flags = {
            turn: sum(f.kind not in SHOWN_ELSEWHERE for f in found)
            for turn, found in self.findings(track.lane).per_turn().items()
        }
        for turn in _gathered({t: n for t, n in flags.items() if n}, per):
            center = QPointF(self._x(turn) + size * 1.7, y - step * 1.1)
            marks.draw(painter, Mark.FINDING, center, size * 1.3, now.color("wrong"))

    def _draw_probes_at(self, painter: QPainter) -> None:
        """The badges of the cursor's own turn once more, over its line."""
        for place, track in enumerate(self._view.tracks if self._view else ()):
            here = [p for p in track.probes if p.turn == self._turn]
            if here:
                chosen = any(p.probe == self._probe for p in here)
                center, radius = QPointF(self._x(self._turn), self._y(place)), self._row() * 0.3
                right = sum(p.correct for p in here)
                marks.draw_verdicts(painter, right, len(here), center, radius, theme.active(), chosen)

    def _draw_probes(self, painter: QPainter, view: Timeline, track: Track, y: float, only: str = "") -> None:
        """The badges of a track; with ``only`` the one of that probe, as the chosen one."""
        now = theme.active()
        per = self._badge_slot()
        radius = self._row() * 0.3
        slots: dict[int, list[ProbeMark]] = {}
        for probe in track.probes:
            slots.setdefault(probe.turn // per, []).append(probe)
        for probes in slots.values():
            center = QPointF(self._x(probes[len(probes) // 2].turn), y)
            chosen = bool(only) and any(p.probe == only for p in probes)
            if chosen or not only:
                marks.draw_verdicts(painter, sum(p.correct for p in probes), len(probes), center, radius, now, chosen)

    # Pointing.

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        if event.button() != Qt.MouseButton.LeftButton or self._view is None:
            super().mousePressEvent(event)
            return
        track = self._track_at(event.position().y())
        if event.position().x() < self._left() - theme.active().unit(2):
            if track is not None:
                self.drag.press(event.position().toPoint(), track.lane)
                self._panel.workspace.selection.select(lane=track.lane)
            return
        self._pressed = event.position()
        if not self.stretch.whole and event.position().y() >= self._bar().y() - theme.active().unit(1):
            self._panning = True
            self._pan_to(event.position().x())
            return
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.mark_range(self._turn_at(event.position().x()), self._turn_at(event.position().x()))
            return
        self.mark_range()
        self._dragging = True
        self._panel.workspace.cursor.go(self._turn_at(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        if self.drag.move(event.position().toPoint()):
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
            self.update()
        elif self._panning:
            self._pan_to(event.position().x())
        elif self._range is not None and event.buttons() & Qt.MouseButton.LeftButton and not self._dragging:
            self.mark_range(self._turn_at(self._pressed.x()), self._turn_at(event.position().x()))
        elif self._dragging:
            self._panel.workspace.cursor.go(self._turn_at(event.position().x()))
        else:
            over_name = event.position().x() < self._left() - theme.active().unit(2)
            pointing = over_name or self._probe_at(event.position()) is not None
            self.setCursor(Qt.CursorShape.PointingHandCursor if pointing else Qt.CursorShape.ArrowCursor)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        if self.drag.lane:
            if self.drag.release():
                self.update()
            return
        dragged = (event.position() - self._pressed).manhattanLength() >= QApplication.startDragDistance()
        group, track = self._group_at(self._pressed), self._track_at(self._pressed.y())
        if self._dragging and not dragged and group and track is not None:
            probe = self._next_of(group)
            self._panel.workspace.jump(probe.turn, lane=track.lane, probe=probe.probe)
        if self._range is not None and not self._dragging and not self._panning:
            self._panel.tell_range(*self._range)
        self._dragging = self._panning = False

    def mark_range(self, one: int | None = None, other: int | None = None) -> None:
        """Mark the turns from one to the other; without any, none."""
        marked = None if one is None or other is None else (min(one, other), max(one, other))
        if marked != self._range:
            self._range = marked
            self.update()

    def _pan_to(self, x: float) -> None:
        """Have the middle of what is shown under the pointer, which is on the bar."""
        bar = self._bar()
        turn = (x - bar.x()) / max(1.0, bar.width()) * self.stretch.end
        self.stretch.pan(turn - (self.stretch.first + self.stretch.last) / 2)
        self.forget()

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: D102
        down, across = event.angleDelta().y(), event.angleDelta().x()
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            down, across = 0, across or down
        if down:
            self.zoom(_ZOOM ** (down / 120), self._place(event.position().x()))
        elif across:
            self.stretch.pan(-across / 120 * self.stretch.wide / 10)
            self.forget()
        event.accept()

    def zoom(self, factor: float, about: float | None = None) -> None:
        """Show ``factor`` times fewer turns about one of them, by default about the cursor; 0 shows all."""
        if factor:
            about = self._panel.workspace.cursor.turn if about is None else about
            self.stretch.zoom(factor, min(max(about, 0), self.stretch.end))
        else:
            self.stretch.show_all()
        self.forget()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102
        cursor, far = self._panel.workspace.cursor, 10
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_PageUp: -far, Qt.Key.Key_PageDown: far}
        zooms = {Qt.Key.Key_Plus: _ZOOM, Qt.Key.Key_Equal: _ZOOM, Qt.Key.Key_Minus: 1 / _ZOOM, Qt.Key.Key_0: 0.0}
        if event.key() in zooms and not event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.zoom(zooms[Qt.Key(event.key())])
        elif event.key() in steps and event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self._extend(steps[Qt.Key(event.key())])
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._range is not None:
            self._panel.tell_range(*self._range)
        elif event.key() == Qt.Key.Key_Escape and self._range is not None:
            self.mark_range()
        elif event.key() in steps:
            cursor.step(steps[Qt.Key(event.key())])
        elif event.key() == Qt.Key.Key_Home:
            cursor.go(0)
        elif event.key() == Qt.Key.Key_End:
            cursor.go(cursor.last)
        else:
            super().keyPressEvent(event)

    def _extend(self, by: int) -> None:
        """Shift and an arrow: the cursor goes on, the range reaches from where it began to there."""
        first, last = self._range or (self._turn, self._turn)
        start = last if self._turn == first and first != last else first
        self._panel.workspace.cursor.step(by)
        self.mark_range(start, self._panel.workspace.cursor.turn)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102
        super().resizeEvent(event)
        self.forget()

    def event(self, event: QEvent) -> bool:  # noqa: D102
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), plain(self._tip(event.pos())), self)
            return True
        return super().event(event)

    def lane_at(self, point: QPoint) -> int:
        """The lane of the row under a point; 0 for none."""
        track = self._track_at(point.y())
        return track.lane if track is not None else 0

    def _track_at(self, y: float) -> Track | None:
        if self._view is None:
            return None
        place = int((y - self._top()) // self._row())
        return self._view.tracks[place] if 0 <= place < len(self._view.tracks) else None

    def _probe_at(self, point: QPointF) -> ProbeMark | None:
        track = self._track_at(point.y())
        if track is None or not track.probes:
            return None
        nearest = min(track.probes, key=lambda p: abs(self._x(p.turn) - point.x()))
        return nearest if abs(self._x(nearest.turn) - point.x()) <= self._row() * 0.35 else None

    def _group_at(self, point: QPointF) -> tuple[ProbeMark, ...]:
        """The probes that share the badge under a point."""
        track, nearest = self._track_at(point.y()), self._probe_at(point)
        if track is None or nearest is None:
            return ()
        per = self._badge_slot()
        return tuple(p for p in track.probes if p.turn // per == nearest.turn // per)

    def _next_of(self, group: tuple[ProbeMark, ...]) -> ProbeMark:
        """The first of the probes of a badge; a further click goes on to the next one."""
        names = [p.probe for p in group]
        return group[(names.index(self._probe) + 1) % len(group)] if self._probe in names else group[0]

    def _told_of(self, group: tuple[ProbeMark, ...], track: Track) -> str:
        """Questions with verdicts of a badge."""
        session = self._panel.workspace.session
        asked = {p.id: p for p in session.probes} if session is not None else {}
        gold = {name: "never said" if p.abstain else " or ".join(p.gold) for name, p in asked.items()}
        first, last, right = group[0].turn, group[-1].turn, sum(p.correct for p in group)
        after = f"after turn {first}" if first == last else f"after turns {first} to {last}"
        if len(group) == 1:
            (one,) = group
            said = [asked[one.probe].question, f"gold: {gold[one.probe]}"] if one.probe in asked else []
            return tip(f"probe {one.probe} {after}", *said, f"{track.name}: {'right' if one.correct else 'wrong'}")
        rows = [f"{'right' if p.correct else 'wrong'}: {asked[p.probe].question}" for p in group if p.probe in asked]
        more = [f"and {len(rows) - _TOLD:,} more"] if len(rows) > _TOLD else []
        head = f"{len(group):,} probes {after}: {track.name} has {right:,} right"
        return tip(head, *rows[:_TOLD], *more, "Click: one after another (P, Shift+P; W for wrong ones)")

    def _told_of_thread(self, turn: int, lane: int) -> list[str]:
        found = self._panel.workspace.thread_view
        one = found.of(lane) if found is not None else None
        if found is None or one is None:
            return []
        return ["this turn is followed"] if turn == found.turn else _thread_lines(one, turn, found.turn)

    def _tip(self, point: QPoint) -> str:
        track = self._track_at(point.y())
        if track is None or self._view is None:
            return ""
        if point.x() < self._left():
            right = sum(p.correct for p in track.probes)
            said = [f"finding: {kind}  {n:,}" for kind, n in self.findings(track.lane).counts.items()]
            return tip(track.name, f"{right} of {len(track.probes)} probes right", *_totals(track.total), *said)
        group = self._group_at(QPointF(point))
        if group:
            return self._told_of(group, track)
        turn = max(0, min(self._turn_at(point.x()), self._view.turns - 1))
        evidence = ["holds the answer to the probe in question"] if turn in self._evidence else []
        if track.lane == self._item[0] and turn in self._item_turns:
            evidence.append(self._item_turns[turn])
        evidence += ["holds what is looked for"] if turn in self._panel.workspace.found else []
        evidence += self._told_of_thread(turn, track.lane)
        done = {name: turns[turn] for name, turns in track.marks.items() if turn in turns}
        found = self.findings(track.lane).per_turn().get(turn, [])
        said = [f"finding: {f.text if f.text.startswith(f.kind) else f'{f.kind}: {f.text}'}" for f in found[:_TOLD]]
        more = [f"and {len(found) - _TOLD:,} more findings"] if len(found) > _TOLD else []
        return tip(f"turn {turn} · {track.name}", *evidence, *(_totals(done) or ["nothing changed"]), *said, *more)


def _thread_lines(one: LaneThread, turn: int, followed: int) -> list[str]:
    told = [s for s in one.story.steps if s.turn == turn and s.stage != RETRIEVED]
    return [f"of turn {followed}: {s.stage if s.held else f'not {s.stage}'} {s.item}".rstrip() for s in told[:_TOLD]]


def _stations(one: LaneThread) -> dict[int, Mark]:
    """What stands on a lane's thread at a turn: where it was lost, else written or changed, else shown to a reader."""
    found: dict[int, Mark] = {}
    for step in one.story.steps:
        if not step.held and step.stage in (STORED, KEPT):
            found[step.turn] = Mark.DELETED
        elif step.stage in (STORED, KEPT):
            found.setdefault(step.turn, Mark.WRITTEN)
        elif step.stage == PACKED:
            found.setdefault(step.turn, Mark.UPDATED)
    return found


def _gathered(turns: Mapping[int, int], per: int) -> dict[float, int]:
    """Counts by turn, gathered into slots of ``per`` turns; keys are the middles of the slots."""
    if per == 1:
        return dict(turns)  # type: ignore[arg-type]
    out: dict[float, int] = {}
    for turn, n in turns.items():
        middle = turn // per * per + (per - 1) / 2
        out[middle] = out.get(middle, 0) + n
    return out


def _totals(total: Mapping[str, int]) -> list[str]:
    return [f"{n:,} {name}" for name, n in total.items()]


def _nice_turns(first: float, last: float, most: int) -> list[int]:
    """Turns to label: multiples of 1, 2 or 5 times a power of ten from first to last, about ``most`` of them."""
    step, power = 1, 1
    while (last - first + 1) / step > most:
        step = next((power * n for n in (1, 2, 5, 10) if power * n > step), step * 2)
        power = power * 10 if step >= power * 10 else power
    return list(range(ceil(first / step) * step, floor(last) + 1, step))
