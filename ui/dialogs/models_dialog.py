"""The model manager: which models there are, what they need, which are installed; get, add, tune, remove, choose."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from ui.bridge.model_jobs import ModelJobs
from ui.models.table import Table, TableModel
from ui.settings import Settings
from ui.theme import theme
from ui.widgets.plain import Label
from ui.widgets.row_table import row_table
from ui.widgets.units import size
from workbench import paths
from workbench.errors import MnemoscopeError
from workbench.models import fit, listing, store
from workbench.models.listing import Card

FIGURES = ("size", "context (tok)", "needs")
COLUMNS = ("model", "installed", "size", "context (tok)", "needs", "here", "licence")


class ModelsDialog(QDialog):
    """A table of every model, and what can be done with the chosen one."""

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Models")
        self.jobs = ModelJobs(self)
        self.cards: list[Card] = []
        self._build()
        self.jobs.progressed.connect(self._progressed)
        self.jobs.noted.connect(lambda text: self._say(text[:1].upper() + text[1:]))
        self.jobs.finished.connect(self._finished)
        self.jobs.failed.connect(self._failed)
        self.fill()

    def _build(self) -> None:
        now = theme.active()
        outer = QVBoxLayout(self)
        outer.setContentsMargins(now.unit(4), now.unit(3), now.unit(4), now.unit(4))
        outer.setSpacing(now.unit(3))
        self.head = _plain("quiet")
        outer.addWidget(self.head)
        self.model = TableModel(parent=self)
        self.list = row_table(self.model, "Models", stretch=False)
        self.list.selectionModel().currentRowChanged.connect(lambda *_: self._chosen())
        outer.addWidget(self.list, 1)
        self.about, self.said = _plain("quiet"), _plain("")
        outer.addWidget(self.about)
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Progress")
        self.bar.hide()
        outer.addWidget(self.bar)
        outer.addWidget(self.said)
        outer.addLayout(self._buttons())
        self.resize(now.unit(230), now.unit(130))

    def _buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(theme.active().unit(2))
        self.use = self._button(row, "Use for new runs", self._use, "primary")
        self.get = self._button(row, "Get", self._get)
        self.tune = self._button(row, "Find a faster form", self._tune)
        self.remove = self._button(row, "Remove", self._remove)
        row.addStretch(1)
        self.stop = self._button(row, "Cancel", self.jobs.cancel)
        self.add = self._button(row, "Use file…", self._add)
        return row

    def _button(self, row: QHBoxLayout, title: str, action: object, part: str = "") -> QPushButton:
        button = QPushButton(title)
        if part:
            button.setProperty("part", part)
        button.clicked.connect(lambda _=False: action())  # type: ignore[operator]
        row.addWidget(button)
        return button

    def fill(self) -> None:
        """Look again at what there is."""
        chosen = self.current.name if self.current else str(self._settings.get("model", "demo"))
        free = fit.available()
        self.cards = listing.cards(free)
        self.model.show(Table(COLUMNS, [_row(card) for card in self.cards], FIGURES))
        self.list.verticalHeader().setDefaultSectionSize(theme.active().metrics().height() + theme.active().unit(2))
        self.list.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.list.horizontalHeader().setStretchLastSection(True)
        self.head.setText(f"{size(free)} of memory are free. Nothing is fetched before you press Get.")
        place = next((n for n, card in enumerate(self.cards) if card.name == chosen), 0)
        self.list.selectRow(place)
        self._chosen()

    @property
    def current(self) -> Card | None:
        """The chosen model."""
        row = self.list.currentIndex().row()
        return self.cards[row] if 0 <= row < len(self.cards) else None

    def choose(self, name: str) -> None:
        """Choose a model by name."""
        self.list.selectRow(next(n for n, card in enumerate(self.cards) if card.name == name))

    def _chosen(self) -> None:
        card, busy = self.current, self.jobs.busy
        self.stop.setVisible(busy)
        self.add.setEnabled(not busy)
        if card is None:
            return
        used = self._settings.get("model", "demo") == card.name
        lines = [card.title, f"from the {card.source}" if card.source in ("registry", "hub") else card.file, card.note]
        lines += [f"reads {card.measured['reads']:,.0f} tok/s here"] if "reads" in card.measured else []
        lines += ["new runs use it"] if used else []
        self.about.setText(" · ".join(filter(None, lines)))
        own = card.source != "bundled"
        self.use.setEnabled(card.installed and not used)
        self.get.setEnabled(not card.installed and card.source in ("registry", "hub") and not busy)
        self.tune.setEnabled(card.installed and own and card.source != "quantised" and not busy)
        self.remove.setEnabled(own and store.find(card.name) is not None and not busy)

    def _say(self, text: str, bad: bool = False) -> None:
        self.said.setText(text)
        self.said.setProperty("part", "error" if bad else "")
        self.said.style().unpolish(self.said)
        self.said.style().polish(self.said)

    # What the buttons do

    def _use(self) -> None:
        if self.current is not None:
            self._settings.set("model", self.current.name)
            self._say(f"New runs use {self.current.name}.")
            self._chosen()

    def _get(self) -> None:
        if self.current is not None:
            self._begin(f"Asking for {self.current.name}")
            self.jobs.get(self.current.name)
            self._chosen()

    def _tune(self) -> None:
        if self.current is not None:
            self._begin(f"Measuring {self.current.name}")
            self.bar.setRange(0, 0)
            self.jobs.tune(self.current.name)
            self._chosen()

    def _add(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Use file", str(paths.models()), "GGUF models (*.gguf)")
        if name:
            self.add_file(Path(name))

    def add_file(self, path: Path) -> None:
        """Make a GGUF usable by its name; what is wrong with it is said."""
        try:
            model = store.add(path)
        except MnemoscopeError as error:
            self._say(str(error), bad=True)
            return
        self.fill()
        self.choose(model.name)
        self._say(f"{model.name} is {model.file}.")

    def _remove(self) -> None:
        if self.current is None:
            return
        try:
            model, gone = store.remove(self.current.name)
        except MnemoscopeError as error:
            self._say(str(error), bad=True)
            return
        if self._settings.get("model", "demo") == model.name:
            self._settings.set("model", "demo")
        self.fill()
        self._say(f"{model.name} was removed." if gone else f"{model.name} is forgotten; its file stays.")

    # What the job tells

    def _begin(self, what: str) -> None:
        self.bar.setRange(0, 1000)
        self.bar.setValue(0)
        self.bar.show()
        self._say(what)

    def _progressed(self, name: str, done: int, total: int) -> None:
        self.bar.setValue(round(1000 * done / max(total, 1)))
        self._say(f"{name}: {size(done)} of {size(total)}")

    def _finished(self, name: str, said: str) -> None:
        self.bar.hide()
        self.fill()
        if any(card.name == name for card in self.cards):
            self.choose(name)
        self._say(said)

    def _failed(self, problem: str) -> None:
        self.bar.hide()
        self._chosen()
        self._say(problem or "Cancelled. What has arrived stays; Get goes on from there.", bad=bool(problem))

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: D102
        self.jobs.wait()
        super().closeEvent(event)

    def reject(self) -> None:
        """Escape closes it like its button."""
        self.close()


def _plain(part: str) -> Label:
    label = Label()
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    if part:
        label.setProperty("part", part)
    return label


def _row(card: Card) -> tuple[str, ...]:
    return (
        card.name,
        "yes" if card.installed else "",
        size(card.bytes),
        f"{card.context:,}" if card.context else "",
        size(card.ram) if card.ram else "",
        card.fits,
        card.licence,
    )
