"""LongBench (arXiv 2308.14508) and LongBench v2 (arXiv 2412.15204): one context and one question per row."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.sessions import tasks
from workbench.sessions.formats.contexts import LAST, told
from workbench.sessions.formats.limits import Remarks
from workbench.sessions.formats.lines import dotted, placed, sample, stem
from workbench.sessions.formats.messages import plain
from workbench.sessions.formats.shapes import golds, sessions_of, string, table
from workbench.sessions.model import Probe, Session

_FIRST = {"input", "context", "answers", "dataset"}
_SECOND = {"question", "context", "choice_A", "choice_B", "answer"}
_LETTERS = "ABCD"
_UNASKED = {
    "gov_report": "What does it say, in short?",
    "multi_news": "What does it say, in short?",
    "vcsum": "What does it say, in short?",
    "passage_count": "How many different paragraphs are there?",
    "lcc": "What is the next line of the code?",
    "repobench-p": "What is the next line of the code?",
}
"""Questions of data sets whose rows have none: their task asks it."""
_LONG_RANGE = ("gov_report", "qmsum", "multi_news", "vcsum", "samsum", "passage_count")
_LEARNING = ("trec", "lsht")


def detect(data: Any, path: Path) -> bool:
    """Rows with the fields of either version."""
    return any(row.keys() >= _FIRST or row.keys() >= _SECOND for row in sample(data))


def read(data: Any, path: Path) -> list[Session]:
    """One session per row."""
    many = isinstance(data, list) and len(data) > 1

    def row_of(where: str, row: Any) -> list[Session]:
        row = table(row, where)
        name = plain(row.get("_id") or row.get("id")) or (f"{stem(path)} {where}" if many else stem(path))
        return [_session(row, where, name)]

    return sessions_of(placed(data), row_of)


def _session(row: Mapping[str, Any], where: str, name: str) -> Session:
    context, remarks = string(row.get("context"), dotted(where, "context")), Remarks()
    probe = _second(row, where) if "choice_A" in row else _first(row)
    kept = ("dataset", "language", "length", "domain", "sub_domain", "difficulty")
    extra = {k: row[k] for k in kept if row.get(k) is not None}
    if probe is None:
        remarks.add(where, "its question has no answer; left out")
    return told(context, name, "longbench", [probe] if probe else [], remarks, dotted(where, "context"), extra)


def _first(row: Mapping[str, Any]) -> Probe | None:
    dataset = plain(row.get("dataset")).removesuffix("_e")
    gold = golds(row.get("answers"))
    if not gold:
        return None
    known, classes = tasks.LONGBENCH.get(dataset), row.get("all_classes")
    competency = "long_range_understanding" if dataset in _LONG_RANGE else "accurate_retrieval"
    return Probe(
        "q1",
        LAST,
        plain(row.get("input")).strip() or _UNASKED.get(dataset, "What is the answer?"),
        gold,
        "test_time_learning" if dataset in _LEARNING else competency,
        options=tuple(map(plain, classes)) if isinstance(classes, list) else (),
        extra={"dataset": dataset},
        **(known.fields if known else {}),
    )


def _second(row: Mapping[str, Any], where: str) -> Probe | None:
    options = tuple(plain(row.get(f"choice_{letter}")) for letter in _LETTERS)
    told = plain(row.get("answer")).strip()
    gold = options[_LETTERS.index(told)] if told and told in _LETTERS else told
    if not gold:
        return None
    question = string(row.get("question"), dotted(where, "question"))
    return Probe(
        "q1",
        LAST,
        question,
        (gold,),
        "long_range_understanding",
        scorer="choice",
        options=options,
        extra={"letter": told},
    )
