"""Chroma collections for vector indexes: on a server that a run was given, or in this process where it is asked for.

An index is a cache beside the items. So a server may be emptied at any time, and when it goes, a run ends at a whole
step and goes on with nothing lost. Without either the rows on disk are searched alone, which finds the same: Chroma 1.5
in this process takes 50 MiB, holds every vector a second time, grew by 4 KB a turn under MemoryOS's searches, and took
3 to 5 ms for one among a thousand items, beside the rows' own 4 ms (10 ms for ten thousand; measured).
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
MEMORY = "memory"
"""In place of an address: a store in this process."""
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


_where: ContextVar[Shelf | None] = ContextVar("where", default=None)
_lane: ContextVar[str] = ContextVar("lane", default="lane")


def shelf() -> Shelf | None:
    """Where the collections of indexes that are made now belong; None: they have none."""
    return _where.get()


@contextmanager
def in_chroma(where: str, run: str) -> Iterator[None]:
    """Inside, indexes have collections: on the server of this address, or with ``memory`` in this process.

    Collections on a server are gone afterwards. With neither there are none.

    Raises:
        Unavailable: there is no server.
    """
    if not where:
        yield
        return
    there = Shelf() if where == MEMORY else ServerShelf(where, run)
    token = _where.set(there)
    try:
        yield
    finally:
        _where.reset(token)
        if isinstance(there, ServerShelf):
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
    """Raise ``UsageError`` for what is no address of a Chroma server, and not ``memory``."""
    if address != MEMORY:
        _parts(address)


def _parts(address: str) -> tuple[str, int, bool]:
    parts = urlsplit(address)
    try:
        port = parts.port
    except ValueError:
        port = None
    if parts.scheme not in ("http", "https") or not parts.hostname or not port or parts.path.strip("/") or parts.query:
        raise UsageError(
            f"{address!r} is no Chroma server's address", f"write http://HOST:PORT, or {MEMORY} for one in this process"
        )
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
