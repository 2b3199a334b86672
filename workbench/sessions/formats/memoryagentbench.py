"""MemoryAgentBench (arXiv 2507.05257) as JSON or Parquet: one long context with many questions per row.

FactConsolidation's context is a numbered list and becomes one turn per fact, behind its heading. That the larger number
is newer is told with every question (``workbench.sessions.tasks``), as the benchmark does. Any other context is cut at
sentence ends, in any script, into pieces of about 512 tokens, the paper's chunk size, or of about 4,096, the size in
the code's settings (``chunk=code``); the text between the cuts stays as it is. Questions and golds stay as they are;
lists in lists of golds are one list, as in the code. Recommendations are scored by the titles of the benchmark's
catalogue, ``entity2id.json``, which lies beside the session file or is named (``catalogue=FILE``).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import Field

from workbench.errors import SessionFormatError
from workbench.sessions import tasks
from workbench.sessions.formats.contexts import CHUNKS, cut
from workbench.sessions.formats.limits import Remarks, check_turns, shown
from workbench.sessions.formats.lines import dotted, placed, sample, stem
from workbench.sessions.formats.loading import load
from workbench.sessions.formats.shapes import Listed, Object, Row, Text, checked, each, golds, sessions_of, string
from workbench.sessions.formats.when import when
from workbench.sessions.model import Probe, Session, Turn

OPTIONS = {"chunk": ("paper", "code"), "catalogue": ("FILE",)}
"""What ``read`` may be asked for; the first is the default."""
CATALOGUE = "entity2id.json"
"""The catalogue of films by its official name: title (or address) to number."""
HEADING = "The facts that follow have been learned."
"""Stands before a list of facts that has no heading of its own, as the benchmark's introduction does."""
SOURCES: dict[str, tuple[str, str]] = {
    "factconsolidation": ("conflict_resolution", "substring"),
    "ruler": ("accurate_retrieval", "substring"),
    "eventqa": ("accurate_retrieval", "substring"),
    "longmemeval": ("accurate_retrieval", "f1"),
    "icl": ("test_time_learning", "label"),
    "recsys": ("test_time_learning", "f1"),
    "infbench": ("long_range_understanding", "f1"),
    "detective": ("long_range_understanding", "exact"),
}
"""What ``metadata.source`` begins with: competency, and the scorer nearest to the paper's metric (summaries and
LongMemEval are judged by a model there; recommendations are compared with the catalogue)."""
_BUDGET = 20_000_000  # comparisons, or letters in thousands, that looking for evidence may take


class MabRow(Row):
    """A row of a split."""

    context: str
    questions: Listed
    answers: Listed
    metadata: Object = Field(default={})


class Meta(Row):
    """``metadata``; what a source does not have is null."""

    source: Text = ""
    qa_pair_ids: Listed = Field(default=[])
    question_types: Listed = Field(default=[])
    question_dates: Listed = Field(default=[])
    haystack_sessions: Listed = Field(default=[])
    keypoints: Listed = Field(default=[])


@dataclass
class _Context:
    """The context as turns, and where each begins in it."""

    text: str
    turns: list[Turn]
    begins: list[int] = field(default_factory=list)


def detect(data: Any, path: Path) -> bool:
    """A row or a list of rows with ``context``, ``questions`` and ``answers``."""
    return any({"context", "questions", "answers"} <= row.keys() for row in sample(data))


def read(data: Any, path: Path, chunk: str = "paper", catalogue: str = "") -> list[Session]:
    """One session per row, every question after the last turn, as the benchmark asks them.

    Args:
        catalogue: the file of film titles; empty takes ``entity2id.json`` beside the session file, where there is one.
    """
    rows = placed(data if isinstance(data, list) else [data])
    named = [(where, (f"{stem(path)} {n}", row)) for n, (where, row) in enumerate(rows, 1)]
    found = sessions_of(named, lambda where, one: [_row(one[1], where, one[0], CHUNKS[chunk])])
    return [_with_titles(s, path, catalogue) if s.name.startswith("recsys") else s for s in found]


