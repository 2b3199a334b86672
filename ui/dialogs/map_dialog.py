"""A table of questions as sessions: which column is what. What is chosen is what ``--map`` takes, and its file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from ui.dialogs.frame import framed
from ui.models.table import Table, TableModel
from ui.theme import theme
from ui.widgets.plain import Label, plain
from ui.widgets.row_table import row_table
from ui.widgets.units import count
from workbench.errors import MnemoscopeError
from workbench.files import write_text
from workbench.sessions.formats import mapped
from workbench.sessions.model import Session

_FIELDS = (
    ("question", "Question", "What is asked"),
    ("context", "Context", "What the memory reads: a text, texts, or messages"),
    ("answers", "Answers", "One accepted answer, or a list"),
    ("answer_index", "Answer's place", "The place of the answer among the options, from 0; instead of answers"),
    ("options", "Options", "A list to choose from, or several columns: A+B+C+D"),
    ("evidence", "Evidence", "Turns by number, or words that stand in one"),
    ("session", "Session", "Rows with the same value are one session; without it, rows with the same context"),
    ("id", "Id", "The question's name"),
    ("date", "Date", "When the context was said"),
    ("rows", "Rows inside", "A list inside every row that holds the questions"),
    ("competency", "Tests", "Competency of each question; =accurate_retrieval for all alike"),
    ("scorer", "Scorer", "How each answer is scored; =match for all alike"),
)
_TRIED = 200  # rows that are read to show what comes out
_PAUSE = 250  # ms after the last change until the rows are read again
_MOST = 50  # probes that are shown


class MapDialog(QDialog):
    """The fields on the left; on the right the first rows as they are, and what is read of them.

    Reads the file first: raises ``SessionFormatError`` when it holds no table.
    """

    def __init__(self, path: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.path = path
        self._rows = mapped.table(path)
        self._columns = mapped.named(self._rows)
        self.setWindowTitle("Columns of a table")
        now = theme.active()
        outer = framed(self)
        outer.addLayout(self._head())
        body = QHBoxLayout()
        body.setSpacing(now.unit(5))
        body.addLayout(self._form(), 2)
        body.addLayout(self._right(), 5)
        outer.addLayout(body, 1)
        outer.addLayout(self._foot())
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_PAUSE)
        self._soon.timeout.connect(self.check)
        self.resize(now.unit(270), now.unit(150))
        self.take(mapped.proposed(self._columns))

    def columns(self) -> dict[str, str]:
        """Field to column, as chosen."""
        return {name: text for name, box in self.boxes.items() if (text := box.currentText().strip())}

    def spec(self) -> str:
        """The mapping as ``--map`` and ``formats.read`` take it."""
        return mapped.written_map(self.columns())

    def take(self, columns: dict[str, str]) -> None:
        """Show a mapping."""
        for name, box in self.boxes.items():
            box.setCurrentText(columns.get(name, ""))
        self.check()

    def check(self) -> None:
        """Read the first rows with what is chosen and show what comes out."""
        self._soon.stop()
        try:
            columns = mapped.parse_map(self.spec())
            found = mapped.sessions(self._rows[:_TRIED], columns, self.path.stem)
        except MnemoscopeError as error:
            self._say(error.what if self.columns() else "Choose the columns of question and context", bad=True)
            self.made.show(Table(("session", "question", "answer"), []))
            self.go.setEnabled(False)
            self.save.setEnabled(False)
            return
        self._show(found)

    # Building.

    def _head(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(theme.active().unit(1))
        head = Label(self.path.name)
        head.setFont(theme.active().font("large", bold=True))
        facts = Label(f"{count(len(self._rows), 'row')} · {count(len(self._columns), 'column')}")
        facts.setProperty("part", "quiet")
        column.addWidget(head)
        column.addWidget(facts)
        return column

    def _form(self) -> QVBoxLayout:
        now = theme.active()
        form = QFormLayout()
        form.setSpacing(now.unit(2))
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.boxes: dict[str, QComboBox] = {}
        for name, title, help_ in _FIELDS:
            box = QComboBox()
            box.setEditable(True)
            box.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
            box.addItem("")
            box.addItems(self._columns)
            box.setAccessibleName(title)
            box.setToolTip(plain(help_))
            box.setMinimumContentsLength(16)
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.currentTextChanged.connect(lambda _: self._soon.start())
            line = box.lineEdit()
            if line is not None:
                line.setPlaceholderText("needed" if name in ("question", "context") else "none")
            form.addRow(title, box)
            self.boxes[name] = box
        hint = Label("Columns inside objects have dots, several are joined with +, a text of your own begins with =.")
        hint.setProperty("part", "small")
        hint.setWordWrap(True)
        column = QVBoxLayout()
        column.addLayout(form)
        column.addWidget(hint)
        column.addStretch(1)
        return column

    def _right(self) -> QVBoxLayout:
        now = theme.active()
        column = QVBoxLayout()
        column.setSpacing(now.unit(2))
        raw = TableModel(Table(tuple(self._columns), mapped.shown(self._rows, self._columns)), self)
        self.raw = row_table(raw, "The first rows of the file", stretch=True)
        self.made = TableModel(parent=self)
        self.read = row_table(self.made, "What is read of them")
        for table in (self.raw, self.read):
            table.verticalHeader().setDefaultSectionSize(now.metrics().height() + now.unit(2))
        _fit(self.raw)
        self.facts = Label()
        self.facts.setProperty("part", "title")
        self.remarks = Label()
        self.remarks.setProperty("part", "small")
        self.remarks.setWordWrap(True)
        column.addWidget(_titled("The file's first rows"))
        column.addWidget(self.raw, 4)
        column.addWidget(self.facts)
        column.addWidget(self.read, 5)
        column.addWidget(self.remarks)
        return column

    def _foot(self) -> QHBoxLayout:
        load, self.save = QPushButton("Load mapping…"), QPushButton("Save mapping…")
        load.setToolTip("A file that was saved here, or that --map takes")
        self.save.setToolTip("For --map on the command line, and for the next file of this kind")
        load.clicked.connect(lambda _: self._load())
        self.save.clicked.connect(lambda _: self._save())
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self.go = self.buttons.button(QDialogButtonBox.StandardButton.Ok)
        self.go.setText("Go on")
        self.go.setProperty("part", "primary")
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        row = QHBoxLayout()
        row.setSpacing(theme.active().unit(2))
        for button in (load, self.save):
            button.setAutoDefault(False)
            row.addWidget(button)
        row.addStretch(1)
        row.addWidget(self.buttons)
        return row

    # What it shows.

    def _show(self, found: Sequence[Session]) -> None:
        probes = [(session, probe) for session in found for probe in session.probes]
        turns = sum(len(session.turns) for session in found)
        part = f" of the first {_TRIED} rows" if len(self._rows) > _TRIED else ""
        said = [count(len(found), "session"), count(turns, "turn"), count(len(probes), "probe")]
        self._say(f"Read{part}: {' · '.join(said)}", bad=not probes)
        rows = [
            (s.name, p.question, " | ".join(p.gold), " | ".join(p.options), ", ".join(map(str, p.evidence)), p.scorer)
            for s, p in probes[:_MOST]
        ]
        heads = ("session", "question", "answers", "options", "evidence", "scorer")
        used = [n for n in range(len(heads)) if n in (1, 2) or any(row[n] for row in rows)]
        self.made.show(Table(tuple(heads[n] for n in used), [[_short(row[n]) for n in used] for row in rows]))
        _fit(self.read, stretched=used.index(1))
        remarks = [remark for session in found for remark in session.warnings]
        more = f" (and {len(remarks) - 1:,} more)" if len(remarks) > 1 else ""
        self.remarks.setText(f"{remarks[0][:300]}{more}" if remarks else "")
        self.remarks.setToolTip(plain("\n".join(remark[:300] for remark in remarks[:40])))
        self.go.setEnabled(bool(found))
        self.save.setEnabled(True)

    def _say(self, text: str, bad: bool = False) -> None:
        self.facts.setText(text)
        self.facts.setProperty("part", "error" if bad else "title")
        self.facts.style().unpolish(self.facts)
        self.facts.style().polish(self.facts)
        if bad:
            self.remarks.setText("")

    # What the buttons do.

    def _load(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Load mapping", str(self.path.parent), "Mappings (*.json)")
        if name:
            self._tried(partial(self.load, Path(name)))

    def load(self, path: Path) -> None:
        """Take the mapping of a file. Raises ``UsageError`` for what is none."""
        self.take(mapped.parse_map(path.read_text(encoding="utf-8")))

    def _save(self) -> None:
        place = str(self.path.with_name(f"{self.path.stem}.map.json"))
        name, _ = QFileDialog.getSaveFileName(self, "Save mapping", place, "Mappings (*.json)")
        if name:
            self._tried(partial(self.keep, Path(name)))

    def keep(self, path: Path) -> None:
        """Write the mapping to a file that ``--map`` takes."""
        write_text(path, json.dumps(self.columns(), ensure_ascii=False, indent=1) + "\n")

    def _tried(self, what: partial[None]) -> None:
        try:
            what()
        except (MnemoscopeError, OSError) as error:
            self._say(str(error), bad=True)


def _fit(table: QTableView, stretched: int = -1) -> None:
    """Columns as wide as what they hold, within bounds; one takes the room that is left."""
    head, unit = table.horizontalHeader(), theme.active().unit
    head.setStretchLastSection(stretched < 0)
    for place in range(head.count()):
        mode = QHeaderView.ResizeMode.Stretch if place == stretched else QHeaderView.ResizeMode.Interactive
        head.setSectionResizeMode(place, mode)
        wide = max(table.sizeHintForColumn(place), head.sectionSizeHint(place))
        head.resizeSection(place, min(max(wide + unit(2), unit(10)), unit(44 if stretched < 0 else 30)))


def _short(text: str) -> str:
    return " ".join(text[:800].split())[:200]


def _titled(text: str) -> Label:
    label = Label(text)
    label.setProperty("part", "title")
    return label
