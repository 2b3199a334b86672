"""Hidden states at writing and at recall: which tokens are the same, and what is compared."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.engine.reweaving import compare, shared
from workbench.llm.base import States


def states(ids: list[int], values: np.ndarray) -> States:
    return States(np.array(ids, np.int32), tuple(map(str, ids)), values.astype(np.float32))


def test_tokens_that_stand_in_both_in_the_same_order() -> None:
    assert shared(np.array([1, 2, 3, 4]), np.array([9, 2, 3, 8, 4])) == ([1, 2, 3], [1, 2, 4])
    assert shared(np.array([1]), np.array([2])) == ([], [])


def test_the_same_states_compare_as_one_and_others_as_themselves() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(3, 5, 16))
    figures = compare(states([1, 2, 3, 4, 5], values), states([1, 2, 3, 4, 5], values))
    assert figures.shape == (3, 7) and figures[:, :6] == pytest.approx(1, abs=1e-5)
    unit = values / np.linalg.norm(values, axis=-1, keepdims=True)
    pairs = unit @ unit.swapaxes(1, 2)
    assert figures[:, 6] == pytest.approx([(p.sum() - 5) / 20 for p in pairs], abs=1e-5)


def test_each_token_is_held_against_itself_where_it_stood() -> None:
    rng = np.random.default_rng(1)
    here, there = rng.normal(size=(2, 3, 8)), rng.normal(size=(2, 4, 8))
    figures = compare(states([7, 8, 9], here), states([5, 9, 7, 8], there))
    for column, place in ((0, 2), (1, 3)):
        a, b = here[:, column], there[:, place]
        wanted = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
        assert figures[:, column] == pytest.approx(wanted, abs=1e-5)
    assert np.isnan(figures[:, 2]).all(), "9 stood before 7 there"
    a, b = here.mean(1), there.mean(1)
    assert figures[:, 3] == pytest.approx(
        (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1), abs=1e-5
    )


def test_one_token_alone_has_no_others() -> None:
    one = states([4], np.ones((2, 1, 8)))
    assert np.isnan(compare(one, one)[:, -1]).all()
