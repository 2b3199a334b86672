"""The command palette: every command, every lane and every probe, found by a few letters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from PySide6.QtCore import QAbstractListModel, QEvent, QModelIndex, QObject, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence, QPainter
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from ui.commands.registry import Registry, fuzzy
from ui.theme import theme

_Index = QModelIndex | QPersistentModelIndex
ENTRY = Qt.ItemDataRole.UserRole


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the palette."""

    title: str
    run: Callable[[], object]
    detail: str = ""
    key: str = ""


def command_entries(registry: Registry) -> list[Entry]:
    """Every command that can be done now, in the order of the menus."""
    out = []
    for command in registry:
        if command.enabled():
            key = (
                QKeySequence(command.shortcuts[0]).toString(QKeySequence.SequenceFormat.NativeText)
                if command.shortcuts
                else ""
            )
            title, name = command.title.rstrip("…"), command.name
            out.append(Entry(title, partial(registry.run, name), command.menu or command.name.partition(".")[0], key))
    return out


class PaletteModel(QAbstractListModel):
    """The entries that match, best first."""

    def __init__(self, entries: Sequence[Entry], parent: Any = None) -> None:
        super().__init__(parent)
        self._all = list(entries)
        self.entries = self._all

    def find(self, wanted: str) -> None:
        """Show what matches a few letters."""
        scored = [(fuzzy(wanted, e.title), fuzzy(wanted, f"{e.detail} {e.title}"), e) for e in self._all]
        best = [(max(a if a is not None else -999, (b - 8) if b is not None else -999), e) for a, b, e in scored]
        self.beginResetModel()
        self.entries = [e for score, e in sorted(best, key=lambda x: -x[0]) if score > -999]
        self.endResetModel()

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008, D102
        return 0 if parent.isValid() else len(self.entries)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: D102
        if not index.isValid():
            return None
        entry = self.entries[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return entry.title
        return entry if role == ENTRY else None


class Palette(QDialog):
    """A field and a list; Return does the chosen entry, Escape leaves."""

    def __init__(self, entries: Sequence[Entry], parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Dialog | Qt.WindowType.FramelessWindowHint)
        self.setWindowTitle("Command palette")
        now = theme.active()
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(1, 1, 1, 1)
        frame = QFrame()
        frame.setProperty("part", "card")
        outer.addWidget(frame)
        layout = QVBoxLayout(frame)
        layout.setContentsMargins(now.unit(3), now.unit(3), now.unit(3), now.unit(3))
        layout.setSpacing(now.unit(2))
        self.field = QLineEdit()
        self.field.setPlaceholderText("Find a command, a lane, a probe or a turn")
        self.field.setAccessibleName("Find")
        self.model = PaletteModel(entries, self)
        self.list = QListView()
        self.list.setModel(self.model)
        self.list.setItemDelegate(_Delegate(self))
        self.list.setUniformItemSizes(True)
        self.list.setMouseTracking(True)
        self.list.setAccessibleName("Matches")
        layout.addWidget(self.field)
        layout.addWidget(self.list, 1)
        self.field.textChanged.connect(self._find)
        self.field.installEventFilter(self)
        self.list.clicked.connect(lambda index: self._do(index))
        self.setFixedSize(now.unit(140), now.unit(110))
        self._find("")
        self.field.setFocus()

    def _find(self, text: str) -> None:
        self.model.find(text)
        if self.model.rowCount():
            self.list.setCurrentIndex(self.model.index(0))

    def _do(self, index: QModelIndex) -> None:
        if index.isValid():
            entry = self.model.entries[index.row()]
            self.accept()
            entry.run()

    def event(self, event: QEvent) -> bool:  # noqa: D102
        if event.type() == QEvent.Type.WindowDeactivate and self.isVisible():
            self.reject()  # a click beside it closes it
        return super().event(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: D102
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            key, row = event.key(), self.list.currentIndex().row()
            steps = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: 8, Qt.Key.Key_PageUp: -8}
            if key in steps and self.model.rowCount():
                last = self.model.rowCount() - 1
                self.list.setCurrentIndex(self.model.index(min(max(0, row + steps[Qt.Key(key)]), last)))
                return True
            if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._do(self.list.currentIndex())
                return True
        return super().eventFilter(watched, event)


class _Delegate(QStyledItemDelegate):
    """Title to the left, where it belongs and its shortcut to the right."""

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        return QSize(100, max(28, theme.active().metrics().height() + theme.active().unit(3)))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        now, entry = theme.active(), index.data(ENTRY)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        if chosen or option.state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(now.color("accent-soft" if chosen else "control"))
            painter.drawRoundedRect(option.rect, 4, 4)
        rect = option.rect.adjusted(now.unit(2), 0, -now.unit(2), 0)
        right = int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight)
        end = rect.right()
        for text, color, mono in ((entry.key, "text-2", True), (entry.detail, "text-3", False)):
            if text:
                painter.setFont(now.font("small", mono=mono))
                painter.setPen(now.color(color))
                painter.drawText(QRect(rect.x(), rect.y(), end - rect.x(), rect.height()), right, text)
                end -= now.metrics("small", mono=mono).horizontalAdvance(text) + now.unit(3)
        painter.setFont(now.font())
        painter.setPen(now.color("text"))
        room = QRect(rect.x(), rect.y(), max(0, end - rect.x()), rect.height())
        title = now.metrics().elidedText(entry.title, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), title)
        painter.restore()
