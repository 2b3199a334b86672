"""The engine: what is in memory and on which device, what each lane's cache takes, threads, speed and queue."""

from __future__ import annotations

from typing import Any, ClassVar

from PySide6.QtWidgets import QWidget

from ui.models.table import Table
from ui.panels.base import Empty, Panel
from ui.state.moment import Moment
from ui.theme import theme
from ui.widgets.engine_sketch import EngineSketch
from ui.widgets.structure.canvas import CanvasScroll, StructureCanvas
from workbench.projections.engine import EngineView, engine
from workbench.trace.reader import TraceReader


class EnginePanel(Panel):
    """One picture of the engine at the cursor."""

    name: ClassVar[str] = "engine"
    follows: ClassVar[frozenset[str]] = frozenset({"session", "turn", "seq"})

    @staticmethod
    def project(reader: TraceReader, moment: Moment, options: Any) -> EngineView | Empty:
        """See ``projections.engine``."""
        found = engine(reader, moment.session, moment.turn, moment.seq)
        if found is None:
            return Empty("This run holds no measurement of its engine", "Runs made from now on do")
        return found

    def build(self) -> QWidget:
        """A canvas that scrolls."""
        self.canvas = StructureCanvas()
        self.canvas.setAccessibleName("The engine")
        return CanvasScroll(self.canvas)

    def show_view(self, view: EngineView) -> None:
        """Paint it."""
        said = f"{view.model} on {view.device}"
        self.canvas.show_sketch(EngineSketch(view, theme.active().color("accent-fill"), view.turn), said)

    def title(self, view: EngineView | None) -> str:
        """``Engine · CPU · 2 threads at turn 24``."""
        return "Engine" if view is None else f"Engine · {view.device} at turn {view.turn}"

    def table(self, view: EngineView) -> Table:
        """Memory, then caches, then every measurement."""
        rows: list[tuple[Any, ...]] = [("memory", p.device, p.what, p.bytes, "B") for p in view.pieces]
        rows += [("cache", lane.name, lane.prompt, lane.bytes, "B") for lane in view.lanes]
        for sample in view.samples:
            at = f"{sample.after:.1f} s"
            rows.append(("speed", at, "decoded", None if sample.speed is None else round(sample.speed, 1), "tok/s"))
            rows.append(("queue", at, "requests", sample.queue, ""))
            rows.append(("resident", at, "of the model file", sample.resident, "B"))
        return Table(("what", "where", "of", "value", "unit"), rows)
