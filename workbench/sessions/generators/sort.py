"""SORT (arXiv 2410.08133): two passages of a text; which of them came first?

Passages begin with a sentence, and half of the answers are A, as in bridge-ai-neuro/SORT (ba136318).
"""

from __future__ import annotations

from workbench.sessions.generators.base import Generator, Job, Writer

_BINS = ("near", "middle", "far")


def _make(job: Job) -> None:
    w = job.writer()
    w.lay([])
    every = " ".join(t.text for t in w.turns)
    once = [(n, s) for n in range(len(w.turns)) if (s := _segment(w, n, job["words"])) and every.count(s) == 1]
    firsts = [n % 2 == 0 for n in range(job["probes"])]  # half of the answers are A, as published
    w.r.shuffle(firsts)
    for number in range(job["probes"] if len(once) > 1 else 0):
        pair = _pair(w, once, _BINS[number % 3])
        if pair is None:
            continue
        (one, first), (two, second) = pair
        options = (first, second) if firsts[number] else (second, first)
        question = f"Which of these two passages came first?\nA: {options[0]}\nB: {options[1]}"
        extra = {"distance": two - one, "bin": _BINS[number % 3]}
        w.ask(question, [first], "long_range_understanding", [one, two], scorer="choice", options=options, extra=extra)


def _segment(w: Writer, turn: int, words: int) -> str:
    """So many words from the beginning of a sentence."""
    text = w.turns[turn].text.split()
    starts = [n for n in range(len(text) - words + 1) if n == 0 or text[n - 1].endswith(".")]
    start = w.r.choice(starts or [0])
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
