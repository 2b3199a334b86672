"""WindowKV: whole windows of tokens, the same for all heads and for groups of layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from workbench.cache.base import Bools, Fidelity, Floats, Ints, Need, Observation, mask, need
from workbench.cache.selection import ScoredPolicy
from workbench.errors import UsageError


@dataclass
class WindowKV(ScoredPolicy):
    """Keep the suffix and the windows of ``review`` tokens that its queries attend to most (``compress_utils.py``).

    A window's score is over all heads: the mean of its tokens' attention (``aggregate``) or of the highest half as many
    values as it has tokens (``localize``). The first layer of a group chooses for all of it; budgets fall
    arithmetically from group to group.

    Attributes:
        task: what the answer needs; the official code asks a trained classifier.
        review: tokens of a window.
        suffix: queries that score, and last tokens kept; 0 for the official 32 (localize) or 16 (aggregate).
        shared_layers: layers of a group.
        beta: steepness of the groups' budgets.
    """

    name: ClassVar[str] = "windowkv"
    title: ClassVar[str] = "WindowKV"
    fidelity: ClassVar[Fidelity] = "adapted"
    paper: ClassVar[str] = "arXiv 2503.17922; github.com/optim996/WindowKV"
    differs: ClassVar[str] = (
        "A parameter instead of the task classifier; the suffix counts to the budget, and the last window is taken in "
        "part, so that budgets are exact."
    )
    needs: ClassVar[frozenset[Need]] = frozenset({"recent"})

    task: Literal["localize", "aggregate"] = "localize"
    review: int = 8
    suffix: int = 0
    shared_layers: int = 8
    beta: int = 14

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.review, self.shared_layers, self.beta) < 1 or self.suffix < 0:
            raise UsageError(f"{self.name}: review, shared_layers and beta are at least 1", "see `mnemoscope lanes`")

    def window(self, budget: int) -> int:
        """The suffix; half the budget at most."""
        wanted = self.suffix or (32 if self.task == "localize" else 16)
        return max(1, min(wanted, budget // 2))

    def scores(self, seen: Observation, budget: int) -> Floats:
        """The score of each token's window in the first layer of its group."""
        before = max(0, seen.n - self.window(budget))
        received = need(seen.recent)[..., :before]
        out = np.zeros(seen.alive.shape, np.float32)
        for start in range(0, before, self.review):
            part = received[..., start : start + self.review].reshape(seen.layers, -1)
            if self.task == "localize":
                part = np.sort(part, axis=-1)[:, -max(1, self.review // 2) :]
            out[..., start : min(before, start + self.review)] = part.mean(-1)[:, None, None]
        first = np.arange(seen.layers) // self.shared_layers
        return out[np.minimum(first, self._groups(seen) - 1) * self.shared_layers]

    def _groups(self, seen: Observation) -> int:
        return max(1, seen.layers // self.shared_layers)

    def fixed(self, seen: Observation, budget: int) -> Bools:
        """The suffix."""
        return mask(seen.n, slice(max(0, seen.n - self.window(budget)), seen.n))

    def shares(self, seen: Observation, budget: int, scores: Floats) -> Ints:
        """Falling from the first group to the last, suffix included; the mean over layers is the budget."""
        window, groups = min(self.window(budget), seen.n), self._groups(seen)
        mean, most = budget - window, seen.n - window
        last = mean * self.shared_layers / self.beta if groups > 1 else mean
        first = 2 * mean - last
        if not 0 <= last <= first:
            first = last = mean
        if first > most:
            first, last = most, 2 * mean - most
        of_group = np.linspace(first, last, groups)
        of_layer = of_group[np.minimum(np.arange(seen.layers) // self.shared_layers, groups - 1)]
        of_layer = of_layer * (mean * seen.layers / max(float(of_layer.sum()), 1e-9))
        ends = np.round(np.cumsum(np.minimum(of_layer, most)))
        counts = window + np.diff(ends, prepend=0).astype(np.int64)
        return np.broadcast_to(counts[:, None], seen.alive.shape[:2])
