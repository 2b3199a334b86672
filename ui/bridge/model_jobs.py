"""Obtaining and tuning models from the window: one job at a time on a thread, its progress as Qt signals."""

from __future__ import annotations

import threading
from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, Signal

from workbench.errors import Cancelled, MnemoscopeError


class ModelJobs(QObject):
    """One download or measurement at a time.

    Signals (all in the GUI thread):
        progressed: (name, bytes so far, bytes in all).
        noted: what is being done, as a line.
        finished: (name, what came of it).
        failed: what went wrong, as a line; empty when it was cancelled.
    """

    progressed = Signal(str, object, object)
    noted = Signal(str)
    finished = Signal(str, str)
    failed = Signal(str)
    _progressed = Signal(str, object, object)
    _noted = Signal(str)
    _ended = Signal(str, str, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        queued = Qt.ConnectionType.QueuedConnection
        self._progressed.connect(self.progressed, queued)
        self._noted.connect(self.noted, queued)
        self._ended.connect(self._end, queued)
        self._cancel = threading.Event()
        self._thread: threading.Thread | None = None
        self.name = ""

    @property
    def busy(self) -> bool:
        """Whether a job is under way."""
        return bool(self.name)

    def get(self, name: str) -> None:
        """Obtain a model of the catalogue."""

        def work() -> str:
            from workbench.models import obtain

            model = obtain.get(name, lambda done, total: self._progressed.emit(name, done, total), self._cancel.is_set)
            return f"{name} is installed: {model.file}"

        self._start(name, work)

    def tune(self, name: str) -> None:
        """Measure a model's other quantisations, in a process of its own."""

        def work() -> str:
            from workbench.models import tune

            forms = tune.aside(name, None, self._noted.emit, self._cancel.is_set)
            kept = [f"{f.name} ({f.reads / forms[0].reads:.1f} × as fast, KL {f.kl:.3f})" for f in forms[1:] if f.kept]
            return f"{name} reads {forms[0].reads:,.0f} tokens/s; " + (
                f"faster: {', '.join(kept)}" if kept else "no other form is faster"
            )

        self._start(name, work)

    def cancel(self) -> None:
        """End the job within a second; what has arrived stays."""
        self._cancel.set()

    def wait(self) -> None:
        """Cancel, and wait until the job has ended."""
        self.cancel()
        if self._thread is not None:
            self._thread.join()

    def _start(self, name: str, work: Callable[[], str]) -> None:
        if self.busy:
            return
        self.name = name
        self._cancel.clear()
        self._thread = threading.Thread(target=self._run, args=(name, work), name="models", daemon=True)
        self._thread.start()

    def _run(self, name: str, work: Callable[[], str]) -> None:
        try:
            self._ended.emit(name, work(), "")
        except Cancelled:
            self._ended.emit(name, "", "")
        except MnemoscopeError as error:
            self._ended.emit(name, "", str(error))
        except Exception as error:  # shown like any other trouble: the window must not lose it in a thread
            self._ended.emit(name, "", f"{type(error).__name__}: {error}")

    def _end(self, name: str, said: str, problem: str) -> None:
        self.name = ""
        if said:
            self.finished.emit(name, said)
        else:
            self.failed.emit(problem)
