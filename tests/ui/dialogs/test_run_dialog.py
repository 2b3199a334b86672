"""Replaying a session: sessions, lanes, parameters, cost, and what keeps Start from being pressed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt

from tests.support.runs import session_file
from ui.dialogs.lane_picker import EXAMPLES
from ui.dialogs.run_dialog import FIRST_CHOICE, RunDialog, _short
from ui.settings import Settings
from workbench.lanes import LaneSpec
from workbench.sessions import formats


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path / "window.ini")


@pytest.fixture
def dialog(qtbot: Any, tmp_path: Path, settings: Settings) -> RunDialog:
    made = RunDialog((session_file(tmp_path),), settings)
    qtbot.addWidget(made)
    return made


def many(tmp_path: Path) -> Path:
    """A file of three sessions, as JSON Lines."""
    one = formats.read(session_file(tmp_path))[0]
    path = tmp_path / "three.jsonl"
    path.write_text("\n".join(json.dumps(replace(one, name=name).to_json()) for name in ("first", "second", "third")))
    return path


def tick(dialog: RunDialog, name: str) -> None:
    model = dialog.lanes.model
    index = model.index(model.row(name), 0)
    old = Qt.CheckState(index.data(Qt.ItemDataRole.CheckStateRole))
    new = Qt.CheckState.Unchecked if old == Qt.CheckState.Checked else Qt.CheckState.Checked
    assert model.setData(index, new, Qt.ItemDataRole.CheckStateRole)


def test_it_makes_a_configuration(dialog: RunDialog, tmp_path: Path) -> None:
    dialog.lanes.none.click()
    assert not dialog.start.isEnabled()
    tick(dialog, "bm25")
    dialog.lanes.typed.setText("window:turns=4; nonsense")
    assert not dialog.start.isEnabled()
    assert "nonsense" in dialog.wrong.text()
    dialog.lanes.typed.setText("window:turns=4")
    dialog.capture.setChecked(False)
    dialog.seed.setText("7")
    dialog.requests.setCurrentIndex(dialog.requests.findData("multi-turn"))
    assert dialog.start.isEnabled()
    config = dialog.config()
    assert config.lanes == ("bm25", "window:turns=4")
    assert (config.capture, config.seed, config.only) == ("off", 7, ())
    assert config.requests == "multi-turn"
    assert config.path.name == f"{config.sessions[0].stem}.mnemo"


def test_a_run_never_takes_another_ones_file(dialog: RunDialog, settings: Settings, qtbot: Any) -> None:
    config = dialog.config()
    config.path.write_text("")
    again = RunDialog(config.sessions, settings)
    qtbot.addWidget(again)
    assert again.config().path.name == f"{config.path.stem}-2.mnemo"


def test_what_is_wrong_with_a_model_is_said_when_it_is_chosen(dialog: RunDialog, tmp_path: Path) -> None:
    fake = tmp_path / "fake.gguf"
    fake.write_bytes(b"no model at all, but long enough to be looked at")
    for typed, said in (
        ("/nowhere/at-all.gguf", "no model file"),
        ("http://key@127.0.0.1/v1", "password"),
        (str(fake), "fake.gguf"),
    ):
        dialog.model.setCurrentText(typed)
        assert not dialog.start.isEnabled() and said in dialog.wrong.text()
        assert not dialog.cost.text()
    dialog.model.setCurrentText("http://127.0.0.1:8080/v1#smol")
    assert dialog.start.isEnabled()
    assert dialog.config().model == "http://127.0.0.1:8080/v1#smol"


def test_of_many_sessions_the_first_is_chosen(tmp_path: Path, settings: Settings, qtbot: Any) -> None:
    dialog = RunDialog((many(tmp_path),), settings)
    qtbot.addWidget(dialog)
    assert dialog.sessions.isVisibleTo(dialog)
    assert dialog.config().only == ("first",)
    one = dialog.cost.text()
    dialog.sessions.choose("second", "third")
    assert dialog.config().only == ("second", "third")
    dialog.sessions.choose()
    assert dialog.config().only == ()
    assert dialog.cost.text() != one
    for line in dialog.sessions._lines:
        line.setCheckState(0, Qt.CheckState.Unchecked)
    assert not dialog.start.isEnabled() and "session" in dialog.wrong.text()


def test_a_parameter_belongs_to_its_lane(dialog: RunDialog) -> None:
    picker = dialog.lanes
    picker.none.click()
    picker.table.selectRow(picker._shown("bm25"))
    row = next(n for n in range(picker._form.rowCount()) if picker._form.itemAt(n, picker._form.ItemRole.LabelRole)
               .widget().text() == "k")  # fmt: skip
    field = picker._form.itemAt(row, picker._form.ItemRole.FieldRole).widget()
    assert field.placeholderText() == str(LaneSpec.parse("bm25").strategy().k)
    field.setText("3")
    assert dialog.specs() == ["bm25:k=3"]
    field.setText("many")
    assert not dialog.start.isEnabled() and "k" in dialog.wrong.text()
    field.setText("")
    assert dialog.specs() == ["bm25"]


def test_the_filter_finds_by_name_and_paper(dialog: RunDialog) -> None:
    picker = dialog.lanes
    everything = picker.rows.rowCount()
    picker.filter.setText("mem0 graph")
    assert 0 < picker.rows.rowCount() < everything
    picker.filter.setText("2502.12110")  # A-MEM's arXiv number
    assert [picker.rows.index(0, 1).data()] == ["a-mem"] and picker.rows.rowCount() == 1
    picker.filter.clear()
    picker.only.setChecked(True)
    assert picker.rows.rowCount() == len(FIRST_CHOICE)


def test_space_and_double_click_tick(dialog: RunDialog, qtbot: Any) -> None:
    picker = dialog.lanes
    picker.none.click()
    dialog.show()
    picker.table.setCurrentIndex(picker.rows.index(picker._shown("dense"), 0))
    qtbot.keyClick(picker.table, Qt.Key.Key_Space)
    assert dialog.specs() == ["dense"]
    picker.table.doubleClicked.emit(picker.rows.index(picker._shown("mem0"), 2))
    assert dialog.specs() == ["dense", "mem0"]


def test_the_last_choice_comes_back(dialog: RunDialog, settings: Settings, qtbot: Any) -> None:
    dialog.lanes.none.click()
    tick(dialog, "a-mem")
    dialog.lanes.typed.setText("bm25:k=7")
    config = dialog.config()
    again = RunDialog(config.sessions, settings)
    qtbot.addWidget(again)
    assert again.specs() == ["a-mem", "bm25:k=7"]


def test_it_says_what_the_run_will_cost(dialog: RunDialog, settings: Settings, qtbot: Any) -> None:
    assert "time not known" in dialog.cost.text()
    settings.set("speeds", {"demo": 1000.0})
    dialog._check()
    assert "time not known" not in dialog.cost.text() and "model calls" in dialog.cost.text()
    dialog.lanes.none.click()
    tick(dialog, "bm25")
    cheap = dialog.cost.text()
    dialog.controls.setChecked(True)
    assert dialog.cost.text() != cheap and "4 lanes" in dialog.cost.text()


def test_several_sessions_leave_the_lanes_their_room(tmp_path: Path, settings: Settings, qtbot: Any) -> None:
    one, three = (RunDialog((path,), settings) for path in (session_file(tmp_path), many(tmp_path)))
    most = three.screen().availableGeometry().height()
    assert one.height() < three.height() <= most or most < 800
    for made in (one, three):
        qtbot.addWidget(made)


def test_the_examples_of_specs_are_lanes(dialog: RunDialog) -> None:
    assert all(example in dialog.lanes.typed.placeholderText() for example in EXAMPLES)
    for example in EXAMPLES[:-1]:  # the last one names a file that a person would have
        LaneSpec.parse(example)


@pytest.mark.parametrize(
    ("tokens", "said"), [(8_213, "8,200"), (123_456, "120 k"), (412_000, "410 k"), (1_249_000, "1.2 M"), (12e6, "12 M")]
)
def test_an_estimate_is_said_in_two_digits(tokens: float, said: str) -> None:
    assert _short(int(tokens)) == said
