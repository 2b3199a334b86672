"""The OTLP endpoint: what it takes, what it answers to everything else."""

import gzip
import http.client
import json
import socket
from collections.abc import Iterator

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from workbench.errors import MnemoscopeError, TraceError
from workbench.record import server
from workbench.record.server import Listener
from workbench.sessions.formats.otlp import Record, Span

SPAN = {
    "traceId": "0" * 31 + "1",
    "spanId": "0" * 15 + "2",
    "name": "chat",
    "startTimeUnixNano": "1714557600000000000",
    "attributes": [{"key": "a", "value": {"arrayValue": {"values": [{"intValue": "3"}, {"boolValue": True}]}}}],
}
TRACES = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [SPAN]}]}]}).encode()
JSON, PROTOBUF = "application/json", "application/x-protobuf"


class Heard(list[tuple[list[Span], list[Record]]]):
    def take(self, spans: list[Span], records: list[Record]) -> None:
        self.append((list(spans), list(records)))


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def listener(heard: Heard) -> Iterator[Listener]:
    made = Listener(heard.take, 0)
    yield made
    made.close()


def post(
    listener: Listener, body: bytes, path: str = "/v1/traces", kind: str = JSON, **headers: str
) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", listener.port, timeout=20)
    try:
        told = {"Content-Type": kind} | {k.replace("_", "-"): v for k, v in headers.items()}
        connection.request("POST", path, body, told)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def protobuf() -> bytes:
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    group.resource.attributes.add(key="service.name").value.string_value = "kiosk"
    span = group.scope_spans.add().spans.add(trace_id=b"\1" * 16, span_id=b"\2" * 8, name="chat")
    span.start_time_unix_nano = 1714557600_000000000
    nested = span.attributes.add(key="a").value.kvlist_value.values.add(key="b")
    nested.value.double_value = 0.5
    span.events.add(name="gen_ai.choice", time_unix_nano=1714557601_000000000)
    span.status.code = 2
    return bytes(request.SerializeToString())


def test_json_and_protobuf_say_the_same(listener: Listener, heard: Heard) -> None:
    assert post(listener, TRACES) == (200, b"{}")
    assert post(listener, protobuf(), kind=PROTOBUF) == (200, b"")
    (first,), (second,) = heard[0][0], heard[1][0]
    assert (first.trace, first.id, first.attributes) == ("0" * 31 + "1", "0" * 15 + "2", {"a": [3, True]})
    assert (second.trace, second.attributes, second.resource) == (
        "01" * 16,
        {"a": {"b": 0.5}},
        {"service.name": "kiosk"},
    )
    assert first.start == second.start
    assert (second.events[0].name, second.error) == ("gen_ai.choice", "error")


def test_log_records_in_both_encodings(listener: Listener, heard: Heard) -> None:
    request = ExportLogsServiceRequest()
    record = request.resource_logs.add().scope_logs.add().log_records.add(event_name="gen_ai.user.message")
    record.body.kvlist_value.values.add(key="content").value.string_value = "Hi"
    assert post(listener, request.SerializeToString(), "/v1/logs", PROTOBUF)[0] == 200
    body = {"kvlistValue": {"values": [{"key": "content", "value": {"stringValue": "Hi"}}]}}
    logs = {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"eventName": "gen_ai.user.message", "body": body}]}]}]}
    assert post(listener, json.dumps(logs).encode(), "/v1/logs")[0] == 200
    assert [[(r.name, r.body) for r in records] for _, records in heard] == [
        [("gen_ai.user.message", {"content": "Hi"})]
    ] * 2


def test_metrics_are_taken_and_nothing_is_made_of_them(listener: Listener, heard: Heard) -> None:
    assert post(listener, b"whatever", "/v1/metrics", PROTOBUF)[0] == 200
    assert heard == [([], [])]


def test_gzip_and_chunks_of_unknown_length(listener: Listener, heard: Heard) -> None:
    assert post(listener, gzip.compress(TRACES), Content_Encoding="gzip")[0] == 200
    connection = http.client.HTTPConnection("127.0.0.1", listener.port, timeout=20)
    connection.request(
        "POST", "/v1/traces", iter([TRACES[:9], TRACES[9:]]), {"Content-Type": JSON}, encode_chunked=True
    )
    assert connection.getresponse().status == 200
    connection.close()
    assert [len(spans) for spans, _ in heard] == [1, 1]


BAD = {
    "broken json": (b"{", JSON, {}, 400, "broken JSON"),
    "no object": (b"[1]", JSON, {}, 400, "no OTLP message in JSON"),
    "no protobuf": (b"\xff\xff\xff", PROTOBUF, {}, 400, "no OTLP message in protobuf"),
    "no gzip": (b"xx", JSON, {"Content_Encoding": "gzip"}, 400, "damaged gzip"),
    "gzip cut off": (gzip.compress(TRACES)[:-9], JSON, {"Content_Encoding": "gzip"}, 400, "cut off"),
    "another packing": (TRACES, JSON, {"Content_Encoding": "br"}, 415, "plain or gzipped"),
    "another type": (TRACES, "text/plain", {}, 415, "send application/x-protobuf or application/json"),
    "no length": (TRACES, JSON, {"Content_Length": "many"}, 400, "length"),
    "a lie": (b"", JSON, {"Content_Length": "-1"}, 413, "MiB"),
    "a bomb": (gzip.compress(bytes(server.MAX_REQUEST + 1)), JSON, {"Content_Encoding": "gzip"}, 413, "at most 16 MiB"),
}


@pytest.mark.parametrize(("body", "kind", "headers", "status", "why"), BAD.values(), ids=list(BAD))
def test_a_bad_request_is_one_line_and_the_next_is_served(
    listener: Listener, heard: Heard, body: bytes, kind: str, headers: dict[str, str], status: int, why: str
) -> None:
    got, answer = post(listener, body, kind=kind, **headers)
    told = json.loads(answer)
    assert got == status
    assert why in told["message"]
    assert "\n" not in told["message"]
    assert heard == []
    assert listener.refused == type(listener.refused)([f"{status} {told['message']}"])
    assert post(listener, TRACES)[0] == 200


def test_another_path_and_a_body_that_is_too_long(listener: Listener) -> None:
    assert post(listener, TRACES, "/v1/other")[0] == 404
    assert post(listener, b"", Content_Length=str(server.MAX_REQUEST + 1))[0] == 413


def test_a_client_that_goes_away_is_no_matter(listener: Listener, heard: Heard) -> None:
    with socket.create_connection(("127.0.0.1", listener.port)) as raw:
        raw.sendall(b"POST /v1/traces HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{")
    assert post(listener, TRACES)[0] == 200
    assert len(heard) == 1


def test_what_fails_behind_it_is_answered_and_does_not_end_it() -> None:
    problems: list[Exception] = [TraceError("the disk is full"), ValueError("x")]

    def take(*_: object) -> None:
        if problems:
            raise problems.pop(0)

    made = Listener(take, 0)
    try:
        assert [post(made, TRACES)[0] for _ in range(3)] == [503, 500, 200]
    finally:
        made.close()


def test_only_this_machine_can_reach_it_and_a_port_is_one_listener_s(listener: Listener) -> None:
    assert listener.endpoint == f"http://127.0.0.1:{listener.port}"
    with pytest.raises(MnemoscopeError, match=f"port {listener.port} cannot be listened on"):
        Listener(lambda *_: None, listener.port)
    with pytest.raises(MnemoscopeError, match="cannot be listened on"):
        Listener(lambda *_: None, 99999)
