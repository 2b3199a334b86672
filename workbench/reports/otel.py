"""A run as OpenTelemetry spans (OTLP in JSON, one message a line), which ``record`` and the reader of spans read back.

Others read what the conventions have words for: turns as ``gen_ai.input.messages`` and ``gen_ai.output.messages``, what
a lane did to its memory as ``create_memory``, ``update_memory``, ``search_memory`` and ``delete_memory`` with
``gen_ai.memory.*``, its calls to models as ``chat``. What they have none for stands beside it (``mnemoscope.*``), so
that nothing but arrays (captured attention) is lost.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from workbench import __version__
from workbench.sessions.formats import own
from workbench.sessions.formats.when import instant
from workbench.sessions.model import Session, Turn
from workbench.trace import payloads
from workbench.trace.events import Event, Kind
from workbench.trace.reader import LaneRow, TraceReader

AT_ONCE = 500
"""Spans in a line."""
_ARRAYS = payloads.ARRAYS
_OPERATIONS: Mapping[str, str] = {
    Kind.WRITTEN: "create_memory",
    Kind.UPDATED: "update_memory",
    Kind.RESTORED: "update_memory",
    Kind.SUPERSEDED: "delete_memory",
    Kind.MERGED: "delete_memory",
    Kind.DELETED: "delete_memory",
    Kind.EVICTED: "delete_memory",
    Kind.RECALLED: "search_memory",
    Kind.MODEL_CALLED: "chat",
}
_CLIENT = 3


def lines(reader: TraceReader) -> Iterator[str]:
    """The run as OTLP messages in JSON, one per line."""
    waiting: list[dict[str, Any]] = []
    for span in _spans(reader):
        waiting.append(span)
        if len(waiting) == AT_ONCE:
            yield _message(waiting)
            waiting = []
    if waiting:
        yield _message(waiting)


def left_out(reader: TraceReader) -> int:
    """How many events name arrays and are not exported."""
    return sum(1 for _ in reader.events(kinds=_ARRAYS))


def _message(spans: list[dict[str, Any]]) -> str:
    resource = {"attributes": _attributes({"service.name": "mnemoscope", "service.version": __version__})}
    scope = {"scope": {"name": "mnemoscope", "version": __version__}, "spans": spans}
    return _json({"resourceSpans": [{"resource": resource, "scopeSpans": [scope]}]})


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _spans(reader: TraceReader) -> Iterator[dict[str, Any]]:
    lanes = reader.lanes()
    for number, name in reader.session_names().items():
        made = _Maker(f"{number}\0{name}", reader.session(number))
        yield from made.session()
        for lane in lanes:
            yield from made.lane(lane, reader.events(number, lane.id))


class _Maker:
    """Makes the spans of a session, under one trace."""

    def __init__(self, key: str, session: Session) -> None:
        text = json.dumps(session.to_json(), sort_keys=True, ensure_ascii=False)
        self._trace = hashlib.sha256(f"{key}\0{text}".encode()).hexdigest()[:32]
        self._session, self._count = session, 0
        self._times = _times(session)

    def session(self) -> Iterator[dict[str, Any]]:
        """The session's own span, and one per turn."""
        about = {own.OTEL_SESSION: _json(own.session_fields(self._session))}
        named = {"gen_ai.operation.name": "invoke_workflow", "gen_ai.conversation.id": self._session.name}
        root = self._span(f"session {self._session.name}", -1, "", named | about)
        self._root: str = root["spanId"]
        yield root
        for turn in self._session.turns:
            yield self._span(f"turn {turn.index}", turn.index, self._root, _turn(turn, self._session.name))

    def lane(self, lane: LaneRow, events: Iterator[Event]) -> Iterator[dict[str, Any]]:
        """A lane's own span, and one per event."""
        about = {"name": lane.name, "memory": lane.memory, "cache": lane.cache, "params": lane.params}
        named = {"gen_ai.operation.name": "create_memory_store", "gen_ai.memory.store.id": lane.name}
        root = self._span(f"lane {lane.name}", -1, self._root, named | {own.OTEL_LANE: _json(about)})
        yield root
        for event in events:
            if event.kind not in _ARRAYS:
                told = _event(event, lane.name, self._session.name)
                name = str(told.get("gen_ai.operation.name", event.kind))
                yield self._span(name, event.turn, root["spanId"], told, event.ms)

    def _span(
        self, name: str, turn: int, parent: str, attributes: Mapping[str, Any], ms: float = 0.0
    ) -> dict[str, Any]:
        self._count += 1
        start = self._times[turn + 1] + self._count  # so that spans of a turn keep their order
        span = {
            "traceId": self._trace,
            "spanId": f"{self._count:016x}",
            "name": name,
            "kind": _CLIENT,
            "startTimeUnixNano": str(start),
            "endTimeUnixNano": str(start + int(ms * 1_000_000)),
            "attributes": _attributes(attributes),
        }
        return span | ({"parentSpanId": parent} if parent else {})


