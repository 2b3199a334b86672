"""OTLP over HTTP on the loopback interface: what running agents send, checked and bounded.

Follows the OTLP 1.x specification: ``POST /v1/traces``, ``/v1/logs`` and ``/v1/metrics`` in protobuf or JSON, plain or
gzip. The port is bound to 127.0.0.1 alone, and a request must name its content type, which a web page in a browser
cannot do without being asked first. What is wrong with a request is answered with 400 and one line.
"""

from __future__ import annotations

import json
import zlib
from collections import deque
from collections.abc import Callable, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import BoundedSemaphore, Lock, Thread
from typing import Any

from workbench.errors import MnemoscopeError, SessionFormatError, TraceError
from workbench.sessions.formats import loading, otlp

PORT = 4318
"""OTLP over HTTP's own port."""
MAX_REQUEST = 16 << 20
"""Bytes of a request, and of what it unpacks to."""
MAX_AT_ONCE = 32
"""Connections that are served at once; further ones wait."""
TIMEOUT = 30.0
"""Seconds that a connection may say nothing."""
_POLL = 0.05  # seconds until a request to stop is seen
_PROTOBUF, _JSON = "application/x-protobuf", "application/json"

Take = Callable[[Sequence[otlp.Span], Sequence[otlp.Record]], None]


class Listener:
    """An OTLP endpoint on 127.0.0.1 in threads of its own; ``take`` is called with what arrives, one call at a time.

    Args:
        port: 0 takes any free one.

    Attributes:
        port: the port that it has.
        refused: the last requests that were answered with an error, as lines.

    Raises ``MnemoscopeError`` when the port is taken.
    """

    def __init__(self, take: Take, port: int = PORT) -> None:
        self.refused: deque[str] = deque(maxlen=100)
        self._take, self._lock = take, Lock()
        try:
            self._server = _Server(("127.0.0.1", port), _Handler)
        except (OSError, OverflowError) as error:
            what = f"port {port} cannot be listened on ({getattr(error, 'strerror', None) or error})"
            raise MnemoscopeError(what, "choose another with --otlp PORT, 0 for any free one") from error
        self._server.listener = self
        self.port = int(self._server.server_address[1])
        self._thread = Thread(target=self._server.serve_forever, args=(_POLL,), name="otlp", daemon=True)
        self._thread.start()

    @property
    def endpoint(self) -> str:
        """What agents set as ``OTEL_EXPORTER_OTLP_ENDPOINT``."""
        return f"http://127.0.0.1:{self.port}"

    def receive(self, path: str, kind: str, body: bytes) -> None:
        """Take in the body of a request. Raises ``SessionFormatError`` when it is not what it should be."""
        spans, records = _decoded(path, kind, body)
        with self._lock:
            self._take(spans, records)

    def close(self) -> None:
        """Stop listening; requests under way are finished."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _decoded(path: str, kind: str, body: bytes) -> tuple[list[otlp.Span], list[otlp.Record]]:
    if path == "/v1/metrics":
        return [], []  # taken, so that an agent that sends them does not complain; nothing is made of them
    if kind == _PROTOBUF:
        return (otlp.spans_from_protobuf(body), []) if path == "/v1/traces" else ([], otlp.logs_from_protobuf(body))
    data = loading.parse(body)
    if not isinstance(data, dict):
        raise SessionFormatError("no OTLP message in JSON", "send OTLP over HTTP")
    return (otlp.spans_from_json(data), []) if path == "/v1/traces" else ([], otlp.logs_from_json(data))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = MAX_AT_ONCE
    listener: Listener

    def __init__(self, *arguments: Any) -> None:
        self._slots = BoundedSemaphore(MAX_AT_ONCE)
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._slots.acquire()
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._slots.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is nothing to report."""


class _Refused(Exception):
    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status, self.why = status, why


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = TIMEOUT

    def do_POST(self) -> None:
        kind = self.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        try:
            self._checked(kind)
            self.server.listener.receive(self.path, kind, self._body())
        except _Refused as refusal:
            self._refuse(refusal.status, refusal.why)
        except TraceError as error:  # the disk is full: the agent may send it again
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, str(error))
        except MnemoscopeError as error:
            self._refuse(HTTPStatus.BAD_REQUEST, str(error))
        except (OSError, EOFError):
            self.close_connection = True  # the agent went away
        except Exception as error:  # whatever an agent sends must not end a recording
            self._refuse(
                HTTPStatus.INTERNAL_SERVER_ERROR, f"a defect of this program ({type(error).__name__}: {error})"
            )
        else:
            self._answer(HTTPStatus.OK, kind, b"" if kind == _PROTOBUF else b"{}")

    def _checked(self, kind: str) -> None:
        if self.path not in ("/v1/traces", "/v1/logs", "/v1/metrics"):
            raise _Refused(HTTPStatus.NOT_FOUND, "no such path: OTLP is posted to /v1/traces, /v1/logs or /v1/metrics")
        if kind not in (_PROTOBUF, _JSON):
            raise _Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"send {_PROTOBUF} or {_JSON}")

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            raw = self._chunks()
        else:
            raw = self.rfile.read(self._length(self.headers.get("Content-Length", ""), 10))
        encoding = self.headers.get("Content-Encoding", "identity").strip().lower()
        if encoding in ("identity", ""):
            return raw
        if encoding != "gzip":
            raise _Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send it plain or gzipped")
        return _gunzipped(raw)

    def _length(self, text: str, base: int) -> int:
        try:
            length = int(text, base)
        except ValueError:
            raise _Refused(HTTPStatus.BAD_REQUEST, "the length of the request is missing") from None
        if not 0 <= length <= MAX_REQUEST:
            raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {MAX_REQUEST >> 20} MiB a request")
        return length

    def _chunks(self) -> bytes:
        """A body of unknown length, as Node's exporter sends it."""
        found = bytearray()
        while length := self._length(self.rfile.readline(64).partition(b";")[0].decode("latin-1").strip(), 16):
            found += self.rfile.read(length)
            self.rfile.readline(8)
            self._length(str(len(found)), 10)
        self.rfile.readline(8)
        return bytes(found)

    def _refuse(self, status: HTTPStatus, why: str) -> None:
        line = " ".join(why.split())[:300]
        self.server.listener.refused.append(f"{status.value} {line}")
        self.close_connection = True  # whatever is left of the request is not read
        self._answer(status, _JSON, json.dumps({"code": 3, "message": line}).encode())

    def _answer(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing on the console: the recorder says what arrived."""


def _gunzipped(raw: bytes) -> bytes:
    unpacker = zlib.decompressobj(wbits=31)
    try:
        found = unpacker.decompress(raw, MAX_REQUEST + 1)
    except zlib.error as error:
        raise _Refused(HTTPStatus.BAD_REQUEST, f"damaged gzip ({error})") from None
    if len(found) > MAX_REQUEST:
        raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {MAX_REQUEST >> 20} MiB a request")
    if not unpacker.eof:
        raise _Refused(HTTPStatus.BAD_REQUEST, "the gzip stream is cut off")
    return found
