"""Where vector indexes lie: in this process, or on a Chroma server that a run was given.

An index is a cache beside the items. So a server may be emptied at any time, and when it goes, a run ends at a whole
step and goes on with nothing lost.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any
from urllib.parse import urlsplit

from workbench.errors import MnemoscopeError, Unavailable, UsageError

FIRST, SECONDS = 10.0, 60.0
"""How long a server may take to answer at all, and for one request."""
FLAT = 1024
"""Items above which an index in this process is searched row by row alone: Chroma holds every vector in memory, for
every lane (2.3 KB at 384 dimensions, measured), and a long run must not grow by that. A server's memory is its own."""
_numbers = itertools.count()
_guard = threading.Lock()
_shared: Any = None


class Shelf:
    """Collections in this process: Chroma's in-memory store is shared by all clients of a process anyway."""

    def create(self, **options: Any) -> Any:
        """A new collection with a name of its own."""
        return self.client().create_collection(self._name(), embedding_function=None, **options)

    def drop(self, name: str) -> None:
        """Remove a collection."""
        self.client().delete_collection(name)

    def holds(self, count: int) -> bool:
        """Whether a collection of so many items belongs here."""
        return count <= FLAT

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Inside, what goes wrong is told in one line."""
        yield

    def _name(self) -> str:
        return f"lane-{os.getpid()}-{next(_numbers)}"

    def client(self) -> Any:
        """Chroma's client."""
        global _shared
        with _guard:
            if _shared is None:
                import chromadb
                from chromadb.config import Settings

                _shared = chromadb.EphemeralClient(Settings(anonymized_telemetry=False))
            return _shared


class ServerShelf(Shelf):
    """Collections on a Chroma server, named after run and lane; what the same run left there before is removed.

    Args:
        address: ``http://HOST:PORT``.
        run: what the run's collections are called by.

    Raises:
        Unavailable: there is no Chroma server at that address.
    """

    def __init__(self, address: str, run: str) -> None:
        self.address, self._run = address, f"mnemoscope-{run}"
        with self.telling():
            self._server = _connect(address)
        self.clean()

    def drop(self, name: str) -> None:
        """Remove a collection; what cannot be removed now is removed with the run."""
        with suppress(Exception):  # the server is gone, or has lost it
            self._server.delete_collection(name)

    def holds(self, count: int) -> bool:
        """It has memory of its own."""
        return True

    def clean(self) -> None:
        """Remove every collection of the run."""
        with self.telling():
            for collection in self._server.list_collections(limit=100_000):
                if collection.name.startswith(f"{self._run}-"):
                    self._server.delete_collection(collection.name)

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Inside, whatever is wrong with the server is an ``Unavailable``."""
        import httpx
        from chromadb.errors import ChromaError

        try:
            yield
        except (httpx.HTTPError, ChromaError, ValueError, OSError) as error:
            line = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            what = f"the Chroma server at {self.address} does not do what it should ({line})"
            raise Unavailable(what, "see that it runs; nothing is lost, the same command goes on") from error

    def _name(self) -> str:
        return f"{self._run}-{_lane.get()}-{os.getpid()}-{next(_numbers)}"

    def client(self) -> Any:
        """Chroma's client."""
        return self._server


_here = Shelf()
_where: ContextVar[Shelf] = ContextVar("where", default=_here)
_lane: ContextVar[str] = ContextVar("lane", default="lane")


def shelf() -> Shelf:
    """Where indexes that are made now belong."""
    return _where.get()


@contextmanager
def on_server(address: str, run: str) -> Iterator[None]:
    """Inside, indexes lie on this server, and are gone afterwards; without an address, in this process.

    Raises:
        Unavailable: there is none.
    """
    if not address:
        yield
        return
    there = ServerShelf(address, run)
    token = _where.set(there)
    try:
        yield
    finally:
        _where.reset(token)
        with suppress(MnemoscopeError):  # it is gone: whoever goes on with the run cleans up
            there.clean()


@contextmanager
def of_lane(name: str) -> Iterator[None]:
    """Inside, indexes belong to this lane."""
    token = _lane.set(name)
    try:
        yield
    finally:
        _lane.reset(token)


def check(address: str) -> None:
    """Raise ``UsageError`` for what is no address of a Chroma server."""
    _parts(address)


def _parts(address: str) -> tuple[str, int, bool]:
    parts = urlsplit(address)
    try:
        port = parts.port
    except ValueError:
        port = None
    if parts.scheme not in ("http", "https") or not parts.hostname or not port or parts.path.strip("/") or parts.query:
        raise UsageError(f"{address!r} is no Chroma server's address", "write http://HOST:PORT")
    return parts.hostname, port, parts.scheme == "https"


def _connect(address: str) -> Any:
    import chromadb
    import httpx
    from chromadb.config import Settings

    host, port, ssl = _parts(address)
    httpx.get(f"{address.rstrip('/')}/api/v2/heartbeat", timeout=FIRST).raise_for_status()
    client = chromadb.HttpClient(host=host, port=port, ssl=ssl, settings=Settings(anonymized_telemetry=False))
    session = getattr(getattr(client, "_server", None), "_session", None)
    if session is not None:
        session.timeout = SECONDS  # Chroma's own waits for ever
    return client
