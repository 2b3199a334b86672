"""What if: a lane run again from a turn with something changed."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QPlainTextEdit, QWidget

from ui.dialogs.frame import framed
from ui.theme import theme
from ui.widgets.plain import Label
from workbench.branch import FORMS, Edit
from workbench.errors import UsageError


class WhatIfDialog(QDialog):
    """One edit in each line; they are read as they are written, and a line that is none says what is wrong.

    Attributes:
        edits: the lines, once the dialog was accepted.
    """

    def __init__(self, lane: str, turn: int, start: Sequence[str] = (), parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.edits: tuple[str, ...] = ()
        self.setWindowTitle("What if")
        now = theme.active()
        outer = framed(self)
        head = Label(f"{lane}, from turn {turn} on")
        head.setFont(now.font("large", bold=True))
        told = Label("The lane runs again from there beside itself; what it did before stays as it is.")
        told.setProperty("part", "quiet")
        told.setWordWrap(True)
        self.text = QPlainTextEdit("\n".join(start))
        self.text.setAccessibleName("What is to be changed, one in each line")
        self.text.setPlaceholderText("\n".join(FORMS.values()))
        self.text.setFont(now.font("body", mono=True))
        self.text.textChanged.connect(self._read)
        self.problem = Label()
        self.problem.setWordWrap(True)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setText("Run it again")
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        for label in (head, self.problem):
            label.setTextFormat(Qt.TextFormat.PlainText)
        for widget in (head, told, self.text, self.problem, self.buttons):
            outer.addWidget(widget)
        self.resize(now.unit(140), now.unit(90))
        self._read()

    def _read(self) -> None:
        lines = [line for line in self.text.toPlainText().splitlines() if line.strip()]
        try:
            for line in lines:
                Edit.parse(line)
        except UsageError as error:
            self.problem.setText(str(error))
            lines = []
        else:
            self.problem.setText("" if lines else "Without a change the branch becomes what the lane is already.")
        self.edits = tuple(lines)
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(bool(lines))
