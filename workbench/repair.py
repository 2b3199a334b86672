"""What is readable of a damaged run file, in a new one: every step that was committed and is whole, and what it needs.

A step (a turn or a probe of a lane) was written as one: its events have numbers without a gap, and the last of them
closes it. A step that lacks an event is left out, and so is a later one that changes an item which only the lost one
had. So the new file folds like any other. The damaged file stays as it is.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from workbench.errors import TraceError
from workbench.examine import FURTHEST
from workbench.sessions.model import Session
from workbench.trace import blobs, payloads
from workbench.trace.events import OPERATIONS, Event, Kind
from workbench.trace.reader import TraceReader
from workbench.trace.story import Step, read_story
from workbench.trace.trouble import SAVE
from workbench.trace.writer import TraceWriter

_ENDS = (Kind.TURN_CLOSED, Kind.SCORED, Kind.LANE_FAILED)
_CHANGES = frozenset(OPERATIONS) - {Kind.WRITTEN, Kind.LINKED, Kind.UNLINKED}  # that need their item
_AT_ONCE = 256  # rows read at once
_EVENT = "seq, session, lane, turn, n, kind, subject, cause, ms, payload"
_Key = tuple[int, int]  # session and lane


@dataclass
class Saved:
    """What was saved and what was not.

    Attributes:
        events: saved.
        unreadable: events that the file does not give.
        left_out: readable events of steps that are not whole.
        lost: what that means, a line each.
        gaps: whether something is missing before what was saved; then the run can be read but not gone on with.
    """

    events: int = 0
    unreadable: int = 0
    left_out: int = 0
    sessions: int = 0
    lanes: int = 0
    arrays: int = 0
    gaps: bool = False
    lost: list[str] = field(default_factory=list)


def repair(path: Path, out: Path) -> Saved:
    """Save what is readable of ``path`` into ``out``.

    Raises:
        TraceError: when ``out`` is there already, or nothing can be saved because the tables themselves are unreadable.
    """
    if out.exists() and out.stat().st_size:
        raise TraceError(f"{out}: is there already", "name a new file with --out")
    try:
        reader = TraceReader(path)
    except TraceError as error:
        raise TraceError(error.what, "nothing of it can be read" if error.remedy == SAVE else error.remedy) from error
    with reader, TraceWriter(out) as writer:
        return _Repair(_Source(reader), writer).go()


class _Source:
    """Rows of a file some pages of which cannot be read."""

    def __init__(self, reader: TraceReader) -> None:
        self.path, self._reader = reader.path, reader

    def rows(self, table: str, key: str, columns: str) -> Iterator[tuple[Any, ...]]:
        """Every readable row in order of its integer ``key``, which is also the first column."""
        query = f"SELECT {columns} FROM {table} WHERE {key} > ? AND {key} <= ? ORDER BY {key} LIMIT ?"
        last, ceiling = 0, self._ceiling(table)
        while last < ceiling:
            following = self._try(query, (last, 1 << 62, 1))
            if following == []:
                return
            end = following[0][0] + _AT_ONCE if following else last + _AT_ONCE
            yield from self._between(query, last, end)
            last = end

    def _ceiling(self, table: str) -> int:
        """A number that no row lies beyond, so that a file whose end cannot be read is not read for ever."""
        size, number = self.path.stat().st_size, self.last(table)
        # Not more than the file has room for, whatever it says: a row takes some fifty bytes.
        return number if 0 < number <= size else size // 40

    def last(self, table: str) -> int:
        """The highest number that a table has ever given; 0 when that is not readable."""
        found = self._try("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,))
        return found[0][0] if found and type(found[0][0]) is int else 0

    def _between(self, query: str, low: int, high: int) -> Iterator[tuple[Any, ...]]:
        """What can be read behind ``low`` up to ``high``, by halving."""
        found = self._try(query, (low, high, high - low))
        if found is not None:
            yield from found
        elif high - low > 1:
            middle = (low + high) // 2
            yield from self._between(query, low, middle)
            yield from self._between(query, middle, high)

    def _try(self, query: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]] | None:
        try:
            return self._reader.query(query, values)
        except TraceError:
            return None

    def meta(self) -> dict[str, str]:
        """The rows of ``meta`` as they are stored."""
        known = ("program", "config", "identity", "model_sha256", "repaired")
        names = {row[0] for row in self._try("SELECT key FROM meta", ()) or ()} | set(known)
        found = {k: self._try("SELECT value FROM meta WHERE key = ?", (k,)) for k in names}
        return {k: rows[0][0] for k, rows in found.items() if rows and isinstance(rows[0][0], str)}

    def verdicts(self, session: int, lane: int) -> dict[str, dict[str, Any]]:
        """What was found out about a lane's answers."""
        try:
            return self._reader.verdicts(session, lane)
        except TraceError:
            return {}

    def story(self) -> tuple[Step, ...]:
        """The steps through the run."""
        try:
            return read_story(self._reader)
        except TraceError:
            return ()

    def event(self, row: tuple[Any, ...]) -> Event | None:
        """The event of a row, when it is one and the texts that it names are there."""
        event = _event(row)
        try:
            return event and replace(event, payload=self._reader.unfolded(event.kind, event.payload))
        except (TraceError, ValueError, sqlite3.Error, RecursionError):
            return None

    def array(self, digest: str) -> tuple[Any, ...] | None:
        """The stored row of a blob that is what its name says."""
        try:
            if blobs.digest(self._reader.array(digest)) != digest:
                return None
            return self._reader.query("SELECT hash, dtype, shape, codec, data FROM blob WHERE hash = ?", (digest,))[0]
        except TraceError:
            return None


