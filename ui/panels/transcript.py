"""The transcript: what was said, what was asked, and which turns hold the evidence of the probe in question."""

from __future__ import annotations

from typing import Any, ClassVar

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRect, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QPainter, QPen, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListView,
    QMenu,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ui.bridge.project_pool import Answer
from ui.models.table import Table
from ui.models.transcript import ROW, TranscriptModel
from ui.panels.base import Empty, Panel
from ui.state.moment import Moment
from ui.theme import marks, theme
from ui.theme.marks import Mark
from ui.widgets.paragraph import draw_lines, height_of, lines_of
from ui.widgets.surprise_track import SurpriseTrack
from workbench.engine.protocol import Expect
from workbench.probes.competencies import label
from workbench.projections.surprise import MOST as BEFORE
from workbench.projections.surprise import SurpriseView, turn_surprise
from workbench.projections.transcript import ProbeRow, Transcript, TurnRow, transcript
from workbench.trace.reader import TraceReader

MOST_LINES = 8
SURPRISE = (
    f"How much the lane's model expected each word of this turn, after up to {BEFORE:,} tokens of what was said "
    "before; computed when it is asked for and kept beside the run"
)
"""Lines of a turn that are shown; its tooltip has the rest."""
_WRAP = int(Qt.TextFlag.TextWordWrap)


