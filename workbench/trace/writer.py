"""The one writer of a run file. Only the engine process opens one; a lock refuses a second."""

from __future__ import annotations

import json
import sqlite3
import stat
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from threading import RLock
from typing import Any

import sqlite_utils
from numpy.typing import NDArray

from workbench import __version__
from workbench.errors import TraceError
from workbench.sessions.model import Session
from workbench.trace import blobs, payloads, schema, tables, texts
from workbench.trace.events import Event
from workbench.trace.lock import RunLock
from workbench.trace.reader import TraceReader, check_version
from workbench.trace.trouble import told
from workbench.words import whole


class TraceWriter:
    """Appends to a run file; creates it when it is not there.

    The file appears whole or not at all, and every call commits as a whole or not at all. A full disk or a second
    writer raises ``TraceError``; what was committed before stays.
    """

    def __init__(self, path: Path) -> None:
        self.path = _place(Path(path))
        self._lock = RunLock(self.path)
        self._one = RLock()  # a recorder and the lanes beside it write from threads of their own
        try:
            self._open()
        except BaseException:
            self._lock.release()
            raise

    def _open(self) -> None:
        try:
            if _is_fresh(self.path):
                _create(self.path)
            self._connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        except (sqlite3.Error, OSError) as error:
            raise told(self.path, error, writing=True) from error
        try:
            tables.bound(self._connection)
            check_version(self._connection, self.path)
            tables.check_tables(self._connection, self.path, writing=True)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._db = sqlite_utils.Database(self._connection)
            self._folds = self._db["text"].exists()  # files of version 1 have every text where it was said
        except sqlite3.Error as error:
            self._connection.close()
            raise told(self.path, error, writing=True) from error
        except TraceError:
            self._connection.close()
            raise

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
        appended, packed = list(events), [blobs.encode(a) for a in arrays]
        self._write(
            [
                lambda: self._connection.executemany("INSERT OR IGNORE INTO blob VALUES (?, ?, ?, ?, ?)", packed),
                lambda: self._put(appended, numbered=False),
            ]
        )
        return self.last_seq

    def restore_events(self, events: Iterable[Event]) -> None:
        """Write events as they stand in another run file, their numbers included: for a copy of what is there."""
        copied = list(events)
        self._write([lambda: self._put(copied, numbered=True)])

    def _put(self, events: Sequence[Event], numbered: bool) -> None:
        rows = [self._row(event, event.seq if numbered else None) for event in events]
        self._connection.executemany(f"INSERT INTO event({_EVENT}) VALUES ({', '.join('?' * 10)})", rows)

    def _row(self, e: Event, seq: int | None) -> tuple[Any, ...]:
        size = 0

        def keep(text: str) -> int:
            nonlocal size
            size += len(text)
            if size > texts.LONGEST:
                raise _too_long(e)
            return self._keep(text)

        payload = _json(texts.fold(e.kind, e.payload, keep) if self._folds else e.payload)
        if len(payload) > texts.LONGEST:
            raise _too_long(e)
        subject, ms = whole(e.subject), round(e.ms, 3)
        return (seq, e.session, e.lane, e.turn, e.n, str(e.kind), subject, e.cause, ms, payload)

    def _keep(self, text: str) -> int:
        """The row of a text, which is stored when it is not there yet."""
        text, taken = whole(text), 0
        while True:
            number = texts.number(text, taken)
            row = self._connection.execute("SELECT text FROM text WHERE id = ?", (number,)).fetchone()
            if row is None:
                self._connection.execute("INSERT INTO text VALUES (?, ?)", (number, text))
            if row is None or row[0] == text:
                return number
            taken += 1  # chosen so by somebody: 52 bits do not meet by chance

    @property
    def last_seq(self) -> int:
        """How far the trace has been written; 0 for an empty one."""
        try:
            return int(self._connection.execute("SELECT coalesce(max(seq), 0) FROM event").fetchone()[0])
        except sqlite3.Error as error:
            raise told(self.path, error, writing=True) from error

    def annotate(self, seq: int, author: str, text: str, created: str) -> int:
        """Attach a remark to an event; the annotation's number."""
        statement = "INSERT INTO annotation(seq, author, text, created) VALUES (?, ?, ?, ?)"
        return self._insert(statement, (seq, whole(author), whole(text), created))

    def put_verdicts(self, rows: Iterable[tuple[int, int, str, Mapping[str, Any]]]) -> None:
        """Keep what was found out about answers, as (session, lane, probe, verdict), beside the events; a later verdict
        takes the place of an earlier one."""
        packed = [(session, lane, probe, _json(verdict)) for session, lane, probe, verdict in rows]
        insert = "INSERT OR REPLACE INTO verdict(session, lane, probe, payload) VALUES (?, ?, ?, ?)"
        self._write(
            [
                lambda: self._connection.execute(schema.VERDICT),
                lambda: self._connection.executemany(insert, packed),
            ]
        )

    def put_story(self, steps: Iterable[Mapping[str, Any]]) -> None:
        """Keep a story (``workbench.trace.story``) in place of the one before."""
        rows = list(enumerate(map(_json, steps)))
        self._write(
            [
                lambda: self._connection.execute(schema.STORY),
                lambda: self._connection.execute("DELETE FROM story"),
                lambda: self._connection.executemany("INSERT INTO story(place, payload) VALUES (?, ?)", rows),
            ]
        )

    def remove_lane(self, lane: int, told: int) -> None:
        """Take a branch out again: its row, events, verdicts and remarks, and the arrays that no other lane names.

        Every row of other lanes stays byte for byte.

        Args:
            told: the event that says how it came about (``lane.branched``); it goes as well.
        """
        only = self._texts_of(lane, told)
        with self.reader() as reader:
            named: dict[bool, set[str]] = {True: set(), False: set()}
            for event in reader.events(kinds=payloads.ARRAYS):
                if not payloads.wrong(event.kind, event.payload):
                    named[event.lane == lane] |= set(payloads.arrays_of(event).values())
        arrays = [(name,) for name in named[True] - named[False]]
        stays = {name: trigger for name, trigger in schema.STAYS.items() if self._folds or name != "text_stays"}
        run, mine = self._connection.execute, "SELECT seq FROM event WHERE lane = ? OR seq = ?"
        self._write(
            [
                *(partial(run, f"DROP TRIGGER IF EXISTS {name}") for name in stays),
                partial(run, f"DELETE FROM annotation WHERE seq IN ({mine})", (lane, told)),
                partial(run, schema.VERDICT),
                partial(run, "DELETE FROM verdict WHERE lane = ?", (lane,)),
                partial(self._connection.executemany, "DELETE FROM blob WHERE hash = ?", arrays),
                *(partial(run, "DELETE FROM text WHERE id = ?", row) for row in only),
                partial(run, "DELETE FROM event WHERE lane = ? OR seq = ?", (lane, told)),
                partial(run, "DELETE FROM lane WHERE id = ?", (lane,)),
                *(partial(run, trigger) for trigger in stays.values()),
            ]
        )

    def _texts_of(self, lane: int, told: int) -> list[tuple[int]]:
        """Rows of texts that no other event names than those of a lane and one more."""
        if not self._folds:
            return []
        named: dict[bool, set[int]] = {True: set(), False: set()}
        query = "SELECT lane = ? OR seq = ?, payload FROM event WHERE payload GLOB '*\"text\":[0-9]*'"
        for mine, payload in self._connection.execute(query, (lane, told)):
            named[bool(mine)].update(int(number) for number in texts.MENTIONED.findall(payload) if len(number) < 17)
        return [(number,) for number in named[True] - named[False]]

    def restore(self, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Write rows as they stand in another run file, their numbers included; events by ``restore_events``."""
        if rows:
            places = ", ".join("?" * len(rows[0]))
            how = "INSERT OR IGNORE" if table == "blob" else "INSERT OR REPLACE" if table == "meta" else "INSERT"
            statement = f"{how} INTO {table} VALUES ({places})"
            self._write([lambda: self._connection.executemany(statement, rows)])

    def close(self) -> None:
        """Fold everything into the one file and let the lock go."""
        # Somebody is reading, or the disk is full: the side files stay, whole, and are read with the file.
        with suppress(sqlite3.OperationalError):
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._connection.execute("PRAGMA journal_mode = DELETE")
        self._connection.close()
        self._lock.release()

    def _insert(self, statement: str, row: tuple[Any, ...]) -> int:
        with self._one:
            self._write([lambda: self._connection.execute(statement, row)])
            return int(self._connection.execute("SELECT last_insert_rowid()").fetchone()[0])

    def _write(self, steps: list[Any]) -> None:
        with self._one:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                for step in steps:
                    step()
                self._connection.execute("COMMIT")
            except BaseException as error:  # also what is no JSON: the next call begins anew
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                if isinstance(error, sqlite3.Error):
                    raise told(self.path, error, writing=True) from error
                raise

    def __enter__(self) -> TraceWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _too_long(event: Event) -> ValueError:
    return ValueError(f"{event.kind} {event.subject[:60]}: more than {texts.LONGEST:,} characters")


_EVENT = "seq, session, lane, turn, n, kind, subject, cause, ms, payload"


def _json(payload: Mapping[str, Any]) -> str:
    return whole(json.dumps(payload, ensure_ascii=False, separators=(",", ":")))


def _place(path: Path) -> Path:
    """The file itself, links resolved as SQLite does, so that the lock and the side files lie beside it."""
    try:
        path = path.resolve()
        status = path.stat()
    except FileNotFoundError:
        return path
    except (OSError, RuntimeError) as error:  # RuntimeError: a link that leads back to itself, before Python 3.13
        raise TraceError(f"{path}: cannot be written ({error})", "choose another --out FILE") from error
    if stat.S_ISDIR(status.st_mode):
        raise TraceError(f"{path}: is a folder", f"name a file in it: --out {path / 'run.mnemo'}")
    if not stat.S_ISREG(status.st_mode):
        raise TraceError(f"{path}: is no plain file", "choose another --out FILE")
    if status.st_nlink > 1:
        # SQLite names its side files after the name it is given: a second name would miss what the first one wrote.
        raise TraceError(f"{path}: has a second name (a hard link), and writing would spoil it", "use a copy of it")
    return path


def _is_fresh(path: Path) -> bool:
    """Whether there is no run at that place: no file, an empty one, or one whose making broke off."""
    if not path.exists() or path.stat().st_size == 0:
        return True
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        try:
            owner = connection.execute("PRAGMA application_id").fetchone()[0]
            names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
            if owner != schema.APPLICATION_ID and (owner or names):
                return False
            names = {n for n in names if n in schema.TABLES}
            rows = [connection.execute(f"SELECT 1 FROM {name} LIMIT 1").fetchone() for name in names - {"meta"}]
            known = connection.execute("SELECT key FROM meta").fetchall() if "meta" in names else []
        except sqlite3.Error:
            return False  # no database, or a damaged one: whoever opens it says which
    return not any(rows) and {key for (key,) in known} < set(_FIRST)


def _create(path: Path) -> None:
    """Make the file under another name, then give it its own: nobody ever sees half of one."""
    part = path.with_name(f".{path.name}.new")
    for stale in (part, *(path.with_name(path.name + side) for side in ("-wal", "-shm", "-journal"))):
        stale.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(part, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = OFF")
            connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
            connection.executescript(f"BEGIN; {schema.SCHEMA} COMMIT;")
            connection.executemany("INSERT INTO meta VALUES (?, ?)", [(k, str(v)) for k, v in _FIRST.items()])
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


_FIRST = {"format": "mnemoscope-run", "major": schema.MAJOR, "minor": schema.MINOR, "program": __version__}
"""The rows of ``meta`` that every run file has."""
