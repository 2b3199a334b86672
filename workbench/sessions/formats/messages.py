"""One message of a chat, in every near-OpenAI shape.

``said`` reads OpenAI chat, Responses and Assistants, Anthropic, Gemini, the AI SDK and LangChain's flat form into
``Said``. It takes any JSON: a part that it does not know is named in square brackets, what it keeps for people is in
``extra``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from workbench.sessions.formats.limits import shown
from workbench.sessions.formats.lines import dotted
from workbench.sessions.formats.shapes import array, string, table
from workbench.sessions.formats.when import KEYS, NEVER, When, first

ROLES = {
    "developer": "system",
    "human": "user",
    "customer": "user",
    "ai": "assistant",
    "model": "assistant",
    "bot": "assistant",
    "function": "tool",
    "tool_result": "tool",
}
"""Other names of the four roles; any other role is kept as it is, with a remark."""
KNOWN_ROLES = ("system", "user", "assistant", "tool")
_KEPT = ("tool_calls", "function_call", "tool_call_id", "weight", "attachments", "metadata")


@dataclass(frozen=True, slots=True)
class Call:
    """A tool that is called; ``arguments`` as JSON text with every letter as it is."""

    name: str
    arguments: str = ""
    id: str = ""

    @property
    def written(self) -> str:
        """As it stands in a turn's text."""
        return f"{self.name}({self.arguments})"


@dataclass(frozen=True, slots=True)
class Said:
    """One message, whatever format it came from.

    Attributes:
        where: its place in the file, for remarks.
        answers: id of the call whose result it is.
        extra: kept with the turn, for people.
    """

    role: str
    text: str = ""
    where: str = ""
    speaker: str = ""
    when: When = NEVER
    part: int = 0
    source: str = ""
    calls: tuple[Call, ...] = ()
    answers: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, ...]:
        """What makes a message the same as another. Ids differ between a log's request and its next one."""
        return (self.role, self.text, *(c.written for c in self.calls))

    @property
    def system(self) -> bool:
        """Whether it is an instruction, which may change while a conversation goes on."""
        return self.role == "system"


def plain(value: Any) -> str:
    """A JSON value as text: a text as it is, anything else as JSON with every letter as it is, null as nothing."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def call(name: Any, arguments: Any = "", id: Any = "") -> Call:
    """A call from the values that a file has for it; arguments that are a string of JSON get their letters back."""
    if isinstance(arguments, str) and "\\u" in arguments:
        with suppress(ValueError, RecursionError):
            arguments = json.dumps(json.loads(arguments), ensure_ascii=False)
    return Call(plain(name) or "tool", plain(arguments), plain(id))


@dataclass
class _Pieces:
    """A message taken apart in order: what it says and calls, and results that stand inside it."""

    base: Said
    out: list[Said] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        if text:
            self.text.append(text)

    def result(self, text: str, speaker: str = "", answers: str = "") -> None:
        """The result of a tool: a turn of its own."""
        self.flush()
        part = replace(self.base, role="tool", text=text, speaker=speaker, answers=answers, extra={}, source="")
        self.out.append(part)

    def flush(self, always: bool = False) -> None:
        """The turn so far, when it says anything."""
        if not (self.text or self.calls or always):
            return
        extra = dict(self.base.extra) | ({"thinking": "\n".join(self.thoughts)} if self.thoughts else {})
        self.out.append(replace(self.base, text="\n".join(self.text), calls=tuple(self.calls), extra=extra))
        self.text, self.calls, self.thoughts = [], [], []


def said(row: Any, where: str, at: When = NEVER, part: int = 0) -> list[Said]:
    """The turns that a message is: itself, and a turn for every tool result inside it.

    Args:
        row: the message as the file has it.
        where: its place.
        at: when it was said, for a message that does not tell.
        part: the sitting that it belongs to.

    Raises ``SessionFormatError`` when ``row`` is no message.
    """
    row = table(row, where)
    item = _item(row)
    if item is not None:
        row = item
    told = string(row.get("role") if row.get("role") is not None else _typed(row), dotted(where, "role"))
    role = ROLES.get(told.lower(), told)
    extra = {k: row[k] for k in _KEPT if row.get(k)}
    base = Said(
        role,
        where=where,
        speaker=_name(row),
        when=first(row) or at,
        part=part,
        source=plain(row.get("id") or row.get("uuid"))[:200],
        answers=plain(row.get("tool_call_id") or row.get("toolCallId") or row.get("call_id")),
        extra=extra,
    )
    pieces = _Pieces(base)
    _fill(pieces, row)
    mute = item is not None and item["content"] == [{"type": "reasoning", "summary": []}]  # encrypted, or none
    pieces.flush(always=not (pieces.out or mute))
    return pieces.out


def folded(messages: Sequence[Said]) -> list[Said]:
    """Messages without those that are thoughts alone: the thoughts go to what the assistant says next."""
    found: list[Said] = []
    thoughts: list[str] = []
    for message in messages:
        thought = message.extra.get("thinking")
        if thought and not message.text and not message.calls:
            thoughts.append(thought)
            continue
        if thoughts and message.role == "assistant":
            told = "\n".join([*thoughts, *([thought] if thought else [])])
            message, thoughts = replace(message, extra={**message.extra, "thinking": told}), []
        found.append(message)
    return found


def _typed(row: Mapping[str, Any]) -> Any:
    """LangChain's messages name their role in ``type``."""
    kind = row.get("type")
    known = isinstance(kind, str) and kind.lower() in (*ROLES, *KNOWN_ROLES)
    return kind if known else None


