"""Accuracy by where what is asked for stood: LongICLBench's label positions, serial positions, NeedleBench's depths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from workbench.projections.methods.base import Answered, Found, Method, Run, answerable, lanes, together

BINS = 5


def _measure(runs: Sequence[Run]) -> Found:
    rows: list[Mapping[str, Any]] = []
    for lane in lanes(runs):
        bins: dict[int, list[bool]] = {}
        for row in answerable(together(runs, lane)):
            place = position(row, {name: s for run in runs for name, s in run.sessions.items()})
            if place is not None:
                bins.setdefault(min(BINS - 1, int(place * BINS)), []).append(row.correct)
        if bins:
            at = {f"{n * 100 // BINS}-{(n + 1) * 100 // BINS} %": fmean(bins[n]) if n in bins else None
                  for n in range(BINS)}  # fmt: skip
            rows.append({"lane": lane, "n": sum(map(len, bins.values())), **at})
    return Found(tuple(rows))


def position(row: Answered, sessions: Mapping[str, Any]) -> float | None:
    """0 to 1: ``extra.position`` or ``depth``, else where the evidence stands among the turns told; None: unknown."""
    for key in ("position", "depth"):
        value = row.probe.extra.get(key)
        if isinstance(value, int | float) and 0 <= value <= 1:
            return float(value)
    told = min(row.probe.after, len(sessions[row.session].turns) - 1)
    evidence = [turn for turn in row.probe.evidence if turn <= told]
    return fmean(evidence) / told if evidence and told > 0 else None


METHOD = Method(
    "by-position",
    "Accuracy by position",
    "LongICLBench, arXiv 2404.02060; NeedleBench, arXiv 2407.11963; WorM, arXiv 2307.10768",
    "faithful",
    "",
    "Accuracy in five bins of where the evidence stood, from the beginning to the end.",
    "probes with evidence, or with extra.position or extra.depth",
    _measure,
)
