"""SnapKV: what the last queries of the prompt attend to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from workbench.cache.base import Bools, Floats, Need, Observation, mask, need
from workbench.cache.selection import ScoredPolicy, pooled
from workbench.errors import UsageError

Pooling = Literal["avgpool", "maxpool"]


@dataclass
class SnapKV(ScoredPolicy):
    """Keep the observation window and, of the tokens before it, those that its queries attend to most.

    Attention of the window's queries summed, pooled over neighbouring keys, the best per head (``snapkv_utils.py``).

    Attributes:
        window_size: queries in the observation window; half the budget at most, so that small budgets choose at all.
        kernel: keys pooled together.
        pooling: how.
    """

    name: ClassVar[str] = "snapkv"
    title: ClassVar[str] = "SnapKV"
    paper: ClassVar[str] = "arXiv 2404.14469; github.com/FasterDecoding/SnapKV"
    differs: ClassVar[str] = "Grouped query heads share the mean of their scores, since they share cells."
    needs: ClassVar[frozenset[Need]] = frozenset({"recent"})

    window_size: int = 64
    kernel: int = 5
    pooling: Pooling = "avgpool"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.window_size < 1 or self.kernel < 1:
            raise UsageError(f"{self.name}: window_size and kernel are at least 1", "see `mnemoscope lanes`")

    def window(self, budget: int) -> int:
        """The observation window."""
        return max(1, min(self.window_size, budget // 2))

    def scores(self, seen: Observation, budget: int) -> Floats:
        """Pooled attention of the window, mean over the query heads of a group; the window itself is 0."""
        before = max(0, seen.n - self.window(budget))
        out = np.zeros(seen.alive.shape, np.float32)
        out[..., :before] = seen.grouped(pooled(need(seen.recent)[..., :before], self.kernel, self.pooling)).mean(2)
        return out

    def fixed(self, seen: Observation, budget: int) -> Bools:
        """The window."""
        return mask(seen.n, slice(max(0, seen.n - self.window(budget)), seen.n))
