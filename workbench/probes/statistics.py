"""Intervals and comparisons: how much a figure from so few probes may be off, and whether two lanes differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from statistics import NormalDist
from typing import Literal

import numpy as np

RESAMPLES = 2000
"""Of every bootstrap."""

METHODS = {"wilson": "Wilson", "bca": "BCa bootstrap"}
"""What an interval's method is called where a person reads it."""

_SAME = 1e-9  # figures that differ by less are the same
_KEPT = 256  # figures up to which the draws are kept


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval of a mean, and how it was made."""

    low: float
    high: float
    method: Literal["wilson", "bca"]


@lru_cache(maxsize=4096)
def wilson(correct: float, n: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a share (1927), without continuity correction; (0, 1) for n = 0.

    In closed form: scipy's ``binomtest(...).proportion_ci(method="wilson")`` gives the same and takes a thousand times
    as long, too long for a scoreboard that follows the cursor. ``correct`` may be a sum of figures in 0..1: nothing
    with their mean varies more than rights and wrongs do, so the interval is wide enough then, too.
    """
    if not n:
        return (0.0, 1.0)
    z = NormalDist().inv_cdf((1 + level) / 2)
    share, spread = correct / n, z * z / n
    middle = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * ((share * (1 - share) + spread / 4) / n) ** 0.5
    return (max(0.0, middle - half) if correct else 0.0, min(1.0, middle + half) if correct < n else 1.0)


def interval(values: Sequence[float], level: float = 0.95, seed: int = 0) -> Interval:
    """Interval of the mean of figures in 0..1: Wilson's for rights and wrongs, else BCa bootstrap (Efron 1987).

    Figures that are all the same tell a bootstrap nothing; they get Wilson's, too. The same for the same seed.
    """
    data = np.asarray(values, float)
    if ((data == 0) | (data == 1)).all() or data.max() - data.min() < _SAME:
        return Interval(*wilson(float(data.sum()), len(data), level), "wilson")
    low, high = _kept_bca(data.tobytes(), level, seed)
    return Interval(max(0.0, low), min(1.0, high), "bca")


@lru_cache(maxsize=1024)
def _kept_bca(data: bytes, level: float, seed: int) -> tuple[float, float]:
    """Of the columns of a board a probe changes two; float64 as bytes, so that they are found again."""
    return _bca(np.frombuffer(data), level, seed)


def _bca(data: np.ndarray, level: float, seed: int) -> tuple[float, float]:
    """The bootstrap of a mean as ``scipy.stats.bootstrap`` makes it, without its half second for a board of columns.

    How often each of n figures is drawn does not depend on the figures, so draws are shared by all lanes and columns,
    and a mean's jackknife, of which the acceleration is made, has a closed form. Tests hold it against scipy's.
    """
    from scipy.special import ndtr, ndtri

    means, mean = np.round(_resampled(data, seed), 12), round(float(data.mean()), 12)
    apart = data - data.mean()
    acceleration = float((apart**3).sum() / (6 * (apart**2).sum() ** 1.5))
    below = (float((means < mean).sum()) + float((means <= mean).sum())) / (2 * len(means))
    bias = float(ndtri(min(max(below, 1 / (2 * len(means))), 1 - 1 / (2 * len(means)))))
    ends = []
    for z in (float(ndtri((1 - level) / 2)), float(ndtri((1 + level) / 2))):
        moved = bias + (bias + z) / (1 - acceleration * (bias + z))
        ends.append(float(np.percentile(means, 100 * float(ndtr(moved)))))
    return ends[0], ends[1]


