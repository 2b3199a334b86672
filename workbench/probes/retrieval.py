"""Was the evidence retrieved? Recall and NDCG of the evidence turns among a lane's hits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import log2

from workbench.probes import longmemeval

Candidate = tuple[int, bool, tuple[int, ...]]
"""A hit: rank from 1, whether it was returned, the turns that its item came from."""

CUTOFFS = (1, 5, 10)
DEPTH = 10
"""NDCG is cut at this rank."""


@dataclass(frozen=True, slots=True)
class Retrieval:
    """How well the evidence was found.

    Attributes:
        recall: share of the evidence turns among the returned hits of rank 1 to n, by n as text: 1, 5 and 10 as far as
            the lane returns that many, and the lane's own k; None when there is no evidence to look for or the lane
            does not retrieve. LoCoMo's own figure counts such probes as 1, which inflates averages; here they are
            left out.
        ndcg: textbook NDCG at 10, or at the lane's k if that is less, with one unit of gain for each evidence turn, at
            its best rank; 1 at most, also when one item names several evidence turns. None as above.
        rank: best rank of a candidate that names evidence, returned or not; 0 for none.
        figures: LongMemEval's own figures (``workbench.probes.longmemeval.figures``); empty as above.
    """

    recall: Mapping[str, float] | None
    ndcg: float | None
    rank: int
    figures: Mapping[str, float] = field(default_factory=dict)


def measure(evidence: Sequence[int], hits: Sequence[Candidate], k: int = 0) -> Retrieval:
    """Measure one probe; see ``workbench.probes.score_probe`` for ``k``."""
    wanted = set(evidence)
    any_rank = _best_ranks(wanted, hits)
    rank = min(any_rank.values(), default=0)
    if not wanted or not (hits or k):
        return Retrieval(None, None, rank)
    ranks = list(_best_ranks(wanted, [h for h in hits if h[1]]).values())
    cuts = sorted({c for c in CUTOFFS if not k or c <= k} | ({k} if k else set()))
    recall = {str(c): round(sum(r <= c for r in ranks) / len(wanted), 6) for c in cuts}
    gain = round(_ndcg(ranks, len(wanted), min(k or DEPTH, DEPTH)), 6)
    figures = {name: round(value, 9) for name, value in longmemeval.figures(ranks, len(wanted), k).items()}
    return Retrieval(recall, gain, rank, figures)


def _best_ranks(wanted: set[int], hits: Sequence[Candidate]) -> dict[int, int]:
    best: dict[int, int] = {}
    for rank, _, turns in hits:
        for turn in wanted.intersection(turns):
            best[turn] = min(rank, best.get(turn, rank))
    return best


def _ndcg(ranks: Sequence[int], wanted: int, depth: int) -> float:
    gain = sum(1 / log2(r + 1) for r in ranks if r <= depth)
    ideal = sum(1 / log2(r + 1) for r in range(1, min(wanted, depth) + 1))
    return min(1.0, gain / ideal)
