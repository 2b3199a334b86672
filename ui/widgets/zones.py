"""Painted widgets keep the places where something can be pointed at: a rectangle, its tooltip and what a click does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPoint, QRect, Qt
from PySide6.QtGui import QHelpEvent, QMouseEvent
from PySide6.QtWidgets import QToolTip, QWidget

from ui.widgets.plain import plain


@dataclass(frozen=True, slots=True)
class Zone:
    """A place that says something, and does something when it is clicked.

    What it says may be a function: a panel has hundreds of places on every turn, and one of them at most is pointed at.
    """

    rect: QRect
    says: str | Callable[[], str] = ""
    click: Callable[[], None] | None = None

    @property
    def tip(self) -> str:
        """The tooltip."""
        return self.says if isinstance(self.says, str) else self.says()


class ZonedWidget(QWidget):
    """A painted widget with zones; ``paintEvent`` fills ``zones`` anew. Later zones lie on top of earlier ones."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.zones: list[Zone] = []
        self.hovered: QPoint | None = None
        self.setMouseTracking(True)

    def zone_at(self, point: QPoint) -> Zone | None:
        """The topmost zone under a point."""
        return next((z for z in reversed(self.zones) if z.rect.contains(point)), None)

    def event(self, event: QEvent) -> bool:  # noqa: D102
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            zone = next((z for z in reversed(self.zones) if z.rect.contains(event.pos()) and z.tip), None)
            if zone is not None:
                QToolTip.showText(event.globalPos(), plain(zone.tip), self, zone.rect)
            else:
                QToolTip.hideText()
            return True
        return super().event(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        zone = self.zone_at(event.position().toPoint())
        shape = Qt.CursorShape.PointingHandCursor if zone and zone.click else Qt.CursorShape.ArrowCursor
        if self.cursor().shape() != shape:
            self.setCursor(shape)
        super().mouseMoveEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        if event.button() == Qt.MouseButton.LeftButton:
            zone = self.zone_at(event.position().toPoint())
            if zone is not None and zone.click is not None:
                zone.click()
                event.accept()
                return
        super().mousePressEvent(event)


def tip(*lines: str) -> str:
    """A tooltip of several lines, without the empty ones."""
    return "\n".join(line for line in lines if line)
