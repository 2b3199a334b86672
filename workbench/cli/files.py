"""Sessions as commands read and write them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import console
from workbench.files import write_text

if TYPE_CHECKING:
    from workbench.sessions.model import Session


def sessions_of(path: Path, **options: str) -> tuple[list[Session], dict[str, Any]]:
    """The sessions of a session file or of a run; for a run also its lanes and how many events it holds."""
    from workbench.trace.reader import is_run

    if not is_run(path):
        from workbench.sessions import formats

        return formats.read(path, **options), {}
    from workbench.examine import opened

    with opened(path) as reader:
        sessions = [reader.session(number) for number in reader.session_names()]
        made = {"reader": dict(reader.meta("config") or {}).get("reader", "model")}
        return sessions, {"lanes": [lane.name for lane in reader.lanes()], "events": reader.last_seq()} | made


def write_sessions(sessions: Sequence[Session], out: Path, as_json: bool) -> None:
    """Sessions as one file of the native format, and a line about it."""
    import json

    data = [s.to_json() for s in sessions]
    write_text(
        out, json.dumps(data[0] if len(data) == 1 else data, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    )
    turns, probes = sum(len(s.turns) for s in sessions), sum(len(s.probes) for s in sessions)
    if as_json:
        console.say_json({"out": str(out), "sessions": len(data), "turns": turns, "probes": probes})
    else:
        console.say(f"wrote {out}: {console.count(len(data), 'session')}, {turns} turns, {probes} probes")
