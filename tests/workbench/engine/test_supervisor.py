"""The engine as a child process, with the bundled model."""

import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.runs import config, lane_events
from workbench.engine import run as engine
from workbench.engine.config import RunConfig
from workbench.engine.protocol import (
    Annotate,
    Answered,
    Cancel,
    Failed,
    Progress,
    Report,
    Resume,
    StateChanged,
    Step,
    TraceAdvanced,
)
from workbench.engine.supervisor import Supervisor, _how_it_ended
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader

WAIT = 300  # seconds; as a bound alone, for machines with much to do


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


# A lane that goes down inside llama.cpp at turn 5, once: the file that it leaves stops it from doing so again.
# As ggml's code for GPUs does: the reason goes to the log, then the process is ended.
ABORTS = """
from dataclasses import dataclass
from pathlib import Path
from workbench.llm.library import library
from workbench.memory.strategies.bm25 import BM25

@dataclass
class Aborts(BM25):
    name = "aborts"
    title = "Aborts"

    async def observe(self, turn, mind, log):
        await super().observe(turn, mind, log)
        once = Path(__file__).with_name("died")
        if turn.index == 5 and not once.exists():
            once.touch()
            if {logged!r}:
                library().base.ggml_log_internal(4, b"%s", {logged!r})
            library().base.ggml_abort(b"ggml.c", 1, b"%s", {words!r})
"""


@pytest.mark.parametrize(
    ("logged", "words"),
    [(b"", b"GGML_ASSERT(n_tokens > 0) failed"), (b"CUDA error: out of memory\n", b"CUDA error")],
)
def test_llama_cpp_aborts_and_the_next_engine_goes_on(
    tmp_path: Path, supervisor: Supervisor, inbox: Inbox, logged: bytes, words: bytes
) -> None:
    code = tmp_path / "aborts.py"
    code.write_text(ABORTS.format(logged=logged, words=words))
    setup = config(tmp_path, "full", f"{code}:Aborts", embedder="hash", exact=True, context=2048)
    supervisor.start(setup)
    failed = inbox.wait(lambda r: isinstance(r, Failed))
    assert isinstance(failed, Failed) and failed.crashed and failed.signal == signal.SIGABRT
    assert failed.log.startswith(f"{logged.decode()}ggml.c:1: {words.decode()}\n")
    assert "Fatal Python error: Aborted" in failed.log
    full = bool(logged)
    assert ("memory" in failed.message, "half the context" in failed.message) == (full, full)
    before = lane_events(setup.path)
    assert {turn for rows in before.values() for _, turn, *_ in rows} >= {0, 4}
    inbox.clear()
    supervisor.go_on(smaller=True)
    inbox.wait(is_state("finished"))
    after = lane_events(setup.path)
    assert all(after[key][: len(rows)] == rows for key, rows in before.items())
    with TraceReader(setup.path) as reader:
        crash = next(reader.events(kinds=[Kind.ENGINE_CRASHED])).payload
        assert (crash["signal"], crash["message"]) == (signal.SIGABRT, failed.message)
        assert reader.last_turn(1) == 11 and reader.meta("config")["context"] == 1024


def under_way(setup: RunConfig, supervisor: Supervisor, inbox: Inbox) -> None:
    """Start a run that stops after three turns; it is somewhere within them."""
    supervisor.start(setup, paused=True)
    inbox.wait(is_state("paused"))
    for _ in range(3):
        supervisor.send(Step())
    inbox.wait(lambda r: isinstance(r, Progress))


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGSTOP")
def test_a_machine_that_slept_goes_on(tmp_path: Path, supervisor: Supervisor, inbox: Inbox) -> None:
    setup = config(tmp_path, "full", "bm25", embedder="hash", exact=True)
    under_way(setup, supervisor, inbox)
    assert supervisor.pid
    asleep = psutil.Process(supervisor.pid)
    asleep.suspend()
    os.waitid(os.P_PID, asleep.pid, os.WSTOPPED | os.WNOWAIT)  # its threads stop a moment after the signal
    assert asleep.status() == psutil.STATUS_STOPPED
    supervisor.send(Resume())
    asleep.resume()
    inbox.wait(is_state("finished"))
    whole = engine.run(config(tmp_path, "full", "bm25", embedder="hash", exact=True, out=tmp_path / "whole.mnemo"))
    assert lane_events(setup.path) == lane_events(whole)


