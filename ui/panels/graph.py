"""The Zettelkasten graph with time: positions stay, items appear, fade and light up."""

from __future__ import annotations

from typing import Any, ClassVar

from PySide6.QtGui import QActionGroup, QKeyEvent
from PySide6.QtWidgets import QMenu, QToolButton, QVBoxLayout, QWidget

from ui.models.table import Table
from ui.panels.base import Empty, Panel
from ui.state.moment import Moment
from ui.theme import theme
from ui.widgets.graph_view import FORCE, THREAD, GraphCanvas
from ui.widgets.legend import Legend
from ui.widgets.mnemonics import follow
from ui.widgets.plain import plain
from ui.widgets.units import count
from workbench.projections.asked import in_question
from workbench.projections.graph import ABSENT, STATUSES, GraphView, graph_view
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader

_DEPTHS = (
    (0, "All items"),
    (1, "Direct links of the selected item"),
    (2, "Up to 2 links away"),
    (3, "Up to 3 links away"),
)


class GraphPanel(Panel):
    """Items as nodes, links as edges, at the cursor."""

    name: ClassVar[str] = "graph"
    follows = frozenset({"session", "turn", "seq", "lane", "probe", "pinned"})

    @staticmethod
    def project(reader: TraceReader, moment: Moment, options: Any) -> GraphView | Empty:
        """See ``workbench.projections.graph``."""
        session = reader.session(moment.session)
        asked = in_question(session, moment.turn, moment.probe, moment.pinned)
        here = asked is not None and (moment.probe or asked.after == moment.turn)  # later turns glow for what they do
        probe = asked.id if asked is not None and here else ""
        view = graph_view(reader, moment.session, moment.lane, moment.turn, moment.seq, probe, options)
        if not view.layout.ids:
            return Empty(
                "This lane keeps no items",
                "Lanes such as full or window read the turns themselves; choose one that writes items, such as a-mem",
            )
        if not view.nodes:
            first = int(view.layout.turns[0])
            return Empty(
                "No items yet at this turn", f"The first one is written at turn {first}; drag the cursor there"
            )
        return view

    def build(self) -> QWidget:
        """Canvas and legend."""
        self._version = 0
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.active().unit(1))
        self.canvas = GraphCanvas()
        self.canvas.clicked.connect(lambda item: self.workspace.selection.select(item=item))
        self.canvas.opened.connect(self._open)
        self.legend = Legend()
        column.addWidget(self.canvas, 1)
        column.addWidget(self.legend)
        self.setFocusProxy(self.canvas)
        self._buttons()
        self.workspace.opened.connect(lambda: self.canvas.show_view(None, 0))
        return body

    def _buttons(self) -> None:
        self._thread = self._tool(
            "mdi6.timeline-outline", "Arrange by turn: turns from left to right, clusters as bands (L)", True
        )
        self._thread.toggled.connect(lambda on: self.canvas.arrange(THREAD if on else FORCE))
        self._near = self._tool("mdi6.graph-outline", "Show only what is near the selected item", False)
        self._near.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._near.setMenu(self._depth_menu())
        fit = self._tool("mdi6.fit-to-page-outline", "Fit the whole graph into view (F)", False)
        fit.clicked.connect(self.canvas.fit)

    def _tool(self, icon: str, tip: str, checkable: bool) -> QToolButton:
        button = QToolButton()
        button.setProperty("part", "quiet")
        button.setIcon(theme.active().icon(icon))
        button.setProperty("glyph", icon)
        button.setToolTip(plain(tip))
        button.setAccessibleName(tip)
        button.setCheckable(checkable)
        self.tools.addWidget(button)
        return button

    def _depth_menu(self) -> QMenu:
        menu = follow(QMenu(self))
        group = QActionGroup(menu)
        for depth, title in _DEPTHS:
            action = menu.addAction(title)
            action.setCheckable(True)
            action.setChecked(depth == 0)
            action.setData(depth)
            group.addAction(action)
        group.triggered.connect(lambda action: self.canvas.limit(action.data()))
        return menu

    def show_view(self, view: GraphView) -> None:
        """Hand the view to the canvas."""
        run = self.workspace.run
        self.canvas.show_view(view, run.place(view.lane) if run else 0)
        glow = [("glow", f"hits of {view.probe}" if view.probe else "retrieved")] if view.glow else []
        ended = {STATUSES[s] for s in view.status if s > 0}
        self.legend.show_marks(
            [("fresh", "written this turn")] * bool(view.fresh.any())
            + [(str(Kind.UPDATED), "updated")] * bool(view.changed.any())
            + glow
            + [(f"item.{status}", status) for status in STATUSES if status in ended]
            + [("to come", "to come")] * bool((view.status == ABSENT).any()),
            theme.active().lane(run.place(view.lane) if run else 0),
        )

    def on_moment(self, moment: Moment) -> None:
        """The selection needs no projection."""
        self.canvas.select(moment.item)

    def title(self, view: GraphView | None) -> str:
        """Nodes and links at the turn."""
        if view is None:
            return f"{self.lane_title()} · graph" if self.lane_title() else "Graph"
        return f"{self.lane_title()} · {count(view.nodes, 'item')}, {count(view.links, 'link')} at turn {view.turn}"

    def table(self, view: GraphView) -> Table:
        """One row per item: where it stands in the graph."""
        ids = view.layout.ids
        near: dict[int, list[str]] = {}
        for a, b in view.layout.edges[view.alive].tolist():
            near.setdefault(a, []).append(ids[b])
            near.setdefault(b, []).append(ids[a])
        rows = [
            (
                ids[node],
                STATUSES[view.status[node]],
                int(view.degree[node]),
                ", ".join(near.get(node, [])),
                "yes" if view.fresh[node] else "",
                view.glow.get(node) or None,
                view.items[ids[node]].text,
            )
            for node in range(len(ids))
            if view.status[node] != ABSENT
        ]
        return Table(("item", "status", "links", "linked to", "written this turn", "rank for the probe", "text"), rows)

    def retheme(self) -> None:
        """Icons and sprites."""
        for button in self.head.findChildren(QToolButton):
            button.setIcon(theme.active().icon(button.property("glyph")))
        self.canvas.retheme()

    def add_actions(self, menu: QMenu) -> None:
        """Arrangement, camera, new layout."""
        menu.addAction("Fit into view\tF").triggered.connect(self.canvas.fit)
        thread = menu.addAction("Arrange by turn\tL")
        thread.setCheckable(True)
        thread.setChecked(self._thread.isChecked())
        thread.triggered.connect(self._thread.toggle)
        menu.addAction("Lay out again").triggered.connect(self._again)

    def options(self) -> int:
        """The version of the layout."""
        return self._version

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102
        if event.text().lower() == "l" and not event.modifiers():
            self._thread.toggle()
        else:
            super().keyPressEvent(event)

    def _again(self) -> None:
        self._version += 1
        self.refresh()

    def _open(self, item: str) -> None:
        if self.view is not None:
            self.workspace.jump(int(self.view.layout.turns[self.view.layout.place[item]]), item=item)
