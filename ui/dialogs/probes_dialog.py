"""Probes for a session that has none: by hand at a turn, by a model, or not at all. Kept beside the session file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QSpinBox,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from ui.bridge.inquiry import Inquiry
from ui.dialogs.frame import framed
from ui.models.table import Table, TableModel
from ui.settings import Settings
from ui.theme import theme
from ui.widgets.model_field import ModelField
from ui.widgets.plain import Label
from ui.widgets.turn_list import TurnList
from ui.widgets.units import count
from workbench.engine.protocol import Failed, WriteProbes, Wrote
from workbench.errors import MnemoscopeError
from workbench.models import listing
from workbench.probes.competencies import title
from workbench.sessions import COMPETENCIES, Probe, Session
from workbench.sessions.formats import sidecar

COLUMNS = ("question", "answer", "after", "evidence", "written")
_MOST = 200  # questions that a model is asked for at once


class ProbesDialog(QDialog):
    """The turns on the left; on the right what to ask about them, and what is asked already.

    Attributes:
        sessions: those of the file, with the probes that were written here.
    """

    def __init__(
        self, path: Path, sessions: Sequence[Session], settings: Settings, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.path, self.sessions = path, list(sessions)
        self.inquiry = Inquiry(self)
        self.setWindowTitle("Probes")
        now = theme.active()
        outer = framed(self)
        outer.addLayout(self._head())
        body = QHBoxLayout()
        body.setSpacing(now.unit(5))
        body.addLayout(self._turns(), 5)
        body.addLayout(self._right(settings), 6)
        outer.addLayout(body, 1)
        outer.addLayout(self._foot())
        self._connect()
        self.resize(now.unit(250), now.unit(160))
        self._enter(0)
        self.question.setFocus()

    # Building.

    def _head(self) -> QHBoxLayout:
        now = theme.active()
        column = QVBoxLayout()
        column.setSpacing(now.unit(1))
        head = Label(self.path.name)
        head.setFont(now.font("large", bold=True))
        self.facts = _label("quiet")
        column.addWidget(head)
        column.addWidget(self.facts)
        self.session = QComboBox()
        self.session.setAccessibleName("Session")
        self.session.setMinimumContentsLength(24)
        self.session.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.session.addItems([session.name for session in self.sessions])
        self.session.setVisible(len(self.sessions) > 1)
        row = QHBoxLayout()
        row.addLayout(column, 1)
        row.addWidget(self.session, 0, Qt.AlignmentFlag.AlignTop)
        return row

    def _turns(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(theme.active().unit(2))
        self.search = QLineEdit()
        self.search.setPlaceholderText("Find in the turns; Return goes to the next")
        self.search.setAccessibleName("Find in the turns")
        self.list = TurnList()
        column.addWidget(self.search)
        column.addWidget(self.list, 1)
        return column

    def _right(self, settings: Settings) -> QVBoxLayout:
        now = theme.active()
        column = QVBoxLayout()
        column.setSpacing(now.unit(2))
        column.addWidget(_label("title", "By hand"))
        column.addLayout(self._form())
        column.addSpacing(now.unit(2))
        column.addWidget(_label("title", "By a model"))
        column.addLayout(self._by_model(settings))
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Progress")
        self.bar.hide()
        self.said = _label()
        column.addWidget(self.bar)
        column.addWidget(self.said)
        column.addSpacing(now.unit(2))
        column.addLayout(self._written(), 1)
        return column

    def _form(self) -> QFormLayout:
        now = theme.active()
        form = QFormLayout()
        form.setSpacing(now.unit(2))
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        self.question = QLineEdit()
        self.question.setPlaceholderText("Where does Mira keep her boat?")
        self.gold = QPlainTextEdit()
        self.gold.setPlaceholderText("At pier 9\none accepted answer in each line")
        self.gold.setTabChangesFocus(True)
        self.gold.setFixedHeight(2 * now.metrics().lineSpacing() + now.unit(5))
        self.after = _number("Asked after turn")
        self.after.setToolTip("The question is asked after this turn")
        self.here = QPushButton("The chosen turn")
        self.here.setToolTip("Ask after the turn that the list stands at")
        self.kind = QComboBox()
        for name in COMPETENCIES:
            self.kind.addItem(title(name), name)
        self.evidence = _label("quiet")
        self.add = QPushButton("Add probe")
        self.add.setToolTip("Ctrl+Return")
        form.addRow("Question", self.question)
        form.addRow("Answer", self.gold)
        form.addRow("Evidence", self.evidence)
        form.addRow("Asked after turn", _row(self.after, self.here, stretch=2))
        form.addRow("Tests", _row(self.kind, self.add, stretch=1))
        return form

    def _by_model(self, settings: Settings) -> QHBoxLayout:
        self.count = _number("How many probes to write")
        self.count.setRange(1, _MOST)
        self.count.setValue(10)
        self.count.setSuffix(" probes")
        self.count.setAccessibleName("How many")
        self.model = ModelField(settings, demo=False)
        self.model.setMinimumContentsLength(12)
        self.model.setPlaceholderText("an instruct model, or a server's address")
        browse = QPushButton("Open…")
        browse.clicked.connect(lambda _: self.model.browse())
        self.write = QPushButton("Write")
        self.write.setToolTip(
            "Let the model write questions; kept is what the turns it cites support. The bundled model cannot."
        )
        self.stop = QPushButton("Cancel writing")
        self.stop.hide()
        row = QHBoxLayout()
        row.setSpacing(theme.active().unit(2))
        for widget in (self.count, self.model, browse, self.write, self.stop):
            row.addWidget(widget, 1 if widget is self.model else 0)
        return row

    def _written(self) -> QVBoxLayout:
        now = theme.active()
        column = QVBoxLayout()
        column.setSpacing(now.unit(1))
        self.rows = TableModel(parent=self)
        self.grid = QTableView()
        self.grid.setModel(self.rows)
        self.grid.verticalHeader().hide()
        self.grid.verticalHeader().setDefaultSectionSize(now.metrics().height() + now.unit(2))
        self.grid.setShowGrid(False)
        self.grid.setWordWrap(False)
        self.grid.setTabKeyNavigation(False)
        self.grid.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.grid.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.grid.horizontalHeader().setHighlightSections(False)
        self.grid.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.grid.setAccessibleName("Probes of this session")
        self.remove = QPushButton("Remove")
        self.remove.setToolTip("Take the chosen probe out again (Delete); those of the file itself stay")
        self.known = _label("title")
        head = QHBoxLayout()
        head.addWidget(self.known, 1)
        head.addWidget(self.remove)
        column.addLayout(head)
        column.addWidget(self.grid, 1)
        return column

    def _foot(self) -> QHBoxLayout:
        where = _label(
            "small",
            f"Without probes a run shows what each memory keeps; with them it is scored. They are kept in "
            f"{sidecar.beside(self.path).name}; {self.path.name} stays as it is.",
        )
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self.go = self.buttons.button(QDialogButtonBox.StandardButton.Ok)
        self.go.setProperty("part", "primary")
        row = QHBoxLayout()
        row.setSpacing(theme.active().unit(4))
        row.addWidget(where, 1)
        row.addWidget(self.buttons)
        return row

    def _connect(self) -> None:
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self.session.activated.connect(self._enter)
        self.search.returnPressed.connect(self._find)
        self.list.rows.marked.connect(self._marked)
        self.question.textChanged.connect(lambda _: self._check())
        self.gold.textChanged.connect(self._check)
        self.here.clicked.connect(lambda _: self.after.setValue(max(0, self.list.turn)))
        self.add.clicked.connect(lambda _: self._add())
        self.model.currentTextChanged.connect(lambda _: self._check())
        self.write.clicked.connect(lambda _: self._ask())
        self.stop.clicked.connect(lambda _: self._cancel())
        self.remove.clicked.connect(lambda _: self._remove())
        self.grid.selectionModel().currentRowChanged.connect(lambda *_: self._chosen())
        _on_key(self, "Ctrl+Return", self._add)
        _on_key(self.grid, "Delete", self._remove)
        self.inquiry.loading.connect(lambda what: self._say(what[:1].upper() + what[1:]))
        self.inquiry.progressed.connect(self._progressed)
        self.inquiry.wrote.connect(self._wrote)
        self.inquiry.failed.connect(self._failed)
        self.inquiry.done.connect(self._ended)

    # What it shows.

    @property
    def place(self) -> int:
        """Which of the sessions is shown."""
        return max(0, self.session.currentIndex())

    @property
    def shown(self) -> Session:
        """The session that is shown."""
        return self.sessions[self.place]

    def _enter(self, place: int) -> None:
        self.session.setCurrentIndex(place)
        self.list.rows.show(self.shown.turns)
        last = len(self.shown.turns) - 1
        self.after.setRange(-1, last)
        self.after.setValue(last)
        self.after.setSuffix(f" of 0 to {last:,}")
        self._fill()

    def _fill(self) -> None:
        """What is known of the sessions and of the one that is shown."""
        turns, probes = sum(len(s.turns) for s in self.sessions), sum(len(s.probes) for s in self.sessions)
        told = [count(len(self.sessions), "session"), count(turns, "turn"), count(probes, "probe") if probes else ""]
        self.facts.setText(" · ".join(filter(None, told)) + ("" if probes else " · no probes yet"))
        self.go.setText(f"Go on with {count(probes, 'probe')}" if probes else "Go on without probes")
        self.known.setText(count(len(self.shown.probes), "probe") if self.shown.probes else "No probes yet")
        self.rows.show(Table(COLUMNS, [_cells(probe) for probe in self.shown.probes]))
        head = self.grid.horizontalHeader()
        head.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        for column in (0, 1):
            head.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
        self._chosen()
        self._check()

    def _marked(self) -> None:
        turns = self.list.rows.evidence
        self.evidence.setText(
            f"turn{'s' if len(turns) > 1 else ''} {', '.join(map(str, turns))}"
            if turns
            else "click the turns that hold the answer"
        )

    def _check(self) -> None:
        """What can be pressed now."""
        busy = self.inquiry.busy
        self.add.setEnabled(bool(self.question.text().strip() and self.gold.toPlainText().strip()))
        self.write.setEnabled(bool(self.model.chosen))
        self.write.setVisible(not busy)
        self.stop.setVisible(busy)
        self.go.setEnabled(not busy)
        self.session.setEnabled(not busy)
        self.remove.setEnabled(not busy and self._own() is not None)

    def _say(self, text: str, bad: bool = False) -> None:
        self.said.setText(text)
        self.said.setProperty("part", "error" if bad else "quiet")
        self.said.style().unpolish(self.said)
        self.said.style().polish(self.said)

    def _find(self) -> None:
        wanted = self.search.text().strip()
        if wanted and not self.list.go_to_text(wanted):
            self._say(f"No turn says {wanted[:60]!r}")

    def _chosen(self) -> None:
        """A probe that is chosen shows its evidence."""
        row = self.grid.currentIndex().row()
        if 0 <= row < len(self.shown.probes):
            evidence = self.shown.probes[row].evidence
            self.list.rows.mark(evidence)
            if evidence:
                self.list.go(evidence[0])
        self._check()

    def _own(self) -> Probe | None:
        """The chosen probe, unless it is the file's own."""
        row = self.grid.currentIndex().row()
        probe = self.shown.probes[row] if 0 <= row < len(self.shown.probes) else None
        return probe if probe is not None and sidecar.WRITTEN in probe.extra else None

    # What the buttons do.

    def _add(self) -> None:
        if not self.add.isEnabled():
            return
        gold = self.gold.toPlainText().splitlines()
        evidence, kind = self.list.rows.evidence, str(self.kind.currentData())
        try:
            probe = sidecar.by_hand(self.shown, self.question.text(), gold, self.after.value(), evidence, kind)
            named = sidecar.add(self.path, self.shown, [probe])
        except MnemoscopeError as error:
            self._say(str(error), bad=True)
            return
        self._say("")
        self.question.clear()
        self.gold.clear()
        self.list.rows.mark(())
        self.question.setFocus()
        self._keep((*self.shown.probes, *named))

    def _remove(self) -> None:
        probe = self._own()
        if probe is None or self.inquiry.busy:
            return
        try:
            sidecar.remove(self.path, self.shown, [probe.id])
        except MnemoscopeError as error:
            self._say(str(error), bad=True)
            return
        self._keep(tuple(p for p in self.shown.probes if p.id != probe.id))

    def _ask(self) -> None:
        model = self.model.chosen
        try:
            listing.usable(model)
        except MnemoscopeError as error:
            self._say(str(error), bad=True)
            return
        self.bar.setRange(0, 0)
        self.bar.show()
        self.inquiry.ask(WriteProbes(self.path, self.shown.name, self.count.value(), model))
        self._check()

    def _cancel(self) -> None:
        self._say("Cancelling; what was written so far is kept")
        self.inquiry.cancel()

    # What the engine tells.

    def _progressed(self, done: int, total: int, note: str) -> None:
        self.bar.setRange(0, max(1, total))
        self.bar.setValue(done)
        self._say(f"{done} of {count(total, 'portion')} of the turns asked about")

    def _wrote(self, told: Wrote) -> None:
        kept = f"{'Cancelled. ' if told.cancelled else ''}{count(len(told.probes), 'probe')} kept"
        dropped = "; ".join(f"{n} × {reason}" for reason, n in told.dropped)
        cut = f" {count(told.cut, 'answer')} cut off." if told.cut else ""
        self._say(f"{kept}.{cut} Not kept: {dropped}" if dropped else f"{kept}.{cut}")
        self._keep((*self.shown.probes, *told.probes))

    def _failed(self, told: Failed) -> None:
        self._say(told.message[:1].upper() + told.message[1:], bad=True)

    def _ended(self) -> None:
        self.bar.hide()
        self._check()

    def _keep(self, probes: tuple[Probe, ...]) -> None:
        self.sessions[self.place] = replace(self.shown, probes=probes)
        self._fill()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):  # in a field it ends nothing
            button = self.focusWidget()
            if isinstance(button, QPushButton):
                button.click()
            return
        super().keyPressEvent(event)

    def done(self, result: int) -> None:
        """Whatever ends the dialog ends the writing too."""
        self.inquiry.shutdown()
        super().done(result)


def _label(part: str = "", text: str = "") -> Label:
    made = Label(text)
    made.setWordWrap(part != "title")
    if part:
        made.setProperty("part", part)
    return made


def _number(named: str) -> QSpinBox:
    made = QSpinBox()
    made.setAccessibleName(named)
    made.setMinimumWidth(theme.active().unit(26))
    made.lineEdit().setTextMargins(theme.active().unit(1.5), 0, 0, 0)
    return made


def _row(*widgets: QWidget, stretch: int) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(theme.active().unit(2))
    for widget in widgets:
        row.addWidget(widget)
    row.insertStretch(stretch, 1)
    return row


def _on_key(widget: QWidget, keys: str, action: Callable[[], None]) -> None:
    shortcut = QShortcut(QKeySequence(keys), widget)
    shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
    shortcut.activated.connect(action)


def _cells(probe: Probe) -> tuple[object, ...]:
    gold = " or ".join(probe.gold) if not probe.abstain else "never said"
    evidence = ", ".join(map(str, probe.evidence))
    return (probe.question, gold, str(probe.after), evidence, str(probe.extra.get(sidecar.WRITTEN, "in the file")))
