"""The memory at the cursor as a table, with what the turn changed, and the whole story of the selected item."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from PySide6.QtCore import QModelIndex, Qt, QTimer
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QMenu,
    QSplitter,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ui.models import items as model
from ui.models.items import ItemsModel
from ui.models.table import Table
from ui.panels.base import Empty, Panel
from ui.state.moment import Moment
from ui.theme import theme
from ui.widgets import units
from ui.widgets.item_story import story_html
from ui.widgets.item_table import ItemTable, row_height
from ui.widgets.plain import plain
from ui.widgets.rich import RichView
from ui.widgets.spoken import clearable
from workbench.projections.diff import readable
from workbench.projections.items import ItemDetail, ItemRow, ItemsView, item_detail, items_view
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader

_LONGEST = 16  # characters of an id that are shown at least
_WIDE = {model.USED: 520, model.CHANGED: 430}  # px that the panel needs to show these columns


@dataclass(frozen=True, slots=True)
class ItemsPicture:
    """The table and, when an item is selected, its story."""

    items: ItemsView
    detail: ItemDetail | None


class ItemsPanel(Panel):
    """The memory table."""

    name: ClassVar[str] = "items"
    follows = frozenset({"session", "turn", "seq", "lane", "item"})

    @staticmethod
    def project(reader: TraceReader, moment: Moment, options: Any) -> ItemsPicture | Empty:
        """See ``workbench.projections.items``."""
        where = (reader, moment.session, moment.lane, moment.turn)
        view = items_view(*where, moment.seq)
        if not view.rows and not reader.query(
            "SELECT 1 FROM event WHERE kind = ? AND session = ? AND lane = ? LIMIT 1",
            (Kind.WRITTEN, moment.session, moment.lane),
        ):
            return Empty(
                "This lane keeps no items",
                "Lanes such as full or window read the turns themselves; choose one that writes items, such as a-mem",
            )
        if not view.rows:
            return Empty("No items yet at this turn", "Drag the cursor on, or press the right arrow")
        detail = item_detail(*where, moment.item, moment.seq) if moment.item else None
        return ItemsPicture(view, detail)

    def build(self) -> QWidget:
        """Table over detail."""
        self._open_causes: set[str] = set()
        self._followed, self._unsettled, self._chosen_unseen = (0, -2), False, False
        self.items, self._widest = ItemsModel(self), "note-1000"
        self._split = QSplitter(Qt.Orientation.Vertical)
        self._split.setChildrenCollapsible(False)
        self._split.setHandleWidth(theme.active().unit(2))
        self._split.addWidget(self._make_upper())
        self.detail = RichView()
        self.detail.setAccessibleName("History of the selected item")
        self.detail.turn_wanted.connect(self.workspace.follow)
        self.detail.item_wanted.connect(lambda item: self.workspace.selection.select(item=item))
        self.detail.toggled.connect(self._toggle_cause)
        self._split.addWidget(self.detail)
        self._split.setSizes([360, 260])
        self.detail.hide()
        self.shown.connect(self._follow_changes)
        self.workspace.told.connect(self.again)
        self._soon = QTimer(self)  # rows that came just now count in the scroll range only after the next layout
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self._scroll_to_change)
        return self._split

    def _make_upper(self) -> QWidget:
        upper = QWidget()
        column = QVBoxLayout(upper)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.active().unit(1))
        self._bar = QHBoxLayout()
        self._bar.setSpacing(theme.active().unit(1))
        column.addLayout(self._bar)
        table = self._make_table()
        self._make_tools()
        column.addWidget(table, 1)
        return upper

    def _make_table(self) -> QWidget:
        table = self.view_table = ItemTable(self.items)
        table.resized.connect(self._settle)
        table.verticalHeader().hide()
        table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        table.setShowGrid(False)
        table.setWordWrap(False)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        table.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        table.setTabKeyNavigation(False)
        table.setMouseTracking(True)
        table.setAccessibleName("Items of the memory")
        head = table.horizontalHeader()
        head.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        head.setHighlightSections(False)
        head.setSectionResizeMode(model.TEXT, QHeaderView.ResizeMode.Stretch)
        head.setSortIndicatorClearable(True)
        table.setSortingEnabled(True)
        head.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        table.selectionModel().currentRowChanged.connect(self._chosen)
        table.doubleClicked.connect(self._go_to)
        table.activated.connect(self._go_to)
        self.setFocusProxy(table)
        self._measure()
        return table

    def _fit_ids(self, rows: Sequence[ItemRow]) -> None:
        """A column of ids has room for the longest, since what is cut of an id is what tells it apart."""
        widest = max((row.item.id for row in rows), key=len, default="")[:_LONGEST]
        widest = max(widest, "note-1000", key=len)
        if len(widest) != len(self._widest):
            self._widest = widest
            self._measure()

    def _measure(self) -> None:
        style = theme.active()
        small, body = style.metrics("small"), style.metrics("body", bold=True)
        widths = {
            model.MARK: style.unit(9),
            model.ITEM: body.horizontalAdvance(self._widest) + style.unit(4),
            model.TURNS: small.horizontalAdvance("100, 20") + style.unit(4),
            model.CHANGED: small.horizontalAdvance("changed") + style.unit(6),
            model.USED: small.horizontalAdvance("used") + style.unit(6),
        }
        for column, width in widths.items():
            self.view_table.setColumnWidth(column, width)
        self.view_table.verticalHeader().setDefaultSectionSize(row_height())

    def _make_tools(self) -> None:
        self.search = QLineEdit()
        self.search.setPlaceholderText("Filter items")
        clearable(self.search)
        self.search.setAccessibleName("Filter items")
        self.search.setToolTip("Words in id, kind, status, text or fields (/)")
        self.search.textChanged.connect(self._filter)
        self._bar.addWidget(self.search, 1)
        self._changed = self._tool("mdi6.delta", "Only what this turn changed (C)")
        self._alive = self._tool(
            "mdi6.ghost-off-outline", "Hide items that ended: superseded, merged, deleted, evicted"
        )
        self._follow = self._tool("mdi6.arrow-collapse-down", "Scroll to what each turn changes")
        self._follow.setChecked(True)

    def _tool(self, icon: str, tip: str) -> QToolButton:
        button = QToolButton()
        button.setProperty("part", "quiet")
        button.setIcon(theme.active().icon(icon))
        button.setProperty("glyph", icon)
        button.setToolTip(plain(tip))
        button.setAccessibleName(tip)
        button.setCheckable(True)
        button.toggled.connect(self._filter)
        self._bar.addWidget(button)
        return button

    def _filter(self, *_: object) -> None:
        self.items.filter(self.search.text(), self._changed.isChecked(), not self._alive.isChecked())
        if self.view is not None:
            self._retitle()

    def show_view(self, view: ItemsPicture) -> None:
        """Rows by difference, detail as a text."""
        run = self.workspace.run
        color = self.view_table.color = theme.active().lane(run.place(view.items.lane) if run else 0)
        self._fit_ids(view.items.rows)
        self.items.show(view.items.rows)
        self.view_table.settle()
        self._unsettled = self.detail.isVisible() != (view.detail is not None)
        self.detail.setVisible(view.detail is not None)
        if view.detail is not None:
            self.detail.show_html(story_html(view.detail, view.items.turn, self._open_causes), color, view.detail.id)
        self.on_moment(self.moment)

    def _follow_changes(self) -> None:
        """Bring what the turn changed into view, once per turn."""
        if not isinstance(self.view, ItemsPicture) or self._followed == (self.view.items.lane, self.view.items.turn):
            return
        self._followed = self.view.items.lane, self.view.items.turn
        self._scroll_to_change()
        self._soon.start()

    def _settle(self) -> None:
        """The detail came or went and the table has its new height: what changed may have slid out of view."""
        if self._unsettled:
            self._scroll_to_change()
            self._unsettled = False

    def _scroll_to_change(self) -> None:
        row = self.items.first_written if self._follow.isChecked() else -1
        if self._chosen_unseen or (self._unsettled and self.moment.item):
            row, self._chosen_unseen = self.items.place(self.moment.item), False
        if row < 0:
            return
        index = self.items.index(row, 0)
        self.view_table.updateGeometries()
        if not self.view_table.viewport().rect().contains(self.view_table.visualRect(index)):
            self.view_table.scrollTo(index, QAbstractItemView.ScrollHint.PositionAtCenter)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102
        super().resizeEvent(event)
        for column, width in _WIDE.items():
            self.view_table.setColumnHidden(column, self.width() < width * theme.active().size / theme.NORMAL)

    def on_moment(self, moment: Moment) -> None:
        """Mark the selected item's row, and those that come from the followed turn."""
        if self.view_table.followed != moment.thread:
            self.view_table.followed = moment.thread
            self.view_table.viewport().update()
        row = self.items.place(moment.item)
        if row == self.view_table.currentIndex().row():
            return
        selection = self.view_table.selectionModel()
        blocked = selection.blockSignals(True)
        if row < 0:
            selection.clear()
        else:
            self.view_table.setCurrentIndex(self.items.index(row, model.TEXT))
            self._chosen_unseen = True  # chosen elsewhere: the table goes there once its rows are laid out
            self._soon.start()
        selection.blockSignals(blocked)
        self.view_table.viewport().update()

    def _chosen(self, current: QModelIndex, _: QModelIndex) -> None:
        if current.isValid():
            self.workspace.selection.select(item=self.items.row(current.row()).item.id)

    def _go_to(self, index: QModelIndex) -> None:
        turns = self.items.row(index.row()).item.turns
        if turns:
            self.workspace.follow(turns[0])

    def _toggle_cause(self, name: str) -> None:
        self._open_causes ^= {name}
        if self.view is not None:
            self.show_view(self.view)

    def title(self, view: ItemsPicture | None) -> str:
        """``a-mem · 88 items at turn 214``."""
        if view is None:
            return f"{self.lane_title()} · items" if self.lane_title() else "Items"
        ended = len(view.items.rows) - view.items.active
        more = f", {ended:,} ended" if ended else ""
        counted = f"{units.count(view.items.active, 'item')}{more}"
        if self.search.text() or self._changed.isChecked():
            counted = f"{self.items.rowCount():,} of {units.count(len(view.items.rows), 'item')} shown"
        return f"{self.lane_title()} · {counted} at turn {view.items.turn}"

    def table(self, view: ItemsPicture) -> Table:
        """Every item with all its fields as columns."""
        fields = view.items.fields
        rows = [
            (
                ", ".join(m.removeprefix("item.") for m in row.marks),
                row.item.id,
                row.item.kind,
                row.item.status,
                row.item.text,
                *(readable(row.item.fields.get(f)) for f in fields),
                ", ".join(map(str, row.item.turns)),
                row.item.created,
                row.item.changed,
                row.used,
                row.item.successor,
            )
            for row in view.items.rows
        ]
        first = ("this turn", "item", "kind", "status", "text")
        return Table((*first, *fields, "turns", "written", "changed", "used", "successor"), rows)

    def retheme(self) -> None:
        """Sizes and icons."""
        self._measure()
        for button in self._split.findChildren(QToolButton):
            if button.property("glyph"):  # the filter field has a button of its own
                button.setIcon(theme.active().icon(button.property("glyph")))

    def add_actions(self, menu: QMenu) -> None:
        """Go to the source turn; close the detail."""
        item = self.moment.item
        if item and self.items.place(item) >= 0:
            row = self.items.index(self.items.place(item), 0)
            menu.addAction(f"Go to the turn of {item}\tReturn").triggered.connect(lambda: self._go_to(row))
            menu.addAction(f"What if {item} said something else…").triggered.connect(lambda: self._what_if(item))
            menu.addAction("Close detail\tEsc").triggered.connect(lambda: self.workspace.selection.select(item=""))

    def _what_if(self, item: str) -> None:
        text = self.items.row(self.items.place(item)).item.text
        self.workspace.branch_wanted.emit(f"text:{item}={text}")

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102
        if event.text() == "/":
            self.search.setFocus()
            self.search.selectAll()
        elif event.key() == Qt.Key.Key_Escape and self.moment.item:
            self.workspace.selection.select(item="")
        elif event.key() == Qt.Key.Key_C and not event.modifiers():
            self._changed.toggle()
        else:
            super().keyPressEvent(event)
