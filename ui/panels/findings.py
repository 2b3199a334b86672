"""Every finding of every lane as a list: what went wrong in memories, and where. A click goes there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget

from ui.models.table import Table, TableModel
from ui.panels.base import Empty, Panel
from ui.state.moment import Moment
from ui.theme import theme
from ui.widgets.choice_box import ChoiceBox
from ui.widgets.plain import Label, plain
from ui.widgets.row_table import fit_columns, row_table
from ui.widgets.two_lines import TwoLines
from workbench.projections.findings_list import MEANINGS, FindingRow, findings_list
from workbench.trace.reader import TraceReader

_COLUMNS = ("turn", "lane", "kind", "item", "what")


class FindingsPanel(Panel):
    """A table of findings, filtered by lane and kind."""

    name: ClassVar[str] = "findings"
    follows: ClassVar[frozenset[str]] = frozenset({"session"})
    heavy: ClassVar[bool] = True

    @staticmethod
    def project(reader: TraceReader, moment: Moment, options: Any) -> tuple[FindingRow, ...] | Empty:  # noqa: D102
        if not moment.session:
            return Empty("The run has no session yet")
        rows = findings_list(reader, moment.session)
        return rows or Empty("Nothing was found to be wrong", "Detectors look at every operation of every lane")

    def build(self) -> QWidget:  # noqa: D102
        self.model = TableModel(parent=self)
        self.rows: list[FindingRow] = []
        self.grid = row_table(self.model, "Findings")
        self.grid.clicked.connect(self._chosen)
        self.grid.activated.connect(self._chosen)
        self.grid.resized.connect(self._fit)
        self.lines = _Lines(self)
        self.grid.setItemDelegate(self.lines)
        self.retheme()
        self.lanes, self.kinds = ChoiceBox("Lane", 10), ChoiceBox("Kind", 10)
        for box in (self.lanes, self.kinds):
            box.activated.connect(lambda _: self._fill())
            box.hide()  # until there is something to choose from
        self.add_choices(self.lanes, self.kinds)
        self.setFocusProxy(self.grid)
        self.whole = Label()  # what was found in the row in question, which the second line cuts
        self.whole.setWordWrap(True)
        self.whole.setProperty("part", "small")
        self.grid.selectionModel().currentRowChanged.connect(lambda *_: self._read())
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.active().unit(2))
        column.addWidget(self.grid, 1)
        column.addWidget(self.whole)
        return body

    def _fit(self) -> None:
        fit_columns(self.grid)
        self.lines.under = _COLUMNS.index("kind" if self.grid.isColumnHidden(_COLUMNS.index("lane")) else "lane")

    def _read(self) -> None:
        row = self.grid.currentIndex().row()
        found = self.rows[row] if 0 <= row < len(self.rows) else None
        self.whole.setText(f"{found.lane.name}, turn {found.turn}: {found.text}" if found else "")
        self.whole.setVisible(found is not None)

    def title(self, view: tuple[FindingRow, ...] | None) -> str:  # noqa: D102
        return "Findings" if view is None else f"Findings · {len(self.rows):,} of {len(view):,}"

    def show_view(self, view: tuple[FindingRow, ...]) -> None:  # noqa: D102
        self.lanes.show()
        self.kinds.show()
        names = list(dict.fromkeys(r.lane.name for r in view))
        _refill(self.lanes, "all lanes", [(n, n, "") for n in names])
        _refill(self.kinds, "all kinds", [(k, k, MEANINGS[k]) for k in MEANINGS if any(r.kind == k for r in view)])
        self._fill()
        self.grid.setColumnHidden(_COLUMNS.index("lane"), len(names) == 1)
        self.grid.setColumnHidden(_COLUMNS.index("what"), True)  # it is the second line
        self._fit()

    def _fill(self) -> None:
        if self.view is None:
            return
        lane, kind = self.lanes.currentData(), self.kinds.currentData()
        self.rows = [r for r in self.view if lane in ("", r.lane.name) and kind in ("", r.kind)]
        self.model.show(self.table(self.rows))
        self._read()
        self._retitle()

    def table(self, view: Any) -> Table:  # noqa: D102
        return Table(_COLUMNS, [(r.turn, r.lane.name, r.kind, r.item, r.text) for r in view])

    def retheme(self) -> None:  # noqa: D102
        self.grid.verticalHeader().setDefaultSectionSize(self.lines.height())

    def _chosen(self, index: QModelIndex) -> None:
        row = self.rows[index.row()]
        space = self.workspace
        space.selection.select(lane=row.lane.id, item=row.item)
        space.follow(row.turn, row.probe)


class _Lines(TwoLines):
    """What was found, under where it was found."""

    def __init__(self, panel: FindingsPanel) -> None:
        super().__init__(panel.grid)
        self._panel = panel

    def below(self, row: int) -> Sequence[tuple[str, str]]:
        return ((self._panel.rows[row].text, "text-2"),)


def _refill(box: ChoiceBox, every: str, entries: list[tuple[str, str, str]]) -> None:
    """Offer these (text, value, tooltip); what was chosen stays chosen where it still is there."""
    before = box.currentData()
    box.clear()
    box.addItem(every, "")
    for text, value, tip in entries:
        box.addItem(text, value)
        box.setItemData(box.count() - 1, plain(tip), Qt.ItemDataRole.ToolTipRole)
    box.setCurrentIndex(max(0, box.findData(before)))
