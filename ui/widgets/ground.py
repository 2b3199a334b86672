"""What a layout's parts stand on: as large as the room there is, and scrolled where that is too low for them."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtWidgets import QApplication, QFrame, QScrollArea, QVBoxLayout, QWidget

_LEAST = 120  # px that are seen of it however low the window is


class Ground(QScrollArea):
    """Scrolls down, never sideways: the window is as wide as its parts need."""

    def __init__(self) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidgetResizable(True)
        self._inner = QWidget()
        self._column = QVBoxLayout(self._inner)
        self._column.setContentsMargins(0, 0, 0, 0)
        self.setWidget(self._inner)
        self._inner.installEventFilter(self)
        self._wide = 0
        app = QApplication.instance()
        if isinstance(app, QApplication):
            app.focusChanged.connect(self._focus)

    def put(self, parts: QWidget) -> None:
        """Let these be what stands on it."""
        self._column.addWidget(parts, 1)

    def need(self, height: int) -> None:
        """Be scrolled where less than so many px can be seen."""
        self._inner.setMinimumHeight(height)

    def settle(self) -> None:
        """Give what stands on it its room now, not at the next turn of the event loop."""
        self._column.activate()
        QApplication.sendPostedEvents(self._inner, QEvent.Type.LayoutRequest)
        self._column.activate()

    def bring(self, widget: QWidget) -> None:
        """Scroll until a widget on it is in sight."""
        if self.isAncestorOf(widget) and self.verticalScrollBar().maximum():
            self.ensureWidgetVisible(widget, 0, 0)

    def minimumSizeHint(self) -> QSize:  # noqa: D102
        return QSize(self._inner.minimumSizeHint().width(), _LEAST)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: D102
        if watched is self._inner and event.type() == QEvent.Type.LayoutRequest:
            wide = self._inner.minimumSizeHint().width()
            if wide != self._wide:
                self._wide = wide
                self.updateGeometry()
        return super().eventFilter(watched, event)

    def _focus(self, _: QWidget | None, now: QWidget | None) -> None:
        """Who goes through the window by keys sees where they are."""
        if now is not None and self.isAncestorOf(now) and now.visibleRegion().isEmpty():
            self.bring(now)
