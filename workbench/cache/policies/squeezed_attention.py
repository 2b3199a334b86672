"""Squeezed Attention: clusters of keys, looked up by their centroids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from workbench.cache.base import MASKED, Bools, Fidelity, Floats, Ints, Observation, Retriever, When, need
from workbench.cache.retrieval import RetrievalPolicy, Segments, products
from workbench.errors import UsageError

_ROUNDS = 10  # of k-means


@dataclass
class SqueezedAttention(RetrievalPolicy):
    """Cluster the keys of a fixed context once, per head by direction; a query looks at the clusters whose centroid
    takes more of a softmax over centroids than a threshold, the same in all heads and layers (``clustering.py``).

    The last tokens of the context are in no cluster and always looked at. The threshold is set so that their queries
    look at the budget on average over queries, heads and layers.

    Attributes:
        clusters: share of the clustered tokens that there are clusters.
        calibration: those last tokens; half the budget at most.
    """

    name: ClassVar[str] = "squeezed-attention"
    title: ClassVar[str] = "Squeezed Attention"
    fidelity: ClassVar[Fidelity] = "adapted"
    paper: ClassVar[str] = "arXiv 2411.09688; github.com/SqueezeAILab/SqueezedAttention"
    differs: ClassVar[str] = (
        "One level of clusters; evenly spread tokens begin the k-means, so that runs repeat; the budget gives the "
        "threshold, and the always visible last tokens count to it."
    )

    when: When = "before-question"
    clusters: float = 0.05
    calibration: int = 100

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.clusters <= 1 or self.calibration < 1:
            raise UsageError(f"{self.name}: clusters is a share and calibration at least 1", "see `mnemoscope lanes`")

    def window(self, budget: int) -> int:
        """The queries that set the threshold."""
        return max(1, min(self.calibration, budget // 2))

    def retriever(self, seen: Observation, budget: int) -> Retriever:
        """Clusters, and the threshold that gives the budget."""
        last = min(self.window(budget), seen.n)
        before = seen.n - last
        count = max(1, round(self.clusters * before))
        of = np.full(seen.alive.shape, -1, np.int64)
        if before:
            of[..., :before] = clustered(need(seen.keys)[:, :, :before], count)
        found = _Clusters(of, count, seen)
        found.calibrate([products(seen, layer) for layer in range(seen.layers)], budget - last)
        return found


def clustered(keys: Floats, count: int) -> Ints:
    """K-means of the keys' directions, each layer and head by itself, int64 ``[layers, kv_heads, n]``."""
    unit = keys / np.maximum(np.linalg.norm(keys, axis=-1, keepdims=True), 1e-12)
    n = unit.shape[2]
    centres = unit[:, :, np.linspace(0, n - 1, count).round().astype(int)]
    of = np.zeros(unit.shape[:3], np.int64)
    for _ in range(_ROUNDS):
        # Nearest by distance, not by angle: a mean of unit vectors is shorter the more they differ.
        near = 2 * np.matmul(unit, centres.swapaxes(-1, -2)) - (centres**2).sum(-1)[:, :, None]
        of = near.argmax(-1)
        inside = (of[..., None] == np.arange(count)).astype(np.float32)
        sizes = inside.sum(2)
        means = np.matmul(inside.swapaxes(-1, -2), unit) / np.maximum(sizes, 1)[..., None]
        centres = np.where(sizes[..., None] > 0, means, centres)
    return of


class _Clusters:
    def __init__(self, of: Ints, count: int, seen: Observation) -> None:
        self._group = seen.heads // seen.kv_heads
        self._segments = [[Segments(head, count) for head in layer] for layer in of]
        self._sizes = np.stack([[np.bincount(head[head >= 0], minlength=count) for head in layer] for layer in of])
        self._always = of[0, 0] < 0
        self._threshold = 0.0
        self.facts: dict[str, float] = {"clusters": count}

    def calibrate(self, scores: list[Floats], budget: int) -> None:
        """The threshold at which the given queries look at ``budget`` clustered tokens on average."""
        shares = [self._shares(layer, rows) for layer, rows in enumerate(scores)]
        sizes = [np.broadcast_to(self._of_heads(layer)[:, None], part.shape) for layer, part in enumerate(shares)]
        flat = np.concatenate([part.ravel() for part in shares])
        weights = np.concatenate([part.ravel() for part in sizes])
        order = np.argsort(-flat, kind="stable")
        rows = sum(part.shape[0] * part.shape[1] for part in shares)
        within = np.cumsum(weights[order]) <= budget * rows
        taken = int(within.sum())
        self._threshold = 0.0 if taken == len(flat) else float(flat[order[taken - 1]]) if taken else np.inf
        self.facts["threshold"] = self._threshold

    def _of_heads(self, layer: int) -> Floats:
        return np.repeat(self._sizes[layer], self._group, axis=0).astype(np.float32)

    def _shares(self, layer: int, scores: Floats) -> Floats:
        """Of each centroid in a softmax that counts every token as its centroid, ``[heads, queries, clusters]``."""
        means = np.stack([self._segments[layer][h // self._group].means(row) for h, row in enumerate(scores)])
        sizes = self._of_heads(layer)[:, None]
        means = np.where(sizes > 0, np.maximum(means, -1e9), -np.inf)
        weights = np.exp(means - np.maximum(means.max(-1, keepdims=True), MASKED))
        return weights / np.maximum((sizes * weights).sum(-1, keepdims=True), 1e-30)

    def visible(self, layer: int, scores: Floats) -> Bools:
        shares = self._shares(layer, scores)
        chosen = shares >= self._threshold
        tokens = [self._segments[layer][h // self._group].tokens(row) for h, row in enumerate(chosen)]
        return np.stack(tokens) | self._always
