"""The scoring side: scorers, retrieval metrics, statistics. No memory strategy may import it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workbench.probes.retrieval import Candidate, measure
from workbench.probes.scorers import SCORERS, Score, score
from workbench.sessions.model import Probe

__all__ = ["SCORERS", "Score", "score", "score_probe"]


def score_probe(probe: Probe, answer: str, hits: Sequence[Candidate], k: int = 0) -> dict[str, Any]:
    """The payload of ``probe.scored``.

    Args:
        answer: what the lane said; empty when it could not answer.
        hits: candidates as (rank from 1, returned, turns that the item came from).
        k: how many the method returns at most, 0 when it does not retrieve. With k > 0 no hits at all is a recall of
            nought; with k = 0 it is no retrieval and not measured.

    Returns:
        ``{correct, score, extracted, scorer, competency, recall: {"1", "5", "10"} | None, ndcg, rank}``; ``rank`` is
        the best rank of a candidate that names an evidence turn, returned or not, 0 for none.

    Raises:
        MnemoscopeError: the probe names a scorer that does not exist (readers refuse such sessions).
    """
    name = "abstain" if probe.abstain else probe.scorer
    result = score(name, probe, answer)
    found = measure(probe.evidence, hits, k)
    return {
        "correct": result.correct,
        "score": round(result.score, 6),
        "extracted": result.extracted,
        "scorer": name,
        "competency": probe.competency,
        "recall": found.recall,
        "ndcg": found.ndcg,
        "rank": found.rank,
    }
