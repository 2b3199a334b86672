"""What stands inside JSON that is no format itself: pages of an API, a viewer's rows, splits by name, records by id."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from workbench.sessions.formats.sidecar import KEY

_ROW = ("row", "json", "_source", "document", "record")  # dataset viewers, n8n, Elasticsearch, MongoDB's tools
_MOST = 64  # members of an object that are looked at


def inside(data: Any, depth: int = 2) -> Iterator[dict[str, Any]]:
    """Ways to take it apart, the likeliest first: each the data of its parts by the key under which they stand."""
    if isinstance(data, Mapping) and KEY in data:
        return  # probes written for a session, which says so itself
    if isinstance(data, list):
        rows = _rows(data)
        if rows is not None:
            yield {"": rows}
        return
    if not isinstance(data, Mapping) or (not 0 < len(data) <= _MOST and not _alike(data)):
        return
    yield {str(key): value for key, value in list(data.items())[:_MOST] if isinstance(value, list) and _has_rows(value)}
    if _alike(data):
        yield {"": list(data.values())}
    if depth:
        for key, value in list(data.items())[:_MOST]:
            if isinstance(value, Mapping):
                yield {str(key): value}
            rows = _rows(value) if isinstance(value, list) else None
            if rows is not None:
                yield {str(key): rows}
            for way in inside(value, depth - 1) if isinstance(value, Mapping) else ():
                yield {f"{key}.{inner}" if inner else str(key): found for inner, found in way.items()}


def _has_rows(value: list[Any]) -> bool:
    return any(isinstance(row, dict | list) for row in value[:5])


def _rows(value: list[Any]) -> list[Any] | None:
    """The rows that stand one level down in every row of a list; None when they do not."""
    first = value[0] if value else None
    key = next((k for k in _ROW if isinstance(first, dict) and isinstance(first.get(k), dict)), None)
    if key is None or not all(isinstance(row, dict) and isinstance(row.get(key), dict) for row in value):
        return None
    return [row[key] for row in value]


def _alike(data: Mapping[str, Any]) -> bool:
    """Whether an object is a table of records by their ids: all are objects, and share most of their keys."""
    rows = list(data.values())
    if not rows or not all(isinstance(row, dict) and row for row in rows):
        return False
    shared = set(rows[0]).intersection(*rows[1:])
    return len(shared) * 2 > max(map(len, rows))
