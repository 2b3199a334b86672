"""Running agents as run files: over OTLP, or told from Python.

>>> from workbench import record
>>> with record.listen("agent.mnemo") as recording:
...     run_my_agent(recording.endpoint)
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from workbench.engine.config import RunConfig
from workbench.record.recorder import PATIENCE, Recording
from workbench.record.server import PORT, Listener

__all__ = ["PORT", "Listening", "Recording", "listen", "start"]


class Listening(Recording):
    """A recording that also listens for OTLP on the loopback interface; ``endpoint`` is what agents are told."""

    def __init__(
        self, path: Path | str, port: int = 0, patience: float = PATIENCE, beside: RunConfig | None = None
    ) -> None:
        super().__init__(path, patience, beside)
        try:
            self.listener = Listener(self.take, port)
        except BaseException:
            super().close()
            raise
        self.endpoint = self.listener.endpoint

    def close(self) -> None:
        """Stop listening, write what still waits and let go of the file."""
        self.listener.close()
        super().close()

    def __enter__(self) -> Listening:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def listen(path: Path | str, port: int = 0, lanes: Sequence[str] = (), model: str = "demo") -> Listening:
    """Record what agents send over OTLP to 127.0.0.1; port 0 takes any free one.

    Args:
        lanes: SPECs of lanes that replay the same turns as they come.
        model: of those lanes, ``demo`` or the path of a GGUF.

    Raises ``MnemoscopeError`` when the port is taken or the file exists.
    """
    return Listening(path, port, beside=_beside(lanes, model))


def start(path: Path | str, lanes: Sequence[str] = (), model: str = "demo") -> Recording:
    """Record what is told by ``say``, ``call`` and ``remember``; ``lanes`` and ``model`` as of ``listen``.

    Raises ``TraceError`` when the file exists.
    """
    return Recording(path, beside=_beside(lanes, model))


def _beside(lanes: Sequence[str], model: str) -> RunConfig | None:
    return RunConfig((), tuple(lanes), model, capture="off") if lanes else None
