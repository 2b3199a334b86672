"""The caption under a step of a story that is being told: its name and note in large type, and where one is."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from ui.theme import theme
from ui.widgets.plain import Label, plain
from workbench.trace.story import Step

_MOST_LINES = 3
_BUTTONS = (
    ("previous", "mdi6.chevron-left", "Previous step  (Left, PgUp)"),
    ("next", "mdi6.chevron-right", "Next step  (Right, Space, PgDown)"),
    ("end", "mdi6.close", "End the story  (Esc)"),
)


class Caption(QFrame):
    """Hidden until ``say``.

    Signals:
        wanted: ``previous``, ``next`` or ``end``.
    """

    wanted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("part", "panel")
        self._row = QHBoxLayout(self)
        texts = QVBoxLayout()
        texts.setSpacing(2)
        self.name, self.note, self.place = Label(), Label(), Label()
        self.note.setWordWrap(True)
        self.note.setProperty("part", "quiet")
        self.place.setProperty("part", "faint")
        texts.addWidget(self.name)
        texts.addWidget(self.note)
        self._row.addLayout(texts, 1)
        self._row.addWidget(self.place, 0, Qt.AlignmentFlag.AlignVCenter)
        self.buttons: dict[str, QToolButton] = {}
        for what, _, says in _BUTTONS:
            button = QToolButton()
            button.setProperty("part", "quiet")
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            button.setToolTip(plain(says))
            button.setAccessibleName(says.split("  ")[0])
            button.clicked.connect(lambda _=False, w=what: self.wanted.emit(w))
            self.buttons[what] = button
            self._row.addWidget(button)
        theme.hub().changed.connect(self.retheme)
        self.retheme()
        self.hide()

    def say(self, step: Step, place: int, count: int) -> None:
        """Show a step's words."""
        self.name.setText(step.name)
        self.note.setText(step.note)
        self.note.setVisible(bool(step.note))
        self.note.setToolTip(plain(step.note))
        self.place.setText(f"{place + 1} of {count}")
        self.buttons["previous"].setEnabled(place > 0)
        self.buttons["next"].setEnabled(place < count - 1)
        self.setAccessibleName(f"Step {place + 1} of {count}: {step.name}. {step.note}")
        self.show()

    def retheme(self) -> None:
        """Fonts, icons and paddings anew."""
        now = theme.active()
        self._row.setContentsMargins(now.unit(4), now.unit(2), now.unit(2), now.unit(2))
        self._row.setSpacing(now.unit(2))
        self.name.setFont(now.font("large", bold=True))
        self.note.setFont(now.font("title"))
        self.note.setMaximumHeight(_MOST_LINES * now.line("title"))
        for what, icon, _ in _BUTTONS:
            self.buttons[what].setIcon(now.icon(icon))
            self.buttons[what].setIconSize(QSize(now.size + 7, now.size + 7))
