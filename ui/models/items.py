"""The memory table as a Qt model that takes the next cursor by difference, so that a scrub resets nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt

from ui.widgets.plain import plain
from workbench.projections.diff import readable
from workbench.projections.items import ItemRow
from workbench.trace.events import Kind

_Index = QModelIndex | QPersistentModelIndex

COLUMNS = ("", "item", "text and fields", "turns", "changed", "used")
MARK, ITEM, TEXT, TURNS, CHANGED, USED = range(6)
ROW = Qt.ItemDataRole.UserRole
"""Gives the ``ItemRow`` itself."""

_TIPS = (
    "What this turn did to the item",
    "Id and kind",
    "What a model would read, and the method's other fields; what this turn changed shows as old → new",
    "Turns it came from",
    "Turn of its last change",
    "How often it was retrieved",
)

_KEYS: dict[int, Callable[[ItemRow], Any]] = {
    MARK: lambda r: (not r.marks, r.marks),
    TEXT: lambda r: r.item.text.casefold(),
    TURNS: lambda r: r.item.turns,
    CHANGED: lambda r: r.item.changed,
    USED: lambda r: r.used,
}


class ItemsModel(QAbstractTableModel):
    """Items, filtered and sorted. ``show`` inserts, removes, moves and updates rows; it never resets."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._all: Sequence[ItemRow] = ()
        self._rows: list[ItemRow] = []
        self._place: dict[str, int] = {}
        self._words: tuple[str, ...] = ()
        self._changed_only, self._ended = False, True
        self._sort = ITEM, Qt.SortOrder.AscendingOrder

    def show(self, rows: Sequence[ItemRow]) -> None:
        """Show these items instead of those before."""
        self._all = rows
        self._update()

    def filter(self, text: str, changed_only: bool, ended: bool) -> None:
        """Show only items that hold every word of ``text`` in id, kind, text or fields.

        ``changed_only`` leaves out what this turn did not touch, ``ended`` = False what can no longer be retrieved.
        """
        self._words = tuple(text.casefold().split())
        self._changed_only, self._ended = changed_only, ended
        self._update()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column; the item column is the order of writing."""
        self._sort = column, order
        self._update()

    def place(self, item: str) -> int:
        """Row of an item, -1 when it is not on show."""
        return self._place.get(item, -1)

    def row(self, place: int) -> ItemRow:
        """The item in a row."""
        return self._rows[place]

    @property
    def first_written(self) -> int:
        """The first row that this turn wrote, else the first that it touched; -1 for none."""
        touched = [at for at, row in enumerate(self._rows) if row.marks]
        written = (at for at in touched if Kind.WRITTEN in self._rows[at].marks)
        return next(written, touched[0] if touched else -1)

    def _wanted(self) -> list[ItemRow]:
        rows = [
            r
            for r in self._all
            if (r.marks or not self._changed_only)
            and (self._ended or r.item.active)
            and (not self._words or _holds(r, self._words))
        ]
        column, order = self._sort
        if column in _KEYS:
            rows.sort(key=_KEYS[column])
        if order == Qt.SortOrder.DescendingOrder:
            rows.reverse()
        return rows

    def _update(self) -> None:
        wanted = self._wanted()
        ids = {r.item.id for r in wanted}
        self._remove([at for at, r in enumerate(self._rows) if r.item.id not in ids])
        by_id = {r.item.id: r for r in wanted}
        order = [r.item.id for r in wanted if r.item.id in self._place]
        self._reorder(order)
        self._refresh([by_id[r.item.id] for r in self._rows])
        self._insert(wanted)

    def _remove(self, gone: list[int]) -> None:
        for first, last in reversed(_runs(gone)):
            self.beginRemoveRows(QModelIndex(), first, last)
            del self._rows[first : last + 1]
            self.endRemoveRows()
        if gone:
            self._index()

    def _reorder(self, order: list[str]) -> None:
        if [r.item.id for r in self._rows] == order:
            return
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        names = [self._rows[i.row()].item.id for i in before]
        self._rows = [self._rows[self._place[name]] for name in order]
        self._index()
        after = [self.index(self._place[name], i.column()) for name, i in zip(names, before, strict=True)]
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    def _refresh(self, rows: list[ItemRow]) -> None:
        old, self._rows = self._rows, rows
        touched = [at for at, (a, b) in enumerate(zip(old, rows, strict=True)) if a is not b and a != b]
        for first, last in _runs(touched):
            self.dataChanged.emit(self.index(first, 0), self.index(last, len(COLUMNS) - 1))

    def _insert(self, wanted: list[ItemRow]) -> None:
        new = [at for at, r in enumerate(wanted) if r.item.id not in self._place]
        for first, last in _runs(new):
            self.beginInsertRows(QModelIndex(), first, last)
            self._rows[first:first] = wanted[first : last + 1]
            self.endInsertRows()
        if new:
            self._index()

    def _index(self) -> None:
        self._place = {r.item.id: at for at, r in enumerate(self._rows)}

    # Qt's side.

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008, D102
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008, D102
        return 0 if parent.isValid() else len(COLUMNS)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: D102
        if not index.isValid():
            return None
        row = self._rows[index.row()]
        if role == ROW:
            return row
        if role == Qt.ItemDataRole.DisplayRole:
            return _shown(row, index.column())
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain(_tip(row, index.column()))
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{row.item.id}, {row.item.status}, {' '.join(_verb(m) for m in row.marks)} {row.item.text}"
        return None

    def headerData(  # noqa: D102
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section]
        return _TIPS[section] if role == Qt.ItemDataRole.ToolTipRole else None


def _runs(places: Iterable[int]) -> list[tuple[int, int]]:
    """Rising numbers as runs of neighbours, first and last."""
    runs: list[tuple[int, int]] = []
    for at in places:
        if runs and runs[-1][1] == at - 1:
            runs[-1] = runs[-1][0], at
        else:
            runs.append((at, at))
    return runs


def _holds(row: ItemRow, words: tuple[str, ...]) -> bool:
    item = row.item
    text = f"{item.id} {item.kind} {item.status} {item.text} {readable(item.fields)}".casefold()
    return all(word in text for word in words)


def _verb(kind: str) -> str:
    return kind.removeprefix("item.")


def turns_text(turns: Sequence[int]) -> str:
    """Source turns in short: ``41, 209``, or ``3 to 17`` for a stretch."""
    if len(turns) > 2 and turns[-1] - turns[0] == len(turns) - 1:
        return f"{turns[0]} to {turns[-1]}"
    return ", ".join(map(str, turns[:4])) + ("…" if len(turns) > 4 else "")


def _shown(row: ItemRow, column: int) -> str:
    item = row.item
    if column == MARK:
        return ", ".join(_verb(m) for m in row.marks)
    if column == ITEM:
        return item.id
    if column == TEXT:
        return item.text
    if column == TURNS:
        return turns_text(item.turns)
    return str(item.changed if column == CHANGED else row.used)


def _tip(row: ItemRow, column: int) -> str:
    item = row.item
    if column == MARK:
        return ", ".join(_verb(m) for m in row.marks) + (" this turn" if row.marks else "")
    if column == ITEM:
        after = f" → {item.successor}" if item.successor else ""
        return f"{item.kind} {item.id}, {item.status}{after}, written at turn {item.created}"
    if column == TEXT:
        return "\n".join([item.text, *(f"{k}: {readable(v)}" for k, v in item.fields.items())])[:1200]
    if column == TURNS:
        return f"from turns {', '.join(map(str, item.turns))}" if item.turns else "names no turn"
    return _TIPS[column]
