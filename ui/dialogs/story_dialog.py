"""The steps of a story: named, noted, put in order, played from, exported and imported."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QPlainTextEdit,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ui.stage import Stage
from ui.theme import theme
from ui.widgets.plain import Label, plain, warn
from workbench.errors import MnemoscopeError

_KINDS = "Stories (*.json)"


class StoryDialog(QDialog):
    """A list of steps beside the note of the chosen one. The window behind it can be used meanwhile."""

    def __init__(self, stage: Stage, folder: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._stage, self._book, self._folder = stage, stage.book, folder
        self._filling, self._noted = False, -1
        self.setWindowTitle("Story")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        unit = theme.active().unit
        self.resize(unit(150), unit(110))
        outer = QVBoxLayout(self)
        outer.setContentsMargins(unit(4), unit(4), unit(4), unit(4))
        outer.setSpacing(unit(2))
        hint = Label(
            "S adds where you stand as a step, F5 plays. F2 renames, Alt+Up and Alt+Down move, Delete deletes."
        )
        hint.setWordWrap(True)
        hint.setProperty("part", "quiet")
        outer.addWidget(hint)
        self.list = QListWidget()
        self.list.setAccessibleName("Steps")
        self.list.setProperty("part", "steps")
        self.list.setEditTriggers(
            QAbstractItemView.EditTrigger.EditKeyPressed | QAbstractItemView.EditTrigger.DoubleClicked
        )
        self.list.setDragDropMode(QAbstractItemView.DragDropMode.NoDragDrop)
        self.list.currentRowChanged.connect(self._chosen)
        self.list.itemChanged.connect(self._renamed)
        self.list.itemActivated.connect(lambda _: self._go())
        outer.addWidget(self.list, 3)
        name = Label("Note, shown as caption")
        name.setProperty("part", "faint")
        outer.addWidget(name)
        self.note = QPlainTextEdit()
        self.note.setAccessibleName("Note of the step")
        self.note.setTabChangesFocus(True)
        self.note.setMaximumHeight(unit(24))
        outer.addWidget(self.note, 1)
        outer.addLayout(self._buttons())
        for keys, run in (("Alt+Up", self._up), ("Alt+Down", self._down)):
            QShortcut(QKeySequence(keys), self, run)
        for widget in (self.list, self.note):
            widget.installEventFilter(self)
        self._book.changed.connect(self._fill)
        self._fill()
        self.list.setCurrentRow(len(self._book.steps) - 1 if self._book.at < 0 else self._book.at)

    def _buttons(self) -> QHBoxLayout:
        row, now = QHBoxLayout(), theme.active()
        row.setSpacing(now.unit(2))
        self.tools: dict[str, QToolButton | QPushButton] = {}
        for name, icon, says, run in (
            ("up", "mdi6.arrow-up", "Move up  (Alt+Up)", self._up),
            ("down", "mdi6.arrow-down", "Move down  (Alt+Down)", self._down),
            ("delete", "mdi6.delete-outline", "Delete  (Delete)", self._delete),
        ):
            tool = QToolButton()
            tool.setIcon(now.icon(icon))
            tool.setToolTip(plain(says))
            tool.setAccessibleName(says.split("  ")[0])
            tool.clicked.connect(lambda _=False, r=run: r())
            self.tools[name] = tool
            row.addWidget(tool)
        row.addStretch(1)
        for name, title, act in (
            ("import", "Import…", self._import),
            ("export", "Export…", self._export),
            ("go", "Go there", self._go),
            ("play", "Play from here", self._play),
        ):
            button = QPushButton(title)
            button.setAutoDefault(False)
            button.clicked.connect(lambda _=False, r=act: r())
            self.tools[name] = button
            row.addWidget(button)
        self.tools["play"].setProperty("part", "primary")
        return row

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: D102
        if watched is self.note and event.type() == QEvent.Type.FocusOut:
            self._keep_note()
        if watched is self.list and event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            editing = self.list.state() == QAbstractItemView.State.EditingState
            if event.key() == Qt.Key.Key_Delete and not editing:
                self._delete()
                return True
        return super().eventFilter(watched, event)

    def done(self, result: int) -> None:  # noqa: D102
        self._keep_note()
        super().done(result)

    @property
    def row(self) -> int:
        """Place of the chosen step; -1 for none."""
        return self.list.currentRow()

    def _fill(self) -> None:
        row = self.row
        self._filling = True
        self.list.clear()
        for step in self._book.steps:
            entry = QListWidgetItem(step.name)
            entry.setFlags(entry.flags() | Qt.ItemFlag.ItemIsEditable)
            entry.setToolTip(plain(step.note or step.name))
            self.list.addItem(entry)
        self._filling = False
        self.list.setCurrentRow(min(max(row, 0), self.list.count() - 1))
        self._chosen(self.row)

    def _chosen(self, row: int) -> None:
        if self._filling:
            return
        steps = self._book.steps
        here = 0 <= row < len(steps)
        note = steps[row].note if here else ""
        if note != self.note.toPlainText():
            self.note.setPlainText(note)
        self.note.setEnabled(here)
        for name, on in (
            ("up", row > 0), ("down", 0 <= row < len(steps) - 1), ("delete", here), ("go", here), ("play", here),
            ("export", bool(steps)),
        ):  # fmt: skip
            self.tools[name].setEnabled(on)
        self._noted = row

    def _renamed(self, entry: QListWidgetItem) -> None:
        row = self.list.row(entry)
        if not self._filling and entry.text().strip():
            self._book.change(row, name=entry.text().strip())
        elif not self._filling:
            self._fill()

    def _keep_note(self) -> None:
        row, text = self._noted, self.note.toPlainText().strip()
        if 0 <= row < len(self._book.steps) and text != self._book.steps[row].note:
            self._book.change(row, note=text)

    def _up(self) -> None:
        self._move(-1)

    def _down(self) -> None:
        self._move(1)

    def _move(self, steps: int) -> None:
        row = self.row
        if 0 <= row + steps < len(self._book.steps) and row >= 0:
            self._keep_note()
            self._book.move(row, row + steps)
            self.list.setCurrentRow(row + steps)

    def _delete(self) -> None:
        if self.row >= 0:
            self._book.delete(self.row)

    def _go(self) -> None:
        self._keep_note()
        self._stage.go(self.row)

    def _play(self) -> None:
        self._keep_note()
        row = self.row
        self.close()
        self._stage.play(row)

    def _export(self) -> None:
        self._keep_note()
        name, _ = QFileDialog.getSaveFileName(self, "Export the story", str(self._folder / "story.json"), _KINDS)
        if name:
            try:
                self._stage.export(Path(name).with_suffix(".json"))
            except MnemoscopeError as error:
                warn(self, "Export the story", str(error))

    def _import(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Import a story", str(self._folder), _KINDS)
        if name:
            try:
                self._stage.read(Path(name))
            except MnemoscopeError as error:
                warn(self, "Import a story", str(error))
