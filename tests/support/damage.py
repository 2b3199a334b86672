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

from workbench.trace.reader import TraceReader
from workbench.trace.texts import MENTIONED

Harm = Callable[[Path, random.Random], None]


def _open(path: Path) -> Any:
    connection = sqlite3.connect(path, isolation_level=None)
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {name}")
    return closing(connection)


def first_version(path: Path) -> Path:
    """Make of a run file one of format 1, where every text stands where it was said."""
    with TraceReader(path) as reader:
        said = [(json.dumps(e.payload, ensure_ascii=False, separators=(",", ":")), e.seq) for e in reader.events()]
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'event'"
        triggers = connection.execute(query).fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("BEGIN")
        connection.executemany("UPDATE event SET payload = ? WHERE seq = ?", said)
        connection.execute("DROP TABLE text")
        connection.executemany("UPDATE meta SET value = ? WHERE key = ?", [("1", "major"), ("2", "minor")])
        connection.execute("COMMIT")
        for _, sql in triggers:
            connection.execute(sql)
    return path


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
        if table not in _tables(connection):
            table, key, columns = "event", "seq", ("kind", "subject", "ms")
        number = rng.choice(connection.execute(f"SELECT {key} FROM {table}").fetchall())[0]
        try:
            connection.execute(
                f"UPDATE {table} SET {rng.choice(columns)} = ? WHERE {key} = ?", (rng.choice(values), number)
            )
        except sqlite3.IntegrityError:
            other_column(path, rng)


def lost_rows(path: Path, rng: random.Random) -> None:
    with _open(path) as connection:
        table = rng.choice(("event", "event", "session", "lane", "blob", "meta", *_tables(connection) & {"text"}))
        key = {"event": "seq", "meta": "key", "blob": "hash"}.get(table, "id")
        some = connection.execute(
            f"SELECT {key} FROM {table} ORDER BY random() LIMIT ?", (rng.choice((1, 5)),)
        ).fetchall()
        connection.executemany(f"DELETE FROM {table} WHERE {key} = ?", some)


def lost_table(path: Path, rng: random.Random) -> None:
    with _open(path) as connection:
        names = ("meta", "session", "lane", "blob", "event", "annotation", *_tables(connection) & {"text"})
        connection.execute(f"DROP TABLE {rng.choice(names)}")


def _tables(connection: sqlite3.Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def other_reference(path: Path, rng: random.Random) -> None:
    """Where a text is named: a row that is not there, or what is no number; a number where no text is ever named."""
    numbers = (0, -1, 7, 1 << 52, 1 << 63, 10**30, 2.5, True, None, [], {"text": 7}, "7", [[[[7]]]])
    with _open(path) as connection:
        rows = connection.execute("SELECT seq, payload FROM event").fetchall()
        naming = [row for row in rows if MENTIONED.search(row[1])]
        if naming and rng.random() < 0.6:
            seq, payload = rng.choice(naming)
            named = f'"text":{json.dumps(rng.choice(numbers))}'
            payload = MENTIONED.sub(named, payload, count=rng.choice((0, 1)))
        else:
            seq, text = rng.choice(rows)
            data, number = json.loads(text), rng.choice(numbers)
            key = rng.choice([*data, "text", "prompt", "spans", "hits", "prompts"])
            data[key] = rng.choice((number, {"text": number}, [{"text": number}] * 3, [[{"text": number}]]))
            payload = json.dumps(data, separators=(",", ":"))
        connection.execute("UPDATE event SET payload = ? WHERE seq = ?", (payload, seq))


def other_text(path: Path, rng: random.Random) -> None:
    """A row of ``text`` with bytes, nothing, a text that names itself, one that steers terminals, one that is huge."""
    with _open(path) as connection:
        rows = connection.execute("SELECT id FROM text").fetchall() if "text" in _tables(connection) else []
        if rows:
            number = rng.choice(rows)[0]
            itself = json.dumps({"text": number}, separators=(",", ":"))
            text = rng.choice(("", b"\xff\x00", "\0" * 99, itself, "\x1b[2J\u202e<img src=f>" * 50, "x" * (30 << 20)))
            connection.execute("UPDATE text SET text = ? WHERE id = ?", (text, number))
    if not rows:
        other_reference(path, rng)


def other_version(path: Path, rng: random.Random) -> None:
    said = ("3", "0", "00", "2\0", "-1", "2.0", "", "9" * 4000, "[2]", b"2", "\u0662", "1")
    with _open(path) as connection:
        connection.execute("UPDATE meta SET value = ? WHERE key = 'major'", (rng.choice(said),))


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
        other_reference, other_text, other_version, hostile_view, hostile_trigger, packed_bomb, not_a_run,
    )
}  # fmt: skip
_OFTEN = (
    "flipped_bits",
    "overwritten_page",
    "cut_off",
    "other_payload",
    "other_column",
    "lost_rows",
    "other_reference",
)


def damaged_copy(source: Path, path: Path, number: int) -> str:
    """Write the damaged file of that number; the name of what was done to it."""
    rng = random.Random(number)
    names = [*HARMS, *_OFTEN * 3]
    name = names[number % len(names)]
    path.write_bytes(source.read_bytes())
    if number % 3 == 2:
        first_version(path)
    HARMS[name](path, rng)
    return f"{name}, format {1 if number % 3 == 2 else 2}"
