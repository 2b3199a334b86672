"""The dialog that maps a table's columns: proposals, preview, files of mappings, and the run that follows."""

import json
from pathlib import Path
from typing import Any

import pytest

from ui.dialogs.map_dialog import MapDialog
from ui.dialogs.run_dialog import RunDialog
from ui.settings import Settings
from ui.theme import theme
from ui.tour import blank
from workbench import cli
from workbench.errors import SessionFormatError, UsageError
from workbench.sessions import formats

ROWS = [
    {
        "nr": n,
        "query": f"<b>Where</b> is boat {n}?",
        "meta": {"gold": [f"pier {n}"]},
        "passage": f"Boat {n // 2} of Mira lies at pier {n}.\nIt is blue.",
        "proof": "It is blue.",
    }
    for n in range(4)
]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "boats.jsonl"
    path.write_text("\n".join(map(json.dumps, ROWS)), "utf-8")
    return path


@pytest.fixture
def dialog(qtbot: Any, table: Path) -> MapDialog:
    made = MapDialog(table)
    qtbot.addWidget(made)
    made.show()
    return made


def choose(dialog: MapDialog, **columns: str) -> None:
    for field, column in columns.items():
        dialog.boxes[field].setCurrentText(column)
    dialog.check()


def test_usual_names_are_proposed_and_what_comes_out_is_shown(dialog: MapDialog) -> None:
    assert dialog.columns() == {"question": "query", "context": "passage"}
    choose(dialog, answers="meta.gold", evidence="proof", session="=all")
    assert dialog.facts.text() == "Read: 1 session · 1 turn · 4 probes"
    assert dialog.made.table.columns == ("session", "question", "answers", "evidence", "scorer")
    assert dialog.made.table.rows[1] == ["all", "<b>Where</b> is boat 1?", "pier 1", "0", "match"]
    assert dialog.go.isEnabled()


def test_what_is_missing_or_wrong_is_said_and_nothing_can_be_started(dialog: MapDialog) -> None:
    choose(dialog, question="")
    assert "needs a question and a context" in dialog.facts.text()
    assert not dialog.go.isEnabled()
    choose(dialog, question="query", context="text")
    assert "no column 'text' for context" in dialog.facts.text()
    assert dialog.made.table.rows == []


def test_a_mapping_is_the_file_that_the_command_line_takes(
    dialog: MapDialog, table: Path, tmp_path: Path, capsys: Any
) -> None:
    choose(dialog, answers="meta.gold")
    kept = tmp_path / "boats.map.json"
    dialog.keep(kept)
    assert cli.main(["inspect", str(table), "--map", str(kept), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["format"], said["probes"]) == ("mapped", 4)
    choose(dialog, answers="", evidence="proof")
    dialog.load(kept)
    assert dialog.columns() == {"question": "query", "context": "passage", "answers": "meta.gold"}
    (tmp_path / "no.json").write_text("[1]", "utf-8")
    with pytest.raises(UsageError):
        dialog.load(tmp_path / "no.json")


def test_the_run_that_follows_reads_the_table_with_it(
    dialog: MapDialog, table: Path, qtbot: Any, tmp_path: Path
) -> None:
    choose(dialog, answers="meta.gold")
    sessions = formats.read(table, map=dialog.spec())
    run = RunDialog((table,), Settings(tmp_path / "window.ini"), None, sessions, (("map", dialog.spec()),))
    qtbot.addWidget(run)
    config = run.config()
    assert formats.read(table, **dict(config.read)) == sessions
    assert json.loads(config.to_json()["read"]["map"]) == dialog.columns()


@pytest.mark.parametrize("look", ["dark", "light"])
def test_it_fits_a_small_screen_in_both_themes(dialog: MapDialog, look: str) -> None:
    theme.use(look)
    assert dialog.minimumSizeHint().width() <= 1280
    assert dialog.minimumSizeHint().height() <= 720
    assert not blank(dialog.grab().toImage())


def test_a_file_without_rows_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "text.json"
    path.write_text('"hello"', "utf-8")
    with pytest.raises(SessionFormatError, match="no rows of a table"):
        MapDialog(path)
