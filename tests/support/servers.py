"""An OpenAI-compatible server on the loopback that can misbehave, and a real one."""

from __future__ import annotations

import hashlib
import json
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.support.minds import fill


@dataclass
class Babbler:
    """Answers from the request alone, and misbehaves as told.

    Attributes:
        faults: what happens to the next requests for text, one each: ``429``, ``500``, ``drop`` (the connection breaks
            in the middle), ``hang`` (until the server ends), ``nonsense``, ``empty``, ``broken`` (nearly JSON),
            ``prose`` (no JSON), ``long`` (the prompt is too long), ``cut`` (token limit), ``401``.
        forms: forms of structured answer that it knows.
        only: how many requests for text it answers before it goes away for good; None for ever.
        asked: every request for text.
        keys: the Authorization headers.
        most: how many were under way at once, at most.
    """

    faults: list[str] = field(default_factory=list)
    forms: tuple[str, ...] = ("json_schema",)
    models: tuple[dict[str, Any], ...] = ({"id": "babble", "owned_by": "tests", "max_model_len": 2048},)
    usage: bool = True
    only: int | None = None
    port: int = 0
    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    most: int = 0
    release: threading.Event = field(default_factory=threading.Event)
    gate: threading.Event | None = None
    _now: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def text(self, body: dict[str, Any]) -> str:
        """What it says: a filled schema, or a word that depends on the prompt."""
        prompt = "\n".join(m["content"] for m in body["messages"])
        form = body.get("response_format", {})
        schema = form.get("json_schema", {}).get("schema") or form.get("schema")
        if schema is not None:
            return json.dumps(fill(schema, prompt))
        return f"word{int(hashlib.md5(prompt.encode()).hexdigest(), 16) % 1000}"


@contextmanager
def babbling(babbler: Babbler) -> Iterator[Babbler]:
    """The server, while inside; a port of its own when it has none."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            babbler.keys.append(self.headers.get("Authorization", ""))
            if self.path == "/v1/models":
                self.say(200, {"object": "list", "data": list(babbler.models)})
            else:
                self.say(404, {"error": {"message": "no such page"}})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            babbler.keys.append(self.headers.get("Authorization", ""))
            if self.path == "/v1/embeddings":
                rows = [{"index": n, "embedding": [len(text), 1.0, n]} for n, text in enumerate(body["input"])]
                self.say(200, {"data": rows})
                return
            with babbler._lock:
                babbler.asked.append(body)
                babbler._now += 1
                babbler.most = max(babbler.most, babbler._now)
                if babbler.only is not None:
                    babbler.only -= 1
                gone = babbler.only is not None and babbler.only < 0
                fault = "drop" if gone else babbler.faults.pop(0) if babbler.faults else ""
            if babbler.gate is not None:
                babbler.gate.wait()
            try:
                self.answer(fault, body)
            finally:
                with babbler._lock:
                    babbler._now -= 1

        def answer(self, fault: str, body: dict[str, Any]) -> None:
            form = body.get("response_format", {}).get("type", "")
            if fault in ("429", "500", "401"):
                self.say(int(fault), {"error": {"message": "not now"}}, {"Retry-After": "0"})
            elif fault == "drop":
                self.send_response(200)
                self.send_header("Content-Length", "1000")
                self.end_headers()
                self.wfile.write(b'{"choices": [')
                self.close_connection = True
            elif fault == "hang":
                babbler.release.wait()
                self.close_connection = True
            elif fault == "nonsense":
                self.raw(200, b"<html>It works!</html>")
            elif fault == "empty":
                self.say(200, {})
            elif fault == "long":
                message = "This model's maximum context length is 2048 tokens. However, you requested 9000 tokens"
                self.say(400, {"error": {"message": message, "code": "context_length_exceeded"}})
            elif form and form not in babbler.forms:
                self.say(422, {"detail": f"response_format {form} is not supported"})
            else:
                self.completion(fault, body)

        def completion(self, fault: str, body: dict[str, Any]) -> None:
            text = babbler.text(body)
            if fault == "broken":
                text = text[:-1] + ",}"
            elif fault == "prose":
                text = "I would rather not."
            finish = "length" if fault == "cut" else "stop"
            choice = {"message": {"role": "assistant", "content": text}, "finish_reason": finish}
            usage = {"prompt_tokens": 7, "completion_tokens": 3} if babbler.usage else None
            self.say(200, {"choices": [choice]} | ({"usage": usage} if usage else {}))

        def say(self, status: int, data: Any, more: dict[str, str] | None = None) -> None:
            self.raw(status, json.dumps(data).encode(), more)

        def raw(self, status: int, data: bytes, more: dict[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in (more or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass  # who asked has gone: that is what is tested

    server = Quiet(("127.0.0.1", babbler.port), Handler)
    babbler.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield babbler
    finally:
        babbler.release.set()
        server.shutdown()
        server.server_close()
        thread.join()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def llama_cpp_server(model: Path, port: int, log: Path, **settings: object) -> Iterator[subprocess.Popen[bytes]]:
    """The server of llama-cpp-python in a process of its own, ready; killed at the end."""
    options = {"model": model, "port": port, "host": "127.0.0.1", "n_threads": 1, "n_threads_batch": 1, **settings}
    arguments = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    with log.open("ab") as out:
        process = subprocess.Popen([sys.executable, "-m", "llama_cpp.server", *arguments], stdout=out, stderr=out)
    try:
        _ready(f"http://127.0.0.1:{port}/v1/models", process, log)
        yield process
    finally:
        process.kill()
        process.wait()


def _ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    while True:
        try:
            with urllib.request.urlopen(url, timeout=30):
                return
        except (urllib.error.URLError, ConnectionError):
            if process.poll() is not None:
                raise AssertionError(f"the server ended: {log.read_text()[-2000:]}") from None
        try:
            process.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
