"""Several values in one file, with their places."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from workbench.sessions.formats.limits import Remarks

_SAMPLE = 20
_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")
PACKED = (".gz", ".bz2", ".xz", ".zst", ".zstd")
"""Endings of compressed files."""


class Lines(list[Any]):
    """The JSON values of a file with one per line.

    Attributes:
        numbers: their lines in the file, from 1.
        remarks: lines that could not be read.
    """

    def __init__(
        self, values: Sequence[Any], numbers: Sequence[int], word: str = "line", remarks: Remarks | None = None
    ) -> None:
        super().__init__(values)
        self.numbers, self.word, self.remarks = numbers, word, remarks or Remarks()

    @classmethod
    def of_rows(cls, rows: Sequence[Any]) -> Lines:
        """The rows of a table."""
        return cls(rows, range(1, len(rows) + 1), "row")

    def where(self, at: int) -> str:
        """``line 3``, or ``row 3`` of a table."""
        return f"{self.word} {self.numbers[at]}"


def placed(data: Any) -> Iterator[tuple[str, Any]]:
    """Every row with its place: ``line 3`` of lines, ``[2]`` of a list; anything else is one row at ``""``."""
    if isinstance(data, Lines):
        yield from ((data.where(n), row) for n, row in enumerate(data))
    elif isinstance(data, list):
        yield from ((f"[{n}]", row) for n, row in enumerate(data))
    else:
        yield "", data


def sample(data: Any) -> list[dict[str, Any]]:
    """The first objects among the file's rows: what a reader looks at to recognise a format. One bad row hides none."""
    rows = data[:_SAMPLE] if isinstance(data, list) else [data]
    return [row for row in rows if isinstance(row, dict)]


def dotted(where: str, key: str | int) -> str:
    """The place of ``key`` inside the place ``where``: ``[2].qa``, ``line 3: messages``, ``messages[4]``."""
    if isinstance(key, int):
        return f"{where}[{key}]"
    if not where:
        return key
    return f"{where}: {key}" if where.startswith(("line ", "row ", "value ")) and ":" not in where else f"{where}.{key}"


def stem(path: Path) -> str:
    """The file's name without its ending (both of ``x.json.gz``), in characters that can be stored."""
    name = path.name
    if name.lower().endswith(PACKED):
        name = Path(name).stem
    return _LONE_SURROGATE.sub("\N{REPLACEMENT CHARACTER}", Path(name).stem) or "session"
