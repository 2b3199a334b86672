"""OpenAI chat: ``messages`` and ``input`` as JSON or JSON Lines, threads, training data, and logs with their responses.

Read are: messages, bare or in an object, in a list or one per line; the items of the Responses API; the messages of
Assistants threads; rows of training data (``messages``, ``prompt`` and ``completion``, preferences); batch files; log
records that hold request and response, side by side (``messages`` and ``choices``, ``input`` and ``output``) or nested
(``request``/``response``, ``body``); streamed chunks. Requests of a conversation repeat its history: what is already
known is told once (``threads``), and a warning says how much.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from workbench.sessions.formats.exchange import latest
from workbench.sessions.formats.limits import Remarks
from workbench.sessions.formats.lines import dotted, placed, sample, stem
from workbench.sessions.formats.messages import Said, folded, plain, said
from workbench.sessions.formats.otlp import decoded
from workbench.sessions.formats.shapes import array, each, table
from workbench.sessions.formats.threads import Record, named, threads
from workbench.sessions.formats.when import When, first
from workbench.sessions.model import Session

_LOGGED = ("request", "request_body", "requestBody", "response", "response_body", "responseBody", "body")
_WRAPPERS = ("request", "request_body", "requestBody", "body", "kwargs", "input", "inputs", "params")
_ANSWERS = ("response", "response_body", "responseBody", "completion", "output", "outputs", "result", "body")
_GIVEN_BACK = ("outputs", "output", "response", "result")  # with messages, as rows of data sets have them
_TEXTS = ("output", "response", "completion", "output_text", "generated_text")  # an answer that is a text alone
_DEPTH = 3
_CONVERSATION = ("conversation_id", "conversationId", "thread_id", "threadId", "session_id", "sessionId", "chat_id")
_PERSON = ("user", "user_id", "userId", "safety_identifier", "end_user")
_SAYS = {"content", "tool_calls", "parts", "audio", "refusal", "function_call"}
_ITEMS = ("message", "function_call", "function_call_output", "reasoning")


def detect(data: Any, path: Path) -> bool:
    """Messages, or one or several records that hold messages."""
    data = _page(data)
    rows = [r for r in data if isinstance(r, list)][:1] if isinstance(data, list) else []
    return any(map(_is_message, sample(rows[0]))) if rows else any(_is_known(_opened(row)) for row in sample(data))


def _opened(row: Any) -> Any:
    """A record of a log, with requests and responses that it keeps as texts of JSON taken out of them; one that trains
    a model to follow instructions (Alpaca), as messages."""
    if not isinstance(row, dict):
        return row
    if isinstance(row.get("instruction"), str) and isinstance(row.get("output"), str):
        return _instructed(row)
    texts = [k for k in _LOGGED if isinstance(row.get(k), str) and row[k].lstrip()[:1] in ("{", "[")]
    found = {k: value for k in texts if isinstance(value := decoded(row[k]), dict | list)}
    return {**row, **found} if found else row


def _instructed(row: dict[str, Any]) -> dict[str, Any]:
    history = row.get("history")
    pairs = [p for p in history if isinstance(p, list) and len(p) == 2] if isinstance(history, list) else []
    said = [text for pair in pairs for text in pair]
    said += ["\n\n".join(filter(None, (row["instruction"], plain(row.get("input"))))), row["output"]]
    messages = [{"role": "assistant" if n % 2 else "user", "content": text} for n, text in enumerate(said)]
    if isinstance(row.get("system"), str) and row["system"].strip():
        messages.insert(0, {"role": "system", "content": row["system"]})
    return {k: v for k, v in row.items() if k not in ("instruction", "input", "output")} | {"messages": messages}


def read(data: Any, path: Path) -> list[Session]:
    """One session per conversation, in the order in which they begin."""
    remarks = Remarks()
    records = each(_rows(data), _record, remarks)
    return named(threads(_joined(records, remarks)), stem(path), "openai", remarks)


def _page(data: Any) -> Any:
    """What a page of the API lists: ``{"object": "list", "data": […]}``."""
    listed = isinstance(data, dict) and isinstance(data.get("data"), list) and _asked(data) is None
    return data["data"] if listed else data


def _is_message(row: Any) -> bool:
    if not isinstance(row, dict):
        return False
    item = row.get("type") in _ITEMS and bool({"call_id", "content", "summary"} & row.keys())
    return item or (isinstance(row.get("role"), str) and bool(_SAYS & row.keys()))


def _is_known(row: Mapping[str, Any]) -> bool:
    streamed = row.get("object") == "chat.completion.chunk"
    return streamed or _is_ollama(row) or _is_message(row) or _asked(row) is not None or _answer(row) is not None


# rows of the file ---------------------------------------------------------------------------------------------------


def _rows(data: Any) -> Iterator[tuple[str, Any]]:
    """Every record with its place. Messages that stand bare are one record, or one for every thread that they name."""
    data = _page(data)
    rows = _unstreamed(list(_told_by_ollama((where, _opened(row)) for where, row in placed(data))))
    bare = [(where, row) for where, row in rows if _is_message(row)]
    if isinstance(data, list) and len(bare) * 2 >= len(rows):
        yield from _threads(rows)
    else:
        yield from rows


def _unstreamed(rows: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Rows with the chunks of every streamed answer merged into one."""
    found: list[tuple[str, Any]] = []
    streams: dict[str, _Stream] = {}
    for where, row in rows:
        if not isinstance(row, dict) or row.get("object") != "chat.completion.chunk":
            found.append((where, row))
            continue
        stream = streams.get(plain(row.get("id")))
        if stream is None:
            stream = streams[plain(row.get("id"))] = _Stream({k: v for k, v in row.items() if k != "choices"})
            found.append((where, stream.row))
        stream.take(row.get("choices"))
    for stream in streams.values():
        stream.finish()
    return found


