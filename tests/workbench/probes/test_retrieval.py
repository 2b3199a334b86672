"""Recall and NDCG of the evidence."""

from math import log2

import pytest

from workbench.probes.retrieval import Retrieval, measure


def test_recall_is_the_share_of_evidence_turns_within_each_rank() -> None:
    hits = [(1, True, (7,)), (2, True, (3,)), (6, True, (4, 5)), (11, True, (9,))]
    found = measure((3, 4, 9, 20), hits)
    assert found.recall == {"1": 0.0, "5": 0.25, "10": 0.5}
    assert found.rank == 2


def test_what_was_not_returned_counts_for_the_rank_alone() -> None:
    found = measure((3,), [(1, True, (7,)), (2, False, (3,))], k=1)
    assert found.recall == {"1": 0.0}
    assert found.ndcg == 0.0
    assert found.rank == 2


def test_the_best_rank_of_a_turn_counts() -> None:
    assert measure((3,), [(4, True, (3,)), (1, True, (3, 5))]).recall == {"1": 1.0, "5": 1.0, "10": 1.0}


def test_ndcg_by_hand() -> None:
    found = measure((3, 4), [(1, True, (9,)), (2, True, (3,)), (3, True, (4,))])
    assert found.ndcg == pytest.approx((1 / log2(3) + 1 / log2(4)) / (1 + 1 / log2(3)), abs=1e-6)


def test_ndcg_stays_within_one_when_one_item_names_all_the_evidence() -> None:
    assert measure((3, 4), [(1, True, (3, 4))]).ndcg == 1.0


def test_without_evidence_or_retrieval_nothing_is_measured() -> None:
    assert measure((), [(1, True, (3,))]).recall is None
    assert measure((3,), []) == Retrieval(None, None, 0)


def test_a_retriever_that_found_nothing_has_a_recall_of_nought() -> None:
    found = measure((3,), [], k=10)
    assert found.recall == {"1": 0.0, "5": 0.0, "10": 0.0}
    assert found.ndcg == 0.0
    assert found.rank == 0


def test_no_cut_goes_beyond_what_the_lane_returns() -> None:
    assert measure((3,), [(2, True, (3,))], k=5).recall == {"1": 0.0, "5": 1.0}
    assert measure((3,), [(2, True, (3,))], k=7).recall == {"1": 0.0, "5": 1.0, "7": 1.0}
    found = measure((3, 4), [(2, True, (3,)), (5, True, (4,))], k=5)
    assert found.ndcg == pytest.approx((1 / log2(3) + 1 / log2(6)) / (1 + 1 / log2(3)), abs=1e-6)
    assert set(found.figures) == {
        f"{n}@{k}" for n in ("recall-any", "recall-all", "longmemeval-ndcg") for k in (1, 3, 5)
    }


def test_longmemevals_own_ndcg_does_not_tell_the_first_rank_from_the_second() -> None:
    found = measure((3,), [(2, True, (3,))], k=10)
    assert found.figures["longmemeval-ndcg"] == 1.0
    assert found.ndcg == pytest.approx(1 / log2(3), abs=1e-6)
