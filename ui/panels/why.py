"""Why an answer is as it is: one sentence, the way of the fact, what beat it, what lost it, and what proves it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QMenu, QPushButton, QSizePolicy, QStackedWidget, QToolButton, QVBoxLayout, QWidget

from ui.models.table import Table
from ui.panels.base import Empty, Panel, asked
from ui.panels.hits import no_probe
from ui.state.moment import Moment
from ui.theme import theme
from ui.widgets.cause_bars import CauseBars
from ui.widgets.funnel import FunnelBar
from ui.widgets.mask_told import mask_told
from ui.widgets.plain import plain
from ui.widgets.rich import RichView
from ui.widgets.thread_story import thread_html
from ui.widgets.units import count
from ui.widgets.why_story import causes_html, why_html
from workbench.engine.protocol import Explain, Knocked, KnockOut
from workbench.probes.competencies import label
from workbench.projections.thread import Thread, thread
from workbench.projections.why import LaneCauses, Station, WhyView, causes_view, why_view
from workbench.trace.reader import TraceReader
from workbench.why.knockout import Bars
from workbench.why.verdict import TITLES, UNEXPLAINED

_NARROW = 100  # units of the grid


@dataclass(frozen=True, slots=True)
class Overview:
    """The causes of all wrong answers of a session."""

    lanes: tuple[LaneCauses, ...]


def _unproved(view: WhyView | Overview | Thread) -> bool:
    if isinstance(view, Thread):
        return False
    if isinstance(view, Overview):
        return any(w.confirmed is None for lane in view.lanes for w in lane.wrong)
    return not view.right and view.verdict.confirmed is None


class WhyPanel(Panel):
    """The verdict on the probe in question, or the causes of all wrong answers."""

    name: ClassVar[str] = "why"
    follows: ClassVar[frozenset[str]] = frozenset(
        {"session", "turn", "seq", "lane", "probe", "pinned", "thread", "token"}
    )

    @staticmethod
    def project(reader: TraceReader, moment: Moment, options: Any) -> WhyView | Overview | Thread | Empty:
        """See ``workbench.projections.why``. ``options``: whether all answers are wanted, whether the followed turn is,
        and how often told anew."""
        if options[1]:
            if moment.thread is None:
                return Empty("No turn is followed", "Shift+T follows the turn of the cursor through every memory")
            return thread(reader, moment.session, moment.thread)
        if options[0]:
            lanes = causes_view(reader, moment.session) if moment.session else ()
            if not any(lane.wrong for lane in lanes):
                return Empty("No answer of this session is wrong" if lanes else "No probe was scored so far")
            return Overview(lanes)
        at = asked(reader, moment)
        view = why_view(reader, at.session, at.lane, at.turn, at.probe, at.seq, token=at.token)
        return view if view is not None else no_probe(reader, moment)

    def build(self) -> QWidget:
        """Funnel over text; bars over text."""
        self._unfolded: set[str] = set()
        self._bars: dict[KnockOut, Bars | None] = {}  # by the question; None while it is being answered
        self._told = 0
        self._filter: tuple[int, str, str] = (0, "", "")
        self._tools()
        self.funnel, self.text = FunnelBar(self._follow_station), self._rich("Why the answer is as it is")
        self.bars, self.list = CauseBars(self._chosen), self._rich("Wrong answers by cause")
        self.pages = QStackedWidget()
        self.forward = self._rich("What became of the followed turn")
        for widgets in ((self.funnel, self.text), (self.bars, self.list), (self.forward,)):
            page = QWidget()
            column = QVBoxLayout(page)
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(theme.active().unit(3))
            for widget in widgets:
                column.addWidget(widget, isinstance(widget, RichView))
            self.pages.addWidget(page)
        self.workspace.told.connect(self._anew)
        self.workspace.wanted.connect(self._wanted)
        self.workspace.knocked.connect(self._knocked)
        self.setFocusProxy(self.text)
        return self.pages

    def _tools(self) -> None:
        self.prove = QPushButton("Prove")
        self.prove.setProperty("part", "quiet")
        self.prove.setToolTip("Change one thing and ask again, until the answer flips")
        self.prove.clicked.connect(self._prove)
        self.all, self.pin, self.thread_on = QToolButton(), QToolButton(), QToolButton()
        for button, text, tip in (
            (self.thread_on, "Thread", "Forward from a turn: what every memory made of it (Shift+T follows another)"),
            (self.all, "All answers", "The causes of every wrong answer of this session"),
            (self.pin, "Pin", "Keep this probe in question wherever the cursor goes"),
        ):
            button.setText(text)
            button.setCheckable(True)
            button.setProperty("part", "quiet")
            button.setToolTip(plain(f"{text}\n{tip}"))
            button.setAccessibleName(tip)
        self.all.toggled.connect(lambda on: self._one_of(self.thread_on, on))
        self.thread_on.toggled.connect(self._follow_evidence)
        self.pin.clicked.connect(self._pin_probe)
        for widget in (self.prove, self.pin, self.thread_on, self.all):
            widget.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
            self.tools.addWidget(widget)
        self._dress()

    def _dress(self) -> None:
        """Signs in place of words where words would leave the title no room."""
        now = theme.active()
        narrow = self.width() < now.unit(_NARROW) * now.size / theme.NORMAL
        style = Qt.ToolButtonStyle.ToolButtonIconOnly if narrow else Qt.ToolButtonStyle.ToolButtonTextOnly
        for button, glyph in ((self.pin, "pin"), (self.thread_on, "source-branch"), (self.all, "format-list-bulleted")):
            button.setIcon(now.icon(f"mdi6.{glyph}"))
            button.setToolButtonStyle(style)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102
        super().resizeEvent(event)
        self._dress()
        self._fold()

    def retheme(self) -> None:
        """Signs in the colours of the theme, the funnel as high as its type."""
        self._dress()
        self.funnel.fit()

    def _rich(self, name: str) -> RichView:
        view = RichView()
        view.setAccessibleName(name)
        view.turn_wanted.connect(self._go)
        view.item_wanted.connect(self._select)
        view.toggled.connect(self._toggled)
        return view

    def _wanted(self, name: str) -> None:
        """Somebody asks why an answer is as it is: that is shown, whatever was shown before."""
        if name == self.name:
            self.all.setChecked(False)
            self.thread_on.setChecked(False)

    def _one_of(self, other: QToolButton, on: bool) -> None:
        if on:
            other.setChecked(False)
        self.refresh()

    def _follow_evidence(self, on: bool) -> None:
        """Where no turn is followed: the one that was stored of what this answer needed, else the first that says it or
        that the question in question names, else the cursor's."""
        if on and self.moment.thread is None:
            told = self.view.verdict if isinstance(self.view, WhyView) else None
            stored = [s.turn for s in told.thread if s.stage == "stored" and s.turn in told.turns] if told else []
            asked = self.workspace.probe_in_question()
            turns = (*stored, *(told.turns if told else asked.evidence if asked else ()), self.moment.turn)
            self.workspace.follow_turn(turns[0])
        self._one_of(self.all, on)

    def options(self) -> tuple[bool, bool, int]:
        """All answers or this one; the thread of the followed turn; and how often something new was told about them."""
        return self.all.isChecked(), self.thread_on.isChecked(), self._told

    def _anew(self) -> None:
        self._told += 1
        self._bars = {asked: made for asked, made in self._bars.items() if made is not None}
        self.prove.setEnabled(True)
        self.prove.setText("Prove")
        self.refresh()

    # Showing

    def show_view(self, view: WhyView | Overview | Thread) -> None:
        """Fill the page."""
        run = self.workspace.run
        if isinstance(view, Thread):
            color = theme.active().lane(run.place(self.moment.lane) if run else 0)
            self.forward.show_html(thread_html(view, self.moment.lane), color, f"{self.moment.lane} {view.turn}")
        elif isinstance(view, Overview):
            self._fold()
            self._fill_list(view)
        else:
            color = theme.active().lane(run.place(view.lane) if run else 0)
            self.funnel.setVisible(not view.probe.abstain)
            self.funnel.show_stations(view.stations)
            asked = self._knock_out(view)
            masked = [
                mask_told(q, made)
                for q, made in self._bars.items()
                if made is not None
                and q.spans
                and (q.session, q.lane, q.probe) == (asked.session, asked.lane, asked.probe)
            ]
            html = why_html(view, self._unfolded, self._bars.get(asked), asked in self._bars, masked)
            self.text.show_html(html, color, f"{view.lane} {view.probe.id}")
        self.pages.setCurrentIndex(2 if isinstance(view, Thread) else isinstance(view, Overview))
        self.prove.setVisible(_unproved(view))

    def _fold(self) -> None:
        """Half of the room is for the bars, the other half for the list."""
        if isinstance(self.view, Overview):
            self.bars.show_causes(self.view.lanes, self.height() // 2, self._filter[0] or self.moment.lane)

    def _fill_list(self, view: Overview) -> None:
        run = self.workspace.run
        self.list.show_html(causes_html(view.lanes, self._filter), theme.active().lane(0), str(run and run.path))

    def on_moment(self, moment: Moment) -> None:
        """Whether the probe is pinned."""
        self.pin.setChecked(moment.pinned)
        self.pin.setVisible(not self.all.isChecked() and not self.thread_on.isChecked())

    def title(self, view: WhyView | Overview | Thread | None) -> str:
        """``mem0 · why p8 · lost, proved``."""
        if isinstance(view, Thread):
            return f"{self.lane_title()} · from turn {view.turn} on"
        if isinstance(view, Overview):
            wrong = sum(len(lane.wrong) for lane in view.lanes)
            return count(wrong, "wrong answer")
        if view is None:
            return f"{self.lane_title()} · why" if self.lane_title() else "Why"
        return f"{self.lane_title()} · why {view.probe.id}"

    def table(self, view: WhyView | Overview | Thread) -> Table:
        """The thread of one answer or of a turn, or one row per wrong answer."""
        if isinstance(view, Thread):
            steps = [(one.lane.name, s) for one in view.lanes for s in one.story.steps]
            return Table(
                ("lane", "stage", "turn", "event", "item", "text", "held"),
                [(name, s.stage, s.turn, s.seq, s.item, s.text, s.held) for name, s in steps],
            )
        if isinstance(view, Overview):
            columns = ("lane", "probe", "turn", "competency", "question", "answer", "gold", "cause", "proved", "why")
            rows = [
                (lane.lane.name, w.probe, w.turn, label(w.competency), w.question, w.answer, " / ".join(w.gold),
                 " and ".join(TITLES[c] for c in w.causes) or TITLES[UNEXPLAINED], w.confirmed, w.sentence)
                for lane in view.lanes
                for w in lane.wrong
            ]  # fmt: skip
            return Table(columns, rows)
        thread = view.verdict.thread
        return Table(
            ("stage", "turn", "event", "item", "text", "held"),
            [(s.stage, s.turn, s.seq or None, s.item, s.text, s.held) for s in thread],
        )

    def add_actions(self, menu: QMenu) -> None:
        """Prove; go to where it was lost."""
        if isinstance(self.view, Overview):
            menu.addAction("Prove all of them").triggered.connect(self._prove)
        elif isinstance(self.view, WhyView):
            if not self.view.right:
                menu.addAction("Prove it (again)").triggered.connect(self._prove)
            for step in [s for s in self.view.verdict.thread if not s.held][:3]:
                title = f"Go to turn {step.turn}, where it was not {step.stage}"
                menu.addAction(title).triggered.connect(partial(self._go, step.turn))

    # Following

    def _go(self, turn: int) -> None:
        probe = self.view.probe.id if isinstance(self.view, WhyView) else ""
        self.workspace.follow(turn, probe)

    def _select(self, item: str) -> None:
        self.workspace.selection.select(item=item)

    def _follow_station(self, station: Station) -> None:
        if station.step is not None:
            self._go(station.step.turn)
            if station.step.item and station.stage in ("stored", "kept", "retrieved"):
                self._select(station.step.item)

    def _toggled(self, name: str) -> None:
        kind, _, rest = name.partition(" ")
        if kind == "probe":
            lane, _, probe = rest.partition(" ")
            self.all.setChecked(False)
            self.workspace.explain(int(lane), probe)
            return
        if kind == "bars" and isinstance(self.view, WhyView):
            self._leave_out(self._knock_out(self.view))
        elif kind == "mask":
            self.workspace.wanted.emit("attention")
        elif kind == "all":
            self._filter = (0, "", "")
        else:
            self._unfolded ^= {name}
        if self.view is not None:
            self.show_view(self.view)

    def _knock_out(self, view: WhyView) -> KnockOut:
        run = self.workspace.run
        return KnockOut(run.path if run else Path(), self.moment.session, view.lane, view.probe.id)

    def _leave_out(self, asked: KnockOut) -> None:
        if asked not in self._bars:
            self._bars[asked] = None
            self.workspace.asked.emit(asked)

    def _knocked(self, report: Knocked) -> None:
        self._bars[report.asked] = report.bars
        if isinstance(self.view, WhyView):
            self.show_view(self.view)

    def _chosen(self, lane: int, competency: str, cause: str) -> None:
        self._filter = (lane, competency, cause)
        self._fold()
        if isinstance(self.view, Overview):
            self._fill_list(self.view)

    def _pin_probe(self) -> None:
        if isinstance(self.view, WhyView):
            self.workspace.selection.select(probe=self.view.probe.id, pinned=self.pin.isChecked())

    def _prove(self) -> None:
        run, session = self.workspace.run, self.moment.session
        if run is None or not isinstance(self.view, WhyView | Overview):
            return
        if isinstance(self.view, Overview):
            wrong = [w for lane in self.view.lanes for w in lane.wrong if w.confirmed is None]
            targets = tuple((session, w.lane, w.probe) for w in wrong)
        else:
            targets = ((session, self.view.lane, self.view.probe.id),)
        if targets:
            self.prove.setEnabled(False)
            self.prove.setText("Proving…")
            self.workspace.asked.emit(Explain(run.path, targets))

    def keyPressEvent(self, event: Any) -> None:  # noqa: D102
        if event.key() == Qt.Key.Key_Escape and self.moment.pinned:
            self.workspace.selection.select(pinned=False)
        else:
            super().keyPressEvent(event)
