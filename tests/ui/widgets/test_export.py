import json
import re
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QComboBox, QFileDialog

from ui.dialogs.figure_dialog import FigureDialog
from ui.theme import theme
from ui.widgets.export import SIZES, Style
from workbench.errors import MnemoscopeError


@pytest.fixture
def opened(window: Any, run_file: Path, settle: Any) -> Any:
    window.open(run_file)
    window.workspace.jump(34, lane=5, probe="p6")
    window.resize(1280, 720)
    settle(window.workspace)
    return window


def panel_of(window: Any, name: str, settle: Any) -> Any:
    if name == "scrubber":
        return window.scrubber
    if name in window._parts:
        return window._parts[name]
    window.show_panel(name)
    settle(window.workspace)
    return window.inspector.panel


@pytest.mark.parametrize("name", ["lanes", "scrubber", "scoreboard", "transcript", "why", "graph", "probes", "hits"])
def test_a_figure_is_whole_light_and_as_wide_as_a_column(opened: Any, name: str, tmp_path: Path, settle: Any) -> None:
    panel = panel_of(opened, name, settle)
    parent, place, size, head = panel.parentWidget(), panel.pos(), panel.size(), panel.head.isVisible()
    panel.export(tmp_path / "figure.png", Style("column"))
    settle(opened.workspace)
    image = QImage(str(tmp_path / "figure.png"))
    assert image.width() == pytest.approx(SIZES["column"].mm / 25.4 * 300, abs=2)
    assert image.dotsPerMeterX() == pytest.approx(300 / 0.0254, rel=0.01)
    assert image.pixelColor(3, 3) == QColor("white"), "the margin is paper"
    assert (panel.parentWidget(), panel.pos(), panel.size()) == (parent, place, size)
    assert panel.isVisible()
    assert panel.head.isVisible() == head
    assert theme.active().dark
    assert not panel.window().grab().toImage().isNull()


def test_nothing_is_cut(opened: Any, tmp_path: Path, settle: Any) -> None:
    panel = panel_of(opened, "probes", settle)
    assert panel.grid.verticalScrollBar().maximum() > 0, "on screen it is"
    panel.export(tmp_path / "figure.svg", Style("page"))
    text = re.sub(r"<[^>]+>", " ", (tmp_path / "figure.svg").read_text("utf-8"))
    for line in panel.view.lines:
        assert f"{line.turn} " in text
    assert text.count("Where does") >= len(panel.view.lines)
    assert "Not all of it is shown" not in text


def test_it_says_of_whom_and_when(opened: Any, tmp_path: Path, settle: Any) -> None:
    panel = panel_of(opened, "hits", settle)
    panel.export(tmp_path / "figure.svg", Style("page"))
    text = re.sub(r"<[^>]+>", " ", (tmp_path / "figure.svg").read_text("utf-8"))
    for said in ("a-mem", "turn 34", "p6", "invented", "run.mnemo"):
        assert said in text, said
    panel.export(tmp_path / "figure.json")
    data = json.loads((tmp_path / "figure.json").read_text("utf-8"))
    assert (data["lane"], data["turn"], data["probe"], data["model"]) == ("a-mem", 34, "p6", "invented")
    assert data["title"]
    assert len(data["rows"]) == len(panel.table(panel.view).rows)
    assert all(len(row) == len(data["columns"]) for row in data["rows"])


def test_controls_are_no_part_of_it_and_come_back(opened: Any, tmp_path: Path, settle: Any) -> None:
    panel = panel_of(opened, "attention", settle)
    shown = [w for w in panel.findChildren(QComboBox) if w.isVisible()]
    assert shown
    panel.export(tmp_path / "figure.pdf", Style("slide", "dark"))
    settle(opened.workspace)
    assert (tmp_path / "figure.pdf").read_bytes().startswith(b"%PDF")
    assert all(w.isVisible() for w in shown)


def test_the_dialog_writes_figure_and_data_and_says_where(opened: Any, tmp_path: Path, settle: Any) -> None:
    panel = panel_of(opened, "hits", settle)
    dialog = FigureDialog(panel, opened.settings, opened)
    dialog.kind.setCurrentIndex(dialog.kind.findData("svg"))
    assert dialog.file.text().endswith(".svg")
    dialog.file.setText(str(tmp_path / "nowhere" / "hits.svg"))
    dialog._save()
    assert "cannot be written" in dialog.trouble.text()
    dialog.file.setText(str(tmp_path / "hits.svg"))
    dialog.data.setChecked(True)
    dialog._save()
    assert {path.name for path in tmp_path.glob("hits.*")} == {"hits.svg", "hits.csv", "hits.json"}
    assert str(tmp_path / "hits.svg") in opened.notice.what.text()
    again = FigureDialog(panel, opened.settings, opened)
    assert (again.kind.currentData(), again.data.isChecked()) == ("svg", True)


def test_the_report_is_written_from_the_window(
    opened: Any, tmp_path: Path, settle: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "run"), ""))
    opened.registry.run("file.export-report")
    settle(opened.workspace)
    assert "<html" in (tmp_path / "run.html").read_text("utf-8")
    assert "run.html" in opened.notice.what.text()


def test_a_folder_that_is_not_there_leaves_the_panel_in_place(opened: Any, tmp_path: Path) -> None:
    panel = opened._parts["lanes"]
    parent = panel.parentWidget()
    with pytest.raises(MnemoscopeError, match="cannot be written"):
        panel.export(tmp_path / "nowhere" / "figure.png")
    assert panel.parentWidget() is parent
    assert theme.active().dark
