"""One call to a model, however a log wraps it: what was asked, what was answered, and whose conversation it is.

Requests of OpenAI, Anthropic, Gemini and LangChain, the inputs and outputs that tracers keep, and bare texts are told
apart by their shape.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from workbench.sessions.formats.langchain_messages import unfolded
from workbench.sessions.formats.lines import dotted
from workbench.sessions.formats.messages import KNOWN_ROLES, ROLES, Said, content_text, plain, said
from workbench.sessions.formats.otlp import decoded
from workbench.sessions.formats.when import NEVER, When

CONVERSATION = (
    "conversation_id", "conversationId", "session_id", "sessionId", "thread_id", "threadId", "chat_id", "chatId",
)  # fmt: skip
"""Keys under which logs name a conversation."""
_INNER = ("request", "params", "body", "kwargs", "input", "inputs", "invocation_params")
_QUESTION = ("input", "question", "query", "prompt", "user_input", "text", "content", "message", "human_input")
_ANSWER = ("output", "answer", "response", "text", "content", "result", "completion", "generated_text", "final_output")
_DEPTH = 4


def ids(*rows: Any) -> tuple[str, str]:
    """Id and name of the conversation that the first of these objects tells, directly or in its ``metadata``."""
    for row in rows:
        for inner in (row, row.get("metadata") if isinstance(row, Mapping) else None):
            if isinstance(inner, Mapping):
                found = next((inner[k] for k in CONVERSATION if isinstance(inner.get(k), str | int) and inner[k]), "")
                if found:
                    return plain(found), plain(found)
    return "", ""


def asked(value: Any, where: str, at: When = NEVER, depth: int = 0) -> list[Said]:
    """The messages of a request, its instructions first.

    Raises ``SessionFormatError`` when a message in it is none.
    """
    value = decoded(value)
    if isinstance(value, list):
        return _listed(value, where, at, depth)
    if not isinstance(value, Mapping):
        text = plain(value)
        return [Said("user", text, where, when=at)] if text else []
    if depth > _DEPTH:
        return [Said("user", plain(value), where, when=at)]
    before = _instructions(value, where, at)
    for key in ("messages", "contents", "chat_messages", "prompts"):
        if isinstance(decoded(value.get(key)), list):
            return before + _listed(decoded(value[key]), dotted(where, key), at, depth)
    if _is_message(value):
        return said(unfolded(value), where, at)
    for key in _INNER:
        inner = decoded(value.get(key))
        if isinstance(inner, Mapping | list) and inner:
            return before + asked(inner, dotted(where, key), at, depth + 1)
    history = value.get("chat_history") or value.get("history")
    told = _listed(history, dotted(where, "chat_history"), at, depth) if isinstance(history, list) else []
    question = next((value[k] for k in _QUESTION if isinstance(value.get(k), str) and value[k]), None)
    text = question if question is not None else plain(value) if value and not told else ""
    return before + told + ([Said("user", text, where, when=at)] if text else [])


def _instructions(row: Mapping[str, Any], where: str, at: When) -> list[Said]:
    """A request's instructions where they stand beside its messages."""
    for key in ("system", "system_instruction", "systemInstruction", "instructions", "system_prompt"):
        value = row.get(key)
        inner = value.get("parts") if isinstance(value, Mapping) else value
        text = content_text(inner) if isinstance(inner, str | list | Mapping) else ""
        if text.strip():
            return [Said("system", text, dotted(where, key), when=at)]
    return []


def _listed(value: list[Any], where: str, at: When, depth: int) -> list[Said]:
    if len(value) == 1 and isinstance(value[0], list):  # a batch of one
        return _listed(value[0], f"{where}[0]", at, depth)
    found: list[Said] = []
    for n, row in enumerate(value):
        place = f"{where}[{n}]"
        row = decoded(row)
        if isinstance(row, list) and depth < _DEPTH:
            found += _listed(row, place, at, depth + 1)
        elif isinstance(row, Mapping) and not _is_message(row) and "text" in row:
            found.append(Said("user", plain(row["text"]), place, when=at))
        elif isinstance(row, Mapping):
            found += said(unfolded(row), place, at)
        else:
            found.append(Said("user", plain(row), place, when=at))
    return found


def _is_message(row: Mapping[str, Any]) -> bool:
    told = row.get("role")
    if isinstance(told, str):
        return bool({"content", "parts", "tool_calls", "function_call"} & row.keys())
    unfold = unfolded(row)
    return unfold is not row or (str(row.get("type")) in (*ROLES, *KNOWN_ROLES) and "content" in row)


def answered(value: Any, where: str, at: When = NEVER, depth: int = 0) -> list[Said]:
    """The messages that came back.

    Raises ``SessionFormatError`` when one of them is none.
    """
    value = decoded(value)
    if isinstance(value, list):
        return _answers(value, where, at, depth)
    if not isinstance(value, Mapping):
        text = plain(value)
        return [Said("assistant", text, where, when=at)] if text else []
    if _is_message(value) or (value.get("type") == "message" and isinstance(value.get("content"), list)):
        return said({"role": "assistant"} | unfolded(dict(value)), where, at)
    if depth > _DEPTH or not value:
        return [Said("assistant", plain(value), where, when=at)] if value else []
    for key in ("choices", "generations", "candidates", "messages"):
        inner = value.get(key)
        if isinstance(inner, list) and inner:
            first = inner if key == "messages" else inner[:1]
            return _answers(first, dotted(where, key), at, depth + 1)
    for key in ("message", "body", "result", "response", "outputs", "completion", "output", "return_values"):
        inner = value.get(key)
        if isinstance(inner, Mapping | list) and inner:
            return answered(inner, dotted(where, key), at, depth + 1)
    calls = value.get("tool_calls") or value.get("function_call")
    if calls:
        return said({"role": "assistant"} | dict(value), where, at)
    if isinstance(value.get("content"), Mapping):  # Gemini's candidate
        return said({"role": "model"} | dict(value["content"]), dotted(where, "content"), at)
    words = next((value[k] for k in _ANSWER if isinstance(value.get(k), str)), None)
    return [Said("assistant", plain(value) if words is None else words, where, when=at)]


def _answers(value: list[Any], where: str, at: When, depth: int) -> list[Said]:
    if value and all(isinstance(v, Mapping) and "role" not in v and _is_block(v) for v in value):
        return said({"role": "assistant", "content": value}, where, at)  # the parts of one message
    found: list[Said] = []
    for n, row in enumerate(value):
        found += answered(row, f"{where}[{n}]", at, depth + 1) if depth <= _DEPTH else []
    return found


def _is_block(part: Mapping[str, Any]) -> bool:
    return part.get("type") in ("text", "thinking", "redacted_thinking", "tool_use", "server_tool_use", "output_text")


def latest(messages: Iterable[Said], known: Iterable[Said]) -> list[Said]:
    """What an answer says that the request did not: some programs give the whole conversation back."""
    found, before = list(messages), [m.key for m in known]
    keys = [m.key for m in found]
    spoken = [m for m in found if not m.system]
    if before and keys[: len(before)] == before:
        return found[len(before) :]
    bare = [key for key in before if key[0] != "system"]
    if bare and [m.key for m in spoken[: len(bare)]] == bare:
        return spoken[len(bare) :]
    return found
