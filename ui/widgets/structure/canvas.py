"""The widget that a sketch is painted on: as wide as there is room, as high as the sketch needs."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QWidget

from ui.widgets.ink import Ink
from ui.widgets.painting import painting
from ui.widgets.structure.base import Sketch
from ui.widgets.zones import ZonedWidget


class StructureCanvas(ZonedWidget):
    """Paints a sketch; what is out of sight is not painted.

    Signals:
        item_wanted: an item was clicked.
    """

    item_wanted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.sketch: Sketch | None = None
        self.setAccessibleName("Structure of the memory")

    def show_sketch(self, sketch: Sketch, said: str) -> None:
        """Show a sketch; ``said`` describes it in words."""
        if self.sketch is not None:
            sketch.chosen = self.sketch.chosen
        sketch.choose = self.item_wanted.emit
        self.sketch = sketch
        self.setAccessibleDescription(said)
        self._fit()
        self.update()

    def select(self, item: str) -> None:
        """Highlight an item."""
        if self.sketch is not None and self.sketch.chosen != item:
            self.sketch.chosen = item
            self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        if self.sketch is not None:
            self.setMinimumHeight(self.sketch.height(self.width()))

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102
        if self.sketch is None:
            return
        with painting(self) as painter:
            self.sketch.zones = []
            self.sketch.paint(Ink(painter), self.width(), QRectF(event.rect()))
            if event.rect().height() >= self.visibleRegion().boundingRect().height():
                self.zones = self.sketch.zones
            else:
                self.zones += self.sketch.zones  # a strip that scrolled into view


class CanvasScroll(QScrollArea):
    """Scrolls a canvas up and down."""

    def __init__(self, canvas: StructureCanvas, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(canvas)
        self.setProperty("part", "bare")
        self.viewport().setAutoFillBackground(False)
        canvas.setAutoFillBackground(False)
