"""The probe table's rows for a table view, with verdicts under a role of their own."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt

from ui.theme import marks, theme
from ui.widgets.plain import plain
from workbench.probes.competencies import label
from workbench.projections.probe_table import ProbeLine, ProbeTable, Verdict

_Index = QModelIndex | QPersistentModelIndex
VERDICT = Qt.ItemDataRole.UserRole
"""Role under which a lane's column has its ``Verdict``; None elsewhere and where nothing was answered."""
GUESSABLE = "◦"
"""Marks a question that needs no memory."""
FIXED = ("turn", "competency", "question", "gold")


class ProbesModel(QAbstractTableModel):
    """Probes that pass the filter, in the order they are asked."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.lines: list[ProbeLine] = []
        self.lanes: tuple[tuple[int, str], ...] = ()
        self.narrow = False
        self.places: dict[int, int] = {}  # of the lanes in the run, which decide colour and shape
        self._by, self._down = 0, False

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """By a column: turn, competency, text, or a lane's verdict with what it got wrong first."""
        self._by, self._down = column, order == Qt.SortOrder.DescendingOrder
        self.beginResetModel()
        self.lines = self._sorted(self.lines)
        self.endResetModel()

    def _sorted(self, lines: list[ProbeLine]) -> list[ProbeLine]:
        column = self._by
        if column >= len(FIXED):
            return sorted(lines, key=lambda line: _worst(line, column - len(FIXED)), reverse=self._down)
        keys = (lambda x: x.turn, lambda x: x.competency, lambda x: x.question.lower(), lambda x: x.gold.lower())
        return sorted(lines, key=keys[max(0, column)], reverse=self._down)

    def set_narrow(self, narrow: bool) -> None:
        """Head the lanes' columns with their shapes alone, or with shape and name."""
        if narrow != self.narrow:
            self.narrow = narrow
            self.headerDataChanged.emit(Qt.Orientation.Horizontal, len(FIXED), self.columnCount() - 1)

    def show(self, view: ProbeTable, competency: str = "", wrong_in: int = 0, disputed: bool = False) -> None:
        """Show a table; when given only one competency or part of a benchmark, only what ``wrong_in`` got wrong, only
        what some lanes got right and some wrong."""
        places = [place for place, (lane, _) in enumerate(view.lanes) if lane == wrong_in]
        lines = [line for line in view.lines if _passes(line, competency, places) and (line.disputed or not disputed)]
        lines = self._sorted(lines)
        same = [line.probe for line in lines] == [line.probe for line in self.lines] and view.lanes == self.lanes
        if same:
            self.lines = lines
            if lines:
                self.dataChanged.emit(self.index(0, 0), self.index(len(lines) - 1, self.columnCount() - 1))
            return
        self.beginResetModel()
        self.lines, self.lanes = lines, view.lanes
        self.endResetModel()

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008, D102
        return 0 if parent.isValid() else len(self.lines)

    def columnCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008, D102
        return 0 if parent.isValid() else len(FIXED) + len(self.lanes)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: D102
        if not index.isValid():
            return None
        line, column = self.lines[index.row()], index.column()
        if column >= len(FIXED):
            return _verdict(line.verdicts[column - len(FIXED)], role)
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            asked = f"{GUESSABLE} {line.question}" if line.guessable else line.question
            if role == Qt.ItemDataRole.ToolTipRole and line.guessable:
                asked = f"{line.question}\n{GUESSABLE} answered right without any memory"
            said = (str(line.turn), label(line.competency), asked, line.gold)[column]
            return said if role == Qt.ItemDataRole.DisplayRole else plain(said)
        return None

    def headerData(  # noqa: D102
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        place = section - len(FIXED)
        if orientation != Qt.Orientation.Horizontal:
            return None
        if place < 0:
            return FIXED[section] if role == Qt.ItemDataRole.DisplayRole else None
        if role == Qt.ItemDataRole.DecorationRole:
            place = self.places.get(self.lanes[place][0], place)
            return marks.shape_icon(place, theme.active().lane(place))
        said = (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole)
        if role in said or (role == Qt.ItemDataRole.DisplayRole and not self.narrow):
            return plain(self.lanes[place][1]) if role == Qt.ItemDataRole.ToolTipRole else self.lanes[place][1]
        return None


def _worst(line: ProbeLine, place: int) -> tuple[int, int]:
    """Wrong answers, right ones, none; each by turn."""
    verdict = line.verdicts[place] if place < len(line.verdicts) else None
    return (2 if verdict is None else int(verdict.correct), line.turn)


def _passes(line: ProbeLine, competency: str, wrong: list[int]) -> bool:
    if competency and competency not in (line.competency, line.part):
        return False
    found = [line.verdicts[place] for place in wrong]
    return all(v is not None and not v.correct for v in found)


def _verdict(verdict: Verdict | None, role: int) -> Any:
    if role == VERDICT:
        return verdict
    if verdict is None:
        return None
    if role == Qt.ItemDataRole.DisplayRole:
        return verdict.answer
    if role == Qt.ItemDataRole.AccessibleTextRole:
        return f"{verdict.answer}, {'right' if verdict.correct else 'wrong'}"
    if role == Qt.ItemDataRole.ToolTipRole:
        lines = [f"{'right' if verdict.correct else 'wrong'}: {verdict.answer}"]
        lines += [f"first evidence at rank {verdict.rank}"] if verdict.rank else []
        lines += [f"{name} {value:.2f}" for name, value in verdict.scores.items()]
        lines += [f"{name}: {said or 'no verdict'} by {judge}: {why}" for name, judge, said, why in verdict.judged]
        return plain("\n".join(lines))
    return None
