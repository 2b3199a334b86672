"""ReportBench (arXiv 2508.15804): every statement of an answer against what it cites, or else against all it was shown.

A statement is a sentence. It cites what it names in brackets: ``[turn 12]``, ``[12]`` or an item. It is supported when
most of its words, and every number, stand in what it is checked against. ReportBench asks models; this is a rule, so a
paraphrase in other words counts as unsupported.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from workbench.projections.methods.base import Answered, Found, Method, Run, Shown, lanes, together
from workbench.words import numeric, words

SAID = 0.7
"""Share of a statement's longer words that must be there."""
_SHORT = 3  # letters up to which a word is a connective more often than not; scripts without spaces have such words
_CITED = re.compile(r"\[(?:turns?\s*)?([\w.-]+(?:\s*,\s*[\w.-]+)*)\]|\((?:turns?)\s+(\d+(?:\s*,\s*\d+)*)\)", re.I)
_END = re.compile(r"(?<=[.!?…؟])[\"')”’»]*\s+(?!\[)|(?<=[。！？।])|\n+")
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")


def _measure(runs: Sequence[Run]) -> Found:
    rows = []
    for lane in lanes(runs):
        checked = [one for row in together(runs, lane) for one in statements(row)]
        cited = [ok for _, cites, ok in checked if cites]
        rest = [ok for _, cites, ok in checked if not cites]
        if checked:
            rows.append({
                "lane": lane, "statements": len(checked), "cited": len(cited) / len(checked),
                "cited supported": sum(cited) / len(cited) if cited else None,
                "uncited supported": sum(rest) / len(rest) if rest else None,
            })  # fmt: skip
    return Found(tuple(rows))


def statements(row: Answered) -> list[tuple[str, bool, bool]]:
    """Every statement of an answer, whether it cites anything that it was shown, and whether that supports it."""
    found = []
    for sentence in _END.split(row.answer):
        said = _CITED.sub("", sentence).strip()
        if not words(said):
            continue
        named = [name.strip() for m in _CITED.finditer(sentence) for name in (m[1] or m[2]).split(",")]
        proof = [span for span in row.shown if _is_named(span, named)]
        found.append((said, bool(named), supported(said, [s.text for s in (proof if named else row.shown)])))
    return found


def _is_named(span: Shown, names: Sequence[str]) -> bool:
    return any(name in span.items or numeric(name) in span.turns for name in names)


def supported(statement: str, texts: Sequence[str]) -> bool:
    """Whether texts say a statement: its numbers all, of its longer words (all, where none is longer) most."""
    there = {word for text in texts for word in words(text)}
    numbers = {n for text in texts for n in _NUMBER.findall(text)}
    own = set(words(statement))
    longer = {word for word in own if len(word) > _SHORT} or own
    if not longer or not set(_NUMBER.findall(statement)) <= numbers:
        return False
    return len(longer & there) / len(longer) >= SAID


METHOD = Method(
    "report-statements",
    "Statements against their citations",
    "ReportBench, arXiv 2508.15804",
    "adapted",
    "a rule by words and numbers in place of models; what is cited are turns and items, not papers",
    "Share of an answer's statements that cite, and that what they cite (or else what was shown) supports.",
    "answers in sentences",
    _measure,
)
