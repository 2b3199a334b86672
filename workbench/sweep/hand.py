"""An engine process that does one task after another and survives its own death; here and on a cluster's nodes."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue

from workbench.engine.config import RunConfig
from workbench.engine.protocol import Cancel, Failed, Report, StateChanged
from workbench.engine.supervisor import Supervisor
from workbench.errors import Cancelled, MnemoscopeError
from workbench.sessions.model import Session
from workbench.sweep.store import sign


class TaskFailed(MnemoscopeError):
    """A task that came to nothing. ``crashed``: the engine process died of it, or was killed."""

    def __init__(self, what: str, crashed: bool = False) -> None:
        super().__init__(what)
        self.crashed = crashed


@dataclass(frozen=True, slots=True)
class Job:
    """A task as an engine does it, without what only the sweep knows.

    Attributes:
        cells: key by lane's name, which sign the result.
    """

    key: str
    config: RunConfig
    session: Session
    cells: Mapping[str, str]


class Hand:
    """Does jobs. The model stays loaded from one to the next that wants the same."""

    def __init__(self) -> None:
        self._supervisor: Supervisor | None = None
        self._reports: SimpleQueue[Report] = SimpleQueue()
        self._cancelled = threading.Event()

    @property
    def pid(self) -> int | None:
        """The engine's process id."""
        return self._supervisor.pid if self._supervisor else None

    def do(self, job: Job, out: Path) -> None:
        """Run a job into a file, which is whole and signed afterwards; goes on with one that was begun.

        Raises:
            TaskFailed: with the reason in one line.
            Cancelled: by :meth:`cancel`; what was committed stays in the file.
        """
        if self._supervisor is None:
            self._reports = SimpleQueue()
            self._supervisor = Supervisor(self._reports.put)
        self._supervisor.start(replace(job.config, out=out), sessions=(job.session,))
        if self._cancelled.is_set():  # before there was anything to cancel
            self._supervisor.send(Cancel())
        while True:
            match self._reports.get():
                case StateChanged("finished"):
                    break
                case StateChanged("cancelled"):
                    raise Cancelled("cancelled; the same command goes on from here")
                case Failed(message, log, crashed):
                    if crashed:
                        self.close()  # a fresh one: this one would put the crash down in another task's run
                    if self._cancelled.is_set():
                        raise Cancelled(message)
                    last = log.strip().splitlines()[-1:] if crashed else []
                    raise TaskFailed(": ".join([message, *last]), crashed)
        sign(out, job.key, job.cells)

    def cancel(self) -> None:
        """End the job that is under way, and every later one at once (any thread)."""
        self._cancelled.set()
        if self._supervisor is not None:
            self._supervisor.send(Cancel())

    def close(self) -> None:
        """End the engine process."""
        supervisor, self._supervisor = self._supervisor, None
        if supervisor is not None:
            supervisor.shutdown()


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