class TranscriptPanel(Panel):
    """Turns and probes in a list; a click moves the cursor."""

    name: ClassVar[str] = "transcript"
    follows: ClassVar[frozenset[str]] = frozenset({"session"})

    @staticmethod
    def project(reader: TraceReader, moment: Moment, options: Any) -> Transcript | Empty:  # noqa: D102
        if not moment.session:
            return Empty("The run has no session yet", "It appears as soon as the engine has read it")
        return transcript(reader, moment.session)

    def build(self) -> QWidget:  # noqa: D102
        self.model = TranscriptModel(self)
        self.delegate = _Delegate(self)
        self.list = _List()
        self.list.setModel(self.model)
        self.list.setItemDelegate(self.delegate)
        self.list.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setMouseTracking(True)
        self.list.setAccessibleName("Transcript")
        self.list.clicked.connect(self._clicked)
        self.list.activated.connect(self._clicked)
        self.workspace.told.connect(self.again)
        self.workspace.followed.connect(lambda: self.on_moment(self.moment))
        self._stood: tuple[int, str] | None = None
        return self._with_track()

    def _with_track(self) -> QWidget:
        """The list over the track, which is there once somebody wants it."""
        self.surprise = QToolButton()
        self.surprise.setText("Surprise")
        self.surprise.setCheckable(True)
        self.surprise.setProperty("part", "quiet")
        self.surprise.setToolTip(SURPRISE)
        self.surprise.toggled.connect(self._wish)
        self.tools.addWidget(self.surprise)
        self.track = SurpriseTrack()
        self.track.hide()
        self._reading: Expect | None = None
        self._tracked: Moment | None = None
        self._vain: set[Expect] = set()
        self.workspace.computed.connect(self._computed)
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.active().unit(2))
        column.addWidget(self.list, 1)
        column.addWidget(self.track)
        return body

    def _wish(self, on: bool) -> None:
        self._vain.clear()
        self.track.setVisible(on)
        self._tracked = None
        self._follow_track()

    def _follow_track(self) -> None:
        """Have the track of the cursor's turn, where it is wanted and another than the one that is shown."""
        moment = self.moment
        wanted = Moment().but(session=moment.session, turn=moment.turn, lane=moment.lane)
        if self.surprise.isChecked() and wanted != self._tracked:
            self._tracked = wanted
            self.workspace.pool.submit(id(self.track), _surprise, wanted, None, self._show_track, True)

    def _show_track(self, answer: Answer) -> None:
        tall = self.track.height()
        if isinstance(answer.view, SurpriseView):
            self.track.show_view(answer.view)
            if self.track.sizeHint().height() != tall:
                QTimer.singleShot(0, self, self._return)
        elif answer.request.moment.turn < 0:
            self.track.say("Before the first turn nothing is said")
        else:
            self._compute(answer.request.moment)

    def _compute(self, moment: Moment) -> None:
        """Ask for the figures of a turn, one after another: the latest once the one before is there."""
        run = self.workspace.run
        if run is None:
            return
        asked = Expect(run.path, moment.session, moment.lane, moment.turn)
        if self.workspace.being_written:
            self.track.say("The run is still being written", "Its surprise can be computed when it has ended")
        elif asked in self._vain:
            self.track.say(f"The surprise of turn {moment.turn} could not be computed")
        else:
            self.track.say(f"Reading turn {moment.turn} with {self.lane_title()}'s model…")
            if self._reading is None:
                self._reading = asked
                self.workspace.asked.emit(asked)

    def _computed(self, question: object) -> None:
        if isinstance(question, Expect) and question == self._reading:
            self._reading = None
            self._vain.add(question)  # where it is there now, nobody asks for it again
            self._tracked = None
            self._follow_track()

    def title(self, view: Transcript | None) -> str:  # noqa: D102
        return f"Transcript · {view.name}" if view else "Transcript"

    def show_view(self, view: Transcript) -> None:  # noqa: D102
        if self.model.show(view):
            self.delegate.forget()
            self._stood = None
        self.delegate.lanes = (
            {row.id: place for place, row in enumerate(self.workspace.run.lanes)} if self.workspace.run else {}
        )

    def on_moment(self, moment: Moment) -> None:  # noqa: D102
        view: Transcript | None = self.view
        if view is None:
            return
        asked = self.workspace.probe_in_question()
        probe = view.probe_rows.get(asked.id) if asked else None
        row = view.rows[probe] if probe is not None else None
        evidence = frozenset(row.evidence) if isinstance(row, ProbeRow) else frozenset()
        found = self.workspace.thread_view
        one = found.of(moment.lane) if found is not None else None
        touched = one.turns if one is not None else frozenset()
        stood = (moment.turn, asked.id if moment.probe and asked else "", evidence, moment.thread, touched)
        self._repaint(view, self.delegate.stand(*stood))
        target = probe if moment.probe and isinstance(row, ProbeRow) and row.turn == moment.turn else None
        self._follow_track()
        place = target if target is not None else view.turn_rows.get(moment.turn)
        if place is not None and self._stood != (moment.turn, moment.probe):
            self._stood = (moment.turn, moment.probe)
            self._bring(place)

    def table(self, view: Transcript) -> Table:  # noqa: D102
        rows = [
            (r.turn, r.speaker, r.text, r.date, "")
            if isinstance(r, TurnRow)
            else (r.turn, "probe", r.question, "", " | ".join(r.gold))
            for r in view.rows
        ]
        return Table(("turn", "speaker", "text", "date", "gold"), rows)

    def retheme(self) -> None:  # noqa: D102
        self.delegate.forget()
        self.track.retheme()
        self.list.doItemsLayout()
        self._return()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102
        super().resizeEvent(event)
        QTimer.singleShot(0, self, self._return)  # once the list has laid out its rows anew

    def _return(self) -> None:
        """Bring the cursor's turn into view again."""
        self._stood = None
        self.on_moment(self.moment)

    def _repaint(self, view: Transcript, turns: tuple[int, int] | None) -> None:
        """Repaint the rows of these turns (first and last), or all rows that are seen."""
        rect = self.list.viewport().rect()
        if turns is not None:
            first, last = (view.turn_rows.get(t) for t in turns)
            if first is not None:
                rect.setTop(self.list.visualRect(self.model.index(first)).top())
            if last is not None:
                end = view.turn_rows.get(turns[1] + 1, len(view.rows)) - 1
                rect.setBottom(self.list.visualRect(self.model.index(end)).bottom())
        self.list.viewport().update(rect)

    def _bring(self, place: int) -> None:
        """Scroll so that the row is in view with some of what comes before it; not while it is well inside."""
        index = self.model.index(place)
        rect, height = self.list.visualRect(index), self.list.viewport().height()
        margin = height // 5
        if not rect.isValid() or rect.top() < margin or rect.bottom() > height - margin:
            self.list.scrollTo(index, QAbstractItemView.ScrollHint.EnsureVisible)
            rect = self.list.visualRect(index)
            bar = self.list.verticalScrollBar()
            bar.setValue(bar.value() + rect.center().y() - int(height * 0.6))

    def add_actions(self, menu: QMenu) -> None:
        """Follow the cursor's turn through the memories."""
        turn, followed = self.moment.turn, self.moment.thread
        title = f"Let go of turn {turn}" if turn == followed else f"Follow turn {turn} through the memories"
        menu.addAction(f"{title}\tShift+T").triggered.connect(lambda: self.workspace.follow_turn(turn))

    def _clicked(self, index: QModelIndex) -> None:
        row = self.model.row(index.row())
        self.workspace.jump(row.turn, **({"probe": row.probe} if isinstance(row, ProbeRow) else {}))


def _surprise(reader: TraceReader, moment: Moment, _: Any) -> SurpriseView | None:
    return turn_surprise(reader, moment.session, moment.lane, moment.turn)


class _List(QListView):
    """A list whose rows wrap: their heights depend on its width."""

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            delegate = self.itemDelegate()
            if isinstance(delegate, _Delegate):
                delegate.forget()
            self.scheduleDelayedItemsLayout()


