"""OpenAI chat: ``messages`` as JSON or JSON Lines, and logs of requests with their responses.

Read are: an object with ``messages``; a bare list of messages; a list, or a file with one per line, of such objects
(fine-tuning data); log records that hold the request and the response, side by side (``messages`` and ``choices``),
nested (``request``/``response``, ``body``) or as a batch file. Consecutive requests of a conversation repeat its
history: what is already known is collapsed by comparing prefixes, and a warning says how much.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workbench.sessions.formats.limits import check_turns
from workbench.sessions.formats.lines import Lines
from workbench.sessions.formats.shapes import array, describe, string, table
from workbench.sessions.model import Session, Turn

KNOWN_ROLES = ("system", "developer", "user", "assistant", "tool", "function")
_WRAPPERS = ("request", "body", "kwargs", "input", "inputs", "params")
_ANSWERS = ("response", "completion", "output", "outputs")


def detect(data: Any, path: Path) -> bool:
    """Messages, or one or several records that hold messages."""
    if isinstance(data, list) and data and not isinstance(data, Lines) and _is_message(data[0]):
        return True
    first = data[0] if isinstance(data, list) and data else data
    return isinstance(first, dict) and _request(first) is not None


def read(data: Any, path: Path) -> list[Session]:
    """One session per conversation, in the order in which they begin."""
    records = list(_records(data))
    conversations: list[_Conversation] = []
    known: dict[int, _Conversation] = {}
    for record in records:
        conversation = _continued(record, known)
        if conversation is None:
            conversation = _Conversation(record.where)
            conversations.append(conversation)
        conversation.take(record)
        known[_key(conversation.asked)] = known[_key(conversation.said)] = conversation
    names = [path.stem] if len(conversations) == 1 else [f"{path.stem} {n + 1}" for n in range(len(conversations))]
    return [c.session(name) for c, name in zip(conversations, names, strict=True)]


@dataclass(frozen=True, slots=True)
class _Message:
    """A message as it stands in the file, and what makes it the same as another."""

    row: Mapping[str, Any]
    where: str
    date: str = ""

    @property
    def role(self) -> str:
        return str(self.row.get("role", ""))

    @property
    def system(self) -> bool:
        return self.role in ("system", "developer")

    @property
    def identity(self) -> str:
        kept = {k: self.row.get(k) for k in ("role", "tool_calls", "function_call", "tool_call_id")}
        return json.dumps(kept | {"content": _content(self.row.get("content"))}, sort_keys=True)


@dataclass(frozen=True, slots=True)
class _Record:
    """A request and, when it was logged, its answer."""

    where: str
    messages: tuple[_Message, ...]
    answer: _Message | None

    @property
    def spoken(self) -> list[_Message]:
        return [m for m in self.messages if not m.system]


@dataclass
class _Conversation:
    """What is known of a conversation: ``asked`` up to its last request, ``said`` with that request's answer."""

    where: str
    turns: list[_Message] = field(default_factory=list)
    asked: list[_Message] = field(default_factory=list)
    said: list[_Message] = field(default_factory=list)
    system: list[str] = field(default_factory=list)
    repeated: int = 0
    warnings: list[str] = field(default_factory=list)

    def take(self, record: _Record) -> None:
        """Append what a record adds."""
        spoken = record.spoken
        if self.said and not _begins(spoken, self.said):
            self.turns.remove(self.said[-1])  # the client went on without the logged answer
            self.said = self.asked
            self.warnings.append(f"{record.where}: goes on with another answer than the one logged before; it is kept")
        self._take_system(record)
        self.repeated += len(self.said)
        self.turns += spoken[len(self.said) :]
        self.asked = self.said = spoken
        if record.answer:
            self.turns.append(record.answer)
            self.said = [*spoken, record.answer]

    def _take_system(self, record: _Record) -> None:
        system = [m for m in record.messages if m.system]
        told = [m.identity for m in system]
        if told == self.system:
            self.repeated += len(told)
            return
        if self.turns:
            self.warnings.append(f"{record.where}: the system message changed; the new one is a turn of its own")
            system = [m for m in system if m.identity not in self.system]
        self.turns += system
        self.system = told

    def session(self, name: str) -> Session:
        """The conversation as a session."""
        check_turns(len(self.turns), self.where)
        if self.repeated:
            self.warnings.append(f"{self.where}: {self.repeated} repeated messages collapsed")
        names: dict[str, str] = {}
        turns = tuple(_turn(m, i, names, self.warnings) for i, m in enumerate(self.turns))
        self.warnings += _unanswered(self.turns)
        if not any(t.date for t in turns):
            self.warnings.append(f"{self.where}: no message has a time")
        return Session(name, turns, (), "openai", tuple(dict.fromkeys(self.warnings)))


def _begins(spoken: list[_Message], known: list[_Message]) -> bool:
    return [m.identity for m in spoken[: len(known)]] == [m.identity for m in known]


def _key(messages: list[_Message]) -> int:
    key = 0
    for message in messages:
        key = hash((key, message.identity))
    return key


def _continued(record: _Record, known: Mapping[int, _Conversation]) -> _Conversation | None:
    """The conversation whose history this request repeats, by its longest prefix."""
    found, key = None, 0
    for at, message in enumerate(record.spoken):
        key = hash((key, message.identity))
        conversation = known.get(key)
        if conversation and len(conversation.asked) <= at + 1:
            found = conversation
    return found


