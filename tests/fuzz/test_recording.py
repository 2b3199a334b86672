"""Mutants of what agents send to ``record --otlp``: taken or refused in one line, and the run file stays readable."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.fuzz.mutants import mutant
from tests.support.traces import write_trace
from workbench import cli
from workbench.errors import SessionFormatError
from workbench.record import Recording
from workbench.record.server import Listener
from workbench.sessions.formats.otlp import Record, Span
from workbench.trace.reader import TraceReader

MUTANTS = 500
TRACE, TURN = "0" * 31 + "1", "0" * 15 + "2"


def _said(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def _span(id: int, **told: Any) -> dict[str, Any]:
    attributes = [{"key": k.replace("__", "."), "value": {"stringValue": v}} for k, v in told.items()]
    times = {"startTimeUnixNano": str(1714557600 * 10**9 + id), "endTimeUnixNano": str(1714557601 * 10**9 + id)}
    parent = {"parentSpanId": "0" * 15 + "1"} if id > 1 else {}
    return {"traceId": TRACE, "spanId": f"{id:016}", "name": "s", "attributes": attributes, **parent, **times}


def _seeds(folder: Path) -> list[tuple[str, bytes]]:
    """Spans of an agent in each dialect of memory, its log records, and a run that was exported."""
    boat = json.dumps([{"id": "m", "content": "boat at pier 9", "score": 0.5}])
    spans = [
        _span(1, gen_ai__operation__name="invoke_agent", gen_ai__conversation__id="c"),
        _span(2, gen_ai__operation__name="chat", gen_ai__input__messages=json.dumps([_said("user", "Hi")]),
              gen_ai__output__messages=json.dumps([_said("assistant", "Ho")]), gen_ai__conversation__id="c"),
        _span(3, gen_ai__operation__name="create_memory", gen_ai__memory__records=boat),
        _span(4, gen_ai__operation__name="update_memory", gen_ai__memory__records=boat),
        _span(5, gen_ai__operation__name="search_memory", gen_ai__memory__records=boat,
              gen_ai__memory__query__text="boat"),
        _span(6, gen_ai__operation__name="delete_memory", gen_ai__memory__record__id="m"),
        _span(7, memory__operation="add", memory__id="k", memory__content="c"),
        _span(8, everos__operation="add", everos__memory__id="k", everos__content="c"),
    ]  # fmt: skip
    asked = {"key": "gen_ai.input.messages", "value": {"stringValue": json.dumps([_said("user", "Hi")])}}
    log = {"timeUnixNano": "1714557600000000000", "traceId": TRACE, "spanId": TURN, "attributes": [asked],
           "eventName": "gen_ai.client.inference.operation.details", "body": {"stringValue": "x"}}  # fmt: skip
    run = write_trace(folder / "run.mnemo", turns=3, items=4, probes=2, lanes=("a-mem",))
    assert cli.main(["export", str(run), "--otel", str(folder / "spans.jsonl")]) == 0
    return [
        ("/v1/traces", json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).encode()),
        ("/v1/logs", json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [log]}]}]}).encode()),
        ("/v1/traces", (folder / "spans.jsonl").read_bytes().splitlines()[0]),
    ]


def _protobuf() -> bytes:
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add()
    span.trace_id, span.span_id, span.name = b"\1" * 16, b"\2" * 8, "chat"
    for key in ("gen_ai.operation.name", "gen_ai.prompt", "gen_ai.conversation.id"):
        span.attributes.add(key=key).value.string_value = "chat"
    return request.SerializeToString()


def _flipped(raw: bytes, rng: random.Random) -> bytes:
    changed = bytearray(raw)
    for _ in range(rng.choice((1, 2, 8))):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed[: rng.choice((len(changed), rng.randrange(len(changed)) + 1))])


def test_whatever_is_sent_is_taken_or_refused_in_one_line(tmp_path: Path) -> None:
    rng = random.Random(1)
    seeds, packed = _seeds(tmp_path), _protobuf()
    taken = refused = 0
    with Recording(tmp_path / "a.mnemo", patience=600) as recording:

        def take(spans: list[Span], records: list[Record]) -> None:  # each in a trace of its own
            own = f"{taken + refused}"
            recording.take([replace(s, trace=s.trace + own) for s in spans], records)

        listener = Listener(take, 0)
        for n in range(MUTANTS):
            path, seed = seeds[n % len(seeds)]
            kind, body = "application/x-protobuf", _flipped(packed, rng)
            if n % 5:
                kind, body = "application/json", mutant([seed], rng)
            try:
                listener.receive(path, kind, body)
                taken += 1
            except SessionFormatError as error:
                assert "\n" not in str(error)
                refused += 1
        listener.close()
    assert taken > MUTANTS // 3 and refused > MUTANTS // 20
    with TraceReader(tmp_path / "a.mnemo") as reader:
        sessions = [reader.session(name) for name in reader.session_names()]
        assert sum(len(s.turns) for s in sessions) > 5
        assert list(reader.events())
