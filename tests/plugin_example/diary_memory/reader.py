"""A format of its own: ``# diary`` and a line per turn, ``speaker: text``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workbench.sessions.model import Session, Turn


def detect(data: Any, path: Path) -> bool:
    """A JSON object with the key ``diary``."""
    return isinstance(data, dict) and isinstance(data.get("diary"), list)


def read(data: Any, path: Path) -> list[Session]:
    """One session of the diary's lines."""
    said = (str(line).partition(": ") for line in data["diary"])
    return [Session(path.stem, tuple(Turn(n, "user", text, who) for n, (who, _, text) in enumerate(said)))]
