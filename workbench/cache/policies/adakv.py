"""AdaKV: the heads of a layer share one budget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from workbench.cache.base import Floats, Ints, Observation
from workbench.cache.policies.snapkv import SnapKV
from workbench.cache.selection import top
from workbench.errors import UsageError


@dataclass
class AdaKV(SnapKV):
    """SnapKV's scores; the best of all heads of a layer together stay, so that heads which need more get more.

    Attributes:
        alpha: share of the budget that every head gets for certain.
    """

    name: ClassVar[str] = "adakv"
    title: ClassVar[str] = "AdaKV"
    paper: ClassVar[str] = "arXiv 2407.11550; github.com/FFY0/AdaKV, github.com/NVIDIA/kvpress"
    differs: ClassVar[str] = (
        "The window counts as safe tokens, as in kvpress. Evicted for all, heads vote with the weight of their share."
    )

    alpha: float = 0.2

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.alpha <= 1:
            raise UsageError(f"{self.name}: alpha is {self.alpha:g}", "write a share of the budget, 0 to 1")

    def shares(self, seen: Observation, budget: int, scores: Floats) -> Ints:
        """How many of the layer's best are each head's."""
        ranked = np.where(self.fixed(seen, budget), np.inf, scores)
        safe = top(ranked, max(1, int(self.alpha * budget)))
        flat = np.where(safe, np.inf, ranked).reshape(seen.layers, -1)
        return top(flat, budget * seen.kv_heads).reshape(scores.shape).sum(-1)

    def weights(self, seen: Observation, budget: int, scores: Floats) -> Floats | None:
        """A head votes with the weight of its share."""
        return self.shares(seen, budget, scores).astype(np.float32)
