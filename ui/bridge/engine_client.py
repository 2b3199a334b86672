"""The engine as the window sees it: the supervisor's reports as Qt signals in the GUI thread."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt, Signal

from workbench.engine.config import RunConfig
from workbench.engine.protocol import (
    Cancel,
    Failed,
    Loading,
    Pause,
    Progress,
    Ready,
    Report,
    Resume,
    StateChanged,
    Step,
    TraceAdvanced,
)
from workbench.engine.supervisor import Supervisor


class EngineClient(QObject):
    """One run at a time in a child process.

    Signals (all in the GUI thread):
        loading: something slow before the first turn, as a line.
        ready: the model is loaded (``Ready``); the run file exists from now on.
        progressed: (done, total, note).
        advanced: the trace has grown up to this event.
        state_changed: ``loading``, ``running``, ``paused``, ``finished``, ``cancelled`` or ``failed``.
        failed: the run cannot go on (``Failed``).
    """

    loading = Signal(str)
    ready = Signal(object)
    progressed = Signal(int, int, str)
    advanced = Signal(int)
    state_changed = Signal(str)
    failed = Signal(object)
    _reported = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._reported.connect(self._take, Qt.ConnectionType.QueuedConnection)
        self._supervisor: Supervisor | None = None
        self.state = "idle"
        self.config: RunConfig | None = None

    @property
    def live(self) -> bool:
        """Whether a run is going on (paused counts)."""
        return self.state in ("loading", "running", "paused")

    def start(self, config: RunConfig, paused: bool = False) -> None:
        """Start a run; the engine process is spawned on the first call."""
        if self._supervisor is None:
            self._supervisor = Supervisor(self._reported.emit)
        self.config = config
        self._become("loading")
        self._supervisor.start(config, paused)

    def go_on(self, smaller: bool) -> None:
        """After a crash: the same run again from its last committed step."""
        if self._supervisor is not None:
            self._become("loading")
            self._supervisor.go_on(smaller)

    def pause(self) -> None:
        """Stop before the next turn or probe of every lane."""
        self._send(Pause())

    def resume(self) -> None:
        """Go on."""
        self._send(Resume())

    def step(self) -> None:
        """While paused: one more turn for every lane."""
        self._send(Step())

    def cancel(self) -> None:
        """End the run; what was committed stays."""
        self._send(Cancel())

    def shutdown(self) -> None:
        """End the engine process."""
        if self._supervisor is not None:
            self._supervisor.shutdown()
            self._supervisor = None
        self.state = "idle"

    def _send(self, command: Pause | Resume | Step | Cancel) -> None:
        if self._supervisor is not None and self.live:
            self._supervisor.send(command)

    def _become(self, state: str) -> None:
        if state != self.state:
            self.state = state
            self.state_changed.emit(state)

    def _take(self, report: Report) -> None:
        if self._supervisor is None:  # a report that was under way while the engine was shut down
            return
        match report:
            case Loading(what):
                self.loading.emit(what)
            case Ready():
                self.ready.emit(report)
            case Progress(done, total, note):
                self.progressed.emit(done, total, note)
            case TraceAdvanced(seq):
                self.advanced.emit(seq)
            case StateChanged(state):
                if self.state != "failed":  # what the engine said before it died may arrive after the news of it
                    self._become(state)
            case Failed():
                self._become("failed")
                self.failed.emit(report)
