"""Intervals: how much a figure from so few probes may be off."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from statistics import NormalDist

import numpy as np


@lru_cache(maxsize=4096)
def wilson(correct: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a share (1927), without continuity correction; (0, 1) for n = 0.

    In closed form: scipy's ``binomtest(...).proportion_ci(method="wilson")`` gives the same and takes a thousand times
    as long, too long for a scoreboard that follows the cursor.
    """
    if not n:
        return (0.0, 1.0)
    z = NormalDist().inv_cdf((1 + level) / 2)
    share, spread = correct / n, z * z / n
    middle = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * ((share * (1 - share) + spread / 4) / n) ** 0.5
    return (max(0.0, middle - half), min(1.0, middle + half))


def bootstrap(values: Sequence[float], level: float = 0.95, samples: int = 2000, seed: int = 0) -> tuple[float, float]:
    """Percentile bootstrap interval of a mean (Efron 1979); the same for the same seed. Needs one value at least."""
    data = np.asarray(values, float)
    rng = np.random.default_rng(seed)
    means = np.array([data[rng.integers(0, len(data), len(data))].mean() for _ in range(samples)])
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return (float(low), float(high))
