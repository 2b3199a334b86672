"""LongICLBench (LIConBench, arXiv 2404.02060): very many labels, a few examples of each; accuracy by label position."""

from __future__ import annotations

from workbench.sessions import tasks
from workbench.sessions.generators import utterances
from workbench.sessions.generators.base import Generator, Job

_A_LABEL = 30
"""Tokens for which there must be room for every label."""
_NAMED = "service query: {text}\nintent category: {label}"
_NUMBERED = "{text}\nlabel: {label}"


def _make(job: Job) -> None:
    w = job.writer()
    wants = utterances.wants(w.r, max(2, min(job["labels"], job.tokens // _A_LABEL)))
    named = job["names"] == "words"
    labels = tuple(name(want) if named else str(n) for n, want in enumerate(wants))
    form = _NAMED if named else _NUMBERED
    rounds, left = 0, w.room
    examples: list[tuple[int, str]] = []
    while left > 0:
        for n, want in enumerate(wants):  # every round in the same order, as published
            text = form.format(text=utterances.said(w.r, want), label=labels[n])
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
    task = tasks.GENERATED["licon-bench"].fields if named else tasks.memoryagentbench("icl")
    for n in asked:
        place = sum(told[n]) / len(told[n]) / max(1, w.last)
        extra = {"position": round(place, 4), "labels": len(wants), "rounds": rounds, "layout": job["layout"]}
        fields = task | {"options": labels, "extra": extra}
        w.ask(utterances.said(w.r, wants[n], utterances.ASKED), [labels[n]], "test_time_learning", told[n], **fields)


def name(want: utterances.Want) -> str:
    """A label as BANKING77 writes its own: ``rent_out_kettle``."""
    return "_".join((*want[0].split(), want[1]))


GENERATOR = Generator(
    "licon-bench",
    "LongICLBench",
    "Long-context LLMs Struggle with Long In-context Learning, arXiv 2404.02060",
    "adapted",
    "our own utterances and labels; rounds fill the length; one of its six sets (BANKING77's form)",
    "Extreme-label in-context learning, examples scattered or grouped by label.",
    {"labels": 60, "layout": ("scattered", "grouped"), "names": ("words", "numbers"), "probes": 40},
    _make,
    {"labels": (2, 1000)},
)