def _name(row: Mapping[str, Any]) -> str:
    name = row.get("name")
    return name if isinstance(name, str) else ""


def _item(row: Mapping[str, Any]) -> dict[str, Any] | None:
    """An item of the Responses API that is no message, as one."""
    kind = row.get("type")
    if row.get("role") is not None or not isinstance(kind, str):
        return None
    if kind == "reasoning":
        return {
            "role": "assistant",
            "content": [{"type": "reasoning", "summary": row.get("summary") or []}],
            **_kept(row),
        }
    if kind.endswith("_call_output"):
        return {"role": "tool", "content": row.get("output"), "tool_call_id": row.get("call_id"), **_kept(row)}
    if kind in ("function_call", "custom_tool_call", "mcp_call"):
        made = {"name": row.get("name"), "arguments": row.get("arguments", row.get("input")), "id": row.get("call_id")}
        answer = [{"type": "tool_result", "content": row["output"]}] if row.get("output") is not None else []
        return {"role": "assistant", "content": [{"type": "tool_call", **made}, *answer], **_kept(row)}
    if kind.endswith("_call"):  # web_search_call, file_search_call, computer_call …
        asked = row.get("action") or row.get("queries") or row.get("code") or ""
        name = kind.removesuffix("_call")
        return {"role": "assistant", "content": [{"type": "tool_call", "name": name, "arguments": asked}], **_kept(row)}
    return None


def _kept(row: Mapping[str, Any]) -> dict[str, Any]:
    return {k: row[k] for k in ("id", *KEYS) if row.get(k) is not None}


