"""A run that grows while a test looks at it."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from tests.support.traces import session
from workbench.engine import run as engine
from workbench.engine.config import RunConfig
from workbench.engine.control import Control
from workbench.engine.protocol import Cancel, Failed, Pause, Report, Resume, Step
from workbench.errors import Cancelled, MnemoscopeError
from workbench.sessions.model import Session
from workbench.trace.events import Event, Kind
from workbench.trace.writer import TraceWriter


class Growing:
    """Writes whole turns of one lane, one item each, as the engine would."""

    def __init__(self, path: Path, plan: Session | None = None) -> None:
        self.path, self._turn, self._n = path, 0, 0
        self._writer = TraceWriter(path).__enter__()
        self._session = self._writer.add_session(plan or session(40, 4), "sha")
        self._lane = self._writer.add_lane("a-mem", "a-mem", "full-cache", {})

    @property
    def seq(self) -> int:
        """How far it has grown."""
        with self._writer.reader() as reader:
            return reader.last_seq()

    def turns(self, count: int) -> None:
        """Write some more turns."""
        for _ in range(count):
            turn, item = self._turn, f"note-{self._turn}"
            written = {"kind": "note", "text": f"said at {turn}", "turns": [turn], "fields": {}, "index_text": ""}
            closed = {"calls": 0, "tokens": [0, 0], "embedded": 0, "items": turn + 1}
            self._writer.append(
                [self._event(turn, Kind.WRITTEN, item, written), self._event(turn, Kind.TURN_CLOSED, "", closed)]
            )
            self._turn += 1

    def score(self, probe: str, turn: int, correct: bool) -> None:
        """Answer a probe."""
        said = {"text": "Oslo", "tokens": [], "prompt_tokens": 3, "error": ""}
        scored = {"correct": correct, "score": float(correct), "extracted": "Oslo", "scorer": "match",
                  "competency": "accurate_retrieval", "recall": None, "rank": 0}  # fmt: skip
        self._writer.append(
            [self._event(turn, Kind.ANSWERED, probe, said), self._event(turn, Kind.SCORED, probe, scored)]
        )

    def close(self) -> None:
        """End the writer."""
        self._writer.__exit__(None, None, None)

    def _event(self, turn: int, kind: str, subject: str, payload: dict[str, object]) -> Event:
        self._n += 1
        return Event(self._session, self._lane, turn, self._n, kind, subject, 0, payload)


class ThreadSupervisor:
    """The supervisor's API over a thread: the real run loop around a scripted backend, for tests of the window."""

    made: ClassVar[list["ThreadSupervisor"]] = []
    pause: ClassVar[float] = 0.0

    def __init__(self, on_report: Callable[[Report], None]) -> None:
        self._tell, self._thread, self._control = on_report, None, Control()
        self.started: list[RunConfig] = []
        ThreadSupervisor.made.append(self)

    @property
    def running(self) -> bool:
        """Whether the run goes on."""
        return self._thread is not None and self._thread.is_alive()

    def start(self, config: RunConfig, paused: bool = False) -> None:
        """Run in a thread."""
        self.started.append(config)
        self._control = Control(paused)
        self._thread = threading.Thread(target=self._run, args=(config,))
        self._thread.start()

    def go_on(self, smaller: bool = True) -> None:
        """The same run again."""
        self.start(self.started[-1])

    def send(self, command: object) -> None:
        """Pass a command on."""
        hand = {Pause: "pause", Resume: "resume", Step: "step", Cancel: "cancel"}
        getattr(self._control, hand[type(command)])()

    def shutdown(self) -> None:
        """End the run."""
        self._control.cancel()
        if self._thread is not None:
            self._thread.join(10)

    def _run(self, config: RunConfig) -> None:
        try:
            engine.run(config, report=self._tell, control=self._control)
        except Cancelled:
            pass
        except MnemoscopeError as error:
            self._tell(Failed(str(error)))
