"""One reader per file format; ``read`` recognises a file by its content and hands back sessions.

A reader is a module with ``detect(data, path) -> bool`` and ``read(data, path) -> list[Session]``. ``data`` is the
parsed JSON of the file, or a ``Lines`` of one JSON value per line. A reader raises ``SessionFormatError`` that names
the place in the file; what it tolerates becomes a warning of the session, which names the place too. Neither names the
file: ``read`` puts that in front of an error, and a session must be the same wherever its file lies.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from workbench.errors import SessionFormatError
from workbench.sessions.formats.loading import load
from workbench.sessions.model import Session

__all__ = ["READERS", "read", "recognise"]

READERS: dict[str, str] = {
    "native": "workbench.sessions.formats.native",
    "locomo": "workbench.sessions.formats.locomo",
    "longmemeval": "workbench.sessions.formats.longmemeval",
    "memoryagentbench": "workbench.sessions.formats.memoryagentbench",
    "openai": "workbench.sessions.formats.openai",
}
"""Name to module, in the order in which they are asked. Modules are imported when a file is read."""

TITLES: dict[str, str] = {
    "native": "Mnemoscope session",
    "locomo": "LoCoMo",
    "longmemeval": "LongMemEval",
    "memoryagentbench": "MemoryAgentBench",
    "openai": "OpenAI chat",
}
"""What a person calls each format."""


class Reader(Protocol):
    """What a module named in ``READERS`` offers."""

    def detect(self, data: Any, path: Path) -> bool:
        """Whether this is the reader for the file."""
        ...

    def read(self, data: Any, path: Path) -> list[Session]:
        """Every session in the file, at least one."""
        ...


def read(path: Path | str) -> list[Session]:
    """Every session in the file. Raises ``SessionFormatError`` naming the file, the place and the remedy."""
    path = Path(path)
    data = load(path)
    reader = _reader(data, path)[1]
    try:
        return reader.read(data, path)
    except SessionFormatError as error:
        raise SessionFormatError(f"{path}: {error.what}", error.remedy) from error


def recognise(path: Path | str) -> str:
    """Name of the file's format. Raises as ``read`` does when it has none."""
    path = Path(path)
    return _reader(load(path), path)[0]


def _reader(data: Any, path: Path) -> tuple[str, Reader]:
    for name, module in READERS.items():
        reader: Reader = import_module(module)  # type: ignore[assignment]
        if reader.detect(data, path):
            return name, reader
    known = ", ".join(TITLES.values())
    raise SessionFormatError(f"{path}: JSON, but none of the known session formats", f"known: {known}")
