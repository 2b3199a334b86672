"""The memory at the cursor as a table, with what the turn changed, and the whole story of the selected item."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QColor, QFontMetrics, QKeyEvent, QPainter, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QMenu,
    QSplitter,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ui.models import items as model
from ui.models.items import ItemsModel, turns_text
from ui.models.table import Table
from ui.panels.base import Empty, Panel
from ui.state.moment import Moment
from ui.theme import marks, theme
from ui.widgets import rich, units
from ui.widgets.rich import RichView
from workbench.projections.diff import FieldChange, readable
from workbench.projections.items import Cause, ItemDetail, ItemRow, ItemsView, Step, chips, item_detail, items_view
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader

_FADED = 0.6
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
        self._color = QColor()
        self._followed = (0, -2)
        self.items = ItemsModel(self)
        self._split = QSplitter(Qt.Orientation.Vertical)
        self._split.setChildrenCollapsible(False)
        self._split.setHandleWidth(theme.active().unit(2))
        self._split.addWidget(self._make_upper())
        self.detail = RichView()
        self.detail.setAccessibleName("History of the selected item")
        self.detail.turn_wanted.connect(self.workspace.cursor.go)
        self.detail.item_wanted.connect(lambda item: self.workspace.selection.select(item=item))
        self.detail.toggled.connect(self._toggle_cause)
        self._split.addWidget(self.detail)
        self._split.setSizes([360, 260])
        self.detail.hide()
        self.shown.connect(self._follow_changes)
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
        table = self.view_table = QTableView()
        table.setModel(self.items)
        table.setItemDelegate(ItemDelegate(self))
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

    def _measure(self) -> None:
        style = theme.active()
        small, body = style.metrics("small"), style.metrics()
        widths = {
            model.MARK: style.unit(9),
            model.ITEM: body.horizontalAdvance("note-1000") + style.unit(4),
            model.TURNS: small.horizontalAdvance("100, 200") + style.unit(4),
            model.CHANGED: small.horizontalAdvance("changed") + style.unit(6),
            model.USED: small.horizontalAdvance("used") + style.unit(6),
        }
        for column, width in widths.items():
            self.view_table.setColumnWidth(column, width)
        self.view_table.verticalHeader().setDefaultSectionSize(body.height() + small.height() + style.unit(4))

    def _make_tools(self) -> None:
        self.search = QLineEdit()
        self.search.setPlaceholderText("Filter items")
        self.search.setClearButtonEnabled(True)
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
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        button.setCheckable(True)
        button.toggled.connect(self._filter)
        self._bar.addWidget(button)
        return button

    def _filter(self, *_: object) -> None:
        self.items.filter(self.search.text(), self._changed.isChecked(), not self._alive.isChecked())

    def show_view(self, view: ItemsPicture) -> None:
        """Rows by difference, detail as a text."""
        run = self.workspace.run
        self._color = theme.active().lane(run.place(view.items.lane) if run else 0)
        self.items.show(view.items.rows)
        self.detail.setVisible(view.detail is not None)
        if view.detail is not None:
            self.detail.show_html(detail_html(view.detail, view.items.turn, self._open_causes), self._color)
        self.on_moment(self.moment)

    def _follow_changes(self) -> None:
        """Bring what the turn changed into view, once per turn."""
        if not isinstance(self.view, ItemsPicture) or self._followed == (self.view.items.lane, self.view.items.turn):
            return
        self._followed = self.view.items.lane, self.view.items.turn
        self._soon.start()

    def _scroll_to_change(self) -> None:
        row = self.items.first_written
        if not self._follow.isChecked() or row < 0:
            return
        index = self.items.index(row, 0)
        if not self.view_table.viewport().rect().contains(self.view_table.visualRect(index)):
            self.view_table.scrollTo(index, QAbstractItemView.ScrollHint.PositionAtCenter)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102
        super().resizeEvent(event)
        for column, width in _WIDE.items():
            self.view_table.setColumnHidden(column, self.width() < width * theme.active().size / theme.NORMAL)

    def on_moment(self, moment: Moment) -> None:
        """Mark the selected item's row."""
        row = self.items.place(moment.item)
        if row == self.view_table.currentIndex().row():
            return
        selection = self.view_table.selectionModel()
        blocked = selection.blockSignals(True)
        if row < 0:
            selection.clear()
        else:
            self.view_table.setCurrentIndex(self.items.index(row, model.TEXT))
        selection.blockSignals(blocked)
        self.view_table.viewport().update()

    def _chosen(self, current: QModelIndex, _: QModelIndex) -> None:
        if current.isValid():
            self.workspace.selection.select(item=self.items.row(current.row()).item.id)

    def _go_to(self, index: QModelIndex) -> None:
        turns = self.items.row(index.row()).item.turns
        if turns:
            self.workspace.cursor.go(turns[0])

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
        return f"{self.lane_title()} · {units.count(view.items.active, 'item')}{more} at turn {view.items.turn}"

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
                row.item.accessed,
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
            button.setIcon(theme.active().icon(button.property("glyph")))

    def add_actions(self, menu: QMenu) -> None:
        """Go to the source turn; close the detail."""
        item = self.moment.item
        if item and self.items.place(item) >= 0:
            row = self.items.index(self.items.place(item), 0)
            menu.addAction(f"Go to the turn of {item}\tReturn").triggered.connect(lambda: self._go_to(row))
            menu.addAction("Close detail\tEsc").triggered.connect(lambda: self.workspace.selection.select(item=""))

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


