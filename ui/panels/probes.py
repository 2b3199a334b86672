"""All probes with every lane's answer: where lanes differ, and what this one got wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, QPointF, QRect, Qt
from PySide6.QtGui import QPainter, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QSplitter,
    QWidget,
)

from ui.bridge.project_pool import Answer
from ui.models.probes import FIXED, VERDICT, ProbesModel
from ui.models.table import Table
from ui.panels.base import Empty, Panel
from ui.state.moment import Moment
from ui.theme import marks, theme
from ui.theme.marks import Mark
from ui.widgets.choice_box import ChoiceBox
from ui.widgets.row_table import WalkedTable
from ui.widgets.two_lines import TwoLines
from ui.widgets.verdict_pane import VerdictPane
from workbench.probes.competencies import label
from workbench.projections.judged import Judgement, judgements
from workbench.projections.probe_table import ProbeTable, of_lanes, part_title, probe_table
from workbench.trace.reader import TraceReader

_READ = 56  # 4 px steps in which most questions are read on one line
_CUT = 0.3  # share of the questions from which on all rows have two lines for them
_GOLD = 60  # characters of the gold answer before the lane's own
_BOXES, _SHORT = ("wrong only", "lanes disagree"), ("wrong", "differ")


class ProbesPanel(Panel):
    """A table of probes; choosing one moves the cursor to where it was asked."""

    name: ClassVar[str] = "probes"
    follows: ClassVar[frozenset[str]] = frozenset({"session"})
    by_lane: ClassVar[bool] = True
    lanes_run: ClassVar[str] = "right"

    @staticmethod
    def project(reader: TraceReader, moment: Moment, options: Any) -> ProbeTable | Empty:  # noqa: D102
        if not moment.session:
            return Empty("The run has no session yet")
        view = probe_table(reader, moment.session)
        return (
            view
            if view.lines
            else Empty("This session has no probes", "File → Probes of a session… writes some; replay it then")
        )

    def build(self) -> QWidget:  # noqa: D102
        self.model = ProbesModel(self)
        self.grid = WalkedTable()
        self.grid.resized.connect(self._columns)
        self.grid.setModel(self.model)
        self.lines = _Delegate(self)
        self.grid.setItemDelegate(self.lines)
        self.grid.verticalHeader().hide()
        self.grid.setShowGrid(False)
        self.grid.setWordWrap(False)
        self.grid.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.grid.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.grid.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.grid.horizontalHeader().setHighlightSections(False)
        self.grid.setAccessibleName("Probes")
        self.grid.clicked.connect(self._chosen)
        self.grid.activated.connect(self._chosen)
        self.grid.setSortingEnabled(True)
        self.grid.horizontalHeader().setSortIndicator(0, Qt.SortOrder.AscendingOrder)
        self.grid.moved.connect(self._chosen)
        self._tools()
        self._lane, self._turn = 0, -1
        self.verdicts = VerdictPane()
        self.verdicts.hide()
        self._judged: tuple[str, int] = ("", 0)
        both = QSplitter(Qt.Orientation.Vertical)
        both.setChildrenCollapsible(False)
        both.addWidget(self.grid)
        both.addWidget(self.verdicts)
        both.setStretchFactor(0, 3)
        both.setStretchFactor(1, 2)
        return both

    def _tools(self) -> None:
        self.family = ChoiceBox("Competency", 5)
        self.family.addItem("all competencies", "")
        self.family.activated.connect(lambda _: self._filter())
        self.wrong = QCheckBox(_BOXES[0])
        self.wrong.setToolTip("Only probes that the selected lane answered wrong")
        self.wrong.toggled.connect(lambda _: self._filter())
        self.disputed = QCheckBox(_BOXES[1])
        self.disputed.setToolTip("Only probes that some lanes answered right and some wrong")
        self.disputed.toggled.connect(lambda _: self._filter())
        self.add_choices(self.family)
        for box, name in ((self.wrong, _BOXES[0]), (self.disputed, _BOXES[1])):
            box.setAccessibleName(name)
        self.tools.addWidget(self.wrong)
        self.tools.addWidget(self.disputed)

    def arranged(self, view: ProbeTable) -> ProbeTable:  # noqa: D102
        return of_lanes(view, [n for n, _ in self.workspace.roster.arrange(view.lanes, lambda lane: lane[0])])

    def lane_under(self, point: QPoint) -> int:  # noqa: D102
        place = self.grid.columnAt(self.grid.viewport().mapFrom(self, point).x()) - len(FIXED)
        return self.model.lanes[place][0] if 0 <= place < len(self.model.lanes) else 0

    def title(self, view: ProbeTable | None) -> str:  # noqa: D102
        if view is None:
            return "Probes"
        return f"Probes · {len(self.model.lines)} of {len(view.lines)}"

    def show_view(self, view: ProbeTable) -> None:  # noqa: D102
        self._families(view)
        self._fill(view)
        self._columns()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102
        super().resizeEvent(event)
        self._name_boxes()

    def _name_boxes(self) -> None:
        """Fewer words for the two boxes where the row of tools has no room for all and its title."""
        metrics, unit = theme.active().metrics(), theme.active().unit
        whole = self._title.sizeHint().width() + self.family.minimumSizeHint().width() + unit(30)
        whole += sum(metrics.horizontalAdvance(text) for text in _BOXES)
        for box, text, short in zip((self.wrong, self.disputed), _BOXES, _SHORT, strict=True):
            box.setText(text if whole <= self.width() else short)

    def _columns(self) -> None:
        """Every lane's verdict is in view, and as much of the question as can be.

        Where there is no room for every lane's answer, gold and the selected lane's answer stand below the question.
        """
        unit, room, many = theme.active().unit, self.grid.viewport().width(), len(self.model.lanes)
        turn, competency, question, gold, answer, verdict = map(unit, (11, 36, 28, 24, 28, 6))
        digits = "0" * max(4, len(str(self.workspace.cursor.last)))
        turn = max(turn, theme.active().metrics().horizontalAdvance(digits) + unit(2))
        narrow = room < turn + competency + question + gold + many * answer
        lane = verdict if narrow else answer
        hidden = narrow and room < turn + competency + _READ * unit() + many * lane
        self.grid.setColumnHidden(1, hidden)
        self.grid.setColumnHidden(3, narrow)
        rest = room - turn - (0 if hidden else competency) - (0 if narrow else gold) - many * lane
        self.model.set_narrow(narrow)
        self.grid.horizontalHeader().setMinimumSectionSize(verdict)
        for column, width in enumerate((turn, competency, max(question, rest), gold, *[lane] * many)):
            self.grid.setColumnWidth(column, width)
        self.lines.two, self.lines.upper = narrow, 2 if self._cut(max(question, rest) - unit(3)) else 1
        self.grid.verticalHeader().setDefaultSectionSize(self.lines.height())

    def _cut(self, room: int) -> bool:
        """Whether many questions need more than a line of so many px."""
        widths = [theme.active().advance(line.question) for line in self.model.lines]
        return sum(width > room for width in widths) > _CUT * len(widths)

    def answers_in(self) -> int:
        """Place of the selected lane among the columns; its answers are written even where room is short."""
        lane = self.moment.lane
        return next((place for place, (number, _) in enumerate(self.model.lanes) if number == lane), -1)

    def on_moment(self, moment: Moment) -> None:  # noqa: D102
        if self.view is None:
            return
        wanted = self.workspace.probe_filter
        if wanted != (0, ""):
            self.workspace.probe_filter = (0, "")
            self.family.setCurrentIndex(max(0, self.family.findData(wanted[1])))
            self._filter()
        elif moment.lane != self._lane:
            self._lane = moment.lane
            self.grid.viewport().update()  # its answers are read now
            if self.wrong.isChecked():
                self._filter()
        row = next((i for i, line in enumerate(self.model.lines) if line.probe == moment.probe), -1)
        if row != self.grid.currentIndex().row():
            self.grid.selectRow(row) if row >= 0 else self.grid.clearSelection()
        self._judge(moment, row)
        self._pass(self._turn, moment.turn)
        self._turn = moment.turn

    def _pass(self, old: int, new: int) -> None:
        """Paint the rows anew whose probes the cursor has passed, to and fro: the others are as faint as before."""
        height, viewport = self.grid.rowHeight(0), self.grid.viewport()
        first = self.grid.rowAt(0)
        if first < 0 or height <= 0 or old == new:
            return
        low, high = sorted((old, new))
        for row in range(first, min(len(self.model.lines), first + viewport.height() // height + 2)):
            if low < self.model.lines[row].turn <= high:
                viewport.update(0, self.grid.rowViewportPosition(row), viewport.width(), self.grid.rowHeight(row))

    def _judge(self, moment: Moment, row: int) -> None:
        """Show what judges said of the chosen probe, where any has."""
        lane = moment.lane
        judged = row >= 0 and any(v and v.judged and v.lane == lane for v in self.model.lines[row].verdicts)
        self.verdicts.setVisible(judged)
        wanted = (moment.probe, lane) if judged else ("", 0)
        if wanted != self._judged:
            self._judged = wanted
            if judged:
                self.workspace.pool.submit(id(self.verdicts), _judgements, moment, None, self._told)

    def _told(self, answer: Answer) -> None:
        if answer.error is None and answer.view and (answer.view[0].probe, answer.view[0].lane) == self._judged:
            self.verdicts.show_judgements(answer.view, self.lane_title())

    def retheme(self) -> None:  # noqa: D102
        self.verdicts.retheme()
        self._name_boxes()
        self._columns()

    def table(self, view: ProbeTable) -> Table:  # noqa: D102
        lanes = [name for _, name in view.lanes]
        columns = ("probe", *FIXED, *lanes, *(f"{name} right" for name in lanes))
        rows = [
            (
                line.probe, line.turn, line.competency, line.question, line.gold,
                *(v.answer if v else None for v in line.verdicts),
                *(v.correct if v else None for v in line.verdicts),
            )
            for line in view.lines
        ]  # fmt: skip
        return Table(columns, rows)

    def _families(self, view: ProbeTable) -> None:
        names = [*sorted({line.competency for line in view.lines}), *sorted({line.part for line in view.lines} - {""})]
        have = [self.family.itemData(i) for i in range(1, self.family.count())]
        if names != have:
            while self.family.count() > 1:
                self.family.removeItem(1)
            for name in names:
                self.family.addItem(part_title(name) if "/" in name else label(name), name)

    def _filter(self) -> None:
        if self.view is not None:
            self._fill(self.view)
            self._retitle()

    def _fill(self, view: ProbeTable) -> None:
        run = self.workspace.run
        self.model.places = {row.id: place for place, row in enumerate(run.lanes)} if run else {}
        self.model.show(
            view,
            self.family.currentData() or "",
            self.moment.lane if self.wrong.isChecked() else 0,
            self.disputed.isChecked(),
        )

    def _chosen(self, index: QModelIndex) -> None:
        line = self.model.lines[index.row()]
        place = index.column() - len(FIXED)
        lane = {"lane": self.model.lanes[place][0]} if place >= 0 else {}
        self.workspace.jump(line.turn, probe=line.probe, **lane)


def _judgements(reader: TraceReader, moment: Moment, options: Any) -> tuple[Judgement, ...]:
    return judgements(reader, moment.session, moment.probe, moment.lane)


class _Delegate(TwoLines):
    """Verdict cells get their tick or cross; probes after the cursor are faint."""

    def __init__(self, panel: ProbesPanel) -> None:
        super().__init__(panel.grid)
        self._panel, self.under = panel, FIXED.index("question")

    def pale(self, row: int) -> bool:
        return self._panel.model.lines[row].turn > self._panel.workspace.cursor.turn

    def below(self, row: int) -> Sequence[tuple[str, str]]:
        line, place, model = self._panel.model.lines[row], self._panel.answers_in(), self._panel.model
        mine = line.verdicts[place] if 0 <= place < len(line.verdicts) else None
        said = () if mine is None else ((f"· {model.lanes[place][1]}", "text-3"), (mine.answer or "–", "text-2"))
        return (("gold", "text-3"), (line.gold[:_GOLD], "text-2"), *said)

    def cell(self, painter: QPainter, rect: QRect, index: QModelIndex | QPersistentModelIndex) -> None:
        now = theme.active()
        verdict = index.data(VERDICT)
        if verdict is not None:
            center = QPointF(rect.x() + now.unit(1.5), rect.center().y() + 0.5)
            mark = Mark.RIGHT if verdict.correct else Mark.WRONG
            marks.draw(painter, mark, center, now.unit(1), now.color("right" if verdict.correct else "wrong"))
            rect = rect.adjusted(now.unit(4.5), 0, 0, 0)
        if verdict is None or not self._panel.model.narrow:
            self.text(painter, rect, str(index.data() or ""), "text" if index.column() in (2, 3) else "text-2")