def _fill(pieces: _Pieces, row: Mapping[str, Any]) -> None:
    parts = row.get("content")
    if parts in (None, "", []) and row.get("parts") is not None:
        parts = row.get("parts")
    _content(pieces, parts)
    pieces.say(row["refusal"] if isinstance(row.get("refusal"), str) else "")
    audio = row.get("audio")
    if isinstance(audio, dict):
        pieces.say(plain(audio.get("transcript")) or ("" if pieces.text else "[audio]"))
    thought = row.get("reasoning_content") or row.get("reasoning") or row.get("thinking")
    if isinstance(thought, str):
        pieces.thoughts.append(thought)
    for key in ("attachments", "experimental_attachments", "files", "images"):
        listed = row.get(key)
        for file in listed if isinstance(listed, list) else ():
            bytes_ = isinstance(file, str) and "." not in file  # base64, which is no name
            pieces.say(attachment("" if bytes_ else file, "image" if key == "images" else "file"))
    place = dotted(pieces.base.where, "tool_calls")
    for n, made in enumerate(array(row.get("tool_calls") or [], place)):
        pieces.calls.append(_call(table(made, f"{place}[{n}]")))
    legacy = row.get("function_call")
    if isinstance(legacy, dict):
        pieces.calls.append(call(legacy.get("name"), legacy.get("arguments", "")))
    invoked = row.get("toolInvocations")
    for made in invoked if isinstance(invoked, list) else ():
        if isinstance(made, dict):
            _invoked(pieces, made)


def _call(row: Mapping[str, Any]) -> Call:
    """A call of OpenAI's shape, of Ollama's (arguments as an object) or of LangChain's (``name`` and ``args``)."""
    inner = row.get("function")
    if isinstance(inner, dict):
        return call(inner.get("name"), inner.get("arguments", ""), row.get("id"))
    custom = row.get("custom")
    if isinstance(custom, dict):
        return call(custom.get("name"), custom.get("input", ""), row.get("id"))
    if isinstance(inner, str):  # Inspect: the name alone
        return call(inner, row.get("arguments", ""), row.get("id"))
    name = row.get("name") or row.get("toolName") or row.get("type")
    return call(
        name, _first(row, "arguments", "args", "input", "parameters"), _first(row, "id", "call_id", "toolCallId")
    )


def _id(row: Mapping[str, Any]) -> Any:
    return _first(row, "id", "call_id", "toolCallId")


def _first(row: Mapping[str, Any], *keys: str) -> Any:
    return next((row[k] for k in keys if row.get(k) is not None), "")


def content_text(content: Any) -> str:
    """The text of a message's content, which may be a text, null or a list of parts."""
    pieces = _Pieces(Said("user"))
    _content(pieces, content)
    pieces.flush()
    return "\n".join(filter(None, (said.text for said in pieces.out)))


def _content(pieces: _Pieces, content: Any) -> None:
    if isinstance(content, list):
        for part in content:
            _part(pieces, part)
    elif isinstance(content, dict):
        _part(pieces, content)
    else:
        pieces.say(plain(content))


def _part(pieces: _Pieces, part: Any) -> None:
    if not isinstance(part, dict):
        pieces.say(plain(part))
        return
    kind = _kind(part)
    if kind in ("thinking", "reasoning", "redacted_thinking") or part.get("thought") is True:
        pieces.thoughts.append(_thought(part))
    elif kind in ("tool_use", "tool_call", "tool-call", "server_tool_use", "mcp_tool_use", "function_call", "toolCall"):
        pieces.calls.append(_call(part))
    elif kind == "tool-invocation" and isinstance(part.get("toolInvocation"), dict):
        _invoked(pieces, part["toolInvocation"])
    elif kind == "dynamic-tool" or (kind.startswith("tool-") and kind != "tool-result"):
        _invoked(pieces, {"toolName": kind.removeprefix("tool-"), **part})
    elif _is_result(kind, part):
        _result(pieces, part)
    elif isinstance(part.get("functionCall"), dict):
        pieces.calls.append(_call(part["functionCall"]))
    elif isinstance(part.get("functionResponse"), dict):
        answer = part["functionResponse"]
        pieces.result(_outcome(answer.get("response")), plain(answer.get("name")), plain(answer.get("id")))
    elif kind not in ("step-start", "step-finish"):
        pieces.say(_words(part, kind))


def _kind(part: Mapping[str, Any]) -> str:
    kind = part.get("type")
    return kind if isinstance(kind, str) else ""


