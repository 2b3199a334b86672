"""Opening a run file that nobody vouches for: its tables are tables, with our columns, and nothing is unbounded."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path

from workbench.trace import schema
from workbench.trace.trouble import damaged

LARGEST = 256 << 20
"""Bytes that one stored value may have: a capture of 32 layers and heads over 64,000 tokens fits."""
_LENGTH = getattr(sqlite3, "SQLITE_LIMIT_LENGTH", 0)
_OBJECTS = 500  # entries of the schema that are looked at; ours has 20


def bound(connection: sqlite3.Connection) -> None:
    """Limit what reading may take, before the first byte is read; nothing in the file is called as code."""
    connection.setlimit(_LENGTH, LARGEST)
    for pragma in ("trusted_schema = OFF", "cell_size_check = ON", "mmap_size = 0"):
        connection.execute(f"PRAGMA {pragma}")


def check_tables(connection: sqlite3.Connection, path: Path, writing: bool = False) -> None:
    """Raise ``TraceError`` unless what this program queries are plain tables with the columns that it queries.

    A view or a virtual table of that name would run its own query, for as long and with as much memory as it likes.

    Args:
        writing: also refuse triggers that are not ours, since writing would run them.
    """
    query = f"SELECT type, name, substr(sql, 1, 4000) FROM sqlite_master LIMIT {_OBJECTS + 1}"
    found = connection.execute(query).fetchall()
    if len(found) > _OBJECTS:
        raise damaged(path, f"it has more than {_OBJECTS} tables and indexes")
    kinds = {name: (kind, str(sql or "")) for kind, name, sql in found}
    for table, columns in _columns().items():
        kind, sql = kinds.get(table, ("", ""))
        if not kind and table in schema.LATER:
            continue
        if kind != "table" or sql[:20].upper().startswith("CREATE VIRTUAL"):
            raise damaged(path, f"{table} is no table" if kind else f"it has no table {table}")
        plain = {row[1] for row in connection.execute(f"PRAGMA table_xinfo({table})") if row[6] == 0}
        if not columns <= plain:
            raise damaged(path, f"the table {table} lacks {', '.join(sorted(columns - plain))}")
    if writing:
        ours = _triggers()
        foreign = [name for kind, name, sql in found if kind == "trigger" and ours.get(name) != _flat(sql)]
        if foreign:
            raise damaged(path, f"it has a trigger {foreign[0]} that this program does not know")


@cache
def _columns() -> dict[str, set[str]]:
    with closing(_empty()) as connection:
        return {t: {row[1] for row in connection.execute(f"PRAGMA table_xinfo({t})")} for t in schema.TABLES}


@cache
def _triggers() -> dict[str, str]:
    with closing(_empty()) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        return {name: _flat(sql) for name, sql in rows}


def _empty() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    connection.executescript(schema.SCHEMA)
    return connection


def _flat(sql: str | None) -> str:
    return " ".join(str(sql).split())
