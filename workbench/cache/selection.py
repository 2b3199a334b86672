"""Choosing by scores: the best of each head, or one set for all by vote; what score-based policies share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.cache.base import Bools, CachePolicy, Floats, Ints, Observation, Plan, Variant, Way
from workbench.errors import UsageError


def top(scores: NDArray[Any], count: int | Ints) -> Bools:
    """The ``count`` best along the last axis, the earlier of equals; bool of the same shape.

    Args:
        count: a number, or one for each row, int64 of the leading shape.
    """
    order = np.argsort(-scores, axis=-1, kind="stable")
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.broadcast_to(np.arange(scores.shape[-1]), order.shape), axis=-1)
    return rank < np.asarray(count)[..., None]


def pooled(scores: Floats, kernel: int, kind: str) -> Floats:
    """Average or maximum over ``kernel`` neighbours along the last axis, as PyTorch's pools with stride 1 and padding.

    The average counts the padding: at the ends it divides by the whole kernel. An even kernel looks one further back.
    """
    if kernel <= 1:
        return scores
    left, right = kernel // 2, kernel - 1 - kernel // 2
    fill = 0.0 if kind == "avgpool" else -np.inf
    wide = np.pad(scores, [(0, 0)] * (scores.ndim - 1) + [(left, right)], constant_values=fill)
    view = np.lib.stride_tricks.sliding_window_view(wide, kernel, axis=-1)
    return (view.mean(-1) if kind == "avgpool" else view.max(-1)).astype(np.float32)


def jaccard(one: Bools, other: Bools) -> Floats:
    """Size of the intersection over that of the union along the last axis; 1 for two empty sets."""
    both, either = (one & other).sum(-1), (one | other).sum(-1)
    return np.where(either > 0, both / np.maximum(either, 1), 1.0).astype(np.float32)


def vote(scores: Floats, free: Bools, weights: Floats | None = None) -> Floats:
    """One worth for all layers and heads: each row's scores brought to the sum 1 over what could go, then their mean.

    A row with negative scores is moved up until its least is 0.

    Args:
        scores: float32 ``[layers, kv_heads, n]``; free: bool ``[n]``, tokens that could go.
        weights: of the layers and heads in the mean, float32 ``[layers, kv_heads]``; None weighs all alike.

    Returns:
        float32 ``[n]``, 0 where not free.
    """
    rows = np.where(free, scores, 0.0)
    least = np.where(free, scores, np.inf).min(-1, initial=np.inf, keepdims=True)
    rows = np.where(free & (least < 0), rows - np.where(np.isfinite(least), least, 0.0), rows)
    rows = rows / np.maximum(rows.sum(-1, keepdims=True), 1e-30)
    if weights is None:
        return rows.mean((0, 1)).astype(np.float32)
    return (np.einsum("lhn,lh->n", rows, weights) / max(float(weights.sum()), 1e-30)).astype(np.float32)


@dataclass
class ScoredPolicy(CachePolicy):
    """A policy that gives each token a score in each layer and head and keeps the best.

    ``emulated-per-head`` keeps each head's own best by masks, exactly as published. ``evicted-uniform`` keeps one set,
    chosen by :func:`vote`, and really evicts the rest: llama.cpp drops a cell for all layers and heads at once.

    Attributes:
        variant: which of the two.
        every: compress again after so many generated tokens; 0 only once, after the prompt.
    """

    variant: Variant = "emulated-per-head"
    every: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.every < 0:
            raise UsageError(f"{self.name}: every is {self.every}", "write 0, or a number of tokens")

    def scores(self, seen: Observation, budget: int) -> Floats:
        """What each token is worth in each layer and head, float32 ``[layers, kv_heads, n]``."""
        raise NotImplementedError

    def fixed(self, seen: Observation, budget: int) -> Bools:
        """Tokens that are kept whatever their score, bool ``[n]``; fewer than the budget."""
        return np.zeros(seen.n, bool)

    def shares(self, seen: Observation, budget: int, scores: Floats) -> Ints:
        """Tokens kept in each layer and head, fixed ones included, int64 ``[layers, kv_heads]``."""
        return np.full(seen.alive.shape[:2], budget, np.int64)

    def weights(self, seen: Observation, budget: int, scores: Floats) -> Floats | None:
        """Of the layers and heads in the vote; None weighs all alike."""
        return None

    def plan(self, seen: Observation, budget: int) -> Plan:
        """Each head's best, or the best by vote."""
        scores, fixed = self.scores(seen, budget), self.fixed(seen, budget)
        counts = self.shares(seen, budget, scores)
        ranked = np.where(seen.alive, np.where(fixed, np.inf, scores), -np.inf)
        own = top(ranked, counts) & seen.alive
        way: Way = self.variant
        if way == "emulated-per-head":
            return Plan(own, vote(scores, ~fixed & seen.alive.all((0, 1))))
        return uniform(scores, fixed, own, seen, budget, self.weights(seen, budget, scores))


def uniform(
    scores: Floats, fixed: Bools, own: Bools, seen: Observation, budget: int, weights: Floats | None = None
) -> Plan:
    """One set for all layers and heads by vote.

    The newest token is always in it: llama.cpp counts positions on from the highest one that it holds.

    Args:
        own: what each head would have kept, bool ``[layers, kv_heads, n]``.
    """
    alive = seen.alive[0, 0]
    fixed = fixed.copy()
    fixed[-1] = True
    worth = vote(scores, alive & ~fixed, weights)
    kept = top(np.where(alive, np.where(fixed, np.inf, worth), -np.inf), min(budget, int(alive.sum()))) & alive
    return Plan(kept, worth, float(jaccard(own, kept).mean()))
