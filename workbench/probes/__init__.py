"""The scoring side: scorers, retrieval metrics, statistics. No memory strategy may import it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workbench.probes.base import Score
from workbench.probes.competencies import family
from workbench.probes.retrieval import Candidate, measure
from workbench.probes.scorers import PUBLISHED, SCORERS, published, score
from workbench.sessions.model import Probe

__all__ = ["PUBLISHED", "SCORERS", "Score", "score", "score_answer", "score_probe"]


def score_answer(probe: Probe, answer: str, shared: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What can be said of an answer alone.

    Args:
        answer: what was said; empty when nothing was.
        shared: ``Session.extra`` of the probe's session.

    Returns:
        ``{correct, score, extracted, scorer, competency, scores: {NAME: figure}}``; ``scores`` holds the published
        figures that the probe names, without those of a judge.

    Raises:
        MnemoscopeError: the probe names a scorer that does not exist (readers refuse such sessions).
    """
    name = "abstain" if probe.abstain else probe.scorer
    result = score(name, probe, answer)
    return {
        "correct": result.correct,
        "score": round(result.score, 9),
        "extracted": result.extracted,
        "scorer": name,
        "competency": family(probe),
        "scores": published(probe, answer, shared or {}),
    }


def score_probe(
    probe: Probe, answer: str, hits: Sequence[Candidate], k: int = 0, shared: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The payload of ``probe.scored``.

    Args:
        answer: what the lane said; empty when it could not answer.
        hits: candidates as (rank from 1, returned, turns that the item came from).
        k: how many the method returns at most, 0 when it does not retrieve. With k > 0 no hits at all is a recall of
            nought; with k = 0 it is no retrieval and not measured.
        shared: ``Session.extra`` of the probe's session.

    Returns:
        What ``score_answer`` returns and ``{k, recall: {"1", "5", "10"} | None, ndcg, rank}``; ``recall`` holds no cut
        beyond ``k``, and ``k`` itself; ``rank`` is the best rank of a candidate that names an evidence turn, returned
        or not, 0 for none. Published retrieval figures that the probe names are in ``scores``, too.
    """
    found = measure(probe.evidence, hits, k)
    payload = score_answer(probe, answer, shared)
    payload["scores"] |= {name: value for name, value in found.figures.items() if name.split("@")[0] in probe.scores}
    return payload | {"k": k, "recall": found.recall, "ndcg": found.ndcg, "rank": found.rank}
