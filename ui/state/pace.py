"""How fast runs go on this machine: how long the one at work will still take, and what the next can say beforehand."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from ui.settings import Settings
from workbench.engine.config import RunConfig
from workbench.projections.costs import costs
from workbench.trace.reader import TraceReader

_LEAST = 10.0  # seconds; what is over sooner says little
_MOST = 20  # models that are remembered
_STEPS, _SECONDS = 5, 5.0  # least steps and seconds that say how long the rest takes
_SEEN = 200  # steps by which it goes: memories become slower as they grow


class Remaining:
    """How long the run at work will still take, by its last steps.

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: deque[tuple[float, int]] = deque()

    def forget(self) -> None:
        """It was paused, or another one begins."""
        self._seen.clear()

    def after(self, done: int, total: int) -> float | None:
        """Seconds that ``total`` steps will still take when ``done`` are done; None before that can be told."""
        now = self._clock()
        if self._seen and done < self._seen[-1][1]:
            self.forget()
        self._seen.append((now, done))
        while len(self._seen) > 2 and self._seen[1][1] < done - _SEEN:
            self._seen.popleft()
        since, before = self._seen[0]
        if done - before < _STEPS or now - since < _SECONDS:
            return None
        return (now - since) / (done - before) * max(0, total - done)


class Pace:
    """Tokens per second of a whole run, by model, kept in the settings as ``speeds``. A paused run says nothing."""

    def __init__(self) -> None:
        self._from: tuple[float, int] | None = None

    def began(self, reader: TraceReader | None) -> None:
        """A run starts now; the file may hold what was done before."""
        self._from = (time.monotonic(), _tokens(reader)) if reader is not None else None

    def forget(self) -> None:
        """The run was paused."""
        self._from = None

    def ended(self, reader: TraceReader, config: RunConfig | None, settings: Settings) -> None:
        """The run ended, or was cancelled: remember its speed."""
        began, self._from = self._from, None
        if began is None or config is None:
            return
        seconds, tokens = time.monotonic() - began[0], _tokens(reader) - began[1]
        if seconds >= _LEAST and tokens > 0:
            known = {name: speed for name, speed in settings.get("speeds", {}).items() if name != config.model}
            known[config.model] = round(tokens / seconds, 2)
            settings.set("speeds", dict(list(known.items())[-_MOST:]))


def _tokens(reader: TraceReader) -> int:
    spent = [s for lane in costs(reader) for s in (lane.written, lane.read, lane.answers)]
    return sum(s.prompt + s.generated for s in spent)
