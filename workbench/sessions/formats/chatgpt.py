"""ChatGPT's export: ``conversations.json``, the zip that holds it, or a single conversation.

Messages form a tree; the branch that ``current_node`` ends is read, the others are named in a remark. Files that were
uploaded and pictures are named, what a tool was told is a call, what it answered a turn of its own, thoughts are kept
aside.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.sessions.formats import when
from workbench.sessions.formats.branches import branch, last_leaf, remark_others
from workbench.sessions.formats.chat import conversation
from workbench.sessions.formats.limits import Remarks
from workbench.sessions.formats.lines import dotted, placed, sample, stem
from workbench.sessions.formats.loading import Archive, parse
from workbench.sessions.formats.messages import Said, attachment, call, folded, plain
from workbench.sessions.formats.shapes import sessions_of, table
from workbench.sessions.model import Session

_FILE = "conversations"
_ASIDE = ("thoughts", "reasoning_recap")


def detect(data: Any, path: Path) -> bool:
    """Conversations with a ``mapping`` of nodes."""
    if isinstance(data, Archive):
        return any(_is_conversations(name) for name in data.names) and "chat.html" in data
    return any(_is_mapping(row.get("mapping")) for row in sample(data))


def _is_conversations(name: str) -> bool:
    base = name.rpartition("/")[2]
    return base.startswith(_FILE) and base.endswith(".json")


def _is_mapping(mapping: Any) -> bool:
    if not isinstance(mapping, Mapping):
        return False
    first = next((node for node in mapping.values() if isinstance(node, Mapping)), None)
    return first is not None and "message" in first and bool({"parent", "children"} & first.keys())


def read(data: Any, path: Path) -> list[Session]:
    """One session per conversation."""
    if isinstance(data, Archive):
        files = [parse(data.read(name)) for name in data.names if _is_conversations(name)]
        data = [row for file in files for row in (file if isinstance(file, list) else [file])]
    return sessions_of(placed(data), lambda where, row: [_session(row, where, stem(path))])


def _session(row: Any, where: str, fallback: str) -> Session:
    row = table(row, where)
    nodes = {k: n for k, n in table(row.get("mapping"), dotted(where, "mapping")).items() if isinstance(n, Mapping)}
    parents = {name: plain(node.get("parent")) for name, node in nodes.items()}
    current = row.get("current_node")
    leaf = current if isinstance(current, str) and current in nodes else last_leaf(parents)
    remarks = Remarks()
    if leaf != current:
        remarks.add(dotted(where, "current_node"), "missing; the last branch is read")
    chosen = branch(parents, leaf)
    remark_others(remarks, where, parents, chosen, lambda name: _text(nodes[name]))
    messages = folded([s for name in chosen for s in _said(nodes[name], dotted(where, f"mapping.{name[:40]}"))])
    extra = {k: row[k] for k in ("id", "conversation_id", "default_model_slug", "gizmo_id") if row.get(k)}
    return conversation(messages, plain(row.get("title")) or fallback, "chatgpt", remarks, where, extra=extra)


def _text(node: Mapping[str, Any]) -> str:
    return " ".join(s.text for s in _said(node, ""))


def _said(node: Mapping[str, Any], where: str) -> list[Said]:
    message = node.get("message")
    if not isinstance(message, Mapping):
        return []
    author, content = _object(message.get("author")), _object(message.get("content"))
    about = _object(message.get("metadata"))
    if about.get("is_visually_hidden_from_conversation") is True and not _words(content):
        return []
    role, kind = plain(author.get("role")) or "user", plain(content.get("content_type"))
    words = _words(content)
    files = about.get("attachments")
    words += [attachment(file) for file in (files if isinstance(files, list) else [])]
    text, extra = "\n".join(filter(None, words)), {}
    if kind in _ASIDE:
        text, extra = "", {"thinking": text}
    if not (text or extra):
        return []
    recipient = plain(message.get("recipient")) or "all"
    calls = (call(recipient, text),) if role == "assistant" and recipient != "all" else ()
    if about.get("model_slug"):
        extra = extra | {"model": about["model_slug"]}
    return [
        Said(
            role,
            "" if calls else text,
            where,
            plain(author.get("name")),
            when.when(message.get("create_time")),
            source=plain(message.get("id") or node.get("id")),
            calls=calls,
            extra=extra,
        )
    ]


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _words(content: Mapping[str, Any]) -> list[str]:
    """What a message's content says: its parts, or the field that its type has."""
    parts = content.get("parts")
    if isinstance(parts, list):
        return [_part(part) for part in parts]
    thoughts = content.get("thoughts")
    if isinstance(thoughts, list):
        return [plain(_object(t).get("content")) for t in thoughts]
    names = ("text", "result", "content", "user_profile", "user_instructions", "model_set_context")
    return [plain(content[name]) for name in names if isinstance(content.get(name), str)]


def _part(part: Any) -> str:
    if isinstance(part, str):
        return part
    row = _object(part)
    for key in ("text", "transcript"):
        if isinstance(row.get(key), str):
            return plain(row[key])
    kind = plain(row.get("content_type")).removesuffix("_asset_pointer").removesuffix("_transcription") or "part"
    return attachment({"name": plain(row.get("asset_pointer")).rpartition("/")[2]}, kind)
