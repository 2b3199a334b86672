"""LoCoMo (arXiv 2402.17753): long conversations of two people in many sittings, with questions in five categories.

The file is a list of samples (or one): ``conversation{speaker_a, speaker_b, session_N_date_time, session_N}`` and
``qa[{question, answer, category, evidence}]``. Sittings are the ``session_N`` that are lists: some have a date and no
turns. Evidence labels are dirty (``"D8:6; D9:17"``, ``"D:11:26"``, ``"D30:05"``, ``"D"``), so every label in a string
is taken and the raw strings stay in the probe's ``extra``.
"""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Any

from workbench.errors import SessionFormatError
from workbench.sessions import tasks
from workbench.sessions.formats.limits import check_turns
from workbench.sessions.formats.shapes import array, string, table
from workbench.sessions.model import Probe, Session, Turn

CATEGORIES = {1: "multi-hop", 2: "temporal", 3: "open-domain", 4: "single-hop", 5: "adversarial"}
"""The published categories (the order in the paper differs; confirmed by the authors' issues 6 and 29)."""
COMPETENCY = {
    1: "accurate_retrieval",
    2: "long_range_understanding",
    3: "accurate_retrieval",
    4: "accurate_retrieval",
    5: "abstention",
}
_SITTING = re.compile(r"session_(\d+)")
_LABEL = re.compile(r"D:?\s*(\d+)\s*:\s*(\d+)")


def detect(data: Any, path: Path) -> bool:
    """A sample or a list of samples with ``conversation`` and ``qa``."""
    first = data[0] if isinstance(data, list) and data else data
    return isinstance(first, dict) and isinstance(first.get("conversation"), dict) and "qa" in first


def read(data: Any, path: Path) -> list[Session]:
    """One session per sample, its questions asked after the last turn as the benchmark does."""
    samples = data if isinstance(data, list) else [data]
    return [_sample(table(s, f"[{i}]"), f"[{i}]", path) for i, s in enumerate(samples)]


def _sample(sample: Any, where: str, path: Path) -> Session:
    warnings: list[str] = []
    turns = _turns(table(sample.get("conversation"), f"{where}.conversation"), f"{where}.conversation", warnings)
    check_turns(len(turns), where)
    places = {t.source: t.index for t in turns}
    rows = array(sample.get("qa"), f"{where}.qa")
    probes = [_probe(table(q, f"{where}.qa[{n}]"), n, places, f"{where}.qa[{n}]", warnings) for n, q in enumerate(rows)]
    name = str(sample.get("sample_id") or path.stem)
    return Session(name, tuple(turns), tuple(p for p in probes if p), "locomo", tuple(warnings))


def _turns(conversation: Any, where: str, warnings: list[str]) -> list[Turn]:
    sittings = sorted((int(m[1]), k) for k, v in conversation.items() if (m := _SITTING.fullmatch(k)) and v)
    turns: list[Turn] = []
    for number, key in sittings:
        date = _date(conversation.get(f"{key}_date_time", ""), f"{where}.{key}_date_time", warnings)
        for at, row in enumerate(array(conversation[key], f"{where}.{key}")):
            place = f"{where}.{key}[{at}]"
            turns.append(_turn(table(row, place), len(turns), number, date, conversation.get("speaker_a"), place))
    return turns


def _turn(row: Any, index: int, sitting: int, date: str, first: Any, where: str) -> Turn:
    speaker, said = string(row.get("speaker"), f"{where}.speaker"), string(row.get("text"), f"{where}.text")
    caption = row.get("blip_caption")
    extra = {k: v for k, v in row.items() if k not in ("speaker", "text", "dia_id")}
    text = f"{said} {caption}" if caption else said
    role = "user" if speaker == first else "assistant"
    return Turn(index, role, text, speaker, date, sitting - 1, str(row.get("dia_id", "")), extra)


def _date(value: Any, where: str, warnings: list[str]) -> str:
    """``1:56 pm on 8 May, 2023`` as ISO 8601."""
    try:
        return datetime.strptime(str(value).strip(), "%I:%M %p on %d %B, %Y").isoformat(timespec="minutes")
    except ValueError:
        warnings.append(f"{where}: {value!r} is no date that LoCoMo uses; these turns have none")
        return ""


def _probe(row: Any, number: int, places: dict[str, int], where: str, warnings: list[str]) -> Probe | None:
    category = row.get("category")
    if category not in CATEGORIES:
        raise SessionFormatError(f"{where}.category: must be 1 to 5, is {category!r}", "mend or re-export the file")
    adversarial, answer = category == 5, row.get("answer")
    if answer is None and not adversarial:
        warnings.append(f"{where}: no answer; the question is left out")
        return None
    return Probe(
        f"q{number + 1}",
        max(places.values()),
        string(row.get("question"), f"{where}.question"),
        () if adversarial else (str(answer),),
        COMPETENCY[category],
        _evidence(row.get("evidence") or [], places, f"{where}.evidence", warnings),
        abstain=adversarial,
        extra={k: v for k, v in row.items() if k != "question"} | {"family": CATEGORIES[category]},
        **tasks.locomo(category),
    )


def _evidence(labels: Any, places: dict[str, int], where: str, warnings: list[str]) -> tuple[int, ...]:
    found: list[int] = []
    for raw in array(labels, where):
        turns = [f"D{int(s)}:{int(t)}" for s, t in _LABEL.findall(str(raw))]
        found += [places[t] for t in turns if t in places]
        if not turns or any(t not in places for t in turns):
            warnings.append(f"{where}: {raw!r} names no turn of this conversation")
    return tuple(dict.fromkeys(found))
