"""The one thread that calls llama.cpp, and how coroutines hand it work.

llama.cpp contexts are not thread safe and a decode takes from a millisecond to seconds, so all of it happens on one
thread; the event loop only awaits. Parts (work context, scope context, embedder) take turns, one step each.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Generic, Protocol, TypeVar

from workbench.errors import ModelError
from workbench.llm.meter import current

T = TypeVar("T")


_STEP = threading.local()
"""Results of the step that runs on this thread: handed over when it has been charged."""


def _closed() -> ModelError:
    return ModelError("the model is closed", "open it again")


class Ticket(Generic[T]):
    """A request on its way: the coroutine awaits it, the worker resolves it from its thread."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._future: asyncio.Future[T] = self._loop.create_future()
        self.cancelled = False
        self.meter = current()

    def resolve(self, value: T) -> None:
        """Hand over the result (any thread)."""
        self._post(lambda: self._future.set_result(value))

    def fail(self, error: BaseException) -> None:
        """Hand over an error (any thread)."""
        self._post(lambda: self._future.set_exception(error))

    def _post(self, deliver: Callable[[], None]) -> None:
        def unless_done() -> None:
            if not self._future.done():
                deliver()

        def post() -> None:
            with contextlib.suppress(RuntimeError):  # the loop has been closed: nobody waits any more
                self._loop.call_soon_threadsafe(unless_done)

        held: list[Callable[[], None]] | None = getattr(_STEP, "held", None)
        if held is None:
            post()
        else:
            held.append(post)

    async def wait(self) -> T:
        """The result. A cancelled wait tells the worker, which drops the request before its next step."""
        with self.meter.waiting() if self.meter else contextlib.nullcontext():
            try:
                return await self._future
            except asyncio.CancelledError:
                self.cancelled = True
                raise


Served = Sequence[tuple[Ticket[Any], int]]
"""Requests that a step worked on, each with its share (tokens) of the work."""


class Part(Protocol):
    """Something that computes in steps on the worker's thread."""

    def add(self, job: Any) -> None:
        """Take a job in."""
        ...

    @property
    def busy(self) -> bool:
        """Whether a step would do anything."""
        ...

    def step(self) -> Served:
        """Do one step: at most one decode. Returns for whom, and by what share."""
        ...

    def fail(self, error: BaseException) -> None:
        """Fail every job and forget all state; the next job starts afresh."""
        ...

    def close(self) -> None:
        """Free what is held."""
        ...


def _share(served: Served, began: float) -> None:
    """Charge a step to those it was done for."""
    seconds = time.perf_counter() - began
    whole = sum(weight for _, weight in served)
    for ticket, weight in served:
        if ticket.meter is not None:
            ticket.meter.add(seconds * weight / whole)


class Worker:
    """Runs the parts in turn while there is work, sleeps otherwise."""

    def __init__(self) -> None:
        self._inbox: deque[tuple[Callable[[], Part], Any, Callable[[BaseException], None]]] = deque()
        self._wake = threading.Condition()
        self._closing = False
        self.parts: list[Part] = []
        self._thread = threading.Thread(target=self._run, name="llama", daemon=True)
        self._thread.start()

    def submit(self, part: Callable[[], Part], job: Any, fail: Callable[[BaseException], None]) -> None:
        """Give a job to a part (any thread).

        Args:
            part: returns the part; called on the worker's thread, so it may make it on first use.
            fail: told when the part cannot be made.
        """
        with self._wake:
            if self._closing:
                raise _closed()
            self._inbox.append((part, job, fail))
            self._wake.notify()

    def close(self) -> None:
        """End the thread after its current step, fail what waits, free the parts."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()

    def _run(self) -> None:
        while self._take_in():
            for part in [part for part in self.parts if part.busy]:
                self._step(part)
        for _, _, fail in self._inbox:
            fail(_closed())
        for part in self.parts:
            part.fail(_closed())
            part.close()

    def _step(self, part: Part) -> None:
        """One step, charged to those it was for before they hear of it."""
        _STEP.held, began = [], time.perf_counter()
        try:
            _share(part.step(), began)
        except BaseException as error:  # every waiting coroutine must hear of it
            part.fail(error)
        held, _STEP.held = _STEP.held, None
        for post in held:
            post()

    def _take_in(self) -> bool:
        with self._wake:
            while not (self._inbox or self._closing or any(part.busy for part in self.parts)):
                self._wake.wait()
            arrived, self._inbox = self._inbox, deque()
            closing = self._closing
        self._hand_out(arrived)
        return not closing

    def _hand_out(self, arrived: Sequence[tuple[Callable[[], Part], Any, Callable[[BaseException], None]]]) -> None:
        for make, job, fail in arrived:
            try:
                part = make()
            except BaseException as error:
                fail(error)
                continue
            if part not in self.parts:
                self.parts.append(part)
            part.add(job)
