"""A SQLite file as readers see it: read-only, tables that are tables, a bounded number of rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

from workbench.errors import SessionFormatError

MAX_ROWS = 1_000_000


class Database:
    """A SQLite file that is not a run of this program (the command line tells those apart).

    Attributes:
        tables: names of its tables with their columns; views and virtual tables are none.
    """

    def __init__(self, path: Path) -> None:
        self._uri = f"file:{quote(str(path.resolve()))}?mode=ro&immutable=1"
        query = (
            "SELECT m.name, c.name, l.wr FROM pragma_table_list AS l"
            " JOIN sqlite_schema AS m ON m.name = l.name AND m.type = l.type"
            " JOIN pragma_table_info(m.name) AS c WHERE l.type = 'table' AND l.schema = 'main'"
            " AND m.name NOT LIKE 'sqlite_%' ORDER BY m.name, c.cid"
        )
        self.tables: dict[str, tuple[str, ...]] = {}
        self._unordered: set[str] = set()
        for table, column, without_rowid in self._run(query):
            self.tables[table] = (*self.tables.get(table, ()), column)
            if without_rowid:
                self._unordered.add(table)

    def rows(self, table: str, columns: tuple[str, ...] = (), order: str = "") -> Iterator[dict[str, Any]]:
        """The rows of a table as objects, in the order of a column or else of writing, at most ``MAX_ROWS`` of them."""
        names = columns or self.tables[table]
        listed = ", ".join(map(_quoted, names))
        by = order if order in self.tables[table] else "" if table in self._unordered else "rowid"
        sorted_ = f" ORDER BY {_quoted(by)}" if by else ""
        query = f"SELECT {listed} FROM main.{_quoted(table)}{sorted_} LIMIT {MAX_ROWS + 1}"
        for n, row in enumerate(self._run(query)):
            if n == MAX_ROWS:
                raise SessionFormatError(f"table {table}: more than {MAX_ROWS} rows", "keep fewer rows")
            yield dict(zip(names, row, strict=True))

    def _run(self, query: str) -> Iterator[tuple[Any, ...]]:
        try:
            with closing(sqlite3.connect(self._uri, uri=True)) as connection:
                connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
                connection.execute("PRAGMA trusted_schema = OFF")
                yield from connection.execute(query)
        except (sqlite3.Error, UnicodeDecodeError) as error:  # the library's own message may be no text
            raise SessionFormatError(f"a damaged SQLite file ({error})", "copy it again") from error


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
