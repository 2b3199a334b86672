"""Starts the engine process, listens to it, and survives it. Free of Qt; the window wraps it."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from workbench.engine.config import RunConfig
from workbench.engine.protocol import Command, Failed, Question, Report, Shutdown, Start
from workbench.sessions.model import Session

_TAIL = 4000  # characters of the engine log that a report carries
_ABORTED, _FAULTS, _NO_INSTRUCTION = 3, 0xC000_0000, 0xC000_001D  # exit codes of Windows
_GRACE = 2.0  # seconds that the engine has to leave by itself
# What CUDA, HIP, Vulkan, Metal and llama.cpp's own allocators say before they end the process.
_NO_MEMORY = re.compile(r"out ?of ?(device|host)? ?memory|failed to allocate|bad_alloc", re.I)


class Supervisor:
    """One engine process at a time; a new one is spawned when the last one died.

    Args:
        on_report: called with every report, from a reader thread.
    """

    def __init__(self, on_report: Callable[[Report], None]) -> None:
        self._on_report = on_report
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None
        self._reader: threading.Thread | None = None
        self._crash: Failed | None = None
        self._config: RunConfig | None = None
        self._leaving = False
        self.log_path = _new_log()

    @property
    def running(self) -> bool:
        """Whether an engine process is alive."""
        return self._process is not None and self._process.is_alive()

    @property
    def pid(self) -> int | None:
        """The engine's process id."""
        return self._process.pid if self._process else None

    def start(self, config: RunConfig, paused: bool = False, sessions: tuple[Session, ...] = ()) -> None:
        """Run this, in the living engine or a new one; ``sessions`` as of ``Start``."""
        self._config = config
        if not self.running:
            self._spawn()
        self.send(Start(config, paused, self._crash, sessions))
        self._crash = None

    def go_on(self, smaller: bool = True) -> None:
        """After a crash: the same run again from its last committed step, with half the context when ``smaller``."""
        assert self._config is not None, "nothing was started"
        context = max(512, (self._config.context or 4096) // 2) if smaller else self._config.context
        self.start(replace(self._config, context=context))

    def ask(self, question: Question) -> None:
        """Hand over a question, to the living engine or a new one."""
        if not self.running:
            self._spawn()
        self.send(question)

    def send(self, command: Command) -> None:
        """Hand a command to the engine; nothing happens when it is gone."""
        if self._pipe is not None:
            with suppress(BrokenPipeError, OSError):
                self._pipe.send(command)

    def log_tail(self) -> str:
        """The end of what the engine printed."""
        try:
            return self.log_path.read_text("utf-8", "replace")[-_TAIL:]
        except OSError:
            return ""

    def shutdown(self) -> None:
        """End the engine: asked first, then terminated."""
        self._leaving = True
        self.send(Shutdown())
        if self._process is not None:
            self._process.join(_GRACE)
            if self._process.is_alive():
                self._process.kill()
                self._process.join()
        if self._reader is not None and self._reader is not threading.current_thread():
            self._reader.join(_GRACE)
        if self._pipe is not None:
            self._pipe.close()
        self._process = self._pipe = self._reader = None
        self.log_path.unlink(missing_ok=True)

    def _spawn(self) -> None:
        # A log of its own: what the engine before it printed is no reason why this one dies.
        self.log_path.unlink(missing_ok=True)
        self.log_path = _new_log()
        spawn = multiprocessing.get_context("spawn")
        self._pipe, theirs = spawn.Pipe()
        self._leaving = False
        self._process = spawn.Process(target=_serve, args=(theirs, str(self.log_path)), name="mnemoscope-engine")
        self._process.daemon = True
        self._process.start()
        theirs.close()
        self._reader = threading.Thread(target=self._listen, args=(self._pipe, self._process), daemon=True)
        self._reader.start()

    def _listen(self, pipe: Connection, process: BaseProcess) -> None:
        while True:
            try:
                self._on_report(pipe.recv())
            except (EOFError, OSError):
                break
        process.join()
        if not self._leaving:
            code = process.exitcode or 0
            log = self.log_tail()
            self._crash = Failed(_how_it_ended(code, log), log, crashed=True, signal=max(0, -code))
            self._on_report(self._crash)


def _new_log() -> Path:
    handle, name = tempfile.mkstemp(prefix="mnemoscope-engine-", suffix=".log")
    os.close(handle)
    return Path(name)


def _how_it_ended(code: int, log: str) -> str:
    """In one line. Windows has no signals: ``abort()`` is exit code 3 there, a fault a status of the system."""
    windows = sys.platform == "win32" and (code == _ABORTED or code >= _FAULTS)
    if code >= 0 and not windows:
        return f"the engine process left (exit {code})"
    why = ""
    if code in (-signal.SIGILL, _NO_INSTRUCTION):
        why = ": llama.cpp was built for another processor - run make setup"
    elif _NO_MEMORY.search(log):
        why = ": no memory was left, on the GPU where there is one - go on with half the context"
    return f"the engine process died ({f'exit {code:#x}' if windows else f'signal {-code}'}){why}"


def _serve(pipe: Connection, log: str) -> None:
    from workbench.engine.main import main  # here, so that the window does not import what only the engine needs

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the terminal is for whoever started it, and tells it
    main(pipe, log)
