"""A panel in a window of its own, for a second screen: it follows the same cursor and selection as the main window."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QCloseEvent, QIcon, QScreen
from PySide6.QtWidgets import QVBoxLayout, QWidget

from ui import panels
from ui.panels.base import Panel
from ui.state.workspace import Workspace
from ui.theme import theme
from workbench import paths

TITLES = {"transcript": "Transcript", "lanes": "Lanes", "scoreboard": "Scoreboard", **panels.INSPECTORS}
"""Panels that can float."""


class FloatingPanel(QWidget):
    """One panel; the main window's keys work in here too.

    Signals:
        closed: it was closed by whoever looks at it.
    """

    closed = Signal(object)

    def __init__(self, name: str, workspace: Workspace, actions: list[QAction], parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.name = name
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setObjectName(f"floating-{name}")
        self.setWindowIcon(QIcon(str(paths.resources() / "icons" / "app.svg")))
        self.setWindowTitle(f"{TITLES[name]} · Mnemoscope")
        self.addActions(actions)
        self.panel: Panel = panels.make(name, workspace)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.panel)
        unit = theme.active().unit
        self.resize(unit(200), unit(150))

    def go_to(self, screen: QScreen) -> None:
        """Fill most of a screen."""
        room = screen.availableGeometry()
        self.setGeometry(
            room.adjusted(room.width() // 12, room.height() // 12, -room.width() // 12, -room.height() // 12)
        )

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: D102
        self.closed.emit(self)
        super().closeEvent(event)
