"""Two runs side by side: which answers flipped, and whether the difference is more than chance."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRect, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import (
    QStackedWidget,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from ui.models.flips import CHANGES, COLUMNS, FLIP, FlipsModel
from ui.models.table import Table, TableModel
from ui.panels.base import NO_SECOND, Empty, Panel
from ui.state.moment import Moment
from ui.state.workspace import Workspace
from ui.theme import marks, theme
from ui.theme.marks import Mark
from ui.widgets.choice_box import ChoiceBox
from ui.widgets.plain import Label
from ui.widgets.row_table import fit_columns, row_table
from ui.widgets.units import count
from workbench.projections.two_runs import Flip, LaneFlips, TwoRuns, two_runs
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader

_LANES = ("lane", "score", "A", "B", "B less A, points", "p (Holm)", "lost", "won")
_FIGURES = ("A", "B", "B less A, points", "p (Holm)")
_SPARE = ("won", "lost")  # left out where there is no room: the flips below say the counts
_MOST_LANES = 6  # rows of the lanes' table that are shown without scrolling
_EVERY, _FLIPPED = 9, 5  # what the filter shows beside one kind of change
_SURE = 0.05


@dataclass(frozen=True, slots=True)
class FlipsView:
    """Two runs compared, with the models that made them."""

    runs: TwoRuns
    models: tuple[str, str]
    names: tuple[str, str]


class FlipsPanel(Panel):
    """A table of lanes with their difference, and a table of answers; choosing one goes there in both runs."""

    name: ClassVar[str] = "flips"
    follows: ClassVar[frozenset[str]] = frozenset()
    heavy: ClassVar[bool] = True
    of_one_run: ClassVar[bool] = False

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(workspace, parent)
        workspace.compared.connect(self.again)

    def options(self) -> Path | None:  # noqa: D102
        return self.workspace.other

    @staticmethod
    def project(reader: TraceReader, moment: Moment, options: Any) -> FlipsView | Empty:  # noqa: D102
        if options is None:
            return NO_SECOND
        with TraceReader(options) as other:
            runs = two_runs(reader, other)
            view = FlipsView(runs, (_model(reader), _model(other)), (reader.path.name, options.name))
        if runs.flips:
            return view
        return Empty(f"No lane of {options.name} answered the same probes", _missing(runs))

    def build(self) -> QWidget:  # noqa: D102
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 0)
        self.what = Label()
        self.what.setProperty("part", "small")
        self.what.setWordWrap(True)
        self.lanes_model, self.model = TableModel(parent=self), FlipsModel(self)
        self.lanes_grid = row_table(self.lanes_model, "Lanes compared")
        self.lanes_grid.clicked.connect(self._lane_chosen)
        self.lanes_grid.activated.connect(self._lane_chosen)
        self.grid = row_table(self.model, "Answers that flipped")
        self.grid.setItemDelegate(_Delegate(self))
        self.grid.clicked.connect(self._chosen)
        self.grid.activated.connect(self._chosen)
        self.grid.moved.connect(self._chosen)
        self.grid.resized.connect(self._columns)
        self.none = Label()  # why there is no row
        self.none.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.none.setWordWrap(True)
        self.none.setProperty("part", "quiet")
        self.answers = QStackedWidget()
        self.answers.addWidget(self.grid)
        self.answers.addWidget(self.none)
        for widget, share in ((self.what, 0), (self.lanes_grid, 0), (self.answers, 1)):
            column.addWidget(widget, share)
        self.kinds, self.lanes = ChoiceBox("Which answers", 9), ChoiceBox("Lane", 9)
        for box in (self.kinds, self.lanes):
            box.activated.connect(lambda _: self._filter())
            self.add_choices(box)
            box.hide()  # until there is something to choose from
        for kind, title in ((_FLIPPED, "all flips"), (-1, CHANGES[-1]), (1, CHANGES[1]), (_EVERY, "every answer")):
            self.kinds.addItem(title, kind)
        self.setFocusProxy(self.grid)
        return body

    def title(self, view: FlipsView | None) -> str:  # noqa: D102
        if view is None:
            return "Two runs"
        flipped = sum(flip.change != 0 for flip in view.runs.flips)
        return f"Two runs · {flipped:,} of {len(view.runs.flips):,} answers flipped"

    def show_view(self, view: FlipsView) -> None:  # noqa: D102
        self.kinds.show()
        self.lanes.show()
        lines = [
            f"{letter}  {name}, {model}" for letter, name, model in zip("AB", view.names, view.models, strict=True)
        ]
        missing = _missing(view.runs)
        self.what.setText("\n".join([*lines, *([missing] if missing else [])]))
        self.lanes_model.show(Table(_LANES, [_lane_row(row) for row in view.runs.lanes], _FIGURES))
        have = [self.lanes.itemData(i) for i in range(1, self.lanes.count())]
        lanes = {row.lane: row.name for row in view.runs.lanes}
        if have != list(lanes):
            self.lanes.clear()
            self.lanes.addItem("all lanes", 0)
            for lane, name in lanes.items():
                self.lanes.addItem(name, lane)
        self._fill(view)
        self._columns()

    def on_moment(self, moment: Moment) -> None:  # noqa: D102
        wanted = (moment.session, moment.probe, moment.lane)
        at = (i for i, f in enumerate(self.model.flips) if (f.session, f.probe, f.lane) == wanted)
        row = next(at, -1) if moment.probe else -1
        if row != self.grid.currentIndex().row():
            self.grid.selectRow(row) if row >= 0 else self.grid.clearSelection()

    def retheme(self) -> None:  # noqa: D102
        height = theme.active().metrics().height() + theme.active().unit(3)
        for grid in (self.grid, self.lanes_grid):
            grid.verticalHeader().setDefaultSectionSize(height)
        self._columns()

    def table(self, view: FlipsView) -> Table:  # noqa: D102
        columns = ("change", "session", "probe", "turn", "lane", "question", "gold", "answer A", "answer B", "A right",
                   "B right")  # fmt: skip
        rows = [
            (CHANGES[f.change], f.session, f.probe, f.turn, f.lane_name, f.question, f.gold, f.here.answer,
             f.there.answer, f.here.correct, f.there.correct)
            for f in view.runs.flips
        ]  # fmt: skip
        return Table(columns, rows)

    def _filter(self) -> None:
        if self.view is not None:
            self._fill(self.view)
            self.on_moment(self.moment)

    def _fill(self, view: FlipsView) -> None:
        kind, lane = self.kinds.currentData(), self.lanes.currentData()
        wanted = {_EVERY: (-1, 0, 1), _FLIPPED: (-1, 1)}.get(kind, (kind,))
        mine = [f for f in view.runs.flips if lane in (None, 0, f.lane)]
        self.model.show([f for f in mine if f.change in wanted])
        whose = "" if lane in (None, 0) else f" of {self.lanes.currentText()}"
        flips = sum(f.change != 0 for f in mine)
        if flips:
            self.none.setText(f"None of the {count(flips, 'flip')}{whose} is {self.kinds.currentText()}")
        else:
            both = sum(f.here.correct for f in mine)
            self.none.setText(
                f"No answer{whose} flipped: {both:,} of {count(len(mine), 'probe')} right in both runs, "
                f"{len(mine) - both:,} wrong in both. Choose “every answer” above to read them"
            )
        self.answers.setCurrentWidget(self.grid if self.model.flips else self.none)

    def _columns(self) -> None:
        unit, room = theme.active().unit, self.grid.viewport().width()
        flip, turn, lane = unit(13), unit(11), unit(24)
        rest = max(unit(60), room - flip - turn - lane)
        widths = (flip, turn, lane, rest * 38 // 100, rest * 18 // 100, rest * 22 // 100, rest * 22 // 100)
        for column, width in enumerate(widths):
            self.grid.setColumnWidth(column, width)
        fit_columns(
            self.lanes_grid, spare=[_LANES.index(name) for name in _SPARE] if self.lanes_model.rowCount() else ()
        )
        rows = min(_MOST_LANES, self.lanes_model.rowCount())
        height = self.lanes_grid.horizontalHeader().sizeHint().height() + rows * self._row_height() + unit(2)
        self.lanes_grid.setFixedHeight(height)

    def _row_height(self) -> int:
        return self.lanes_grid.verticalHeader().defaultSectionSize()

    def _lane_chosen(self, index: QModelIndex) -> None:
        if self.view is not None:
            lane = self.view.runs.lanes[index.row()].lane
            self.workspace.selection.select(lane=lane)
            self.lanes.setCurrentIndex(max(0, self.lanes.findData(lane)))
            self._filter()

    def _chosen(self, index: QModelIndex) -> None:
        flip = self.model.flips[index.row()]
        if flip.session != self.workspace.cursor.session:
            self.workspace.enter(flip.session, flip.turn)
        self.workspace.jump(flip.turn, lane=flip.lane, probe=flip.probe)


def _model(reader: TraceReader) -> str:
    loaded = list(reader.events(lane=0, kinds=(Kind.ENGINE_LOADED,)))
    return str(loaded[-1].payload.get("name") or "no model") if loaded else "no model"


def _missing(runs: TwoRuns) -> str:
    common = runs.pairing
    parts = [
        (common.only_here, "lanes that only A has"), (common.only_there, "lanes that only B has"),
        (common.sessions_only_here, "sessions that only A has"),
        (common.sessions_only_there, "sessions that only B has"),
    ]  # fmt: skip
    return "; ".join(f"{what}: {', '.join(names)}" for names, what in parts if names)


def _lane_row(row: LaneFlips) -> tuple[Any, ...]:
    c, sure = row.comparison, row.comparison.holm < _SURE
    apart = f"{c.difference * 100:+.0f} ({c.low * 100:+.0f} to {c.high * 100:+.0f})"
    p = "< 0.001" if c.holm < 0.001 else f"{c.holm:.3f}"
    return (
        row.name, row.score, f"{row.here * 100:.0f} %", f"{row.there * 100:.0f} %", apart, f"{p}{' *' if sure else ''}",
        row.lost, row.won,
    )  # fmt: skip


class _Delegate(QStyledItemDelegate):
    """A flip is two marks with an arrow; an answer has its own."""

    def __init__(self, panel: FlipsPanel) -> None:
        super().__init__(panel)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        now, flip = theme.active(), index.data(FLIP)
        painter.save()
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(option.rect, now.color("accent-soft"))
        elif option.state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(option.rect, now.color("raised"))
        rect = option.rect.adjusted(now.unit(2), 0, -now.unit(1), 0)
        column = COLUMNS[index.column()]
        if column == "flip":
            self._change(painter, rect, flip)
        else:
            if column in "AB":
                self._mark(painter, rect, flip.here.correct if column == "A" else flip.there.correct)
                rect = rect.adjusted(now.unit(4.5), 0, 0, 0)
            painter.setFont(now.font())
            painter.setPen(now.color("text" if column in ("question", "A", "B") else "text-2"))
            said = str(index.data() or "").replace("\n", " ")
            shown = now.metrics().elidedText(said, Qt.TextElideMode.ElideRight, rect.width())
            painter.drawText(rect, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), shown)
        painter.restore()

    def _change(self, painter: QPainter, rect: QRect, flip: Flip) -> None:
        now, step = theme.active(), theme.active().unit(4)
        self._mark(painter, rect, flip.here.correct)
        painter.setFont(now.font("small"))
        painter.setPen(now.color("text-3"))
        painter.drawText(
            rect.adjusted(step - now.unit(0.5), 0, 0, 0),
            int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft),
            "→",
        )
        self._mark(painter, rect.adjusted(2 * step, 0, 0, 0), flip.there.correct)

    def _mark(self, painter: QPainter, rect: QRect, right: bool) -> None:
        now = theme.active()
        center = QPointF(rect.x() + now.unit(1.5), rect.center().y() + 0.5)
        mark = Mark.RIGHT if right else Mark.WRONG
        marks.draw(painter, mark, center, now.unit(1), now.color("right" if right else "wrong"))
