"""From a file to data that readers understand, bounded in size, depth and count, with errors that name line and column.

``load`` hands back one of four things: the JSON value of the file; ``Lines``, the values of a file with one per line
(or the rows of a Parquet file); an ``Archive`` (zip); or a ``Database`` (SQLite). Gzip, bzip2, xz and zstd are
unpacked, UTF-8 with and without a mark, UTF-16 and UTF-32 decoded, and JSON in a string of JSON is taken out of it.
NaN and the infinities, which pandas writes where there is nothing, become null.
"""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from pydantic_core import from_json

from workbench.errors import SessionFormatError
from workbench.sessions.formats import packed, parquet, tables
from workbench.sessions.formats.archive import Archive
from workbench.sessions.formats.database import Database
from workbench.sessions.formats.limits import MAX_BYTES, MAX_LINES, MAX_VALUES, Remarks, one_line
from workbench.sessions.formats.lines import PACKED, Lines, stem

__all__ = ["Archive", "Database", "Lines", "load", "members", "parse", "stem"]

_CHOOSE = "choose a session file"
_MEND = "mend or re-export the file"
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_ESCAPE = re.compile(rb"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(u[dD][89a-fA-F]..)|.)", re.S)
_NEXT = re.compile(rb"^[}\]][\s\x1e]*[{\[]", re.M)  # a line that ends a value, and one that begins the next
_ROW = re.compile(rb"[^\n]*[}\]][ \t\r]*\n[ \t\r]*[{\[]")  # the first line is a value of its own: JSON Lines
_STREAM = re.compile(rb"\s*(?:(?:event|id|retry):[^\n]*\n)*data:[ \t]*[{\[]")  # server-sent events, as they were logged
_PYTHON = re.compile(rb"\s*[\[({]{1,2}\s*'")
_SPACE = re.compile(r"[\s\x1e]*")
_AT = re.compile(r"(.*) at line (\d+) column (\d+)$", re.S)
_JSON = (".json", ".jsonl", ".ndjson", ".af")  # endings of members that may hold sessions
_DOUBLE = 2  # JSON in a string in a string


def load(path: Path) -> Any:
    """The file's data. Raises ``SessionFormatError`` naming the file for whatever cannot be that."""
    try:
        return _load(path)
    except SessionFormatError as error:
        raise SessionFormatError(f"{path}: {one_line(error.what)}", error.remedy) from error
    except OSError as error:
        raise SessionFormatError(f"{path}: cannot be read ({error.strerror or error})", "check the path") from error


def _load(path: Path) -> Any:
    try:
        info = path.stat()
    except FileNotFoundError as error:
        raise SessionFormatError("no such file", "check the path") from error
    except ValueError as error:  # a NUL in the name
        raise SessionFormatError("no name of a file", "check the path") from error
    if stat.S_ISDIR(info.st_mode):
        raise SessionFormatError("a folder", "choose a session file in it")
    if not stat.S_ISREG(info.st_mode):
        raise SessionFormatError("cannot be read (no regular file)", "save what it gives to a file first")
    with path.open("rb") as handle:
        kind = packed.kind(handle.read(packed.HEAD))
    if kind == "zip":
        return Archive(path)
    if kind == "sqlite":
        return Database(path)
    if kind == "parquet":
        return Lines.of_rows(parquet.rows(path))
    if kind in packed.STREAMS:
        return parse(packed.unpacked(path, kind))
    if info.st_size > MAX_BYTES:
        raise SessionFormatError(
            f"{info.st_size >> 20} MiB, at most {MAX_BYTES >> 20} MiB are read", "split the file into several"
        )
    return parse(path.read_bytes())


def parse(raw: bytes) -> Any:
    """The JSON value of ``raw``, or its ``Lines``. Raises ``SessionFormatError`` for whatever is not that."""
    raw = _utf8(raw)
    if _STREAM.match(raw):
        raw = b"\n".join(line[5:] for line in raw.split(b"\n") if line.startswith(b"data:") and b"[DONE]" not in line)
    if not raw.strip():
        raise SessionFormatError("the file is empty", _CHOOSE)
    if sum(raw.count(sign) for sign in (b",", b"[", b"{")) > MAX_VALUES:
        raise SessionFormatError(f"more than {MAX_VALUES} values", "split the file into several")
    try:
        data = _json(raw)
    except ValueError as error:
        found = _sequence(raw)
        return _lines(raw, error) if found is None else found
    return _inner(data)


def _sequence(raw: bytes) -> Lines | None:
    """Values that follow one another over several lines each, as programs write that append indented JSON; or None."""
    if not _NEXT.search(raw) or _ROW.match(raw):
        return None
    return _one_by_one(raw)


def _one_by_one(raw: bytes, least: int = 1) -> Lines | None:
    """The values that follow one another, whatever stands between them; None for fewer than ``least``."""
    text = raw.decode("utf-8", "replace")
    values: list[Any] = []
    remarks, decoder = Remarks(), json.JSONDecoder()
    at = len(text) - len(text.lstrip())
    while at < len(text):
        try:
            end = decoder.raw_decode(text, at)[1]
            if len(values) == MAX_LINES:
                raise SessionFormatError(f"more than {MAX_LINES} values", "split the file into several")
            values.append(_json(text[at:end].encode("utf-8", "replace")))
        except (ValueError, RecursionError):
            if len(values) < least:
                return None
            remarks.add(f"value {len(values) + 1}", "broken JSON; it and what follows are left out")
            break
        at = _SPACE.match(text, end).end()  # type: ignore[union-attr]
    return Lines(values, range(1, len(values) + 1), "value", remarks)


