"""LongMemEval (arXiv 2410.10813): one question per row, each with a haystack of dated chat sessions of its own.

The benchmark scores with a judge model. Here short golds are matched and long ones compared by token F1, which is
stricter; the question's type and date stay in the probe's ``extra``. Session ids give the evidence away (they contain
"answer"), so they are kept in ``Turn.source`` alone, which no strategy sees.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from workbench.errors import SessionFormatError
from workbench.sessions import tasks
from workbench.sessions.formats.limits import check_turns
from workbench.sessions.formats.shapes import array, string, table
from workbench.sessions.model import Probe, Session, Turn

COMPETENCY = {
    "single-session-user": "accurate_retrieval",
    "single-session-assistant": "accurate_retrieval",
    "single-session-preference": "accurate_retrieval",
    "multi-session": "long_range_understanding",
    "temporal-reasoning": "long_range_understanding",
    "knowledge-update": "conflict_resolution",
}
SHORT_GOLD = 6
"""Words up to which a gold is matched as a whole."""
_ALSO = re.compile(r"^(.*?)\.\s+(.*?)\s*(?:\(.*\)\s*)?(?:is|are) also acceptable\.?$")


def detect(data: Any, path: Path) -> bool:
    """A row or a list of rows with ``haystack_sessions``."""
    first = data[0] if isinstance(data, list) and data else data
    return isinstance(first, dict) and "haystack_sessions" in first and "question" in first


def read(data: Any, path: Path) -> list[Session]:
    """One session per row, its sittings in the order of their dates, its question after the last turn."""
    rows = data if isinstance(data, list) else [data]
    return [_row(table(row, f"[{n}]"), f"[{n}]") for n, row in enumerate(rows)]


def _row(row: Mapping[str, Any], where: str) -> Session:
    warnings: list[str] = []
    sittings = _sittings(row, where, warnings)
    proof = set(array(row.get("answer_session_ids") or [], f"{where}.answer_session_ids"))
    turns: list[Turn] = []
    evidence: list[int] = []
    for part, (date, name, said, place) in enumerate(sittings):
        for n, message in enumerate(said):
            turn = _turn(table(message, f"{place}[{n}]"), len(turns), part, date, f"{name}:{n}", f"{place}[{n}]")
            if message.get("has_answer") and name in proof:
                evidence.append(turn.index)
            turns.append(turn)
    check_turns(len(turns), where)
    probe = _probe(row, len(turns) - 1, tuple(evidence), where)
    if not evidence and not probe.abstain:
        warnings.append(f"{where}: no turn is marked as evidence")
    return Session(probe.id, tuple(turns), (probe,), "longmemeval", tuple(warnings))


def _sittings(row: Mapping[str, Any], where: str, warnings: list[str]) -> list[tuple[str, str, list[Any], str]]:
    """Date, id, messages and place of each sitting, oldest first; those without a date keep their place."""
    all_said = array(row.get("haystack_sessions"), f"{where}.haystack_sessions")
    dates, ids = row.get("haystack_dates") or [], row.get("haystack_session_ids") or []
    found = []
    for n, said in enumerate(all_said):
        place = f"{where}.haystack_sessions[{n}]"
        date = _date(dates[n] if n < len(dates) else None, f"{where}.haystack_dates[{n}]", warnings)
        found.append((date, str(ids[n]) if n < len(ids) else str(n), array(said, place), place))
    return sorted(found, key=lambda s: s[0]) if all(date for date, *_ in found) else found


def _turn(message: Mapping[str, Any], index: int, part: int, date: str, source: str, where: str) -> Turn:
    role, said = string(message.get("role"), f"{where}.role"), string(message.get("content"), f"{where}.content")
    return Turn(index, role, said, date=date, part=part, source=source)


def _date(value: Any, where: str, warnings: list[str]) -> str:
    """``2023/05/21 (Sun) 19:50`` as ISO 8601."""
    try:
        return datetime.strptime(re.sub(r"\s*\(\w+\)", "", str(value)), "%Y/%m/%d %H:%M").isoformat(timespec="minutes")
    except ValueError:
        warnings.append(f"{where}: {value!r} is no date that LongMemEval uses")
        return ""


def _probe(row: Mapping[str, Any], after: int, evidence: tuple[int, ...], where: str) -> Probe:
    kind, name = row.get("question_type"), str(row.get("question_id") or "q1")
    if kind not in COMPETENCY:
        known = ", ".join(COMPETENCY)
        raise SessionFormatError(f"{where}.question_type: unknown type {kind!r}", f"one of: {known}")
    abstain = name.endswith("_abs")
    answer = row.get("answer")
    if answer is None and not abstain:
        raise SessionFormatError(f"{where}.answer: missing", "mend or re-export the file")
    gold = _golds(str(answer))
    return Probe(
        name,
        after,
        string(row.get("question"), f"{where}.question"),
        () if abstain else gold,
        "abstention" if abstain else COMPETENCY[kind],
        evidence,
        abstain=abstain,
        extra={"type": kind, "date": str(row.get("question_date", "")), "answer": answer},
        **tasks.longmemeval(kind, abstain, len(gold[0].split()) > SHORT_GOLD),
    )


def _golds(answer: str) -> tuple[str, ...]:
    """ "30 days. 31 days (including the last day) is also acceptable." has two."""
    also = _ALSO.match(answer)
    return (also[1], also[2]) if also else (answer,)
