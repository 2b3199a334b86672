"""Tables in text (CSV, tab- or semicolon-separated) as rows."""

from __future__ import annotations

import csv
import io
from itertools import islice
from typing import Any

from workbench.errors import SessionFormatError
from workbench.sessions.formats.limits import MAX_BYTES, MAX_LINES
from workbench.sessions.formats.lines import Lines

_MARKS = (",", ";", "\t", "|")
_LOOKED_AT = 20
"""Rows that must be as wide as the first for a text to be a table."""


def rows(raw: bytes) -> Lines | None:
    """The rows under their header; None for a text that is no table of at least two columns and one row.

    Raises ``SessionFormatError`` for a table that is too long or breaks off.
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return None
    mark = next((m for m in _MARKS if _is_table(text, m)), None)
    if mark is None:
        return None
    try:
        found = list(islice(csv.DictReader(io.StringIO(text, newline=""), delimiter=mark), MAX_LINES + 1))
    except csv.Error as error:
        raise SessionFormatError(f"a damaged CSV table ({error})", "export it again") from error
    if len(found) > MAX_LINES:
        raise SessionFormatError(f"more than {MAX_LINES} rows", "split the file into several")
    return Lines.of_rows([{k: v for k, v in row.items() if k} for row in found])


def _is_table(text: str, mark: str) -> bool:
    """Whether the first rows are equally wide, and the header says a name for every column."""
    csv.field_size_limit(MAX_BYTES)
    try:
        first: list[Any] = list(islice(csv.reader(io.StringIO(text, newline=""), delimiter=mark), _LOOKED_AT + 1))
    except csv.Error:
        return False
    filled = [row for row in first if row]
    if len(filled) < 2 or len(filled[0]) < 2 or len(set(filled[0])) < len(filled[0]):
        return False
    named = all(name.strip() and len(name) < 80 and "\n" not in name for name in filled[0])
    return named and all(len(row) == len(filled[0]) for row in filled)
