"""OpenTelemetry spans and log records, from OTLP (protobuf and JSON) and the flat forms that SDKs and Phoenix write.

OTLP is opentelemetry-proto's ``ExportTraceServiceRequest`` and ``ExportLogsServiceRequest``; its JSON form has ids in
hexadecimal and 64-bit numbers as strings. Every shape becomes the same ``Span``; what is none of them is left out by
the caller with a remark.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from workbench.errors import SessionFormatError
from workbench.sessions.formats.when import NEVER, When, instant, when

MOST_DEPTH = 64
"""How deep a value of an attribute may be nested; what lies below is left out."""
_SPANS = ("resourceSpans", "resource_spans", "batches")
_LOGS = ("resourceLogs", "resource_logs")


@dataclass(frozen=True, slots=True)
class Record:
    """A log record, or an event of a span.

    Attributes:
        name: of the event (``gen_ai.user.message``).
        time: when it was written.
        body: a log record's body as plain JSON.
        trace, span: ids of the span that it belongs to, in hexadecimal.
    """

    name: str
    time: When = NEVER
    attributes: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    trace: str = ""
    span: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """A span.

    Attributes:
        trace, id, parent: in hexadecimal; the parent of a root is empty.
        start, end: when it began and ended.
        attributes: by their full names, as plain JSON.
        resource: attributes of the process that the span comes from (``service.name``).
        error: what went wrong; empty for nothing.
    """

    trace: str
    id: str
    name: str
    parent: str = ""
    start: When = NEVER
    end: When = NEVER
    attributes: Mapping[str, Any] = field(default_factory=dict)
    events: tuple[Record, ...] = ()
    resource: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""

    @property
    def began(self) -> float:
        """Seconds since 1970, for sorting; 0 when unknown."""
        return instant(self.start.date) or 0.0

    @property
    def ms(self) -> float:
        """How long it took, in milliseconds; 0 when unknown."""
        ended = instant(self.end.date)
        return max(0.0, (ended - self.began) * 1000) if ended is not None and self.start else 0.0


def spans_from_protobuf(raw: bytes) -> list[Span]:
    """The spans of a binary ``ExportTraceServiceRequest``. Raises ``SessionFormatError`` when it is none."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    request: Any = _parsed(ExportTraceServiceRequest(), raw)
    return [
        _span_message(span, _attributes_message(group.resource.attributes))
        for group in request.resource_spans
        for scope in group.scope_spans
        for span in scope.spans
    ]


def logs_from_protobuf(raw: bytes) -> list[Record]:
    """The records of a binary ``ExportLogsServiceRequest``. Raises ``SessionFormatError`` when it is none."""
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

    request: Any = _parsed(ExportLogsServiceRequest(), raw)
    return [
        _log_message(record)
        for group in request.resource_logs
        for scope in group.scope_logs
        for record in scope.log_records
    ]


def _parsed(message: Any, raw: bytes) -> Any:
    from google.protobuf.message import DecodeError

    try:
        message.ParseFromString(raw)
    except DecodeError as error:
        raise SessionFormatError("no OTLP message in protobuf", "send OTLP over HTTP") from error
    return message


def _span_message(span: Any, resource: Mapping[str, Any]) -> Span:
    events = tuple(Record(e.name, when(e.time_unix_nano), _attributes_message(e.attributes)) for e in span.events)
    error = (span.status.message or "error") if span.status.code == 2 else ""
    parent = span.parent_span_id.hex()
    attributes = _attributes_message(span.attributes)
    return Span(
        span.trace_id.hex(), span.span_id.hex(), span.name, parent, when(span.start_time_unix_nano),
        when(span.end_time_unix_nano), attributes, events, resource, error,
    )  # fmt: skip


def _log_message(record: Any) -> Record:
    attributes = _attributes_message(record.attributes)
    name = record.event_name or str(attributes.get("event.name", ""))
    time = when(record.time_unix_nano or record.observed_time_unix_nano)
    return Record(name, time, attributes, _value_message(record.body), record.trace_id.hex(), record.span_id.hex())


def _attributes_message(attributes: Any) -> dict[str, Any]:
    return {a.key: _value_message(a.value) for a in attributes}


