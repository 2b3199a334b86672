"""MemoryAgentBench (arXiv 2507.05257) as JSON: one long context with many questions per row.

FactConsolidation's context is a numbered list and becomes one turn per fact. Any other context is cut at sentence ends
into pieces of about 512 tokens, the paper's chunk size. Facts, questions and golds stay as they are; the rule that the
larger number is newer, which the benchmark puts into its prompts, is the session's first turn.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench.sessions import tasks
from workbench.sessions.formats.limits import check_turns
from workbench.sessions.formats.shapes import array, string, table
from workbench.sessions.model import Probe, Session, Turn

RULE = (
    "A numbered list of facts follows. Where two of them disagree, the one with the larger number is newer and counts."
)
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
LongMemEval are judged by a model there; recommendations need a catalogue that is not in the file)."""
PIECE = 2000
"""Characters of a piece of running text: about 512 tokens."""
_FACT = re.compile(r"^(\d+)\.\s+(.*\S)\s*$")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")


def detect(data: Any, path: Path) -> bool:
    """A row or a list of rows with ``context``, ``questions`` and ``answers``."""
    first = data[0] if isinstance(data, list) and data else data
    return isinstance(first, dict) and {"context", "questions", "answers"} <= first.keys()


def read(data: Any, path: Path) -> list[Session]:
    """One session per row, every question after the last turn, as the benchmark asks them."""
    rows = data if isinstance(data, list) else [data]
    return [_row(table(row, f"[{n}]"), f"[{n}]", f"{path.stem} {n + 1}") for n, row in enumerate(rows)]


def _row(row: Mapping[str, Any], where: str, stem: str) -> Session:
    warnings: list[str] = []
    meta = table(row.get("metadata") or {}, f"{where}.metadata")
    source = str(meta.get("source") or stem)
    turns = _turns(string(row.get("context"), f"{where}.context"))
    check_turns(len(turns), where)
    probes = _probes(row, meta, source, len(turns) - 1, where, warnings)
    if source.startswith("factconsolidation_sh"):
        probes = _located(probes, turns)
    return Session(source, tuple(turns), tuple(probes), "memoryagentbench", tuple(warnings), {"source": source})


def _turns(context: str) -> list[Turn]:
    lines = [line for line in context.splitlines() if line.strip()]
    facts = [m for line in lines if (m := _FACT.match(line))]
    if len(facts) >= max(2, len(lines) - 1):
        said = [f"{m[1]}. {m[2]}" for m in facts]
        return [Turn(0, "system", RULE)] + [Turn(n, "user", s, source=f"fact {n - 1}") for n, s in enumerate(said, 1)]
    return [Turn(n, "user", piece) for n, piece in enumerate(_pieces(context))]


def _pieces(text: str) -> list[str]:
    """Whole sentences, packed up to ``PIECE`` characters; a longer sentence stays whole."""
    found: list[str] = []
    for sentence in filter(None, map(str.strip, _SENTENCE.split(text))):
        if found and len(found[-1]) + len(sentence) < PIECE:
            found[-1] += f" {sentence}"
        else:
            found.append(sentence)
    return found


def _probes(
    row: Mapping[str, Any], meta: Mapping[str, Any], source: str, after: int, where: str, warnings: list[str]
) -> list[Probe]:
    questions, answers = array(row["questions"], f"{where}.questions"), array(row["answers"], f"{where}.answers")
    ids = meta.get("qa_pair_ids") or []
    known = next((found for prefix, found in SOURCES.items() if source.startswith(prefix)), None)
    if known is None:
        warnings.append(f"{where}.metadata.source: {source!r} is unknown; counted as accurate retrieval, matched")
    competency, scorer = known or ("accurate_retrieval", "match")
    probes = []
    for n, question in enumerate(questions):
        gold = _gold(answers[n] if n < len(answers) else None)
        if not gold:
            warnings.append(f"{where}.answers[{n}]: no answer; the question is left out")
            continue
        name = str(ids[n]) if n < len(ids) else f"q{n + 1}"
        text = string(question, f"{where}.questions[{n}]")
        probes.append(Probe(name, after, text, gold, competency, **{"scorer": scorer} | tasks.memoryagentbench(source)))
    return probes


def _gold(answers: Any) -> tuple[str, ...]:
    listed = answers if isinstance(answers, list) else [answers]
    return tuple(str(a) for a in listed if a is not None and str(a).strip())


def _located(probes: Sequence[Probe], turns: Sequence[Turn]) -> list[Probe]:
    """Single-hop questions with their evidence: the newest fact that ends with the gold and says most of the question.

    ``extra["conflicted"]`` says whether an older fact gives the same slot another value; a third of the benchmark's
    questions have no such conflict.
    """
    facts = [(t.index, _bare(t.text)) for t in turns[1:]]
    return [_with_evidence(p, facts) for p in probes]


def _bare(fact: str) -> str:
    return fact.partition(". ")[2].rstrip(". ").lower()


def _with_evidence(probe: Probe, facts: Sequence[tuple[int, str]]) -> Probe:
    asked = set(re.findall(r"\w+", probe.question.lower()))
    best: tuple[float, int, str] | None = None
    for index, fact in facts:
        for gold in (g.lower().rstrip(". ") for g in probe.gold):
            if fact.endswith(f" {gold}"):
                head = fact[: -len(gold)]
                best = max(best or (0.0, 0, ""), (_spoken(head, asked), index, head))
    if best is None:
        return probe
    stale = [index for index, fact in facts if index < best[1] and fact.startswith(best[2])]
    return replace(probe, evidence=(best[1],), extra={"conflicted": bool(stale), "stale": stale})


def _spoken(head: str, asked: set[str]) -> float:
    """Share of the words that the question has too, by their length: names tell more than "of" and "is"."""
    words = re.findall(r"\w+", head)
    return sum(len(w) for w in words if w in asked) / max(sum(map(len, words)), 1)
