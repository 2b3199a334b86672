"""Writes the small files that tests of readers open."""

import json
import zipfile
from pathlib import Path
from typing import Any

from workbench.sessions import Session, formats


def read(folder: Path, *rows: Any, name: str = "log") -> list[Session]:
    """The sessions of one JSON value, or of several as JSON Lines."""
    path = folder / f"{name}.{'json' if len(rows) == 1 else 'jsonl'}"
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), "utf-8")
    return formats.read(path)


def zipped(path: Path, files: dict[str, Any], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    """An archive of JSON files."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in files.items():
            archive.writestr(name, json.dumps(data))
    return path


def spoken(session: Session) -> list[tuple[str, str]]:
    """Role and text of every turn."""
    return [(t.role, t.text) for t in session.turns]


def dates(session: Session) -> list[str]:
    """The date of every turn."""
    return [t.date for t in session.turns]
