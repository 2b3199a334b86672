"""LongGenBench (arXiv 2409.02076): completion rate and STIC of long answers, by kind of instruction.

STIC-1 is the share of instructions met among those whose part was written, STIC-2 that among all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import fmean

from workbench.probes.structured import checked
from workbench.projections.methods.base import Found, Method, Run, lanes, together


def _measure(runs: Sequence[Run]) -> Found:
    rows = []
    for lane in lanes(runs):
        own = [checked(row.probe, row.answer) for row in together(runs, lane) if row.probe.scorer == "checks"]
        if not own:
            continue
        met, of, present = (_summed([getattr(one, name) for one in own]) for name in ("met", "of", "present"))
        kinds = {f"{kind}": met[kind] / of[kind] for kind in of}
        rows.append({
            "lane": lane, "n": len(own), "completion": fmean(one.complete for one in own),
            "STIC-1": met.total() / present.total() if present.total() else 0.0,
            "STIC-2": met.total() / of.total() if of.total() else 0.0, **kinds,
        })  # fmt: skip
    return Found(tuple(rows))


def _summed(counts: Sequence[object]) -> Counter[str]:
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)  # type: ignore[call-overload]
    return total


METHOD = Method(
    "long-generation",
    "Long generation",
    "LongGenBench, arXiv 2409.02076",
    "adapted",
    "instructions are checked by words, not by a model",
    "Completion rate of long answers, and the share of their instructions that are met.",
    "probes with the scorer `checks` (`synth long-gen-bench`)",
    _measure,
)
