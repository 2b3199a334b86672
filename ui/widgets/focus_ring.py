"""Which panel has the keys: a ring around it while one goes about with the keyboard, none after a click."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QWidget
from shiboken6 import isValid

_WALK = (Qt.Key.Key_Tab, Qt.Key.Key_Backtab, Qt.Key.Key_F6)


class FocusRing(QObject):
    """Sets the property ``ring`` of the panel that holds the focus; the stylesheet draws it."""

    def __init__(self, app: QApplication, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._keys = False
        self._ringed: QWidget | None = None
        app.installEventFilter(self)
        app.focusChanged.connect(self._moved)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: D102
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and event.key() in _WALK:
            self._keys = True
        elif event.type() == QEvent.Type.MouseButtonPress and self._keys:
            self._keys = False
            self._ring(None)
        return False

    def _moved(self, _: QWidget | None, now: QWidget | None) -> None:
        panel = now
        while panel is not None and panel.property("part") != "panel":
            panel = panel.parentWidget()
        self._ring(panel if self._keys else None)

    def _ring(self, panel: QWidget | None) -> None:
        for widget, on in ((self._ringed, False), (panel, True)):
            if widget is not None and isValid(widget) and bool(widget.property("ring")) != on:
                widget.setProperty("ring", on)
                widget.style().unpolish(widget)
                widget.style().polish(widget)
        self._ringed = panel
