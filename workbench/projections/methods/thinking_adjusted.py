"""OptimalThinkingBench (arXiv 2508.13141): accuracy that counts only below a budget of tokens, and the area under it.

OAA at t is the share of probes that are right with fewer than t tokens; AUC is its mean over t from 0 to ``T_MAX``. The
tokens are those that a memory generated: for the answer, and for taking in turns, spread evenly over the lane's probes.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

import numpy as np

from workbench.projections.methods.base import Found, Method, Run, answerable, lanes

T_MAX = 1000
"""Tokens; the largest budget, as published."""
BUDGETS = (100, 300, 1000)


def _measure(runs: Sequence[Run]) -> Found:
    rows = []
    for lane in lanes(runs):
        right: list[bool] = []
        tokens: list[float] = []
        for run in runs:
            own = run.rows.get(lane, ())
            counted = answerable(own)
            right += [row.correct for row in counted]
            tokens += [row.tokens + run.written.get(lane, 0) / len(own) for row in counted]
        if right:
            at = {f"OAA@{t}": adjusted(right, tokens, t) for t in BUDGETS}
            rows.append({"lane": lane, "n": len(right), "accuracy": fmean(right), "tokens": fmean(tokens), **at,
                         "AUC OAA": area(right, tokens)})  # fmt: skip
    return Found(tuple(rows))


def adjusted(right: Sequence[bool], tokens: Sequence[float], budget: float) -> float:
    """Share that is right with fewer tokens than the budget."""
    return fmean(ok and spent < budget for ok, spent in zip(right, tokens, strict=True))


def area(right: Sequence[bool], tokens: Sequence[float], most: int = T_MAX) -> float:
    """Mean of ``adjusted`` over the whole budgets 0 to ``most``."""
    spent = np.asarray([t for t, ok in zip(tokens, right, strict=True) if ok], float)
    budgets = np.arange(most + 1)
    return float((spent[None, :] < budgets[:, None]).sum(axis=1).mean() / len(right)) if len(right) else 0.0


METHOD = Method(
    "thinking-adjusted",
    "Thinking-adjusted accuracy",
    "OptimalThinkingBench, arXiv 2508.13141",
    "adapted",
    "tokens spent on memory operations are counted beside those of the answer",
    "Accuracy that counts only below a budget of generated tokens, and the area under it up to 1,000.",
    "any run; a reader that is a rule generates nothing",
    _measure,
)
