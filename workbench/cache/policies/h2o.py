"""H2O: heavy hitters by accumulated attention, and the most recent tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from workbench.cache.base import Bools, Floats, Need, Observation, mask, need
from workbench.cache.selection import ScoredPolicy
from workbench.errors import UsageError


@dataclass
class H2O(ScoredPolicy):
    """Keep the tokens that received most attention from all queries so far, and the recent ones; at every step.

    Per layer and key head, as ``utils_real_drop/modify_llama.py`` does (there without grouped queries).

    Attributes:
        recent: share of the budget for the most recent tokens; the official settings halve it (512 + 512, 0.1 + 0.1).
        mean: divide by the number of queries that could see a token (kvpress's observed attention), since the plain
            sum of the paper favours early tokens.
    """

    name: ClassVar[str] = "h2o"
    title: ClassVar[str] = "H2O"
    paper: ClassVar[str] = "arXiv 2306.14048; github.com/FMInference/H2O"
    differs: ClassVar[str] = "The prompt is read whole before anything goes; grouped query heads share their mean."
    needs: ClassVar[frozenset[Need]] = frozenset({"sums"})

    recent: float = 0.5
    mean: bool = False
    every: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.recent <= 1:
            raise UsageError(f"{self.name}: recent is {self.recent:g}", "write a share of the budget, 0 to 1")

    def scores(self, seen: Observation, budget: int) -> Floats:
        """Attention received, mean over the query heads of a group."""
        sums = seen.grouped(need(seen.sums)).mean(2)
        return (sums / np.maximum(need(seen.counts), 1) if self.mean else sums).astype(np.float32)

    def fixed(self, seen: Observation, budget: int) -> Bools:
        """The recent tokens."""
        count = min(int(self.recent * budget), budget)
        return mask(seen.n, slice(seen.n - count, seen.n))
