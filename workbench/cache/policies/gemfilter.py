"""GemFilter: an early layer chooses the tokens that the model then reads again, alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from workbench.cache.base import CachePolicy, Fidelity, Floats, Need, Observation, Plan, Way, need
from workbench.cache.selection import pooled, top
from workbench.errors import UsageError


@dataclass
class GemFilter(CachePolicy):
    """Products of the last query with all keys of one early layer, summed over heads and pooled; the best tokens, in
    their order, are read again from the start as if nothing else had been there (``gem_filter_utils.py``).

    Attributes:
        layer: which one chooses; -1 takes 0.4 of the depth (the official 13 of 32 for Llama 3.1 8B, chosen by
            experiment).
        kernel: neighbours averaged.
    """

    name: ClassVar[str] = "gemfilter"
    title: ClassVar[str] = "GemFilter"
    fidelity: ClassVar[Fidelity] = "faithful"
    paper: ClassVar[str] = "arXiv 2409.17422; github.com/SalesforceAIResearch/GemFilter"
    differs: ClassVar[str] = "The layer is not tuned for the model; the filter pass reads all layers."
    needs: ClassVar[frozenset[Need]] = frozenset({"queries", "keys"})

    layer: int = -1
    kernel: int = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kernel < 1 or self.layer < -1:
            raise UsageError(f"{self.name}: kernel is at least 1 and layer a number", "see `mnemoscope lanes`")

    @property
    def way(self) -> Way:
        """Read again."""
        return "re-read"

    def window(self, budget: int) -> int:
        """The last query."""
        return 1

    def plan(self, seen: Observation, budget: int) -> Plan:
        """The tokens to read again."""
        layer = round(0.4 * seen.layers) if self.layer < 0 else self.layer
        if layer >= seen.layers:
            raise ValueError(f"the model has no layer {layer}")
        scores = self.scores(seen, layer)
        worth = np.maximum(scores - scores.min(), 0)
        return Plan(top(scores, budget), worth / max(float(worth.sum()), 1e-30), facts={"layer": layer})

    def scores(self, seen: Observation, layer: int) -> Floats:
        """Raw products, summed over heads, float32 ``[n]``."""
        keys = np.repeat(need(seen.keys)[layer], seen.heads // seen.kv_heads, axis=0)
        products = np.einsum("hd,hnd->n", need(seen.queries)[layer][:, -1], keys)
        return pooled(products.astype(np.float32), self.kernel, "avgpool")