def _times(session: Session) -> list[int]:
    """Nanoseconds since 1970 of every turn, and of what was before the first; 0 where nothing tells."""
    found: list[int] = []
    for turn in session.turns:
        told = instant(turn.date)
        found.append(int(told * 1e9) if told is not None and told > 0 else found[-1] if found else 0)
    return [found[0] if found else 0, *found]


def _turn(turn: Turn, conversation: str) -> dict[str, Any]:
    part = {"type": "text", "content": turn.text}
    message = {"role": turn.role, "parts": [part]} | ({"name": turn.speaker} if turn.speaker else {})
    side = "output" if turn.role == "assistant" else "input"
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.conversation.id": conversation,
        f"gen_ai.{side}.messages": _json([message]),
        own.OTEL_TURN: _json(own.turn_fields(turn)),
    }


def _event(event: Event, lane: str, conversation: str) -> dict[str, Any]:
    """An event in the conventions' words as far as they have any, and exactly beside them."""
    exact = {
        "kind": str(event.kind),
        "turn": event.turn,
        "n": event.n,
        "subject": event.subject,
        "cause": event.cause,
        "ms": event.ms,
        "payload": event.payload,
    }
    told: dict[str, Any] = {"gen_ai.conversation.id": conversation, own.OTEL_EVENT: _json(exact)}
    operation = _OPERATIONS.get(event.kind)
    if operation is None:
        return told
    told["gen_ai.operation.name"] = operation
    return told | (_called(event) if operation == "chat" else _remembered(event, operation, lane))


def _called(event: Event) -> dict[str, Any]:
    data = event.payload
    prompt = [{"role": m["role"], "parts": [{"type": "text", "content": m["text"]}]} for m in data.get("prompt", ())]
    answer = {"role": "assistant", "parts": [{"type": "text", "content": data.get("raw", "")}]}
    tokens = data.get("tokens") or (0, 0)
    return {
        "gen_ai.input.messages": _json(prompt),
        "gen_ai.output.messages": _json([answer]),
        "gen_ai.usage.input_tokens": int(tokens[0]),
        "gen_ai.usage.output_tokens": int(tokens[1]),
    }


def _remembered(event: Event, operation: str, lane: str) -> dict[str, Any]:
    told: dict[str, Any] = {"gen_ai.memory.store.id": lane}
    data = event.payload
    if operation == "search_memory":
        hits = [h for h in data.get("hits", ()) if h.get("returned")]
        told["gen_ai.memory.query.text"] = str(data.get("query", ""))
        records = [{"id": h["item"], "content": h["text"], "score": h["score"]} for h in hits]
        return told | {"gen_ai.memory.records": _json(records), "gen_ai.memory.record.count": len(records)}
    told["gen_ai.memory.record.id"] = event.subject
    if operation == "create_memory":
        metadata = {"kind": data.get("kind"), "turns": data.get("turns"), "fields": data.get("fields")}
        told["gen_ai.memory.records"] = _json(
            [{"id": event.subject, "content": data.get("text", ""), "metadata": metadata}]
        )
    elif event.kind == Kind.UPDATED:
        changes = {name: new for name, (_, new) in data.get("changes", {}).items()}
        content = {"content": changes.pop("text")} if "text" in changes else {"content": changes}
        told["gen_ai.memory.records"] = _json([{"id": event.subject, "metadata": changes} | content])
    return told


def _attributes(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"key": k, "value": {"intValue": str(v)} if isinstance(v, int) else {"stringValue": v}} for k, v in told.items()
    ]
