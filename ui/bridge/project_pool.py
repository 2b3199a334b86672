"""Projections run beside the window: two worker threads, each with its own reader, answers in order of their tickets.

Requests are kept per panel and the latest wins: a panel that asks again before its turn has come is asked once. An
answer is dropped when the panel has been shown a later one, or when another file has been opened since.
"""

from __future__ import annotations

import threading
import traceback
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal

from ui.state.moment import Moment
from workbench.examine import blamed
from workbench.projections.index import TraceIndex
from workbench.trace.reader import TraceReader

Project = Callable[[TraceReader, Moment, Any], Any]


@dataclass(frozen=True, slots=True)
class Request:
    """One projection to be made. ``ticket`` rises by one with every request of the pool."""

    owner: int
    ticket: int
    generation: int
    project: Project
    moment: Moment
    options: Any
    done: Callable[[Answer], None]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a request: a view, or what went wrong."""

    request: Request
    view: Any = None
    error: Exception | None = None
    trace: str = ""


class _Worker(threading.Thread):
    """Takes requests one by one; owns its reader. Not a QThread: nothing of Qt lives in here but the signal's emit."""

    def __init__(self, deliver: Callable[[Answer], None]) -> None:
        super().__init__(daemon=True, name="projections")
        self._deliver = deliver
        self._wake = threading.Condition()
        self._pending: OrderedDict[int, Request] = OrderedDict()
        self._path: Path | None = None
        self._reader: TraceReader | None = None
        self._opened, self._read = 0, 0  # how often a file was opened; which of them the reader reads
        self._stopping = False
        self.start()

    def open(self, path: Path | None) -> None:
        with self._wake:
            self._path = path
            self._opened += 1
            self._pending.clear()
            self._wake.notify()

    def put(self, request: Request) -> None:
        with self._wake:
            self._pending[request.owner] = request
            self._wake.notify()

    def stop(self) -> None:
        with self._wake:
            self._stopping = True
            self._wake.notify()
        self.join()

    def run(self) -> None:
        while True:
            with self._wake:
                while not self._pending and not self._stopping and not self._moved():
                    self._wake.wait()
                if self._stopping:
                    break
                request = self._pending.popitem(last=False)[1] if self._pending else None
                path, opened = self._path, self._opened
            if self._reader is not None and self._read != opened:
                self._reader.close()
                self._reader = None
            self._read = opened
            if request is not None and path is not None:
                self._deliver(self._answer(request, path))
        if self._reader is not None:
            self._reader.close()

    def _moved(self) -> bool:
        return self._reader is not None and self._read != self._opened

    def _answer(self, request: Request, path: Path) -> Answer:
        try:
            if self._reader is None:
                self._reader = TraceReader(path)
            TraceIndex.of(self._reader).refresh()
            return Answer(request, request.project(self._reader, request.moment, request.options))
        except Exception as error:  # becomes the panel's error state
            return Answer(request, error=blamed(path, error), trace=traceback.format_exc())


class ProjectPool(QObject):
    """Makes projections for panels. Answers arrive in the GUI thread through ``done`` of the request."""

    _answered = Signal(object)
    idle = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._answered.connect(self._arrived, Qt.ConnectionType.QueuedConnection)
        self._workers: dict[bool, _Worker] = {}
        self._path: Path | None = None
        self._generation, self._ticket = 0, 0
        self._shown: dict[int, int] = {}
        self._latest: dict[int, int] = {}

    @property
    def path(self) -> Path | None:
        """The open run file."""
        return self._path

    @property
    def busy(self) -> bool:
        """Whether any panel waits for an answer."""
        return any(self._latest[owner] > self._shown.get(owner, 0) for owner in self._latest)

    def open(self, path: Path | None) -> None:
        """Read this file from now on; requests and answers of the one before are dropped."""
        self._path = None if path is None else Path(path)
        self._generation += 1
        self._latest.clear()
        self._shown.clear()
        for worker in self._workers.values():
            worker.open(self._path)

    def submit(
        self,
        owner: int,
        project: Project,
        moment: Moment,
        options: Any,
        done: Callable[[Answer], None],
        heavy: bool = False,
    ) -> int:
        """Ask for a projection; the ticket. ``heavy`` ones wait in a line of their own and hold up no other panel."""
        self._ticket += 1
        self._latest[owner] = self._ticket
        if heavy not in self._workers:
            self._workers[heavy] = _Worker(self._answered.emit)
            self._workers[heavy].open(self._path)
        self._workers[heavy].put(Request(owner, self._ticket, self._generation, project, moment, options, done))
        return self._ticket

    def forget(self, owner: int) -> None:
        """The panel is gone or wants no answer any more."""
        self._latest.pop(owner, None)
        self._shown.pop(owner, None)

    def close(self) -> None:
        """End the worker threads; waits for the projection that is being made."""
        for worker in self._workers.values():
            worker.stop()
        self._workers.clear()
        self._latest.clear()

    def _arrived(self, answer: Answer) -> None:
        request = answer.request
        stale = request.generation != self._generation or request.ticket <= self._shown.get(request.owner, 0)
        if stale or request.owner not in self._latest:
            return
        self._shown[request.owner] = request.ticket
        request.done(answer)
        if not self.busy:
            self.idle.emit()
