"""Resampling: the pooled counts of the drawn units, and intervals that cover."""

from __future__ import annotations

import numpy as np
import pytest
from trial_tables import trials_table

from visavis.scaling import Counts, Resampling, ScalingError, bootstrap_scale, compare_items, count_choices, fit_scale
from visavis.scaling.intervals import resample_weights

VALUES = {"contrast": np.array([-0.7, -0.1, 0.2, 0.6]), "preference": np.array([0.3, 0.0, -0.2, -0.1])}


@pytest.fixture
def counts() -> Counts:
    people = {f"P{i}": VALUES for i in range(8)}
    return count_choices(trials_table(people, repetitions=1, scenes=3), ("observer", "attribute", "scene"))


def test_each_draw_is_the_scale_of_the_drawn_people(counts: Counts) -> None:
    found = bootstrap_scale(counts, "observer", ["attribute", "scene"], resampling=Resampling(20, seed=4))
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
    found = bootstrap_scale(counts, "observer", ["attribute"], resampling=Resampling(5))
    assert np.array_equal(found.estimate.values, fit_scale(counts.pool(["attribute"])).values)


def test_without_groups_everything_is_pooled(counts: Counts) -> None:
    found = bootstrap_scale(counts, "scene", [], resampling=Resampling(5))
    assert found.draws.shape == (5, 1, 4)


def test_the_seed_decides(counts: Counts) -> None:
    one, same, other = (
        bootstrap_scale(counts, "observer", ["attribute"], resampling=Resampling(5, seed=s)).draws for s in (1, 1, 2)
    )
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
        draws = bootstrap_scale(each, "observer", [], prior_sd=10, resampling=Resampling(300, seed=study)).draws[:, 0]
        low, high = np.quantile(draws[:, 2] - draws[:, 0], [0.025, 0.975])
        covered.append(low <= truth[2] - truth[0] <= high)
    assert 0.88 <= np.mean(covered) <= 0.98  # the percentile interval of 20 people is a little narrow


def two_items(seed: int = 0, people: int = 15) -> Counts:
    """People who choose between two items eight times each."""
    import pandas as pd

    rng = np.random.default_rng(seed)
    won = np.clip(rng.binomial(8, rng.beta(6, 3, people)), 1, 7).astype(float)
    wins = np.zeros((people, 2, 2))
    wins[:, 0, 1], wins[:, 1, 0] = won, 8 - won
    return Counts(("a", "b"), pd.DataFrame({"observer": range(people)}), wins, np.zeros_like(wins))


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_intervals_are_scipys(method: str) -> None:
    from scipy.stats import bootstrap, norm

    counts = two_items()
    found = bootstrap_scale(counts, "observer", [], method="ml", resampling=Resampling(20_000, seed=1))
    low, high = found.interval(method=method)  # type: ignore[arg-type]
    share = counts.wins[:, 0, 1] / 8

    def value(sample: np.ndarray, axis: int = -1) -> np.ndarray:
        return np.asarray(norm.ppf(sample.mean(axis=axis)) / 2)

    theirs = bootstrap((share,), value, n_resamples=20_000, method=method, rng=np.random.default_rng(2))
    assert (low[0, 0], high[0, 0]) == pytest.approx(tuple(theirs.confidence_interval), abs=0.01)


def test_the_expanded_interval_is_wider_by_what_a_t_interval_is() -> None:
    from scipy.stats import norm, t

    low, high = Resampling().tails(15)
    assert norm.ppf(high) == pytest.approx(np.sqrt(15 / 14) * t.ppf(0.975, 14))
    assert low == pytest.approx(1 - high)
    assert Resampling(method="percentile").tails(15) == pytest.approx([0.025, 0.975])
    assert Resampling().tails(10**7) == pytest.approx([0.025, 0.975], abs=1e-6)


def test_two_units_at_once_vary_more_than_either(counts: Counts) -> None:
    def spread(unit: str | tuple[str, ...]) -> float:
        return float(bootstrap_scale(counts, unit, ["attribute"], resampling=Resampling(400)).draws.std(axis=0).mean())

    assert spread(("observer", "scene")) > max(spread("observer"), spread("scene"))


def test_resampled_trials_keep_the_number_of_each_pair() -> None:
    people = {f"P{i}": VALUES for i in range(8)}
    counts = count_choices(trials_table(people, repetitions=2), ("attribute",))
    found = bootstrap_scale(counts, "trial", ["attribute"], prior_sd=50, resampling=Resampling(500))
    errors = fit_scale(counts, prior_sd=50).standard_errors
    assert found.draws.std(axis=0) == pytest.approx(errors, rel=0.25)


@pytest.mark.parametrize(
    ("unit", "by", "message"),
    [
        ("observer", ["observer"], "observer cannot be resampled and kept apart at once"),
        ("session", [], r"lacks the column\(s\) session"),
    ],
)
def test_units_that_cannot_be_resampled_are_named(counts: Counts, unit: str, by: list[str], message: str) -> None:
    with pytest.raises(ScalingError, match=message):
        bootstrap_scale(counts, unit, by)


