"""Many-shot classification of MemoryAgentBench's shape (arXiv 2507.05257): numbered labels, balanced examples.

From a file of labelled utterances (BANKING77's two CSV files, CLINC150's JSON; ``told`` and ``asked``), or of our own.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from workbench.sessions import tasks
from workbench.sessions.formats import labels as labelled
from workbench.sessions.formats.loading import load
from workbench.sessions.generators import utterances
from workbench.sessions.generators.base import Generator, GeneratorError, Job, Writer

Pairs = list[tuple[str, str]]
_AN_EXAMPLE = 12  # tokens
OUT = "oos"
"""CLINC150's utterances of no label; MemoryAgentBench has its 150 labels alone."""


def _make(job: Job) -> None:
    w = job.writer()
    labels = job["labels"] if job["labels"] > 1 else _fitting(job.tokens)
    told, asked = _files(job) if job["told"] else _own(w, labels, job["probes"])
    numbers = {label: str(n) for n, label in enumerate(sorted({label for _, label in told}))}
    places: dict[str, list[int]] = defaultdict(list)
    for text, label in _balanced(w, told, numbers):
        places[label].append(w.say(f"{text}\nlabel: {numbers[label]}", own=not job["told"]))
    known = [(text, label) for text, label in asked if label in places]
    source = f"icl_{Path(job['told']).parent.name if job['told'] else 'own'}_{len(w.turns)}shot_balance"
    for text, label in w.r.sample(known, min(job["probes"], len(known))):
        extra = {"source": source, "label": label, "shots": len(places[label])}
        fields = tasks.memoryagentbench("icl") | {"options": tuple(numbers.values()), "extra": extra}
        w.ask(text, [numbers[label]], "test_time_learning", places[label], **fields)


def _balanced(w: Writer, pairs: Pairs, numbers: dict[str, str]) -> Pairs:
    """As many examples of every label as have room, shuffled."""
    by_label: dict[str, Pairs] = defaultdict(list)
    for pair in w.r.sample(pairs, len(pairs)):
        by_label[pair[1]].append(pair)
    found: Pairs = []
    left = w.room
    for n in range(max(map(len, by_label.values()))):
        one = [own[n] for own in by_label.values() if n < len(own)]
        left -= sum(w.count(f"{text}\nlabel: {numbers[label]}") for text, label in one)
        if left < 0 and found:
            break
        found += one
    w.r.shuffle(found)
    return found


def _fitting(tokens: int) -> int:
    """Labels for which all phrasings together are about so long."""
    return max(2, min(1000, tokens // (len(utterances.SHOWN) * _AN_EXAMPLE)))


def _own(w: Writer, labels: int, probes: int) -> tuple[Pairs, Pairs]:
    wants = utterances.wants(w.r, labels)
    shown = [(utterances.said(w.r, want, (phrase,)), " ".join(want)) for want in wants for phrase in utterances.SHOWN]
    asked = [
        (utterances.said(w.r, want, utterances.ASKED), " ".join(want)) for want in (wants * (probes // labels + 1))
    ]
    return shown, asked


def _files(job: Job) -> tuple[Pairs, Pairs]:
    """What the files tell and ask: two of them, or one with both."""
    told = _read(job["told"])
    asked = _read(job["asked"]) if job["asked"] else told
    return told[0], asked[1] or asked[0]


def _read(name: str) -> tuple[Pairs, Pairs]:
    """The pairs that a file tells and those that it asks. Raises ``GeneratorError`` for another kind of file."""
    path = Path(name)
    data = load(path)
    if not labelled.detect(data, path):
        raise GeneratorError(f"{path}: no labelled utterances", "a CSV with text and label, or CLINC150's JSON")
    session = labelled.read(data, path)[0]
    told = [tuple(turn.text.rsplit("\nlabel: ", 1)) for turn in session.turns]
    asked = [(probe.question, probe.gold[0]) for probe in session.probes]
    return [p for p in told if p[1] != OUT], [p for p in asked if p[1] != OUT]  # type: ignore[misc]


GENERATOR = Generator(
    "many-shot",
    "Many-shot classification",
    "MemoryAgentBench, arXiv 2507.05257 (test-time learning); SCBench, arXiv 2412.10319 (many-shot)",
    "adapted",
    "examples and questions are drawn anew; the benchmark's own draw is in its file",
    "Labelled utterances, equally many of each label, then new ones; from BANKING77, CLINC150 or our own (labels=1: as "
    "many as fit).",
    {"told": "", "asked": "", "labels": 1, "probes": 100},
    _make,
)
