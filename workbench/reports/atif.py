"""A session as an ATIF v1.7 trajectory (Harbor's RFC 0001), which reads back as the same session.

ATIF has steps of three sources. Turns of other roles become steps of the source that fits best; what ATIF has no field
for (speaker, sitting, probes …) stands in ``extra.mnemoscope``. Memory operations have no place in it: see ``otel``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench import __version__
from workbench.sessions.formats import own
from workbench.sessions.model import Session, Turn

VERSION = "ATIF-v1.7"
_SOURCES = {"assistant": "agent", "user": "user"}


def trajectory(session: Session, model: str = "") -> dict[str, Any]:
    """The session as a trajectory; ``model`` names what answered, where one is known."""
    steps: list[dict[str, Any]] = []
    called: dict[str, dict[str, Any]] = {}
    for turn in session.turns:
        owner = called.get(_answers(turn)) if turn.role == "tool" else None
        if owner is not None and owner is steps[-1]:
            results = owner.setdefault("observation", {"results": []})["results"]
            results.append({"source_call_id": _answers(turn), "content": turn.text, "extra": _own(turn)})
            continue
        step = _step(turn, len(steps) + 1)
        called |= {made["tool_call_id"]: step for made in step.get("tool_calls", ())}
        steps.append(step)
    agent = {"name": "mnemoscope", "version": __version__} | ({"model_name": model} if model else {})
    return {
        "schema_version": VERSION,
        "session_id": session.name,
        "agent": agent,
        "steps": steps,
        "final_metrics": {"total_steps": len(steps)},
        "extra": {own.KEY: own.session_fields(session)},
    }


def _own(turn: Turn) -> dict[str, Any]:
    return {own.KEY: own.turn_fields(turn)}


def _step(turn: Turn, number: int) -> dict[str, Any]:
    calls = _calls(turn)
    step: dict[str, Any] = {"step_id": number, "source": _SOURCES.get(turn.role, "system")}
    if turn.date:
        step["timestamp"] = turn.date
    step["message"] = turn.text
    if step["source"] == "agent":
        if isinstance(turn.extra.get("thinking"), str):
            step["reasoning_content"] = turn.extra["thinking"]
        if calls:
            step["tool_calls"] = calls
    return step | {"extra": _own(turn)}


def _calls(turn: Turn) -> list[dict[str, Any]]:
    """Calls that the turn's format has kept, in ATIF's form."""
    kept = turn.extra.get("tool_calls")
    found = []
    for n, row in enumerate(kept if isinstance(kept, list | tuple) else ()):
        inner = row.get("function") if isinstance(row, Mapping) else None
        if isinstance(inner, Mapping):
            found.append(
                {
                    "tool_call_id": str(row.get("id") or f"{turn.index}-{n}"),
                    "function_name": str(inner.get("name", "")),
                    "arguments": own.as_object(inner.get("arguments")),
                }
            )
    return found


def _answers(turn: Turn) -> str:
    return str(turn.extra.get("tool_call_id") or "")
