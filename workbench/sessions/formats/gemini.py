"""Gemini: requests with ``contents`` and logs of them, chats saved by Google AI Studio, and Gemini CLI's sessions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.errors import SessionFormatError
from workbench.sessions.formats.chat import conversation
from workbench.sessions.formats.exchange import answered, asked, ids
from workbench.sessions.formats.limits import Remarks
from workbench.sessions.formats.lines import dotted, placed, sample, stem
from workbench.sessions.formats.messages import Said, attachment, plain, said
from workbench.sessions.formats.shapes import MEND, array, each, table, with_remarks
from workbench.sessions.formats.threads import Record, named, threads
from workbench.sessions.formats.when import first
from workbench.sessions.model import Session

_WRAPPERS = ("request", "body", "params", "input", "kwargs")
_ANSWERS = ("response", "output", "result")


def detect(data: Any, path: Path) -> bool:
    """``contents`` of ``parts``, a chunked prompt of AI Studio, or messages of type ``gemini``."""
    rows = sample(data)
    return _is_bare(data) or any(_request(row) is not None or _is_studio(row) or _is_cli(row) for row in rows)


def _is_bare(data: Any) -> bool:
    return isinstance(data, list) and any(_is_content(row) for row in sample(data))


def _is_content(row: Any) -> bool:
    """A message of Gemini's: its parts have no type."""
    parts = row.get("parts") if isinstance(row, Mapping) else None
    parts = [parts] if isinstance(parts, Mapping | str) else parts
    if not isinstance(parts, list) or not parts or row.get("role") not in ("user", "model", "function", None):
        return False
    return all(isinstance(p, str) or (isinstance(p, Mapping) and "type" not in p) for p in parts)


def _request(row: Mapping[str, Any], depth: int = 0) -> Mapping[str, Any] | None:
    contents = row.get("contents")
    if isinstance(contents, Mapping | str):  # the API takes one message for a list of it
        contents = [{"role": "user", "parts": contents} if isinstance(contents, str) else contents]
        row = {**row, "contents": contents}
    if isinstance(contents, list) and any(map(_is_content, contents[:5])):
        return {**row, "contents": [_spoken(content) for content in contents]}
    inner = [row[k] for k in _WRAPPERS if isinstance(row.get(k), Mapping)] if depth < 2 else []
    return next((found for i in inner if (found := _request(i, depth + 1)) is not None), None)


def _spoken(content: Any) -> Any:
    """A content whose role is left out is the user's."""
    return content | {"role": "user"} if isinstance(content, dict) and content.get("role") is None else content


def _is_studio(row: Mapping[str, Any]) -> bool:
    prompt = row.get("chunkedPrompt")
    return isinstance(prompt, Mapping) and isinstance(prompt.get("chunks"), list)


def _is_cli(row: Mapping[str, Any]) -> bool:
    messages = row.get("messages")
    return isinstance(messages, list) and any(
        isinstance(m, Mapping) and m.get("type") == "gemini" for m in messages[:9]
    )


def read(data: Any, path: Path) -> list[Session]:
    """One session per conversation; a repeated history is told once."""
    if _is_bare(data):
        rows: list[tuple[str, Any]] = [("", {"contents": list(data)})]
    else:
        rows = list(placed(data))
    remarks, whole = Remarks(), []
    records: list[Record] = []
    for where, row in rows:
        try:
            row = table(row, where)
            if _is_studio(row) or _is_cli(row):
                whole.append(_studio(row, where, stem(path)) if _is_studio(row) else _cli(row, where, stem(path)))
            else:
                records.append(_record(row, where))
        except SessionFormatError as error:
            if len(rows) == 1:
                raise
            remarks.take([f"{error.what}; left out"])
    found = named(threads(records), stem(path), "gemini", remarks) if records else with_remarks(whole, remarks)
    return [*found, *whole] if records else found


def _record(row: Mapping[str, Any], where: str) -> Record:
    request = _request(row)
    if request is None:
        raise SessionFormatError(f"{where or 'the file'}: no request with contents", MEND)
    at = first(row, request)
    told = next((row[k] for k in _ANSWERS if isinstance(row.get(k), Mapping)), row)
    answer = (
        answered({"candidates": told["candidates"]}, dotted(where, "response"), at) if told.get("candidates") else []
    )
    id, name = ids(row, request)
    return Record(where, tuple(asked(request, where, at)), tuple(answer), id, name=name)


def _studio(row: Mapping[str, Any], where: str, name: str) -> Session:
    place, remarks = dotted(where, "chunkedPrompt.chunks"), Remarks()
    rows = [(f"{place}[{n}]", c) for n, c in enumerate(array(row["chunkedPrompt"]["chunks"], place))]
    chunks = [s for told in each(rows, _chunk, remarks) for s in told]
    rules = asked({"systemInstruction": row.get("systemInstruction"), "messages": []}, where)
    return conversation([*rules, *chunks], name, "gemini", remarks, where, extra={"settings": row.get("runSettings")})


def _chunk(where: str, chunk: Any) -> list[Said]:
    chunk = table(chunk, where)
    thought = {"thinking": plain(chunk.get("text"))} if chunk.get("isThought") else {}
    files = [k for k in chunk if k.startswith(("drive", "inline")) and isinstance(chunk[k], Mapping)]
    named = [
        attachment({"name": chunk[k].get("id")}, k.removeprefix("drive").removeprefix("inline").lower()) for k in files
    ]
    text = "" if thought else "\n".join(filter(None, (plain(chunk.get("text")), *named)))
    if thought:
        return []
    return said({"role": chunk.get("role"), "content": text}, where, first(chunk))


def _cli(row: Mapping[str, Any], where: str, fallback: str) -> Session:
    place, remarks = dotted(where, "messages"), Remarks()
    rows = [(f"{place}[{n}]", m) for n, m in enumerate(array(row.get("messages"), place))]
    messages = [s for told in each(rows, _cli_message, remarks) for s in told]
    return conversation(messages, plain(row.get("sessionId")) or fallback, "gemini", remarks, where)


def _cli_message(where: str, row: Any) -> list[Said]:
    row = table(row, where)
    kind = plain(row.get("type"))
    if kind not in ("user", "gemini"):
        return []  # notes of the program: info, error, warning
    parts: list[Any] = [{"type": "text", "text": _text(row.get("content"))}]
    for made in row.get("toolCalls") or [] if isinstance(row.get("toolCalls"), list) else []:
        if isinstance(made, Mapping):
            parts.append(
                {"type": "tool_call", "id": made.get("id"), "name": made.get("name"), "args": made.get("args")}
            )
            outcome = made.get("result") if made.get("result") is not None else made.get("resultDisplay")
            if outcome is not None:
                parts.append({"type": "tool_result", "content": _text(outcome), "id": made.get("id")})
    thoughts = row.get("thoughts")
    listed = thoughts if isinstance(thoughts, list) else []
    told = "\n".join(plain(t.get("description")) for t in listed if isinstance(t, Mapping))
    role = "assistant" if kind == "gemini" else "user"
    return said({"role": role, "content": parts, "id": row.get("id"), "thinking": told or None}, where, first(row))


def _text(value: Any) -> str:
    """Content that is a text or a list of Gemini's parts; a tool's answer is what its response says."""
    if isinstance(value, list):
        return "\n".join(filter(None, map(_text, value)))
    if isinstance(value, Mapping):
        answer = value.get("functionResponse")
        if isinstance(answer, Mapping):
            response = answer.get("response")
            return plain(response.get("output", response) if isinstance(response, Mapping) else response)
        return plain(value.get("text")) if "text" in value else plain(value)
    return plain(value)
