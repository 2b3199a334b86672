"""A model hub on the loopback that speaks what huggingface_hub asks for, and can break off in the middle."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

COMMIT = "a" * 40


@dataclass
class Hub:
    """What the server gives and how it misbehaves.

    Attributes:
        files: ``repository/file`` to content.
        cut: after so many bytes of an answer's body the connection is closed; one number for each answer, then no more.
        stall: after a cut-off body nothing more comes and the connection stays open until ``release`` is set.
        etag: sha256 that is told, where it is not the content's own.
        ranges: the ``Range`` headers that came with requests for data.
        tokens: the ``Authorization`` header by method and path.
    """

    files: dict[str, bytes]
    cut: list[int] = field(default_factory=list)
    stall: bool = False
    etag: str = ""
    status: int = 200
    url: str = ""
    ranges: list[str] = field(default_factory=list)
    tokens: dict[str, str] = field(default_factory=dict)
    release: threading.Event = field(default_factory=threading.Event)

    def sha256(self, name: str) -> str:
        return self.etag or hashlib.sha256(self.files[name]).hexdigest()


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    """The server, while inside."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            name = self.path.removeprefix("/").replace("/resolve/main/", "/")
            hub.tokens[f"HEAD {self.path}"] = self.headers.get("Authorization", "")
            if hub.status != 200 or name not in hub.files:
                self.send_response(hub.status if hub.status != 200 else 404)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(302)
            self.send_header("Location", f"{hub.url.replace('127.0.0.1', 'localhost')}/data/{name}")  # another host
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("X-Linked-Etag", f'"{hub.sha256(name)}"')
            self.send_header("X-Linked-Size", str(len(hub.files[name])))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self) -> None:
            hub.tokens[f"GET {self.path}"] = self.headers.get("Authorization", "")
            data = hub.files[self.path.removeprefix("/data/")]
            wanted = self.headers.get("Range", "")
            hub.ranges.append(wanted)
            start = int(wanted.removeprefix("bytes=").split("-")[0]) if wanted else 0
            self.send_response(206 if wanted else 200)
            if wanted:
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            self.send_header("Content-Length", str(len(data) - start))
            self.end_headers()
            if not hub.cut:
                self.wfile.write(data[start:])
                return
            self.wfile.write(data[start : start + hub.cut.pop(0)])
            self.wfile.flush()
            if hub.stall:
                hub.release.wait()
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield hub
    finally:
        hub.release.set()
        server.shutdown()
        server.server_close()
        thread.join()


def use(hub: Hub, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Point huggingface_hub, in the processes that are started from now on, at the server."""
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setenv("HF_HOME", str(home))
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.delenv("HF_TOKEN", raising=False)
