"""Letta agent files (``.af``): every agent's messages, its memory blocks kept beside them.

Some official files are JSON in a string of JSON, which loading takes out. Archival passages are not in the format. The
source code of tools is in the file; it is not kept and never run.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.sessions.formats.chat import conversation
from workbench.sessions.formats.limits import Remarks
from workbench.sessions.formats.lines import dotted, placed, sample, stem
from workbench.sessions.formats.messages import Said, folded, plain, said
from workbench.sessions.formats.shapes import array, each, sessions_of, table
from workbench.sessions.model import Session

_TYPES = {
    "system_message": "system",
    "user_message": "user",
    "assistant_message": "assistant",
    "reasoning_message": "assistant",
    "hidden_reasoning_message": "assistant",
    "tool_call_message": "assistant",
    "approval_request_message": "assistant",
    "tool_return_message": "tool",
}
_BLOCK = ("label", "value", "limit", "description", "read_only")


def detect(data: Any, path: Path) -> bool:
    """Files with ``agents`` and ``blocks``, or the first version's ``core_memory``."""
    return any(_agents(row) or _is_first(row) or _is_listed(row) for row in sample(data))


def _agents(row: Mapping[str, Any]) -> bool:
    agents = row.get("agents")
    return isinstance(agents, list) and "blocks" in row and any(isinstance(a, dict) and "messages" in a for a in agents)


def _is_first(row: Mapping[str, Any]) -> bool:
    return isinstance(row.get("core_memory"), list) and isinstance(row.get("messages"), list) and "agent_type" in row


def _is_listed(row: Mapping[str, Any]) -> bool:
    """A message as the API lists it."""
    return row.get("message_type") in _TYPES and bool({"date", "id"} & row.keys())


def read(data: Any, path: Path) -> list[Session]:
    """One session per agent that has messages."""
    if isinstance(data, list) and any(map(_is_listed, sample(data))):
        return [_agent({"messages": list(data)}, "", [], stem(path))]
    return sessions_of(placed(data), lambda where, row: _file(table(row, where), where, stem(path)))


def _file(row: Mapping[str, Any], where: str, fallback: str) -> list[Session]:
    if _is_first(row):
        return [_agent(row, where, row["core_memory"], fallback)]
    blocks = {
        plain(b.get("id")): b for b in array(row.get("blocks") or [], dotted(where, "blocks")) if isinstance(b, dict)
    }
    place = dotted(where, "agents")
    agents = [(f"{place}[{n}]", a) for n, a in enumerate(array(row.get("agents"), place))]
    return sessions_of(agents, lambda at, a: [_agent(table(a, at), at, _held(table(a, at), blocks), fallback)])


def _held(agent: Mapping[str, Any], blocks: Mapping[str, Mapping[str, Any]]) -> list[Any]:
    ids = agent.get("block_ids")
    named = [blocks[plain(i)] for i in (ids if isinstance(ids, list) else []) if plain(i) in blocks]
    own = agent.get("memory_blocks")
    return [*named, *(own if isinstance(own, list) else [])]


def _agent(agent: Mapping[str, Any], where: str, blocks: list[Any], fallback: str) -> Session:
    place, remarks = dotted(where, "messages"), Remarks()
    rows = [(f"{place}[{n}]", m) for n, m in enumerate(array(agent.get("messages"), place))]
    read = each(rows, lambda at, m: (table(m, at), at, _said(table(m, at), at)), remarks)
    kept = agent.get("in_context_message_ids")
    if isinstance(kept, list):
        out = sum(plain(m.get("id")) not in set(map(plain, kept)) for m, _, _ in read)
        if out:
            remarks.add(place, f"{out} of {len(read)} messages were out of the agent's context when it was exported")
    messages = folded([s for _, _, told in read for s in told])
    held = [{k: b[k] for k in _BLOCK if b.get(k) is not None} for b in blocks if isinstance(b, dict)]
    extra = {k: agent[k] for k in ("agent_type", "model", "description") if agent.get(k)} | {"memory_blocks": held}
    return conversation(messages, plain(agent.get("name")) or fallback, "letta", remarks, where, extra=extra)


def _said(row: Mapping[str, Any], where: str) -> list[Said]:
    if row.get("role") == "approval":  # a request for approval is the assistant's, its answer the user's
        row = dict(row) | {"role": "assistant" if row.get("tool_calls") else "user"}
    if row.get("content") is None and isinstance(row.get("text"), str):  # before messages had parts
        row = dict(row) | {"content": row["text"]}
    kind = row.get("message_type")
    if row.get("role") is None and kind in _TYPES:
        row = _typed(row)
    return said({k: v for k, v in row.items() if k != "type"}, where)


def _typed(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """A message of the API, whose type says what it is, as one with a role."""
    kind = plain(row.get("message_type"))
    made = {k: v for k, v in row.items() if k != "name"} | {"role": _TYPES[kind]}
    if kind in ("reasoning_message", "hidden_reasoning_message"):
        return made | {"content": [{"type": "reasoning", "text": plain(row.get("reasoning"))}]}
    if kind in ("tool_call_message", "approval_request_message") and isinstance(row.get("tool_call"), dict):
        asked = {"id": row["tool_call"].get("tool_call_id"), **row["tool_call"]}
        return made | {"tool_calls": [asked], "content": None}
    if kind == "tool_return_message":
        return made | {"content": row.get("tool_return")}
    return made