def _records(data: Any) -> Iterator[_Record]:
    if isinstance(data, list) and not isinstance(data, Lines) and _is_message(data[0]):
        yield _record({"messages": data}, "")
    elif isinstance(data, list):
        numbers = data.numbers if isinstance(data, Lines) else None
        for n, row in enumerate(data):
            where = f"line {numbers[n]}" if numbers else f"[{n}]"
            yield _record(table(row, where), where)
    else:
        yield _record(data, "")


def _record(row: Mapping[str, Any], where: str) -> _Record:
    request = _request(row)
    dot = f"{where}." if where else ""
    rows = array((request or row).get("messages"), f"{dot}messages")
    date = _date(row, request or row)
    messages = tuple(_message(m, f"{dot}messages[{i}]", date) for i, m in enumerate(rows))
    answer = _answer(row)
    said = _message(answer, f"{dot}choices[0].message", date) if answer else None
    return _Record(where or "messages", messages, said)


def _message(row: Any, where: str, date: str) -> _Message:
    row = table(row, where)
    string(row.get("role"), f"{where}.role")
    return _Message(row, where, _date(row) or date)


def _is_message(row: Any) -> bool:
    return isinstance(row, dict) and isinstance(row.get("role"), str) and bool({"content", "tool_calls"} & row.keys())


def _request(row: Mapping[str, Any], depth: int = 0) -> Mapping[str, Any] | None:
    """The object with ``messages`` in a record."""
    if isinstance(row.get("messages"), list):
        return row
    inner = (row[k] for k in _WRAPPERS if isinstance(row.get(k), dict)) if depth < 3 else ()
    return next((found for i in inner if (found := _request(i, depth + 1)) is not None), None)


def _answer(row: Any, depth: int = 0) -> Any:
    """``choices[0].message`` of a record's response, None when it was not logged."""
    if not isinstance(row, dict) or depth > 3:
        return None
    choices = row.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        return choices[0].get("message")
    return next((a for k in (*_ANSWERS, "body") if (a := _answer(row.get(k), depth + 1))), None)


def _date(*rows: Mapping[str, Any]) -> str:
    """The first time that a record or message names, as ISO 8601 in UTC; empty for none."""
    for row in rows:
        for key in ("created_at", "created", "timestamp", "create_time"):
            value = row.get(key)
            if isinstance(value, int | float) and 0 < value < 1e14:
                seconds = value / 1000 if value > 1e11 else value  # some log milliseconds
                return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
            if isinstance(value, str) and _is_iso(value):
                return value
    return ""


def _is_iso(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _content(content: Any) -> str:
    """The text of a message's content, which may be a string, null or a list of parts."""
    if content is None:
        return ""
    if isinstance(content, list):
        return "\n".join(filter(None, map(_part, content)))
    return content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)


def _part(part: Any) -> str:
    if not isinstance(part, dict):
        return str(part)
    for key in ("text", "refusal", "transcript"):
        value = part.get(key)
        if isinstance(value, str):
            return value
    return f"[{str(part.get('type', 'part')).removesuffix('_url').removeprefix('input_')}]"


def _turn(message: _Message, index: int, names: dict[str, str], warnings: list[str]) -> Turn:
    row, calls = message.row, _calls(message)
    names.update({str(c.get("id", "")): _function(c)[0] for c in calls})
    text = "\n".join(filter(None, (_content(row.get("content")), _refusal(row), *map(_written, calls))))
    if not text.strip():
        warnings.append(f"{message.where}: empty")
    if message.role not in KNOWN_ROLES:
        warnings.append(f"{message.where}.role: {message.role!r} is unknown; kept as it is")
    speaker = row.get("name") or (names.get(str(row.get("tool_call_id", ""))) if message.role == "tool" else "")
    extra = {k: row[k] for k in ("tool_calls", "function_call", "tool_call_id", "weight") if row.get(k) is not None}
    role = "system" if message.role == "developer" else message.role
    return Turn(index, role, text, str(speaker or ""), message.date, source=str(row.get("id") or ""), extra=extra)


def _refusal(row: Mapping[str, Any]) -> str:
    refusal = row.get("refusal")
    return refusal if isinstance(refusal, str) else ""


def _calls(message: _Message) -> list[Any]:
    calls = message.row.get("tool_calls") or []
    found = [table(c, f"{message.where}.tool_calls[{i}]") for i, c in enumerate(_listed(calls, message))]
    legacy = message.row.get("function_call")
    return [*found, {"function": legacy}] if isinstance(legacy, dict) else found


def _listed(calls: Any, message: _Message) -> list[Any]:
    return array(calls, f"{message.where}.tool_calls")


def _function(call: Mapping[str, Any]) -> tuple[str, str]:
    function = call.get("function")
    if not isinstance(function, dict):
        return str(call.get("type", "tool")), describe(function)
    arguments = function.get("arguments", "")
    return str(function.get("name", "")), arguments if isinstance(arguments, str) else json.dumps(arguments)


def _written(call: Mapping[str, Any]) -> str:
    name, arguments = _function(call)
    return f"{name}({arguments})"


def _unanswered(messages: list[_Message]) -> list[str]:
    results = {str(m.row["tool_call_id"]) for m in messages if m.row.get("tool_call_id")}
    return [
        f"{m.where}.tool_calls[{i}]: no result of {_function(c)[0]!r} follows"
        for m in messages
        for i, c in enumerate(m.row.get("tool_calls") or [])
        if str(c.get("id", "")) not in results
    ]