def _is_ollama(row: Mapping[str, Any]) -> bool:
    """An answer of Ollama's, or a part of one."""
    return isinstance(row.get("done"), bool) and isinstance(row.get("message"), dict)


def _told_by_ollama(rows: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Rows with the parts of every answer that Ollama streamed in one."""
    message: dict[str, Any] | None = None
    for where, row in rows:
        if not (isinstance(row, dict) and _is_ollama(row)):
            yield where, row
            continue
        if message is None:
            message = dict(row["message"])
            yield where, {k: v for k, v in row.items() if k != "message"} | {"choices": [{"message": message}]}
        else:
            _add(message, row["message"])
        message = None if row["done"] else message


def _add(message: dict[str, Any], part: Mapping[str, Any]) -> None:
    """The next part of a streamed message of Ollama's."""
    for key in ("content", "thinking"):
        if isinstance(part.get(key), str):
            message[key] = plain(message.get(key)) + part[key]
    if isinstance(part.get("tool_calls"), list):
        message["tool_calls"] = [*(message.get("tool_calls") or []), *part["tool_calls"]]


class _Stream:
    """An answer that comes in chunks; ``row`` is the record that it makes."""

    def __init__(self, row: dict[str, Any]) -> None:
        self.row = row
        self._text: list[str] = []
        self._calls: list[tuple[str, list[str], list[str]]] = []

    def take(self, choices: Any) -> None:
        delta = (
            choices[0].get("delta") if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
        )
        if not isinstance(delta, dict):
            return
        self._text.append(delta["content"] if isinstance(delta.get("content"), str) else "")
        parts = delta.get("tool_calls")
        for part in parts if isinstance(parts, list) else ():
            function = part.get("function") if isinstance(part, dict) else None
            if isinstance(function, dict):
                if isinstance(function.get("name"), str) or not self._calls:
                    self._calls.append((plain(part.get("id")), [], []))
                self._calls[-1][1].append(plain(function.get("name")))
                self._calls[-1][2].append(plain(function.get("arguments")))

    def finish(self) -> None:
        calls = [
            {"id": id, "function": {"name": "".join(name), "arguments": "".join(arguments)}}
            for id, name, arguments in self._calls
        ]
        message = {"role": "assistant", "content": "".join(self._text), "tool_calls": calls}
        self.row["choices"] = [{"message": message}]


def _threads(rows: list[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    found: dict[str, list[tuple[str, Any]]] = {}
    for where, row in rows:
        found.setdefault(_conversation(row) if isinstance(row, dict) else "", []).append((where, row))
    for name, messages in found.items():
        yield "", {"messages": _Bare(messages), **({"thread_id": name} if name else {})}


class _Bare(list[Any]):
    """Messages that stand in the file itself, each with its place."""

    def __init__(self, rows: list[tuple[str, Any]]) -> None:
        super().__init__(row for _, row in rows)
        self.places = [where if where.startswith("line ") else f"messages{where}" for where, _ in rows]


# a record -----------------------------------------------------------------------------------------------------------


def _record(where: str, row: Any) -> tuple[Record, tuple[str, ...], Mapping[str, Any]]:
    """A record, the remarks about it, and the row that it stands in."""
    if isinstance(row, list):
        row = {"messages": row}
    row = table(row, where)
    request, answer = _asked(row), _answer(row)
    if request is None and answer is None:
        array(row.get("messages"), dotted(where, "messages"))
    remarks = Remarks()
    at = first(row, request, _inner(row, *_ANSWERS))
    asked = _messages(request or {}, where, at, remarks)
    told = latest(_told(answer, where, at, remarks), asked)
    if request is None:
        remarks.add(where, "an answer without its question: the request is in another file")
    id = plain(row.get("custom_id")) or _conversation(row) or _conversation(request or {})
    whole = _is_whole(row, id, at, asked, told)
    name = plain(row.get("title")) or id
    scope = next((plain(r[k]) for r in (row, request or {}) for k in _PERSON if isinstance(r.get(k), str)), "")
    record = Record(where or "messages", tuple(asked), tuple(told), id, scope, whole, name)
    return record, tuple(remarks), row


def _joined(records: list[tuple[Record, tuple[str, ...], Mapping[str, Any]]], remarks: Remarks) -> Iterator[Record]:
    """The records, those that a response continues (``previous_response_id``) under one id; streamed chunks merged."""
    roots: dict[str, str] = {}
    for record, said_, row in records:
        remarks.take(said_)
        response = row if "output" in row else _inner(row, "response") or row
        before = plain((_asked(row) or row).get("previous_response_id") or response.get("previous_response_id"))
        own = plain(response.get("id")) if response.get("object") == "response" else ""
        root = record.id or roots.get(before) or own
        if own:
            roots[own] = root
        if root and not record.whole and root != record.id:
            record = Record(record.where, record.asked, record.answer, root, record.scope, False, record.name)
        yield record


def _is_whole(row: Mapping[str, Any], id: str, at: When, asked: list[Said], told: list[Said]) -> bool:
    """Whether a row is a conversation to its end (training data): nothing in it says that it is a request of a log."""
    ends = bool(asked) and asked[-1].role == "assistant"
    return ends and not told and not id and not at and "model" not in row


def _conversation(row: Mapping[str, Any]) -> str:
    """The id of the conversation that a row belongs to, where it tells."""
    meta = row.get("metadata")
    for source in (row, meta if isinstance(meta, dict) else {}):
        for key in (*_CONVERSATION, "conversation"):
            value = source.get(key)
            if isinstance(value, dict):
                value = value.get("id")
            if value and isinstance(value, str | int):
                return str(value)
    return ""


def _inner(row: Mapping[str, Any], *keys: str) -> dict[str, Any] | None:
    return next((row[k] for k in keys if isinstance(row.get(k), dict)), None)


def _asked(row: Mapping[str, Any], depth: int = 0) -> Mapping[str, Any] | None:
    """The object of a record that holds what was sent."""
    if isinstance(row.get("messages"), list) or _is_input(row):
        return row
    if isinstance(row.get("prompt"), str | list) and depth < 2 and {*_TEXTS, "choices", "model"} & row.keys():
        return row
    inner = (row[k] for k in _WRAPPERS if isinstance(row.get(k), dict)) if depth < _DEPTH else ()
    return next((found for i in inner if (found := _asked(i, depth + 1)) is not None), None)


def _is_input(row: Mapping[str, Any]) -> bool:
    """A request of the Responses API."""
    value = row.get("input")
    if isinstance(value, str):
        return bool({"model", "instructions", "output", "response", *_TEXTS} & row.keys())
    return isinstance(value, list) and any(map(_is_message, value[:5]))


def _messages(request: Mapping[str, Any], where: str, at: When, remarks: Remarks) -> list[Said]:
    found: list[Said] = []
    if isinstance(request.get("instructions"), str):
        found += said({"role": "system", "content": request["instructions"]}, dotted(where, "instructions"), at)
    key = next((k for k in ("messages", "input", "prompt") if request.get(k) is not None), "messages")
    rows = request.get(key, [])
    if isinstance(rows, list) and not isinstance(rows, _Bare):
        rows = [{"role": r[0], "content": r[1]} if _is_pair(r) else r for r in rows]
    if isinstance(rows, str):
        return [*found, *said({"role": "user", "content": rows}, dotted(where, key), at)]
    places = rows.places if isinstance(rows, _Bare) else [f"{dotted(where, key)}[{n}]" for n in range(len(rows))]
    read = each(zip(places, rows, strict=True), lambda place, row: said(row, place, at), remarks)
    return folded([*found, *(m for one in read for m in one)])


def _is_pair(row: Any) -> bool:
    """A message as LangChain's short form has it: its role and its text."""
    return isinstance(row, list) and len(row) == 2 and all(isinstance(part, str) for part in row)


def _told(answer: Any, where: str, at: When, remarks: Remarks) -> list[Said]:
    if answer is None:
        return []
    key, rows, more = answer
    if more:
        remarks.add(where, f"{more} more answers to the same request; the first is kept")
    found: list[Said] = []
    for n, row in enumerate(rows):
        place = dotted(where, key if len(rows) == 1 else f"{key}[{n}]")
        row = {"role": "assistant", "content": row} if isinstance(row, str) else row
        if isinstance(row, dict) and row.get("role") is None and "type" not in row:
            row = {"role": "assistant", **row}
        found += said(row, place, at)
    return folded(found)


def _answer(row: Any, depth: int = 0) -> tuple[str, list[Any], int] | None:
    """What came back: its place, messages or items, and how many other answers there are. None when it is not there."""
    if not isinstance(row, dict) or depth > _DEPTH:
        return None
    choices = row.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        message = choices[0].get("message", choices[0].get("text"))
        return ("choices[0].message", [message], len(choices) - 1) if message is not None else None
    if isinstance(row.get("output"), list) and any(map(_is_message, row["output"])):
        return "output", row["output"], 0
    if isinstance(row.get("preferred_output"), list) and row["preferred_output"]:
        others = row.get("non_preferred_output")
        return "preferred_output", row["preferred_output"], 1 if others else 0
    if any(isinstance(row.get(key), str | list) for key in ("prompt", "input", "messages")):
        told = next((key for key in _TEXTS if isinstance(row.get(key), str)), None)
        if told is not None:
            return told, [row[told]], 0
    for key in _GIVEN_BACK:
        given = row.get(key)
        if isinstance(given, dict) and isinstance(given.get("messages"), list):
            return f"{key}.messages", given["messages"], 0
    if depth and isinstance(row.get("message"), dict) and _is_message(row["message"]):
        return "message", [row["message"]], 0
    if depth and _is_message(row):  # the message itself, as some wrappers log it
        return "output", [row], 0
    inner = (_answer(row.get(k), depth + 1) for k in _ANSWERS)
    return next((a for a in inner if a), None)
