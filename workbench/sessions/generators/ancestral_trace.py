"""The ancestral trace challenge of NeedleBench (arXiv 2407.11963): nothing but needles, which form lines of descent."""

from __future__ import annotations

from itertools import pairwise

from workbench.sessions.generators import pools
from workbench.sessions.generators.base import Generator, Job, Writer

_DOWN = ("{a} is a parent of {b}.", "{a} has a child called {b}.", "One of the children of {a} is {b}.")
_UP = ("{b} is a child of {a}.", "A parent of {b} is {a}.", "{b} grew up as a child of {a}.")


def _make(job: Job) -> None:
    w = job.writer()
    lines, texts = _lines(w, job["generations"])
    links = list(texts)
    w.r.shuffle(links)
    told = {link: w.say(texts[link]) for link in links}
    for line in lines[: job["probes"]]:
        hops = list(pairwise(line))
        question = f"Who is the earliest ancestor of {line[-1]} that can be traced?"
        extra = {"needles": len(hops), "length": job.tokens}
        w.ask(question, [line[0]], "long_range_understanding", [told[hop] for hop in hops], extra=extra)


def _lines(w: Writer, longest: int) -> tuple[list[list[str]], dict[tuple[str, str], str]]:
    """Lines of descent of two people up to ``longest``, and what is told of each link; as many as have room."""
    names = iter(pools.people(w.r, 200 + w.tokens // 3))
    lines: list[list[str]] = []
    texts: dict[tuple[str, str], str] = {}
    left = w.room
    while True:
        line = [next(names) for _ in range(2 + len(lines) % (longest - 1))]
        links = list(pairwise(line))
        told = {(a, b): w.r.choice(_DOWN + _UP).format(a=a, b=b) for a, b in links}
        left -= sum(map(w.count, told.values()))
        if left < 0 and lines:
            return lines, texts
        lines.append(line)
        texts |= told


GENERATOR = Generator(
    "ancestral-trace",
    "Ancestral Trace Challenge",
    "NeedleBench, arXiv 2407.11963",
    "adapted",
    "several families in one context; the eldest ancestor is asked for, not picked from options",
    "Kinship told in any order and nothing else; who is the earliest ancestor?",
    {"generations": 6, "probes": 20},
    _make,
    {"generations": (2, 100)},
)
