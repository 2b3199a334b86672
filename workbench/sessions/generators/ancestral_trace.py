"""The ancestral trace challenge of NeedleBench (arXiv 2407.11963): nothing but needles, which form lines of descent.

Every link names a parent or a grandparent, who is two generations away, and each line is asked about its two ends in
one of four ways, as in OpenCompass (``opencompass/datasets/needlebench/atc.py``, 5b1a5fa5).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from workbench.sessions.generators import pools
from workbench.sessions.generators.base import Generator, Job, Writer

_TERMS = {
    "father": 1, "mother": 1, "dad": 1, "mom": 1, "grandfather": 2, "grandmother": 2, "maternal grandfather": 2,
    "maternal grandmother": 2, "paternal grandfather": 2, "paternal grandmother": 2,
}  # fmt: skip
"""Words for an ancestor and how many generations away that is."""
_TOLD = (
    "{a} is the {term} of {b}.",
    "The {term} of {b} is {a}.",
    "In the photograph {b} stands beside {a}, the {term} of {b}.",
    "{b} learned to swim from {a}, the {term} of {b}.",
    "Everybody says that {a}, the {term} of {b}, has the same laugh.",
)
_RULE = "A parent is one generation away, a grandparent two."
_KINDS = ("eldest", "nth-ancestor", "nth-descendant", "distance")


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of descent, the eldest first, how many generations it spans, and what is told of each link."""

    names: list[str]
    generations: int
    texts: list[str]


def _make(job: Job) -> None:
    w = job.writer()
    lines = _lines(w, job["generations"])
    links = [(line, text) for line in range(len(lines)) for text in lines[line].texts]
    w.r.shuffle(links)
    told: dict[int, list[int]] = {}
    for number, text in links:
        told.setdefault(number, []).append(w.say(text))
    for number, line in enumerate(lines[: job["probes"]]):
        every = job["question"] == "all"
        kind = _KINDS[(number + number // len(_KINDS)) % len(_KINDS)] if every else job["question"]
        _ask(w, line, kind, sorted(told[number]), job.tokens)


def _ask(w: Writer, line: _Line, kind: str, turns: list[int], length: int) -> None:
    eldest, youngest, n = line.names[0], line.names[-1], line.generations
    extra = {"needles": len(line.texts), "length": length, "task": kind}
    question, gold, scorer = {
        "eldest": (f"Who is the earliest ancestor of {youngest} that can be traced?", eldest, "match"),
        "nth-ancestor": (f"Who is the ancestor of {youngest} {n} generations back? {_RULE}", eldest, "match"),
        "nth-descendant": (f"Who is the descendant of {eldest} {n} generations on? {_RULE}", youngest, "match"),
        "distance": (f"How many generations lie between {eldest} and {youngest}? {_RULE}", str(n), "number"),
    }[kind]
    w.ask(question, [gold], "long_range_understanding", turns, scorer=scorer, extra=extra)


def _lines(w: Writer, longest: int) -> list[_Line]:
    """Lines of descent of two people up to ``longest``, as many as have room."""
    names = iter(pools.people(w.r, 200 + w.tokens // 3))
    lines: list[_Line] = []
    left = w.room
    while True:
        line = [next(names) for _ in range(2 + len(lines) % (longest - 1))]
        terms = [w.r.choice(list(_TERMS)) for _ in line[1:]]
        texts = [w.r.choice(_TOLD).format(a=a, b=b, term=t) for (a, b), t in zip(pairwise(line), terms, strict=True)]
        left -= sum(map(w.count, texts))
        if left < 0 and lines:
            return lines
        lines.append(_Line(line, sum(map(_TERMS.__getitem__, terms)), texts))


GENERATOR = Generator(
    "ancestral-trace",
    "Ancestral Trace Challenge",
    "NeedleBench, arXiv 2407.11963",
    "adapted",
    "several families in one context, told a link a turn; no worked examples before the question",
    "Kinship told in any order and nothing else; asked is the eldest, an ancestor, a descendant or a distance.",
    {"question": ("all", *_KINDS), "generations": 6, "probes": 20},
    _make,
    {"generations": (2, 100)},
)
