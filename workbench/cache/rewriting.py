"""Policies that keep every token and store its key and value in fewer bits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from workbench.cache.base import CachePolicy, Floats, Observation, Plan, Way


@dataclass
class RewritingPolicy(CachePolicy):
    """Writes keys and values back as they would be read from a smaller store. All tokens stay; memory is not saved.

    The prompt is read in full precision; then, and after every further token, what is due is rewritten, once.
    """

    unbudgeted: ClassVar[str] = "it keeps every token, at fewer bits"

    keep: float = field(default=1.0, init=False)

    @property
    def way(self) -> Way:
        """Rewritten."""
        return "rewritten"

    def plan(self, seen: Observation, budget: int) -> Plan:
        """All tokens."""
        return Plan(np.ones(seen.n, bool))

    def due(self, n: int) -> tuple[int, int]:
        """How many of the first of n tokens have their key, and their value, in fewer bits."""
        raise NotImplementedError

    def stored_keys(self, keys: Floats) -> Floats:
        """Keys as they are read back, ``[layers, kv_heads, tokens, d]``; tokens that became due together."""
        raise NotImplementedError

    def stored_values(self, values: Floats) -> Floats:
        """Values as they are read back, of the same shape."""
        raise NotImplementedError
