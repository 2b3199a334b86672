"""Runs without a model: the real engine, replay and trace around a scripted backend."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support.traces import session
from workbench.engine.config import RunConfig
from workbench.trace.reader import TraceReader


def session_file(folder: Path, turns: int = 12, probes: int = 4, seed: int = 0) -> Path:
    """A native session file."""
    path = folder / f"session-{seed}.json"
    path.write_text(json.dumps(session(turns, probes, seed).to_json()))
    return path


def config(folder: Path, *lanes: str, sessions: int = 1, **values: Any) -> RunConfig:
    """A run over ``sessions`` small sessions."""
    paths = tuple(session_file(folder, seed=seed) for seed in range(sessions))
    out = values.pop("out", folder / "run.mnemo")
    return RunConfig(paths, lanes or ("full", "bm25"), out=out, **values)


def lane_events(path: Path) -> dict[tuple[str, str], list[tuple[Any, ...]]]:
    """Everything that must be the same from run to run, per session and lane."""
    with TraceReader(path) as reader:
        names, lanes = reader.session_names(), {row.id: row.name for row in reader.lanes()}
        found: dict[tuple[str, str], list[tuple[Any, ...]]] = {}
        for e in reader.events():
            if e.lane:
                row = (e.n, e.turn, e.kind, e.subject, e.cause, json.dumps(e.payload, sort_keys=True))
                found.setdefault((names[e.session], lanes[e.lane]), []).append(row)
        return found
