"""Run files as they come back from a bad disk, a broken transfer, another program, or somebody who means harm."""

from __future__ import annotations

import json
import random
import sqlite3
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

Harm = Callable[[Path, random.Random], None]


def _open(path: Path) -> Any:
    connection = sqlite3.connect(path, isolation_level=None)
    for name in ("event_is_final", "event_stays", "session_is_final", "session_stays", "blob_is_final", "blob_stays"):
        connection.execute(f"DROP TRIGGER IF EXISTS {name}")
    return closing(connection)


def flipped_bits(path: Path, rng: random.Random) -> None:
    data = bytearray(path.read_bytes())
    for _ in range(rng.choice((1, 4, 40))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(data)


def overwritten_page(path: Path, rng: random.Random) -> None:
    data = bytearray(path.read_bytes())
    at = rng.randrange(len(data) // 4096) * 4096
    data[at : at + 4096] = rng.choice((bytes(4096), rng.randbytes(4096), data[4096:8192]))
    path.write_bytes(data)


def cut_off(path: Path, rng: random.Random) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: rng.randrange(len(data))])


def torn_log(path: Path, rng: random.Random) -> None:
    """A copy taken while the run was written: a log that belongs to another state of the file."""
    path.with_name(path.name + "-wal").write_bytes(rng.randbytes(rng.randrange(1, 9000)))


def other_payload(path: Path, rng: random.Random) -> None:
    """One JSON value replaced by one of another type, in an event, a session, a lane or meta."""
    table, column, key = rng.choice(
        (("event", "payload", "seq"),) * 6
        + (("session", "payload", "id"), ("lane", "params", "id"), ("meta", "value", "key"))
        + (("verdict", "payload", "session || '/' || lane || '/' || probe"),) * 2
    )
    with _open(path) as connection:
        rows = connection.execute(f"SELECT {key}, {column} FROM {table}").fetchall()
        if not rows:  # a run that nothing was found out about yet
            table, column, key = "event", "payload", "seq"
            rows = connection.execute("SELECT seq, payload FROM event").fetchall()
        number, text = rng.choice(rows)
        try:
            data: Any = json.loads(text)
        except ValueError:
            data = text
        changed = rng.choice((_mutated(data, rng), None, [], {}, "text", 10**30, [[]], "[" * 100_000, b"\xff\x00", -1))
        value = changed if isinstance(changed, bytes) else changed if rng.random() < 0.2 else json.dumps(changed)
        if not isinstance(value, (str, bytes)):
            value = str(value)
        connection.execute(f"UPDATE {table} SET {column} = ? WHERE {key} = ?", (value, number))


def _mutated(data: Any, rng: random.Random) -> Any:
    """The data with one value of it, at any depth, made another."""
    if isinstance(data, dict) and data and rng.random() < 0.9:
        key = rng.choice(list(data))
        if rng.random() < 0.25:
            return {k: v for k, v in data.items() if k != key}
        return data | {key: _mutated(data[key], rng)}
    if isinstance(data, list) and data and rng.random() < 0.9:
        at = rng.randrange(len(data))
        return [*data[:at], *([] if rng.random() < 0.25 else [_mutated(data[at], rng)]), *data[at + 1 :]]
    return rng.choice((None, "x", -5, 1 << 70, 3.5, float("nan"), [], {}, True, [None], {"a": 1}))


def other_column(path: Path, rng: random.Random) -> None:
    """A column with a value that its type does not allow, or that no run has."""
    table, key, columns = rng.choice(
        (
            ("event", "seq", ("session", "lane", "turn", "n", "kind", "subject", "cause", "ms")),
            ("session", "id", ("name", "sha256", "turns", "probes")),
            ("lane", "id", ("name", "memory", "cache", "parent", "parent_turn")),
            ("blob", "hash", ("dtype", "shape", "codec", "data")),
            ("text", "id", ("text",)),
        )
    )
    values = (-7, 10**12, 2.5, "x", "", b"\x00\xff", "[99999, 99999, 9]", "|O", "[1]", "S1000000000")
    with _open(path) as connection:
        number = rng.choice(connection.execute(f"SELECT {key} FROM {table}").fetchall())[0]
        try:
            connection.execute(
                f"UPDATE {table} SET {rng.choice(columns)} = ? WHERE {key} = ?", (rng.choice(values), number)
            )
        except sqlite3.IntegrityError:
            other_column(path, rng)


def lost_rows(path: Path, rng: random.Random) -> None:
    table = rng.choice(("event", "event", "session", "lane", "blob", "text", "meta"))
    with _open(path) as connection:
        key = {"event": "seq", "meta": "key", "blob": "hash"}.get(table, "id")
        some = connection.execute(
            f"SELECT {key} FROM {table} ORDER BY random() LIMIT ?", (rng.choice((1, 5)),)
        ).fetchall()
        connection.executemany(f"DELETE FROM {table} WHERE {key} = ?", some)


def lost_table(path: Path, rng: random.Random) -> None:
    with _open(path) as connection:
        connection.execute(
            f"DROP TABLE {rng.choice(('meta', 'session', 'lane', 'blob', 'event', 'annotation', 'text'))}"
        )


_ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n)"


def hostile_view(path: Path, rng: random.Random) -> None:
    """A table that is a query without end, or one that takes all memory."""
    table = rng.choice(("meta", "session", "lane", "event", "blob"))
    with _open(path) as connection:
        names = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        connection.execute(f"DROP TABLE {table}")
        big = rng.choice(("x", "replace(hex(zeroblob(20000000)), '0', 'x')"))
        columns = ", ".join(f"{big} AS {name}" for name in names)
        connection.execute(f"CREATE VIEW {table} AS {_ENDLESS} SELECT {columns} FROM n")


def hostile_trigger(path: Path, rng: random.Random) -> None:
    with _open(path) as connection:
        body = f"INSERT INTO annotation(seq, author, text, created) {_ENDLESS} SELECT x, 'a', 'b', 'c' FROM n"
        connection.execute(f"CREATE TRIGGER more AFTER INSERT ON {rng.choice(('event', 'meta'))} BEGIN {body}; END")


def packed_bomb(path: Path, rng: random.Random) -> None:
    """A blob of a few kilobytes that unpacks to gigabytes, whatever shape it declares."""
    bomb = zlib.compressobj(9)
    data = b"".join(bomb.compress(bytes(1 << 24)) for _ in range(40)) + bomb.flush()
    shape = rng.choice(("[1, 1, 1, 9]", "[4000, 4000, 4000]", "[1, 1, 1, 335544320]"))
    with _open(path) as connection:
        connection.execute("UPDATE blob SET data = ?, shape = ?", (data, shape))


def not_a_run(path: Path, rng: random.Random) -> None:
    path.write_bytes(rng.choice((b"", b"hello", b"SQLite format 3\x00", rng.randbytes(5000), bytes(9000))))


HARMS: dict[str, Harm] = {
    harm.__name__: harm
    for harm in (
        flipped_bits, overwritten_page, cut_off, torn_log, other_payload, other_column, lost_rows, lost_table,
        hostile_view, hostile_trigger, packed_bomb, not_a_run,
    )
}  # fmt: skip
_OFTEN = ("flipped_bits", "overwritten_page", "cut_off", "other_payload", "other_column", "lost_rows")


def damaged_copy(source: Path, path: Path, number: int) -> str:
    """Write the damaged file of that number; the name of what was done to it."""
    rng = random.Random(number)
    names = [*HARMS, *_OFTEN * 3]
    name = names[number % len(names)]
    path.write_bytes(source.read_bytes())
    HARMS[name](path, rng)
    return name