def _value_message(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [_value_message(v) for v in value.array_value.values]
    if kind == "kvlist_value":
        return _attributes_message(value.kvlist_value.values)
    if kind == "bytes_value":
        return value.bytes_value.hex()
    return getattr(value, kind)


def is_otlp(data: Any) -> bool:
    """Whether this is OTLP's JSON: spans or log records grouped by resource."""
    return isinstance(data, Mapping) and any(isinstance(data.get(key), list) for key in (*_SPANS, *_LOGS))


def is_span(row: Any) -> bool:
    """Whether this is a single span in one of the flat forms."""
    if not isinstance(row, Mapping):
        return False
    context = row.get("context")
    ids = {"traceId", "spanId"} <= row.keys() or {"trace_id", "span_id"} <= row.keys()
    ids = ids or "context.span_id" in row or (isinstance(context, Mapping) and "span_id" in context)
    return ids and ("name" in row or "attributes" in row)


def spans_from_json(data: Mapping[str, Any]) -> list[Span]:
    """The spans of an OTLP message in JSON; of one that holds none, an empty list."""
    return [
        span_from_json(span, _attributes(_at(group, "resource", "attributes")))
        for group in _groups(data, _SPANS)
        for scope in _groups(
            group, ("scopeSpans", "scope_spans", "instrumentationLibrarySpans", "instrumentation_library_spans")
        )
        for span in _groups(scope, ("spans",))
    ]


def logs_from_json(data: Mapping[str, Any]) -> list[Record]:
    """The log records of an OTLP message in JSON."""
    return [
        log_from_json(record)
        for group in _groups(data, _LOGS)
        for scope in _groups(group, ("scopeLogs", "scope_logs", "instrumentationLibraryLogs"))
        for record in _groups(scope, ("logRecords", "log_records"))
    ]


def span_from_json(row: Mapping[str, Any], resource: Mapping[str, Any] | None = None) -> Span:
    """A span in OTLP's JSON, in the form of an SDK's console exporter, or as Phoenix exports it."""
    status = row.get("status")
    status = status if isinstance(status, Mapping) else {}
    code = str(status.get("code") or status.get("status_code") or row.get("status_code") or "")
    message = str(status.get("message") or status.get("description") or row.get("status_message") or "")
    own = resource if resource is not None else _attributes(_at(row, "resource", "attributes"))
    told = _attributes(row["attributes"]) if "attributes" in row else _columns(row)
    if isinstance(row.get("span_kind"), str):  # Phoenix
        told.setdefault("openinference.span.kind", row["span_kind"])
    return Span(
        _id(row, "traceId", "trace_id"),
        _id(row, "spanId", "span_id"),
        str(row.get("name") or ""),
        _plain_id(row.get("parentSpanId") or row.get("parent_span_id") or row.get("parent_id")),
        when(_first(row, "startTimeUnixNano", "start_time_unix_nano", "start_time", "startTime")),
        when(_first(row, "endTimeUnixNano", "end_time_unix_nano", "end_time", "endTime")),
        told,
        tuple(log_from_json(e) for e in _groups(row, ("events",))),
        own,
        (message or "error") if code in ("2", "ERROR", "STATUS_CODE_ERROR") else "",
    )


def log_from_json(row: Mapping[str, Any]) -> Record:
    """A log record or an event of a span."""
    attributes = _attributes(row.get("attributes"))
    name = str(row.get("eventName") or row.get("event_name") or row.get("name") or attributes.get("event.name") or "")
    time = _first(row, "timeUnixNano", "time_unix_nano", "timestamp", "observedTimeUnixNano", "time")
    trace, span = _id(row, "traceId", "trace_id"), _id(row, "spanId", "span_id")
    return Record(name, when(time), attributes, _any(row.get("body")), trace, span)


def _first(row: Mapping[str, Any], *names: str) -> Any:
    return next((row[n] for n in names if row.get(n) not in (None, "")), None)


def _id(row: Mapping[str, Any], *names: str) -> str:
    context = row.get("context")
    inner = context if isinstance(context, Mapping) else {}
    found = _first(row, *names) or _first(inner, *names) or _first(row, *(f"context.{n}" for n in names))
    return _plain_id(found)


def _plain_id(value: Any) -> str:
    return str(value).removeprefix("0x") if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _groups(data: Mapping[str, Any], names: tuple[str, ...]) -> Iterator[Mapping[str, Any]]:
    for name in names:
        found = data.get(name)
        if isinstance(found, list):
            yield from (group for group in found if isinstance(group, Mapping))


def _at(data: Mapping[str, Any], *keys: str) -> Any:
    found: Any = data
    for key in keys:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def _columns(row: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes of a row of a table of spans, whose columns are called ``attributes.…``."""
    prefix = "attributes."
    return {k.removeprefix(prefix): v for k, v in row.items() if k.startswith(prefix) and v is not None}


def _attributes(value: Any) -> dict[str, Any]:
    """Attributes by name: from OTLP's list of pairs, or from an object, whose nested names are joined by dots."""
    if isinstance(value, list):
        pairs = [p for p in value if isinstance(p, Mapping) and isinstance(p.get("key"), str)]
        return {p["key"]: _any(p.get("value")) for p in pairs}
    return _flat(value) if isinstance(value, Mapping) else {}


def _flat(value: Mapping[str, Any], prefix: str = "", depth: int = 0) -> dict[str, Any]:
    """Phoenix nests attributes by their names' parts; an attribute that is called in full keeps the object it has."""
    found: dict[str, Any] = {}
    for key, inner in value.items():
        if isinstance(inner, Mapping) and "." not in key and depth < MOST_DEPTH:
            found |= _flat(inner, f"{prefix}{key}.", depth + 1)
        else:
            found[f"{prefix}{key}"] = inner
    return found


def _any(value: Any, depth: int = 0) -> Any:
    """OTLP's ``AnyValue`` as plain JSON; what is none stays as it is."""
    if not isinstance(value, Mapping) or len(value) != 1 or depth > MOST_DEPTH:
        return value
    kind, inner = next(iter(value.items()))
    kind = kind.replace("_value", "Value")
    if kind == "intValue":
        sign, size = (-1, str(inner)[1:]) if str(inner)[:1] == "-" else (1, str(inner))
        return sign * int(size) if size.isdecimal() and len(size) < 20 else inner
    if kind in ("stringValue", "boolValue", "doubleValue", "bytesValue"):
        return inner
    if kind == "arrayValue":
        return [_any(v, depth + 1) for v in _listed(inner)]
    if kind in ("kvlistValue", "kvListValue"):
        pairs = [p for p in _listed(inner) if isinstance(p, Mapping)]
        return {str(p.get("key")): _any(p.get("value"), depth + 1) for p in pairs}
    return value


def _listed(value: Any) -> list[Any]:
    found = value.get("values") if isinstance(value, Mapping) else None
    return found if isinstance(found, list) else []


def decoded(value: Any) -> Any:
    """What an attribute means that may be JSON in a string; any other string stays as it is."""
    if isinstance(value, str) and value[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value
