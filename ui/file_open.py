"""The application object, which hears of files that the desktop hands over by an event (macOS), not by an argument."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QEvent
from PySide6.QtGui import QFileOpenEvent
from PySide6.QtWidgets import QApplication


class Application(QApplication):
    """``on_file`` is called with each file. (A filter would see every event of every widget, in Python.)"""

    def __init__(self, arguments: Sequence[str]) -> None:
        super().__init__(list(arguments))
        self.on_file: Callable[[Path], None] | None = None

    def event(self, event: QEvent) -> bool:
        """Take the file out of an event that brings one; everything else is Qt's."""
        if isinstance(event, QFileOpenEvent) and event.file() and self.on_file is not None:
            self.on_file(Path(event.file()))
            return True
        return super().event(event)