class ItemDelegate(QStyledItemDelegate):
    """Draws a row of two lines: what a model would read, and under it the fields or what this turn changed."""

    def __init__(self, panel: ItemsPanel) -> None:
        super().__init__(panel)
        self._panel = panel

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:  # noqa: D102
        return QSize(40, self._panel.view_table.verticalHeader().defaultSectionSize())

    def paint(  # noqa: D102
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        row: ItemRow = index.data(model.ROW)
        style, rect = theme.active(), QRectF(option.rect)  # type: ignore[attr-defined]
        state = option.state  # type: ignore[attr-defined]
        if state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, style.color("accent-soft"))
        elif Kind.WRITTEN in row.marks or Kind.UPDATED in row.marks:
            painter.fillRect(rect, style.color("raised"))
        painter.save()
        painter.setClipRect(rect)
        painter.setOpacity(1.0 if row.item.active else _FADED)
        inner = rect.adjusted(style.unit(2), style.unit(1.5), -style.unit(1), -style.unit(1))
        column = index.column()
        if column == model.MARK:
            self._marks(painter, rect, row)
        elif column == model.ITEM:
            self._two_lines(painter, inner, row.item.id, row.item.kind if row.item.active else row.item.status)
        elif column == model.TEXT:
            self._text(painter, inner, row)
        else:
            painter.setFont(style.font("small"))
            painter.setPen(style.color("text-2"))
            text = turns_text(row.item.turns) if column == model.TURNS else index.data()
            painter.drawText(inner.adjusted(0, 1, 0, 0), int(Qt.AlignmentFlag.AlignLeft), text)
        painter.restore()

    def _marks(self, painter: QPainter, rect: QRectF, row: ItemRow) -> None:
        x, y = rect.left() + 12, rect.top() + rect.height() / 2
        painter.setOpacity(1.0)  # what ended a faded item must stay plain to see
        for kind in [k for k in row.marks if marks.mark_of(k)][:2]:
            mark = marks.mark_of(kind)
            if mark is not None:
                marks.draw(painter, mark, QPointF(x, y), 4.2, self._panel._color)
            x += 13

    def _two_lines(self, painter: QPainter, rect: QRectF, first: str, second: str) -> None:
        style = theme.active()
        body, small = style.metrics("body", True), style.metrics("small")
        painter.setFont(style.font("body", bold=True))
        painter.setPen(style.color("text"))
        painter.drawText(rect, int(Qt.AlignmentFlag.AlignLeft), _fit(body, first, rect.width()))
        painter.setFont(style.font("small"))
        painter.setPen(style.color("text-3"))
        lower = rect.adjusted(0, body.height() + 2, 0, 0)
        painter.drawText(lower, int(Qt.AlignmentFlag.AlignLeft), _fit(small, second, rect.width()))

    def _text(self, painter: QPainter, rect: QRectF, row: ItemRow) -> None:
        style = theme.active()
        body = style.metrics()
        painter.setFont(style.font())
        painter.setPen(style.color("text"))
        line = " ".join(row.item.text.split()) if len(row.item.text) < 400 else " ".join(row.item.text[:400].split())
        painter.drawText(rect, int(Qt.AlignmentFlag.AlignLeft), _fit(body, line, rect.width()))
        painter.setFont(style.font("small"))
        lower = QRectF(rect.left(), rect.top() + body.height() + 1, rect.width(), rect.height() - body.height())
        if row.changes:
            self._change(painter, lower, row.changes)
        else:
            self._chips(painter, lower, row)

    def _change(self, painter: QPainter, rect: QRectF, changes: tuple[FieldChange, ...]) -> None:
        """``context  old → new`` for the first change; more are counted."""
        style, small = theme.active(), theme.active().metrics("small")
        change, rest = changes[0], len(changes) - 1
        tail = f"  +{rest}" if rest else ""
        x = rect.left()
        room = rect.width() - small.horizontalAdvance(f"{change.name}   → {tail}") - 8
        old = _fit(small, change.old, room * 0.45)
        new = _fit(small, change.new, room - small.horizontalAdvance(old))
        for text, role, struck in (
            (f"{change.name}  ", "text-3", False),
            (old, "text-3", True),
            (" → " if old else "", "text-3", False),
            (new, "accent", False),
            (tail, "text-3", False),
        ):
            font = style.font("small")
            if struck:
                font = type(font)(font)
                font.setStrikeOut(True)
            painter.setFont(font)
            painter.setPen(style.color(role))
            painter.drawText(
                QRectF(x, rect.top() + 1, rect.width(), rect.height()), int(Qt.AlignmentFlag.AlignLeft), text
            )
            x += small.horizontalAdvance(text)

    def _chips(self, painter: QPainter, rect: QRectF, row: ItemRow) -> None:
        style, small = theme.active(), theme.active().metrics("small")
        high, x = small.height() + 1.0, rect.left()
        for name, value in chips(row.item.fields):
            label = f"{name}  " if name else ""
            value = _fit(small, value, 150)
            wide = small.horizontalAdvance(label)
            box = small.horizontalAdvance(value) + 10.0
            if x + wide + 24 > rect.right():
                break
            painter.setPen(style.color("text-3"))
            painter.drawText(QPointF(x, rect.top() + small.ascent() + 1), label)
            box = min(box, rect.right() - x - wide)
            chip = QRectF(x + wide, rect.top(), box, high)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(style.color("control"))
            painter.drawRoundedRect(chip, 4, 4)
            painter.setPen(style.color("text-2"))
            painter.drawText(
                chip.adjusted(5, 0, -3, 0), int(Qt.AlignmentFlag.AlignVCenter), _fit(small, value, box - 8)
            )
            x = chip.right() + 4


