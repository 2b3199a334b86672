"""Talking to an OpenAI-compatible server: which one, how patiently, with how much at once.

Requests run on a thread with an event loop of its own, so that whoever uses them may come from any loop and close them
at any time. A server that is busy, gone, silent or babbling is asked again for as long as ``patience`` says, with a
growing pause in between; then :class:`Unavailable` ends the run at a whole step, and the same command goes on.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

import httpx
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type

from workbench.errors import ModelError, Unavailable, UsageError

KEY = "MNEMOSCOPE_API_KEY"
"""Environment variable of the key; it goes into the request's header and nowhere else."""
LARGEST = 64 << 20
"""Bytes that an answer may have."""
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 15.0
"""Seconds between attempts: the first pause, and what doubling it ends at."""
AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
"""Answers that mean: not now."""
OPENING = 2.0
"""Seconds that a server may be away when a run begins: whoever started the run is waiting."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Address:
    """``http://host:port/v1?timeout=60#NAME``, taken apart.

    Attributes:
        url: up to and including ``/v1``.
        model: what the server calls the model; empty takes its first one.
        timeout: seconds that an answer may take.
        patience: seconds that a server may be away before the run stops.
        inflight: requests that are under way at once, at most.
    """

    url: str
    model: str = ""
    timeout: float = 300.0
    patience: float = 60.0
    inflight: int = 4

    @property
    def host(self) -> str:
        """Host and port, for people."""
        return urlsplit(self.url).netloc

    @property
    def root(self) -> str:
        """The server without its ``/v1``."""
        return self.url.removesuffix("/v1")


def is_address(text: str) -> bool:
    """Whether a model's name is that of a server."""
    return text.startswith(("http://", "https://"))


def parse(text: str) -> Address:
    """Take an address apart.

    Raises:
        UsageError: when it is none, holds a password, or has an option that does not exist.
    """
    parts = urlsplit(text)
    if "@" in parts.netloc:
        raise UsageError("a server's address holds no password", f"put the key into the environment variable {KEY}")
    try:
        _ = parts.port
    except ValueError as error:
        raise UsageError(f"{text}: {error}", "write http://HOST:PORT/v1#MODEL") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"{text} is no server's address", "write http://HOST:PORT/v1#MODEL")
    plain = urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))
    address = Address(plain, unquote(parts.fragment))
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        address = _with(address, name, value)
    return address


def _with(address: Address, name: str, value: str) -> Address:
    try:
        match name:
            case "timeout" if float(value) > 0:
                return replace(address, timeout=float(value))
            case "patience" if float(value) >= 0:
                return replace(address, patience=float(value))
            case "inflight" if 1 <= int(value) <= 256:
                return replace(address, inflight=int(value))
    except ValueError:
        pass
    raise UsageError(f"a server's address cannot have {name}={value}", "it may have timeout, patience (s), inflight")


class Busy(Exception):
    """The server cannot answer now.

    Args:
        why: what happened, for people.
        after: seconds that the server asks to wait, 0 when it does not say.
    """

    def __init__(self, why: str, after: float = 0.0) -> None:
        super().__init__(why)
        self.why, self.after = why, after


@dataclass(frozen=True, slots=True)
class Refused(Exception):
    """The server does not do what was asked."""

    status: int
    message: str


