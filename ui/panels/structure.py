"""What is special about the selected lane's memory, at the cursor: tiers, tree, buckets, surprise, state, ledger ..."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, ClassVar

from PySide6.QtCore import Qt
from PySide6.QtGui import QActionGroup
from PySide6.QtWidgets import QMenu, QToolButton, QVBoxLayout, QWidget

from ui.models.table import Table
from ui.panels.base import Empty, Panel
from ui.state.moment import Moment
from ui.theme import theme
from ui.widgets import rich
from ui.widgets.legend import Legend
from ui.widgets.mnemonics import follow
from ui.widgets.rich import RichView
from ui.widgets.structure.base import Sketch
from ui.widgets.structure.boards import BoardSketch, BucketSketch, FragmentSketch
from ui.widgets.structure.canvas import CanvasScroll, StructureCanvas
from ui.widgets.structure.figures import CurveSketch, KindsSketch, StateSketch
from ui.widgets.structure.outline import OutlineSketch
from ui.widgets.units import count
from workbench.projections.structure import view as shapes
from workbench.projections.structure.cards import Board, Card, Fragments
from workbench.projections.structure.curve import Curve
from workbench.projections.structure.kinds import Kinds
from workbench.projections.structure.ledger import NONE, Entry, Ledger, State
from workbench.projections.structure.tree import Tree
from workbench.projections.structure.view import StructureView, structure_view
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader

SKETCHES: dict[str, type[Sketch]] = {
    shapes.BOARD: BoardSketch,
    shapes.TREE: OutlineSketch,
    shapes.BUCKETS: BucketSketch,
    shapes.SURPRISE: CurveSketch,
    shapes.STATE: StateSketch,
    shapes.FRAGMENTS: FragmentSketch,
    shapes.KINDS: KindsSketch,
}
"""What paints each shape; a ledger is a text."""

_SAYS = {
    shapes.BOARD: "Tiers: where each item is kept, and what moved at this turn",
    shapes.TREE: "Tree: what is part of what, and what depends on what",
    shapes.BUCKETS: "Buckets: how full each is, and its newest items",
    shapes.SURPRISE: "Surprise: the figure that decides where memory is cut",
    shapes.STATE: "State: the one text that this memory is, against the turn before",
    shapes.LEDGER: "Ledger: every operation up to the cursor, old and new",
    shapes.FRAGMENTS: "Fragments: how much of each the model sees",
    shapes.KINDS: "Kinds: items by kind and status, and their counts over the turns",
}


class StructurePanel(Panel):
    """A memory in the shape that tells most about it, or in another that fits it."""

    name: ClassVar[str] = "structure"

    @staticmethod
    def project(reader: TraceReader, moment: Moment, options: Any) -> StructureView | Empty:
        """See ``projections.structure.view``. ``options`` is the wanted shape, empty for the most telling one."""
        if not moment.lane:
            return Empty("No lane is selected", "Click a lane in the timeline or in the lanes")
        view = structure_view(reader, moment.session, moment.lane, moment.turn, moment.seq, options)
        if _hollow(view.body):
            rows = reader.query(
                "SELECT min(turn) FROM event WHERE kind = ? AND session = ? AND lane = ?",
                (str(Kind.WRITTEN), moment.session, moment.lane),
            )
            first = rows[0][0]
            if first is None:
                return Empty("This lane keeps no items", "Choose a lane whose memory writes something, such as mem0")
            return Empty(f"Nothing to show yet at turn {moment.turn}", f"The first item is written at turn {first}")
        return view

    def build(self) -> QWidget:
        """Canvas, text, legend."""
        self._wanted = ""
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.active().unit(2))
        self.canvas, self.text, self.legend = StructureCanvas(), RichView(), Legend()
        self.canvas_scroll = CanvasScroll(self.canvas)
        self.text.setAccessibleName("Old and new")
        self.canvas.item_wanted.connect(lambda item: self.workspace.selection.select(item=item))
        self.text.item_wanted.connect(lambda item: self.workspace.selection.select(item=item))
        self.text.turn_wanted.connect(self.workspace.follow)
        self.text.toggled.connect(lambda _: self.toggle_table())
        for widget, stretch in ((self.canvas_scroll, 1), (self.text, 1), (self.legend, 0)):
            column.addWidget(widget, stretch)
        self._choice = QToolButton()
        self._choice.setProperty("part", "quiet")
        self._choice.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._choice.setToolTip("Look at this memory in another shape")
        self._choice.setAccessibleName("Shape of the memory")
        self._choice.setMenu(follow(QMenu(self._choice)))
        self._choice.setIcon(theme.active().icon("mdi6.chevron-down"))
        self._choice.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._choice.setLayoutDirection(Qt.LayoutDirection.RightToLeft)  # the chevron behind the word
        self._choice.hide()
        self.tools.addWidget(self._choice)
        return body

    def options(self) -> str:
        """The wanted shape."""
        return self._wanted

    def look(self, shape: str) -> None:
        """Look at memories in this shape wherever it fits; an empty name is the most telling shape of each."""
        self._wanted = shape
        self.refresh()

    def show_view(self, view: StructureView) -> None:
        """Paint or write the body."""
        run = self.workspace.run
        color = theme.active().lane(run.place(view.lane) if run else 0)
        self._offer(view)
        sketch = SKETCHES.get(view.shape)
        self.canvas_scroll.setVisible(sketch is not None)
        self.text.setVisible(view.shape in (shapes.LEDGER, shapes.STATE))
        if sketch is not None:
            self.canvas.show_sketch(sketch(view.body, color, view.turn), _SAYS[view.shape])
        if view.shape == shapes.STATE:
            self.text.show_html(state_html(view.body), color, f"{view.lane} state")
        elif view.shape == shapes.LEDGER:
            self.text.show_html(ledger_html(view.body), color, f"{view.lane} ledger")
        tall = self.canvas.sketch.height(0) if view.shape == shapes.STATE and self.canvas.sketch else 16777215
        self.canvas_scroll.setMaximumHeight(tall)
        self.legend.show_marks(_marks(view.body), color)
        self.legend.setVisible(bool(_marks(view.body)))

    def _offer(self, view: StructureView) -> None:
        menu = self._choice.menu()
        menu.clear()
        self._entries(menu, view)
        self._choice.setText(view.shape)
        self._choice.setVisible(len(view.offered) > 1)

    def _entries(self, menu: QMenu, view: StructureView) -> None:
        group = QActionGroup(menu)
        for shape in view.offered:
            action = menu.addAction(_SAYS[shape])
            action.setCheckable(True)
            action.setChecked(shape == view.shape)
            action.triggered.connect(partial(self.look, shape if shape != view.offered[0] else ""))
            group.addAction(action)

    def on_moment(self, moment: Moment) -> None:
        """The selection needs no projection."""
        self.canvas.select(moment.item)

    def title(self, view: StructureView | None) -> str:
        """``memos · 44 items in 3 tiers at turn 24``."""
        if view is None:
            return f"{self.lane_title()} · structure" if self.lane_title() else "Structure"
        return f"{self.lane_title()} · {_what(view)} at turn {view.turn}"

    def table(self, view: StructureView) -> Table:
        """The body as rows."""
        return _TABLES[type(view.body)](view.body)

    def retheme(self) -> None:
        """The icon; sketches ask for their colours while they paint."""
        self._choice.setIcon(theme.active().icon("mdi6.chevron-down"))

    def add_actions(self, menu: QMenu) -> None:
        """The shapes that fit."""
        if self.view is not None:
            self._entries(menu, self.view)


def _hollow(body: Any) -> bool:
    match body:
        case Board(columns=()) | Tree(nodes=()) | Curve(points=()) | Ledger(total=0) | Kinds(groups=()):
            return True
        case State(item=None) | Fragments(cards=()):
            return True
    return isinstance(body, Kinds) and not any(g.counts for g in body.groups)


def _what(view: StructureView) -> str:
    match view.body:
        case Board(by=by, columns=columns):
            return f"{count(view.items, 'item')} in {count(len(columns), by)}"
        case Tree(nodes=nodes, arcs=arcs):
            return count(len(nodes), "node") + (f", {count(len(arcs), 'dependency', 'dependencies')}" if arcs else "")
        case Curve(what=what):
            return what.split()[0]
        case Ledger(total=total):
            return count(total, "operation")
        case State():
            return "state"
        case Fragments(cards=cards):
            return count(len(cards), "fragment")
    return f"{count(view.items, 'item')} of {count(len(view.body.groups), 'kind')}"


def _marks(body: Any) -> list[tuple[str, str]]:
    found: Iterable[str] = ()
    match body:
        case Board(columns=columns):
            found = (c.mark for column in columns for c in column.cards)
        case Fragments(cards=cards):
            found = (c.mark for c in cards)
        case Tree(nodes=nodes):
            found = (n.mark for n in nodes)
        case Kinds(groups=groups):
            found = (c.mark for g in groups for c in g.latest)
    return [(kind, f"{rich.VERBS[Kind(kind)]} at this turn") for kind in dict.fromkeys(found) if kind]


def state_html(state: State) -> str:
    """The state word by word against the turn before."""
    item = state.item
    if item is None:
        return ""
    head = f'{rich.item_link(item.id)} <span class="faint">against the turn before</span>'
    same = '<span class="quiet">unchanged</span><br>' if state.before == item.text else ""
    return rich.block(head) + rich.block(same + rich.pieces(state.pieces), above=4)


def ledger_html(ledger: Ledger) -> str:
    """The entries under their turns, newest first."""
    said = " &nbsp; ".join(f'<span class="title">{verb}</span> {n:,}' for verb, n in ledger.counts)
    parts, turn, indent = [rich.block(f'<span class="quiet">{said}</span>')], -1, theme.active().unit(5)
    for entry in ledger.entries:
        if entry.turn != turn:
            turn = entry.turn
            parts.append(rich.block(rich.turn_link(turn), above=12))
        parts += _entry(entry, indent)
    if ledger.total > len(ledger.entries):
        more = f"{ledger.total - len(ledger.entries):,} earlier operations: move the cursor back to see them"
        parts.append(rich.block(rich.plain(more, "faint"), above=12))
    return "".join(parts)


def _entry(entry: Entry, indent: int) -> list[str]:
    if entry.verb == NONE:
        return [rich.block(f'<span class="faint">NONE</span> {rich.plain(entry.new, "quiet")}', indent=indent, above=4)]
    other = f' <span class="faint">by</span> {rich.item_link(entry.other)}' if entry.other else ""
    reason = rich.plain(entry.reason, "faint") if entry.reason and entry.reason != entry.verb else ""
    head = f'{rich.mark(entry.kind)} <span class="title">{entry.verb}</span> {rich.item_link(entry.item, "quiet")}'
    if entry.old and entry.new:
        text = rich.pieces(entry.pieces)
    else:
        text = rich.plain(entry.old, "gone") if entry.old else rich.plain(entry.new)
    return [rich.block(f"{head}{other} {reason}", above=4), rich.block(text, indent=indent)]


_CARD = ("item", "kind", "status", "this turn", "came from", "changed at turn", "text")


def _card(card: Card) -> tuple[Any, ...]:
    item, mark = card.item, card.mark
    verb = rich.VERBS[Kind(mark)] if mark else None
    return (item.id, item.kind, item.status, verb, card.was or None, item.changed, item.text)


def _board_table(body: Board) -> Table:
    columns = (body.by, f"active in the {body.by}", f"left the {body.by}", "room", "unit", *_CARD)
    rows: list[tuple[Any, ...]] = []
    for column in body.columns:
        fixed = (column.name, column.held, column.gone, column.room or None, column.unit)
        rows += [(*fixed, *_card(c)) for c in column.cards] or [(*fixed, *[None] * len(_CARD))]
    return Table(columns, rows)


def _fragment_table(body: Fragments) -> Table:
    rows = [(c.item.fields["view"], c.item.fields.get("summary") or None, *_card(c)) for c in body.cards]
    return Table(("view", "summary", *_CARD), rows)


def _tree_table(body: Tree) -> Table:
    on: dict[int, list[str]] = {}
    for arc in body.arcs:
        on.setdefault(arc.start, []).append(f"{arc.label} {body.nodes[arc.end].item.id}")
    rows = [
        (n.depth, n.state, "yes" if n.ghost else "", ", ".join(on.get(at, [])), *_card(Card(n.item, n.mark)))
        for at, n in enumerate(body.nodes)
    ]
    return Table(("depth", "state", "ghost", "dependencies", *_CARD), rows)


def _curve_table(body: Curve) -> Table:
    rows = [(p.turn, p.text, p.value, p.past, p.threshold, "yes" if p.cut else None) for p in body.points]
    unit = f" ({body.unit})" if body.unit else ""
    return Table(("turn", "text", f"{body.what}{unit}", "momentum of the past", "threshold", "boundary"), rows)


def _ledger_table(body: Ledger) -> Table:
    rows = [(e.turn, e.verb, e.item or None, e.old, e.new, e.other or None, e.reason) for e in body.entries]
    return Table(("turn", "operation", "item", "old", "new", "by", "reason"), rows)


def _state_table(body: State) -> Table:
    return Table(("turn", "size (tokens)", "limit (tokens)"), [(t, size, body.limit) for t, size in body.sizes])


def _kinds_table(body: Kinds) -> Table:
    rows = [(g.kind, status, n) for g in body.groups for status, n in g.counts]
    return Table(("kind", "status", "items"), rows)


_TABLES: dict[type, Any] = {
    Board: _board_table,
    Fragments: _fragment_table,
    Tree: _tree_table,
    Curve: _curve_table,
    Ledger: _ledger_table,
    State: _state_table,
    Kinds: _kinds_table,
}
