"""What SQLite says of a run file, in words: a full disk, a damaged file, one that cannot be opened."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

from workbench.errors import TraceError

_ROOM = 1 << 20  # bytes; SQLite fails in several ways when there is less, and says "full" in one of them only
SAVE = "`mnemoscope repair FILE --out NEW` saves what can still be read"


def told(path: Path, error: sqlite3.Error | OSError, writing: bool = False) -> TraceError:
    """One line for a person.

    Args:
        writing: whether the file was to be written; then a disk without room is the likely cause.
    """
    text = str(error.strerror or error) if isinstance(error, OSError) else str(error)
    if writing and ("full" in text or "No space" in text or ("disk I/O" in text and _free(path) < _ROOM)):
        return TraceError(f"{path}: the disk is full", "free some space and run the same command again")
    if "not a database" in text:
        remedy = "choose another one" if path.suffix == ".mnemo" else "choose a .mnemo file"
        return TraceError(f"{path}: not a Mnemoscope run file ({text})", remedy)
    if "disk I/O" in text and _free(path) < _ROOM:
        return TraceError(f"{path}: cannot be read, since the disk is full", "free some space")
    if "locked" in text or "unable to open" in text or "disk I/O" in text or isinstance(error, OSError):
        what = "written" if writing else "read"
        return TraceError(f"{path}: cannot be {what} ({text})", "check the disk and the permissions of file and folder")
    if writing and not _broken(text):
        return TraceError(f"{path}: cannot be written ({text})", "check the disk and the folder's permissions")
    return damaged(path, text)


def damaged(path: Path, what: str) -> TraceError:
    """A file that holds something else than this program wrote."""
    return TraceError(f"{path}: a damaged run file ({what[:200]})", SAVE)


def _broken(text: str) -> bool:
    return any(word in text for word in ("malformed", "no such table", "no such column", "corrupt", "decode"))


def _free(path: Path) -> int:
    try:
        return shutil.disk_usage(path.parent).free
    except OSError:
        return _ROOM
