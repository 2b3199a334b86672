"""Intervals, against scipy's."""

import numpy as np
import pytest
from scipy.stats import binomtest
from scipy.stats import bootstrap as scipy_bootstrap

from workbench.probes.competencies import ordered, title
from workbench.probes.statistics import bootstrap, wilson


@pytest.mark.parametrize(("correct", "n"), [(0, 1), (1, 1), (0, 20), (20, 20), (7, 13), (531, 997)])
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_wilson_equals_scipy(correct: int, n: int, level: float) -> None:
    expected = binomtest(correct, n).proportion_ci(level, method="wilson")
    assert wilson(correct, n, level) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_wilson_of_nothing_says_nothing() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


def test_bootstrap_agrees_with_scipy_and_repeats() -> None:
    values = np.random.default_rng(1).beta(2, 3, 300).tolist()
    low, high = bootstrap(values)
    expected = scipy_bootstrap((values,), np.mean, method="percentile", n_resamples=4000, rng=2).confidence_interval
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=0.004)
    assert bootstrap(values) == (low, high)
    assert bootstrap([1.0]) == (1.0, 1.0)


def test_competencies_come_first_in_their_order() -> None:
    names = ("zeal", "conflict_resolution", "abstention", "accurate_retrieval")
    assert ordered(names) == ("accurate_retrieval", "conflict_resolution", "abstention", "zeal")
    assert title("accurate_retrieval") == "Accurate retrieval"
    assert title("test_time_learning") == "Test-time learning"
    assert title("my-own_family") == "My own family"
