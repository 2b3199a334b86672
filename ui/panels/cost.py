"""What memories cost: calls, tokens and seconds of every lane over the turns, and on which operations."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QFrame, QScrollArea, QSplitter, QWidget

from ui.models.table import Table, TableModel
from ui.panels.base import Empty, Panel
from ui.state.moment import Moment
from ui.theme import theme
from ui.widgets.choice_box import ChoiceBox
from ui.widgets.row_table import fit_columns, row_table
from ui.widgets.spend_chart import PROBES, TURNS, SpendChart
from workbench.projections.spending import CALLS, SECONDS, TOKENS, LaneSpent, Spending, percentile, spending
from workbench.trace.reader import TraceReader

_MEASURES = ((TOKENS, "tokens"), (CALLS, "model calls"), (SECONDS, "seconds"))
_PARTS = ((TURNS, "taking in turns"), (PROBES, "answering probes"))
_COLUMNS = ("operation", "of", "calls", "tokens", "p50", "p95", "read", "written", "time (s)")
_SPARE = ("written", "read", "p50", "p95", "of", "tokens")  # left out in this order where there is no room
_EXPORTED = (
    "lane", "of", "operation", "calls", "prompt (tok)", "generated (tok)", "seconds", "p50 (tok)", "p95 (tok)",
    "p50 (s)", "p95 (s)",
)  # fmt: skip


class CostPanel(Panel):
    """Strips of all lanes over the operations of the selected one."""

    name: ClassVar[str] = "cost"
    follows: ClassVar[frozenset[str]] = frozenset({"session"})
    heavy: ClassVar[bool] = True
    by_lane: ClassVar[bool] = True

    @staticmethod
    def project(reader: TraceReader, moment: Moment, options: Any) -> Spending | Empty:  # noqa: D102
        if not moment.session:
            return Empty("The run has no session yet")
        found = spending(reader, moment.session)
        done = any(lane.turns or lane.probes for lane in found.lanes)
        return found if done else Empty("No turn was finished yet", "Costs appear while a run goes on")

    def build(self) -> QWidget:  # noqa: D102
        self._fresh = True  # another run is open: what is shown of it first goes by what it has
        self.workspace.opened.connect(lambda: setattr(self, "_fresh", True))
        self.measure, self.part = ChoiceBox("Measure", 8), ChoiceBox("Spent on", 8)
        for box, entries in ((self.measure, _MEASURES), (self.part, _PARTS)):
            for value, said in entries:
                box.addItem(said, value)
            box.activated.connect(lambda _: self._arrange())
        self.add_choices(self.measure, self.part)
        self.chart = SpendChart()
        self.chart.turn_chosen.connect(self.workspace.cursor.go)
        self.chart.lane_chosen.connect(lambda lane: self.workspace.selection.select(lane=lane))
        self.area = area = QScrollArea()
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setWidget(self.chart)
        self.model = TableModel(parent=self)
        self.grid = row_table(self.model, "Operations of the selected lane")
        self.grid.resized.connect(self._fit)
        both = QSplitter(Qt.Orientation.Vertical)
        both.setChildrenCollapsible(False)
        both.addWidget(area)
        both.addWidget(self.grid)
        both.setStretchFactor(0, 3)
        both.setStretchFactor(1, 2)
        self._rows()
        self.setFocusProxy(self.measure)
        return both

    def arranged(self, view: Spending) -> Spending:  # noqa: D102
        return replace(view, lanes=self.workspace.roster.arrange(view.lanes, lambda lane: lane.lane.id))

    def lane_under(self, point: QPoint) -> int:  # noqa: D102
        return self.chart.lane_at(self.chart.mapFrom(self, point).y())

    def title(self, view: Spending | None) -> str:  # noqa: D102
        return "Cost"

    def show_view(self, view: Spending) -> None:  # noqa: D102
        if self._fresh:  # lanes that take turns in without a model spend on probes alone
            self._fresh = False
            turns = any(step.of(CALLS) for lane in view.lanes for step in lane.turns)
            self.part.setCurrentIndex(self.part.findData(TURNS if turns else PROBES))
        self.chart.show_view(view, self.measure.currentData(), self.part.currentData())
        self._fill(view)
        self._bring()

    def _bring(self) -> None:
        """Scroll until the selected lane's strip is in sight."""
        strip = self.chart.strip(self.moment.lane)
        if not strip.isEmpty():
            self.area.ensureVisible(0, strip.bottom(), 0, 0)
            self.area.ensureVisible(0, strip.top(), 0, 0)

    def on_moment(self, moment: Moment) -> None:  # noqa: D102
        other = moment.lane != self.chart._lane
        self.chart.stand(moment.turn, moment.lane)
        if other and self.view is not None:
            self._fill(self.view)
            self._bring()

    def retheme(self) -> None:  # noqa: D102
        self.chart.forget()
        self._rows()

    def _rows(self) -> None:
        self.grid.verticalHeader().setDefaultSectionSize(theme.active().metrics().height() + theme.active().unit(2))

    def table(self, view: Spending) -> Table:  # noqa: D102
        return Table(_EXPORTED, [row for lane in view.lanes for row in _lane_rows(lane)])

    def _fill(self, view: Spending) -> None:
        """The operations of the selected lane, the costliest first."""
        lane = next((one for one in view.lanes if one.lane.id == self.moment.lane), None)
        found = lane.operations if lane else ()
        rows = [
            (
                one.operation, "turns" if one.writing else "probes", one.calls, one.prompt + one.generated,
                round(one.middle), round(one.high), one.prompt, one.generated, round(one.seconds, 2),
            )
            for one in found
        ]  # fmt: skip
        if lane is not None and not rows:
            rows = [("no model was called", "", 0, 0, 0, 0, 0, 0, 0.0)]
        self.model.show(Table(_COLUMNS, rows))
        self._fit()

    def _fit(self) -> None:
        """Where room is short, what other columns say in sum is left to the table twin."""
        if self.model.columnCount() == len(_COLUMNS):
            fit_columns(self.grid, spare=[_COLUMNS.index(name) for name in _SPARE])


def _lane_rows(lane: LaneSpent) -> list[tuple[Any, ...]]:
    """All turns, all probes, then every operation."""
    rows: list[tuple[Any, ...]] = []
    for of, steps in (("turns", lane.turns), ("probes", lane.probes)):
        used = [one for one in lane.operations if one.writing == (of == "turns")]
        read, wrote = sum(one.prompt for one in used), sum(one.generated for one in used)
        ends = [percentile([s.of(m) for s in steps], share) for m in (TOKENS, SECONDS) for share in (0.5, 0.95)]
        calls, seconds = sum(s.calls for s in steps), sum(s.seconds for s in steps)
        rows.append((lane.lane.name, of, "all", calls, read, wrote, seconds, *ends))
        rows += [
            (lane.lane.name, of, o.operation, o.calls, o.prompt, o.generated, o.seconds, o.middle, o.high, None, None)
            for o in used
        ]
    return rows
