"""Resampling: the pooled counts of the drawn units, and intervals that cover."""

from __future__ import annotations

import numpy as np
import pytest
from trial_tables import trials_table

from visavis.scaling import Counts, ScalingError, bootstrap_scale, count_choices, fit_scale
from visavis.scaling.bootstrap import resample_weights

VALUES = {"contrast": np.array([-0.7, -0.1, 0.2, 0.6]), "preference": np.array([0.3, 0.0, -0.2, -0.1])}


@pytest.fixture
def counts() -> Counts:
    people = {f"P{i}": VALUES for i in range(8)}
    return count_choices(trials_table(people, repetitions=1, scenes=3), ("observer", "attribute", "scene"))


def test_each_draw_is_the_scale_of_the_drawn_people(counts: Counts) -> None:
    found = bootstrap_scale(counts, "observer", ["attribute", "scene"], n=20, seed=4)
    people = sorted(set(counts.groups["observer"]))
    weights = resample_weights(len(people), 20, np.random.default_rng(4))
    for draw, times in zip(found.draws, weights, strict=True):
        for g, group in found.estimate.counts.groups.iterrows():
            here = (counts.groups["attribute"] == group["attribute"]) & (counts.groups["scene"] == group["scene"])
            one = counts.select(here)
            by_person = [times[people.index(name)] for name in one.groups["observer"]]
            wins = np.tensordot(by_person, one.wins, axes=1)
            assert draw[g] == pytest.approx(fit_scale(Counts.from_matrix(wins, counts.items)).values[0], abs=1e-6)  # type: ignore[index]


def test_the_estimate_is_the_scale_of_the_data(counts: Counts) -> None:
    found = bootstrap_scale(counts, "observer", ["attribute"], n=5)
    assert np.array_equal(found.estimate.values, fit_scale(counts.pool(["attribute"])).values)


def test_without_groups_everything_is_pooled(counts: Counts) -> None:
    found = bootstrap_scale(counts, "scene", [], n=5)
    assert found.draws.shape == (5, 1, 4)


def test_the_seed_decides(counts: Counts) -> None:
    one, same, other = (bootstrap_scale(counts, "observer", ["attribute"], n=5, seed=s).draws for s in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_one_unit_cannot_be_resampled(counts: Counts) -> None:
    with pytest.raises(ScalingError, match="there is one observer only"):
        bootstrap_scale(counts.select(counts.groups["observer"] == "P1"), "observer", ["attribute"])


def test_people_intervals_cover_the_population() -> None:
    """300 studies of 20 people who differ: intervals over people hold the population's difference 95 times of 100."""
    rng = np.random.default_rng(8)
    population, covered = np.array([-0.5, 0.0, 0.5]), []
    from scipy.special import ndtr

    first, second = np.array([0, 0, 1]), np.array([1, 2, 2])
    p_population = np.mean([ndtr(v[first] - v[second]) for v in population + rng.normal(0, 0.4, (20_000, 3))], axis=0)
    p_matrix = np.zeros((3, 3))
    p_matrix[first, second], p_matrix[second, first] = p_population, 1 - p_population
    truth = fit_scale(Counts.from_matrix(1e4 * p_matrix), method="ml").values[0]
    for study in range(300):
        values = population + rng.normal(0, 0.4, (20, 3))
        won = rng.binomial(4, ndtr(values[:, first] - values[:, second]))
        wins = np.zeros((20, 3, 3))
        wins[:, first, second], wins[:, second, first] = won, 4 - won
        import pandas as pd

        each = Counts(("a", "b", "c"), pd.DataFrame({"observer": range(20)}), wins, np.zeros_like(wins))
        draws = bootstrap_scale(each, "observer", [], n=300, seed=study, prior_sd=10).draws[:, 0]
        low, high = np.quantile(draws[:, 2] - draws[:, 0], [0.025, 0.975])
        covered.append(low <= truth[2] - truth[0] <= high)
    assert 0.88 <= np.mean(covered) <= 0.98  # the percentile interval of 20 people is a little narrow
