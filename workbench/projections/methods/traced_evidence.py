"""TreeBench (arXiv 2507.07999): is an answer traceable to its evidence? Here boxes in pictures are turns of a session.

What an answer rests on are the turns in its context; where attention was recorded, also those of the spans that got
more than an even share of it. Both are held against the probe's evidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from workbench.projections.methods.base import Answered, Found, Method, Run, lanes, together


def _measure(runs: Sequence[Run]) -> Found:
    rows = []
    for lane in lanes(runs):
        own = [row for row in together(runs, lane) if row.probe.evidence]
        if not own:
            continue
        context = [overlap(in_context(row), row.probe.evidence) for row in own]
        attended = [overlap(turns, row.probe.evidence) for row in own if (turns := attended_to(row)) is not None]
        unproved = [row.correct and not set(in_context(row)) & set(row.probe.evidence) for row in own]
        rows.append({
            "lane": lane, "n": len(own),
            **_means("", context),
            "attended n": len(attended), **_means("attended ", attended),
            "right without evidence": fmean(unproved),
        })  # fmt: skip
    return Found(tuple(rows))


def in_context(row: Answered) -> tuple[int, ...]:
    """The turns that the spans of the context come from."""
    return tuple(dict.fromkeys(turn for span in row.shown for turn in span.turns))


def attended_to(row: Answered) -> tuple[int, ...] | None:
    """The turns of the spans with more attention than an even share; None without a capture."""
    known = [(span, span.attention) for span in row.shown if span.attention is not None]
    if not known:
        return None
    even = sum(share for _, share in known) / len(known)
    return tuple(dict.fromkeys(turn for span, share in known if share >= even for turn in span.turns))


def overlap(turns: Sequence[int], evidence: Sequence[int]) -> tuple[float, float, float]:
    """Precision, recall and intersection over union of two sets of turns; evidence is not empty."""
    found, wanted = set(turns), set(evidence)
    both = len(found & wanted)
    return both / len(found) if found else 0.0, both / len(wanted), both / len(found | wanted)


def _means(prefix: str, found: Sequence[tuple[float, float, float]]) -> dict[str, float | None]:
    names = ("precision", "recall", "IoU")
    return {f"{prefix}{name}": fmean(row[n] for row in found) if found else None for n, name in enumerate(names)}


METHOD = Method(
    "traced-evidence",
    "Traceable evidence",
    "TreeBench, arXiv 2507.07999",
    "in the style of",
    "turns in place of boxes in a picture: precision, recall and IoU of the turns that an answer rests on",
    "Precision and recall of the turns in an answer's context, and of those it attended to, against the evidence.",
    "probes with evidence; attended: a run with --capture answers",
    _measure,
)
