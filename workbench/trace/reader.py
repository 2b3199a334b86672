"""Reading a run file: read-only, from any number of threads and processes, while the engine writes."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from workbench.errors import TraceError
from workbench.sessions.model import Session, Turn
from workbench.trace import blobs, schema, tables, texts
from workbench.trace.events import Event, Kind
from workbench.trace.trouble import damaged, told

_FAULTS = (sqlite3.Error, ValueError, TypeError, KeyError, AttributeError, RecursionError)
_TEXTS, _KEPT = 4096, 64 << 20  # texts that are kept at hand, and the characters that they may have together
_LONGEST = texts.LONGEST
_ROWS = range(-(1 << 63), 1 << 63)  # numbers that SQLite knows


@dataclass(frozen=True, slots=True)
class LaneRow:
    """A lane of the run: ``name`` is its SPEC, ``params`` the strategy's parameters as resolved."""

    id: int
    name: str
    memory: str
    cache: str
    params: dict[str, Any]
    parent: int | None
    parent_turn: int | None


class TraceReader:
    """A run file, read-only. One connection per thread that uses it: open a reader per thread."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise TraceError(f"{path}: no such run file", "check the path, or make one with `mnemoscope run`")
        self._sessions: dict[int, Session] = {}
        self._heard: dict[int, int] = {}  # per session, up to which event its recorded turns were read
        self._texts: dict[int, str] = {}
        self._kept = 0  # characters of them
        self._copy = _copy_if_needed(self.path)
        self._connection = _connect(self._copy[1] if self._copy else self.path)
        try:
            with self._trouble():
                tables.bound(self._connection)
                self._connection.execute("PRAGMA query_only = ON")
                check_version(self._connection, self.path)
                tables.check_tables(self._connection, self.path)
        except BaseException:
            self.close()
            raise

    @contextmanager
    def _trouble(self, what: str = "") -> Iterator[None]:
        """Whatever is wrong with the file, in one line."""
        try:
            yield
        except _FAULTS as error:
            raise self._told(error, what) from error

    def _told(self, error: Exception, what: str) -> Exception:
        if isinstance(error, sqlite3.ProgrammingError) or "readonly" in str(error):
            return error  # a closed connection, a query that writes: not the file's fault
        if isinstance(error, sqlite3.Error):
            return told(self.path, error)
        return damaged(self.path, f"{what}: {type(error).__name__} {error}")

    def meta(self, key: str, default: Any = None) -> Any:
        """The JSON value stored under ``key``."""
        with self._trouble(f"meta {key}"):
            row = self._connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
            return default if row is None else _json(row[0])

    def last_seq(self) -> int:
        """How far the trace has been written; 0 for an empty one."""
        return int(self.query("SELECT coalesce(max(seq), 0) FROM event")[0][0])

    def session_names(self) -> dict[int, str]:
        """Number and name of every session, in order."""
        return {i: str(name) for i, name in self.query("SELECT id, name FROM session ORDER BY id")}

    def session_hashes(self) -> dict[str, int]:
        """sha256 and number of every session."""
        return {str(sha256): i for sha256, i in self.query("SELECT sha256, id FROM session")}

    def session(self, session: int) -> Session:
        """The session as far as it is recorded. Kept after the first call: only new turns are read again."""
        if session not in self._sessions:
            with self._trouble(f"session {session}"):
                row = self._connection.execute("SELECT payload FROM session WHERE id = ?", (session,)).fetchone()
                if row is None:
                    raise TraceError(f"{self.path}: no session {session}")
                self._sessions[session] = Session.from_json(_json(row[0]))
        self._hear(session)
        return self._sessions[session]

    def _hear(self, session: int) -> None:
        """Append the turns that were recorded since."""
        new = list(self.events(session, 0, (Kind.TURN_RECORDED,), after_seq=self._heard.get(session, 0)))
        if new:
            known = self._sessions[session]
            with self._trouble(f"session {session}"):
                turns = tuple(Turn(**e.payload) for e in new)
            self._sessions[session] = replace(known, turns=known.turns + turns)
            self._heard[session] = new[-1].seq

    def lanes(self) -> tuple[LaneRow, ...]:
        """Every lane of the run, in order."""
        rows = self.query("SELECT id, name, memory, cache, params, parent, parent_turn FROM lane ORDER BY id")
        with self._trouble("lanes"):
            return tuple(
                LaneRow(i, str(n), str(m), str(c), dict(_json(p)), parent, turn) for i, n, m, c, p, parent, turn in rows
            )

    def events(
        self,
        session: int | None = None,
        lane: int | Collection[int] | None = None,
        kinds: Sequence[str] = (),
        turns: tuple[int, int] | None = None,
        after_seq: int = 0,
        up_to_seq: int | None = None,
        subject: str | None = None,
        holding: str = "",
    ) -> Iterator[Event]:
        """Events in order of ``seq``.

        Args:
            lane: only events of this lane, or of these.
            holding: only events whose stored JSON holds this word (ASCII letters and digits) in whatever case.
            turns: first and last turn, both included.
            after_seq: only events after this one; for following a live run.
            up_to_seq: only events up to and with this one.
        """
        where, values = ["seq > ?"], [after_seq]
        if session is not None:
            where.append("session = ?")
            values.append(session)
        if lane is not None:
            several = (lane,) if isinstance(lane, int) else tuple(lane)
            where.append(f"lane IN ({', '.join('?' * len(several))})")
            values.extend(several)
        if up_to_seq is not None:
            where.append("seq <= ?")
            values.append(up_to_seq)
        if subject is not None:
            where.append("subject = ?")
            values.append(subject)  # type: ignore[arg-type]
        if kinds:
            where.append(f"kind IN ({', '.join('?' * len(kinds))})")
            values.extend(str(k) for k in kinds)  # type: ignore[misc]
        if holding:
            where.append("(payload LIKE ? OR payload GLOB '*\"text\":[0-9]*')")
            values.append(f"%{holding}%")  # type: ignore[arg-type]
        if turns:
            where.append("turn BETWEEN ? AND ?")
            values.extend(turns)
        query = (
            "SELECT session, lane, turn, n, kind, subject, cause, payload, ms, seq FROM event "
            f"WHERE {' AND '.join(where)} ORDER BY seq"
        )
        seq = after_seq
        try:
            held = self._held(holding) if holding else None
            for row in self._connection.execute(query, values):
                session_, lane_, turn, n, kind, subject_, cause, payload, ms, seq = row
                if held is None or held(payload):
                    data = _json(payload)
                    if texts.named(payload):
                        data = self.unfolded(kind, data)
                    yield Event(session_, lane_, turn, n, kind, subject_, cause, data, ms, seq)
        except _FAULTS as error:
            raise self._told(error, f"event {seq}") from error

    def unfolded(self, kind: str, payload: Any) -> Any:
        """A stored payload with the texts that it names. Raises ``ValueError`` when one of them is missing."""
        return texts.unfold(kind, payload, self._text, _LONGEST)

    def _text(self, number: int) -> str:
        """The text of a row, the same object for everybody who names it: a long one is in memory once."""
        if number not in self._texts:
            query, asked = "SELECT text FROM text WHERE id = ?", (number,)
            row = self._connection.execute(query, asked).fetchone() if number in _ROWS else None
            if row is None or not isinstance(row[0], str):
                raise ValueError(f"text {str(number)[:20]} is missing")
            self._kept += len(row[0])
            if len(self._texts) >= _TEXTS or self._kept > _KEPT:
                self._texts.clear()
                self._kept = len(row[0])
            self._texts[number] = row[0]
        return self._texts[number]

    def _held(self, word: str) -> Callable[[str], bool]:
        """Whether stored JSON holds the word, itself or in a text that it names."""
        word = word.lower()
        # LIKE would end at a NUL, which JSON writes otherwise and a text holds as it is.
        rows = self.query("SELECT id FROM text WHERE instr(lower(text), ?)", (word,)) if self._folded else []
        named = {str(number) for (number,) in rows}
        return lambda payload: word in payload.lower() or not named.isdisjoint(texts.MENTIONED.findall(payload))

    @property
    def _folded(self) -> bool:
        return bool(self.query("SELECT 1 FROM sqlite_master WHERE name = 'text'"))

    def event(self, seq: int) -> Event:
        """One event. Raises ``TraceError`` when there is none."""
        found = next(self.events(after_seq=seq - 1, up_to_seq=seq), None)
        if found is None:
            raise TraceError(f"{self.path}: no event {seq}")
        return found

    def verdicts(self, session: int, lane: int, probe: str | None = None) -> dict[str, dict[str, Any]]:
        """What was found out about a lane's answers, by probe; empty when nobody has asked yet."""
        if not self.query("SELECT 1 FROM sqlite_master WHERE name = 'verdict'"):
            return {}
        only, values = ("", ()) if probe is None else (" AND probe = ?", (probe,))
        query = f"SELECT probe, payload FROM verdict WHERE session = ? AND lane = ?{only}"
        rows = self.query(query, (session, lane, *values))
        with self._trouble("verdicts"):
            return {name: dict(_json(payload)) for name, payload in rows}

    def last_turn(self, session: int, lane: int | None = None) -> int:
        """The last turn that every lane (or this lane) has closed; -1 for none."""
        lanes = [row.id for row in self.lanes()] if lane is None else [lane]
        query = "SELECT coalesce(max(turn), -1) FROM event WHERE kind = 'turn.closed' AND session = ? AND lane = ?"
        return min((int(self.query(query, (session, i))[0][0]) for i in lanes), default=-1)

    def array(self, digest: str) -> NDArray[Any]:
        """A blob by its hash. Raises ``TraceError`` when it is missing."""
        rows = self.query("SELECT dtype, shape, codec, data FROM blob WHERE hash = ?", (digest,))
        if not rows:
            raise TraceError(f"{self.path}: blob {digest} is missing")
        with self._trouble(f"blob {digest}"):
            return blobs.decode(*rows[0])

    def query(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Rows of a read-only SQL query, for projections that count."""
        with self._trouble():
            return self._connection.execute(sql, values).fetchall()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
        if self._copy:
            self._copy[0].cleanup()

    def __enter__(self) -> TraceReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def is_run(path: Path) -> bool:
    """Whether a file is a run file by its first bytes: SQLite, with this program's application id."""
    try:
        with open(path, "rb") as handle:
            head = handle.read(72)
    except OSError:
        return False
    return head.startswith(b"SQLite format 3\0") and head[68:72] == schema.APPLICATION_ID.to_bytes(4, "big")


def check_version(connection: sqlite3.Connection, path: Path) -> None:
    """Raise ``TraceError`` unless the file is a run of a version that this program reads."""
    row = connection.execute("SELECT type FROM sqlite_master WHERE name = 'meta'").fetchone()
    if row != ("table",):  # anything else of that name would answer by a query of its own
        raise TraceError(f"{path}: not a Mnemoscope run file", "choose a .mnemo file")
    query = "SELECT key, value FROM meta WHERE key IN ('format', 'major') AND typeof(value) = 'text'"
    meta = dict(connection.execute(query))
    if meta.get("format") != "mnemoscope-run":
        raise TraceError(f"{path}: not a Mnemoscope run file", "choose a .mnemo file")
    major = str(meta.get("major"))
    if not (major.isascii() and major.isdecimal() and major.strip("0")):
        raise TraceError(f"{path}: a damaged run file: it does not say its version", "choose another .mnemo file")
    if len(major) > 9 or int(major) > schema.MAJOR:
        raise TraceError(
            f"{path}: written by a newer Mnemoscope (format {major[:9]}, this program reads {schema.MAJOR})",
            "update this program",
        )


def _json(text: Any) -> Any:
    if not isinstance(text, str):
        raise TypeError(f"no JSON text but {type(text).__name__}")
    if len(text) > _LONGEST:
        raise ValueError(f"{len(text):,} characters of JSON, more than {_LONGEST:,}")
    return json.loads(text)


def _copy_if_needed(path: Path) -> tuple[tempfile.TemporaryDirectory[str], Path] | None:
    """A copy of a killed run that SQLite cannot read where it is: it came without its ``-shm`` into a folder where none
    can be made, or a journal beside it must be played back first."""
    side, hot = path.with_name(path.name + "-wal"), _is_hot(path)
    if hot:
        side = _journal(path)
    elif not side.exists() or path.with_name(path.name + "-shm").exists() or os.access(path.parent, os.W_OK):
        return None
    folder = tempfile.TemporaryDirectory(prefix="mnemoscope-", ignore_cleanup_errors=True)
    try:
        for file in (path, side):
            shutil.copyfile(file, Path(folder.name) / file.name)
        if hot:
            with closing(sqlite3.connect(Path(folder.name) / path.name)) as connection:
                connection.execute("SELECT 1 FROM sqlite_master").fetchone()  # plays it back
    except (OSError, sqlite3.Error) as error:
        folder.cleanup()
        raise told(path, error) from error
    return folder, Path(folder.name) / path.name


def _journal(path: Path) -> Path:
    return path.with_name(path.name + "-journal")


def _is_hot(path: Path) -> bool:
    """Whether a journal lies beside the file that nobody is writing: its run was killed while it was closed."""
    try:
        if not _journal(path).stat().st_size:
            return False
        with closing(_connect(path)) as connection:
            connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    except OSError:
        return False
    except sqlite3.OperationalError as error:
        return "readonly" in str(error) or "unable to open" in str(error)
    except sqlite3.Error:
        return False
    return False


def _connect(path: Path) -> sqlite3.Connection:
    # A finished file in a folder that cannot be written (an installation) has no room for SQLite's side files.
    sides = (path.with_name(path.name + "-wal"), _journal(path))
    immutable = not os.access(path.parent, os.W_OK) and not any(side.exists() for side in sides)
    uri = f"{path.resolve().as_uri()}?mode=ro{'&immutable=1' if immutable else ''}"
    try:
        return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    except sqlite3.Error as error:
        raise told(path, error) from error
