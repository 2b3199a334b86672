"""LiveBench (arXiv 2406.19314): probes made anew for every release, ground truth alone, no judge.

A release is a date (``synth NAME --date``): each has facts of its own that no model can have seen. Where a lane does
better on releases before its model was made than on the newest, it may have learned them by heart.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from workbench.probes.scorers import JUDGED
from workbench.projections.methods.base import Found, Method, Run, answerable, lanes, together


def _measure(runs: Sequence[Run]) -> Found:
    released = {name: str(s.extra.get("released", "")) for run in runs for name, s in run.sessions.items()}
    dates = sorted({date for date in released.values() if date})
    if not dates:
        return Found(notes=("no session of these runs has a release: make some with `synth NAME --date`",))
    rows = []
    judged = 0
    for lane in lanes(runs):
        by_date: dict[str, list[bool]] = {}
        for row in answerable(together(runs, lane)):
            if set(row.probe.scores) & set(JUDGED):
                judged += 1
            elif released[row.session]:
                by_date.setdefault(released[row.session], []).append(row.correct)
        at = {date: fmean(by_date[date]) if date in by_date else None for date in dates}
        newest, older = by_date.get(dates[-1], []), [right for d in dates[:-1] for right in by_date.get(d, ())]
        gap = fmean(older) - fmean(newest) if older and newest else None
        rows.append({"lane": lane, "n": sum(map(len, by_date.values())), **at, "older less newest": gap})
    notes = [f"{judged} answers that a model judges: left out"] if judged else []
    return Found(tuple(rows), (f"newest release {dates[-1]}", *notes))


METHOD = Method(
    "freshness",
    "Fresh releases",
    "LiveBench, arXiv 2406.19314",
    "adapted",
    "probes are generated for a date, not collected from recent sources",
    "Accuracy by release, and how much better older releases are than the newest.",
    "sessions written by `synth NAME --date YYYY-MM-DD`",
    _measure,
)
