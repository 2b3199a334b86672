"""The engine process: takes commands from a pipe, runs, and reports. Started by ``workbench.engine.supervisor``."""

from __future__ import annotations

import faulthandler
import os
import sys
import threading
import traceback
from multiprocessing.connection import Connection
from queue import SimpleQueue

from workbench.engine.config import RunConfig
from workbench.engine.control import Control
from workbench.engine.protocol import Cancel, Command, Failed, Pause, Question, Report, Resume, Shutdown, Start, Step
from workbench.engine.questions import Questions
from workbench.engine.run import Lent, backend_options, run
from workbench.errors import Cancelled, MnemoscopeError
from workbench.llm.base import Backend, BackendOptions
from workbench.llm.open import open_backend


def main(pipe: Connection, log: str) -> None:
    """Serve until ``Shutdown`` or until the other end of the pipe is gone.

    Args:
        log: file that standard output and standard error of this process go to, llama.cpp's included.
    """
    _redirect(log)
    jobs: SimpleQueue[Start | Question | None] = SimpleQueue()
    hand, questions, kept = _Hand(), Questions(), _Kept()
    threading.Thread(target=_listen, args=(pipe, jobs, hand), daemon=True).start()
    while (job := jobs.get()) is not None:
        _do(job, pipe, hand, questions, kept)
    questions.close()
    kept.close()


class _Kept:
    """The backend of the last run of many, which the next one uses when it wants the same."""

    def __init__(self) -> None:
        self._options: BackendOptions | None = None
        self._backend: Backend | None = None

    def of(self, config: RunConfig) -> Backend:
        """The backend of a run, opened if need be. Raises ``ModelError`` as opening does."""
        options = backend_options(config)
        if self._backend is None or options != self._options:
            self.close()
            self._backend, self._options = open_backend(options), options
        return self._backend

    def close(self) -> None:
        """Let it go."""
        if self._backend is not None:
            self._backend.close()
        self._backend = None


class _Hand:
    """The control of the run that is under way."""

    def __init__(self) -> None:
        self.control = Control()

    def take(self, command: Command) -> None:
        match command:
            case Pause():
                self.control.pause()
            case Resume():
                self.control.resume()
            case Step():
                self.control.step()
            case Cancel() | Shutdown():
                self.control.cancel()


def _listen(pipe: Connection, jobs: SimpleQueue[Start | Question | None], hand: _Hand) -> None:
    while True:
        try:
            command = pipe.recv()
        except (EOFError, OSError):  # whoever started us is gone: finish the step, lose nothing, leave
            command = Shutdown()
        if isinstance(command, Start | Question):
            hand.control = Control(isinstance(command, Start) and command.paused)
            jobs.put(command)
            continue
        hand.take(command)
        if isinstance(command, Shutdown):
            jobs.put(None)
            return


def _do(job: Start | Question, pipe: Connection, hand: _Hand, questions: Questions, kept: _Kept) -> None:
    def report(what: Report) -> None:
        try:
            pipe.send(what)
        except (BrokenPipeError, OSError):
            hand.control.cancel()

    try:
        if isinstance(job, Start):
            questions.close()
            if not job.sessions:
                kept.close()
            lent = Lent(job.sessions, kept.of(job.config)) if job.sessions else None
            run(job.config, report=report, control=hand.control, crash=job.crash, lent=lent)
        else:
            questions.deal(job, report, hand.control)
    except Cancelled:
        kept.close()  # reported as a state
    except MnemoscopeError as error:
        kept.close()
        report(Failed(str(error)))
    except Exception as error:
        kept.close()
        traceback.print_exc()
        report(Failed(f"the engine failed: {type(error).__name__}: {error}", traceback.format_exc()[-4000:]))


def _redirect(log: str) -> None:
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    # as long as the process lives; in an encoding that has every letter, which the country's on Windows has not
    sys.stdout = sys.stderr = open(2, "w", 1, "utf-8", "replace", closefd=False)  # noqa: SIM115
    # Only the thread that fails: to walk the frames of one that still runs can crash in turn, and hide the signal.
    faulthandler.enable(sys.stderr, all_threads=False)
