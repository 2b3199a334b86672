"""What the memory changed between two turns, grouped by operation, word by word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QMenu, QToolButton, QWidget

from ui.models.table import Table
from ui.panels.base import Empty, Panel
from ui.state.moment import Moment
from ui.theme import theme
from ui.widgets import rich
from ui.widgets.choice_box import ChoiceBox
from ui.widgets.plain import plain
from ui.widgets.rich import RichView
from ui.widgets.units import count
from workbench.projections.diff import Change, DiffView, diff_view, word_diff
from workbench.projections.lane_diff import lane_diff
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader

_AGAINST = "against "
_MOST = 120  # changes shown per group; the table twin has all
_TO = {Kind.SUPERSEDED: "by", Kind.MERGED: "into", Kind.LINKED: "to", Kind.UNLINKED: "from"}


class DiffPanel(Panel):
    """The diff against the turn before, or against a chosen base turn."""

    name: ClassVar[str] = "diff"

    @staticmethod
    def project(reader: TraceReader, moment: Moment, options: Any) -> DiffView | Empty:
        """See ``workbench.projections.diff``. ``options`` is the base turn, None for the turn before; or ("lane", N):
        another lane at the same turn."""
        if isinstance(options, tuple):
            against = lane_diff(reader, moment.session, moment.lane, options[1], moment.turn, moment.seq)
            return against if against.groups else Empty(f"Both lanes hold the same at turn {moment.turn}")
        view = diff_view(reader, moment.session, moment.lane, moment.turn, moment.seq, options)
        if view.groups:
            return view
        if options is None:
            closest = reader.query(
                "SELECT max(turn) FROM event WHERE kind LIKE 'item.%' AND session = ? AND lane = ? AND turn < ?",
                (moment.session, moment.lane, moment.turn),
            )[0][0]
            last = f"The last change before it is at turn {closest}" if closest is not None else ""
            return Empty(f"Turn {moment.turn} changed nothing in this memory", last)
        return Empty(
            f"Nothing changed between turns {view.base} and {view.turn}", "Choose another base turn, or move on"
        )

    def build(self) -> QWidget:
        """One text."""
        self._base: int | None = None
        self.text = RichView()
        self.text.setAccessibleName("What changed")
        self.text.turn_wanted.connect(self.workspace.follow)
        self.text.item_wanted.connect(lambda item: self.workspace.selection.select(item=item))
        self.text.toggled.connect(lambda _: self.toggle_table())
        self.setFocusProxy(self.text)
        self._pin = QToolButton()
        self._pin.setProperty("part", "quiet")
        self._pin.setCheckable(True)
        self._pin.toggled.connect(self._pinned_base)
        self._say_base()
        self.against = ChoiceBox("Compare with", 9)
        self.against.setToolTip("What this memory holds against another lane's at the same turn")
        self.against.activated.connect(lambda _: self._compared())
        self.workspace.opened.connect(self._offer_lanes)
        self.workspace.advanced.connect(lambda _: self._offer_lanes())
        self._offer_lanes()
        self.add_choices(self.against)
        self.tools.addWidget(self._pin)
        return self.text

    def _offer_lanes(self) -> None:
        run = self.workspace.run
        wanted = [(row.name, row.id) for row in run.lanes] if run else []
        if [self.against.itemData(n) for n in range(1, self.against.count())] == [number for _, number in wanted]:
            return
        self.against.clear()
        self.against.addItem("in time", 0)
        for name, number in wanted:
            self.against.addItem(f"{_AGAINST}{name}", number)

    def compare_with_lane(self, lane: int) -> None:
        """Hold this memory against another lane's; 0 goes back to changes in time."""
        self.against.setCurrentIndex(max(0, self.against.findData(lane)))
        self._compared()

    def _compared(self) -> None:
        self.on_moment(self.moment)
        self.refresh()

    def on_moment(self, moment: Moment) -> None:
        """A base turn has no part in holding two lanes against each other."""
        self._pin.setVisible(not isinstance(self.options(), tuple))

    def _say_base(self) -> None:
        self._pin.setText("Set base" if self._base is None else f"Since turn {self._base}")
        tip = (
            "Compare with this turn from now on (B)" if self._base is None else "Compare with the turn before again (B)"
        )
        self._pin.setToolTip(plain(tip))
        self._pin.setAccessibleName(tip)

    def _pinned_base(self, on: bool) -> None:
        self._base = self.moment.turn if on else None
        self._say_base()
        self.refresh()

    def compare_with(self, turn: int | None) -> None:
        """Compare with this turn; None is the one before the cursor, -1 the empty memory before the first."""
        blocked = self._pin.blockSignals(True)
        self._pin.setChecked(turn is not None)
        self._pin.blockSignals(blocked)
        self._base = turn
        self._say_base()
        self.refresh()

    def options(self) -> int | tuple[str, int] | None:
        """The base turn; or the lane that this one is held against."""
        other = self.against.currentData() or 0
        return ("lane", other) if other not in (0, self.moment.lane) else self._base

    def show_view(self, view: DiffView) -> None:
        """Render the groups."""
        run = self.workspace.run
        color = theme.active().lane(run.place(view.lane) if run else 0)
        self.text.show_html(diff_html(view, self._verbs(view)), color, f"{view.lane} {view.turn}")

    def _verbs(self, view: DiffView) -> Mapping[Kind, str]:
        """What the groups are called; of two lanes neither has done anything to the other."""
        if not _lanes(view):
            return rich.VERBS
        mine, other = self.lane_title(), self.against.currentText().removeprefix(_AGAINST)
        return {
            Kind.WRITTEN: f"only in {mine}",
            Kind.UPDATED: f"otherwise in {mine} than in {other}",
            Kind.DELETED: f"only in {other}",
        }

    def title(self, view: DiffView | None) -> str:
        """``a-mem · 4 changes at turn 214``."""
        if view is None:
            return f"{self.lane_title()} · changes" if self.lane_title() else "Changes"
        if _lanes(view):
            return f"{self.lane_title()} · {count(len(view.changes), 'difference')}"
        when = f"at turn {view.turn}" if view.turn - view.base == 1 else f"in turns {view.base + 1} to {view.turn}"
        return f"{self.lane_title()} · {count(len(view.changes), 'change')} {when}"

    def table(self, view: DiffView) -> Table:
        """One row per changed field, or per change without fields."""
        rows: list[tuple[Any, ...]] = []
        verbs = self._verbs(view)
        for change in view.changes:
            verb = verbs[Kind(change.kind)]
            fixed = (verb, change.item, change.text, change.other or None, change.reason, change.count, change.turn)
            rows += [(*fixed, f.name, f.old, f.new) for f in change.fields] or [(*fixed, None, None, None)]
        return Table(
            ("operation", "item", "text", "other item", "reason", "times", "turn", "field", "old", "new"), rows
        )

    def add_actions(self, menu: QMenu) -> None:
        """Choose the base."""
        pinned = self._base is not None
        title = "Compare with the turn before again\tB" if pinned else "Compare with this turn from now on\tB"
        menu.addAction(title).triggered.connect(self._toggle_base)
        menu.addAction("Compare with the empty memory").triggered.connect(lambda: self.compare_with(-1))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102
        if event.text().lower() == "b" and not event.modifiers():
            self._toggle_base()
        else:
            super().keyPressEvent(event)

    def _toggle_base(self) -> None:
        self._pin.toggle()


