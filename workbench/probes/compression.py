"""Vector indexes under compression: what recall is left at how many bytes (after arXiv 2311.15578).

A codec is fitted on the vectors, and gives what can be recovered of them; questions stay as they are (asymmetric
search), and everything is ranked by the inner product with what was recovered. Bytes are those of all codes and of what
the codec itself must keep (codebooks, axes, ranges).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Codec = Callable[[Vectors, int], tuple[Vectors, int]]
"""Vectors ``[n, d]`` and a seed to what is recovered of them ``[n, d]``, and bytes."""
_CENTROIDS = 256


@dataclass(frozen=True, slots=True)
class Compressed:
    """A codec's figures.

    Attributes:
        bytes: of codes and codebooks together.
        ratio: how many times smaller than float32.
        neighbours: share of the exact k nearest vectors that are found, mean over questions.
        evidence: share of the evidence found among the first k; None without any.
    """

    name: str
    bytes: int
    ratio: float
    neighbours: float
    evidence: float | None


def float32(vectors: Vectors, seed: int) -> tuple[Vectors, int]:
    """As they are."""
    return vectors, 4 * vectors.size


def float16(vectors: Vectors, seed: int) -> tuple[Vectors, int]:
    """Half precision."""
    return vectors.astype(np.float16).astype(np.float32), 2 * vectors.size


def int8(vectors: Vectors, seed: int) -> tuple[Vectors, int]:
    """A byte a dimension, between its smallest and largest value."""
    low, high = vectors.min(axis=0), vectors.max(axis=0)
    step = np.where(high > low, (high - low) / 255, 1).astype(np.float32)
    codes = np.clip(np.rint((vectors - low) / step), 0, 255)
    return (codes * step + low).astype(np.float32), vectors.size + 8 * vectors.shape[1]


def binary(vectors: Vectors, seed: int) -> tuple[Vectors, int]:
    """A bit a dimension: its sign."""
    n, d = vectors.shape
    return np.where(vectors >= 0, 1, -1).astype(np.float32) / np.float32(d**0.5), n * -(-d // 8)


def pca(share: float) -> Codec:
    """Principal components, ``1 / share`` as many as dimensions, in float32."""

    def codec(vectors: Vectors, seed: int) -> tuple[Vectors, int]:
        n, d = vectors.shape
        kept = max(1, min(n, d, round(d / share)))
        middle = vectors.mean(axis=0)
        axes = np.linalg.svd(vectors - middle, full_matrices=False)[2][:kept]
        back = (vectors - middle) @ axes.T @ axes + middle
        return back.astype(np.float32), 4 * (n * kept + d * kept + d)

    return codec


def product(share: int) -> Codec:
    """Product quantization (Jegou 2011): a byte for every ``share`` dimensions, 256 centroids each."""

    def codec(vectors: Vectors, seed: int) -> tuple[Vectors, int]:
        from sklearn.cluster import KMeans
        from sklearn.exceptions import ConvergenceWarning

        n, d = vectors.shape
        parts = np.array_split(np.arange(d), max(1, d // share))
        back, size = np.empty_like(vectors), n * len(parts)
        for part in parts:
            own = vectors[:, part]
            k = min(_CENTROIDS, n, len(np.unique(own, axis=0)))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)  # vectors that are nearly the same: fewer centroids
                fitted = KMeans(k, n_init=1, max_iter=15, random_state=seed).fit(own)
            back[:, part] = fitted.cluster_centers_[fitted.labels_]
            size += 4 * k * len(part)
        return back, size

    return codec


CODECS: Mapping[str, Codec] = {
    "float32": float32,
    "float16": float16,
    "int8": int8,
    "binary": binary,
    "pca/2": pca(2),
    "pca/4": pca(4),
    "pca/8": pca(8),
    "pq/4": product(4),
    "pq/8": product(8),
}
"""By name; the number is how many dimensions become one component, or one byte."""


def compress(
    vectors: Vectors,
    questions: Vectors,
    evidence: Sequence[Sequence[int]] = (),
    k: int = 10,
    seed: int = 0,
    names: Sequence[str] = tuple(CODECS),
) -> list[Compressed]:
    """Every codec's figures.

    Args:
        vectors: float32 ``[n, d]``, unit length.
        questions: float32 ``[m, d]``.
        evidence: for every question the rows of ``vectors`` that answer it; empty: unknown.
    """
    exact = nearest(vectors, questions, k)
    found = []
    for name in names:
        recovered, size = CODECS[name](vectors, seed)
        best = nearest(recovered, questions, k)
        shared = [len(np.intersect1d(a, b)) / len(a) for a, b in zip(exact, best, strict=True)]
        known = [(set(rows), set(own.tolist())) for rows, own in zip(evidence, best, strict=False) if rows]
        held = [len(rows & own) / len(rows) for rows, own in known]
        proof = float(np.mean(held)) if held else None
        found.append(Compressed(name, size, 4 * vectors.size / size, float(np.mean(shared)), proof))
    return found


def nearest(vectors: Vectors, questions: Vectors, k: int) -> NDArray[np.int64]:
    """Rows of the ``k`` vectors with the largest inner product, best first, ``[m, min(k, n)]``; ties: earlier first."""
    return np.argsort(-(questions @ vectors.T), axis=1, kind="stable")[:, :k]