def _thought(part: Mapping[str, Any]) -> str:
    summary = part.get("summary")
    listed = summary if isinstance(summary, list) else []
    told = [plain(s.get("text")) for s in listed if isinstance(s, dict)]
    return "\n".join(filter(None, (*told, *(plain(part.get(k)) for k in ("thinking", "reasoning", "text", "content")))))


def _is_result(kind: str, part: Mapping[str, Any]) -> bool:
    return kind in ("tool-result", "tool_response", "tool_call_response", "toolResult", "function_call_output") or (
        kind.endswith("tool_result") and ("content" in part or "output" in part)
    )


def _result(pieces: _Pieces, part: Mapping[str, Any]) -> None:
    text = _outcome(_first(part, "content", "output", "result", "response"))
    id = _first(part, "tool_use_id", "tool_call_id", "toolCallId", "call_id", "id")
    pieces.result(text, plain(_first(part, "name", "toolName")), plain(id))


def _outcome(value: Any) -> str:
    """A tool's result as text: parts when it is a list of them, the AI SDK's ``{type, value}``, else the value."""
    if isinstance(value, list) and all(isinstance(v, dict) and "type" in v for v in value):
        return content_text(value)
    if isinstance(value, dict) and value.keys() == {"type", "value"}:
        return _outcome(value["value"])
    return plain(value)


def _invoked(pieces: _Pieces, row: Mapping[str, Any]) -> None:
    """A call of the AI SDK with what became of it."""
    made = call(row.get("toolName"), _first(row, "args", "input"), row.get("toolCallId"))
    pieces.calls.append(made)
    outcome = _first(row, "result", "output", "errorText")
    if outcome != "":
        pieces.result(_outcome(outcome), made.name, made.id)


def _words(part: Mapping[str, Any], kind: str) -> str:
    for key in ("text", "refusal", "transcript", "value", "content"):
        value = part.get(key)
        if isinstance(value, dict):  # Assistants: {"text": {"value": …, "annotations": …}}
            value = value.get("value", value.get("text"))
        if isinstance(value, str) and value:
            return value
    for key in ("input_audio", "audio"):
        inner = part.get(key)
        if isinstance(inner, dict) and isinstance(inner.get("transcript"), str):
            return str(inner["transcript"])
    if kind in ("text", "input_text", "output_text", "refusal"):
        return ""
    return attachment(part, kind or _gemini_kind(part))


def _gemini_kind(part: Mapping[str, Any]) -> str:
    blob = _object(part, "inlineData", "inline_data", "fileData", "file_data")
    mime = blob.get("mimeType") or blob.get("mime_type")
    return plain(mime).partition("/")[0] or "part"


def _object(row: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    """The first of the keys that holds an object; an empty one for none."""
    found = (row[k] for k in keys if isinstance(row.get(k), dict))
    return next(found, {})


_NAMES = ("file_name", "filename", "fileName", "name", "title", "file_id", "fileId")


def attachment(file: Any, kind: str = "file") -> str:
    """What a turn says of an attachment: its kind and name, and its text where the file has it. Never its bytes."""
    row: Mapping[str, Any] = file if isinstance(file, dict) else {"name": file if isinstance(file, str) else ""}
    inner = _object(row, "file", "source", "image_file", "document")
    told = (r[k] for r in (row, inner) for k in _NAMES if isinstance(r.get(k), str))
    name = next((n for n in told if n and not n.startswith("data:")), "")
    named = kind.removesuffix("_url").removesuffix("_file").removeprefix("input_") or "file"
    head = f"[{named}: {shown(name, 120)[1:-1]}]" if name else f"[{named}]"
    text = next((r[k] for r in (row, inner) for k in ("extracted_content", "text") if isinstance(r.get(k), str)), "")
    if not text and inner.get("type") == "text":
        text = plain(inner.get("data"))
    return f"{head}\n{text}" if text else head