class _Repair:
    def __init__(self, source: _Source, writer: TraceWriter) -> None:
        self.source, self.writer, self.saved = source, writer, Saved()
        self.items: dict[_Key, set[str]] = {}
        self.dropped: Counter[_Key] = Counter()

    def go(self) -> Saved:
        sessions = [s for row in self.source.rows("session", "id", _SESSION) if (s := _session(row))]
        lanes = [lane for row in self.source.rows("lane", "id", _LANE) if (lane := _lane(row))]
        self.names = {row[0]: row[1] for row in sessions}, {row[0]: row[1] for row in lanes}
        self.turns = {row[0]: row[3] for row in sessions}
        self.saved.sessions, self.saved.lanes = len(sessions), len(lanes)
        self.writer.restore("session", sessions)
        self.writer.restore("lane", lanes)
        kept: set[int] = set()
        for step in self._steps():
            kept.update(event.seq for event in self._keep(step))
        notes = [row for row in self.source.rows("annotation", "id", _NOTE) if row[1] in kept]
        self.writer.restore("annotation", notes)
        self.writer.put_story(step.to_json() for step in self.source.story())
        for key in self.items:
            self.writer.put_verdicts((*key, probe, verdict) for probe, verdict in self.source.verdicts(*key).items())
        return self._finish()

    def _finish(self) -> Saved:
        for (session, lane), count in sorted(self.dropped.items()):
            names = self.names[0].get(session, f"session {session}"), self.names[1].get(lane, f"lane {lane}")
            where = " of ".join(reversed(names)) if session and lane else "the engine"
            self.saved.lost.append(f"{where}: {count} events of steps that are not whole")
        if self.saved.unreadable:
            self.saved.lost.append(f"{self.saved.unreadable} events that cannot be read")
        meta = self.source.meta()
        if self.saved.gaps:
            meta["repaired"] = json.dumps({"gaps": True, "lost": self.saved.lost[:100]})
        for key in ("format", "major", "minor"):
            meta.pop(key, None)
        for key, value in meta.items():
            self.writer.restore("meta", [(key, value)])
        return self.saved

    def _steps(self) -> Iterator[list[Event]]:
        """Events grouped into steps that are whole; the rest is counted."""
        step: list[Event] = []
        last, sound = 0, True  # sound: what lies before the step is known, so that it began where it seems to begin
        for row in self.source.rows("event", "seq", _EVENT):
            event = self.source.event(row)
            if row[0] != last + 1:
                self.saved.unreadable += row[0] - last - 1
                self._leave_out(step)
                step, sound = [], False
            last = row[0]
            if event is None:
                self.saved.unreadable += 1
                self._leave_out(step)
                step, sound = [], False
                continue
            key = (event.session, event.lane)
            if step and key != (step[0].session, step[0].lane):
                if sound:  # nothing is missing before and behind it: it was committed so (an edit, a verdict)
                    yield step
                else:
                    self._leave_out(step)
                step, sound = [], True
            step.append(event)
            if event.lane == 0 or self._closes(event, step):
                if sound:
                    yield step
                else:
                    self._leave_out(step)
                step, sound = [], True
        if step and sound and last == self.source.last("event"):
            yield step
        else:
            self._leave_out(step)

    def _closes(self, event: Event, step: list[Event]) -> bool:
        # A defect while a probe is answered is followed by the probe's score.
        return event.kind in _ENDS and not (event.kind == Kind.LANE_FAILED and event.subject)

    def _leave_out(self, step: list[Event]) -> None:
        if step:
            key = (step[0].session, step[0].lane)
            self.saved.left_out += len(step)
            self.dropped[key] += len(step)

    def _keep(self, step: list[Event]) -> list[Event]:
        """Write a step, when the state that was saved before can take it in; what was written."""
        key = (step[0].session, step[0].lane)
        if (key[0] and key[0] not in self.names[0]) or (key[1] and key[1] not in self.names[1]):
            self._leave_out(step)
            return []
        known = self.items.setdefault(key, set())
        turns = self.turns.get(key[0], 0) + sum(e.kind == Kind.TURN_RECORDED for e in step)
        placed = not key[0] or all(e.turn < max(turns, 1) for e in step)
        if not placed or any(payloads.wrong(e.kind, e.payload) for e in step) or not _folds(step, known):
            self._leave_out(step)
            return []
        self.turns[key[0]] = turns
        known.update(event.subject for event in step if event.kind == Kind.WRITTEN)
        arrays: list[tuple[Any, ...]] = []
        events = []
        for event in step:
            named = [self.source.array(key) for key in payloads.arrays_of(event).values()]
            if any(array is None for array in named):
                what = "what the cache lost" if event.kind == Kind.COMPRESSED else "the attention"
                self.saved.lost.append(f"{what} of {event.subject[:60]} (event {event.seq})")
                continue
            arrays.extend(array for array in named if array is not None and array not in arrays)
            events.append(event)
        self.writer.restore("blob", arrays)
        self.writer.restore_events(events)
        self.saved.arrays += len(arrays)
        self.saved.events += len(events)
        self.saved.gaps = self.saved.gaps or bool(self.saved.unreadable or self.saved.left_out)
        return events


