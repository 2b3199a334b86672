"""What a caller's requests cost, apart from what they waited for.

Lanes are decoded as one batch, so the wall clock of a request holds the work of all others. A :class:`Meter` that is
entered counts, for every request made inside, the share of each step's time that was computed for it, and the time that
was waited (overlapping waits once). What is left of the wall clock is the caller's own work.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_METER: ContextVar[Meter | None] = ContextVar("meter", default=None)


def current() -> Meter | None:
    """The meter that requests are counted by, None when nobody counts."""
    return _METER.get()


class Meter:
    """Counts the requests made while it is entered, in this task and in those that it starts; seconds.

    Attributes:
        wall: of the whole.
        computed: what steps took for these requests, by their share of each step (the worker's thread adds to it).
        waited: while at least one request was on its way.
    """

    def __init__(self) -> None:
        self.wall = self.computed = self.waited = 0.0
        self._outer = _METER.get()
        self._open, self._began = 0, 0.0

    def __enter__(self) -> Meter:
        self._token, self._start = _METER.set(self), time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall = time.perf_counter() - self._start
        _METER.reset(self._token)

    @property
    def ms(self) -> float:
        """What it cost without the waiting, in milliseconds."""
        return max(0.0, self.wall - self.waited + self.computed) * 1000

    def add(self, seconds: float) -> None:
        """A share of a step was computed for a request (any thread)."""
        self.computed += seconds
        if self._outer is not None:
            self._outer.add(seconds)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """A request is on its way."""
        if self._outer is None:
            with self._counted():
                yield
        else:
            with self._outer.waiting(), self._counted():
                yield

    @contextmanager
    def _counted(self) -> Iterator[None]:
        if not self._open:
            self._began = time.perf_counter()
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1
            if not self._open:
                self.waited += time.perf_counter() - self._began
