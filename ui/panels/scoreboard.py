"""The scoreboard: published scores, then our own reading, per lane over the probes asked so far or over everything."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QComboBox, QFrame, QScrollArea, QWidget

from ui.bridge.project_pool import Answer
from ui.models.table import Table
from ui.panels.base import Empty, Panel
from ui.state.moment import Moment
from ui.theme import theme
from ui.widgets.plain import plain
from ui.widgets.score_matrix import ScoreMatrix, column_name
from ui.widgets.units import count
from workbench.probes.errata import Errata
from workbench.probes.papers import EVERY
from workbench.projections.board import FURTHER, Board, BoardColumn, BoardRow, Scope, board, compared_at
from workbench.projections.compared import Compared
from workbench.trace.reader import TraceReader

_ROWS_KEPT = 4  # lanes that are seen however low the window is; what the marks mean is then scrolled to
_SCOPES: tuple[tuple[Scope, str, str], ...] = (
    ("cursor", "up to the cursor", "Probes that were asked by the turn under the cursor"),
    ("session", "whole session", "All probes of this session"),
    ("run", "whole run", "All probes of all sessions of the run"),
)


class ScoreboardPanel(Panel):
    """A matrix of lanes and scores; a click on a cell shows its probes, pointing at it how the lanes differ."""

    name: ClassVar[str] = "scoreboard"
    follows: ClassVar[frozenset[str]] = frozenset({"session", "turn", "seq"})
    by_lane: ClassVar[bool] = True

    @staticmethod
    def project(reader: TraceReader, moment: Moment, options: Any) -> Board | Empty:  # noqa: D102
        if not moment.session:
            return Empty("The run has no session yet")
        chosen: tuple[Scope, Errata | None] = options or ("cursor", None)
        view = board(reader, moment.session, moment.turn, moment.seq, *chosen)
        return (
            view
            if view.probes
            else Empty("This session has no probes", "Sessions with probes are scored while they run")
        )

    def build(self) -> QWidget:  # noqa: D102
        self.scope = QComboBox()
        self.scope.setAccessibleName("What is counted")
        for value, said, help_ in _SCOPES:
            self.scope.addItem(said, value)
            self.scope.setItemData(self.scope.count() - 1, plain(help_), Qt.ItemDataRole.ToolTipRole)
        self.scope.activated.connect(lambda _: self.refresh())
        self.workspace.rescored.connect(self.refresh)
        self.tools.addWidget(self.scope)
        self.matrix = ScoreMatrix(self.workspace.roster)
        self.matrix.lane_chosen.connect(lambda lane: self.workspace.selection.select(lane=lane))
        self.matrix.cell_chosen.connect(self._chosen)
        self.matrix.column_pointed.connect(self._compare)
        self.setFocusProxy(self.matrix)
        self.area = scroll = QScrollArea()
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidgetResizable(True)
        scroll.setWidget(self.matrix)
        scroll.horizontalScrollBar().valueChanged.connect(self.matrix.update)  # the names move with it
        return scroll

    def options(self) -> tuple[Scope, Errata | None]:  # noqa: D102
        chosen: Scope = self.scope.currentData() or "cursor"
        return chosen, self.workspace.errata

    def arranged(self, view: Board) -> Board:  # noqa: D102
        return replace(view, rows=self.workspace.roster.arrange(view.rows, lambda row: row.lane))

    def lane_under(self, point: QPoint) -> int:  # noqa: D102
        return self.matrix.lane_at(self.matrix.mapFrom(self, point))

    def title(self, view: Board | None) -> str:  # noqa: D102
        if view is None:
            return "Scoreboard"
        if view.scope == "cursor":
            said = f"Scoreboard · {view.asked} of {count(view.probes, 'probe')} asked by turn {view.turn}"
        else:
            said = f"Scoreboard · {count(view.probes, 'probe')} of the whole {view.scope}"
        said += f" · {view.guessable} answerable without memory" if view.guessable else ""
        return said + (f" · {view.errata}" if view.errata else "")

    def show_view(self, view: Board) -> None:  # noqa: D102
        self.matrix.show_view(view)
        self._keep()

    def on_moment(self, moment: Moment) -> None:  # noqa: D102
        self.matrix.choose(moment.lane)

    def retheme(self) -> None:  # noqa: D102
        self.matrix.fit()
        self._keep()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102
        super().resizeEvent(event)
        self._keep()

    def table(self, view: Board) -> Table:  # noqa: D102
        beside = [(f"{row.name} (control: {name})", row) for name, row in view.controls.items()]
        shown = {row.lane for row in view.rows}
        named = [*((row.name, row) for row in view.rows), *((n, row) for n, row in beside if row.lane not in shown)]
        rows = [line for name, row in named for line in _lines(view, name, row)]
        return Table(
            ("lane", "group", "column", "score", "n", "right", "mean", "95 % from", "95 % to", "interval", "judge"),
            rows,
        )

    def wanted(self) -> int:
        """Height in px at which every lane is seen, with what the marks mean."""
        margins = self.contentsMargins() + self.layout().contentsMargins()  # type: ignore[union-attr]
        around = self.head.sizeHint().height() + self.layout().spacing() + margins.top() + margins.bottom()  # type: ignore[union-attr]
        return self.matrix.wanted() + around

    def _keep(self) -> None:
        """Never be so low that fewer than some lanes are seen.

        Room for the bar below is told from the panel's own width: until the matrix is in front its area has none.
        """
        margins = self.contentsMargins() + self.layout().contentsMargins()  # type: ignore[union-attr]
        room = self.width() - margins.left() - margins.right() - self.area.verticalScrollBar().sizeHint().width()
        bar = self.area.horizontalScrollBar().sizeHint().height() if self.matrix.minimumWidth() > room else 0
        around = self.head.sizeHint().height() + theme.active().unit(7)
        rows = _ROWS_KEPT if theme.active().size <= theme.TALK else _ROWS_KEPT // 2  # twice the type, half the rows
        self.setMinimumHeight(self.matrix.least(rows, foot=False) + around + bar)

    def _chosen(self, lane: int, column: BoardColumn) -> None:
        benchmark = column.group.partition(", ")[0]
        part = "" if column.ours or column.group == FURTHER or column.key == EVERY else f"{benchmark}/{column.key}"
        self.workspace.show_probes(lane, column.competency or part)

    def _compare(self, column: BoardColumn) -> None:
        if self.view is None:
            return
        view: Board = self.view
        asked = self.matrix.shown_times

        def take(answer: Answer) -> None:
            if self.matrix.shown_times == asked and answer.error is None:
                self.matrix.compared(column, answer.view)

        moment = self._reduced(self.moment)
        chosen = (view.scope, column, self.workspace.errata)
        self.workspace.pool.submit(id(self.matrix), _differences, moment, chosen, take, True)


def _differences(
    reader: TraceReader, moment: Moment, options: tuple[Scope, BoardColumn, Errata | None]
) -> Compared | None:
    return compared_at(reader, moment.session, moment.turn, moment.seq, *options)


def _lines(view: Board, name: str, row: BoardRow) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    for column, cell in zip(view.columns, row.cells, strict=True):
        bounds = cell.interval
        low, high, method = (bounds.low, bounds.high, bounds.method) if bounds else (None, None, None)
        what = column_name(column) + (f"@{cell.depth}" if cell.depth else "")
        found.append((name, column.group, what, column.score, cell.n, cell.right, cell.mean, low, high, method,
                      cell.judge or None))  # fmt: skip
    return found
