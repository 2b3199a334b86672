"""Langfuse: observations, traces with their observations, and sessions with their traces, from its API or its exports.

Generations become conversations, told apart by the session's id where there is one. Exports to files write keys with
underscores, and inputs and outputs as JSON in a string.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from workbench.sessions.formats.limits import Remarks
from workbench.sessions.formats.lines import dotted, placed, sample
from workbench.sessions.formats.messages import plain
from workbench.sessions.formats.tracers import Observation, sessions
from workbench.sessions.formats.when import when
from workbench.sessions.model import Session

_TYPES = (
    "GENERATION", "SPAN", "EVENT", "AGENT", "TOOL", "CHAIN", "RETRIEVER", "EVALUATOR", "EMBEDDING", "GUARDRAIL",
)  # fmt: skip
_OF_TRACE = {"sessionId", "session_id", "userId", "user_id", "projectId", "observations", "htmlPath", "traceId"}
_TIMES = ("startTime", "start_time", "timestamp", "createdAt")


def detect(data: Any, path: Path) -> bool:
    """Observations with a type and a trace, traces with observations, or sessions with traces."""
    return any(_is_observation(row) or _is_trace(row) or _is_session(row) for row in sample(_rows(data)))


def _rows(data: Any) -> Any:
    inner = data.get("data") if isinstance(data, Mapping) else None
    return inner if isinstance(inner, list) else data


def _is_observation(row: Mapping[str, Any]) -> bool:
    return (
        row.get("type") in _TYPES
        and bool({"traceId", "trace_id"} & row.keys())
        and bool({"input", "output"} & row.keys())
    )


def _is_trace(row: Mapping[str, Any]) -> bool:
    inside = row.get("observations")
    known = isinstance(inside, list) and any(isinstance(o, Mapping) and _is_observation(o) for o in inside[:5])
    if known or (isinstance(inside, list) and "projectId" in row):
        return True
    told = {"id", "timestamp", "input", "output"} <= row.keys()
    return told and bool(_OF_TRACE & row.keys()) and not {"inputs", "run_type"} & row.keys()


def _is_session(row: Mapping[str, Any]) -> bool:
    traces = row.get("traces")
    return isinstance(traces, list) and any(isinstance(t, Mapping) and _is_trace(t) for t in traces[:5])


def read(data: Any, path: Path) -> list[Session]:
    """One session per conversation."""
    remarks = Remarks()
    return sessions(list(_observations(_rows(data), remarks)), path, "langfuse", remarks)


def _observations(data: Any, remarks: Remarks) -> Iterator[Observation]:
    conversations: dict[str, str] = {}
    for where, row in placed(data):
        if not isinstance(row, Mapping):
            remarks.add(where, "no observation; left out")
            continue
        if _is_session(row):
            for n, trace in enumerate(row["traces"]):
                if isinstance(trace, Mapping):
                    yield from _trace(trace, dotted(where, f"traces[{n}]"), plain(row.get("id")))
        elif _is_observation(row):
            session = plain(_either(row, "sessionId", "session_id")) or conversations.get(_trace_id(row), "")
            conversations[_trace_id(row)] = session
            yield _observation(row, where, session)
        else:
            yield from _trace(row, where, "")


def _trace(row: Mapping[str, Any], where: str, session: str) -> Iterator[Observation]:
    session = plain(_either(row, "sessionId", "session_id")) or session
    inside = row.get("observations")
    listed = inside if isinstance(inside, list) else []
    yield _observation({"type": "TRACE", "traceId": row.get("id"), **row}, where, session)
    for n, observation in enumerate(listed):
        if isinstance(observation, Mapping):
            told = {"traceId": row.get("id"), **observation}
            yield _observation(told, dotted(where, f"observations[{n}]"), session)


def _either(row: Mapping[str, Any], *names: str) -> Any:
    return next((row[n] for n in names if row.get(n) not in (None, "")), None)


def _trace_id(row: Mapping[str, Any]) -> str:
    return plain(_either(row, "traceId", "trace_id"))


def _observation(row: Mapping[str, Any], where: str, session: str) -> Observation:
    return Observation(
        where,
        plain(row.get("id")),
        _trace_id(row),
        row.get("type") == "GENERATION",
        row.get("type") == "TRACE" or not _either(row, "parentObservationId", "parent_observation_id"),
        when(_either(row, *_TIMES)),
        when(_either(row, "endTime", "end_time")),
        row.get("input"),
        row.get("output"),
        session,
    )
