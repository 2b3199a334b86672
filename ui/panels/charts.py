"""Pictures of a run: length and depth of the evidence, retention, score over memory and over tokens."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

from PySide6.QtWidgets import QFrame, QScrollArea, QWidget

from ui.models.table import Table
from ui.panels.base import Empty, Panel
from ui.state.moment import Moment
from ui.widgets.chart_view import ChartView
from ui.widgets.choice_box import ChoiceBox
from ui.widgets.plain import plain
from workbench.probes.errata import Errata
from workbench.projections.charts import Charts, charts
from workbench.projections.published import ACCURACY
from workbench.reports.charts import KINDS, caption, rows
from workbench.trace.reader import TraceReader

_SCOPES = (("run", "whole run"), ("session", "this session"))


class ChartsPanel(Panel):
    """One picture at a time, of the session or of the whole run, by any score that there is."""

    name: ClassVar[str] = "charts"
    follows: ClassVar[frozenset[str]] = frozenset({"session"})
    heavy: ClassVar[bool] = True
    by_lane: ClassVar[bool] = True

    @staticmethod
    def project(reader: TraceReader, moment: Moment, options: Any) -> Charts | Empty:  # noqa: D102
        scope, score, errata = options
        if not moment.session:
            return Empty("The run has no session yet")
        found = charts(reader, None if scope == "run" else moment.session, score, errata)
        return found if found.outlays else Empty("No probe has been scored yet", "Pictures fill while a run goes on")

    def build(self) -> QWidget:  # noqa: D102
        self.kind, self.score = ChoiceBox("Picture", 4), ChoiceBox("Score", 4)
        self.scope = ChoiceBox("What is counted", 4)
        for value, said in KINDS.items():
            self.kind.addItem(said, value)
        for value, said in _SCOPES:
            self.scope.addItem(said, value)
        self.score.addItem("", "")
        self.add_choices(self.kind, self.score, self.scope)
        self.kind.activated.connect(lambda _: self._drawn())
        self.score.activated.connect(lambda _: self.refresh())
        self.workspace.rescored.connect(self.refresh)
        self.scope.activated.connect(lambda _: self.refresh())
        self.chart = ChartView()
        area = QScrollArea()
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setWidget(self.chart)
        self.setFocusProxy(self.kind)
        return area

    def options(self) -> tuple[str, str, Errata | None]:  # noqa: D102
        score = self.score.currentData() if self.score.currentIndex() > 0 else ""  # the first is the default
        return self.scope.currentData() or "run", score or "", self.workspace.errata

    def arranged(self, view: Charts) -> Charts:  # noqa: D102
        kept = self.workspace.roster.arrange
        needles, retention = view.needles, view.retention
        return replace(
            view,
            needles=needles and replace(needles, lanes=kept(needles.lanes, lambda one: one[0].id)),
            retention=retention and replace(retention, lanes=kept(retention.lanes, lambda one: one[0].id)),
            outlays=kept(view.outlays, lambda one: one.lane.id),
        )

    def title(self, view: Charts | None) -> str:  # noqa: D102
        return f"Charts · {view.errata}" if view is not None and view.errata else "Charts"

    def show_view(self, view: Charts) -> None:  # noqa: D102
        known = [self.score.itemData(n) for n in range(self.score.count())]
        if known != list(view.scores):
            self.score.clear()
            for name in view.scores:
                self.score.addItem("accuracy (ours)" if name == ACCURACY else name, name)
        self.score.setCurrentIndex(self.score.findData(view.score))
        self.chart.show_chart(view, self._kind())
        self._title.setToolTip(plain(caption(self._kind(), view)))

    def retheme(self) -> None:  # noqa: D102
        self.chart.draw_again()

    def table(self, view: Charts) -> Table:  # noqa: D102
        columns, lines = rows(self._kind(), view)
        return Table(columns, lines)

    def _kind(self) -> str:
        return str(self.kind.currentData() or "needles")

    def _drawn(self) -> None:
        self._arrange()
