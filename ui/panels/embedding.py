"""A memory's items by what their vectors say of each other, with the query of the probe in question and its hits."""

from __future__ import annotations

from typing import Any, ClassVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton, QStackedWidget, QVBoxLayout, QWidget

from ui.models.table import Table
from ui.panels.base import Empty, Panel, asked
from ui.state.moment import Moment
from ui.theme import theme
from ui.widgets.place_map import PlaceMap
from ui.widgets.plain import Label
from ui.widgets.units import count
from workbench.engine.protocol import Place, Placed
from workbench.projections.embedding import EmbeddingView, embedding_view
from workbench.trace.reader import TraceReader

_UNASKED = 2_000  # texts that are placed without asking first: about ten seconds of a core


class EmbeddingPanel(Panel):
    """The selected lane's items at the cursor. An engine says once a session where its texts lie."""

    name: ClassVar[str] = "embedding"
    follows: ClassVar[frozenset[str]] = frozenset({"session", "turn", "seq", "lane", "probe", "pinned"})

    @staticmethod
    def project(reader: TraceReader, moment: Moment, options: Any) -> EmbeddingView | Empty:  # noqa: D102
        if not moment.session or not moment.lane:
            return Empty("The run has no lane yet")
        moment = asked(reader, moment)
        view = embedding_view(reader, moment.session, moment.lane, moment.turn, moment.seq, moment.probe)
        if view.dots:
            return view
        if view.ever:
            return Empty("This memory holds nothing at this turn", "Go on: its items appear where they belong")
        return Empty("This memory holds no items", "A control keeps none; another lane does")

    def build(self) -> QWidget:  # noqa: D102
        self._known: dict[tuple[str, int, int], Placed | None] = {}
        self.workspace.placed.connect(self._placed)
        self.workspace.told.connect(self._dealt_with)
        self.workspace.advanced.connect(self._outdated)
        body = QWidget()
        layout = QVBoxLayout(body)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.active().unit(1))
        self.note = Label()
        self.note.setProperty("part", "small")
        self.note.setWordWrap(True)
        self.map = PlaceMap()
        self.map.chosen.connect(lambda item: self.workspace.selection.select(item=item))
        self.wait = QWidget()
        column = QVBoxLayout(self.wait)
        self.what = Label()
        self.what.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.what.setWordWrap(True)
        self.what.setProperty("part", "quiet")
        self.compute = QPushButton("Compute their vectors")
        self.compute.clicked.connect(lambda: self._ask(True))
        column.addStretch(2)
        column.addWidget(self.what)
        column.addWidget(self.compute, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(3)
        self.front = QStackedWidget()
        self.front.addWidget(self.wait)
        self.front.addWidget(self.map)
        layout.addWidget(self.note)
        layout.addWidget(self.front, 1)
        self.setFocusProxy(self.map)
        return body

    def title(self, view: EmbeddingView | None) -> str:  # noqa: D102
        return f"{self.lane_title()} · embedding at turn {view.turn}" if view else "Embedding"

    def show_view(self, view: EmbeddingView) -> None:  # noqa: D102
        found = self._known.get(self._key(view))
        if found is None:
            self._ask(False)
            return
        self.note.setText(_note(view, found))
        self.note.show()
        if self.map._places is not found.places:
            self.map.place(found.places, found.shares)
        run = self.workspace.run
        self.map.show_view(view, run.place(view.lane) if run else 0)
        self.map.select(self.moment.item)
        self.front.setCurrentWidget(self.map)

    def on_moment(self, moment: Moment) -> None:  # noqa: D102
        self.map.select(moment.item)

    def retheme(self) -> None:  # noqa: D102
        self.map.forget()

    def table(self, view: EmbeddingView) -> Table:  # noqa: D102
        found = self._known.get(self._key(view))
        places = found.places if found else {}
        ranks = {hit.item: hit for hit in view.hits}
        rows = []
        for dot in view.dots:
            x, y = places.get(dot.key, (None, None))
            hit = ranks.get(dot.item)
            rows.append((dot.item, dot.turn, dot.status, x, y, hit and hit.rank, hit and hit.score, dot.text))
        return Table(("item", "turn", "status", "across", "upwards", "rank", "score", "text"), rows)

    def _key(self, view: EmbeddingView) -> tuple[str, int, int]:
        run = self.workspace.run
        return (str(run.path) if run else "", self.workspace.cursor.session, view.lane)

    def _ask(self, chosen: bool) -> None:
        """Have the places computed, or say that they would be."""
        view, run = self.view, self.workspace.run
        if not isinstance(view, EmbeddingView) or run is None:
            return
        key = self._key(view)
        self.note.hide()
        self.front.setCurrentWidget(self.wait)
        if key in self._known:
            self.what.setText(f"The run's embedder reads {count(view.texts, 'text')}…")
            self.compute.hide()
        elif chosen or (view.texts <= _UNASKED and not self.workspace.being_written):
            self._known[key] = None
            self.what.setText(f"The run's embedder reads {count(view.texts, 'text')}…")
            self.compute.hide()
            self.workspace.asked.emit(Place(run.path, key[1], view.lane))
        else:
            still = "; the run is still being written" if self.workspace.being_written else ""
            self.what.setText(f"{count(view.texts, 'text')} of this memory have no place yet{still}")
            self.compute.show()

    def _placed(self, report: Placed) -> None:
        asked_for = report.asked
        self._known[(str(asked_for.path), asked_for.session, asked_for.lane)] = report
        if self.view is not None:
            self._arrange()

    def _dealt_with(self) -> None:
        """A question was dealt with: where it was ours and nothing came of it, it can be asked again."""
        waiting = [key for key, found in self._known.items() if found is None]
        for key in waiting:
            del self._known[key]
        if waiting and self.view is not None and self.front.currentWidget() is self.wait:
            self.what.setText("Their vectors were not computed")
            self.compute.show()

    def _outdated(self, _: int) -> None:
        """The run has grown: texts have come that have no place."""
        self._known = {key: found for key, found in self._known.items() if found is None}


def _note(view: EmbeddingView, found: Placed) -> str:
    """What one looks at, in a sentence or two."""
    own = {
        True: "as this memory's own vectors",
        False: "this memory keeps no vectors: these are the run's embedder's",
        None: "whether this memory keeps vectors is not known",
    }[found.embeds]
    seen = sum(found.shares) * 100
    how = f"Main axes (PCA) of {found.embedder}, {own}. {seen:.0f} % of the variance is seen; near here can be far."
    return how if view.query else f"{how} No probe was asked so far."
