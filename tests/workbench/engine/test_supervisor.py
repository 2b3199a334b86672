"""The engine as a child process, with the bundled model."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.runs import config, lane_events
from workbench.engine.protocol import Cancel, Failed, Progress, Report, StateChanged, TraceAdvanced
from workbench.engine.supervisor import Supervisor
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader

WAIT = 60


class Inbox:
    """Reports as they come, to be waited for."""

    def __init__(self) -> None:
        self.reports: list[Report] = []
        self._changed = threading.Condition()

    def __call__(self, report: Report) -> None:
        with self._changed:
            self.reports.append(report)
            self._changed.notify_all()

    def wait(self, found: Callable[[Report], bool]) -> Report:
        with self._changed:
            ended = self._changed.wait_for(lambda: any(found(r) or isinstance(r, Failed) for r in self.reports), WAIT)
            assert ended and any(map(found, self.reports)), self.reports[-3:]
            return next(filter(found, self.reports))

    def clear(self) -> None:
        with self._changed:
            self.reports.clear()


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def supervisor(inbox: Inbox) -> Iterator[Supervisor]:
    supervisor = Supervisor(inbox)
    yield supervisor
    supervisor.shutdown()
    assert not supervisor.running and not supervisor.log_path.exists()


def is_state(state: str) -> Callable[[Report], bool]:
    return lambda r: isinstance(r, StateChanged) and r.state == state


def test_a_run_in_the_child_streams_and_finishes(tmp_path: Path, supervisor: Supervisor, inbox: Inbox) -> None:
    setup = config(tmp_path, "full", "bm25", embedder="hash")
    supervisor.start(setup)
    inbox.wait(is_state("finished"))
    advanced = [r.seq for r in inbox.reports if isinstance(r, TraceAdvanced)]
    assert advanced == sorted(advanced)
    with TraceReader(setup.path) as reader:
        assert reader.last_seq() == advanced[-1] and reader.last_turn(1) == 11


@pytest.mark.parametrize("death", [signal.SIGABRT, signal.SIGKILL, signal.SIGILL])
def test_the_engine_dies_and_the_next_one_goes_on(
    tmp_path: Path, supervisor: Supervisor, inbox: Inbox, death: signal.Signals
) -> None:
    setup = config(tmp_path, "full", "bm25", embedder="hash", exact=True)
    supervisor.start(setup)
    inbox.wait(lambda r: isinstance(r, Progress))
    assert supervisor.pid
    os.kill(supervisor.pid, death)
    failed = inbox.wait(lambda r: isinstance(r, Failed))
    assert isinstance(failed, Failed) and failed.crashed and failed.signal == death
    assert ("make setup" in failed.message) == (death == signal.SIGILL), "built for another processor"
    before = lane_events(setup.path)
    inbox.clear()
    supervisor.go_on(smaller=False)
    inbox.wait(is_state("finished"))
    after = lane_events(setup.path)
    assert all(after[key][: len(rows)] == rows for key, rows in before.items())
    with TraceReader(setup.path) as reader:
        assert next(reader.events(kinds=[Kind.ENGINE_CRASHED])).payload["signal"] == death
        assert reader.last_turn(1) == 11


def test_what_one_engine_printed_is_no_reason_for_the_next(
    tmp_path: Path, supervisor: Supervisor, inbox: Inbox
) -> None:
    setup = config(tmp_path, "full", "bm25", embedder="hash")
    for death, printed in ((signal.SIGABRT, True), (signal.SIGKILL, False)):
        supervisor.start(setup)
        inbox.wait(lambda r: isinstance(r, Progress))
        assert supervisor.pid
        os.kill(supervisor.pid, death)
        failed = inbox.wait(lambda r: isinstance(r, Failed))
        assert isinstance(failed, Failed) and ("Fatal Python error: Aborted" in failed.log) == printed
        inbox.clear()


def test_cancel_then_the_same_engine_goes_on(tmp_path: Path, supervisor: Supervisor, inbox: Inbox) -> None:
    setup = config(tmp_path, "full", embedder="hash")
    supervisor.start(setup, paused=True)
    inbox.wait(is_state("paused"))
    supervisor.send(Cancel())
    inbox.wait(is_state("cancelled"))
    pid = supervisor.pid
    supervisor.start(setup)
    inbox.wait(is_state("finished"))
    assert supervisor.pid == pid


def test_what_cannot_run_is_said_in_one_line(tmp_path: Path, supervisor: Supervisor, inbox: Inbox) -> None:
    supervisor.start(config(tmp_path, "full", model=str(tmp_path / "absent.gguf")))
    failed = inbox.wait(lambda r: isinstance(r, Failed))
    assert isinstance(failed, Failed) and "absent.gguf" in failed.message and "\n" not in failed.message
    assert not failed.crashed and supervisor.running
