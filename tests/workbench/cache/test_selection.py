"""Choosing by scores, against loops that anyone can check."""

import numpy as np
import pytest

from workbench.cache.base import Observation, Plan, checked, mask
from workbench.cache.selection import jaccard, pooled, top, uniform, vote


def observed(layers: int = 2, kv_heads: int = 3, n: int = 10) -> Observation:
    return Observation(tuple("x" * n), np.ones((layers, kv_heads, n), bool), heads=2 * kv_heads)


def test_top_is_exact_and_prefers_the_earlier_of_equals() -> None:
    scores = np.array([[3.0, 1.0, 3.0, 3.0, 2.0], [0.0, 0.0, 0.0, 0.0, 0.0]])
    assert top(scores, 2).tolist() == [[True, False, True, False, False], [True, True, False, False, False]]
    assert top(scores, np.array([4, 1])).sum(-1).tolist() == [4, 1]


@pytest.mark.parametrize(("kind", "kernel"), [("avgpool", 5), ("maxpool", 5), ("avgpool", 4), ("maxpool", 1)])
def test_pools_are_those_of_a_loop(kind: str, kernel: int) -> None:
    scores = np.random.default_rng(0).random((2, 3, 11)).astype(np.float32)
    found, left = pooled(scores, kernel, kind), kernel // 2
    for place in range(11):
        near = [scores[..., at] for at in range(place - left, place - left + kernel) if 0 <= at < 11]
        expected = sum(near) / kernel if kind == "avgpool" else np.max(near, axis=0)
        assert np.allclose(found[..., place], expected, atol=1e-6)


def test_a_vote_sums_to_one_over_what_could_go() -> None:
    scores = np.random.default_rng(1).normal(size=(2, 3, 10)).astype(np.float32)
    free = mask(10, [0, 2, 3, 7])
    found = vote(scores, free)
    assert found.sum() == pytest.approx(1, abs=1e-6) and (found[~free] == 0).all()
    rows = [row[free] - min(0, row[free].min()) for row in scores.reshape(6, 10)]
    assert np.allclose(found[free], np.mean([row / row.sum() for row in rows], axis=0), atol=1e-6)
    weights = np.array([[1, 0, 0], [0, 0, 0]], np.float32)
    assert np.allclose(vote(scores, free, weights)[free], rows[0] / rows[0].sum(), atol=1e-6)


def test_one_set_for_all_is_exact_keeps_the_newest_and_says_how_far_the_heads_agree() -> None:
    seen = observed()
    scores = np.random.default_rng(2).random((2, 3, 10)).astype(np.float32)
    own = top(scores, 4)
    plan = uniform(scores, mask(10, [0]), own, seen, 4)
    assert plan.kept.shape == (10,) and plan.kept.sum() == 4 and plan.kept[[0, 9]].all()
    shares = [len(set(np.flatnonzero(o)) & set(np.flatnonzero(plan.kept))) for o in own.reshape(6, 10)]
    assert plan.agreement == pytest.approx(np.mean([s / (8 - s) for s in shares]), abs=1e-6)
    assert jaccard(own, own).min() == 1


def test_plans_from_outside_are_checked() -> None:
    seen = observed()
    for wrong in (np.ones(9, bool), np.ones((2, 3, 9), bool), np.ones(10)):
        with pytest.raises(ValueError, match="has kept of shape"):
            checked(Plan(wrong), seen)  # type: ignore[arg-type]
    bare = np.ones((2, 3, 10), bool)
    bare[1, 2] = False
    with pytest.raises(ValueError, match="without any token"):
        checked(Plan(bare), seen)
    with pytest.raises(ValueError, match="rewrites"):
        checked(Plan(np.ones(10, bool), keys=np.zeros((1, 3, 10, 4), np.float32)), seen)
    assert checked(Plan(np.ones(10, bool)), seen).kept.all()
