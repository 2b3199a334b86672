"""Knorm: keys with a small norm matter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from workbench.cache.base import Floats, Need, Observation, need
from workbench.cache.selection import ScoredPolicy


@dataclass
class Knorm(ScoredPolicy):
    """Keep the tokens whose keys have the smallest L2 norm, in each layer and key head. No query is looked at.

    RoPE turns keys without changing their norm, so the cached keys will do.
    """

    name: ClassVar[str] = "knorm"
    title: ClassVar[str] = "Knorm"
    paper: ClassVar[str] = "arXiv 2406.11430; github.com/NVIDIA/kvpress"
    needs: ClassVar[frozenset[Need]] = frozenset({"keys"})

    def scores(self, seen: Observation, budget: int) -> Floats:
        """Minus the norm."""
        return -np.linalg.norm(need(seen.keys), axis=-1).astype(np.float32)
