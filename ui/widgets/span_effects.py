"""What masking a span in one layer and head does to the answer, for every layer and head: asked for when wanted."""

from __future__ import annotations

import numpy as np
from PySide6.QtWidgets import QVBoxLayout, QWidget

from ui.bridge.project_pool import Answer
from ui.state.moment import Moment
from ui.state.workspace import Workspace
from ui.widgets.heatmap import HeadGrid
from ui.widgets.wanted import Wanted
from workbench.engine.protocol import KnockHeads
from workbench.projections.knocked import KnockGrid, knock_grid, place, strongest
from workbench.trace.reader import TraceReader

TIP = (
    "The span hidden from the model in one layer and head at a time: by how much the log-probability of the answer "
    "moves. Each takes reading the rest of the context again"
)


class SpanEffects(Wanted):
    """The grid, and who asks for what it shows."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(workspace, parent)
        self.view: KnockGrid | None = None
        self._shown: tuple[Moment, str, int] | None = None
        self.chosen = (-1, -1)
        self.grid = HeadGrid()
        self.grid.setAccessibleName("Effect of masking by layer and head")
        self.grid.words = self._words
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.grid)

    def show_span(self, moment: Moment, probe: str, span: int) -> None:
        """Show what masking this span of the memory does; it is computed where it is not there. Below 0: no span."""
        self._shown = (moment, probe, span)
        self.workspace.pool.submit(id(self), _effects, moment, (probe, span), self._take, True)

    def choose(self, layer: int, head: int) -> None:
        """Mark a layer and a head; below 0 for all."""
        if (layer, head) != self.chosen:
            self.chosen = layer, head
            self._fill()

    def _take(self, answer: Answer) -> None:
        run = self.workspace.run
        if run is None or self._shown is None or answer.request.options != self._shown[1:]:
            return
        (moment, probe, span), found = self._shown, answer.view
        self.view = found if isinstance(found, KnockGrid) else None
        if self.view is None:
            self.say("No model answered with this span in its context")
        elif not self.view.done:
            name = self.view.spans[0].label
            asked = KnockHeads(run.path, moment.session, moment.lane, probe, span)
            self.want(asked, f"Masking {name} in one layer and head after another…")
        else:
            self.told.emit(self._summary(self.view))
        self._fill()

    def _summary(self, view: KnockGrid) -> str:
        found = "; ".join(f"{change:+.2g} {place(layer, head, view)}" for layer, head, change in strongest(view, 2))
        moved = f"{found} (nats of the answer; orange is less likely)" if found else "nothing changes in any head"
        return f"without {view.spans[0].label}: {moved}"

    def say(self, text: str) -> None:
        """In the line above."""
        self.told.emit(text)

    def again(self) -> None:
        """The same span."""
        if self._shown is not None:
            self.show_span(*self._shown)

    def _fill(self) -> None:
        effects = None if self.view is None else self.view.effects
        shares = np.zeros((0, 0), np.float32) if effects is None else effects
        heads = max(shares.shape[1] - 1, 0)
        self.grid.names = (*(f"H{n}" for n in range(heads)), "all")
        self.grid.scale = max(float(np.abs(np.nan_to_num(shares)).max(initial=0)), 1e-9)
        layer, head = self.chosen
        self.grid.show_shares(shares / self.grid.scale, tuple(range(len(shares))), layer, head, signed=True)

    def _words(self, value: float) -> str:
        if value != value:
            return "not computed"
        return f"log-probability of the answer {value:+.2g} nats without the span"


def _effects(reader: TraceReader, moment: Moment, what: tuple[str, int]) -> KnockGrid | None:
    return knock_grid(reader, moment.session, moment.lane, what[0], (what[1],), moment.seq)
