"""SCBench (arXiv 2412.10319): a shared context and the questions of its turns, one row per context.

The task (``scbench_kv`` …) is the file's name, or what a row or question says; the two mixed sets say it per question.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from workbench.sessions import tasks
from workbench.sessions.formats.contexts import LAST, told
from workbench.sessions.formats.limits import Remarks
from workbench.sessions.formats.lines import dotted, placed, sample, stem
from workbench.sessions.formats.messages import plain
from workbench.sessions.formats.shapes import array, golds, sessions_of, string, table
from workbench.sessions.model import Probe, Session

_LONG_RANGE = ("scbench_summary", "scbench_mf", "scbench_vt")


def detect(data: Any, path: Path) -> bool:
    """Rows with ``multi_turns`` of questions and answers."""
    return any(_is_row(row) for row in sample(data))


def _is_row(row: Mapping[str, Any]) -> bool:
    turns = row.get("multi_turns")
    return isinstance(turns, list) and any(isinstance(t, Mapping) and {"input", "answer"} <= t.keys() for t in turns)


def read(data: Any, path: Path) -> list[Session]:
    """One session per row."""
    many = isinstance(data, list) and len(data) > 1

    def row_of(where: str, row: Any) -> list[Session]:
        row = table(row, where)
        name = plain(row.get("id")) or (f"{stem(path)} {where}" if many else stem(path))
        return [_session(row, where, name, stem(path), needles.get(plain(row.get("repo")), []))]

    needles = _needles(row for _, row in placed(data))
    return sessions_of(placed(data), row_of)


def _needles(rows: Iterable[Any]) -> dict[str, list[dict[str, str]]]:
    """By repository every function that is asked for in the file: an answer counts when it is most like its own."""
    found: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        turns = row.get("multi_turns") if isinstance(row, Mapping) and row.get("repo") else None
        for turn in turns if isinstance(turns, list) else ():
            if isinstance(turn, Mapping) and turn.get("name") and (gold := golds(turn.get("answer"))):
                found.setdefault(plain(row["repo"]), []).append({"name": plain(turn["name"]), "code": gold[0]})
    return found


def _session(row: Mapping[str, Any], where: str, name: str, file: str, needles: list[dict[str, str]]) -> Session:
    remarks = Remarks()
    place = dotted(where, "multi_turns")
    task = _task(plain(row.get("task") or row.get("dataset")) or file)
    if not task:
        remarks.add(where, "no task of SCBench in the file's name; answers are matched")
    probes = []
    for n, turn in enumerate(array(row.get("multi_turns"), place)):
        turn = table(turn, f"{place}[{n}]")
        gold = golds(turn.get("answer"))
        if not gold:
            remarks.add(f"{place}[{n}].answer", "no answer; the question is left out")
            continue
        asked = _task(plain(turn.get("task"))) or task
        language = plain(row.get("lang")) if asked == "scbench_repoqa" else ""
        probes.append(_probe(turn, f"q{n + 1}", gold, asked, f"{place}[{n}]", language))
    shared = {"dataset": task} | ({"needles": needles} if needles else {})
    context = row.get("context") if row.get("context") is not None else row.get("input")
    return told(plain(context), name, "scbench", probes, remarks, dotted(where, "context"), shared)


def _task(name: str) -> str:
    """The longest task's name that ``name`` begins with."""
    name = name.lower().removeprefix("v2_")
    return max((task for task in tasks.SCBENCH if name.startswith(task)), key=len, default="")


def _probe(turn: Mapping[str, Any], name: str, gold: tuple[str, ...], task: str, where: str, language: str) -> Probe:
    known = tasks.SCBENCH.get(task)
    options = turn.get("options")
    extra = {"dataset": task} if task else {}
    extra |= {"lang": language, "func_name": plain(turn.get("name"))} if language else {}
    competency = "long_range_understanding" if task in _LONG_RANGE else "accurate_retrieval"
    competency = "test_time_learning" if task == "scbench_many_shot" else competency
    return Probe(
        name,
        LAST,
        string(turn.get("input"), f"{where}.input"),
        gold,
        competency,
        options=tuple(map(plain, options)) if isinstance(options, list) else (),
        extra=extra,
        **(known.fields if known else {}),
    )
