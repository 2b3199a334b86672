"""PyramidKV: SnapKV with more tokens in lower layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from workbench.cache.base import Floats, Ints, Observation
from workbench.cache.policies.snapkv import SnapKV
from workbench.errors import UsageError


@dataclass
class PyramidKV(SnapKV):
    """SnapKV's scores; the budget falls linearly from the first layer to the last (``pyramidkv_utils.py``).

    Beside the window, the last layer gets ``1/beta`` of the mean and the first one twice the mean less that; where the
    prompt is shorter than the first layer's share, the first gets all of it and the last what is left.

    Attributes:
        beta: steepness of the pyramid.
    """

    name: ClassVar[str] = "pyramidkv"
    title: ClassVar[str] = "PyramidKV"
    paper: ClassVar[str] = "arXiv 2406.02069; github.com/Zefan-Cai/KVCache-Factory"
    differs: ClassVar[str] = (
        "Fractions of tokens are carried over from layer to layer, so that the mean is the budget; grouped query heads "
        "share the mean of their scores; evicted for all, the pyramid survives as the layers' weights in the vote."
    )

    beta: int = 20

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.beta < 1:
            raise UsageError(f"{self.name}: beta is {self.beta}", "write at least 1")

    def shares(self, seen: Observation, budget: int, scores: Floats) -> Ints:
        """The pyramid, window included."""
        window = min(self.window(budget), seen.n)
        mean, most = budget - window, seen.n - window
        last = mean / self.beta
        first = 2 * mean - last
        if first >= most:
            first, last = most, 2 * mean - most
        ends = np.round(np.cumsum(np.linspace(first, last, seen.layers)))
        counts = window + np.diff(ends, prepend=0).astype(np.int64)
        return np.broadcast_to(counts[:, None], seen.alive.shape[:2])

    def weights(self, seen: Observation, budget: int, scores: Floats) -> Floats | None:
        """A layer votes with the weight of its share."""
        return (self.shares(seen, budget, scores) - self.window(budget)).clip(0).astype(np.float32)