def _resampled(data: np.ndarray, seed: int) -> np.ndarray:
    """Means of ``RESAMPLES`` draws with replacement."""
    n = len(data)
    if n <= _KEPT:
        return np.asarray(_counts(n, seed) @ data / n)
    rng, batch = np.random.default_rng(seed), 100
    return np.concatenate([data[rng.integers(0, n, (batch, n))].mean(axis=1) for _ in range(RESAMPLES // batch)])


@lru_cache(maxsize=64)
def _counts(n: int, seed: int) -> np.ndarray:
    """How often each of ``n`` is drawn: uint8 ``[RESAMPLES, n]``, at most half a megabyte."""
    draws = np.random.default_rng(seed).integers(0, n, (RESAMPLES, n))
    places = draws + n * np.arange(RESAMPLES)[:, None]
    return np.bincount(places.ravel(), minlength=RESAMPLES * n).reshape(RESAMPLES, n).astype(np.uint8)


# Two lanes on the same probes ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two lanes on the probes that both answered.

    Attributes:
        n: probes.
        difference: mean of the second less mean of the first.
        low, high: its 95 % interval: Newcombe's for rights and wrongs, else BCa bootstrap over the probes (pairs
            stay together).
        p: chance of such a difference between equals: McNemar's exact test for rights and wrongs, else from the paired
            bootstrap.
        test: ``mcnemar`` or ``bootstrap``.
        first_only, second_only: probes on which one of the two is better than the other.
        holm: ``p`` after Holm's correction for the number of comparisons; set where lanes are compared.
    """

    n: int
    difference: float
    low: float
    high: float
    p: float
    test: Literal["mcnemar", "bootstrap"]
    first_only: int
    second_only: int
    holm: float = 1.0

    @property
    def turned(self) -> Comparison:
        """The same with first and second changed over."""
        return replace(
            self,
            difference=-self.difference,
            low=-self.high,
            high=-self.low,
            first_only=self.second_only,
            second_only=self.first_only,
        )


def compare(first: Sequence[float], second: Sequence[float], seed: int = 0) -> Comparison:
    """Compare two lanes' figures, in the same order of probes. Needs one probe at least."""
    one, two = np.asarray(first, float), np.asarray(second, float)
    apart = two - one
    better, worse = int((apart > 0).sum()), int((apart < 0).sum())
    shares = bool(np.isin(np.concatenate([one, two]), (0.0, 1.0)).all())
    if shares:
        low, high = newcombe(one.astype(bool), two.astype(bool))
    else:
        low, high = _bca(apart, 0.95, seed) if np.ptp(apart) > _SAME else _when_all_same(apart)
    p = mcnemar(worse, better) if shares else _bootstrap_p(apart, seed)
    test: Literal["mcnemar", "bootstrap"] = "mcnemar" if shares else "bootstrap"
    return Comparison(len(apart), float(apart.mean()), low, high, p, test, worse, better)


def _when_all_same(apart: np.ndarray) -> tuple[float, float]:
    """Every pair differs by as much: what Wilson's interval says of that many equal ones."""
    low, _ = wilson(len(apart), len(apart))
    step, slack = float(apart[0]), 1 - low
    return (max(-1.0, step - slack), min(1.0, step + slack))


def newcombe(first: np.ndarray, second: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """Newcombe's interval of a difference of paired shares (1998, method 10), second less first; bool ``[n]`` each.

    A bootstrap of a few pairs that differ promises too much: three of 24 in one direction would exclude nought.
    """
    n = len(first)
    one, two = float(first.mean()), float(second.mean())
    (low1, high1), (low2, high2) = (wilson(float(values.sum()), n, level) for values in (first, second))
    both, neither = float((first & second).sum()), float((~first & ~second).sum())
    only1, only2 = float((first & ~second).sum()), float((~first & second).sum())
    spread = (both + only1) * (only2 + neither) * (both + only2) * (only1 + neither)
    cross = both * neither - only1 * only2
    together = (max(cross - n / 2, 0.0) if cross > 0 else cross) / spread**0.5 if spread else 0.0
    down, up = (two - low2, high1 - one), (high2 - two, one - low1)
    below, above = (max(0.0, a * a - 2 * together * a * b + b * b) ** 0.5 for a, b in (down, up))
    return max(-1.0, two - one - below), min(1.0, two - one + above)


def mcnemar(first_only: int, second_only: int) -> float:
    """Two-sided exact McNemar test (1947): are the probes that one lane alone gets right split evenly?"""
    from scipy.stats import binomtest

    n = first_only + second_only
    return float(binomtest(first_only, n, 0.5).pvalue) if n else 1.0


def _bootstrap_p(apart: np.ndarray, seed: int) -> float:
    """Two-sided p of the paired bootstrap: how often a resampled mean difference falls on the other side of nought."""
    rng = np.random.default_rng(seed)
    draws = rng.integers(0, len(apart), (RESAMPLES, len(apart)))
    means = apart[draws].mean(axis=1)
    beyond = min(int((means <= 0).sum()), int((means >= 0).sum()))
    return min(1.0, 2 * (beyond + 1) / (RESAMPLES + 1))


def holm(values: Sequence[float]) -> list[float]:
    """Holm's step-down correction (1979) of p values, in their order."""
    order = sorted(range(len(values)), key=values.__getitem__)
    found, highest = [0.0] * len(values), 0.0
    for place, index in enumerate(order):
        highest = max(highest, min(1.0, values[index] * (len(values) - place)))
        found[index] = highest
    return found


def detectable(n: int, discordant: float, power: float = 0.8, alpha: float = 0.05) -> float:
    """The smallest difference of two shares that McNemar's test on ``n`` probes finds with this power.

    Solves Miettinen's (1968) sample size for the difference. ``discordant`` is the share of probes on which two lanes
    differ; a difference cannot be larger, so where it is too small the smallest that is alone is given.
    """
    za, zb = NormalDist().inv_cdf(1 - alpha / 2), NormalDist().inv_cdf(power)
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        share = max(discordant, middle)
        needed = (za * share**0.5 + zb * max(0.0, share - middle * middle) ** 0.5) ** 2 / max(middle, 1e-12) ** 2
        low, high = (middle, high) if needed > n else (low, middle)
    return high


def detectable_mean(n: int, spread: float, power: float = 0.8, alpha: float = 0.05) -> float:
    """The same for means of figures: ``spread`` is the standard deviation of a pair's difference."""
    za, zb = NormalDist().inv_cdf(1 - alpha / 2), NormalDist().inv_cdf(power)
    return float(min(1.0, (za + zb) * spread / n**0.5)) if n else 1.0