class _Delegate(QStyledItemDelegate):
    """Paints rows; heights are kept per row until the width or the type changes."""

    def __init__(self, parent: TranscriptPanel) -> None:
        super().__init__(parent)
        self._heights: dict[int, int] = {}
        self._turn, self._probe, self._evidence = -1, "", frozenset[int]()
        self._thread: int | None = None
        self._touched = frozenset[int]()
        self.lanes: dict[int, int] = {}

    def forget(self) -> None:
        self._heights.clear()

    def stand(
        self, turn: int, probe: str, evidence: frozenset[int], thread: int | None, touched: frozenset[int]
    ) -> tuple[int, int] | None:
        """Take over the cursor, the followed turn and those at which something happened to it; the first and last turn
        that look different now, None when any may."""
        new = (probe, evidence, thread, touched)
        same, old = new == (self._probe, self._evidence, self._thread, self._touched), self._turn
        self._turn, (self._probe, self._evidence, self._thread, self._touched) = turn, new
        return (min(old, turn), max(old, turn)) if same else None

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        place = index.row()
        if place not in self._heights:
            width = option.widget.viewport().width() if isinstance(option.widget, QListView) else 280
            self._heights[place] = self._height(index.data(ROW), width)
        return QSize(80, self._heights[place])

    def _height(self, row: TurnRow | ProbeRow, width: int) -> int:
        now = theme.active()
        inner = width - now.unit(6)
        small = now.metrics("small")
        if isinstance(row, ProbeRow):
            text = _wrapped(row.question, inner, 3)
            return small.height() * 2 + text + now.unit(7)
        return small.height() + _wrapped(row.text, inner, MOST_LINES) + now.unit(5)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        now, row = theme.active(), index.data(ROW)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        card = option.rect.adjusted(1, now.unit(0.5), -1, -now.unit(0.5))
        current = row.turn == self._turn and (isinstance(row, TurnRow) or row.probe == self._probe)
        hover = bool(option.state & QStyle.StateFlag.State_MouseOver)
        self._ground(painter, card, row, current, hover)
        inner = card.adjusted(now.unit(2.5), now.unit(1.5), -now.unit(2.5), -now.unit(1))
        if row.turn > self._turn:
            painter.setOpacity(0.55)
        (self._turn_row if isinstance(row, TurnRow) else self._probe_row)(painter, inner, row)
        painter.restore()

    def _ground(self, painter: QPainter, card: QRect, row: TurnRow | ProbeRow, current: bool, hover: bool) -> None:
        now = theme.active()
        fill = "accent-soft" if current else "raised" if hover or isinstance(row, TurnRow) else "surface"
        painter.setPen(QPen(now.color("accent-fill"), 1.2) if current else Qt.PenStyle.NoPen)
        if isinstance(row, ProbeRow) and not current:
            painter.setPen(QPen(now.color("line"), 1))
        painter.setBrush(now.color(fill))
        painter.drawRoundedRect(QRectF(card).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        if isinstance(row, TurnRow) and (row.turn == self._thread or row.turn in self._touched):
            wide = now.unit(1.2 if row.turn == self._thread else 0.6)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(now.color("accent"))
            painter.drawRoundedRect(QRectF(card.x() + 1, card.y() + 3, wide, card.height() - 6), wide / 2, wide / 2)

    def _turn_row(self, painter: QPainter, rect: QRect, row: TurnRow) -> None:
        now = theme.active()
        small = now.metrics("small")
        painter.setFont(now.font("small", mono=True))
        painter.setPen(now.color("text-3"))
        number = str(row.turn)
        painter.drawText(rect.x(), rect.y() + small.ascent(), number)
        x = rect.x() + max(now.metrics("small", mono=True).horizontalAdvance("0000"), 0) + now.unit(1)
        painter.setFont(now.font("small", bold=True))
        painter.setPen(now.color("text-2"))
        painter.drawText(x, rect.y() + small.ascent(), row.speaker)
        if row.remarks:
            _page(
                painter, QPointF(x + small.horizontalAdvance(row.speaker) + now.unit(3), rect.y() + small.height() / 2)
            )
        if row.turn in self._evidence:
            center = QPointF(rect.right() - now.unit(1), rect.y() + small.height() / 2)
            marks.draw(painter, Mark.RETRIEVED, center, now.unit(1.1), now.color("accent-fill"))
        elif row.date and row.opens_part:
            self._right(painter, rect, row.date[:16].replace("T", " "))
        self._text(painter, rect, small.height() + now.unit(1), row.text, MOST_LINES)

    def _probe_row(self, painter: QPainter, rect: QRect, row: ProbeRow) -> None:
        now = theme.active()
        small = now.metrics("small")
        painter.setFont(now.font("small", bold=True))
        painter.setPen(now.color("accent"))
        painter.drawText(rect.x(), rect.y() + small.ascent(), "probe")
        x = rect.x() + small.horizontalAdvance("probe  ") + now.unit(2)
        if row.remarks:
            _page(painter, QPointF(x, rect.y() + small.height() / 2))
            x += now.unit(3.5)
        painter.setFont(now.font("small"))
        painter.setPen(now.color("text-3"))
        end = self._verdicts(painter, rect, row, x)
        room = end - x - now.unit(2)
        if room > now.unit(7):  # less says nothing
            name = small.elidedText(label(row.competency), Qt.TextElideMode.ElideRight, room)
            painter.drawText(x, rect.y() + small.ascent(), name)
        top = small.height() + now.unit(1)
        used = self._text(painter, rect, top, row.question, 3)
        painter.setFont(now.font("small"))
        painter.setPen(now.color("text-3"))
        base = rect.y() + top + used + now.unit(1) + small.ascent()
        painter.drawText(rect.x(), base, "gold")
        painter.setPen(now.color("text-2"))
        gold = "never said" if row.abstain else " or ".join(row.gold)
        left = small.horizontalAdvance("gold") + now.unit(2)
        room = rect.width() - left
        painter.drawText(rect.x() + left, base, small.elidedText(gold, Qt.TextElideMode.ElideRight, room))

    def _verdicts(self, painter: QPainter, rect: QRect, row: ProbeRow, left: int) -> int:
        """Draw a tick or cross per lane, in the lanes' order, or how many were right where there is no room for all
        from ``left`` on; where that begins."""
        now = theme.active()
        small = now.metrics("small")
        room, many = rect.right() - now.unit(2) - left, len(row.verdicts)
        step = min(now.unit(3.5), room // max(1, many))
        if step < now.unit(2.2):
            said = f"{sum(correct for _, correct in row.verdicts)} of {many}"
            self._right(painter, rect, said)
            return rect.right() - small.horizontalAdvance(said) - now.unit(1)
        begin = x = rect.right() - step * (many - 1) - now.unit(1)
        for _, correct in row.verdicts:
            center = QPointF(x, rect.y() + small.height() / 2)
            mark = Mark.RIGHT if correct else Mark.WRONG
            marks.draw(painter, mark, center, now.unit(0.9), now.color("right" if correct else "wrong"))
            x += step
        return begin - now.unit(1)

    def _right(self, painter: QPainter, rect: QRect, text: str) -> None:
        now = theme.active()
        small = now.metrics("small")
        painter.setFont(now.font("small"))
        painter.setPen(now.color("text-3"))
        painter.drawText(rect.right() - small.horizontalAdvance(text), rect.y() + small.ascent(), text)

    def _text(self, painter: QPainter, rect: QRect, top: int, text: str, lines: int) -> int:
        now = theme.active()
        height = _wrapped(text, rect.width(), lines)
        where = QRect(rect.x(), rect.y() + top, rect.width(), height)
        if _cut(text, rect.width(), lines):
            draw_lines(painter, text, QRectF(where), now.font(), now.color("text"), lines)
            return height
        painter.setFont(now.font())
        painter.setPen(now.color("text"))
        painter.drawText(where, _WRAP, text)
        return height


def _page(painter: QPainter, center: QPointF) -> None:
    """A small page: somebody has said something of this."""
    now = theme.active()
    wide, high = now.unit(0.9), now.unit(1.1)
    painter.save()
    painter.setPen(QPen(now.color("accent"), 1.2))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(QRectF(center.x() - wide, center.y() - high, 2 * wide, 2 * high))
    for line in (-0.35, 0.35):
        y = center.y() + line * high
        painter.drawLine(QPointF(center.x() - wide * 0.5, y), QPointF(center.x() + wide * 0.5, y))
    painter.restore()


def _box(text: str, width: int, lines: int) -> int:
    """Height of a text that wraps at ``width``; looks at no more of it than can be shown."""
    return theme.active().metrics().boundingRect(QRect(0, 0, width, 10_000), _WRAP, text[: lines * 200]).height()


def _short(text: str, width: int) -> bool:
    wide = theme.active().metrics().averageCharWidth()
    return len(text) * wide < width * 0.6 and text.isascii() and "\n" not in text


def _cut(text: str, width: int, lines: int) -> bool:
    """Whether a text needs more than ``lines`` lines."""
    if _short(text, width) or _box(text, width, lines) <= lines * theme.active().line():
        return False
    return len(lines_of(text[: lines * 200], theme.active().font(), width)) > lines


def _wrapped(text: str, width: int, lines: int) -> int:
    """Height of a text that wraps at ``width``, at most ``lines`` lines."""
    now = theme.active()
    if _short(text, width):
        return now.line()
    box = _box(text, width, lines)
    return box if box <= lines * now.line() else height_of(text[: lines * 200], now.font(), width, lines)
