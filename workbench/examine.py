"""Whether a run file is what this program wrote; where it is not, one line says where.

Opening checks what costs little: that the pages of the file hang together and the columns have their types. Everything
else is looked at only when something has failed, to tell a damaged file from a defect of this program.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from workbench.errors import Cancelled, MnemoscopeError, TraceError
from workbench.memory.items import MemoryState
from workbench.trace import blobs, payloads
from workbench.trace.captures import compressed_shapes, summed_shapes
from workbench.trace.events import Event, Kind
from workbench.trace.reader import TraceReader
from workbench.trace.trouble import damaged

FURTHEST = 10_000_000
"""The highest turn that a run may have; views make lists as long as the session."""

_COLUMNS = {
    "event": (
        "typeof(session) = 'integer' AND typeof(lane) = 'integer' AND typeof(turn) = 'integer' "
        f"AND typeof(n) = 'integer' AND turn BETWEEN -1 AND {FURTHEST} AND typeof(cause) = 'integer' "
        "AND typeof(kind) = 'text' AND typeof(subject) = 'text' AND typeof(payload) = 'text' "
        "AND typeof(ms) IN ('real', 'integer')"
    ),
    "session": "typeof(name) = 'text' AND typeof(sha256) = 'text' AND typeof(payload) = 'text' AND "
    f"typeof(turns) = 'integer' AND turns BETWEEN 0 AND {FURTHEST}",
    "lane": "typeof(name) = 'text' AND typeof(memory) = 'text' AND typeof(cache) = 'text' AND typeof(params) = 'text' "
    "AND typeof(parent) IN ('integer', 'null') AND typeof(parent_turn) IN ('integer', 'null')",
}


def prove(reader: TraceReader) -> None:
    """Raise ``TraceError`` when the file's pages do not hang together or its columns hold what they cannot.

    A page that is reached twice would make reading endless; SQLite's own check finds it (a second or two per gigabyte).
    """
    found = reader.query("PRAGMA quick_check(1)")
    if found != [("ok",)]:
        raise damaged(reader.path, str(found[0][0]).splitlines()[-1] if found else "its pages do not hang together")
    for table, right in _COLUMNS.items():
        rows = reader.query(f"SELECT rowid FROM {table} WHERE NOT ({right}) LIMIT 1")
        if rows:
            raise damaged(reader.path, f"{table} {rows[0][0]} holds a value of another type than its columns")


@contextmanager
def opened(path: Path) -> Iterator[TraceReader]:
    """A reader of a file that has proved itself; what fails inside because of the file is a ``TraceError``."""
    with TraceReader(path) as reader:
        prove(reader)
        try:
            yield reader
        except Exception as error:
            raise blamed(path, error) from error


def blamed(path: Path, error: Exception) -> Exception:
    """What to tell a person of an error that came up while a file was read.

    One that names the damage, when the whole file, read through, shows some. The error itself otherwise: it is meant
    for a person already, or a defect of this program.
    """
    if isinstance(error, (MnemoscopeError, Cancelled, OSError)) or os.environ.get("MNEMOSCOPE_DEBUG"):
        return error
    try:
        status = path.stat()
    except OSError:
        return error
    return _damage(path, status.st_size, status.st_mtime_ns) or error


@lru_cache(maxsize=8)
def _damage(path: Path, _size: int, _changed: int) -> TraceError | None:
    try:
        with TraceReader(path) as reader:
            problem = next(problems(reader), "")
    except TraceError as found:
        return found
    return damaged(path, problem) if problem else None


def problems(reader: TraceReader) -> Iterator[str]:
    """Everything in a run that this program would not have written, in the file's order. Raises where reading ends."""
    turns = {number: len(reader.session(number).turns) for number in reader.session_names()}
    lanes = {row.id for row in reader.lanes()}
    states: dict[tuple[int, int], MemoryState] = {}
    last = 0
    for event in reader.events():
        place = f"event {event.seq} ({str(event.kind)[:40]})"
        what = _misplaced(event, last, turns, lanes) or payloads.wrong(event.kind, event.payload)
        if not what:
            what = folded(states.setdefault((event.session, event.lane), MemoryState()), event)
        if not what and event.kind in payloads.ARRAYS:
            what = _arrays(reader, event)
        if what:
            yield f"{place}: {what}"
        last = event.seq


def _misplaced(event: Event, last: int, turns: dict[int, int], lanes: set[int]) -> str:
    if event.seq <= last:
        return f"comes after event {last}"
    if event.session and event.session not in turns:
        return f"there is no session {event.session}"
    if event.lane and event.lane not in lanes:
        return f"there is no lane {event.lane}"
    if event.session and event.turn >= max(turns[event.session], 1):
        return f"session {event.session} has no turn {event.turn}"
    return ""


def folded(state: MemoryState, event: Event) -> str:
    """Take in an event; what kept it from being taken in, or ""."""
    try:
        state.apply(event)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return f"there is no item {event.subject}" if isinstance(error, KeyError) else str(error)
    return ""


def _arrays(reader: TraceReader, event: Event) -> str:
    found = {}
    for name, digest in payloads.arrays_of(event).items():
        try:
            found[name] = reader.array(digest)
        except TraceError as error:
            return error.what.removeprefix(f"{reader.path}: ")
        if blobs.digest(found[name]) != digest:
            return f"blob {digest} holds something else than it was named for"
    if event.kind == Kind.CAPTURED:
        return _capture(event, found["weights"])
    shapes = summed_shapes if event.kind == Kind.SUMMED else compressed_shapes
    problem = shapes(event.payload, found)
    return f"its array {problem}" if problem else ""


def _capture(event: Event, weights: NDArray[Any]) -> str:
    digest = event.payload["blob"]
    bins, heads = event.payload.get("bins"), event.payload["heads"]
    cells = len(event.payload["tokens"]) if bins is None else len(bins)
    if weights.ndim != 4 or weights.shape[:2] != (len(event.payload["layers"]), heads):
        return f"blob {digest} has the shape {weights.shape}"
    return "" if bins is not None or weights.shape[3] == cells else f"{cells} tokens for {weights.shape[3]} weights"
