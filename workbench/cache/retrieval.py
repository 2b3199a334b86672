"""Policies that drop nothing for good: every query chooses again which of the cached tokens it looks at."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from workbench.cache.base import (
    MASKED,
    Bools,
    CachePolicy,
    Floats,
    Ints,
    Need,
    Observation,
    Plan,
    Retriever,
    Variant,
    Way,
    need,
)
from workbench.cache.selection import top, uniform


@dataclass
class RetrievalPolicy(CachePolicy):
    """``emulated-per-head`` retrieves at every step, exactly as published, by masks. ``evicted-uniform`` asks once, for
    the last queries read, and really evicts what no vote of theirs retrieves.

    Attributes:
        variant: which of the two.
    """

    needs: ClassVar[frozenset[Need]] = frozenset({"queries", "keys"})
    voters: ClassVar[int] = 16

    variant: Variant = "emulated-per-head"

    def window(self, budget: int) -> int:
        """The queries that vote in ``evicted-uniform``."""
        return self.voters

    def retriever(self, seen: Observation, budget: int) -> Retriever:
        """A fresh one."""
        raise NotImplementedError

    def plan(self, seen: Observation, budget: int) -> Plan:
        """All tokens, with a retriever; or the one set that the last queries vote for."""
        retriever = self.retriever(seen, budget)
        facts = getattr(retriever, "facts", {})
        way: Way = self.variant
        if way == "emulated-per-head":
            return Plan(np.ones(seen.n, bool), retriever=retriever, facts=facts)
        wanted = np.stack([self._wanted(retriever, seen, layer) for layer in range(seen.layers)])
        grouped = seen.grouped(wanted)  # [layers, kv_heads, group, queries, n]
        own = np.asarray(grouped[..., -1, :].any(axis=2))
        plan = uniform(grouped.mean((2, 3)).astype(np.float32), np.zeros(seen.n, bool), own, seen, budget)
        return Plan(plan.kept, plan.worth, plan.agreement, facts=facts)

    def _wanted(self, retriever: Retriever, seen: Observation, layer: int) -> Bools:
        return retriever.visible(layer, products(seen, layer))


def products(seen: Observation, layer: int) -> Floats:
    """Scaled products of the window's queries with all keys, causal, float32 ``[heads, queries, n]``."""
    queries, keys = need(seen.queries)[layer], need(seen.keys)[layer]
    keys = np.repeat(keys, seen.heads // seen.kv_heads, axis=0)
    scores = np.einsum("hqd,hnd->hqn", queries, keys) * seen.scale
    count = queries.shape[1]
    later = np.arange(seen.n) > np.arange(seen.n - count, seen.n)[:, None]
    return np.where(later, MASKED, scores).astype(np.float32)


@dataclass
class Segments:
    """Consecutive or scattered tokens that are retrieved together.

    Attributes:
        of: segment of each token, -1 for tokens outside of all, int64 ``[…, n]``.
        count: number of segments.
    """

    of: Ints
    count: int
    _matrix: Floats | None = field(default=None, repr=False)

    def means(self, scores: Floats) -> Floats:
        """Mean over each segment's tokens, ``[…, n]`` to ``[…, count]``; as the product with the mean key would be."""
        if self._matrix is None:
            self._matrix = membership(self.of, self.count)
        return np.matmul(scores, self._matrix)

    def tokens(self, chosen: Bools) -> Bools:
        """Tokens of the chosen segments, bool ``[…, count]`` to ``[…, n]``."""
        inside = np.concatenate([chosen, np.zeros((*chosen.shape[:-1], 1), bool)], axis=-1)
        return np.take_along_axis(inside, np.broadcast_to(self.of, (*chosen.shape[:-1], self.of.shape[-1])), axis=-1)


def membership(of: Ints, count: int) -> Floats:
    """``[…, n, count]``: one over a segment's size where a token is in it."""
    matrix = (of[..., None] == np.arange(count)).astype(np.float32)
    return matrix / np.maximum(matrix.sum(-2, keepdims=True), 1)


def filled(worth: Floats, segments: Ints, always: Bools, budget: int) -> Bools:
    """Whole segments best first until the budget is full, the last in part; ``always`` is in and counts.

    Args:
        worth: of each segment, ``[…, count]``. segments: of each token, int64 ``[n]``, -1 for none.
    """
    known = np.concatenate([worth, np.full((*worth.shape[:-1], 1), -np.inf, np.float32)], axis=-1)
    of_token = known[..., segments]
    return top(np.where(always, np.inf, of_token), budget) & (always | (segments >= 0))


def blocks(start: int, end: int, size: int, n: int) -> Segments:
    """Blocks of ``size`` consecutive tokens from ``start`` to ``end``, the last one shorter."""
    of = np.full(n, -1, np.int64)
    of[start:end] = np.arange(max(0, end - start)) // size
    return Segments(of, -(-max(0, end - start) // size))
