"""Intervals, against scipy's."""

import numpy as np
import pytest
from scipy.stats import binomtest
from scipy.stats import bootstrap as scipy_bootstrap

from workbench.probes.competencies import ordered, title
from workbench.probes.statistics import compare, detectable, detectable_mean, holm, interval, mcnemar, newcombe, wilson


@pytest.mark.parametrize(("correct", "n"), [(0, 1), (1, 1), (0, 20), (20, 20), (7, 13), (531, 997)])
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_wilson_equals_scipy(correct: int, n: int, level: float) -> None:
    expected = binomtest(correct, n).proportion_ci(level, method="wilson")
    assert wilson(correct, n, level) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_wilson_of_nothing_says_nothing() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize("n", [5, 12, 40, 300, 1000])
def test_figures_between_get_the_bca_bootstrap_that_scipy_makes(n: int) -> None:
    values = np.random.default_rng(n).beta(0.5, 0.4, n)
    found = interval(values.tolist())
    expected = scipy_bootstrap((values,), np.mean, method="BCa", n_resamples=9999, rng=2).confidence_interval
    assert found.method == "bca"
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.35 * values.std() / n**0.5)
    assert interval(values.tolist()) == found


def test_nearly_all_equal_figures_have_an_interval_too() -> None:
    found = interval([1.0] * 59 + [0.3])
    assert (found.method, found.high) == ("bca", 1.0)
    assert 0.9 < found.low < 59.3 / 60


@pytest.mark.parametrize("value", [0.0, 1.0, 0.5])
def test_ten_equal_figures_are_not_certain(value: float) -> None:
    found = interval([value] * 10)
    assert found.method == "wilson"
    assert found.high - found.low > 0.25
    assert found.low <= value <= found.high


def test_mcnemar_by_hand() -> None:
    assert mcnemar(0, 6) == pytest.approx(2 / 64)
    assert mcnemar(3, 3) == 1.0
    assert mcnemar(0, 0) == 1.0


def test_two_lanes_that_differ_and_two_that_do_not() -> None:
    better = compare([0.0] * 12 + [1.0] * 8, [1.0] * 18 + [0.0] * 2)
    assert (better.n, better.first_only, better.second_only, better.test) == (20, 2, 12, "mcnemar")
    assert better.difference == pytest.approx(0.5)
    assert better.p == pytest.approx(binomtest(2, 14, 0.5).pvalue)
    assert 0 < better.low < 0.5 < better.high < 1
    same = compare([1.0, 0.0, 1.0], [1.0, 0.0, 1.0])
    assert (same.p, same.difference) == (1.0, 0.0)
    assert same.low < 0 < same.high


def test_figures_are_compared_by_the_paired_bootstrap() -> None:
    rng = np.random.default_rng(3)
    first = rng.uniform(0, 0.8, 80)
    found = compare(first.tolist(), (first + 0.1).tolist())
    assert (found.test, found.second_only) == ("bootstrap", 80)
    assert found.p < 0.01
    noise = compare(first.tolist(), (first + rng.normal(0, 0.2, 80)).clip(0, 1).tolist())
    assert noise.low < 0 < noise.high
    assert noise.p > 0.05


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.5]) == pytest.approx([0.04, 0.09, 0.09, 0.5])
    assert holm([0.9, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_the_power_that_is_promised_is_there() -> None:
    """Simulated: of so many experiments with the smallest detectable difference, about 80 % are significant."""
    n, discordant = 200, 0.3
    apart = detectable(n, discordant)
    shares = [(discordant - apart) / 2, (discordant + apart) / 2, 1 - discordant]
    draws = np.random.default_rng(5).multinomial(n, shares, 2000)
    significant = np.mean([mcnemar(int(a), int(b)) < 0.05 for a, b, _ in draws])
    assert 0.7 < significant < 0.86
    assert detectable(2000, 0.3) < apart < detectable(50, 0.3)
    assert detectable(28, 0.0) <= 1.0


def test_competencies_come_first_in_their_order() -> None:
    names = ("zeal", "conflict_resolution", "abstention", "accurate_retrieval")
    assert ordered(names) == ("accurate_retrieval", "conflict_resolution", "abstention", "zeal")
    assert title("accurate_retrieval") == "Accurate retrieval"
    assert title("test_time_learning") == "Test-time learning"
    assert title("my-own_family") == "My own family"


def test_the_interval_of_paired_shares_by_hand() -> None:
    """Newcombe 1998, table II: 36, 12, 2, 0 of 50 gives 0.0569 to 0.3404 by method 10."""
    pairs = [(True, True)] * 36 + [(True, False)] * 12 + [(False, True)] * 2
    second, first = (np.array(side) for side in zip(*pairs, strict=True))
    assert newcombe(first, second) == pytest.approx((0.0569, 0.3404), abs=5e-5)


def test_three_of_24_in_one_direction_do_not_exclude_nought() -> None:
    found = compare([0.0] * 4 + [1.0] * 20, [1.0] * 3 + [0.0] + [1.0] * 20)
    assert found.p == 0.25
    assert found.low < 0 < found.difference < found.high


def test_the_detectable_difference_of_means_is_detected() -> None:
    rng = np.random.default_rng(7)
    n, spread = 60, 0.2
    apart = detectable_mean(n, spread)
    found = [abs(d.mean()) / (d.std(ddof=1) / n**0.5) > 1.96 for d in rng.normal(apart, spread, (2000, n))]
    assert 0.75 < np.mean(found) < 0.85
