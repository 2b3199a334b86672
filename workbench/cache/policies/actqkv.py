"""ActQKV: blocks looked up by a probe query in which unusual queries weigh more."""

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
from workbench.cache.retrieval import Segments, blocks
from workbench.cache.selection import top, uniform
from workbench.errors import UsageError


@dataclass
class ActQKV(CachePolicy):
    """The probe query of a layer is the mean of the window's queries, weighted by how far each is from the mean query
    (activation bias). Blocks are ranked by the cosine of their representative key with it, all heads as one vector;
    layers whose ranking is more even get more of the budget. Chosen anew at every step.

    Attributes:
        variant: masks per layer, or one set by vote, really evicted.
        block: tokens of a block.
        initial, local: first and last tokens always looked at; an eighth and a quarter of the budget at most.
        representatives: keys that stand for a block: those that received most attention.
        window_size: queries of the probe.
        every: choose again after so many generated tokens.
    """

    name: ClassVar[str] = "actqkv"
    title: ClassVar[str] = "ActQKV (inspired)"
    fidelity: ClassVar[Fidelity] = "adapted"
    paper: ClassVar[str] = "arXiv 2502.13542; github.com/MrXiaoaa/ActQKV"
    differs: ClassVar[str] = (
        "After research code whose readme promises details later: probe and shares of the layers follow its idea, with "
        "one window instead of running statistics; the last block is taken in part, so that the budget is exact."
    )
    needs: ClassVar[frozenset[Need]] = frozenset({"queries", "keys", "sums"})
    forgets: ClassVar[bool] = False

    variant: Variant = "emulated-per-head"
    block: int = 32
    initial: int = 64
    local: int = 512
    representatives: int = 4
    window_size: int = 64
    every: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.block, self.representatives, self.window_size) < 1 or min(self.initial, self.local, self.every) < 0:
            raise UsageError(
                f"{self.name}: block, representatives, window_size are at least 1", "see `mnemoscope lanes`"
            )

    @property
    def interval(self) -> int:
        """What was evicted for all cannot be chosen again, so that is done once."""
        return 0 if self.variant == "evicted-uniform" else self.every

    def window(self, budget: int) -> int:
        """The probe's queries."""
        return self.window_size

    def plan(self, seen: Observation, budget: int) -> Plan:
        """Blocks per layer, or one set by vote."""
        first, last = min(self.initial, budget // 8), max(1, min(self.local, budget // 4))
        always = mask(seen.n, slice(0, first)) | mask(seen.n, slice(seen.n - last, seen.n))
        segments = blocks(first, seen.n - last, self.block, seen.n)
        worth = self.worth(seen, segments)
        known = np.concatenate([worth, np.full((len(worth), 1), -np.inf, np.float32)], axis=-1)
        of_token = np.where(always, np.inf, known[:, segments.of])
        counts = shares(worth, budget - int(always.sum()), seen.n - int(always.sum())) + int(always.sum())
        own = top(of_token, counts)
        facts = {"blocks": segments.count, "shares": counts.tolist()}
        way: Way = self.variant
        if way == "emulated-per-head":
            return Plan(np.broadcast_to(own[:, None], seen.alive.shape).copy(), facts=facts)
        scores = np.broadcast_to(known[:, None, segments.of], seen.alive.shape)
        scores = np.where(np.isfinite(scores), scores, 0).astype(np.float32)
        plan = uniform(scores, always, np.broadcast_to(own[:, None], seen.alive.shape), seen, budget)
        return Plan(plan.kept, plan.worth, plan.agreement, facts=facts)

    def worth(self, seen: Observation, segments: Segments) -> Floats:
        """Cosine of each block's representative with the probe, float32 ``[layers, blocks]``."""
        keys = np.repeat(need(seen.keys), seen.heads // seen.kv_heads, axis=1)
        flat = keys.transpose(0, 2, 1, 3).reshape(seen.layers, seen.n, -1)
        probe = probes(need(seen.queries))
        received = need(seen.sums).mean(1)
        out = np.zeros((seen.layers, segments.count), np.float32)
        for block in range(segments.count):
            inside = np.flatnonzero(segments.of == block)
            best = np.argsort(-received[:, inside], axis=1, kind="stable")[:, : self.representatives]
            standing = np.take_along_axis(flat[:, inside], best[..., None], axis=1).mean(1)
            norm = np.linalg.norm(standing, axis=-1) * np.linalg.norm(probe, axis=-1)
            out[:, block] = (standing * probe).sum(-1) / np.maximum(norm, 1e-12)
        return out


def probes(queries: Floats) -> Floats:
    """The probe query of each layer, all heads as one vector, float32 ``[layers, heads * d]``.

    A query's weight is the mean over channels of its squared distance from the window's mean over the channel's
    variance (and a hundredth of the mean variance).
    """
    flat = queries.transpose(0, 2, 1, 3).reshape(queries.shape[0], queries.shape[2], -1)
    mean, variance = flat.mean(1, keepdims=True), flat.var(1, keepdims=True)
    far = (flat - mean) ** 2 / (variance + variance.mean(-1, keepdims=True) / 100 + 1e-12)
    weights = far.mean(-1)
    total = weights.sum(1, keepdims=True)
    weights = np.where(total > 0, weights / np.maximum(total, 1e-30), 1 / flat.shape[1])
    return np.einsum("lq,lqd->ld", weights, flat).astype(np.float32)


def shares(worth: Floats, mean: int, most: int) -> Ints:
    """Tokens of each layer, in proportion to the entropy of a softmax over its blocks; their mean is ``mean``."""
    layers = len(worth)
    if worth.shape[1] < 2:
        return np.full(layers, min(mean, most), np.int64)
    weights = np.exp(worth - worth.max(1, keepdims=True))
    weights /= weights.sum(1, keepdims=True)
    entropy = -(weights * np.log(weights + 1e-10)).sum(1)
    ends = np.round(np.cumsum(entropy / entropy.sum() * mean * layers))
    counts = np.diff(ends, prepend=0).astype(np.int64)
    over = int(np.maximum(counts - most, 0).sum())
    counts = np.minimum(counts, most)
    for layer in np.argsort(counts, kind="stable"):  # what does not fit into one layer goes to those that have least
        more = min(over, most - int(counts[layer]))
        counts[layer] += more
        over -= more
    return counts


__all__ = ["ActQKV", "Bools", "probes", "shares"]
