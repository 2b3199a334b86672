"""The model manager in the window: what it lists, and what its buttons do, with a package of our own as the source."""

import threading
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtGui import QImage

from ui.dialogs.models_dialog import ModelsDialog
from ui.settings import Settings
from ui.theme import theme
from ui.tour import blank
from workbench.models import obtain, store
from workbench.models.catalogue import Entry
from workbench.models.tune import Form


@pytest.fixture
def dialog(qtbot: Any, tmp_path: Path) -> ModelsDialog:
    made = ModelsDialog(Settings(tmp_path / "window.ini"))
    qtbot.addWidget(made)
    made.show()
    return made


def listed(dialog: ModelsDialog) -> dict[str, tuple[Any, ...]]:
    return {row[0]: tuple(row) for row in dialog.model.table.rows}


@pytest.mark.parametrize("look", ["dark", "light"])
def test_every_model_is_listed_with_what_a_choice_needs(qtbot: Any, tmp_path: Path, look: str) -> None:
    theme.use(look)
    made = ModelsDialog(Settings(tmp_path / "window.ini"))
    qtbot.addWidget(made)
    made.show()
    rows = listed(made)
    assert rows["demo"][1] == "yes" and rows["qwen3-8b"][1] == ""
    made.choose("qwen3-8b")
    assert "not tried" in made.about.text()
    assert made.get.isEnabled() and not (made.use.isEnabled() or made.tune.isEnabled() or made.remove.isEnabled())
    made.choose("demo")
    assert not (made.get.isEnabled() or made.remove.isEnabled() or made.tune.isEnabled())
    picture: QImage = made.grab().toImage()
    assert not blank(picture)


def test_a_model_is_obtained_used_and_removed(
    qtbot: Any,
    tmp_path: Path,
    package: Path,
    entry: Entry,
) -> None:
    settings = Settings(tmp_path / "window.ini")
    dialog = ModelsDialog(settings)
    qtbot.addWidget(dialog)
    dialog.show()
    dialog.choose("tiny")
    with qtbot.waitSignal(dialog.jobs.finished, timeout=60_000):
        dialog.get.click()
        assert dialog.stop.isVisible() and not dialog.get.isEnabled()
    assert listed(dialog)["tiny"][1] == "yes"
    assert "is installed" in dialog.said.text() and not dialog.bar.isVisible()
    dialog.use.click()
    assert settings.get("model") == "tiny"
    dialog.remove.click()
    assert (settings.get("model"), store.installed()) == ("demo", {})


def test_a_download_is_cancelled(dialog: ModelsDialog, qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from workbench.errors import Cancelled

    def endless(name: str, progress: Any, cancelled: Any) -> Any:
        progress(5, 10)
        while not cancelled():
            threading.Event().wait(0.01)
        raise Cancelled("cancelled")

    monkeypatch.setattr(obtain, "get", endless)
    dialog.choose("qwen3-8b")
    dialog.get.click()
    qtbot.waitUntil(lambda: dialog.bar.value() == 500, timeout=30_000)
    with qtbot.waitSignal(dialog.jobs.failed, timeout=30_000):
        dialog.stop.click()
    assert "Cancelled" in dialog.said.text() and dialog.get.isEnabled()


def test_what_fails_is_one_line(dialog: ModelsDialog, qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    dialog.choose("qwen3-8b")
    with qtbot.waitSignal(dialog.jobs.failed, timeout=60_000):
        dialog.get.click()
    assert "HF_HUB_OFFLINE" in dialog.said.text() and "\n" not in dialog.said.text()


def test_a_file_of_ones_own(dialog: ModelsDialog, gguf: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "<b>wrong.gguf"
    wrong.write_text("no model at all, and long enough for a header")
    dialog.add_file(wrong)
    assert "<b>wrong.gguf is not a GGUF file" in dialog.said.text()
    dialog.add_file(gguf)
    assert dialog.current is not None and dialog.current.name == "tiny-model"
    assert dialog.tune.isEnabled() and dialog.remove.isEnabled()


def test_a_faster_form_says_what_it_costs(
    dialog: ModelsDialog,
    qtbot: Any,
    gguf: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from workbench.models import tune

    forms = [
        Form("tiny-model", True, 1, 100.0, 10.0, 0.0, 1.0, True, 1),
        Form("tiny-model-q80", False, 1, 150.0, 10.0, 0.004, 0.98, True, 1),
    ]
    monkeypatch.setattr(tune, "aside", lambda name, threads, note, cancelled: forms)
    dialog.add_file(gguf)
    with qtbot.waitSignal(dialog.jobs.finished, timeout=30_000):
        dialog.tune.click()
    assert "tiny-model-q80 (1.5 × as fast, KL 0.004)" in dialog.said.text()
