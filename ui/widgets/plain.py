"""Foreign text in labels and tooltips: always plain text, never longer than one can read.

Qt takes a text that looks like HTML for HTML, and then opens the files that it names. What comes from sessions, runs,
models and errors therefore goes through here; ``tests/ui/test_plain.py`` finds what does not.
"""

from __future__ import annotations

from html import escape

from PySide6.QtGui import Qt
from PySide6.QtWidgets import QLabel, QMessageBox, QWidget

_LINES, _LENGTH = 40, 600
_WIDE = 80  # characters from which a line is wrapped


class Label(QLabel):
    """A label that shows its text as it is."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(text)

    def setToolTip(self, text: str) -> None:  # noqa: D102
        super().setToolTip(plain(text))


def warn(parent: QWidget, title: str, text: str) -> None:
    """Say in a dialog what went wrong."""
    box = QMessageBox(QMessageBox.Icon.Warning, title, text, QMessageBox.StandardButton.Ok, parent)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.exec()


def plain(text: str) -> str:
    """A tooltip that shows this text as it is: at most 40 lines of 600 characters each."""
    lines = text.split("\n")
    short = [line if len(line) <= _LENGTH else line[: _LENGTH - 1] + "…" for line in lines[:_LINES]]
    short += ["…"] if len(lines) > _LINES else []
    said = "\n".join(short)
    if max(map(len, short)) <= _WIDE and not Qt.mightBeRichText(said):
        return said
    return f"<div style='max-width:420px'>{escape(said).replace(chr(10), '<br>')}</div>"  # Qt wraps only rich text


def sure(parent: QWidget | None, title: str, text: str, more: str, yes: str) -> bool:
    """Ask before something goes; whether ``yes`` was chosen and not Cancel. Both texts are shown as they are."""
    box = QMessageBox(QMessageBox.Icon.Question, title, text, QMessageBox.StandardButton.Cancel, parent)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setInformativeText(more)
    chosen = box.addButton(yes, QMessageBox.ButtonRole.AcceptRole)
    box.exec()
    return box.clickedButton() is chosen
