"""Prints the rows of a Parquet file as JSON Lines: ``python -m workbench.sessions.formats.parquet_rows FILE``.

A process of its own, for the library ``arro3-io`` ends the process at some damaged files (it runs out of memory that a
wrong length asks for). The last line of standard error is what is wrong, when the exit code is 1.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, datetime
from typing import Any

from workbench.sessions.formats.limits import MAX_BYTES, MAX_VALUES, shown

MEMORY = 4 << 30
"""Bytes of address space that the process may take, where the system can say so."""


def rows(path: str) -> Iterator[dict[str, Any]]:
    """The rows of the file as plain JSON objects. Raises ``ValueError`` for more than is read."""
    from arro3.io import read_parquet

    size = count = 0
    for batch in read_parquet(path):
        size += sum(column.nbytes for column in batch.columns)
        count += batch.num_rows
        if size > MAX_BYTES:
            raise ValueError(f"more than {MAX_BYTES >> 20} MiB of data")
        if count > MAX_VALUES:
            raise ValueError(f"more than {MAX_VALUES} rows")
        columns = {name: _plain(batch.column(name).to_pylist()) for name in batch.schema.names}
        yield from (dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True))


def _plain(value: Any) -> Any:
    """The value as JSON could hold it. The nesting is that of the file's schema."""
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, float):
        return value if -float("inf") < value < float("inf") else None
    return value if value is None or isinstance(value, str | int) else str(value)


def main(path: str) -> int:
    """Print the rows."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    out = sys.stdout.buffer
    try:
        for row in rows(path):
            out.write(json.dumps(row, ensure_ascii=False).encode("utf-8", "replace") + b"\n")
        out.flush()
    except BaseException as error:  # a panic in the library is no Exception
        print(shown(" ".join(str(error).split()))[1:-1], file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