def test_a_second_window_cannot_write_what_a_first_one_runs(
    tmp_path: Path, supervisor: Supervisor, inbox: Inbox
) -> None:
    setup = config(tmp_path, "full", "bm25", embedder="hash")
    under_way(setup, supervisor, inbox)
    theirs = Inbox()
    second = Supervisor(theirs)
    try:
        second.start(setup)
        refused = theirs.wait(lambda r: isinstance(r, Failed))
        assert isinstance(refused, Failed) and not refused.crashed and second.running
        assert str(setup.path) in refused.message and "\n" not in refused.message
        supervisor.send(Resume())
        inbox.wait(is_state("finished"))
        theirs.clear()
        second.start(setup)  # now it may: there is nothing left to do
        theirs.wait(is_state("finished"))
    finally:
        second.shutdown()
    with TraceReader(setup.path) as reader:
        assert reader.last_turn(1) == 11


# What a window is to its engine: starts a run of three turns, tells the engine's number, waits to be ended.
WINDOW = """
import pickle, sys, threading
from workbench.engine.protocol import Progress, Step
from workbench.engine.supervisor import Supervisor, _how_it_ended

def main():
    there = threading.Event()
    told = lambda r: there.set() if isinstance(r, Progress) else None
    supervisor = Supervisor(told)
    with open(sys.argv[1], "rb") as file:
        supervisor.start(pickle.load(file), paused=True)
    for _ in range(3):
        supervisor.send(Step())
    there.wait()
    print(supervisor.pid, flush=True)
    sys.stdin.read()

if __name__ == "__main__":
    main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
@pytest.mark.parametrize("both", [True, False])
def test_a_window_that_is_killed_leaves_a_run_that_goes_on(tmp_path: Path, root: Path, both: bool) -> None:
    setup = config(tmp_path, "full", "bm25", embedder="hash", exact=True)
    program, given = tmp_path / "window.py", tmp_path / "setup.pickle"
    program.write_text(WINDOW)
    given.write_bytes(pickle.dumps(setup))
    environment = os.environ | {"PYTHONPATH": str(root), "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, str(program), str(given)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    ) as window:
        assert window.stdout is not None
        theirs = psutil.Process(int(window.stdout.readline()))
        for process in (window, theirs)[: 1 + both]:
            process.kill()
        theirs.wait(WAIT)  # by itself, when only the window was killed
    before = lane_events(setup.path)
    assert before
    again = engine.run(setup)
    whole = engine.run(config(tmp_path, "full", "bm25", embedder="hash", exact=True, out=tmp_path / "whole.mnemo"))
    after = lane_events(again)
    assert after == lane_events(whole)
    assert all(after[key][: len(rows)] == rows for key, rows in before.items())


def test_an_engine_that_was_never_started_takes_no_harm(inbox: Inbox) -> None:
    supervisor = Supervisor(inbox)
    supervisor.send(Cancel())
    assert (supervisor.running, supervisor.pid, supervisor.log_tail()) == (False, None, "")
    supervisor.log_path.write_bytes(b"x" * 5000 + b"\xff")
    assert supervisor.log_tail() == "x" * 3999 + "\ufffd"
    supervisor.shutdown()
    assert supervisor.log_tail() == "" and inbox.reports == []
    supervisor.shutdown()


def test_a_question_starts_an_engine_that_answers_the_next_one_as_well(
    tmp_path: Path, supervisor: Supervisor, inbox: Inbox
) -> None:
    engines = set()
    for _ in range(2):
        supervisor.ask(Annotate(tmp_path / "no.mnemo", 1, "me", "look"))
        failed = inbox.wait(lambda r: isinstance(r, Failed))
        assert isinstance(failed, Failed) and "no such run file" in failed.message and not failed.crashed
        assert any(isinstance(r, Answered) for r in inbox.reports)
        engines.add(supervisor.pid)
        inbox.clear()
    assert supervisor.running and len(engines) == 1


@pytest.mark.parametrize(
    ("code", "log", "said"),
    [
        (0, "", "the engine process left (exit 0)"),
        (3, "out of memory", "the engine process left (exit 3)"),
        (-9, "", "the engine process died (signal 9)"),
        (-6, "vk::OutOfDeviceMemoryError", "no memory was left, on the GPU where there is one"),
        (-6, "ggml_backend_cpu: failed to allocate buffer", "go on with half the context"),
        (-4, "out of memory", "llama.cpp was built for another processor - run make setup"),
    ],
)
def test_how_an_engine_ended_is_said_in_words(code: int, log: str, said: str) -> None:
    assert said in _how_it_ended(code, log)


def test_windows_tells_a_crash_by_the_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _how_it_ended(3, "out of memory") == "the engine process left (exit 3)"
    monkeypatch.setattr(sys, "platform", "win32")
    assert "no memory was left" in _how_it_ended(3, "CUDA error: out of memory")
    assert "(exit 0xc000001d): llama.cpp was built for another processor" in _how_it_ended(0xC000001D, "")
    assert _how_it_ended(1, "") == "the engine process left (exit 1)"