def _inner(data: Any) -> Any:
    """What a string of JSON holds: some programs encode twice."""
    for _ in range(_DOUBLE):
        if not (isinstance(data, str) and data.lstrip()[:1] in ("{", "[", '"')):
            break
        try:
            data = _json(data.encode("utf-8", "replace"))
        except ValueError:
            break
    return data


def _json(raw: bytes) -> Any:
    """The value, at most 200 levels deep. Half a surrogate pair is no text and cannot be stored: it becomes U+FFFD."""
    try:
        data = from_json(raw)
    except ValueError:
        if not _SURROGATE.search(raw):
            raise
        data = from_json(_ESCAPE.sub(lambda m: rb"\ufffd" if m[1] else m[0], raw))
    return finite(data)


def finite(data: Any) -> Any:
    """``data`` with null in the place of numbers that are none, changed in place."""
    if _not_finite(data):
        return None
    waiting = [data]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            places: Any = value.items()
        elif isinstance(value, list):
            places = enumerate(value)
        else:
            continue
        for place, inner in places:
            if isinstance(inner, dict | list):
                waiting.append(inner)
            elif _not_finite(inner):
                value[place] = None
    return data


def _not_finite(value: Any) -> bool:
    return isinstance(value, float) and not -float("inf") < value < float("inf")


def _utf8(raw: bytes) -> bytes:
    """The bytes as UTF-8 without a mark."""
    encoding = json.detect_encoding(raw)
    if encoding == "utf-8":
        return raw
    if encoding == "utf-8-sig":
        return raw[3:]
    try:
        return raw.decode(encoding).encode("utf-8", "replace")
    except UnicodeDecodeError as error:
        raise SessionFormatError(f"neither JSON nor text (byte {error.start})", _CHOOSE) from error


def _lines(raw: bytes, whole: ValueError) -> Lines:
    """The values of a file with one JSON value per line. When it is not that either, ``whole`` is what is wrong.

    Lines end at ``\\n`` and nowhere else: what else Unicode calls the end of a line may stand in a JSON string. A line
    that cannot be read costs itself, as long as at least half of them can be.
    """
    if raw.count(b"\n") > MAX_LINES:
        raise SessionFormatError(f"more than {MAX_LINES} lines", "split the file into several")
    values, numbers, remarks, bad = [], [], Remarks(), 0
    for number, row in enumerate(raw.split(b"\n"), 1):
        row = row.strip(b" \t\r\x1e")  # RFC 7464 begins a record with 1E
        if not row:
            continue
        try:
            value = _inner(_json(row))
            if not isinstance(value, dict | list):
                raise ValueError("neither an object nor a list at line 1 column 1")
        except ValueError as error:
            bad += 1
            if bad > MAX_LINES // 2:
                break
            remarks.add(f"line {number}", f"{_said(error)}; left out")
        else:
            values.append(value)
            numbers.append(number)
    if not values or bad > len(values) or (len(values) == 1 and not bad):
        if raw.lstrip()[:1] in (b"{", b"["):
            found = _one_by_one(raw, 2) if str(whole).startswith("trailing characters") else None
        else:
            found = tables.rows(raw) if raw.lstrip()[:1] != b"<" else None
        if found:
            return found
        _refuse(raw, whole)
    return Lines(values, numbers, remarks=remarks)


def _said(error: ValueError) -> str:
    found = _AT.match(str(error))
    message, column = (found[1], f", column {found[3]}") if found else (str(error), "")
    return f"broken JSON ({_plain(message)}{column})"


def _plain(message: str) -> str:
    return "nested too deeply" if message.startswith("recursion limit") else message


def _refuse(raw: bytes, error: ValueError) -> NoReturn:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as wrong:
        what, remedy = packed.not_utf8(raw, wrong.start)
        raise SessionFormatError(what, remedy) from wrong
    if raw.lstrip()[:1] not in (b"{", b"[", b'"'):
        what, remedy = packed.text_kind(raw)
        raise SessionFormatError(f"{what}, but not JSON as every known session format is", remedy or _CHOOSE)
    if _PYTHON.match(raw):
        raise SessionFormatError("Python's own notation, not JSON", "write it with json.dumps")
    found = _AT.match(str(error))
    message, place = (found[1], f"line {found[2]}, column {found[3]}: ") if found else (str(error), "")
    remedy = "the file ends too early: export it again" if message.startswith("EOF") else _MEND
    raise SessionFormatError(f"{place}broken JSON ({_plain(message)})", remedy)


def members(archive: Archive) -> Mapping[str, Any]:
    """The data of every member of an archive that is JSON, by name; what is not is left out.

    Archives and compressed files in it are opened, too, but not those inside them.
    """
    found: dict[str, Any] = {}
    for name in archive.names:
        try:
            if name.lower().endswith(".zip"):
                with archive.archive(name) as inner:
                    found |= {f"{name}/{n}": parse(inner.read(n)) for n in inner.names if n.lower().endswith(_JSON)}
                    archive.remarks.take(inner.remarks)
            elif name.lower().endswith(_JSON):
                found[name] = parse(archive.read(name))
            elif name.lower().endswith(tuple(f"{end}{packing}" for end in _JSON for packing in PACKED)):
                found[name] = parse(packed.unpacked_bytes(archive.read(name)))
        except SessionFormatError as error:
            archive.remarks.add(name, error.what)
    return found