def _fit(metrics: QFontMetrics, text: str, width: float) -> str:
    return metrics.elidedText(text, Qt.TextElideMode.ElideRight, int(max(width, 0)))


def detail_html(detail: ItemDetail, turn: int, opened: set[str]) -> str:
    """The story of an item: what it is, where it came from, every operation with its cause."""
    item = detail.item
    kind = f"{item.kind}, {item.status}" if item else f"not yet written at turn {turn}"
    successor = f" → {rich.item_link(item.successor)}" if item and item.successor else ""
    parts = [rich.block(f"{rich.plain(detail.id, 'title')} {rich.plain(kind, 'quiet')}{successor}")]
    if item:
        parts.append(rich.block(rich.plain(item.text), above=2))
        for name, value in item.fields.items():
            if readable(value):
                parts.append(rich.block(f'<span class="name">{rich.plain(name)}</span> {rich.plain(readable(value))}'))
        if detail.stale_index:
            parts.append(
                rich.block('<span class="bad">The index still holds the text from before the last change</span>')
            )
    if detail.sources:
        parts.append(_heading("From"))
        parts += [rich.block(f"{rich.turn_link(t.index)} {rich.plain(t.said, 'quiet')}") for t in detail.sources]
    if detail.links:
        parts.append(_heading(units.count(len(detail.links), "link")))
        parts.append(rich.block(", ".join(_link(*link) for link in detail.links)))
    parts.append(_heading("History"))
    for step in detail.steps:
        parts += _step(step, opened)
    return "".join(parts)


