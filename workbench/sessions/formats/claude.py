"""Claude's export (claude.ai): ``conversations.json`` with ``chat_messages``, or the zip that holds it.

Texts of attachments are read, files named. A message that was edited or asked for again begins a branch: the one that
``current_leaf_message_uuid`` ends is read, else the one with the last message; the others are named in a remark.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.sessions.formats.branches import branch, last_leaf, remark_others
from workbench.sessions.formats.chat import conversation
from workbench.sessions.formats.limits import Remarks
from workbench.sessions.formats.lines import dotted, placed, sample, stem
from workbench.sessions.formats.loading import Archive, parse
from workbench.sessions.formats.messages import Said, plain, said
from workbench.sessions.formats.shapes import array, each, sessions_of, table
from workbench.sessions.model import Session

_ROOT = "00000000-0000-4000-8000-000000000000"


def detect(data: Any, path: Path) -> bool:
    """Conversations with ``chat_messages``."""
    if isinstance(data, Archive):
        return "conversations.json" in data and "chat.html" not in data and "users.json" in data
    return any(isinstance(row.get("chat_messages"), list) for row in sample(data))


def read(data: Any, path: Path) -> list[Session]:
    """One session per conversation."""
    if isinstance(data, Archive):
        data = parse(data.read("conversations.json"))
    return sessions_of(placed(data), lambda where, row: [_session(row, where, stem(path))])


def _session(row: Any, where: str, fallback: str) -> Session:
    row = table(row, where)
    place, remarks = dotted(where, "chat_messages"), Remarks()
    rows = [(f"{place}[{n}]", m) for n, m in enumerate(array(row.get("chat_messages"), place))]
    read = each(rows, lambda at, m: (table(m, at), at, _said(table(m, at), at)), remarks)
    chosen = _branch(row, [m for m, _, _ in read], where, remarks)
    messages = [s for m, _, told in read for s in told if chosen is None or m.get("uuid") in chosen]
    extra = {k: row[k] for k in ("uuid", "summary", "model") if row.get(k)}
    return conversation(messages, plain(row.get("name")) or fallback, "claude", remarks, where, extra=extra)


def _said(message: Mapping[str, Any], where: str) -> list[Said]:
    content = message.get("content")
    told = dict(message) | {"role": message.get("sender") or message.get("role")}
    if not (isinstance(content, list) and content):  # older exports have the text alone
        told["content"] = message.get("text")
    return said(told, where)


def _branch(
    row: Mapping[str, Any], messages: list[Mapping[str, Any]], where: str, remarks: Remarks
) -> frozenset[str] | None:
    """The messages of the branch to read; None for all of them, in an export that tells no parents."""
    parents = {plain(m.get("uuid")): plain(m.get("parent_message_uuid")) for m in messages}
    if not any(parent and parent != _ROOT for parent in parents.values()):
        return None
    current = plain(row.get("current_leaf_message_uuid"))
    chosen = branch(parents, current if current in parents else last_leaf(parents))
    texts = {plain(m.get("uuid")): plain(m.get("text")) for m in messages}
    remark_others(remarks, where, parents, chosen, lambda name: texts[name])
    return frozenset(chosen)
