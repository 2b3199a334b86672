"""OpenTelemetry spans of agents: OTLP as a collector writes it (JSON), and single spans, one per line.

Calls to models become conversations, told apart by ``gen_ai.conversation.id`` where there is one, else by what they
repeat; memory operations stay in the session's ``extra``. What ``export --otel`` wrote comes back exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench.errors import SessionFormatError
from workbench.sessions.formats import own, spans
from workbench.sessions.formats.limits import Remarks
from workbench.sessions.formats.lines import placed, sample, stem
from workbench.sessions.formats.otlp import (
    Record,
    Span,
    decoded,
    is_otlp,
    is_span,
    log_from_json,
    logs_from_json,
    span_from_json,
    spans_from_json,
)
from workbench.sessions.formats.shapes import with_remarks
from workbench.sessions.formats.threads import Record as Exchange
from workbench.sessions.formats.threads import named, threads
from workbench.sessions.model import Session

_MOST_OPERATIONS = 10_000


def detect(data: Any, path: Path) -> bool:
    """OTLP messages, or single spans that OpenInference does not claim."""
    return any(is_otlp(row) or is_span(row) for row in sample(data))


def read(data: Any, path: Path) -> list[Session]:
    """One session per conversation."""
    return sessions(*collected(data), path, "otel")


def collected(data: Any) -> tuple[list[Span], list[Record], Remarks]:
    """The spans and log records of a file's rows."""
    remarks = Remarks()
    found: list[Span] = []
    records: list[Record] = []
    for where, row in placed(data):
        if not isinstance(row, Mapping):
            remarks.add(where, "no span; left out")
        elif is_otlp(row):
            found += spans_from_json(row)
            records += logs_from_json(row)
        elif is_span(row):
            found.append(span_from_json(row))
        elif "body" in row and "attributes" in row:
            records.append(log_from_json(row))
        else:
            remarks.add(where, "no span; left out")
    return found, records, remarks


def sessions(
    listed: Iterable[Span], records: Iterable[Record], remarks: Remarks, path: Path, format: str
) -> list[Session]:
    """The conversations that spans tell.

    Raises ``SessionFormatError`` when they tell none.
    """
    listed = list(listed)
    exact = _exact(listed, path)
    if exact:
        return with_remarks(exact, remarks)
    trace = spans.trace(listed, records)
    remarks.take(trace.remarks)
    made_calls = [s for s in trace.steps if isinstance(s, spans.ModelCall)]
    calls = [c for c in made_calls if not c.inside]
    if len(calls) < len(made_calls):
        remarks.add("", f"{len(made_calls) - len(calls)} calls to a model inside memory operations are no turns")
    exchanges = [Exchange(f"span {c.span.id}", c.asked, c.answer, c.conversation, name=c.conversation) for c in calls]
    found = threads(exchanges)
    if not found:
        raise SessionFormatError(
            f"{len(listed)} spans, but no messages in them ({'; '.join(trace.remarks) or 'no call to a model'})",
            "let the agent export content (OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT)",
        )
    operations = [_told(s) for s in trace.steps if isinstance(s, spans.MemoryOperation)]
    if operations:
        remarks.add("", f"{len(operations)} memory operations are kept in extra.memory_operations, no turns")
    made = named(found, stem(path), format, remarks)
    kept = {"memory_operations": operations[:_MOST_OPERATIONS]} if operations else {}
    return [replace(made[0], extra=dict(made[0].extra) | kept), *made[1:]]


def _told(operation: spans.MemoryOperation) -> dict[str, Any]:
    told = {
        "what": operation.what,
        "name": operation.span.name,
        "date": operation.span.start.date,
        "query": operation.query,
        "record": operation.record,
        "store": operation.store,
        "records": [dict(r) for r in operation.records],
    }
    return {k: v for k, v in told.items() if v}


def _exact(listed: list[Span], path: Path) -> list[Session]:
    """Sessions that this program exported, by the span that holds each."""
    turns: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for span in listed:
        told = decoded(span.attributes.get(own.OTEL_TURN))
        if isinstance(told, Mapping) and isinstance(told.get("index"), int):
            turns.setdefault((span.trace, span.parent), []).append(told)
    found = []
    for root in listed:
        about = decoded(root.attributes.get(own.OTEL_SESSION))
        if isinstance(about, Mapping):
            session = own.session_of(
                about, sorted(turns.get((root.trace, root.id), ()), key=lambda t: t["index"]), path
            )
            if session is None:
                return []
            found.append(session)
    return found