def _with_titles(session: Session, path: Path, named: str) -> Session:
    """The session with the catalogue. One that was named must be there; one that lies beside it and is broken is told.

    Raises:
        SessionFormatError: the named file is no catalogue.
    """
    place = Path(named) if named else path.with_name(CATALOGUE)
    if not named and not place.is_file():
        return session
    try:
        titles = catalogue_of(place)
    except SessionFormatError as error:
        if named:
            raise
        return replace(session, warnings=(*session.warnings, f"the catalogue beside it is left out: {error.what}"))
    return replace(session, extra={**session.extra, "catalogue": titles})


def catalogue_of(path: Path) -> dict[str, int]:
    """``entity2id.json``: titles or addresses of films to numbers. Raises ``SessionFormatError`` for anything else."""
    data = load(path)
    rows = data if isinstance(data, dict) else {}
    if not rows or not all(isinstance(n, int) and not isinstance(n, bool) for n in rows.values()):
        what = f"{path}: no catalogue, which is an object of titles and their numbers"
        raise SessionFormatError(what, "name the benchmark's entity2id.json")
    return dict(rows)


def _row(value: Any, where: str, name: str, limit: int) -> Session:
    remarks = Remarks()
    row = checked(MabRow, value, where)
    meta = checked(Meta, row.metadata, dotted(where, "metadata"))
    source = meta.source or name
    context = _context(row.context, limit)
    check_turns(len(context.turns), where)
    probes = _probes(row, meta, source, len(context.turns) - 1, where, remarks)
    if source.startswith("factconsolidation_sh"):
        probes = _located(probes, context.turns)
    elif meta.haystack_sessions:
        probes = _marked(probes, meta.haystack_sessions, context)
    return Session(source, tuple(context.turns), tuple(probes), "memoryagentbench", tuple(remarks), {"source": source})


# the context --------------------------------------------------------------------------------------------------------


def _context(text: str, limit: int) -> _Context:
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    numbered = sum(map(_is_fact, lines))
    if numbered >= max(2, len(lines) - 1):
        return _Context(text, _facts(lines))
    pieces = list(cut(text, limit))
    return _Context(text, [Turn(n, "user", said) for n, (_, said) in enumerate(pieces)], [begin for begin, _ in pieces])


def _is_fact(line: str) -> bool:
    number, dot, rest = line[:20].partition(".")
    return bool(dot) and number.isascii() and number.isdigit() and rest[:1].isspace()


def _facts(lines: Sequence[str]) -> list[Turn]:
    """The heading, then a turn per fact; a line that is none belongs to the fact before it."""
    heading = HEADING if _is_fact(lines[0]) else lines[0]
    said: list[str] = []
    for line in lines if heading == HEADING else lines[1:]:
        if _is_fact(line):
            number, _, rest = line.partition(".")
            said.append(f"{number}. {rest.strip()}")
        else:
            said[-1] += f" {line}"
    return [Turn(0, "system", heading)] + [Turn(n, "user", s, source=f"fact {n - 1}") for n, s in enumerate(said, 1)]


# the questions ------------------------------------------------------------------------------------------------------


