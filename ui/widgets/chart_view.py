"""Shows the pictures of a run (``workbench.reports.charts``) in the window's colours; every mark says what it is."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import QPaintEvent, QResizeEvent
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QWidget

from ui.theme import theme
from ui.widgets.painting import painting
from ui.widgets.zones import Zone, ZonedWidget
from workbench.projections.charts import Charts
from workbench.reports.charts import Picture, caption, draw

NOTHING = {
    "needles": "No two lengths or depths: the picture needs probes whose evidence is known, at several places",
    "retention": "No two ages: the picture needs probes whose evidence is known, asked sooner and later",
    "memory": "No lane holds anything in the end",
    "tokens": "No lane has sent a token to a model",
}


class ChartView(ZonedWidget):
    """One picture, drawn to the size of the widget."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.picture: Picture | None = None
        self._found: Charts | None = None
        self._kind = "needles"
        self._renderer = QSvgRenderer(self)
        self.setAccessibleName("Chart")

    def show_chart(self, found: Charts, kind: str) -> None:
        """Show a picture by its kind."""
        self._found, self._kind = found, kind
        self.draw_again()

    def draw_again(self) -> None:
        """Draw for the size and colours of now."""
        if self._found is None:
            return
        now = theme.active()
        size = float(now.pixels("small"))
        self.picture = draw(self._kind, self._found, _ink, self.width(), self.height(), size)
        self.zones = []
        if self.picture is not None:
            said = caption(self._kind, self._found)
            self._renderer.load(QByteArray(self.picture.svg(said).encode()))
            self.zones = [Zone(QRectF(m.x, m.y, m.width, m.height).toAlignedRect(), m.says) for m in self.picture.marks]
            self.setMinimumHeight(round(self.picture.height) if self._kind == "needles" else 160)
        spoken = "; ".join(z.tip.replace("\n", ", ") for z in self.zones[:60])
        self.setAccessibleDescription(spoken or NOTHING[self._kind])
        self.update()

    def sizeHint(self) -> QSize:  # noqa: D102
        return QSize(480, 260)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102
        super().resizeEvent(event)
        self.draw_again()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102
        if self._found is None:
            return
        with painting(self) as painter:
            if self.picture is not None:
                self._renderer.render(painter, QRectF(0, 0, self.picture.width, self.picture.height))
                return
            now = theme.active()
            painter.setFont(now.font())
            painter.setPen(now.color("text-3"))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect().adjusted(16, 16, -16, -16), int(flags), NOTHING[self._kind])


def _ink(role: str) -> str:
    now = theme.active()
    return (now.lane(int(role.removeprefix("lane"))) if role.startswith("lane") else now.color(role)).name()
