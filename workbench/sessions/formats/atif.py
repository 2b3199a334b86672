"""ATIF, Harbor's Agent Trajectory Interchange Format (RFC 0001), versions 1.0 to 1.7.

A step is a turn; results of its tools are turns of the tools. Sub-agents that stand in the file are sessions of their
own. What this program writes into ``extra`` gives a session back exactly (``own.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.sessions.formats import own
from workbench.sessions.formats.chat import conversation
from workbench.sessions.formats.limits import Remarks
from workbench.sessions.formats.lines import dotted, placed, sample, stem
from workbench.sessions.formats.messages import Call, Said, attachment, call, plain
from workbench.sessions.formats.shapes import array, each, sessions_of, table
from workbench.sessions.formats.when import When, first
from workbench.sessions.model import Session

_ROLES = {"agent": "assistant", "user": "user", "system": "system"}
_ABOUT = (
    "agent",
    "session_id",
    "trajectory_id",
    "notes",
    "final_metrics",
    "continued_trajectory_ref",
    "schema_version",
)


def detect(data: Any, path: Path) -> bool:
    """``schema_version`` of ATIF, or an agent with steps that name their source."""
    return any(_is_trajectory(row) for row in sample(data))


def _is_trajectory(row: Mapping[str, Any]) -> bool:
    steps = row.get("steps")
    if not isinstance(steps, list):
        return False
    if plain(row.get("schema_version")).startswith("ATIF"):
        return True
    return isinstance(row.get("agent"), Mapping) and any(isinstance(s, Mapping) and "source" in s for s in steps[:5])


def read(data: Any, path: Path) -> list[Session]:
    """One session per trajectory, its sub-agents after it."""
    return sessions_of(placed(data), lambda where, row: _read(table(row, where), where, path))


def _read(row: Mapping[str, Any], where: str, path: Path) -> list[Session]:
    exact = own.session_of(_own(row), _own_turns(row), path)
    return [exact] if exact else _trajectory(row, where, stem(path), 0)


def _own(row: Any) -> Any:
    extra = row.get("extra") if isinstance(row, Mapping) else None
    return extra.get(own.KEY) if isinstance(extra, Mapping) else None


def _own_turns(row: Mapping[str, Any]) -> list[Any]:
    """What this program wrote beside every step and every result of a tool."""
    found = []
    for step in row["steps"] if isinstance(row.get("steps"), list) else []:
        observation = step.get("observation") if isinstance(step, Mapping) else None
        results = observation.get("results") if isinstance(observation, Mapping) else None
        found += [_own(step), *map(_own, results if isinstance(results, list) else [])]
    return found


def _trajectory(row: Mapping[str, Any], where: str, fallback: str, depth: int) -> list[Session]:
    place, remarks = dotted(where, "steps"), Remarks()
    steps = [(f"{place}[{n}]", s) for n, s in enumerate(array(row.get("steps"), place))]
    messages = [s for told in each(steps, _step, remarks) for s in told]
    copied = sum(bool(s.extra.get("copied")) for s in messages)
    if copied:
        remarks.add(place, f"{copied} turns are copied from the trajectory that this one goes on with")
    about = {k: row[k] for k in _ABOUT if row.get(k)}
    name = plain(row.get("session_id") or row.get("trajectory_id")) or fallback
    if depth:
        agent = row.get("agent")
        called = plain(agent.get("name")) if isinstance(agent, Mapping) else ""
        name = f"{called} {plain(row.get('trajectory_id'))}".strip()
    session = conversation(messages, name or fallback, "atif", remarks, where, extra=about)
    inner = row.get("subagent_trajectories")
    place = dotted(where, "subagent_trajectories")
    rows = [(f"{place}[{n}]", r) for n, r in enumerate(inner if isinstance(inner, list) and depth < 5 else [])]
    below = (
        sessions_of(rows, lambda at, r: _trajectory(table(r, at), at, f"{name} sub-agent", depth + 1)) if rows else []
    )
    return [session, *below]


def _step(where: str, row: Any) -> list[Said]:
    row = table(row, where)
    source, at = plain(row.get("source")) or "agent", first(row)
    extra = {"model": row["model_name"]} if row.get("model_name") else {}
    if isinstance(row.get("reasoning_content"), str) and row["reasoning_content"]:
        extra["thinking"] = row["reasoning_content"]
    if row.get("is_copied_context"):
        extra["copied"] = True
    calls = _calls(row.get("tool_calls"))
    message = _content(row.get("message"))
    step = Said(_ROLES.get(source, source), message, where, when=at, calls=calls, extra=extra)
    results = _results(row.get("observation"), dotted(where, "observation.results"), at)
    return [step, *results] if message or calls or not results else results


def _calls(value: Any) -> tuple[Call, ...]:
    made = [c for c in value if isinstance(c, Mapping)] if isinstance(value, list) else []
    return tuple(call(c.get("function_name"), c.get("arguments", ""), c.get("tool_call_id")) for c in made)


def _content(value: Any) -> str:
    """A message that is a text or a list of parts; pictures are named."""
    if not isinstance(value, list):
        return plain(value)
    return "\n".join(filter(None, (_part(p) for p in value)))


def _part(part: Any) -> str:
    if not isinstance(part, Mapping):
        return plain(part)
    if isinstance(part.get("text"), str):
        return plain(part["text"])
    source = part.get("source")
    return attachment(
        {"name": source.get("path") if isinstance(source, Mapping) else ""}, plain(part.get("type")) or "part"
    )


def _results(observation: Any, where: str, at: When) -> list[Said]:
    results = observation.get("results") if isinstance(observation, Mapping) else None
    found = []
    for n, row in enumerate(results if isinstance(results, list) else []):
        if isinstance(row, Mapping):
            answers = plain(row.get("source_call_id"))
            found.append(Said("tool", _outcome(row), f"{where}[{n}]", when=at, answers=answers))
    return found


def _outcome(row: Mapping[str, Any]) -> str:
    text = _content(row.get("content"))
    refs = row.get("subagent_trajectory_ref")
    refs = refs if isinstance(refs, list) else [refs] if isinstance(refs, Mapping) else []
    named = [plain(r.get("trajectory_id") or r.get("session_id")) for r in refs if isinstance(r, Mapping)]
    return "\n".join(filter(None, (text, *(f"[sub-agent: {name}]" for name in named if name))))
