"""The one writer of a run file. Only the engine process opens one; a lock refuses a second."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import sqlite_utils
from numpy.typing import NDArray

from workbench import __version__
from workbench.errors import TraceError
from workbench.sessions.model import Session
from workbench.trace import blobs, schema
from workbench.trace.events import Event
from workbench.trace.reader import TraceReader, check_version


class TraceWriter:
    """Appends to a run file; creates it when it is not there.

    Every call commits as a whole or not at all. A full disk or a second writer raises ``TraceError``; what was
    committed before stays.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self._lock = _lock(self.path)
        try:
            self._open()
        except BaseException:
            self._unlock()
            raise

    def _open(self) -> None:
        fresh = not self.path.exists() or self.path.stat().st_size == 0
        self._connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        try:
            if fresh:
                self._create()
            else:
                check_version(self._connection, self.path)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
        except sqlite3.Error as error:
            self._connection.close()
            raise _readable(self.path, error) from error
        except TraceError:
            self._connection.close()
            raise
        self._db = sqlite_utils.Database(self._connection)

    def _create(self) -> None:
        self._connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        self._connection.executescript(f"BEGIN; {schema.SCHEMA} COMMIT;")
        rows = {"format": "mnemoscope-run", "major": schema.MAJOR, "minor": schema.MINOR, "program": __version__}
        self._connection.executemany("INSERT INTO meta VALUES (?, ?)", [(k, str(v)) for k, v in rows.items()])

    def reader(self) -> TraceReader:
        """A read-only view of the same file."""
        return TraceReader(self.path)

    def set_meta(self, key: str, value: Any) -> None:
        """Store a JSON value under ``key``."""
        row = {"key": key, "value": json.dumps(value)}
        self._write([lambda: self._db.table("meta").upsert(row, pk="key")])

    def add_session(self, session: Session, sha256: str) -> int:
        """Store a session whole; the number it gets in the file."""
        row = (session.name, sha256, len(session.turns), len(session.probes), json.dumps(session.to_json()))
        statement = "INSERT INTO session(name, sha256, turns, probes, payload) VALUES (?, ?, ?, ?, ?)"
        return self._insert(statement, row)

    def add_lane(
        self,
        name: str,
        memory: str,
        cache: str,
        params: Mapping[str, Any],
        parent: int | None = None,
        parent_turn: int | None = None,
    ) -> int:
        """Store a lane; the number it gets in the file (from 1)."""
        row = (name, memory, cache, json.dumps(dict(params)), parent, parent_turn)
        statement = "INSERT INTO lane(name, memory, cache, params, parent, parent_turn) VALUES (?, ?, ?, ?, ?, ?)"
        return self._insert(statement, row)

    def append(self, events: Iterable[Event], arrays: Iterable[NDArray[Any]] = ()) -> int:
        """Commit events, and the arrays that they name, as one; the last ``seq``."""
        rows = [
            (e.session, e.lane, e.turn, e.n, str(e.kind), e.subject, e.cause, round(e.ms, 3), _json(e.payload))
            for e in events
        ]
        packed = [blobs.encode(a) for a in arrays]
        insert = (
            "INSERT INTO event(session, lane, turn, n, kind, subject, cause, ms, payload) VALUES (?,?,?,?,?,?,?,?,?)"
        )
        self._write(
            [
                lambda: self._connection.executemany("INSERT OR IGNORE INTO blob VALUES (?, ?, ?, ?, ?)", packed),
                lambda: self._connection.executemany(insert, rows),
            ]
        )
        return self.last_seq

    @property
    def last_seq(self) -> int:
        """How far the trace has been written; 0 for an empty one."""
        return int(self._connection.execute("SELECT coalesce(max(seq), 0) FROM event").fetchone()[0])

    def annotate(self, seq: int, author: str, text: str, created: str) -> int:
        """Attach a remark to an event; the annotation's number."""
        statement = "INSERT INTO annotation(seq, author, text, created) VALUES (?, ?, ?, ?)"
        return self._insert(statement, (seq, author, text, created))

    def close(self) -> None:
        """Fold everything into the one file and let the lock go."""
        # Somebody is reading, or the disk is full: the side files stay, whole, and are read with the file.
        with suppress(sqlite3.OperationalError):
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._connection.execute("PRAGMA journal_mode = DELETE")
        self._connection.close()
        self._unlock()

    def _unlock(self) -> None:
        with suppress(OSError):  # Windows does not remove an open file
            Path(self._lock.name).unlink()
        self._lock.close()

    def _insert(self, statement: str, row: tuple[Any, ...]) -> int:
        self._write([lambda: self._connection.execute(statement, row)])
        return int(self._connection.execute("SELECT last_insert_rowid()").fetchone()[0])

    def _write(self, steps: list[Any]) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for step in steps:
                step()
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise _readable(self.path, error) from error

    def __enter__(self) -> TraceWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _json(payload: Mapping[str, Any]) -> str:
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":"))


def _readable(path: Path, error: sqlite3.Error) -> TraceError:
    text = str(error)
    if "full" in text:
        return TraceError(f"{path}: the disk is full", "free some space and run the same command again")
    if "not a database" in text or "malformed" in text:
        return TraceError(f"{path}: not a run file, or damaged ({text})", "choose another --out FILE")
    return TraceError(f"{path}: cannot be written ({text})", "check the disk and the folder's permissions")


def _lock(path: Path) -> IO[bytes]:
    """Hold ``path.lock``; the operating system lets it go when the process dies, however it dies."""
    name = path.with_name(path.name + ".lock")
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = open(name, "ab")  # noqa: SIM115 - kept open as long as the writer lives
        except OSError as error:
            raise TraceError(f"{path}: cannot be written ({error.strerror})", "choose another --out FILE") from error
        try:
            _take(handle)
        except OSError as error:
            handle.close()
            remedy = "wait for it, or choose another --out FILE"
            raise TraceError(f"{path}: another engine is writing it", remedy) from error
        # Whoever held it may have removed the file between our opening and our locking it.
        if name.exists() and os.path.samestat(name.stat(), os.fstat(handle.fileno())):
            return handle
        handle.close()


def _take(handle: IO[bytes]) -> None:
    if os.name == "nt":
        import msvcrt

        msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
