"""Equal memory budgets, after MEMO (arXiv 2205.13218): accuracy over the bytes that a memory may hold, and its area.

Methods are compared at the same budget, not each at its own size. Lanes of one strategy with different parameters are
points of one curve: at a budget counts the best lane that needs no more. The area is over all budgets up to the largest
memory, as a share of what a memory that is always right would have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from workbench.projections.methods.base import Found, Method, Run, answerable, lanes, together

STEPS = 4
"""Budgets that are shown: even parts of the largest memory."""


def _measure(runs: Sequence[Run]) -> Found:
    points: dict[str, list[tuple[int, float]]] = {}
    for lane in lanes(runs):
        own = answerable(together(runs, lane))
        if own:
            size = sum(run.sizes.get(lane, 0) for run in runs)
            memory = next(run.memories[lane] for run in runs if lane in run.memories)
            points.setdefault(memory, []).append((size, fmean(row.correct for row in own)))
    most = max((size for curve in points.values() for size, _ in curve), default=0)
    if not most:
        return Found(notes=("no lane holds anything in its memory: there is no budget to compare at",))
    budgets = [round(most * n / STEPS) for n in range(1, STEPS + 1)]
    rows: list[Mapping[str, object]] = []
    for memory, curve in points.items():
        at = {f"{budget:,} B": best_within(curve, budget) for budget in budgets}
        sizes = sorted(size for size, _ in curve)
        rows.append({"memory": memory, "lanes": len(curve), "bytes": f"{sizes[0]:,} to {sizes[-1]:,}", **at,
                     "AUC": area(curve, most) if sizes[0] < most else None})  # fmt: skip
    return Found(
        tuple(rows),
        (
            "no area: the strategy needs the largest budget",
            "bytes are those of texts and fields; vectors are not counted",
        ),
    )


def best_within(points: Sequence[tuple[int, float]], budget: float) -> float | None:
    """Accuracy of the best lane that needs no more bytes; None when none does."""
    return max((accuracy for size, accuracy in points if size <= budget), default=None)


def area(points: Sequence[tuple[int, float]], most: int) -> float:
    """Area under the best accuracy within a budget, over budgets 0 to ``most``, as a share."""
    total, best, last = 0.0, 0.0, 0
    for size, accuracy in [*sorted(points), (most, 0.0)]:
        total += best * (size - last)
        best, last = max(best, accuracy), size
    return total / most


METHOD = Method(
    "memory-budget",
    "Equal memory budgets",
    "A Model or 603 Exemplars (MEMO), arXiv 2205.13218",
    "adapted",
    "bytes of a lane's items in place of exemplars and model parts; budgets are reached by a strategy's parameters",
    "Accuracy over bytes held, strategies compared at equal budgets, and the area under the curve.",
    "lanes that differ in size, best several of each strategy (`window:turns=5`, `window:turns=50`)",
    _measure,
)
