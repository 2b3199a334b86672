"""How fast runs go on this machine, so that the next one can say beforehand how long it will take."""

from __future__ import annotations

import time

from ui.settings import Settings
from workbench.engine.config import RunConfig
from workbench.projections.costs import costs
from workbench.trace.reader import TraceReader

_LEAST = 10.0  # seconds; what is over sooner says little
_MOST = 20  # models that are remembered


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
