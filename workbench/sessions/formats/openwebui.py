"""Open WebUI's export of chats: a tree of messages with a current one, or the flat list of older versions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.sessions.formats import when
from workbench.sessions.formats.branches import branch, last_leaf, remark_others
from workbench.sessions.formats.chat import conversation
from workbench.sessions.formats.limits import Remarks
from workbench.sessions.formats.lines import dotted, placed, sample, stem
from workbench.sessions.formats.messages import Said, plain, said
from workbench.sessions.formats.shapes import array, each, sessions_of, table
from workbench.sessions.model import Session


def detect(data: Any, path: Path) -> bool:
    """Rows with a ``chat`` that has a ``history`` or ``messages``, or such a chat itself."""
    return any(_chat(row) is not None for row in sample(data))


def _chat(row: Mapping[str, Any]) -> Mapping[str, Any] | None:
    chat = row.get("chat")
    if isinstance(chat, Mapping) and (_is_tree(chat.get("history")) or isinstance(chat.get("messages"), list)):
        return chat
    return row if _is_tree(row.get("history")) else None


def _is_tree(history: Any) -> bool:
    return isinstance(history, Mapping) and isinstance(history.get("messages"), Mapping) and "currentId" in history


def read(data: Any, path: Path) -> list[Session]:
    """One session per chat."""
    return sessions_of(placed(data), lambda where, row: [_session(table(row, where), where, stem(path))])


def _session(row: Mapping[str, Any], where: str, fallback: str) -> Session:
    chat = _chat(row) or row
    place = dotted(where, "chat") if chat is not row else where
    remarks = Remarks()
    history = chat.get("history")
    if _is_tree(history):
        messages = _tree(history, dotted(place, "history"), remarks)
    else:
        place = dotted(place, "messages")
        rows = [(f"{place}[{n}]", m) for n, m in enumerate(array(chat.get("messages"), place))]
        messages = [s for told in each(rows, lambda at, m: said(m, at), remarks) for s in told]
    system = chat.get("system") or _object(chat.get("params")).get("system")
    if isinstance(system, str) and system.strip():
        messages.insert(0, Said("system", system, dotted(place, "system"), when=when.first(row, chat)))
    name = plain(row.get("title")) or plain(chat.get("title")) or fallback
    extra = {k: row[k] for k in ("id", "folder_id", "tags") if row.get(k)} | (
        {"models": chat["models"]} if chat.get("models") else {}
    )
    return conversation(messages, name, "openwebui", remarks, where, extra=extra)


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _tree(history: Any, where: str, remarks: Remarks) -> list[Said]:
    nodes = {k: m for k, m in history["messages"].items() if isinstance(m, Mapping)}
    parents = {name: plain(m.get("parentId")) for name, m in nodes.items()}
    current = plain(history.get("currentId"))
    chosen = branch(parents, current if current in parents else last_leaf(parents))
    remark_others(remarks, where, parents, chosen, lambda name: plain(nodes[name].get("content")))
    rows = [(f"{where}.messages.{name[:40]}", nodes[name]) for name in chosen]
    return [s for told in each(rows, lambda at, m: said(m, at), remarks) for s in told]
