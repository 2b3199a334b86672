"""Exports of llama.cpp's web UI: ``{conv, messages}`` with a tree of messages, or its first version's flat list.

Since June 2026 it writes JSON Lines: a ``session`` line that holds what ``conv`` held, and one ``message`` line each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench.sessions.formats.branches import branch, last_leaf, remark_others
from workbench.sessions.formats.chat import conversation
from workbench.sessions.formats.limits import Remarks
from workbench.sessions.formats.lines import Lines, dotted, placed, sample, stem
from workbench.sessions.formats.messages import Said, attachment, plain, said
from workbench.sessions.formats.shapes import array, each, sessions_of, table
from workbench.sessions.model import Session


def detect(data: Any, path: Path) -> bool:
    """Objects with ``conv`` and ``messages``, or with a ``conv-…`` id; or lines of a conversation of the web UI."""
    return _is_log(data) or any(_is_export(row) for row in sample(data))


def _is_log(data: Any) -> bool:
    told = [row.get("message") for row in sample(data) if row.get("type") == "message"]
    return isinstance(data, Lines) and any(isinstance(m, Mapping) and "convId" in m and "role" in m for m in told)


def _is_export(row: Mapping[str, Any]) -> bool:
    if not isinstance(row.get("messages"), list):
        return False
    conv = row.get("conv")
    return (isinstance(conv, Mapping) and "id" in conv) or (
        plain(row.get("id")).startswith("conv-") and "lastModified" in row
    )


def read(data: Any, path: Path) -> list[Session]:
    """One session per conversation."""
    if _is_log(data):
        return _logged(data, path)
    return sessions_of(placed(data), lambda where, row: [_session(table(row, where), where, stem(path))])


def _logged(data: Any, path: Path) -> list[Session]:
    """The conversations of a log: each begins with its ``session`` line, or with its first message."""
    remarks = Remarks()
    conversations: dict[str, tuple[str, Mapping[str, Any], list[tuple[str, Any]]]] = {}
    for where, row in each(placed(data), lambda at, r: (at, table(r, at)), remarks):
        if row.get("type") == "session":
            conversations.setdefault(plain(row.get("id")), (where, row, []))
            continue
        message = row.get("message")
        owner = plain(message.get("convId")) if isinstance(message, Mapping) else ""
        if not owner:
            remarks.add(where, "no message of a conversation; left out")
            continue
        conversations.setdefault(owner, (where, {}, []))[2].append((dotted(where, "message"), message))
    read = [
        _conversation(conv, rows, where, stem(path), remarks if not n else Remarks())
        for n, (where, conv, rows) in enumerate(conversations.values())
    ]
    return [s for s in read if s.turns] or read


def _session(row: Mapping[str, Any], where: str, fallback: str) -> Session:
    conv = row.get("conv") if isinstance(row.get("conv"), Mapping) else row
    assert isinstance(conv, Mapping)
    place = dotted(where, "messages")
    rows = [(f"{place}[{n}]", m) for n, m in enumerate(array(row.get("messages"), place))]
    return _conversation(conv, rows, where, fallback, Remarks())


def _conversation(
    conv: Mapping[str, Any], rows: Sequence[tuple[str, Any]], where: str, fallback: str, remarks: Remarks
) -> Session:
    read = each(rows, lambda at, m: (table(m, at), at), remarks)
    nodes = {plain(m.get("id")): m for m, _ in read if m.get("type") != "root"}
    chosen = _branch(conv, nodes, where, remarks)
    kept = [(at, m) for m, at in read if m.get("type") != "root" and (chosen is None or plain(m.get("id")) in chosen)]
    messages = [s for told in each(kept, _said, remarks) for s in told]
    extra = {k: conv[k] for k in ("id", "forkedFromConversationId") if conv.get(k)}
    return conversation(messages, plain(conv.get("name")) or fallback, "llamacpp", remarks, where, extra=extra)


def _branch(
    conv: Mapping[str, Any], nodes: Mapping[str, Mapping[str, Any]], where: str, remarks: Remarks
) -> frozenset[str] | None:
    """The messages of the current branch; None for all, in a version without branches."""
    parents = {name: plain(m.get("parent")) for name, m in nodes.items()}
    if not any(parents.values()):
        return None
    current = plain(conv.get("currNode"))
    chosen = branch(parents, current if current in parents else last_leaf(parents))
    remark_others(remarks, where, parents, chosen, lambda name: plain(nodes[name].get("content")))
    return frozenset(chosen)


def _said(where: str, row: Mapping[str, Any]) -> list[Said]:
    told = dict(row) | {"type": "message", "reasoning": row.get("reasoningContent") or row.get("thinking")}
    calls = row.get("toolCalls")
    if calls:
        told |= {"tool_calls": _decoded(calls) if isinstance(calls, str) else calls}
    found = said(told, where)
    files = row.get("extra")
    named = [_file(f) for f in (files if isinstance(files, list) else []) if isinstance(f, Mapping)]
    if named:
        found[0] = replace(found[0], text="\n".join(filter(None, (found[0].text, *named))))
    return found


def _file(row: Mapping[str, Any]) -> str:
    kind = plain(row.get("type")).removesuffix("File") or "file"
    return attachment({"name": row.get("name"), "text": row.get("content")}, kind)


def _decoded(text: str) -> Any:
    from workbench.sessions.formats.otlp import decoded

    found = decoded(text)
    return found if isinstance(found, list) else None
