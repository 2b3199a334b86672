"""What SQLite and the system say of a run file, as one line with its remedy."""

import sqlite3
from pathlib import Path

import pytest

from workbench.trace import trouble

RUN = Path("/runs/a.mnemo")
REPAIR = trouble.SAVE
SAID = [
    (sqlite3.OperationalError("database or disk is full"), True, "the disk is full", "free some space and run"),
    (OSError(28, "No space left on device"), True, "the disk is full", "free some space and run"),
    (sqlite3.DatabaseError("file is not a database"), False, "not a Mnemoscope run file", "choose another one"),
    (sqlite3.OperationalError("database is locked"), False, "cannot be read (database is locked)", "permissions"),
    (sqlite3.OperationalError("database is locked"), True, "cannot be written (database is locked)", "permissions"),
    (sqlite3.OperationalError("disk I/O error"), False, "cannot be read (disk I/O error)", "permissions"),
    (sqlite3.OperationalError("unable to open database file"), True, "cannot be written", "permissions"),
    (OSError(13, "Permission denied"), False, "cannot be read (Permission denied)", "permissions"),
    (sqlite3.OperationalError("attempt to write a readonly database"), True, "cannot be written", "permissions"),
    (sqlite3.DatabaseError("database disk image is malformed"), True, "a damaged run file", REPAIR),
    (sqlite3.OperationalError("no such table: event"), True, "a damaged run file (no such table", REPAIR),
    (sqlite3.OperationalError("no such column: seq"), False, "a damaged run file (no such column", REPAIR),
]


@pytest.mark.parametrize(("error", "writing", "what", "remedy"), SAID)
def test_trouble_is_told_in_words(
    error: sqlite3.Error, writing: bool, what: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trouble, "_free", lambda path: 1 << 30)
    told = str(trouble.told(RUN, error, writing))
    assert told.startswith(f"{RUN}: {what}") and remedy in told and "\n" not in told


def test_a_run_file_is_asked_for_where_something_else_was_chosen() -> None:
    said = str(trouble.told(Path("/runs/a.txt"), sqlite3.DatabaseError("file is not a database")))
    assert "choose a .mnemo file" in said


def test_an_input_error_on_a_disk_without_room_is_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trouble, "_free", lambda path: (1 << 20) - 1)
    error = sqlite3.OperationalError("disk I/O error")
    assert "the disk is full" in str(trouble.told(RUN, error, writing=True))
    assert str(trouble.told(RUN, error)) == f"{RUN}: cannot be read, since the disk is full - free some space"


def test_where_the_room_cannot_be_known_no_disk_is_called_full(tmp_path: Path) -> None:
    gone = tmp_path / "gone" / "a.mnemo"
    assert "check the disk" in str(trouble.told(gone, sqlite3.OperationalError("disk I/O error"), writing=True))
    here = tmp_path / "a.mnemo"
    assert trouble._free(here) > 0


def test_what_is_damaged_is_cut(tmp_path: Path) -> None:
    assert len(str(trouble.damaged(RUN, "x" * 9000))) < 400