def _lanes(view: DiffView) -> bool:
    """Whether two lanes are held against each other at one turn."""
    return view.turn == view.base


def diff_html(view: DiffView, verbs: Mapping[Kind, str] = rich.VERBS) -> str:
    """The groups of a diff as a text. ``verbs``: what they are called."""
    parts = []
    many = view.turn - view.base > 1
    for number, (kind, changes) in enumerate(view.groups):
        verb = rich.plain(verbs[Kind(kind)])
        parts.append(
            rich.block(
                f'{rich.mark(kind)} <span class="title">{verb}</span> <span class="faint">{len(changes):,}</span>',
                above=14 if number else 0,
            )
        )
        if kind == Kind.ACCESSED:
            parts.append(rich.block(", ".join(rich.item_link(c.item, "") for c in changes[:_MOST]), indent=_indent()))
        else:
            for change in changes[:_MOST]:
                parts += _change(change, many, _lanes(view))
        if len(changes) > _MOST:
            parts.append(
                rich.block(rich.toggle("table", f"and {len(changes) - _MOST:,} more in the table"), indent=_indent())
            )
    return "".join(parts)


def _indent() -> int:
    return theme.active().unit(5)


def _change(change: Change, many: bool, lanes: bool = False) -> list[str]:
    if change.kind == Kind.DROPPED:
        return [rich.block(rich.plain(change.reason, "bad") + _when(change, many), indent=_indent(), above=2)]
    head = rich.item_link(change.item)
    if change.other:
        head += f' <span class="faint">{_TO.get(Kind(change.kind), "→")}</span> {rich.item_link(change.other)}'
    head += f" {rich.plain(change.label, 'faint')}" if change.label else ""
    head += f" {rich.plain(change.reason, 'quiet')}" if change.reason else ""
    head += _when(change, many)
    parts = [rich.block(head, indent=_indent(), above=4)]
    if change.kind in (Kind.LINKED, Kind.UNLINKED):
        return parts
    replaced = change.kind in (Kind.SUPERSEDED, Kind.MERGED) and change.other_text
    text = (
        rich.pieces(word_diff(change.text, change.other_text))
        if replaced
        else rich.plain(change.text, "" if lanes else _text_style(change))
    )
    if not any(f.name == "text" for f in change.fields):
        parts.append(rich.block(text, indent=_indent()))
    if change.kind == Kind.WRITTEN:
        named = [f'<span class="name">{rich.plain(f.name)}</span> {rich.plain(f.new, "quiet")}' for f in change.fields]
        parts += [rich.block(" &nbsp; ".join(named), indent=_indent())] if named else []
    else:
        for field in change.fields:
            shown = f'<span class="name">{rich.plain(field.name)}</span> {rich.pieces(field.pieces)}'
            parts.append(rich.block(shown, indent=_indent()))
    return parts


def _text_style(change: Change) -> str:
    return {Kind.DELETED: "gone", Kind.EVICTED: "gone", Kind.UPDATED: "quiet"}.get(Kind(change.kind), "")


def _when(change: Change, many: bool) -> str:
    times = f", {change.count} times" if change.count > 1 else ""
    return f' <span class="faint">{rich.turn_link(change.turn)}{times}</span>' if many else ""
