"""BenchBench (arXiv 2407.13696): do probe sets rank the lanes alike? Rank correlation with resampled references.

A probe set is a session, or where there is one alone a competency. The reference of a set is the mean win rate of the
lanes over other sets; those are drawn again and again, so that no figure hangs on one choice of reference.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from statistics import fmean, pstdev

import numpy as np
from numpy.typing import NDArray

from workbench.probes.competencies import family
from workbench.projections.methods.base import Found, Method, Run, answerable

RESAMPLES = 200
LEAST_LANES = 3


def _measure(runs: Sequence[Run]) -> Found:
    names, table = accuracies(runs)
    lanes = table.shape[1] if table.size else 0
    if len(names) < 2 or lanes < LEAST_LANES:
        what = f"agreement needs two probe sets and {LEAST_LANES} lanes that answered all of them"
        return Found(notes=(f"{what}; there are {len(names)} and {lanes}",))
    found = [agreement(table, n) for n in range(len(names))]
    taus = [tau for tau, *_ in found if tau is not None]
    middle, spread = (fmean(taus), pstdev(taus)) if taus else (0.0, 0.0)
    rows = [
        {"set": name, "lanes": lanes, "kendall": tau, "low": low, "high": high, "pearson": r,
         "z": (tau - middle) / spread if tau is not None and spread else None}
        for name, (tau, low, high, r) in zip(names, found, strict=True)
    ]  # fmt: skip
    return Found(tuple(rows), (f"references: mean win rate over other sets, {RESAMPLES} times drawn anew",))


def accuracies(runs: Sequence[Run]) -> tuple[list[str], NDArray[np.float64]]:
    """Names of the probe sets, and accuracy ``[sets, lanes]`` of the lanes that answered all of them."""
    several = len({name for run in runs for name in run.sessions}) > 1
    found: dict[str, dict[str, list[bool]]] = {}
    for run in runs:
        for lane, own in run.rows.items():
            for row in answerable(own) if several else own:
                name = row.session if several else family(row.probe)
                found.setdefault(name, {}).setdefault(lane, []).append(row.correct)
    shared = [lane for lane in dict.fromkeys(n for own in found.values() for n in own)
              if all(lane in own for own in found.values())]  # fmt: skip
    rows = [[fmean(own[lane]) for lane in shared] for own in found.values()]
    return list(found), np.asarray(rows, float).reshape(len(found), len(shared))


def agreement(
    table: NDArray[np.float64], which: int, seed: int = 0
) -> tuple[float | None, float | None, float | None, float | None]:
    """Mean of Kendall's tau of a set with resampled references, its 95 % range, and mean of Pearson's r.

    None where a correlation does not exist: all lanes are equal.
    """
    from scipy.stats import kendalltau, pearsonr

    rng = np.random.default_rng(seed)
    others = [n for n in range(len(table)) if n != which]
    wins = np.stack([win_rates(row) for row in table])
    taus, pearsons = [], []
    for _ in range(RESAMPLES if len(others) > 1 else 1):
        drawn = rng.choice(others, size=len(others), replace=True) if len(others) > 1 else others
        reference = wins[drawn].mean(axis=0)
        if np.ptp(reference) == 0 or np.ptp(table[which]) == 0:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            taus.append(float(kendalltau(table[which], reference, method="asymptotic").statistic))
            pearsons.append(float(pearsonr(table[which], reference).statistic))
    if not taus:
        return None, None, None, None
    low, high = np.quantile(taus, (0.025, 0.975))
    return fmean(taus), float(low), float(high), fmean(pearsons)


def win_rates(row: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each lane the share of the others that it beats, ties half; float64 ``[lanes]``."""
    beats = (row[:, None] > row[None, :]) + 0.5 * (row[:, None] == row[None, :])
    np.fill_diagonal(beats, 0.0)
    return np.asarray(beats.sum(axis=1) / max(len(row) - 1, 1), float)


METHOD = Method(
    "benchmark-agreement",
    "Benchmark agreement",
    "BenchBench, arXiv 2407.13696",
    "adapted",
    "probe sets of one's own runs in place of published leaderboards; all lanes, no subsets of models",
    "Rank correlation of every probe set with references drawn from the others, and its z-score.",
    "two sessions (or competencies) and three lanes",
    _measure,
)
