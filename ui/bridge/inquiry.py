"""Questions to an engine process of their own: proofs, branches and remarks of a run, probes for a session file."""

from __future__ import annotations

from collections import deque

from PySide6.QtCore import QObject, Qt, Signal

from workbench.engine.protocol import (
    Answered,
    Aside,
    Branched,
    Cancel,
    Explained,
    Failed,
    Knocked,
    Loading,
    Placed,
    Progress,
    Question,
    Report,
    TraceAdvanced,
    Undone,
    Wrote,
)
from workbench.engine.supervisor import Supervisor


class Inquiry(QObject):
    """One question after another; the process stays for the next, with the model that it loaded.

    Signals (all in the GUI thread):
        explained: a verdict was found (``Explained``).
        knocked: every span of a context was left out (``Knocked``).
        branched: a branch is there, by its lane's name. undone: one is gone (``Undone``).
        placed: where the texts of a memory lie (``Placed``).
        wrote: a model has written probes (``Wrote``).
        progressed: (done, total, note). loading: something slow, as a line.
        advanced: the trace has grown up to this event.
        failed: what a person should know (``Failed``).
        done: a question was dealt with whose answer is in the file.
        aside: one was dealt with, whatever came of it, whose answer lies beside the file: that question.
    """

    explained = Signal(object)
    knocked = Signal(object)
    branched = Signal(str)
    undone = Signal(object)
    placed = Signal(object)
    wrote = Signal(object)
    progressed = Signal(int, int, str)
    loading = Signal(str)
    advanced = Signal(int)
    failed = Signal(object)
    done = Signal()
    aside = Signal(object)
    _reported = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._reported.connect(self._take, Qt.ConnectionType.QueuedConnection)
        self._supervisor: Supervisor | None = None
        self._open = deque[Question]()

    @property
    def busy(self) -> bool:
        """Whether a question is being dealt with."""
        return bool(self._open)

    def ask(self, question: Question) -> None:
        """Hand over a question; the engine process is spawned on the first call."""
        if self._supervisor is None:
            self._supervisor = Supervisor(self._reported.emit)
        self._open.append(question)
        self._supervisor.ask(question)

    def cancel(self) -> None:
        """End what is being done; what was found stays."""
        if self._supervisor is not None:
            self._supervisor.send(Cancel())

    def shutdown(self) -> None:
        """End the process."""
        if self._supervisor is not None:
            self._supervisor.shutdown()
            self._supervisor = None
        self._open.clear()

    def _take(self, report: Report) -> None:
        if self._supervisor is None:
            return
        match report:
            case Explained():
                self.explained.emit(report)
            case Knocked():
                self.knocked.emit(report)
            case Placed():
                self.placed.emit(report)
            case Branched(lane):
                self.branched.emit(lane)
            case Undone():
                self.undone.emit(report)
            case Wrote():
                self.wrote.emit(report)
            case Progress(done, total, note):
                self.progressed.emit(done, total, note)
            case Loading(what):
                self.loading.emit(what)
            case TraceAdvanced(seq):
                self.advanced.emit(seq)
            case Failed(crashed=crashed):
                self.failed.emit(report)
                while crashed and self._open:
                    self._over(self._open.popleft())
            case Answered():
                if self._open:
                    self._over(self._open.popleft())

    def _over(self, question: Question) -> None:
        if isinstance(question, Aside):
            self.aside.emit(question)
        else:
            self.done.emit()