def _folds(step: list[Event], known: set[str]) -> bool:
    """Whether every item that the step changes is one that was saved, or its own."""
    own = {event.subject for event in step if event.kind == Kind.WRITTEN}
    changed = {event.subject for event in step if event.kind in _CHANGES}
    return changed <= known | own


_SESSION = "id, name, sha256, turns, probes, payload"
_LANE = "id, name, memory, cache, params, parent, parent_turn"
_NOTE = "id, seq, author, text, created"


def _session(row: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """The row, with what can be left out of a session left out where it is not readable; None without turns."""
    usual = {"format": "native", "warnings": [], "extra": {}, "probes": []}
    try:
        data = json.loads(row[5])
        session = Session.from_json(usual | data)
        whole = row[5] if usual.keys() <= data.keys() else json.dumps(session.to_json())
        return (row[0], session.name, str(row[2]), len(session.turns), len(session.probes), whole)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _lane(row: tuple[Any, ...]) -> tuple[Any, ...] | None:
    number, name, memory, cache, params, *parent = row
    try:
        whole = isinstance(json.loads(params), dict) and all(isinstance(text, str) for text in (name, memory, cache))
    except (ValueError, TypeError, RecursionError):
        return None
    return (number, name, memory, cache, params, *(p if type(p) is int else None for p in parent)) if whole else None


def _event(row: tuple[Any, ...]) -> Event | None:
    seq, session, lane, turn, n, kind, subject, cause, ms, payload = row
    whole = all(type(number) is int for number in (session, lane, turn, n, cause))
    whole = whole and -1 <= turn <= FURTHEST and type(ms) in (int, float)
    if not whole or not all(isinstance(text, str) for text in (kind, subject, payload)):
        return None
    try:
        data = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    return Event(session, lane, turn, n, kind, subject, cause, data, ms, seq) if isinstance(data, dict) else None
