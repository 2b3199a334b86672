"""``mnemoscope record``: listens until it is told to end, or makes a run file of OTLP files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event
from typing import Any

from workbench.engine.config import RunConfig
from workbench.errors import SessionFormatError
from workbench.record import Listening, Recording
from workbench.sessions.formats import otel
from workbench.sessions.formats.loading import load
from workbench.trace.reader import TraceReader


class Until:
    """What ends a recording; ``cancel`` is called by Ctrl-C."""

    def __init__(self) -> None:
        self._asked = Event()

    def cancel(self) -> None:
        """End it."""
        self._asked.set()

    def wait(self) -> None:
        """Return when it shall end."""
        while not self._asked.wait(3600):  # with a limit, so that signals are heard on every system
            pass


def default_path() -> Path:
    """``recorded.mnemo`` here, or the first of ``recorded-2.mnemo`` … that is free."""
    path, number = Path("recorded.mnemo"), 1
    while path.exists():
        number += 1
        path = Path(f"recorded-{number}.mnemo")
    return path


def listen(
    path: Path, port: int, until: Until, say: Callable[[str], Any], beside: RunConfig | None = None
) -> dict[str, Any]:
    """Record what comes over OTLP until told to end; what was recorded. Raises ``MnemoscopeError``."""
    with Listening(path, port, beside=beside) as recording:
        say(f"listening on {recording.endpoint} for OTLP over HTTP, writing {path}; Ctrl-C ends it")
        told = f"OTEL_EXPORTER_OTLP_ENDPOINT={recording.endpoint} OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"
        say(f"agents are told by their environment: {told}")
        until.wait()
    return _result(recording, list(recording.listener.refused))


def convert(path: Path, files: Sequence[Path]) -> dict[str, Any]:
    """Record what OTLP files hold. Raises ``MnemoscopeError`` naming the file that holds no spans."""
    with Recording(path) as recording:
        try:
            for file in files:
                spans, records, remarks = otel.collected(load(file))
                if not spans:
                    raise SessionFormatError(
                        f"{file}: no spans", "choose a file that a collector or `export --otel` wrote"
                    )
                recording.remarks.take(remarks)
                recording.take(spans, records)
        except BaseException:
            recording.close()
            path.unlink(missing_ok=True)
            raise
    return _result(recording, [])


def _result(recording: Recording, refused: Sequence[str]) -> dict[str, Any]:
    with TraceReader(recording.path) as reader:
        sessions = [reader.session(n) for n in reader.session_names()]
        counts = {"sessions": len(sessions), "turns": sum(len(s.turns) for s in sessions), "events": reader.last_seq()}
    return {"out": str(recording.path), **counts, "warnings": [*recording.remarks, *refused]}
