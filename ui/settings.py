"""What the window remembers: an ini file at a path of our own, so that tests and tours touch nobody's settings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from PySide6.QtCore import QSettings

from workbench import paths

_RECENT = 10
_ARRANGED = 100


class Settings:
    """Reads and writes ``window.ini`` in the user's folder, or wherever ``path`` says. Values are plain JSON."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or paths.user_data() / "window.ini"
        self._ini = QSettings(str(self.path), QSettings.Format.IniFormat)

    def get(self, key: str, default: Any = None) -> Any:
        """The value under a key; the default when it is absent or unreadable."""
        text = self._ini.value(key)
        if not isinstance(text, str):
            return default
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            return default

    def set(self, key: str, value: Any) -> None:
        """Remember a value."""
        self._ini.setValue(key, json.dumps(value))

    def remove(self, key: str) -> None:
        """Forget a value."""
        self._ini.remove(key)

    def sync(self) -> None:
        """Write to the file now."""
        self._ini.sync()

    def recent(self) -> list[Path]:
        """Run and session files opened last, newest first, as far as they are still there."""
        return [Path(name) for name in self.get("recent", []) if Path(name).is_file()]

    def remember(self, path: Path) -> None:
        """Put a file to the front of the recent ones."""
        name = str(Path(path).resolve())
        others = [n for n in self.get("recent", []) if n != name]
        self.set("recent", [name, *others][:_RECENT])

    def place(self, path: Path) -> dict[str, Any]:
        """Where one stood in a run when it was left; empty where that is unknown or the file is another one now."""
        kept = self.get("places", {}).get(str(Path(path).resolve()), {})
        return kept["at"] if isinstance(kept, dict) and kept.get("size") == _size(path) else {}

    def keep_place(self, path: Path, place: dict[str, Any]) -> None:
        """Remember where one stands in a run, for the runs left last."""
        name = str(Path(path).resolve())
        others = {n: at for n, at in self.get("places", {}).items() if n != name}
        self.set("places", dict(list(({name: {"at": place, "size": _size(path)}} | others).items())[:_RECENT]))

    def arrangement(self, path: Path) -> Any:
        """How the lanes of a run file were arranged, as plain JSON; None where they never were."""
        return self.get("arrangements", {}).get(str(Path(path).resolve()))

    def keep_arrangement(self, path: Path, row: dict[str, Any] | None) -> None:
        """Remember how the lanes of a run file are arranged (None: as the run has them), for those arranged last."""
        name = str(Path(path).resolve())
        others = {n: kept for n, kept in self.get("arrangements", {}).items() if n != name}
        first = {} if row is None else {name: row}
        self.set("arrangements", dict(list((first | others).items())[:_ARRANGED]))

    def layouts(self) -> dict[str, dict[str, Any]]:
        """Layouts that the user saved, by name."""
        found: dict[str, dict[str, Any]] = self.get("layouts", {})
        return found


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1
