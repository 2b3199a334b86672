"""LangSmith runs: from its API, from a file of them, and the bodies that clients send (``post`` and ``patch`` merged).

Runs of type ``llm`` become conversations, told apart by the thread in their metadata where there is one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from workbench.sessions.formats.exchange import CONVERSATION
from workbench.sessions.formats.limits import Remarks
from workbench.sessions.formats.lines import dotted, placed, sample
from workbench.sessions.formats.messages import plain
from workbench.sessions.formats.tracers import Observation, sessions
from workbench.sessions.formats.when import when
from workbench.sessions.model import Session

_TYPES = ("llm", "chain", "tool", "retriever", "embedding", "prompt", "parser")
_DEPTH = 20


def detect(data: Any, path: Path) -> bool:
    """Runs with a type and inputs, or bodies of ``post`` and ``patch``."""
    return any(_is_run(row) or _is_body(row) for row in sample(data))


def _is_run(row: Any) -> bool:
    return isinstance(row, Mapping) and row.get("run_type") in _TYPES and bool({"inputs", "outputs"} & row.keys())


def _is_body(row: Mapping[str, Any]) -> bool:
    listed = [row[k] for k in ("post", "patch", "runs") if isinstance(row.get(k), list)]
    return any(isinstance(r, Mapping) and ("run_type" in r or "dotted_order" in r) for rows in listed for r in rows[:5])


def read(data: Any, path: Path) -> list[Session]:
    """One session per conversation."""
    remarks = Remarks()
    merged: dict[str, tuple[str, dict[str, Any]]] = {}
    for where, run in _runs(data, remarks):
        known = merged.setdefault(plain(run.get("id")) or where, (where, {}))[1]
        known.update({k: v for k, v in run.items() if v not in (None, {}, [])})  # what came later wins
    return sessions([_observation(run, where) for where, run in merged.values()], path, "langsmith", remarks)


def _runs(data: Any, remarks: Remarks) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every run with its place, those that came first before those that changed them, children after their parents."""
    for where, row in placed(data):
        if not isinstance(row, Mapping):
            remarks.add(where, "no run; left out")
            continue
        keys = [k for k in ("post", "runs", "patch") if isinstance(row.get(k), list)]
        if not keys:
            yield from _with_children(row, where, 0)
        for key in keys:
            for n, run in enumerate(row[key]):
                if isinstance(run, Mapping):
                    yield from _with_children(run, dotted(where, f"{key}[{n}]"), 0)


def _with_children(run: Mapping[str, Any], where: str, depth: int) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield where, run
    children = run.get("child_runs")
    for n, child in enumerate(children if isinstance(children, list) and depth < _DEPTH else []):
        if isinstance(child, Mapping):
            yield from _with_children(child, dotted(where, f"child_runs[{n}]"), depth + 1)


def _observation(run: Mapping[str, Any], where: str) -> Observation:
    extra = run.get("extra")
    metadata = extra.get("metadata") if isinstance(extra, Mapping) else None
    metadata = metadata if isinstance(metadata, Mapping) else {}
    thread = next((plain(metadata[k]) for k in CONVERSATION if metadata.get(k)), "")
    return Observation(
        where,
        plain(run.get("id")),
        plain(run.get("trace_id")) or plain(run.get("id")),
        run.get("run_type") == "llm",
        not run.get("parent_run_id"),
        when(run.get("start_time")),
        when(run.get("end_time")),
        run.get("inputs"),
        run.get("outputs"),
        thread,
        ("inputs", "outputs"),
    )
