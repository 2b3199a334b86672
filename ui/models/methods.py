"""The methods that a lane can have, as a table with ticks: name, label, model calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QSortFilterProxyModel, Qt, Signal

from ui.widgets.plain import plain
from workbench import estimate
from workbench.memory import registry as memories
from workbench.memory.base import MemoryStrategy

_Index = QModelIndex | QPersistentModelIndex
HEADS = ("Method", "Name", "Label", "Model calls a turn")
METHOD, NAME, LABEL, CALLS = range(4)


@dataclass(frozen=True, slots=True)
class Method:
    """A row. ``problem`` says why it cannot be chosen here; ``kind`` is None then."""

    name: str
    kind: type[MemoryStrategy] | None
    problem: str = ""

    @property
    def title(self) -> str:
        """As published."""
        return self.kind.title if self.kind else self.name

    @property
    def about(self) -> str:
        """Label, what differs from the publication, what it costs."""
        if self.kind is None:
            return f"cannot be used here: {self.problem}"
        return "\n".join(x for x in (self.kind.fidelity, self.kind.paper, self.kind.differs) if x)

    @property
    def calls(self) -> str:
        """Model calls that a turn costs, and a question where it costs any."""
        known = estimate.calls(self.name)
        if known is None:
            return "not known"
        turn, question = known
        return " + ".join([f"{turn:g}" if turn else "none", *([f"{question:g} to read"] if question else [])])

    def cell(self, column: int) -> str:
        """What stands in a column."""
        if column in (METHOD, NAME):
            return self.title if column == METHOD else self.name
        if self.kind is None:
            return ""
        return self.kind.fidelity if column == LABEL else self.calls


class MethodModel(QAbstractTableModel):
    """All methods; the first column can be ticked."""

    ticked = Signal()

    def __init__(self, chosen: tuple[str, ...], parent: Any = None) -> None:
        super().__init__(parent)
        self.methods = [_method(name) for name in memories.strategies()]
        usable = {method.name for method in self.methods if method.kind}
        self.chosen = [name for name in chosen if name in usable]

    def choose(self, *names: str) -> None:
        """Tick these and no others."""
        self.chosen = list(names)
        self.dataChanged.emit(self.index(0, 0), self.index(len(self.methods) - 1, 0))
        self.ticked.emit()

    def row(self, name: str) -> int:
        """Where a method stands."""
        return next(row for row, method in enumerate(self.methods) if method.name == name)

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008, D102
        return 0 if parent.isValid() else len(self.methods)

    def columnCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008, D102
        return 0 if parent.isValid() else len(HEADS)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: D102
        method = self.methods[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return method.cell(index.column())
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain(method.about)
        if role == Qt.ItemDataRole.CheckStateRole and index.column() == METHOD:
            return Qt.CheckState.Checked if method.name in self.chosen else Qt.CheckState.Unchecked
        return None

    def setData(self, index: _Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:  # noqa: D102
        if role != Qt.ItemDataRole.CheckStateRole or index.column() != METHOD:
            return False
        name = self.methods[index.row()].name
        others = [chosen for chosen in self.chosen if chosen != name]
        self.chosen = [*others, name] if Qt.CheckState(value) == Qt.CheckState.Checked else others
        self.dataChanged.emit(index, index)
        self.ticked.emit()
        return True

    def flags(self, index: _Index) -> Qt.ItemFlag:  # noqa: D102
        if self.methods[index.row()].kind is None:
            return Qt.ItemFlag.NoItemFlags
        ticks = Qt.ItemFlag.ItemIsUserCheckable if index.column() == METHOD else Qt.ItemFlag.NoItemFlags
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | ticks

    def headerData(  # noqa: D102
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return HEADS[section]
        return None


class MethodFilter(QSortFilterProxyModel):
    """The rows that hold every word of a filter, in any column."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._words: tuple[str, ...] = ()
        self._only = False

    def seek(self, text: str, only_chosen: bool = False) -> None:
        """Show what holds these words; with ``only_chosen`` only what is ticked."""
        self._words, self._only = tuple(text.casefold().split()), only_chosen
        self.invalidate()

    def filterAcceptsRow(self, row: int, parent: _Index) -> bool:  # noqa: D102
        source = self.sourceModel()
        assert isinstance(source, MethodModel)
        method = source.methods[row]
        if self._only and method.name not in source.chosen:
            return False
        text = f"{method.title} {method.name} {method.about}".casefold()
        return all(word in text for word in self._words)


def _method(name: str) -> Method:
    try:
        return Method(name, memories.strategy(name))
    except ImportError as error:  # a method whose library is not installed can be seen, not chosen
        return Method(name, None, str(error))
