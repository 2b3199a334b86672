"""SORT (arXiv 2410.08133): two passages of a text; which of them came first?"""

from __future__ import annotations

from workbench.sessions.generators.base import Generator, Job, Writer

_BINS = ("near", "middle", "far")


def _make(job: Job) -> None:
    w = job.writer()
    w.lay([])
    every = " ".join(t.text for t in w.turns)
    once = [(n, s) for n in range(len(w.turns)) if (s := _segment(w, n, job["words"])) and every.count(s) == 1]
    for number in range(job["probes"] if len(once) > 1 else 0):
        pair = _pair(w, once, _BINS[number % 3])
        if pair is None:
            continue
        (one, first), (two, second) = pair
        options = (first, second) if w.r.random() < 0.5 else (second, first)
        question = f"Which of these two passages came first?\nA: {options[0]}\nB: {options[1]}"
        extra = {"distance": two - one, "bin": _BINS[number % 3]}
        w.ask(question, [first], "long_range_understanding", [one, two], scorer="choice", options=options, extra=extra)


def _segment(w: Writer, turn: int, words: int) -> str:
    text = w.turns[turn].text.split()
    start = w.r.randrange(max(1, len(text) - words + 1))
    return " ".join(text[start : start + words])


def _pair(w: Writer, segments: list[tuple[int, str]], where: str) -> tuple[tuple[int, str], tuple[int, str]] | None:
    """Two passages in their order, as far apart as the bin says: thirds of the longest distance."""
    third, longest = _BINS.index(where), segments[-1][0] - segments[0][0]
    low, high = max(1, longest * third // 3), max(1, longest * (third + 1) // 3)
    pairs = [(a, b) for a in segments for b in segments if low <= b[0] - a[0] <= high]
    return w.r.choice(pairs) if pairs else None


GENERATOR = Generator(
    "sort",
    "SORT",
    "Assessing Episodic Memory in LLMs with Sequence Order Recall Tasks, arXiv 2410.08133",
    "adapted",
    "our own prose in place of books; three distances",
    "Which of two passages of a text came first, near and far apart.",
    {"probes": 24, "words": 20},
    _make,
    {"words": (3, 100)},
)
