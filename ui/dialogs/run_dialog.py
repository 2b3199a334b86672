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
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from ui.dialogs.frame import framed
from ui.dialogs.lane_picker import LanePicker
from ui.dialogs.session_picker import SessionPicker
from ui.settings import Settings
from ui.theme import theme
from ui.widgets.model_field import ModelField
from ui.widgets.plain import Label, plain
from ui.widgets.units import count
from workbench import paths
from workbench.engine.config import RunConfig
from workbench.errors import MnemoscopeError, UsageError
from workbench.estimate import estimate
from workbench.lanes import LaneSpec, with_controls
from workbench.models import listing, store
from workbench.reading import REQUESTS, Requests
from workbench.sessions import Session, formats

_ASKED: dict[Requests, str] = {
    "separate": "each by itself",
    "multi-request": "each by itself, of a cache compressed before any",
    "multi-turn": "in one conversation, with the right answers",
    "multi-turn-own": "in one conversation, with the model's answers",
}
FIRST_CHOICE = ("full", "window", "bm25", "dense", "a-mem")


class RunDialog(QDialog):
    """Reads the files first, unless it is told what was read: raises ``SessionFormatError`` when one cannot be.

    ``reading`` are options of the files' readers (``RunConfig.read``), with which ``read`` was read.
    """

    def __init__(
        self,
        sessions: tuple[Path, ...],
        settings: Settings,
        parent: QWidget | None = None,
        read: Sequence[Session] = (),
        reading: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(parent)
        self._files, self._settings, self._reading = sessions, settings, reading
        self._sessions = formats.distinct(read or [s for path in sessions for s in formats.read(path)])
        self.setWindowTitle("Replay a session")
        now = theme.active()
        outer = framed(self)
        self._head(outer)
        self.sessions = SessionPicker(self._sessions)
        self.sessions.setVisible(len(self._sessions) > 1)
        self.sessions.changed.connect(self._check)
        outer.addWidget(self.sessions)
        kept = settings.get("lanes", {})
        chosen = kept.get("chosen", FIRST_CHOICE) if isinstance(kept, dict) else FIRST_CHOICE
        self.lanes = LanePicker(chosen, kept.get("params"), kept.get("typed", ""))
        self.lanes.changed.connect(self._check)
        outer.addWidget(self.lanes, 1)
        outer.addLayout(self._form())
        self._foot(outer)
        several = self.sessions.sizeHint().height() + outer.spacing() if len(self._sessions) > 1 else 0
        most = self.screen().availableGeometry().height() - now.unit(15)  # a title bar and a little air
        self.resize(now.unit(235), min(now.unit(165) + several, max(most, now.unit(165))))
        self._check()

    def specs(self) -> list[str]:
        """The lane SPECs that are ticked and typed, in order."""
        return self.lanes.specs()

    def config(self) -> RunConfig:
        """The run as chosen; what was chosen is remembered for the next one."""
        model, chosen = self.model.chosen, self.sessions.chosen()
        self._settings.set("model", model)
        typed, ticked = self.lanes.typed.text(), self.lanes.model.chosen
        self._settings.set("lanes", {"chosen": ticked, "params": self.lanes.params, "typed": typed})
        return RunConfig(
            sessions=self._files,
            only=() if len(chosen) == len(self._sessions) else tuple(s.name for s in chosen),
            lanes=self._all_lanes(),
            model=model,
            embedder=self.embedder.currentData(),
            seed=int(self.seed.text() or 0),
            capture="answers" if self.capture.isChecked() else "off",
            exact=self.exact.isChecked(),
            requests=self.requests.currentData(),
            out=Path(self.out.text()),
            read=self._reading,
        )

    def _all_lanes(self) -> tuple[str, ...]:
        return with_controls(self.specs()) if self.controls.isChecked() else tuple(self.specs())

    def _head(self, outer: QVBoxLayout) -> None:
        head = Label(", ".join(path.name for path in self._files))
        head.setFont(theme.active().font("large", bold=True))
        turns, probes = sum(len(s.turns) for s in self._sessions), sum(len(s.probes) for s in self._sessions)
        sessions = f"{count(len(self._sessions), 'session')} · " if len(self._sessions) > 1 else ""
        facts = Label(f"{sessions}{count(turns, 'turn')} · {count(probes, 'probe')}")
        facts.setProperty("part", "quiet")
        outer.addWidget(head)
        outer.addWidget(facts)
        warnings = [w for s in self._sessions for w in s.warnings]
        if warnings:
            self._warn(outer, warnings)

    def _foot(self, outer: QVBoxLayout) -> None:
        """What the run will cost, what is wrong with the choice, and the buttons."""
        self.cost = Label()
        self.cost.setWordWrap(True)
        self.wrong = Label()
        self.wrong.setProperty("part", "error")
        self.wrong.setWordWrap(True)
        outer.addWidget(self.cost)
        outer.addWidget(self.wrong)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self.start = self.buttons.button(QDialogButtonBox.StandardButton.Ok)
        self.start.setText("Start")
        self.start.setProperty("part", "primary")
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        outer.addWidget(self.buttons)

    def _warn(self, outer: QVBoxLayout, warnings: list[str]) -> None:
        label = Label(f"{count(len(warnings), 'remark')} about the file: {warnings[0]}")
        label.setProperty("part", "small")
        label.setWordWrap(True)
        label.setToolTip(plain("\n".join(warnings[:40])))
        outer.addWidget(label)

    def _form(self) -> QFormLayout:
        form = QFormLayout()
        form.setSpacing(theme.active().unit(2))
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        self.model = ModelField(self._settings)
        self.model.currentTextChanged.connect(lambda _: self._check())
        self.embedder = QComboBox()
        here = paths.embedding_model() is not None
        self.embedder.addItem("MiniLM" if here else "MiniLM (not installed)", "minilm")
        self.embedder.addItem("hashing (lexical, no model)", "hash")
        self.embedder.setCurrentIndex(0 if here else 1)
        self.seed = QLineEdit("0")
        self.seed.setAccessibleName("Seed")
        self.seed.setValidator(QIntValidator(0, 2**31 - 1, self.seed))
        self.capture = QCheckBox("Attention of answers")
        self.capture.setChecked(True)
        self.controls = QCheckBox("Controls")
        self.exact = QCheckBox("Exact")
        self.controls.setToolTip("Three lanes more: no memory, the evidence alone, full context")
        self.capture.setToolTip("Record where the model looks while it answers")
        self.exact.setToolTip("One sequence at a time: bit-identical from run to run, and slower")
        self.controls.toggled.connect(lambda _: self._check())
        form.addRow("Model", self._with_button(self.model, "Open…", self.model.browse))
        form.addRow("Embeddings", _beside(self.embedder, "Seed", self.seed))
        self.requests = QComboBox()
        for mode in REQUESTS:
            self.requests.addItem(_ASKED[mode], mode)
        self.requests.setAccessibleName("How questions are asked")
        self.requests.setToolTip("How questions about one context share a cache (SCBench's modes)")
        form.addRow("Questions", self.requests)
        form.addRow("", _row(self.controls, self.capture, self.exact))
        self.out = QLineEdit()
        self.out.setAccessibleName("Run file to write")
        self.out.setText(str(_free(paths.runs() / f"{self._files[0].stem}.mnemo")))
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
        """Start can be pressed once every SPEC is understood, a session is chosen and there is such a model."""
        if not hasattr(self, "wrong"):
            return  # still being built
        problem, cost = "", ""
        try:
            lanes = [LaneSpec.parse(spec) for spec in self.specs()]
            names = [lane.name for lane in lanes]
            if not names:
                problem = "Choose at least one lane"
            elif len(set(names)) < len(names):
                raise UsageError("a lane is named twice", "leave one out, or give it other parameters")
            elif not self.sessions.chosen():
                problem = "Choose at least one session"
            model = self.model.chosen
            listing.usable(model)
            if Path(model).is_file():
                store.checked(Path(model))  # what is wrong with a file is said now, not after Start
            cost = "" if problem else self._cost(model)
        except MnemoscopeError as error:
            problem = str(error)
        self.wrong.setText(problem)
        self.wrong.setVisible(bool(problem))
        self.cost.setText(cost)
        self.start.setEnabled(not problem)

    def _cost(self, model: str) -> str:
        """The run's calls, tokens and time in one line; the time only where a run on this machine told the speed."""
        lanes = [LaneSpec.parse(spec) for spec in self._all_lanes()]
        found = estimate(self.sessions.chosen(), lanes, full=model != "demo")
        parts = [count(found.turns, "turn"), count(found.probes, "probe"), count(len(lanes), "lane")]
        parts += [f"about {_round(found.calls):,} model calls", f"{_short(found.tokens)} tokens"]
        speed = self._settings.get("speeds", {}).get(model)
        parts.append(f"about {_time(found.tokens / speed)}" if speed else "time not known before a first run")
        more = f" (what {', '.join(found.unknown)} asks comes on top)" if found.unknown else ""
        return " · ".join(parts) + more


def _round(value: int) -> int:
    """Two digits are all that an estimate knows."""
    step = 10 ** max(0, len(str(value)) - 2)
    return round(value / step) * step


def _short(tokens: int) -> str:
    """``8,200``, ``410 k``, ``12 M``."""
    value = _round(tokens)
    return f"{value / 1e6:g} M" if value >= 1_000_000 else f"{value / 1e3:g} k" if value >= 100_000 else f"{value:,}"


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _row(*fields: QWidget) -> QWidget:
    holder = QWidget()
    row = QHBoxLayout(holder)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(theme.active().unit(5))
    for field in fields:
        row.addWidget(field)
    row.addStretch(1)
    return holder


def _beside(wide: QWidget, title: str, narrow: QWidget) -> QWidget:
    holder = QWidget()
    row = QHBoxLayout(holder)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(theme.active().unit(3))
    row.addWidget(wide, 1)
    row.addWidget(Label(title))
    row.addWidget(narrow)
    narrow.setFixedWidth(theme.active().unit(24))
    return holder


def _free(path: Path) -> Path:
    """The path, or one with a number where it is taken: a new run never touches another one's file."""
    number, free = 2, path
    while free.exists():
        free = path.with_name(f"{path.stem}-{number}{path.suffix}")
        number += 1
    return free
