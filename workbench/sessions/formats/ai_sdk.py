"""The AI SDK (Vercel): messages of ``parts`` as its UI keeps them, and the model messages of ``tool-call`` parts.

A part of a tool is a call and, once it has an outcome, a turn of the tool.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.sessions.formats.chat import conversation
from workbench.sessions.formats.limits import Remarks
from workbench.sessions.formats.lines import Lines, dotted, placed, sample, stem
from workbench.sessions.formats.messages import plain, said
from workbench.sessions.formats.shapes import array, each, sessions_of, table
from workbench.sessions.model import Session

_KEYS = ("messages", "chat", "uiMessages")
_TYPES = ("tool-call", "tool-result", "tool-invocation", "dynamic-tool", "step-start", "source-url")


def detect(data: Any, path: Path) -> bool:
    """Messages with typed ``parts``, tool invocations or ``tool-call`` parts, or rows that hold them."""
    return any(_is_message(row) or _key(row) for row in sample(data))


def _is_message(row: Any) -> bool:
    if not isinstance(row, Mapping) or row.get("role") not in ("user", "assistant", "system", "tool", "data"):
        return False
    if isinstance(row.get("toolInvocations"), list):
        return True
    parts = row.get("parts")
    if isinstance(parts, list) and any(isinstance(p, Mapping) and isinstance(p.get("type"), str) for p in parts):
        return True
    content = row.get("content")
    return isinstance(content, list) and any(isinstance(p, Mapping) and p.get("type") in _TYPES for p in content)


def _key(row: Mapping[str, Any]) -> str:
    return next((k for k in _KEYS if isinstance(row.get(k), list) and any(map(_is_message, row[k][:9]))), "")


def read(data: Any, path: Path) -> list[Session]:
    """One session per list of messages."""
    rows = list(placed(data))
    if isinstance(data, list) and any(_is_message(row) for _, row in rows[:20]):
        places = rows if isinstance(data, Lines) else [(f"messages{where}", row) for where, row in rows]
        return [_session(places, "", stem(path))]
    many = len(rows) > 1

    def row_of(where: str, row: Any) -> list[Session]:
        row = table(row, where)
        key = _key(row) or "messages"
        place = dotted(where, key)
        messages = [(f"{place}[{n}]", m) for n, m in enumerate(array(row.get(key), place))]
        name = plain(row.get("title")) or plain(row.get("id")) or (f"{stem(path)} {where}" if many else stem(path))
        return [_session(messages, where, name)]

    return sessions_of(rows, row_of)


def _session(rows: list[tuple[str, Any]], where: str, name: str) -> Session:
    remarks = Remarks()
    messages = [s for told in each(rows, lambda at, m: said(m, at), remarks) for s in told]
    return conversation(messages, name, "ai_sdk", remarks, where)
