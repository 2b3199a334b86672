"""A card over the panels that says what went wrong and offers what can be done about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPlainTextEdit, QPushButton, QVBoxLayout

from ui.theme import theme
from ui.widgets.plain import Label


class Notice(QFrame):
    """Hidden until ``say``; one message at a time.

    Signals:
        warned: what is said went wrong.
    """

    warned = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("part", "warning")
        now = theme.active()
        outer = QVBoxLayout(self)
        outer.setContentsMargins(now.unit(3), now.unit(2), now.unit(3), now.unit(2))
        row = QHBoxLayout()
        self.what = Label()
        self.what.setWordWrap(True)
        self.what.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        row.addWidget(self.what, 1)
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(now.unit(2))
        row.addLayout(self._buttons)
        outer.addLayout(row)
        self.details = QPlainTextEdit()
        self.details.setReadOnly(True)
        self.details.setFont(now.font("small", mono=True))
        self.details.setMaximumHeight(now.unit(40))
        self.details.setAccessibleName("Details")
        outer.addWidget(self.details)
        self.hide()

    def say(
        self,
        what: str,
        actions: Sequence[tuple[str, Callable[[], object]]] = (),
        details: str = "",
        calm: bool = False,
    ) -> None:
        """Show a message with buttons; each button also closes the card. ``calm`` is for what went well."""
        self.setProperty("part", "card" if calm else "warning")
        self.style().unpolish(self)
        self.style().polish(self)
        while self._buttons.count():
            item = self._buttons.takeAt(0)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self.what.setText(what)
        self.details.setPlainText(details)
        self.details.setVisible(bool(details))
        for title, action in (*actions, ("Close", lambda: None)):
            button = QPushButton(title)
            button.clicked.connect(self.hide)
            button.clicked.connect(lambda _=False, a=action: a())
            self._buttons.addWidget(button)
        self.show()
        if not calm:
            self.warned.emit()
