"""TOVA: what the last query attends to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from workbench.cache.base import Floats, Need, Observation, need
from workbench.cache.selection import ScoredPolicy


@dataclass
class TOVA(ScoredPolicy):
    """Keep the tokens with most attention from the last query, averaged over the heads of a layer; at every step.

    All heads of a layer keep the same tokens by design (``tova_cache.py``), so only layers have to agree in
    ``evicted-uniform``.
    """

    name: ClassVar[str] = "tova"
    title: ClassVar[str] = "TOVA"
    paper: ClassVar[str] = "arXiv 2401.06104; github.com/schwartz-lab-NLP/TOVA"
    differs: ClassVar[str] = "The prompt is read whole before anything goes."
    needs: ClassVar[frozenset[Need]] = frozenset({"recent"})

    every: int = 1

    def window(self, budget: int) -> int:
        """The last query alone."""
        return 1

    def scores(self, seen: Observation, budget: int) -> Floats:
        """Its attention, mean over all heads of the layer."""
        of_layer = need(seen.recent).mean(1, keepdims=True)
        return np.broadcast_to(of_layer, seen.alive.shape).astype(np.float32)