def _heading(text: str) -> str:
    return rich.block(f'<span class="faint">{rich.plain(text)}</span>', above=10)


def _link(other: str, label: str, way: str) -> str:
    arrow = "→" if way == "to" else "←"
    return f'<span class="faint">{arrow}</span> {rich.item_link(other, "")}' + (
        f" {rich.plain(label, 'faint')}" if label else ""
    )


def _step(step: Step, opened: set[str]) -> list[str]:
    verb = rich.VERBS.get(Kind(step.kind), step.kind)
    other = rich.item_link(step.other, "") if step.other else ""
    if step.role == "other":
        said = {"linked": f"linked from {other}", "unlinked": f"unlinked from {other}"}.get(
            verb, f"{other} {verb} for it"
        )
    else:
        joint = {"superseded": "by", "merged": "into", "linked": "to", "unlinked": "from"}.get(verb, "")
        said = f"{verb} {joint} {other}".strip()
    head = f"{rich.mark(step.kind)} {rich.turn_link(step.turn)} {said}"
    head += f" {rich.plain(step.label, 'faint')}" if step.label else ""
    head += f" {rich.plain(step.reason, 'quiet')}" if step.reason else ""
    head += ' <span class="faint">after the cursor</span>' if step.future else ""
    parts = [rich.block(head, above=4)]
    indent = theme.active().unit(5)
    for change in step.changes:
        value = rich.plain(change.new, "quiet") if step.kind == Kind.WRITTEN else rich.pieces(change.pieces)
        parts.append(rich.block(f'<span class="name">{rich.plain(change.name)}</span> {value}', indent=indent))
    if step.cause:
        parts += _cause(step, step.cause, opened, indent)
    return parts


def _cause(step: Step, cause: Cause, opened: set[str], indent: int) -> list[str]:
    name = f"{step.n}"
    said = (
        f"by model call “{cause.purpose}”" if cause.kind == Kind.MODEL_CALLED else f"while recalling, event {cause.n}"
    )
    spent = f"{cause.tokens[0]:,} + {cause.tokens[1]:,} tok, " if cause.tokens[0] else ""
    facts = spent + units.ms(cause.ms)
    way = "hide prompt and output" if name in opened else "show prompt and output"
    head = f'<span class="faint">{rich.plain(said)} · {facts}</span> {rich.toggle(name, way)}'
    parts = [rich.block(head, indent=indent)]
    if cause.error:
        parts.append(rich.block(rich.plain(cause.error, "bad"), indent=indent))
    if name in opened:
        for role, text in cause.prompt:
            parts += [rich.block(rich.plain(role, "faint"), indent=indent), rich.sunk(text)]
        if cause.raw:
            parts += [rich.block('<span class="faint">raw output</span>', indent=indent), rich.sunk(cause.raw)]
    return parts
