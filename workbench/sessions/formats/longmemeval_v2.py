"""LongMemEval-V2 (arXiv 2605.12493), its text: web agents' trajectories, and its questions with their haystacks.

A trajectory is a session: its goal, then every state's page, thought and action; pictures are named. A file that holds
rows of questions together with their trajectories (``trajectories`` or ``haystack``) is one session per question, one
sitting per trajectory. The published ``questions.jsonl`` alone names trajectories by id, which lie in another file:
then the error says how to bring both together.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.errors import SessionFormatError
from workbench.sessions.formats.chat import conversation
from workbench.sessions.formats.contexts import LAST, at_the_end
from workbench.sessions.formats.limits import Remarks
from workbench.sessions.formats.lines import dotted, placed, sample, stem
from workbench.sessions.formats.messages import Said, attachment, plain
from workbench.sessions.formats.shapes import array, each, golds, sessions_of, string, table
from workbench.sessions.formats.when import first
from workbench.sessions.model import Probe, Session

_HAYSTACKS = ("haystack", "trajectories")
_COMPETENCY = {
    "static": "accurate_retrieval",
    "dynamic": "conflict_resolution",
    "workflow": "test_time_learning",
    "gotcha": "test_time_learning",
    "premise": "abstention",
}
"""By the words with which the five abilities are called."""


def detect(data: Any, path: Path) -> bool:
    """Trajectories of states with pages, or questions of the benchmark."""
    return any(_is_trajectory(row) or _haystack(row) or _is_question(row) for row in sample(data))


def _is_trajectory(row: Any) -> bool:
    states = (row.get("states") or row.get("content")) if isinstance(row, Mapping) else None
    return isinstance(states, list) and any(
        isinstance(s, Mapping) and {"url", "action"} <= s.keys() for s in states[:5]
    )


def _haystack(row: Mapping[str, Any]) -> str:
    return next((k for k in _HAYSTACKS if isinstance(row.get(k), list) and any(map(_is_trajectory, row[k][:3]))), "")


def _is_question(row: Mapping[str, Any]) -> bool:
    return {"question", "answer", "domain", "eval_function"} <= row.keys() or (
        {"question", "answer", "domain", "question_type"} <= row.keys() and "haystack_sessions" not in row
    )


def read(data: Any, path: Path) -> list[Session]:
    """One session per trajectory, or per question that has its trajectories with it."""

    def row_of(where: str, row: Any) -> list[Session]:
        row = table(row, where)
        if key := _haystack(row):
            return [_question(row, key, where, stem(path))]
        if _is_trajectory(row):
            remarks = Remarks()
            said = _states(row, where, 0, remarks)
            return [
                conversation(
                    said, plain(row.get("id")) or stem(path), "longmemeval_v2", remarks, where, extra=_about(row)
                )
            ]
        raise SessionFormatError(
            f"{where or 'the file'}: a question of LongMemEval-V2 without its trajectories",
            "put them into the row as `trajectories`, or open trajectories.jsonl",
        )

    return sessions_of(placed(data), row_of)


def _question(row: Mapping[str, Any], key: str, where: str, fallback: str) -> Session:
    remarks, place = Remarks(), dotted(where, key)
    rows = [(f"{place}[{n}]", t) for n, t in enumerate(array(row.get(key), place))]
    parts = each(rows, lambda at, t: _states(table(t, at), at, 0, remarks), remarks)
    said = [s for n, part in enumerate(parts) for s in _sitting(part, n)]
    name = plain(row.get("id") or row.get("question_id")) or fallback
    session = conversation(said, name, "longmemeval_v2", remarks, where, extra={"domain": row.get("domain")})
    probes = at_the_end([_probe(row, name, where)], len(session.turns) - 1)
    return Session(session.name, session.turns, probes, session.format, session.warnings, session.extra)


def _sitting(part: list[Said], number: int) -> list[Said]:
    from dataclasses import replace

    return [replace(s, part=number) for s in part]


def _probe(row: Mapping[str, Any], name: str, where: str) -> Probe:
    asked = row.get("question")
    question = plain(asked.get("text")) if isinstance(asked, Mapping) else string(asked, dotted(where, "question"))
    gold = golds(row.get("answer"))
    if not gold:
        raise SessionFormatError(f"{dotted(where, 'answer')}: no answer", "mend or re-export the file")
    kind = plain(row.get("question_type") or row.get("ability")).lower()
    competency = next((c for word, c in _COMPETENCY.items() if word in kind), "accurate_retrieval")
    scorer = "match" if len(gold[0].split()) <= 6 else "f1"
    return Probe(name, LAST, question, gold, competency, scorer=scorer, extra={"type": kind})


def _about(row: Mapping[str, Any]) -> dict[str, Any]:
    return {k: row[k] for k in ("domain", "outcome", "start_url") if row.get(k)}


def _states(row: Mapping[str, Any], where: str, part: int, remarks: Remarks) -> list[Said]:
    """The goal, and every state's page, thought and action."""
    key = "states" if isinstance(row.get("states"), list) else "content"
    place = dotted(where, key)
    metadata = row.get("metadata")
    goal = row.get("goal") or (metadata.get("original_goal") if isinstance(metadata, Mapping) else "")
    goal = " ".join(map(plain, goal)) if isinstance(goal, list) else plain(goal)
    found = [Said("user", goal, dotted(where, "goal"), when=first(row), part=part)] if goal.strip() else []
    rows = [(f"{place}[{n}]", s) for n, s in enumerate(array(row.get(key), place))]
    for told in each(rows, lambda at, s: _state(table(s, at), at, part), remarks):
        found += told
    outcome = plain(row.get("outcome"))
    return [*found, Said("tool", outcome, dotted(where, "outcome"), "outcome", part=part)] if outcome else found


def _state(row: Mapping[str, Any], where: str, part: int) -> list[Said]:
    seen = row.get("observation")
    seen = seen if isinstance(seen, Mapping) else row
    page = plain(seen.get("accessibility_tree") or seen.get("text"))
    picture = attachment({"name": seen["screenshot"]}, "image") if isinstance(seen.get("screenshot"), str) else ""
    text = "\n".join(filter(None, (plain(row.get("url")), page, picture)))
    thought, action = plain(row.get("thought") or row.get("thoughts")), plain(row.get("action"))
    extra = {"thinking": thought} if thought else {}
    found = [Said("tool", text, where, "page", first(row), part)] if text else []
    return [*found, Said("assistant", action, where, when=first(row), part=part, extra=extra)] if action else found
