"""LoCoMo (arXiv 2402.17753): long conversations of two people in many sittings, with questions in five categories.

Read are the list of samples (``conversation{speaker_a, speaker_b, session_N_date_time, session_N}`` and
``qa[{question, answer, category, evidence}]``), a sample alone, the first release (the sittings beside ``qa``, a file
per conversation), and the flat variant of retrieval studies (``conversation[{timestamp, speaker, text}]`` and
``question[…]``, by number). Sittings are the ``session_N`` that are lists: some have a date and no turns. Evidence
labels are dirty (``"D8:6; D9:17"``, ``"D:11:26"``, ``"D30:05"``, ``"D"``, a text in place of a list), so every label in
a text is taken and the raw values stay in the probe's ``extra``. Both speakers are people: both have the role ``user``.

The official code asks an adversarial question with two options, its wrong answer and "Not mentioned in the
conversation", in an order drawn anew for each; here the order follows from the question (``adversarial=open`` leaves
the options away).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import Field

from workbench.errors import SessionFormatError
from workbench.sessions import tasks
from workbench.sessions.formats.limits import Remarks, check_turns, shown
from workbench.sessions.formats.lines import dotted, placed, sample, stem
from workbench.sessions.formats.shapes import MEND, Listed, Row, Text, array, checked, each, golds, sessions_of, table
from workbench.sessions.formats.when import When, when
from workbench.sessions.model import Probe, Session, Turn

OPTIONS = {"adversarial": ("options", "open")}
"""What ``read`` may be asked for; the first is the default."""
NOT_MENTIONED = "Not mentioned in the conversation"
CATEGORIES = {1: "multi-hop", 2: "temporal", 3: "open-domain", 4: "single-hop", 5: "adversarial"}
"""The published categories (the order in the paper differs; confirmed by the authors' issues 6 and 29)."""
COMPETENCY = {
    1: "accurate_retrieval",
    2: "long_range_understanding",
    3: "accurate_retrieval",
    4: "accurate_retrieval",
    5: "abstention",
}
_SITTING = re.compile(r"session_(\d{1,6})")
_LABEL = re.compile(r"D:?\s{0,9}(\d{1,6})\s{0,9}:\s{0,9}(\d{1,6})")


class TurnRow(Row):
    """A turn of a sitting."""

    speaker: Text = ""
    text: Text = ""
    dia_id: Text = ""
    blip_caption: Text = ""
    timestamp: Any = None


class Question(Row):
    """An element of ``qa``."""

    question: str = Field(min_length=1)
    answer: Any = None
    adversarial_answer: Any = None
    category: Any = None
    evidence: Listed = Field(default=[])


def detect(data: Any, path: Path) -> bool:
    """A sample, a list of samples, or samples by their number."""
    return any(map(_is_sample, sample(data))) or bool(_numbered(data))


def _is_sample(row: Mapping[str, Any]) -> bool:
    talk = row.get("conversation")
    if isinstance(talk, dict):
        return "qa" in row or "speaker_a" in talk
    return ("speaker_a" in row and any(map(_SITTING.fullmatch, row))) or _is_flat(row)


def _is_flat(row: Any) -> bool:
    if not isinstance(row, dict) or not isinstance(row.get("question"), list):
        return False
    said = row.get("conversation")
    return isinstance(said, list) and any("speaker" in r for r in sample(said))


def _numbered(data: Any) -> list[tuple[str, Any]]:
    """The samples of the flat variant, under their numbers."""
    if not isinstance(data, dict) or not any(map(_is_flat, list(data.values())[:5])):
        return []
    return [(f"[{shown(key)[1:-1]}]", row | {"sample_id": key}) for key, row in data.items() if isinstance(row, dict)]


def read(data: Any, path: Path, adversarial: str = "options") -> list[Session]:
    """One session per sample, its questions asked after the last turn as the benchmark does."""
    rows = _numbered(data) or list(placed(data if isinstance(data, list) else [data]))
    return sessions_of(rows, lambda where, row: [_sample(table(row, where), where, path, adversarial == "open")])


def _sample(row: Mapping[str, Any], where: str, path: Path, open_: bool = False) -> Session:
    remarks = Remarks()
    flat = isinstance(row.get("conversation"), list)
    turns = _flat(row, where, remarks) if flat else _turns(row, where, remarks)
    check_turns(len(turns), where)
    places = {t.source: t.index for t in turns}
    key = "question" if flat else "qa"
    asked = array(row.get(key) or [], dotted(where, key))
    rows = [(f"{dotted(where, key)}[{n}]", (n + 1, question)) for n, question in enumerate(asked)]
    last = len(turns) - 1
    read = each(rows, lambda place, q: _probe(q[1], q[0], place, last, places, remarks), remarks, need=0)
    probes = [replace(p, options=()) if open_ else p for p in read if p]
    name = row.get("sample_id")
    name = str(name) if isinstance(name, str | int) and str(name) else stem(path)
    return Session(name, tuple(turns), tuple(probes), "locomo", tuple(remarks))


def _turns(row: Mapping[str, Any], where: str, remarks: Remarks) -> list[Turn]:
    said = row
    if row.get("conversation") is not None:
        where = dotted(where, "conversation")
        said = table(row["conversation"], where)
    sittings = sorted((int(m[1]), key) for key, rows in said.items() if (m := _SITTING.fullmatch(key)) and rows)
    places = [(dotted(where, key), (number, key)) for number, key in sittings]
    found = each(places, lambda place, sitting: _sitting(said, sitting[0], sitting[1], place, remarks), remarks)
    return _numbered_turns([turn for sitting in found for turn in sitting])


def _sitting(said: Mapping[str, Any], number: int, key: str, where: str, remarks: Remarks) -> list[Turn]:
    at = _date(said.get(f"{key}_date_time"), f"{where}_date_time", remarks)
    rows = [(f"{where}[{n}]", row) for n, row in enumerate(array(said[key], where))]
    return each(rows, lambda place, row: _turn(checked(TurnRow, row, place), at, number - 1), remarks)


def _flat(row: Mapping[str, Any], where: str, remarks: Remarks) -> list[Turn]:
    """The turns of the flat variant: a sitting is what has one date; its turns get the labels that evidence names."""
    place = dotted(where, "conversation")
    rows = [(f"{place}[{n}]", said) for n, said in enumerate(row["conversation"])]
    found: list[Turn] = []
    before, part, count = None, -1, 0
    for at, said in each(rows, lambda where, said: (where, checked(TurnRow, said, where)), remarks):
        if part < 0 or said.timestamp != before:
            before, part, count = said.timestamp, part + 1, 0
            date = _date(before, dotted(at, "timestamp"), remarks)
        count += 1
        said.dia_id = said.dia_id or f"D{part + 1}:{count}"
        found.append(_turn(said, date, part))
    return _numbered_turns(found)


def _turn(row: TurnRow, at: When, part: int) -> Turn:
    shared = f"[shares a photo: {row.blip_caption}]" if row.blip_caption else ""
    text = " ".join(filter(None, (row.text, shared)))
    extra = {"caption": row.blip_caption} if row.blip_caption else {}
    return Turn(0, "user", text, row.speaker, at.date, part, row.dia_id, extra | (row.model_extra or {}), at.weekday)


def _numbered_turns(turns: list[Turn]) -> list[Turn]:
    return [replace(turn, index=n) for n, turn in enumerate(turns)]


def _date(value: Any, where: str, remarks: Remarks) -> When:
    """``1:56 pm on 8 May, 2023``, or any other spelling."""
    found = when(value)
    if not found:
        remarks.add(where, f"{shown(value)} is no date; these turns have none")
    return found


def _probe(row: Any, number: int, where: str, after: int, places: Mapping[str, int], remarks: Remarks) -> Probe | None:
    asked = checked(Question, row, where)
    category = _category(asked.category, where)
    adversarial, gold = category == 5, golds(asked.answer)
    if not gold and not adversarial:
        remarks.add(where, "no answer; the question is left out")
        return None
    told = {k: v for k, v in row.items() if k != "question"}
    return Probe(
        f"q{number}",
        after,
        asked.question,
        () if adversarial else gold,
        COMPETENCY[category],
        _evidence(asked.evidence, places, dotted(where, "evidence"), remarks),
        options=_options(asked) if adversarial else (),
        abstain=adversarial,
        extra=told | {"category": category, "family": CATEGORIES[category]},
        **tasks.locomo(category),
    )


def _options(asked: Question) -> tuple[str, ...]:
    """The two options of an adversarial question; none where the file has no wrong answer to it."""
    wrong = golds(asked.adversarial_answer) or golds(asked.answer)
    first = hashlib.sha256(asked.question.encode("utf-8", "replace")).digest()[0] & 1
    return () if not wrong else (wrong[0], NOT_MENTIONED) if first else (NOT_MENTIONED, wrong[0])


def _category(value: Any, where: str) -> int:
    number = int(value) if isinstance(value, str) and value.strip() in "12345" and value.strip() else value
    if not isinstance(number, int | float) or isinstance(number, bool) or number not in CATEGORIES:
        raise SessionFormatError(f"{dotted(where, 'category')}: must be 1 to 5, is {shown(value)}", MEND)
    return int(number)


def _evidence(labels: list[Any], places: Mapping[str, int], where: str, remarks: Remarks) -> tuple[int, ...]:
    found: list[int] = []
    for raw in golds(labels):
        turns = [f"D{int(s)}:{int(t)}" for s, t in _LABEL.findall(raw)]
        found += [places[t] for t in turns if t in places]
        if not turns or any(t not in places for t in turns):
            remarks.add(where, f"{shown(raw)} names no turn of this conversation")
    return tuple(dict.fromkeys(found))
