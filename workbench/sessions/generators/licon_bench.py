"""LongICLBench (LIConBench, arXiv 2404.02060): very many labels, a few examples of each; accuracy by label position."""

from __future__ import annotations

from workbench.sessions import tasks
from workbench.sessions.generators import utterances
from workbench.sessions.generators.base import Generator, Job

_A_LABEL = 30
"""Tokens for which there must be room for every label."""


def _make(job: Job) -> None:
    w = job.writer()
    wants = utterances.wants(w.r, max(2, min(job["labels"], job.tokens // _A_LABEL)))
    rounds, left = 0, w.room
    examples: list[tuple[int, str]] = []
    while left > 0:
        order = w.r.sample(range(len(wants)), len(wants))
        for n in order:
            text = f"{utterances.said(w.r, wants[n])}\nlabel: {n}"
            left -= w.count(text)
            if left < 0 and rounds:
                break
            examples.append((n, text))
        rounds += left >= 0
    if job["layout"] == "grouped":
        order = list(range(len(wants)))
        w.r.shuffle(order)
        examples.sort(key=lambda e: order[e[0]])
    told: dict[int, list[int]] = {}
    for n, text in examples:
        told.setdefault(n, []).append(w.say(text))
    asked = [w.r.choice(range(len(wants))) for _ in range(job["probes"])]
    labels = tuple(str(n) for n in range(len(wants)))
    for n in asked:
        place = sum(told[n]) / len(told[n]) / max(1, w.last)
        extra = {"position": round(place, 4), "labels": len(wants), "rounds": rounds, "layout": job["layout"]}
        fields = tasks.memoryagentbench("icl") | {"options": labels, "extra": extra}
        w.ask(utterances.said(w.r, wants[n], utterances.ASKED), [str(n)], "test_time_learning", told[n], **fields)


GENERATOR = Generator(
    "licon-bench",
    "LongICLBench",
    "Long-context LLMs Struggle with Long In-context Learning, arXiv 2404.02060",
    "adapted",
    "our own utterances; labels are numbers, as in MemoryAgentBench; rounds fill the length",
    "Extreme-label in-context learning, examples scattered or grouped by label.",
    {"labels": 60, "layout": ("scattered", "grouped"), "probes": 40},
    _make,
    {"labels": (2, 1000)},
)
