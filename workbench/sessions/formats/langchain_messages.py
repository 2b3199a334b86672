"""LangChain's messages as plain objects: ``messages_to_dict``'s, ``dumpd``'s and the flat form become the last."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.sessions.formats.messages import plain

_ESCAPED = "__lc_escaped__"
_TYPES = ("human", "ai", "system", "tool", "function", "chat", "developer")


def kind(row: Any) -> str:
    """LangChain's word for who speaks (``human``, ``ai`` …); empty for what is no message of LangChain's."""
    if not isinstance(row, Mapping):
        return ""
    if _is_constructor(row):
        return _short(plain(row["id"][-1]))
    data = row.get("data")
    if isinstance(data, Mapping) and "content" in data:
        return _short(plain(row.get("type")))
    return _short(plain(row.get("type"))) if "content" in row and "role" not in row else ""


def _is_constructor(row: Mapping[str, Any]) -> bool:
    id = row.get("id")
    return "lc" in row and isinstance(row.get("kwargs"), Mapping) and isinstance(id, list) and bool(id)


def _short(name: str) -> str:
    name = name.removesuffix("Chunk").removesuffix("Message").lower()
    return name if name in _TYPES else ""


def is_message(row: Any) -> bool:
    """Whether this is a message of LangChain's."""
    return bool(kind(row))


def unfolded(row: Any) -> Any:
    """The message as a flat object whose ``role`` is LangChain's word; what is no message of LangChain's stays.

    Calls of tools that stand in the content, too, stand only in ``tool_calls`` then.
    """
    told = kind(row)
    if not told:
        return row
    inner = row["kwargs"] if _is_constructor(row) else row.get("data", row)
    inner = inner[_ESCAPED] if isinstance(inner.get(_ESCAPED), Mapping) else inner
    found = {k: v for k, v in inner.items() if k not in ("type", "additional_kwargs", "response_metadata")}
    more = inner.get("additional_kwargs")
    more = more if isinstance(more, Mapping) else {}
    role = inner.get("role") if told == "chat" and isinstance(inner.get("role"), str) else told
    found |= {"role": role}
    if not found.get("tool_calls"):
        found |= {k: more[k] for k in ("tool_calls", "function_call") if more.get(k)}
    if not found.get("reasoning_content") and isinstance(more.get("reasoning_content"), str):
        found["reasoning_content"] = more["reasoning_content"]
    if found.get("tool_calls") and isinstance(found.get("content"), list):
        found["content"] = [p for p in found["content"] if not _is_call(p)]
    return found


def _is_call(part: Any) -> bool:
    return isinstance(part, Mapping) and part.get("type") in (
        "tool_use",
        "tool_call",
        "function_call",
        "input_json_delta",
    )