def test_standard_errors_of_a_mean_are_the_textbooks() -> None:
    """Near 0 the value is the mean share times a constant, so its error over people is that of a mean, by n - 1."""
    from scipy.stats import norm

    counts = two_items(people=12)
    found = bootstrap_scale(counts, "observer", method="ml", resampling=Resampling(20_000))
    share = counts.wins[:, 0, 1] / 8
    slope = norm.pdf(norm.ppf(share.mean()))
    error = share.std(ddof=1) / np.sqrt(12) / slope / 2
    assert found.standard_errors[0, 0] == pytest.approx(error, rel=0.05)
    assert found.covariance.sum(axis=2) == pytest.approx(0, abs=1e-12)


def test_resamples_without_a_maximum_are_left_out_and_counted() -> None:
    import pandas as pd

    wins = np.array([[[0, 3], [0, 0]]] * 2 + [[[0, 2], [1, 0]]], dtype=float)
    counts = Counts(("a", "b"), pd.DataFrame({"observer": ["P", "Q", "R"]}), wins, np.zeros_like(wins))
    found = bootstrap_scale(counts, "observer", method="ml", resampling=Resampling(2000))
    assert found.lost[0] == pytest.approx((2 / 3) ** 3, abs=0.03)  # the one who once chose b was not drawn
    assert np.isfinite(found.interval()).all()
    assert "resamples without a finite scale: " in found.summary()
    assert bootstrap_scale(counts, "observer", resampling=Resampling(50)).lost[0] == 0


def test_items_are_compared_over_people_who_differ() -> None:
    """Of studies of 12 people who differ, without any difference, pooled tests find one far too often."""
    import pandas as pd
    from scipy.special import ndtr

    rng = np.random.default_rng(0)
    first, second = np.triu_indices(4, 1)
    found: dict[str, list[bool]] = {"pooled": [], "people": []}
    for study in range(150):
        values = rng.normal(0, 0.8, (12, 4))
        won = rng.binomial(3, ndtr(values[:, first] - values[:, second]))
        wins = np.zeros((12, 4, 4))
        wins[:, first, second], wins[:, second, first] = won, 3 - won
        counts = Counts(tuple("abcd"), pd.DataFrame({"observer": range(12)}), wins, np.zeros_like(wins))
        resampled = bootstrap_scale(counts, "observer", resampling=Resampling(300, seed=study))
        for name, scale in (("pooled", resampled.estimate), ("people", resampled)):
            table = compare_items(scale, adjustment="holm")  # type: ignore[arg-type]
            found[name].append(bool((table["p_value"] < 0.05).any()))
    assert np.mean(found["people"]) < 0.1
    assert np.mean(found["pooled"]) > 0.25


def test_trials_of_three_repetitions_vary_too_little() -> None:
    """A unanimous pair stays unanimous however its three choices are drawn again."""
    wins = np.array([[0, 3.0], [0, 0]])
    found = bootstrap_scale(Counts.from_matrix(wins), "trial", resampling=Resampling(50))
    assert np.ptp(found.draws, axis=0) == pytest.approx(0)
    assert found.estimate.standard_errors[0, 0] > 0.3


def test_an_interval_that_cannot_be_made_is_named(counts: Counts) -> None:
    found = bootstrap_scale(counts, ("observer", "scene"), ["attribute"], resampling=Resampling(20))
    with pytest.raises(ScalingError, match="BCa needs the data without each unit in turn"):
        found.interval(method="bca")
    with pytest.raises(ScalingError, match="level must be between 0 and 1"):
        found.interval(95)
    with pytest.raises(ScalingError, match="the number of resamples, must be at least 1"):
        bootstrap_scale(counts, "observer", ["attribute"], resampling=Resampling(0))
    with pytest.raises(ScalingError, match="unknown interval 'wald'; choose from expanded, t, percentile, bca"):
        found.interval(method="wald")  # type: ignore[arg-type]


def test_coverage_in_a_reduced_form() -> None:
    """The script in benchmarks/ with few studies: what should cover does, and the plain percentile less."""
    import importlib.util
    from pathlib import Path

    path = Path(__file__).parents[3] / "benchmarks" / "scaling_coverage.py"
    spec = importlib.util.spec_from_file_location("scaling_coverage", path)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    alike = script.coverage(lambda: script.people(15, 0.0, 80, population=False))
    assert 0.92 < alike["pooled, observed information"] < 0.98
    assert 0.91 < alike["bootstrap over people, expanded"] < 0.985
    assert alike["bootstrap over people, percentile"] < alike["bootstrap over people, expanded"]
    one = script.coverage(lambda: script.one_model(400))
    assert 0.92 < one["observed information"] < 0.985
