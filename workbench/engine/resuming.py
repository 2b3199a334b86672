"""Going on with a run that was broken off, from its file alone: it holds its sessions, lanes and settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from workbench import whereabouts
from workbench.engine.config import RunConfig
from workbench.errors import TraceError, UsageError
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader
from workbench.trace.trouble import damaged

KEPT = ("embedder", "seed", "capture", "reader", "exact", "context", "prompts", "temperature", "thinking", "requests")
"""What makes a run what it is, beside its sessions, lanes and model."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run came, in steps: a turn or a probe of a lane."""

    done: int
    total: int
    finished: bool


def _told(reader: TraceReader) -> dict[str, Any]:
    """What the run was made with. Raises ``TraceError`` when the file tells nonsense."""
    made = reader.meta("config", {})
    lanes = made.get("lanes") or [] if isinstance(made, dict) else None
    if not isinstance(lanes, list) or not all(isinstance(name, str) for name in lanes):
        raise damaged(reader.path, "it does not say which lanes it was made with")
    return dict(made)


def progress(reader: TraceReader) -> Progress | None:
    """How far a run came; None for what was recorded and has no end of its own, or does not tell its lanes."""
    try:
        lanes = _told(reader).get("lanes") or []
    except TraceError:
        return None
    if not lanes:
        return None
    ids = [row.id for row in reader.lanes() if row.name in lanes and row.parent is None]
    sessions = [reader.session(number) for number in reader.session_names()]
    total = len(ids) * sum(len(s.turns) + len(s.probes) for s in sessions)
    ended = "SELECT count(*) FROM event WHERE kind IN (?, ?) AND lane IN (SELECT value FROM json_each(?))"
    done = reader.query(ended, (str(Kind.TURN_CLOSED), str(Kind.ANSWERED), str(ids)))[0][0]
    last = reader.query(
        "SELECT kind FROM event WHERE session = 0 AND lane = 0 AND kind IN (?, ?) ORDER BY seq DESC LIMIT 1",
        (str(Kind.RUN_STARTED), str(Kind.RUN_FINISHED)),
    )
    return Progress(done, total, finished=bool(last) and last[0][0] == Kind.RUN_FINISHED)


def resumed(reader: TraceReader) -> RunConfig:
    """The configuration that goes on with a run.

    Raises:
        TraceError: it does not tell its lanes.
        UsageError: it was recorded, not run.
        ModelError: its model is on a server that only the file names.
    """
    made = _told(reader)
    if not made.get("lanes"):
        raise UsageError(f"{reader.path}: was recorded, not run: there is nothing to go on with", "choose a run file")
    identity = reader.meta("identity")
    here = whereabouts.resolved(identity, made)
    whereabouts.check(identity, str(here.get("model", "")))
    given = {key: here[key] for key in KEPT if key in here}
    return RunConfig(
        (reader.path,), tuple(made["lanes"]), here.get("model", "demo"), out=reader.path, threads=made.get("threads"),
        **given,
    )  # fmt: skip
