"""A field to choose a model in: installed ones by name, GGUF files that lie about, or a server's address."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QComboBox, QFileDialog, QWidget

from ui.settings import Settings
from workbench import paths
from workbench.models import store


class ModelField(QComboBox):
    """Stands at the model that was used last.

    Args:
        demo: whether the bundled model is one of the choices; else none may be chosen at first.
    """

    def __init__(self, settings: Settings, parent: QWidget | None = None, demo: bool = True) -> None:
        super().__init__(parent)
        self.setEditable(True)
        self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.setToolTip("A model, the path of a GGUF, or a server: http://HOST:PORT/v1#MODEL")
        self.setAccessibleName("Model")
        if demo:
            self.addItem("demo model (understands the sample sessions' English)", "demo")
        have = store.installed()
        for name in have:
            self.addItem(name, name)
        known = {one.file.resolve() for one in have.values()}
        for folder in paths.model_folders():
            for path in sorted(folder.glob("*.gguf")):
                if path.name not in (paths.EMBEDDING_MODEL, paths.DEMO_MODEL) and path.resolve() not in known:
                    self.addItem(path.name, str(path))
        self.currentIndexChanged.connect(lambda _: self._from_start())
        self.choose(str(settings.get("model", "demo")))
        self._from_start()

    @property
    def chosen(self) -> str:
        """The entry that is chosen, or what was typed: a server's address, a path."""
        typed = self.currentText().strip()
        place = self.findText(typed)
        return str(self.itemData(place)) if place >= 0 else typed or ("demo" if self.findData("demo") >= 0 else "")

    def choose(self, name: str) -> None:
        """Stand at a model, where there is such a one."""
        if self.findData(name) < 0 and (Path(name).is_file() or "://" in name):
            self.addItem(name if "://" in name else Path(name).name, name)
        self.setCurrentIndex(max(0, self.findData(name)))

    def setPlaceholderText(self, text: str) -> None:  # noqa: D102 - of what is typed; Qt shows its own only unedited
        field = self.lineEdit()
        if field is not None:
            field.setPlaceholderText(text)

    def _from_start(self) -> None:
        """A name that is too long shows its beginning."""
        field = self.lineEdit()
        if field is not None:
            field.setCursorPosition(0)

    def browse(self) -> None:
        """Ask for a file."""
        name, _ = QFileDialog.getOpenFileName(self, "Open model", str(paths.models()), "GGUF models (*.gguf)")
        if name:
            self.choose(name)
