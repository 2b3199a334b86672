"""From bytes to JSON, bounded, with errors that name line and column; and checks of what readers take from it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from workbench.errors import SessionFormatError

MAX_BYTES = 512 << 20
MAX_TURNS = 200_000
_CHOOSE = "choose a session file"
_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")


class Lines(list[Any]):
    """The JSON values of a file with one per line; ``numbers`` are their lines in the file, from 1."""

    def __init__(self, values: list[Any], numbers: list[int]) -> None:
        super().__init__(values)
        self.numbers = numbers


def load(path: Path) -> Any:
    """The file's JSON, or ``Lines``. Raises ``SessionFormatError`` for whatever is not that."""
    raw = _bytes(path)
    text = _decode(raw, path)
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        data = _lines(text, path, error)
    return _mended(data) if re.search(r"\\u[dD][89a-fA-F]", text) else data


def _bytes(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            what = f"{path}: {size >> 20} MiB, at most {MAX_BYTES >> 20} MiB are read"
            raise SessionFormatError(what, "split the file into several")
        raw = path.read_bytes()
    except FileNotFoundError as error:
        raise SessionFormatError(f"{path}: no such file", "check the path") from error
    except OSError as error:
        raise SessionFormatError(f"{path}: cannot be read ({error.strerror})", "check the path") from error
    if not raw.strip():
        raise SessionFormatError(f"{path}: the file is empty", "choose a session file")
    return raw


def _decode(raw: bytes, path: Path) -> str:
    encoding = json.detect_encoding(raw)
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        what = f"{path}: neither JSON nor {encoding.upper()} text (byte {error.start})"
        raise SessionFormatError(what, _CHOOSE) from error


def _lines(text: str, path: Path, whole: Exception) -> Any:
    """The values of a file with one JSON value per line. When it is not that either, ``whole`` is what is wrong."""
    rows = [(number, row) for number, row in enumerate(text.splitlines(), 1) if row.strip()]
    if not rows[0][1].lstrip().startswith(("{", "[")):
        raise SessionFormatError(f"{path}: text, but not JSON as every known session format is", _CHOOSE)
    if not _parses(rows[0][1]) or len(rows) < 2:
        _refuse(path, whole)
    values = []
    for number, row in rows:
        try:
            values.append(json.loads(row))
        except (ValueError, RecursionError) as error:
            _refuse(path, error, number)
    return Lines(values, [number for number, _ in rows])


def _parses(row: str) -> bool:
    try:
        json.loads(row)
    except (ValueError, RecursionError):
        return False
    return True


def _refuse(path: Path, error: Exception, line: int = 0) -> NoReturn:
    if isinstance(error, json.JSONDecodeError):
        place, what = f"line {line or error.lineno}, column {error.colno}", error.msg
    else:
        place, what = f"line {line}" if line else "", "nested too deeply" if _deep(error) else str(error)
    raise SessionFormatError(
        f"{path}: {place + ': ' if place else ''}broken JSON ({what})", "mend or re-export the file"
    )


def _deep(error: Exception) -> bool:
    return isinstance(error, RecursionError)


def _mended(data: Any) -> Any:
    """Half surrogate pairs are no text and cannot be stored: each becomes U+FFFD."""
    if isinstance(data, str):
        return _LONE_SURROGATE.sub("\N{REPLACEMENT CHARACTER}", data)
    if isinstance(data, Lines):
        return Lines([_mended(v) for v in data], data.numbers)
    if isinstance(data, list):
        return [_mended(v) for v in data]
    if isinstance(data, dict):
        return {_mended(k): _mended(v) for k, v in data.items()}
    return data


def table(value: Any, where: str) -> Mapping[str, Any]:
    """``value``, which must be a JSON object."""
    return _of(value, dict, "an object", where)


def array(value: Any, where: str) -> list[Any]:
    """``value``, which must be a JSON array."""
    return _of(value, list, "an array", where)


def string(value: Any, where: str) -> str:
    """``value``, which must be a JSON string."""
    return _of(value, str, "a string", where)


def _of(value: Any, kind: type, name: str, where: str) -> Any:
    if not isinstance(value, kind):
        raise SessionFormatError(f"{where}: must be {name}, is {describe(value)}", "mend or re-export the file")
    return value


def describe(value: Any) -> str:
    """A JSON value's type as a person calls it."""
    names = {dict: "an object", list: "an array", str: "a string", bool: "true or false", type(None): "null or missing"}
    return names.get(type(value), "a number")


def check_turns(count: int, where: str) -> None:
    """Refuse a session without turns, or one too long to replay."""
    if not count:
        raise SessionFormatError(f"{where}: no turns", "choose a session that has some")
    if count > MAX_TURNS:
        raise SessionFormatError(f"{where}: {count} turns, at most {MAX_TURNS} are read", "split the session")
