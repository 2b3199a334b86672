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
from workbench.projections.knocked import KnockGrid, knock_grid, strongest
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

    def show_span(self, moment: Moment, probe: str, place: int) -> None:
        """Show what masking this span of the memory does; it is computed where it is not there. Below 0: no span."""
        self._shown = (moment, probe, place)
        self.workspace.pool.submit(id(self), _effects, moment, (probe, place), self._take, True)

    def choose(self, layer: int, head: int) -> None:
        """Mark a layer and a head; below 0 for all."""
        if (layer, head) != self.chosen:
            self.chosen = layer, head
            self._fill()

    def _take(self, answer: Answer) -> None:
        run = self.workspace.run
        if run is None or self._shown is None or answer.request.options != self._shown[1:]:
            return
        (moment, probe, place), found = self._shown, answer.view
        self.view = found if isinstance(found, KnockGrid) else None
        if self.view is None:
            self.say("No model answered with this span in its context")
        elif not self.view.done:
            name = self.view.spans[0].label
            asked = KnockHeads(run.path, moment.session, moment.lane, probe, place)
            self.want(asked, f"Masking {name} in one layer and head after another…")
        else:
            most = "; ".join(
                f"layer {layer} head {head} {change:+.2f}" for layer, head, change in strongest(self.view, 2)
            )
            told = f"without {self.view.spans[0].label}: log-probability of the answer, most in {most or 'none'} (nats)"
            self.told.emit(f"{told}; orange is less likely")
        self._fill()

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
        self.grid.scale = max(float(np.abs(np.nan_to_num(shares)).max(initial=0)), 1e-9)
        self.grid.show_shares(shares / self.grid.scale, tuple(range(len(shares))), *self.chosen, signed=True)

    def _words(self, value: float) -> str:
        if value != value:
            return "not computed"
        return f"log-probability of the answer {value:+.3f} nats without the span"


def _effects(reader: TraceReader, moment: Moment, what: tuple[str, int]) -> KnockGrid | None:
    return knock_grid(reader, moment.session, moment.lane, what[0], (what[1],), moment.seq)