@dataclass
class Server:
    """A server at an address.

    Attributes:
        asked_again: how often a request had to be repeated.
    """

    address: Address
    asked_again: int = 0
    _wanted: int = 0
    _slots: asyncio.Semaphore | None = field(default=None, repr=False)
    _client: httpx.AsyncClient | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="server", daemon=True)
        self._thread.start()
        self._closed = False

    async def post(self, path: str, body: dict[str, Any], wanted: str) -> dict[str, Any]:
        """The server's answer, a JSON object that has the key ``wanted``.

        Raises:
            Refused: when the server says that it does not do this.
            Unavailable: when it could not answer for as long as ``patience`` says.
        """
        work = self._patiently("POST", f"{self.address.url}/{path}", body, wanted, self.address.patience)
        return await self._run(work)

    def get(self, url: str) -> dict[str, Any]:
        """As :meth:`post`, for a reading request when the server is opened: it waits, and is less patient."""
        patience = min(OPENING, self.address.patience)
        found: dict[str, Any] = self._start(self._patiently("GET", url, None, "", patience)).result()
        return found

    @property
    def queue(self) -> tuple[int, int]:
        """Requests under way, and requests that wait for a place."""
        active = min(self._wanted, self.address.inflight)
        return active, self._wanted - active

    def close(self) -> None:
        """End what is under way, and the thread."""
        if self._closed:
            return
        self._closed = True
        asyncio.run_coroutine_threadsafe(self._leave(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _leave(self) -> None:
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()

    def _start(self, work: Coroutine[Any, Any, T]) -> Any:
        if self._closed:
            work.close()
            raise ModelError("the model is closed", "open it again")
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _run(self, work: Coroutine[Any, Any, T]) -> T:
        result: T = await asyncio.wrap_future(self._start(work))
        return result

    # On the thread's loop

    async def _patiently(
        self, method: str, url: str, body: dict[str, Any] | None, wanted: str, patience: float
    ) -> dict[str, Any]:
        if self._slots is None:
            self._slots = asyncio.Semaphore(self.address.inflight)
        failing = _Failing(patience)
        self._wanted += 1
        try:
            return await self._in_turn(failing, method, url, body, wanted)
        finally:
            self._wanted -= 1

    async def _in_turn(
        self, failing: _Failing, method: str, url: str, body: dict[str, Any] | None, wanted: str
    ) -> dict[str, Any]:
        assert self._slots is not None
        async with self._slots:
            try:
                async for attempt in AsyncRetrying(
                    retry=retry_if_exception_type(Busy), wait=failing.wait, stop=failing.enough, reraise=True
                ):
                    with attempt:
                        self.asked_again += attempt.retry_state.attempt_number > 1
                        return await self._once(method, url, body, wanted)
            except Busy as error:
                raise Unavailable(
                    f"the server {self.address.host} {error.why}", "when it is back, the same command goes on from here"
                ) from error
        raise AssertionError("an attempt either returns or raises")

    async def _once(self, method: str, url: str, body: dict[str, Any] | None, wanted: str) -> dict[str, Any]:
        try:
            async with asyncio.timeout(self.address.timeout):
                status, headers, raw = await self._exchange(method, url, body)
        except (TimeoutError, httpx.TimeoutException) as error:
            raise Busy(f"did not answer within {self.address.timeout:g} s") from error
        except httpx.TransportError as error:
            raise Busy(f"cannot be reached ({_line(str(error)) or type(error).__name__})") from error
        if status >= 300:
            message = _message(raw)
            # llama-cpp-python's server calls it an internal error when it does not know a form of answer.
            if status in AGAIN and "response_format" not in message:
                raise Busy(f"answered {status}: {message}", _pause(headers.get("retry-after", "")))
            raise Refused(status, message)
        try:
            data = json.loads(raw)
        except ValueError as error:
            raise Busy(f"answered nonsense: {_line(raw.decode('utf-8', 'replace'))!r}") from error
        if not isinstance(data, dict) or (wanted and not data.get(wanted)):
            raise Busy(f"answered without {wanted!r}: {_line(str(data))!r}")
        return data

    async def _exchange(self, method: str, url: str, body: dict[str, Any] | None) -> tuple[int, httpx.Headers, bytes]:
        if self._client is None:
            limits = httpx.Limits(max_connections=self.address.inflight)
            self._client = httpx.AsyncClient(timeout=self.address.timeout, limits=limits)
        key = os.environ.get(KEY, "")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        async with self._client.stream(method, url, json=body, headers=headers) as response:
            parts, size = [], 0
            async for part in response.aiter_bytes():
                size += len(part)
                if size > LARGEST:
                    raise Busy(f"answered more than {LARGEST >> 20} MB")
                parts.append(part)
            return response.status_code, response.headers, b"".join(parts)


class _Failing:
    """Since when a request fails, and how long to wait for the next attempt."""

    def __init__(self, patience: float) -> None:
        self._patience, self._since = patience, 0.0

    def enough(self, state: RetryCallState) -> bool:
        now = asyncio.get_running_loop().time()
        self._since = self._since or now
        return now - self._since >= self._patience

    def wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.after if isinstance(error, Busy) else 0.0
        grown = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(16, state.attempt_number - 1))
        left = self._since + self._patience - asyncio.get_running_loop().time()
        return max(0.0, min(max(grown, asked), left))


def _pause(header: str) -> float:
    try:
        return max(0.0, float(header))
    except ValueError:
        return 0.0  # a date, or nothing: the growing pause is as good


def _message(raw: bytes) -> str:
    """What an error says: OpenAI's form, FastAPI's form, or the text."""
    try:
        data = json.loads(raw)
    except ValueError:
        return _line(raw.decode("utf-8", "replace"))
    found = data.get("error", data.get("detail", data)) if isinstance(data, dict) else data
    return _line(str(found.get("message", found) if isinstance(found, dict) else found))


def _line(text: str) -> str:
    return " ".join(text.split())[:200]
