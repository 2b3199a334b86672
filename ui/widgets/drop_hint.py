"""Says over the window that a file which is dragged over it would be opened."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from ui.theme import theme
from ui.widgets.plain import Label


class DropHint(Label):
    """Hidden until ``say``; a frame in the accent around the whole window, with the file's name in its middle."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__("", parent)
        self._over = parent
        self.setProperty("part", "drop")
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setWordWrap(True)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def say(self, name: str) -> None:
        """Show it for a file."""
        shown = name if len(name) <= 80 else name[:79] + "…"
        self.setFont(theme.active().font("title", bold=True))
        self.setText(f"Drop to open {shown}")
        self.setGeometry(self._over.rect())
        self.raise_()
        self.show()
