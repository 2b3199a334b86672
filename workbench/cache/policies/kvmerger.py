"""KVMerger: neighbours with similar keys become one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from workbench.cache.base import (
    Bools,
    CachePolicy,
    Fidelity,
    Floats,
    Ints,
    Need,
    Observation,
    Plan,
    Variant,
    Way,
    mask,
    need,
)
from workbench.cache.selection import jaccard, top
from workbench.errors import UsageError


@dataclass
class KVMerger(CachePolicy):
    """Consecutive tokens whose keys are alike (cosine) form a merge set. Each set becomes one key and one value, at
    the token that received most attention (the pivot), weighted by a Gaussian of the distance from the pivot's key.

    Heavy hitters and recent tokens are not merged. The sets are those between the least similar neighbours, as many as
    the budget has room for.

    Attributes:
        variant: sets of each key head, the rest masked; or the same sets for all, and the other cells really evicted.
        heavy: share of the budget for tokens with most attention. recent: share for the last tokens.
    """

    name: ClassVar[str] = "kvmerger"
    title: ClassVar[str] = "KVMerger"
    fidelity: ClassVar[Fidelity] = "adapted"
    paper: ClassVar[str] = "Model Tells You Where to Merge, arXiv 2407.08454 (no code found)"
    differs: ClassVar[str] = (
        "From the paper alone. The threshold follows from the budget; merged keys are those after RoPE, each at "
        "its own angle."
    )
    needs: ClassVar[frozenset[Need]] = frozenset({"sums", "keys", "values"})

    variant: Variant = "emulated-per-head"
    heavy: float = 0.125
    recent: float = 0.25

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.heavy, self.recent) < 0 or 2 * self.heavy + self.recent > 1:
            raise UsageError(f"{self.name}: heavy and recent are shares of the budget", "see `mnemoscope lanes`")

    @property
    def way(self) -> Way:
        """Rewritten, and masked or evicted."""
        return "rewritten-evicted" if self.variant == "evicted-uniform" else "rewritten"

    def plan(self, seen: Observation, budget: int) -> Plan:
        """Sets, their pivots, and what these hold."""
        keys, values = need(seen.keys), need(seen.values)
        received = seen.grouped(need(seen.sums)).mean(2)
        alike = similarity(keys)
        own = self._sets(alike, received, budget)
        if self.variant == "emulated-per-head":
            sets, kept, agreement, into = own, pivots(own, received), None, None
        else:
            shared = self._sets(alike.mean((0, 1), keepdims=True), received.mean((0, 1), keepdims=True), budget)
            sets = np.broadcast_to(shared, own.shape)
            places = pivots(shared, received.mean((0, 1), keepdims=True))
            kept = np.broadcast_to(places, own.shape)
            agreement = float(jaccard(pivots(own, received), kept).mean())
            inside = np.flatnonzero(places[0, 0])
            into = inside[np.searchsorted(shared[0, 0][inside], shared[0, 0])]
        merged = [
            merge(keys[i, h], values[i, h], sets[i, h], kept[i, h])
            for i in range(seen.layers)
            for h in range(seen.kv_heads)
        ]
        new_keys, new_values = (np.stack(part).reshape(keys.shape) for part in zip(*merged, strict=True))
        facts = {
            "sets": int(sets[0, 0].max()) + 1,
            "largest": int(max(np.bincount(row).max() for row in sets.reshape(-1, seen.n))),
        }
        return Plan(
            kept[0, 0].copy() if self.variant == "evicted-uniform" else kept,
            agreement=agreement,
            keys=new_keys,
            values=new_values,
            merged=into,
            facts=facts,
        )

    def _sets(self, alike: Floats, received: Floats, budget: int) -> Ints:
        """Number of the set of each token, int64 of ``received``'s shape; ``budget`` sets in each row."""
        n = received.shape[-1]
        recent = mask(n, slice(n - max(1, int(self.recent * budget)), n))
        alone = top(np.where(recent, -np.inf, received), int(self.heavy * budget)) | recent
        apart = np.where(alone[..., 1:] | alone[..., :-1], -np.inf, alike)
        cuts = top(-apart, min(budget, n) - 1)
        new = np.concatenate([np.zeros((*cuts.shape[:-1], 1), bool), cuts], axis=-1)
        return np.cumsum(new, axis=-1)


def similarity(keys: Floats) -> Floats:
    """Cosine of each key with the next one, float32 ``[layers, kv_heads, n - 1]``."""
    unit = keys / np.maximum(np.linalg.norm(keys, axis=-1, keepdims=True), 1e-12)
    return (unit[:, :, 1:] * unit[:, :, :-1]).sum(-1)


def pivots(sets: Ints, received: Floats) -> Bools:
    """The token of each set that received most attention, the first of equals; the last token stands for its set, so
    that it stays."""
    flat, worth = sets.reshape(-1, sets.shape[-1]), received.reshape(-1, sets.shape[-1]).copy()
    worth[:, -1] = np.inf
    out = np.zeros(flat.shape, bool)
    for row, (of, score) in enumerate(zip(flat, worth, strict=True)):
        order = np.lexsort((np.arange(len(of)), -score, of))
        first = np.concatenate([[True], of[order][1:] != of[order][:-1]])
        out[row, order[first]] = True
    return out.reshape(sets.shape)


def merge(keys: Floats, values: Floats, sets: Ints, kept: Bools) -> tuple[Floats, Floats]:
    """Keys and values with each set's mean at its pivot, ``[n, d]``; the others stay what they were.

    The weight of a member is exp(-distance² / 2σ²) from the pivot's key, with σ the mean distance in the set over √2.
    """
    places = np.flatnonzero(kept)
    pivot = places[np.searchsorted(sets[places], sets)]
    distance = np.linalg.norm(keys - keys[pivot], axis=-1)
    count = np.bincount(sets)
    sigma = np.bincount(sets, distance) / (np.sqrt(2) * count)
    weights = np.exp(-(distance**2) / (2 * np.maximum(sigma[sets], 1e-12) ** 2))
    total = np.bincount(sets, weights)
    out = []
    for array in (keys, values):
        sums = np.zeros((len(count), array.shape[-1]))
        np.add.at(sums, sets, weights[:, None] * array)
        new = array.copy()
        new[places] = (sums / total[:, None])[sets[places]]
        out.append(new)
    return out[0], out[1]
