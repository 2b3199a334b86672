"""The scorers by name: our own readings, which say right or wrong, and the benchmarks' published figures.

A scorer may also come from another package, as an entry point of the group ``mnemoscope.scorers``: a function of the
probe and the answer that returns a figure in 0..1 (or None). It can be named like both kinds; as a reading it says
right from ``GOOD`` on. One that cannot be loaded costs one line, on standard error, and is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from workbench import plugins
from workbench.errors import MnemoscopeError
from workbench.probes import generated, locomo, longbench, memoryagentbench, ours, scbench, structured
from workbench.probes.base import Published, Score, Scorer, Shared
from workbench.sessions.model import Probe

GROUP = "mnemoscope.scorers"
GOOD = 0.5
"""From this figure on an outside scorer counts as right."""

SCORERS: dict[str, Scorer] = {
    "match": ours.match,
    "exact": ours.exact,
    "substring": ours.substring,
    "f1": ours.f1,
    "locomo": ours.locomo,
    "label": ours.label,
    "label-strict": ours.label_strict,
    "number": ours.number,
    "choice": ours.choice,
    "abstain": ours.abstain,
    "interval": structured.interval,
    "checks": structured.checks,
    "all": structured.every,
    "in-order": structured.in_order,
    "pair": structured.pair,
    "event-time": structured.event_time,
}
"""Our readings. Adding one takes a function and a line here."""

PUBLISHED: dict[str, Published] = {
    "em": memoryagentbench.em,
    "substring-em": memoryagentbench.substring_em,
    "icl-em": memoryagentbench.icl_em,
    "eventqa-recall": memoryagentbench.eventqa_recall,
    "recsys-recall@5": memoryagentbench.recsys_recall,
    "locomo-f1": locomo.f1,
    "longbench-f1": longbench.best(longbench.qa_f1),
    "longbench-f1-zh": longbench.best(longbench.qa_f1_zh),
    "longbench-class": longbench.classification,
    "longbench-count": longbench.best(longbench.count),
    "longbench-retrieval": longbench.best(longbench.retrieval),
    "rouge-l": longbench.best(longbench.rouge_l),
    "rouge-l-zh": longbench.best(longbench.rouge_l_zh),
    "code-sim": longbench.best(longbench.code_sim),
    "scbench": scbench.figure,
    "longins-f1": generated.longins,
    "turtlebench": generated.turtlebench,
    "longicl-em": generated.longicl,
    "longbio": generated.longbio,
    "longbio-cite": generated.longbio_cite,
    "humblebench": generated.humblebench,
    "humblebench-none": generated.humblebench_none,
    "etbench-f1": generated.etbench_f1,
    "etbench-iou": generated.etbench_iou,
}
"""Figures of answers, each as its benchmark's official code computes it."""

RETRIEVED = ("longmemeval-ndcg", "recall-any", "recall-all")
"""Figures of what was retrieved (``workbench.probes.longmemeval``)."""

NEEDS: Mapping[str, str] = {
    "recsys-recall@5": "the benchmark's catalogue entity2id.json beside the session file, or `--read catalogue=FILE`",
    "scbench": "the extra `code` (tree-sitter), for functions; and what the benchmark's rows say of them",
    "longbench-f1-zh": "the package jieba",
    "rouge-l-zh": "the package jieba",
}
"""What a figure cannot be computed without."""

JUDGED = ("locomo-judge", "longmemeval-judge", "infbench-judge", "tick-judge", "clear-judge")
"""Figures that a model gives afterwards."""


def score(name: str, probe: Probe, answer: str) -> Score:
    """Say right or wrong by our reading ``name``. Raises ``MnemoscopeError`` when there is none of that name."""
    if name in SCORERS:
        return SCORERS[name](probe, answer)
    outside = _outside()
    if name not in outside:
        known = ", ".join((*SCORERS, *outside))
        raise MnemoscopeError(f"probe {probe.id!r}: unknown scorer {name!r}", f"one of: {known}")
    figure = _figure(outside[name](probe, answer)) or 0.0
    return Score(figure >= GOOD, figure, answer.strip())


def published(probe: Probe, answer: str, shared: Shared) -> dict[str, float]:
    """The published figures that the probe names, as far as they can be told from the answer alone."""
    found = {}
    for name in probe.scores:
        value = None
        if name in PUBLISHED:
            with suppress(MnemoscopeError):  # what it needs is not there: see NEEDS
                value = PUBLISHED[name](probe, answer, shared)
        elif name in _outside():
            value = _figure(_outside()[name](probe, answer))
        if value is not None:
            found[name] = round(float(value), 9)
    return found


def _figure(value: Any) -> float | None:
    return None if value is None else min(1.0, max(0.0, float(value)))


def _outside() -> Mapping[str, Callable[[Probe, str], Any]]:
    return plugins.loaded(GROUP)
