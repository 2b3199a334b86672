"""Replay a session: which lanes, which model, where to. Every choice is one that the command line has too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QIntValidator
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from ui.settings import Settings
from ui.theme import theme
from ui.widgets.model_field import ModelField
from ui.widgets.plain import Label, plain
from ui.widgets.units import count
from workbench import paths
from workbench.engine.config import RunConfig
from workbench.errors import MnemoscopeError, UsageError
from workbench.lanes import LaneSpec, with_controls
from workbench.memory import registry as memories
from workbench.models import listing
from workbench.sessions import Session, formats

FIRST_CHOICE = ("full", "window", "bm25", "dense", "a-mem")


class RunDialog(QDialog):
    """Reads the files first, unless it is told what was read: raises ``SessionFormatError`` when one cannot be."""

    def __init__(
        self,
        sessions: tuple[Path, ...],
        settings: Settings,
        parent: QWidget | None = None,
        read: Sequence[Session] = (),
    ) -> None:
        super().__init__(parent)
        self._sessions, self._settings = sessions, settings
        read = read or [s for path in sessions for s in formats.read(path)]
        turns, probes = sum(len(s.turns) for s in read), sum(len(s.probes) for s in read)
        self.setWindowTitle("Replay a session")
        now = theme.active()
        outer = QVBoxLayout(self)
        outer.setContentsMargins(now.unit(5), now.unit(4), now.unit(5), now.unit(4))
        outer.setSpacing(now.unit(3))
        head = Label(", ".join(path.name for path in sessions))
        head.setFont(now.font("large", bold=True))
        facts = Label(f"{count(len(read), 'session')} · {count(turns, 'turn')} · {count(probes, 'probe')}")
        facts.setProperty("part", "quiet")
        outer.addWidget(head)
        outer.addWidget(facts)
        warnings = [w for s in read for w in s.warnings]
        if warnings:
            self._warn(outer, warnings)
        outer.addWidget(self._lanes(), 1)
        outer.addLayout(self._form())
        self.wrong = Label()
        self.wrong.setProperty("part", "error")
        self.wrong.setWordWrap(True)
        outer.addWidget(self.wrong)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self.start = self.buttons.button(QDialogButtonBox.StandardButton.Ok)
        self.start.setText("Start")
        self.start.setProperty("part", "primary")
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        outer.addWidget(self.buttons)
        self.resize(now.unit(150), now.unit(165))
        self._check()

    def specs(self) -> list[str]:
        """The lane SPECs that are ticked and typed, in order."""
        ticked = [name for name, box in self.boxes.items() if box.isChecked()]
        typed = [spec.strip() for spec in self.more.text().split(";")]
        return [*ticked, *(spec for spec in typed if spec)]

    def config(self) -> RunConfig:
        """The run as chosen."""
        model = self.model.chosen
        self._settings.set("model", model)
        return RunConfig(
            sessions=self._sessions,
            lanes=with_controls(self.specs()) if self.controls.isChecked() else tuple(self.specs()),
            model=model,
            embedder=self.embedder.currentData(),
            seed=int(self.seed.text() or 0),
            capture="answers" if self.capture.isChecked() else "off",
            exact=self.exact.isChecked(),
            out=Path(self.out.text()),
        )

    def _warn(self, outer: QVBoxLayout, warnings: list[str]) -> None:
        label = Label(f"{count(len(warnings), 'remark')} about the file: {warnings[0]}")
        label.setProperty("part", "small")
        label.setWordWrap(True)
        label.setToolTip(plain("\n".join(warnings[:40])))
        outer.addWidget(label)

    def _lanes(self) -> QWidget:
        holder = QFrame()
        holder.setProperty("part", "card")
        column = QVBoxLayout(holder)
        column.setSpacing(0)
        self.boxes: dict[str, QCheckBox] = {}
        for name in memories.strategies():
            box = QCheckBox(name)
            box.setChecked(name in FIRST_CHOICE)
            box.toggled.connect(lambda _: self._check())
            self._describe(box, name)
            self.boxes[name] = box
            column.addWidget(box)
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(holder)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        return scroll

    def _describe(self, box: QCheckBox, name: str) -> None:
        try:
            found = memories.strategy(name)
        except ImportError as error:  # a method whose library is not installed can be seen, not chosen
            box.setChecked(False)
            box.setEnabled(False)
            box.setToolTip(plain(f"cannot be used here: {error}"))
            return
        box.setText(f"{found.title}   {name}" if found.title.lower() != name else found.title)
        box.setToolTip(plain("\n".join(x for x in (found.fidelity, found.paper, found.differs) if x)))

    def _form(self) -> QFormLayout:
        form = QFormLayout()
        form.setSpacing(theme.active().unit(2))
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        self.more = QLineEdit()
        self.more.setPlaceholderText("with parameters, as a-mem:k=5; bm25:k=20")
        self.more.textChanged.connect(lambda _: self._check())
        self.model = ModelField(self._settings)
        self.model.currentTextChanged.connect(lambda _: self._check())
        self.embedder = QComboBox()
        here = paths.embedding_model() is not None
        self.embedder.addItem("MiniLM" if here else "MiniLM (not installed)", "minilm")
        self.embedder.addItem("hashing (lexical, no model)", "hash")
        self.embedder.setCurrentIndex(0 if here else 1)
        self.seed = QLineEdit("0")
        self.seed.setValidator(QIntValidator(0, 2**31 - 1, self.seed))
        self.capture = QCheckBox("record attention while answering")
        self.capture.setChecked(True)
        self.controls = QCheckBox("controls: no memory, the evidence alone, full context")
        self.exact = QCheckBox("exact: one sequence at a time, the same from run to run")
        form.addRow("More lanes", self.more)
        form.addRow("Model", self._with_button(self.model, "Open…", self.model.browse))
        form.addRow("Embeddings", self.embedder)
        form.addRow("Seed", self.seed)
        form.addRow("", self.controls)
        form.addRow("", self.capture)
        form.addRow("", self.exact)
        self.out = QLineEdit(str(_free(paths.runs() / f"{self._sessions[0].stem}.mnemo")))
        form.addRow("Run file", self._with_button(self.out, "Choose…", self._ask_out))
        return form

    def _with_button(self, field: QWidget, title: str, action: Callable[[], None]) -> QWidget:
        holder = QWidget()
        row = QHBoxLayout(holder)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(field, 1)
        button = QPushButton(title)
        button.clicked.connect(lambda _: action())
        row.addWidget(button)
        return holder

    def _ask_out(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self, "Run file", self.out.text(), "Runs (*.mnemo)")
        if name:
            self.out.setText(str(Path(name).with_suffix(".mnemo")))

    def _check(self) -> None:
        """Start can be pressed once every SPEC is understood and there is such a model."""
        if not hasattr(self, "wrong"):
            return  # still being built
        problem = ""
        try:
            names = [LaneSpec.parse(spec).name for spec in self.specs()]
            if not names:
                problem = "Choose at least one lane"
            elif len(set(names)) < len(names):
                raise UsageError("a lane is named twice", "leave one out, or give it other parameters")
            listing.usable(self.model.chosen)
        except MnemoscopeError as error:
            problem = str(error)
        self.wrong.setText(problem)
        self.start.setEnabled(not problem)


def _free(path: Path) -> Path:
    """The path, or one with a number where it is taken: a new run never touches another one's file."""
    number, free = 2, path
    while free.exists():
        free = path.with_name(f"{path.stem}-{number}{path.suffix}")
        number += 1
    return free
