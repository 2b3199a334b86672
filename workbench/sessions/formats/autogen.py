"""AutoGen: histories (also those of Who&When), chat results, and saved teams and agents.

Who&When (arXiv 2505.00212) says in which step which agent went wrong; the question and its ground truth become a probe
at the end, the step stays in the session's ``extra``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from workbench.sessions.formats import when
from workbench.sessions.formats.chat import conversation
from workbench.sessions.formats.limits import Remarks
from workbench.sessions.formats.lines import dotted, placed, sample, stem
from workbench.sessions.formats.messages import ROLES, Call, Said, call, content_text, plain
from workbench.sessions.formats.shapes import array, each, sessions_of, table
from workbench.sessions.model import Probe, Session

_TYPES = {
    "UserMessage": "user",
    "SystemMessage": "system",
    "AssistantMessage": "assistant",
    "FunctionExecutionResultMessage": "tool",
    "ToolCallExecutionEvent": "tool",
    "ToolCallRequestEvent": "assistant",
    "ToolCallSummaryMessage": "assistant",
}
_LISTS = ("history", "chat_history", "message_thread", "messages")
_ABOUT = (
    "mistake_agent",
    "mistake_step",
    "mistake_reason",
    "is_correct",
    "is_corrected",
    "level",
    "stop_reason",
    "cost",
)


_WHO_AND_WHEN = {"ground_truth", "groundtruth", "mistake_agent", "question_ID"}


def detect(data: Any, path: Path) -> bool:
    """Who&When's rows, AutoGen's typed messages, chat results, or the state of a team."""
    return any(_is_row(row) for row in sample(data))


def _is_row(row: Mapping[str, Any]) -> bool:
    if row.get("type") == "TeamState" or _is_typed(row):
        return True
    if (
        isinstance(row.get("history"), list)
        and {"ground_truth", "groundtruth", "mistake_agent", "question_ID"} & row.keys()
    ):
        return True
    if isinstance(row.get("chat_history"), list) and any(
        isinstance(m, dict) and "role" in m for m in row["chat_history"]
    ):
        return True
    return any(_is_typed(m) for m in _first_list(row)[:5])


def _is_typed(message: Any) -> bool:
    """A message or event of AutoGen 0.4 or later: its source, and the name of its class."""
    if not isinstance(message, Mapping) or "source" not in message or "content" not in message:
        return False
    kind = plain(message.get("type"))
    return kind in _TYPES or kind.endswith(("Message", "Event"))


def _first_list(row: Mapping[str, Any]) -> list[Any]:
    return next((row[k] for k in _LISTS if isinstance(row.get(k), list)), [])


def read(data: Any, path: Path) -> list[Session]:
    """One session per history; of a saved team one for its thread and one per agent."""
    rows = list(placed(data))
    if isinstance(data, list) and rows and _is_typed(rows[0][1]):
        rows = [("", {"messages": list(data)})]
    many = len(rows) > 1

    def row_of(where: str, row: Any) -> list[Session]:
        name = f"{stem(path)} {where}" if many else stem(path)
        return [_session(found, at, part or name) for found, at, part in _histories(table(row, where), where)]

    return sessions_of(rows, row_of)


def _histories(row: Mapping[str, Any], where: str) -> Iterator[tuple[Mapping[str, Any], str, str]]:
    states = row.get("agent_states")
    if not isinstance(states, Mapping):
        yield row, where, plain(row.get("question_ID"))
        return
    for name, state in states.items():
        inner = state.get("agent_state", state) if isinstance(state, Mapping) else {}
        place = dotted(where, f"agent_states.{name[:40]}")
        context = inner.get("llm_context") if isinstance(inner, Mapping) else None
        held = context if isinstance(context, Mapping) else inner
        if isinstance(held, Mapping) and _first_list(held):
            yield held, place, name


def _session(row: Mapping[str, Any], where: str, name: str) -> Session:
    key = next((k for k in _LISTS if isinstance(row.get(k), list)), "history")
    place, remarks = dotted(where, key), Remarks()
    rows = [(f"{place}[{n}]", m) for n, m in enumerate(array(row.get(key), place))]
    read = each(rows, lambda at, m: _said(table(m, at), at), remarks)
    messages = [s for told in read for s in told]
    return conversation(
        messages,
        name,
        "autogen",
        remarks,
        where,
        _probes(row, len(messages) - 1),
        {k: row[k] for k in _ABOUT if k in row},
    )


def _probes(row: Mapping[str, Any], after: int) -> list[Probe]:
    question, gold = plain(row.get("question")), plain(row.get("ground_truth", row.get("groundtruth"))).strip()
    if not (question and gold):
        return []
    return [Probe(plain(row.get("question_ID")) or "q1", after, question, (gold,), "long_range_understanding")]


def _said(row: Mapping[str, Any], where: str) -> list[Said]:
    kind, speaker = plain(row.get("type")), plain(row.get("name") or row.get("source"))
    content, at, source = row.get("content"), when.first(row), plain(row.get("id"))
    if _TYPES.get(kind) == "tool" and isinstance(content, list):
        return [_result(r, where, at) for r in content if isinstance(r, Mapping)]
    told = plain(row.get("role")) or _TYPES.get(kind) or ("user" if speaker == "user" else "assistant")
    role, _, spoken = told.partition(" (")  # Who&When: "Orchestrator (thought)"
    if role.lower() not in (*ROLES, "user", "assistant", "system", "tool"):
        speaker, told = speaker or role, "user" if role.lower() == "human" else "assistant"
    calls = _calls(row, content)
    text = "" if calls and isinstance(content, list) else content_text(content)
    extra = {"thinking": row["thought"]} if row.get("thought") else {}
    extra |= {"said": spoken.rstrip(")")} if spoken else {}
    return [Said(ROLES.get(told.lower(), told.lower()), text, where, speaker, at, 0, source, calls, extra=extra)]


def _calls(row: Mapping[str, Any], content: Any) -> tuple[Call, ...]:
    listed = row.get("tool_calls")
    found = [c["function"] | {"id": c.get("id")} for c in _tables(listed) if isinstance(c.get("function"), dict)]
    found += [c for c in _tables(content) if "arguments" in c and "name" in c]
    return tuple(call(c.get("name"), c.get("arguments", ""), c.get("id")) for c in found)


def _tables(value: Any) -> list[dict[str, Any]]:
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []


def _result(row: Mapping[str, Any], where: str, at: when.When) -> Said:
    return Said("tool", plain(row.get("content")), where, plain(row.get("name")), at, answers=plain(row.get("call_id")))
