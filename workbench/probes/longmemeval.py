"""LongMemEval's official retrieval figures (xiaowu0162/LongMemEval, ``src/retrieval/eval_utils.py``, arXiv 2410.10813).

They look at one ranked list of documents; here every evidence turn counts as a document, at the best rank of a returned
hit that came from it. For memories whose items hold one turn each the values are those of the official code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log2

CUTOFFS = (1, 3, 5, 10, 30, 50)
"""Where the official code cuts the list."""
HEADLINE = 10
"""The cut that a name without "@" means."""


def figures(ranks: Sequence[int], wanted: int, k: int) -> dict[str, float]:
    """``recall-any``, ``recall-all`` and ``longmemeval-ndcg`` by cut, as ``NAME@K``; at 10 also as ``NAME``.

    Args:
        ranks: best rank (from 1) of every evidence turn that was returned.
        wanted: how many evidence turns there are.
        k: how many hits the lane returns at most; no cut goes beyond it. 0 for no limit.
    """
    found: dict[str, float] = {}
    for cut in (c for c in CUTOFFS if not k or c <= k):
        for name, value in _at(ranks, wanted, cut).items():
            found |= {f"{name}@{cut}": value} | ({name: value} if cut == HEADLINE else {})
    return found


def _at(ranks: Sequence[int], wanted: int, cut: int) -> Mapping[str, float]:
    inside = [rank for rank in ranks if rank <= cut]
    return {
        "recall-any": float(bool(inside)),
        "recall-all": float(len(inside) == wanted),
        "longmemeval-ndcg": ndcg(inside, wanted, cut),
    }


def ndcg(ranks: Sequence[int], wanted: int, k: int) -> float:
    """NDCG at ``k`` with the official discount, which is 1 for the first rank and for the second: their order is free.

    The best rank of all is 1 / log2(rank) too, so a single evidence turn at rank 2 gives 1; textbook NDCG gives 0.63.
    """
    ideal = sum(_discount(rank) for rank in range(1, min(wanted, k) + 1))
    return min(1.0, sum(_discount(rank) for rank in ranks if rank <= k) / ideal) if ideal else 0.0


def _discount(rank: int) -> float:
    return 1.0 if rank == 1 else 1 / log2(rank)
