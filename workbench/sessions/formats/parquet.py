"""Parquet files as rows of plain JSON values, by the optional library ``arro3-io``."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

from workbench.errors import SessionFormatError
from workbench.sessions.formats.limits import MAX_BYTES, MAX_VALUES, shown

_SPLIT = "split the file into several"


def rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a Parquet file as objects. Raises ``SessionFormatError``, also when the library is missing."""
    try:
        from arro3.io import read_parquet
    except ImportError as error:
        remedy = "install mnemoscope[parquet] (the packages arro3-io and arro3-core), or save it as JSON Lines"
        raise SessionFormatError("a Parquet file, for which a library is missing", remedy) from error
    try:
        found = _rows(read_parquet(path))
    except (SessionFormatError, KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # the library's errors are of no kind of its own, and a panic in it is no Exception
        what = f"a damaged Parquet file ({shown(' '.join(str(error).split()))[1:-1]})"
        raise SessionFormatError(what, "download or write it again") from error
    if not found:
        raise SessionFormatError("a Parquet file without rows", "choose a session file")
    return found


def _rows(batches: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    size = 0
    for batch in batches:
        size += sum(column.nbytes for column in batch.columns)
        if size > MAX_BYTES:
            raise SessionFormatError(f"more than {MAX_BYTES >> 20} MiB of data", _SPLIT)
        if len(found) + batch.num_rows > MAX_VALUES:
            raise SessionFormatError(f"more than {MAX_VALUES} rows", _SPLIT)
        columns = {name: _plain(batch.column(name).to_pylist()) for name in batch.schema.names}
        found += (dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True))
    return found


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
