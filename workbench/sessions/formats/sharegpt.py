"""ShareGPT: ``conversations`` of ``{from, value}``, as FastChat, Axolotl and LLaMA-Factory write it.

Tool turns are called ``function_call`` and ``observation`` there; a row's ``system`` is its first turn.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.sessions.formats import when
from workbench.sessions.formats.chat import conversation
from workbench.sessions.formats.limits import Remarks
from workbench.sessions.formats.lines import dotted, placed, sample, stem
from workbench.sessions.formats.messages import ROLES, Said, attachment, call, plain, said
from workbench.sessions.formats.shapes import array, each, sessions_of, string, table
from workbench.sessions.model import Session

SHAREGPT_ROLES = ROLES | {
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bing": "assistant",
    "bard": "assistant",
    "function_call": "assistant",
    "observation": "tool",
    "function_response": "tool",
}
_KEYS = ("conversations", "conversation", "items")


def detect(data: Any, path: Path) -> bool:
    """Rows with a list of ``{from, value}``, or of ``{role, content}`` under the same names."""
    return any(_messages(row) is not None for row in sample(data))


def _messages(row: Mapping[str, Any]) -> str | None:
    for key in _KEYS:
        listed = row.get(key)
        if isinstance(listed, list) and any(isinstance(m, dict) and _says(m, key) for m in listed):
            return key
    return None


def _says(message: Mapping[str, Any], key: str) -> bool:
    """``{from, value}``; under the format's own key also the roles that others have."""
    told = {"role", "content"} <= message.keys() or {"role", "value"} <= message.keys()
    return {"from", "value"} <= message.keys() or (key == _KEYS[0] and told)


def read(data: Any, path: Path) -> list[Session]:
    """One session per row, called by its id."""
    many = isinstance(data, list) and len(data) > 1

    def row_of(where: str, row: Any) -> list[Session]:
        return [_session(table(row, where), where, f"{stem(path)} {where}" if many else stem(path))]

    return sessions_of(placed(data), row_of)


def _session(row: Mapping[str, Any], where: str, fallback: str) -> Session:
    key = _messages(row) or next((k for k in _KEYS if k in row), _KEYS[0])
    place, remarks = dotted(where, key), Remarks()
    rows = [(f"{place}[{n}]", m) for n, m in enumerate(array(row.get(key), place))]
    chosen = row.get("chosen")
    if isinstance(chosen, dict):  # of two answers to the same; the other is no part of the conversation
        rows.append((dotted(where, "chosen"), chosen))
    messages = [s for told_ in each(rows, lambda at, m: _said(table(m, at), at), remarks) for s in told_]
    told = row.get("system") or row.get("system_prompt")
    if isinstance(told, str) and told.strip():
        messages.insert(0, Said("system", told, dotted(where, "system")))
    files = [
        attachment(f, k.removesuffix("s")) for k in ("images", "image", "videos", "audios") for f in _files(row, k)
    ]
    if files:
        remarks.add(where, f"names {len(files)} attached: {' '.join(files[:5])}")
    name = plain(row.get("id") if row.get("id") is not None else row.get("conversation_id")) or fallback
    extra = {"tools": row["tools"]} if row.get("tools") else {}
    return conversation(messages, name, "sharegpt", remarks, where, extra=extra)


def _files(row: Mapping[str, Any], key: str) -> list[Any]:
    value = row.get(key)
    return value if isinstance(value, list) else [value] if isinstance(value, str) and value else []


def _said(row: Mapping[str, Any], where: str) -> list[Said]:
    if "from" not in row and "content" in row:
        return said(row, where)
    row = {"from": row.get("role"), **row}
    told = string(row.get("from"), dotted(where, "from"))
    value = row.get("value") if row.get("value") is not None else row.get("content")
    extra = {"weight": row["weight"]} if row.get("weight") is not None else {}
    if told.lower() == "function_call":
        return [Said("assistant", "", where, when=when.first(row), calls=(_call(value),), extra=extra)]
    role, name = SHAREGPT_ROLES.get(told.lower(), told), plain(row.get("name"))
    return [Said(role, plain(value), where, name, when.first(row), extra=extra)]


def _call(value: Any) -> Any:
    try:
        made = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        made = None
    if isinstance(made, dict) and isinstance(made.get("name"), str):
        return call(made["name"], made.get("arguments", made.get("parameters", "")))
    return call("tool", value)
