"""LongMemEval (arXiv 2410.10813): one question per row, each with a haystack of dated chat sessions of its own.

Read are the first and the cleaned release, histories that its own script made (with the script's names of the question
types and dates in ISO 8601), and rows with several questions about one haystack. The benchmark scores with a judge
model. Here short golds are matched and long ones compared by token F1, which is stricter; the question's type and date
stay in the probe's ``extra``. Session ids give the evidence away (they contain "answer"), so they are kept in
``Turn.source`` alone, which no strategy sees.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import Field

from workbench.sessions import tasks
from workbench.sessions.formats.chat import turns_of
from workbench.sessions.formats.limits import Remarks, check_turns, shown
from workbench.sessions.formats.lines import dotted, placed, sample, stem
from workbench.sessions.formats.messages import Said, said
from workbench.sessions.formats.shapes import Listed, Row, Text, array, checked, each, golds, sessions_of, string
from workbench.sessions.formats.when import When, instant, when
from workbench.sessions.model import Probe, Session

COMPETENCY = {
    "single-session-user": "accurate_retrieval",
    "single-session-assistant": "accurate_retrieval",
    "single-session-preference": "accurate_retrieval",
    "multi-session": "long_range_understanding",
    "temporal-reasoning": "long_range_understanding",
    "knowledge-update": "conflict_resolution",
}
SCRIPT_NAMES = {
    "single_hop": "single-session-user",
    "implicit_preference_v2": "single-session-preference",
    "assistant_previnfo": "single-session-assistant",
    "two_hop": "multi-session",
    "multi_session_synthesis": "multi-session",
    "temp_reasoning_implicit": "temporal-reasoning",
    "temp_reasoning_explicit": "temporal-reasoning",
    "knowledge_update": "knowledge-update",
}
"""What the script for custom histories calls the types (the benchmark's README)."""
SHORT_GOLD = 6
"""Words up to which a gold is matched as a whole."""
SHORT_LETTERS = 80
"""Letters up to which it is, for scripts that set no spaces between words."""
_ALSO = (" is also acceptable", " are also acceptable")


class HaystackRow(Row):
    """A row; with several questions, the fields of a question are lists of the same length."""

    question: Any
    question_id: Any = None
    question_type: Any = None
    question_date: Any = None
    answer: Any = None
    answer_session_ids: Listed = Field(default=[])
    haystack_sessions: list[Any]
    haystack_session_ids: Listed = Field(default=[])
    haystack_dates: Listed = Field(default=[])


class Question(Row):
    """One question of a row."""

    question: str = Field(min_length=1)
    question_id: Text = ""
    question_type: Text = ""
    question_date: Any = None
    answer: Any = None
    answer_session_ids: Listed = Field(default=[])


_TRUE = ("true", "1", "1.0", "yes")  # as CSV and other tables on the way write it


@dataclass
class _Sitting:
    name: str
    at: When
    messages: list[tuple[Said, bool]] = field(default_factory=list)  # whether it is marked as holding the answer


def detect(data: Any, path: Path) -> bool:
    """A row or a list of rows with ``haystack_sessions``."""
    return any("haystack_sessions" in row and "question" in row for row in sample(data))


def read(data: Any, path: Path) -> list[Session]:
    """One session per row, its sittings in the order of their dates, its questions after the last turn."""
    rows = list(placed(data if isinstance(data, list) else [data]))
    names = [stem(path) if len(rows) == 1 else f"{stem(path)} {n}" for n in range(1, len(rows) + 1)]
    named = [(where, (name, row)) for (where, row), name in zip(rows, names, strict=True)]
    return sessions_of(named, lambda where, one: [_session(one[1], where, one[0])])


def _session(value: Any, where: str, name: str) -> Session:
    row, remarks = checked(HaystackRow, value, where), Remarks()
    messages: list[Said] = []
    marked: list[tuple[int, str]] = []  # turn and sitting
    for part, sitting in enumerate(_sittings(row, where, remarks)):
        for message, proves in sitting.messages:
            marked += [(len(messages), sitting.name)] * proves
            messages.append(replace(message, part=part))
    check_turns(len(messages), where)
    turns = turns_of(messages, remarks)
    rows = [(where, (n, one)) for n, one in enumerate(_questions(row, where), 1)]
    probes = each(rows, lambda at, one: _probe(one[1], one[0], len(turns) - 1, marked, at, remarks), remarks, need=0)
    found = [probe for probe in probes if probe]
    only = found[0].id if len(rows) == 1 and found else ""
    return Session(only if only and only != "q1" else name, turns, tuple(found), "longmemeval", tuple(remarks))


# the haystack -------------------------------------------------------------------------------------------------------


def _sittings(row: HaystackRow, where: str, remarks: Remarks) -> list[_Sitting]:
    """The sittings, oldest first; when one has no date all keep their places."""
    place = dotted(where, "haystack_sessions")
    rows = [(f"{place}[{n}]", (n, rows)) for n, rows in enumerate(row.haystack_sessions)]
    found = each(rows, lambda at, one: _sitting(row, one[0], one[1], where, at, remarks), remarks)
    times = [instant(s.at.date) for s in found]
    if any(time is None for time in times):
        return found
    order = sorted(range(len(found)), key=lambda n: times[n] or 0.0)
    return [found[n] for n in order]


def _sitting(row: HaystackRow, n: int, rows: Any, where: str, place: str, remarks: Remarks) -> _Sitting:
    told = row.haystack_dates[n] if n < len(row.haystack_dates) else None
    at = when(told)
    if not at:
        remarks.add(f"{dotted(where, 'haystack_dates')}[{n}]", f"{shown(told)} is no date")
    name = str(row.haystack_session_ids[n]) if n < len(row.haystack_session_ids) else str(n)
    sitting = _Sitting(name, at)
    messages = [(f"{place}[{i}]", message) for i, message in enumerate(array(rows, place))]
    for i, (message, parts) in enumerate(each(messages, lambda at_, m: (m, _said(m, at_, at)), remarks)):
        proves = isinstance(message, Mapping) and str(message.get("has_answer")).lower() in _TRUE
        sitting.messages += [(replace(part, source=f"{name}:{i}"), proves) for part in parts]
    return sitting


def _said(row: Any, where: str, at: When) -> list[Said]:
    if isinstance(row, Mapping) and not isinstance(row.get("content"), list):
        string(row.get("content"), dotted(where, "content"))
    return [replace(part, extra={}) for part in said(row, where, at)]


# the questions ------------------------------------------------------------------------------------------------------


def _questions(row: HaystackRow, where: str) -> list[dict[str, Any]]:
    """The row's questions, one or several; sittings that prove each are told apart when there is an entry for each."""
    if not isinstance(row.question, list):
        keys = ("question", "question_id", "question_type", "question_date", "answer", "answer_session_ids")
        return [{key: getattr(row, key) for key in keys}]
    count = len(row.question)
    proofs = row.answer_session_ids
    found = []
    for n, question in enumerate(row.question):
        entry: dict[str, Any] = {"question": question}
        for key in ("question_id", "question_type", "question_date", "answer"):
            value = getattr(row, key)
            entry[key] = (value[n] if n < len(value) else None) if isinstance(value, list) else value
        entry["answer_session_ids"] = proofs[n] if len(proofs) == count and count > 1 else proofs
        found.append(entry)
    return found


def _probe(
    value: Any, number: int, after: int, marked: Sequence[tuple[int, str]], where: str, remarks: Remarks
) -> Probe | None:
    row = checked(Question, value, where)
    kind, name = _kind(row.question_type, where, remarks), row.question_id or f"q{number}"
    abstain = name.endswith("_abs")
    gold = golds(row.answer)
    if len(gold) == 1:
        gold = _golds(gold[0])
    if not gold and not abstain:
        remarks.add(dotted(where, "answer"), f"missing; the question {shown(name)} is left out")
        return None
    evidence = _evidence(row.answer_session_ids, marked)
    if not evidence and not abstain:
        remarks.add(where, f"question {shown(name)}: no turn is marked as evidence")
    asked = when(row.question_date)
    return Probe(
        name,
        after,
        row.question,
        () if abstain else gold,
        "abstention" if abstain else COMPETENCY[kind],
        evidence,
        abstain=abstain,
        extra={"type": kind, "date": str(row.question_date or ""), "answer": row.answer},
        asked=asked.date,
        **tasks.longmemeval(kind, abstain, bool(gold) and _is_long(gold[0])),
    )


def _kind(told: str, where: str, remarks: Remarks) -> str:
    kind = SCRIPT_NAMES.get(told, told)
    if kind in COMPETENCY:
        return kind
    what = f"unknown type {shown(told)}" if told else "missing"
    remarks.add(dotted(where, "question_type"), f"{what}; counted as single-session-user")
    return "single-session-user"


def _evidence(proofs: Sequence[Any], marked: Sequence[tuple[int, str]]) -> tuple[int, ...]:
    """The marked turns, in the sittings that prove the answer where the row names some: other marks are unreliable."""
    names = {str(name) for name in proofs if isinstance(name, str | int)}
    return tuple(turn for turn, name in marked if not names or name in names)


def _is_long(gold: str) -> bool:
    return len(gold.split()) > SHORT_GOLD or len(gold) > SHORT_LETTERS


def _golds(answer: str) -> tuple[str, ...]:
    """ "30 days. 31 days (including the last day) is also acceptable." has two."""
    bare = answer.strip().removesuffix(".")
    ending = next((end for end in _ALSO if bare.endswith(end)), "")
    first, dot, also = bare.removesuffix(ending).partition(". ")
    if not ending or not dot:
        return (answer,)
    also = also.strip()
    return first, (also.partition("(")[0].strip() if also.endswith(")") else also) or first
