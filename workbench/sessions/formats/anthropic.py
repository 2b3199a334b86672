"""Anthropic's Messages: requests, logs of requests with their responses, and batches.

A block of ``tool_use`` is a call in the turn that makes it, one of ``tool_result`` a turn of the tool; ``system``
beside the messages is the first turn; thoughts are kept aside.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.errors import SessionFormatError
from workbench.sessions.formats.exchange import answered, asked, ids
from workbench.sessions.formats.limits import Remarks
from workbench.sessions.formats.lines import placed, sample, stem
from workbench.sessions.formats.shapes import MEND, each, table
from workbench.sessions.formats.threads import Record, named, threads
from workbench.sessions.formats.when import first
from workbench.sessions.model import Session

_WRAPPERS = ("request", "params", "body", "input", "kwargs")
_ANSWERS = ("response", "message", "output", "result", "completion")
_BLOCKS = ("tool_use", "tool_result", "thinking", "redacted_thinking", "server_tool_use", "document")


def detect(data: Any, path: Path) -> bool:
    """A request with blocks or instructions of Anthropic's kind, or with such a response."""
    return any(_is_exchange(row) for row in sample(data)) or _is_bare(data)


def _is_bare(data: Any) -> bool:
    """A bare list of messages some of which are blocks of Anthropic's."""
    return isinstance(data, list) and any(_has_blocks(m) for m in sample(data) if "role" in m)


def _is_exchange(row: Mapping[str, Any]) -> bool:
    request = _request(row)
    if request is None:
        return _is_response(row)
    if _response(row) is not None or any(_has_blocks(m) for m in request["messages"][:50]):
        return True
    return isinstance(request.get("system"), str | list) and bool(request["system"])


def _is_response(row: Mapping[str, Any]) -> bool:
    """A response that was kept without its request."""
    told = _response(row)
    return told is not None and bool({"stop_reason", "usage"} & told.keys())


def _has_blocks(message: Any) -> bool:
    content = message.get("content") if isinstance(message, Mapping) else None
    return isinstance(content, list) and any(isinstance(b, Mapping) and b.get("type") in _BLOCKS for b in content)


def _request(row: Mapping[str, Any], depth: int = 0) -> Mapping[str, Any] | None:
    if isinstance(row.get("messages"), list):
        return row
    inner = [row[k] for k in _WRAPPERS if isinstance(row.get(k), Mapping)] if depth < 2 else []
    return next((found for i in inner if (found := _request(i, depth + 1)) is not None), None)


def _response(row: Any, depth: int = 0) -> Mapping[str, Any] | None:
    """The message that came back; None when none was logged."""
    if not isinstance(row, Mapping):
        return None
    if row.get("type") == "message" and row.get("role") == "assistant" and isinstance(row.get("content"), list):
        return row
    inner = [row[k] for k in (*_ANSWERS, "body") if k in row] if depth < 3 else []
    return next((found for i in inner if (found := _response(i, depth + 1)) is not None), None)


def read(data: Any, path: Path) -> list[Session]:
    """One session per conversation; a repeated history is told once."""
    rows = [("", {"messages": list(data)})] if _is_bare(data) else list(placed(data))
    remarks = Remarks()
    records = each(rows, _record, remarks)
    return named(threads(records), stem(path), "anthropic", remarks)


def _record(where: str, row: Any) -> Record:
    row = table(row, where)
    request, response = _request(row), _response(row)
    if request is None:
        if not _is_response(row):
            raise SessionFormatError(f"{where or 'the file'}: no request with messages", MEND)
        request = {}
    at = first(row, request, response)
    id, name = ids(row, request)
    batch = plain_id(row)
    told = answered(response, f"{where}: response" if where else "response", at) if response else []
    told_first = asked(request, where, at) if request else []
    return Record(where, tuple(told_first), tuple(told), id, whole=bool(batch), name=name or batch)


def plain_id(row: Mapping[str, Any]) -> str:
    """The id of a request in a batch: every one is a conversation of its own."""
    custom = row.get("custom_id")
    return custom if isinstance(custom, str) else ""
