"""LangChain's messages, in both of its forms, wherever a chain or a graph wrote them.

``messages_to_dict`` gives ``{type, data}``, ``dumpd`` gives ``{lc: 1, type: "constructor", id, kwargs}``; LangGraph's
state has the fields of a message beside its ``type``. Read are a list of them, an object with ``messages``, and rows of
such objects.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.sessions.formats.chat import conversation
from workbench.sessions.formats.exchange import ids
from workbench.sessions.formats.langchain_messages import is_message, unfolded
from workbench.sessions.formats.limits import Remarks
from workbench.sessions.formats.lines import Lines, dotted, placed, sample, stem
from workbench.sessions.formats.messages import said
from workbench.sessions.formats.shapes import array, each, sessions_of, table
from workbench.sessions.model import Session

_KEYS = ("messages", "chat_history", "history")


def detect(data: Any, path: Path) -> bool:
    """Messages of LangChain, or rows that hold them."""
    rows = sample(data)
    return any(is_message(row) or _key(row) for row in rows)


def _key(row: Mapping[str, Any]) -> str:
    return next((k for k in _KEYS if isinstance(row.get(k), list) and any(map(is_message, row[k][:5]))), "")


def read(data: Any, path: Path) -> list[Session]:
    """One session per list of messages."""
    rows = list(placed(data))
    if isinstance(data, list) and any(is_message(row) for _, row in rows[:5]):
        places = rows if isinstance(data, Lines) else [(f"messages{where}", row) for where, row in rows]
        return [_session(places, "", stem(path), {})]
    many = len(rows) > 1

    def row_of(where: str, row: Any) -> list[Session]:
        row = table(row, where)
        key = _key(row) or "messages"
        place = dotted(where, key)
        messages = [(f"{place}[{n}]", m) for n, m in enumerate(array(row.get(key), place))]
        return [_session(messages, where, ids(row)[0] or (f"{stem(path)} {where}" if many else stem(path)), row)]

    return sessions_of(rows, row_of)


def _session(rows: list[tuple[str, Any]], where: str, name: str, row: Mapping[str, Any]) -> Session:
    remarks = Remarks()
    messages = [s for told in each(rows, lambda at, m: said(unfolded(m), at), remarks) for s in told]
    return conversation(messages, name, "langchain", remarks, where)