def _probes(row: MabRow, meta: Meta, source: str, after: int, where: str, remarks: Remarks) -> list[Probe]:
    known = next((found for prefix, found in SOURCES.items() if source.startswith(prefix)), None)
    if known is None:
        place = dotted(where, "metadata.source")
        remarks.add(place, f"{shown(source)} is unknown; counted as accurate retrieval, matched")
    competency, scorer = known or ("accurate_retrieval", "match")
    fields = {"scorer": scorer} | tasks.memoryagentbench(source)
    # One question with a flat list of answers: all of them are its own, as in the code.
    answers = [row.answers] if len(row.questions) == 1 else row.answers
    place = dotted(where, "questions")

    def one(at: str, n: int) -> Probe | None:
        gold = golds(answers[n] if n < len(answers) else None)
        if not gold:
            remarks.add(f"{dotted(where, 'answers')}[{n}]", "no answer; the question is left out")
            return None
        id = meta.qa_pair_ids[n] if n < len(meta.qa_pair_ids) else None
        name = str(id) if isinstance(id, str | int) and str(id) else f"q{n + 1}"
        text = string(row.questions[n], at)
        asked = when(meta.question_dates[n]) if n < len(meta.question_dates) else when(None)
        return Probe(name, after, text, gold, competency, asked=asked.date, extra=_extra(meta, n), **fields)

    rows = [(f"{place}[{n}]", n) for n in range(len(row.questions))]
    return [probe for probe in each(rows, one, remarks, need=0) if probe]


def _extra(meta: Meta, n: int) -> dict[str, Any]:
    extra: dict[str, Any] = {}
    if n < len(meta.question_types) and isinstance(meta.question_types[n], str):
        extra["type"] = meta.question_types[n]
    if meta.keypoints:
        extra["keypoints"] = meta.keypoints
    return extra


# evidence -----------------------------------------------------------------------------------------------------------


def _marked(probes: Sequence[Probe], haystacks: Sequence[Any], context: _Context) -> list[Probe]:
    """LongMemEval's questions with the pieces that hold what its turns mark as the answer."""
    left = _BUDGET * 1000
    found = []
    for n, probe in enumerate(probes):
        evidence: list[int] = []
        for said in _answers(haystacks[n] if n < len(haystacks) else None):
            left -= len(context.text)
            at = context.text.find(said) if left > 0 else -1
            if at >= 0 and context.begins:
                evidence.append(bisect_right(context.begins, at) - 1)
        found.append(replace(probe, evidence=tuple(dict.fromkeys(evidence))) if evidence else probe)
    return found


def _answers(haystack: Any) -> Iterator[str]:
    """The marked messages of a question's sittings."""
    for sitting in haystack if isinstance(haystack, list) else ():
        for message in sitting if isinstance(sitting, list) else ():
            if isinstance(message, Mapping) and message.get("has_answer") is True:
                said = message.get("content")
                if isinstance(said, str) and said.strip():
                    yield said.strip()


def _located(probes: Sequence[Probe], turns: Sequence[Turn]) -> list[Probe]:
    """Single-hop questions with their evidence: the newest fact that ends with the gold and says most of the question.

    ``extra["conflicted"]`` says whether an older fact gives the same slot another value; a third of the benchmark's
    questions have no such conflict.
    """
    facts = [(t.index, _bare(t.text)) for t in turns[1:]]
    affordable = _BUDGET // max(len(facts), 1)
    return [*(_with_evidence(p, facts) for p in probes[:affordable]), *probes[affordable:]]


def _bare(fact: str) -> str:
    return fact.partition(". ")[2].rstrip(". ").lower()


def _with_evidence(probe: Probe, facts: Sequence[tuple[int, str]]) -> Probe:
    asked = set(re.findall(r"\w+", probe.question.lower()))
    best: tuple[float, int, str] | None = None
    for gold in (g.lower().rstrip(". ") for g in probe.gold[:20]):
        for index, fact in facts:
            if fact.endswith(f" {gold}"):
                head = fact[: -len(gold)] if gold else fact
                best = max(best or (0.0, 0, ""), (_spoken(head, asked), index, head))
    if best is None:
        return probe
    stale = [index for index, fact in facts if index < best[1] and fact.startswith(best[2])]
    return replace(probe, evidence=(best[1],), extra={**probe.extra, "conflicted": bool(stale), "stale": stale})


def _spoken(head: str, asked: set[str]) -> float:
    """Share of the words that the question has too, by their length: names tell more than "of" and "is"."""
    words = re.findall(r"\w+", head)
    return sum(len(w) for w in words if w in asked) / max(sum(map(len, words)), 1)
