"""A figure of a panel: format, size and theme, and whether its data lie beside it."""

from __future__ import annotations

from pathlib import Path

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

from ui.panels.base import Panel
from ui.samples import folder_for
from ui.settings import Settings
from ui.theme import theme
from ui.widgets.export import SIZES, Style
from ui.widgets.plain import Label
from workbench.errors import MnemoscopeError

FORMATS = {"png": "PNG, pixels", "svg": "SVG, shapes", "pdf": "PDF, shapes"}
THEMES = {"light": "Light, for paper", "dark": "Dark"}


class FigureDialog(QDialog):
    """Asks how the figure shall be and writes it; remembers the choice."""

    def __init__(self, panel: Panel, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._panel, self._settings = panel, settings
        self.written: list[Path] = []
        self.setWindowTitle("Export figure")
        unit = theme.active().unit
        outer = QVBoxLayout(self)
        outer.setContentsMargins(unit(4), unit(4), unit(4), unit(4))
        outer.setSpacing(unit(3))
        title = Label(panel._title.text())
        title.setProperty("part", "title")
        title.setWordWrap(True)
        outer.addWidget(title)
        form = QFormLayout()
        kept = settings.get("figure", {})
        kept = kept if isinstance(kept, dict) else {}
        self.kind, self.large, self.look = QComboBox(), QComboBox(), QComboBox()
        choices = (
            (self.kind, "F&ormat", FORMATS, "kind"),
            (self.large, "&Size", {key: size.title for key, size in SIZES.items()}, "size"),
            (self.look, "&Theme", THEMES, "theme"),
        )
        for box, name, entries, key in choices:
            box.setAccessibleName(name.replace("&", ""))
            for value, says in entries.items():
                box.addItem(says, value)
            box.setCurrentIndex(max(0, box.findData(kept.get(key))))
            form.addRow(name, box)
        self.data = QCheckBox("&Data beside it, as CSV and JSON")
        self.data.setChecked(bool(kept.get("data")))
        form.addRow("", self.data)
        self.file, browse, row = QLineEdit(), QPushButton("&Browse…"), QHBoxLayout()
        self.file.setAccessibleName("File")
        self.file.setMinimumWidth(unit(90))
        browse.setAutoDefault(False)
        browse.clicked.connect(self._browse)
        row.addWidget(self.file, 1)
        row.addWidget(browse)
        place = Label("&File")  # a form makes no buddies of what stands in a row of its own
        place.setBuddy(self.file)
        form.addRow(place, row)
        outer.addLayout(form)
        self.trouble = Label()
        self.trouble.setProperty("part", "error")
        self.trouble.setWordWrap(True)
        self.trouble.hide()
        outer.addWidget(self.trouble)
        self.buttons = buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Save | QDialogButtonBox.StandardButton.Cancel
        )
        buttons.button(QDialogButtonBox.StandardButton.Save).setProperty("part", "primary")
        buttons.accepted.connect(self._save)
        buttons.rejected.connect(self.reject)
        outer.addWidget(buttons)
        self.kind.currentIndexChanged.connect(self._rename)
        self.file.setText(str(self._start(kept)))

    def _start(self, kept: dict[str, str]) -> Path:
        run, at = self._panel.workspace.run, self._panel.moment
        folder = Path(kept.get("folder") or "")
        folder = folder if kept.get("folder") and folder.is_dir() else folder_for(run.path) if run else Path.home()
        return folder / f"{self._panel.name}-turn-{at.turn}.{self.kind.currentData()}"

    def _rename(self) -> None:
        path = Path(self.file.text())
        if path.suffix.lower().lstrip(".") in FORMATS:
            self.file.setText(str(path.with_suffix(f".{self.kind.currentData()}")))

    def _browse(self) -> None:
        suffix = self.kind.currentData()
        name, _ = QFileDialog.getSaveFileName(self, "Export figure", self.file.text(), f"{suffix.upper()} (*.{suffix})")
        if name:
            self.file.setText(str(Path(name).with_suffix(f".{suffix}")))

    def _save(self) -> None:
        path = Path(self.file.text()).expanduser()
        if path.suffix.lower().lstrip(".") not in FORMATS:
            path = path.with_name(f"{path.name}.{self.kind.currentData()}")
        style = Style(self.large.currentData(), self.look.currentData())
        beside = [path.with_suffix(suffix) for suffix in (".csv", ".json")] if self.data.isChecked() else []
        try:
            for target in (path, *beside):
                self._panel.export(target, style)
        except MnemoscopeError as error:
            self.trouble.setText(str(error))
            self.trouble.show()
            return
        self.written = [path, *beside]
        kept = {"kind": self.kind.currentData(), "size": style.size, "theme": style.theme, "data": bool(beside)}
        self._settings.set("figure", {**kept, "folder": str(path.parent)})
        self._panel.workspace.saved.emit(path)
        self.accept()
