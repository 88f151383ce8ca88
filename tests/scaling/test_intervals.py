"""Intervals over few units: Student's t where no percentile of resamples can reach."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import sem
from scipy.stats import t as student

from visavis.scaling import Counts, Resampling, bootstrap_scale
from visavis.scaling.intervals import over_scenes, ratio


def test_over_two_scenes_it_is_the_t_interval_of_the_textbook() -> None:
    values = np.array([1.0, 4.0])
    found = over_scenes(lambda weights: weights @ values / 2, 2, Resampling(200_000))
    expected = student.interval(0.95, 1, loc=values.mean(), scale=sem(values))
    assert found == pytest.approx((2.5, *expected), rel=0.01)


@pytest.mark.parametrize(("n", "before"), [(2, 0.51), (3, 0.75), (4, 0.88), (5, 0.91)])
def test_it_covers_however_few_the_scenes(n: int, before: float) -> None:
    """`before` is what expanded percentiles hold of normal values."""
    resampling = Resampling(1000)
    values = np.random.default_rng(n).normal(size=(n, 2000))
    draws = resampling.weights(n) @ values / n
    low, high = resampling.limits(draws, n, estimate=values.mean(axis=0))
    assert 0.935 < np.mean((low <= 0) & (high >= 0)) < 0.965
    low, high = np.quantile(draws, resampling.tails(n), axis=0)
    assert np.mean((low <= 0) & (high >= 0)) == pytest.approx(before, abs=0.03)


def test_a_share_stays_a_share() -> None:
    part, whole = np.array([0.0, 1.0, 9.0]), np.array([10.0, 10.0, 10.0])
    _, low, high = over_scenes(ratio(part, whole), 3, bounds=(0, 1))
    assert (low, high) == (0, 1)


@pytest.mark.parametrize("n", [2, 3, 10])
@pytest.mark.parametrize("value", [0.0, 0.1, 1.0, 1e6 / 3])
def test_scenes_that_are_all_alike_do_not_say_how_much_others_differ(n: int, value: float) -> None:
    estimate, low, high = over_scenes(ratio(np.full(n, 0.3 * value), np.full(n, 0.3)), n)
    assert estimate == pytest.approx(value)
    assert np.isnan([low, high]).all()


def test_from_eight_units_on_it_is_expanded_percentiles_and_each_kind_has_its_name() -> None:
    resampling = Resampling()
    assert [resampling.is_student(n) for n in (2, 7, 8, 100)] == [True, True, False, False]
    assert resampling.in_words(5) == "Student's t intervals from the standard deviation of"
    assert resampling.in_words(8) == "expanded percentile intervals (Hesterberg, 2015) from"
    assert Resampling(method="t").is_student(50)
    assert not Resampling(method="percentile").is_student(2)


def test_few_people_have_t_intervals_too() -> None:
    wins = np.array([[[0, 3.0], [1, 0]], [[0, 2.0], [2, 0]], [[0, 4.0], [0, 0]]])
    found = bootstrap_scale(Counts.from_matrix(wins), "group", [], resampling=Resampling(500))
    low, high = found.interval()
    reach = student.ppf(0.975, 2) * found.standard_errors
    assert low == pytest.approx(found.values - reach)
    assert high == pytest.approx(found.values + reach)
