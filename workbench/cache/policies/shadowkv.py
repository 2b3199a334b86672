"""ShadowKV: chunks of tokens, looked up by landmarks, and the chunks that a landmark does not describe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from workbench.cache.base import Bools, Fidelity, Floats, Observation, Retriever, need
from workbench.cache.retrieval import RetrievalPolicy, Segments, blocks, filled
from workbench.errors import UsageError


@dataclass
class ShadowKV(RetrievalPolicy):
    """A chunk's landmark is its mean key. Chunks with a key far from it (outliers) and the last ones are always looked
    at; of the others those whose landmark takes most of a softmax, the most over the heads of a group
    (``models/kv_cache.py``).

    Attributes:
        chunk: tokens of a chunk.
        outliers: chunks always looked at; a quarter of the budget at most.
        local: last chunks always looked at; a quarter of the budget at most.
    """

    name: ClassVar[str] = "shadowkv"
    title: ClassVar[str] = "ShadowKV"
    fidelity: ClassVar[Fidelity] = "adapted"
    paper: ClassVar[str] = "arXiv 2410.21465; github.com/bytedance/ShadowKV"
    differs: ClassVar[str] = (
        "Which chunks are looked at, exactly; keys keep their rank and values are not moved off the device. "
        "Outliers and local chunks count to the budget, whose last chunk is taken in part."
    )

    chunk: int = 8
    outliers: int = 48
    local: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.chunk < 1 or min(self.outliers, self.local) < 0:
            raise UsageError(f"{self.name}: chunk is at least 1", "see `mnemoscope lanes`")

    def retriever(self, seen: Observation, budget: int) -> Retriever:
        """Chunks of this prompt."""
        local = min(self.local * self.chunk, max(1, budget // 4))
        segments = blocks(0, seen.n - local, self.chunk, seen.n)
        count = min(self.outliers, budget // 4 // self.chunk, segments.count)
        return _Chunks(segments, outlying(need(seen.keys), segments, count), local, budget, seen)


def outlying(keys: Floats, segments: Segments, count: int) -> Bools:
    """The ``count`` chunks with the lowest cosine of a key to the chunk's mean key, ``[layers, kv_heads, chunks]``."""
    chosen = np.zeros((*keys.shape[:2], segments.count), bool)
    if not count:
        return chosen
    least = np.ones((*keys.shape[:2], segments.count), np.float32)
    unit = keys / np.maximum(np.linalg.norm(keys, axis=-1, keepdims=True), 1e-12)
    for chunk in range(segments.count):
        inside = segments.of == chunk
        mean = keys[:, :, inside].mean(2)
        mean = mean / np.maximum(np.linalg.norm(mean, axis=-1, keepdims=True), 1e-12)
        least[..., chunk] = np.einsum("lhnd,lhd->lhn", unit[:, :, inside], mean).min(-1)
    np.put_along_axis(chosen, np.argsort(least, axis=-1, kind="stable")[..., :count], True, axis=-1)
    return chosen


class _Chunks:
    def __init__(self, segments: Segments, outliers: Bools, local: int, budget: int, seen: Observation) -> None:
        self._segments, self._budget = segments, budget
        self._always = segments.tokens(outliers)
        self._always[..., seen.n - local :] = True
        self._group = seen.heads // seen.kv_heads
        self.facts = {"chunks": segments.count, "outliers": int(outliers[0, 0].sum())}

    def visible(self, layer: int, scores: Floats) -> Bools:
        means = np.maximum(self._segments.means(np.maximum(scores, -1e9)), -1e9)
        weights = np.exp(means - means.max(-1, keepdims=True, initial=-1e9))
        shares = weights / np.maximum(weights.sum(-1, keepdims=True), 1e-30)
        most = shares.reshape(-1, self._group, *shares.shape[1:]).max(1)  # [kv_heads, queries, chunks]
        out = [
            filled(worth, np.where(always, -1, self._segments.of), always, self._budget)
            for worth, always in zip(most, self._always[layer], strict=True)
        ]
        return np.repeat(np.stack(out), self._group, axis=0)
