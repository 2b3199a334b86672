"""Pause, step and cancel, from another thread, of a run that lives in an event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable
from typing import Any

from workbench.engine.protocol import Report, StateChanged


class Control:
    """The hand on a run. Its methods without ``async`` may be called from any thread, also before the run begins."""

    def __init__(self, paused: bool = False) -> None:
        self._lock = threading.Lock()
        self._paused, self._steps, self.cancelled = paused, 0, False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tell: Callable[[Report], None] = lambda report: None
        self._go: asyncio.Event | None = None
        self._tasks: list[asyncio.Task[Any]] = []

    def bind(self, loop: asyncio.AbstractEventLoop, tell: Callable[[Report], None]) -> None:
        """Belong to a loop; called by the run, inside the loop."""
        self._tell, self._go = tell, asyncio.Event()
        with self._lock:
            self._loop = loop
        self._changed()

    def running(self, tasks: Iterable[asyncio.Task[Any]]) -> None:
        """The tasks that a cancel ends."""
        self._tasks = list(tasks)
        self._changed()

    def pause(self) -> None:
        """Stop before the next turn or probe."""
        self._set(paused=True, steps=0)

    def resume(self) -> None:
        """Go on."""
        self._set(paused=False, steps=0)

    def step(self) -> None:
        """Let one more turn and its probes through, then pause."""
        self._set(paused=True, steps=self._steps + 1)

    def cancel(self) -> None:
        """End the run at once; steps under way are discarded."""
        self._set(cancelled=True)

    def _set(self, paused: bool | None = None, steps: int | None = None, cancelled: bool = False) -> None:
        with self._lock:
            self._paused = self._paused if paused is None else paused
            self._steps = self._steps if steps is None else steps
            self.cancelled = self.cancelled or cancelled
            loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._changed)

    def _changed(self) -> None:
        assert self._go is not None
        if self.cancelled:
            for task in self._tasks:
                task.cancel()
            return
        if self._paused and not self._steps:
            self._go.clear()
        else:
            self._go.set()
        self._tell(StateChanged("paused" if self._paused else "running"))

    async def turn(self) -> None:
        """Wait while paused; uses up one step."""
        await self._wait()
        if self._paused and self._steps:
            self._steps -= 1

    async def probe(self) -> None:
        """Wait while paused between turns' ends and their probes, unless a step is being taken."""
        if not self._paused:
            await self._wait()

    async def _wait(self) -> None:
        assert self._go is not None
        if self._paused and not self._steps:
            self._go.clear()
        await self._go.wait()
