"""What a probe retrieved: ranked candidates with their scores, the cut, the evidence, and what reached the context."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from PySide6.QtCore import QModelIndex, QPointF, QSize, Qt, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QBoxLayout,
    QHBoxLayout,
    QLayout,
    QListView,
    QMenu,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ui.models.hits import FATES, HitsModel
from ui.models.table import Table
from ui.panels.base import ElidedLabel, Empty, Panel, asked
from ui.state.moment import Moment
from ui.theme import marks, theme
from ui.theme.marks import Mark
from ui.widgets.hit_delegate import HitDelegate
from ui.widgets.painting import painting
from ui.widgets.plain import Label, plain
from ui.widgets.span_bar import SpanBar
from ui.widgets.units import ms
from workbench.projections.hits import HitsView, hits_view
from workbench.trace.reader import TraceReader

_LINKS = 3  # turns that are links below the verdict
_SAID = 160  # characters of an answer that are shown; its tooltip has the rest
_BESIDE = 40  # characters of an answer and its gold that fit one line of a narrow inspector


class HitsPanel(Panel):
    """The retrieval of the probe at or before the cursor."""

    name: ClassVar[str] = "hits"
    follows = frozenset({"session", "turn", "seq", "lane", "probe", "pinned"})

    @staticmethod
    def project(reader: TraceReader, moment: Moment, options: Any) -> HitsView | Empty:
        """See ``workbench.projections.hits``."""
        moment = asked(reader, moment)
        view = hits_view(reader, moment.session, moment.lane, moment.turn, moment.probe, moment.seq)
        if view is None:
            return no_probe(reader, moment)
        return view

    def build(self) -> QWidget:
        """Question, list, context."""
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.active().unit(2))
        self._lines = QTimer(self)  # type and width are in force with the next layout
        self._lines.setSingleShot(True)
        self._lines.setInterval(0)
        self._lines.timeout.connect(self._keep_lines)
        self.question, self.verdict = Label(), Label()
        self.question.setWordWrap(True)
        self.verdict.setWordWrap(True)
        self.answer = _Answer()
        self.places = _Places(self._go_to_place)
        for widget in (self.question, self.answer, self.verdict, self.places):
            widget.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
            column.addWidget(widget)
        column.addWidget(self._make_list(), 1)
        self.nothing = Label("This lane scores no candidates: it reads the turns themselves")
        self.nothing.setProperty("part", "faint")
        self.nothing.setWordWrap(True)
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignTop)
        column.addWidget(self.nothing, 1)
        line = QHBoxLayout()
        self.context, self.dropped = ElidedLabel("context"), ElidedLabel()
        for label in (self.context, self.dropped):
            label.setProperty("part", "faint")
        line.addWidget(self.context, 1)
        self.dropped.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        line.addWidget(self.dropped, 1)
        column.addLayout(line)
        self.bar = SpanBar()
        self.bar.chosen.connect(self._span_chosen)
        column.addWidget(self.bar)
        return body

    def _make_list(self) -> QWidget:
        self.hits = HitsModel(self)
        view = self.list = _List()
        view.setModel(self.hits)
        self._delegate = HitDelegate(self)
        view.setItemDelegate(self._delegate)
        view.setUniformItemSizes(True)
        view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        view.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        view.setMouseTracking(True)
        view.setAccessibleName("Ranked candidates")
        view.selectionModel().currentChanged.connect(self._chosen)
        view.doubleClicked.connect(self._go_to)
        view.activated.connect(self._go_to)
        self.setFocusProxy(view)
        return view

    def show_view(self, view: HitsView) -> None:
        """Fill question, list and context."""
        run = self.workspace.run
        color = self._delegate.color = theme.active().lane(run.place(view.lane) if run else 0)
        self.question.setText(view.query)
        self.answer.show_answer(view)
        self.verdict.setText(view.verdict)
        lost = bool(view.evidence) and not view.found
        self.verdict.setStyleSheet(f"color: {theme.active().color('wrong' if lost else 'text-2').name()}")
        self.places.show_places(view.places)
        self.hits.show(view)
        self.list.setVisible(bool(view.rows))
        self.nothing.setVisible(not view.rows)
        self.context.setText(f"context, {view.used:,} tok" if view.used else "context")
        names = ", ".join(s.label for s in view.dropped[:3]) + ("…" if len(view.dropped) > 3 else "")
        self.dropped.setText(f"no room for {names}" if view.dropped else "everything fitted" if view.spans else "")
        self.dropped.tell("\n".join(f"{s.label}: {s.text[:120]}" for s in view.dropped))
        self.bar.show_spans(view.spans, 0, color)
        self.bar.setVisible(bool(view.spans))
        self._lines.start()
        self.on_moment(self.moment)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102
        super().resizeEvent(event)
        self._lines.start()

    def _keep_lines(self) -> None:
        """Wrapped texts have all their lines; where room is short the panel is scrolled."""
        for widget in (self.question, self.answer, self.verdict):
            widget.setMinimumHeight(0)
            widget.setMinimumHeight(max(0, widget.heightForWidth(self.contentsRect().width() - theme.active().unit(6))))

    def on_moment(self, moment: Moment) -> None:
        """Mark the selected item."""
        self.bar.choose(moment.item)
        row = self.hits.place(moment.item)
        if row == self.list.currentIndex().row():
            return
        selection = self.list.selectionModel()
        blocked = selection.blockSignals(True)
        if row < 0:
            selection.clear()
        else:
            self.list.setCurrentIndex(self.hits.index(row))
        selection.blockSignals(blocked)
        self.list.viewport().update()

    def _chosen(self, current: QModelIndex, _: QModelIndex) -> None:
        row = self.hits.row(current.row()) if current.isValid() else None
        if row is not None:
            self.workspace.selection.select(item=row.item)

    def _go_to(self, index: QModelIndex) -> None:
        row = self.hits.row(index.row())
        if row is not None and row.turns:
            self.workspace.follow(row.evidence[0] if row.evidence else row.turns[0], self._probe())

    def _go_to_place(self, turn: int) -> None:
        self.workspace.follow(turn, self._probe())

    def _probe(self) -> str:
        return self.view.probe.id if self.view is not None else ""

    def _span_chosen(self, number: int) -> None:
        if self.view is not None:
            follow_span(self, self.view.spans[number])

    def title(self, view: HitsView | None) -> str:
        """``a-mem · hits of probe p3 at turn 214``."""
        if view is None:
            return f"{self.lane_title()} · hits" if self.lane_title() else "Hits"
        return f"{self.lane_title()} · hits of {view.probe.id} at turn {view.turn}"

    def table(self, view: HitsView) -> Table:
        """One row per candidate; component scores as columns."""
        names = list(dict.fromkeys(name for row in view.rows for name, _ in row.parts))
        rows = [
            (
                row.rank,
                row.item,
                row.score,
                *(dict(row.parts).get(name) for name in names),
                "returned" if row.returned else "left out",
                FATES[row.fate],
                ", ".join(map(str, row.turns)),
                ", ".join(map(str, row.evidence)),
                row.text,
            )
            for row in view.rows
        ]
        return Table(("rank", "item", "score", *names, "outcome", "context", "turns", "evidence", "text"), rows)

    def add_actions(self, menu: QMenu) -> None:
        """Go to the evidence."""
        if self.view is not None:
            for turn in self.view.evidence[:5]:
                menu.addAction(f"Go to the evidence, turn {turn}").triggered.connect(
                    lambda *_, t=turn: self.workspace.follow(t, self._probe())
                )
            menu.addAction(f"Go to the probe, turn {self.view.turn}").triggered.connect(
                lambda: self.workspace.follow(self.view.turn, self._probe())
            )


def no_probe(reader: TraceReader, moment: Moment) -> Empty:
    """What to say before the first probe of a session."""
    probes = [p.after for p in reader.session(moment.session).probes] if moment.session else []
    if not probes:
        return Empty(
            "This session has no probes", "Retrieval is shown for probes; `mnemoscope synth` makes sessions with them"
        )
    ahead = [after for after in probes if after > moment.turn]
    how = (
        f"The next one is asked after turn {min(ahead)}; drag the cursor there" if ahead else "This lane answered none"
    )
    return Empty("No probe has been asked yet", how)


def follow_span(panel: Panel, span: Any, probe: str = "") -> None:
    """Go where a context span came from: select its item, else its turn. ``probe`` is the one in question."""
    if span.items:
        panel.workspace.selection.select(item=span.items[0])
    elif span.turns:
        panel.workspace.follow(span.turns[0], probe or panel.view.probe.id)


class _List(QListView):
    """Takes the room that there is and asks for two rows: what comes below it stays in sight."""

    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), 2 * theme.active().unit(11))


class _Places(QWidget):
    """Links to the evidence turns and to where the evidence was lost; for more of them there is the context menu."""

    def __init__(self, go: Callable[[int], None]) -> None:
        super().__init__()
        self._go = go
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(theme.active().unit(1))
        self._row.addStretch(1)
        self._row.setSizeConstraint(QLayout.SizeConstraint.SetNoConstraint)  # links give way, the panel grows no wider
        self._shown: tuple[tuple[int, str], ...] = ()
        self.hide()

    def show_places(self, places: tuple[tuple[int, str], ...]) -> None:
        self.setVisible(bool(places))
        if places[:_LINKS] == self._shown:
            return
        self._shown = places[:_LINKS]
        for old in self.findChildren(QToolButton):
            old.hide()
            old.deleteLater()
        for place, (turn, said) in enumerate(self._shown):
            link = QToolButton()
            link.setText(said)
            link.setProperty("part", "link")
            link.setToolTip("Go there; the probe stays in question")
            link.setAccessibleName(f"Go to turn {turn}, {said}")
            link.clicked.connect(lambda _=False, t=turn: self._go(t))
            self._row.insertWidget(place, link)
        self._fit()

    def minimumSizeHint(self) -> QSize:
        return QSize(0, super().sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """As many links as there is room for, the first in any case."""
        used = 0
        for place in range(len(self._shown)):
            item = self._row.itemAt(place)
            link = item.widget() if item is not None else None
            if link is not None:
                used += link.sizeHint().width() + self._row.spacing()
                link.setVisible(place == 0 or used <= self.width())


class _Answer(QWidget):
    """The answer with its tick or cross, and the gold one: beside it where both are short, else below."""

    def __init__(self) -> None:
        super().__init__()
        self._both = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._both.setContentsMargins(0, 0, 0, 0)
        self._both.setSpacing(theme.active().unit(2))
        first = QHBoxLayout()
        first.setSpacing(theme.active().unit(2))
        self._mark, self._said, self._gold = _Verdict(), Label(), Label()
        self._said.setWordWrap(True)
        self._gold.setWordWrap(True)
        self._gold.setProperty("part", "faint")
        first.addWidget(self._mark, 0, Qt.AlignmentFlag.AlignTop)
        first.addWidget(self._said, 1)
        self._both.addLayout(first)
        self._both.addWidget(self._gold, 1)

    def show_answer(self, view: HitsView) -> None:
        self.setVisible(view.answer is not None)
        said = " ".join((view.answer or "").split()) or "no answer"
        self._said.setText(said if len(said) <= _SAID else said[: _SAID - 1] + "…")
        gold = " or ".join(view.probe.gold) or ("to say that it does not know" if view.probe.abstain else "")
        self._gold.setText(f"gold {gold if len(gold) <= _SAID else gold[: _SAID - 1] + '…'}" if gold else "")
        self._gold.setToolTip(plain(gold))
        short = len(said) + len(gold) <= _BESIDE
        self._said.setWordWrap(not short)
        self._gold.setWordWrap(not short)
        self._both.setDirection(QBoxLayout.Direction.LeftToRight if short else QBoxLayout.Direction.TopToBottom)
        self._mark.show_verdict(view.correct)
        self.setToolTip(plain(f"{view.answer or ''}\nretrieved in {ms(view.ms)}".strip()))


class _Verdict(QWidget):
    """Right or wrong, as everywhere."""

    def __init__(self) -> None:
        super().__init__()
        self._correct: bool | None = None
        self.setFixedSize(16, 16)

    def show_verdict(self, correct: bool | None) -> None:
        self._correct = correct
        self.setVisible(correct is not None)
        self.setToolTip("answered right" if correct else "answered wrong")
        self.update()

    def paintEvent(self, _: Any) -> None:
        if self._correct is None:
            return
        mark, role = (Mark.RIGHT, "right") if self._correct else (Mark.WRONG, "wrong")
        with painting(self) as painter:
            marks.draw(painter, mark, QPointF(8, 8), 5, theme.active().color(role))
