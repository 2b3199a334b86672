"""Readers: who answers a probe from the packed context. ``model`` is the language model; ``newest`` is a rule.

The rule measures what a memory returned apart from how well a model reads it: MemoryAgentBench's conflict resolution
is a matter of choosing, since retrieval nearly always returns the old and the new version of a fact (measured in
``reference/memory.md`` section 2.4, where this rule answers nearly everything).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args

from workbench.memory.base import Span
from workbench.memory.prompts import UNKNOWN

Reader = Literal["model", "newest"]
READERS: tuple[str, ...] = get_args(Reader)
LEAST = 0.5
"""Share of the question's content (by letters) that a statement must repeat to be about the same."""
FAMILY = 5
"""Letters from which a stem that begins another one counts as the same word."""

_NUMBER = re.compile(r"^(?:[^:\n]{0,40}: )?\d+\.\s+")
_WORD = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")
_EMPTY = frozenset({
    "a", "an", "the", "of", "in", "on", "at", "to", "by", "with", "for", "from", "as", "is", "are", "was", "were",
    "be", "been", "do", "does", "did", "has", "have", "had", "what", "which", "who", "whom", "whose", "where",
    "when", "how", "why", "that", "this", "it", "its", "now", "s",
})  # fmt: skip
"""Words that say nothing about a slot."""


@dataclass(frozen=True, slots=True)
class _Statement:
    about: tuple[str, ...]  # the words up to the last one that the question asks with
    value: str
    share: float
    turn: int
    place: int


def newest(question: str, spans: Sequence[Span]) -> tuple[str, tuple[str, ...]]:
    """The value of the newest statement about what is asked, and the items it came from; no model is called.

    Every line of a span is a statement. The one that repeats most of the question names the slot: its words up to the
    last one that the question says too; what follows is the value. Of all statements with the same beginning that
    from the latest turn counts. ``unknown`` and no items when none repeats half of the question.
    """
    asked = {_stem(w): len(w) for w in _WORD.findall(question) if w.casefold() not in _EMPTY}
    lines = [(line, span) for span in spans for line in span.text.split("\n") if span.kind not in _FIXED]
    found = [(_statement(line, span, asked, place), span) for place, (line, span) in enumerate(lines)]
    known = [(s, span) for s, span in found if s and s.share >= LEAST]
    if not known:
        return UNKNOWN, ()
    best = max(known, key=lambda entry: (entry[0].share, -entry[0].place))[0]
    alike = [entry for entry in known if entry[0].about == best.about]
    chosen, span = max(alike, key=lambda entry: (entry[0].turn, entry[0].place))
    return chosen.value, span.items


_FIXED = frozenset({"instruction", "question"})


def _statement(line: str, span: Span, asked: dict[str, int], place: int) -> _Statement | None:
    text = _NUMBER.sub("", line.strip()).rstrip(".")
    words = list(_WORD.finditer(text))
    said: dict[str, int] = {}
    for n, word in enumerate(words):
        said.setdefault(_stem(word[0]), n)
    heard = {word: at for word in asked if (at := _heard(word, said)) is not None}
    if not heard:
        return None
    last = max(heard.values())
    start = last + 1
    while start < len(words) - 1 and words[start][0].casefold() in _EMPTY:
        start += 1
    if start >= len(words):
        return None
    about = tuple(w[0].casefold() for w in words[: last + 1])
    share = sum(asked[word] for word in heard) / sum(asked.values())
    return _Statement(about, text[words[start].start() :], share, max(span.turns, default=-1), place)


def _heard(word: str, said: dict[str, int]) -> int | None:
    """Where a word of the question is said, or another of its family (citizenship, citizen)."""
    if word in said or len(word) < FAMILY:
        return said.get(word)
    return next((n for w, n in said.items() if len(w) >= FAMILY and (w.startswith(word) or word.startswith(w))), None)


def _stem(word: str) -> str:
    return str(_stemmer().stemWord(word.casefold()))


@cache
def _stemmer() -> Any:
    import snowballstemmer

    return snowballstemmer.stemmer("english")
