"""Readers: who answers a probe from the packed context. ``model`` is the language model; the others are rules.

Rules measure what a memory returned apart from how well a model reads it. ``newest`` takes the newest statement about
what is asked: MemoryAgentBench's conflict resolution is a matter of choosing, since retrieval nearly always returns the
old and the new version of a fact (``reference/memory.md`` section 2.4, where this rule answers nearly everything).
``nearest-label`` takes the label of the example that is nearest to the question, for its test-time learning.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args

from workbench.memory.base import Span
from workbench.memory.prompts import UNKNOWN
from workbench.trace.events import FIXED

Reader = Literal["model", "newest", "nearest-label"]
READERS: tuple[str, ...] = get_args(Reader)
Requests = Literal["separate", "multi-request", "multi-turn", "multi-turn-own"]
"""How questions about one context are asked (SCBench, arXiv 2412.10319). ``separate``: each by itself, compressed as
the lane's policy says. ``multi-request``: each by itself, of a cache that was compressed before any question was read.
``multi-turn``: in one conversation, whose cache is compressed once, at its first question; the right answers stay in
it, as in the official code's default. ``multi-turn-own``: the model's own answers stay."""
REQUESTS: tuple[Requests, ...] = get_args(Requests)
LEAST = 0.5
"""Share of the question's content (by letters) that a statement must repeat to be about the same."""
FAMILY = 5
"""Letters from which a stem that begins another one counts as the same word."""

_NUMBER = re.compile(r"^(?:[^:\n]{0,40}: )?\d+\.\s+")
_WORD = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")
_EXAMPLE = re.compile(r"(?P<said>.*?)\blabel:[ \t]*(?P<label>\S+)", re.IGNORECASE | re.DOTALL)
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
    lines = [(line, span) for span in spans for line in span.text.split("\n") if span.kind not in FIXED]
    found = [(_statement(line, span, asked, place), span) for place, (line, span) in enumerate(lines)]
    known = [(s, span) for s, span in found if s and s.share >= LEAST]
    if not known:
        return UNKNOWN, ()
    best = max(known, key=lambda entry: (entry[0].share, -entry[0].place))[0]
    alike = [entry for entry in known if entry[0].about == best.about]
    chosen, span = max(alike, key=lambda entry: (entry[0].turn, entry[0].place))
    return chosen.value, span.items


def nearest_label(question: str, spans: Sequence[Span]) -> tuple[str, tuple[str, ...]]:
    """The label of the nearest example ("… label: 7"), and the items it came from; no model is called.

    Nearest is what the memory ranks first. Within a span with several examples, and where a memory ranks nothing (its
    spans are recent turns), it is the example that shares most words with the question, the latest of equals.
    ``unknown`` and no items when no span has a label.
    """
    shown = [(span, said, label) for span in spans if span.kind not in FIXED for said, label in _labelled(span.text)]
    if not shown:
        return UNKNOWN, ()
    ranked = [entry for entry in shown if entry[0].kind not in _UNRANKED]
    if ranked:
        top = max(span.priority for span, _, _ in ranked)
        shown = [entry for entry in ranked if entry[0].priority == top]
    asked = {_stem(w) for w in _WORD.findall(question)}
    span, _, label = max(enumerate(shown), key=lambda e: (_likeness(asked, e[1][1]), e[0]))[1]
    return label, span.items


def _labelled(text: str) -> list[tuple[str, str]]:
    """The examples in a text with their labels."""
    return [(m["said"], m["label"].strip("\"'.,;")) for m in _EXAMPLE.finditer(text)]


def _likeness(asked: set[str], said: str) -> float:
    """F1 of the words that both say."""
    own = {_stem(w) for w in _WORD.findall(said)}
    return 2 * len(asked & own) / (len(asked) + len(own)) if own else 0.0


RULES: Mapping[str, Callable[[str, Sequence[Span]], tuple[str, tuple[str, ...]]]] = {
    "newest": newest,
    "nearest-label": nearest_label,
}
"""The readers that are no model: answer and items from question and spans."""

_UNRANKED = frozenset({"turn", "recent"})  # spans that are there whatever is asked


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
