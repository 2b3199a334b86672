"""Full cache: nothing is dropped."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from workbench.cache.base import CachePolicy, Fidelity, Observation, Plan, Way, When


@dataclass
class FullCache(CachePolicy):
    """Keep every cell: the exact baseline that all policies are measured against."""

    name: ClassVar[str] = "full-cache"
    title: ClassVar[str] = "Full cache"
    fidelity: ClassVar[Fidelity] = "baseline"

    unbudgeted: ClassVar[str] = "it keeps every token"

    keep: float = field(default=1.0, init=False)
    when: When = field(default="after-question", init=False)

    @property
    def way(self) -> Way:
        """Nothing is done to the cache."""
        return "full"

    def plan(self, seen: Observation, budget: int) -> Plan:
        """All of them."""
        return Plan(np.ones(seen.n, bool))
