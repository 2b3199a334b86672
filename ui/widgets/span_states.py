"""The hidden states of a span of an answer's context, held against those at its writing: asked for when wanted."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from ui.bridge.project_pool import Answer
from ui.state.moment import Moment
from ui.state.workspace import Workspace
from ui.widgets.states_grid import StatesGrid
from ui.widgets.wanted import Wanted
from workbench.engine.protocol import Reweave
from workbench.projections.states import Compared, StatesView, states_view
from workbench.trace.reader import TraceReader

TIP = (
    "What every layer hands on for the span's tokens where the memory was written, against where it stands in this "
    "context: the cosine of the two by layer and token. Contextual Memory Reweaving (arXiv 2502.02046) captures such "
    "states and feeds them back; here they are compared, nothing is fed back"
)


class SpanStates(Wanted):
    """The grid, and who asks for what it shows.

    Signals:
        pointed: a token of the prompt (-1 for none), and what is said of it.
    """

    pointed = Signal(int, str)

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(workspace, parent)
        self.view: StatesView | None = None
        self._shown: tuple[Moment, str, tuple[int, int]] | None = None
        self.grid = StatesGrid()
        self.grid.pointed.connect(self._point)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.grid)

    def show_span(self, moment: Moment, probe: str, tokens: tuple[int, int]) -> None:
        """Show the span at these tokens of the context of an answer; it is computed where it is not there."""
        self._shown = (moment, probe, tokens)
        self.workspace.pool.submit(id(self), _states, moment, (probe, tokens), self._take, True)

    def _take(self, answer: Answer) -> None:
        run = self.workspace.run
        if run is None or self._shown is None or answer.request.options != self._shown[1:]:
            return
        (moment, probe, tokens), found = self._shown, answer.view
        self.view = found if isinstance(found, StatesView) else None
        if isinstance(found, StatesView):
            self.grid.show_view(found)
            shared = f"{found.shared} of {len(found.texts)} tokens stand in both"
            policy = f"; both read with the full cache, not under {found.policy}" if found.policy else ""
            self.told.emit(f"{found.span.label}, written {found.writing.told}; {shared}{policy}")
        elif isinstance(found, Compared):
            asked = Reweave(run.path, moment.session, moment.lane, probe, tokens)
            self.want(asked, f"Reading {found.span.label} {found.writing.told}, and in the context…")
        else:
            self.say("This span is no memory whose writing is known, or no tokens of the answer were recorded")

    def say(self, text: str) -> None:
        """In the grid."""
        self.grid.say(text)
        self.told.emit("")

    def again(self) -> None:
        """The same span."""
        if self._shown is not None:
            self.show_span(*self._shown)

    def _point(self, layer: int, column: int) -> None:
        if self.view is not None:
            inside = 0 <= column < len(self.view.texts)
            self.pointed.emit(self.view.span.tokens[0] + column if inside else -1, self.grid.told(layer, column))


def _states(reader: TraceReader, moment: Moment, what: tuple[str, tuple[int, int]]) -> StatesView | Compared | None:
    return states_view(reader, moment.session, moment.lane, *what, moment.seq)
