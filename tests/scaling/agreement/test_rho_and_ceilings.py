"""Correlations against scipy, intervals against what they should cover, ceilings against simple cases."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from trial_tables import trials_table

from visavis.scaling import (
    Options,
    Resampling,
    ScalingError,
    bootstrap_rho,
    compare,
    leave_one_out_rho,
    rho,
    scene_scales,
)
from visavis.scaling.agreement.ceilings import rho_ceilings
from visavis.scaling.agreement.corrected_rho import corrected_rho
from visavis.scaling.agreement.pooled_people import PooledPeople, pool_choices
from visavis.scaling.agreement.rank_correlation import pearson, spearman
from visavis.scaling.agreement.rho import nested_rho
from visavis.scaling.study.options import Mode

rows = arrays(np.float64, (2, 7), elements=st.integers(-5, 5).map(float))


@given(values=rows)
def test_correlations_are_scipys(values: np.ndarray) -> None:
    first, second = values
    if np.ptp(first) and np.ptp(second):
        assert spearman(first, second) == pytest.approx(scipy.stats.spearmanr(first, second).statistic)
        assert pearson(first, second) == pytest.approx(scipy.stats.pearsonr(first, second).statistic)
    else:
        assert np.isnan(spearman(first, second))


def test_one_adjacent_swap_of_seven_is_known() -> None:
    order = np.arange(7.0)
    swapped = order[[1, 0, 2, 3, 4, 5, 6]]
    twice = order[[1, 0, 3, 2, 4, 5, 6]]
    assert spearman(order, swapped) == pytest.approx(0.964286, abs=1e-6)
    assert spearman(order, twice) == pytest.approx(0.928571, abs=1e-6)


def test_what_is_equal_but_for_rounding_is_tied() -> None:
    first = np.array([0.1 + 0.2, 0.3, 1.0, 2.0])
    assert first[0] != first[1]
    assert spearman(first, np.arange(4.0)) == pytest.approx(scipy.stats.spearmanr([0.3, 0.3, 1, 2], range(4)).statistic)


@pytest.fixture
def two_scales() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    common = rng.standard_normal(6)
    return tuple(common + rng.normal(0, 0.8, (9, 6)) for _ in range(2))  # type: ignore[return-value]


def test_modes_of_rho(two_scales: tuple[np.ndarray, np.ndarray]) -> None:
    first, second = two_scales
    each = [scipy.stats.spearmanr(a, b).statistic for a, b in zip(first, second, strict=True)]
    assert rho(first, second) == pytest.approx(scipy.stats.spearmanr(first.mean(0), second.mean(0)).statistic)
    assert rho(first, second, "pooled") == pytest.approx(scipy.stats.spearmanr(first.ravel(), second.ravel()).statistic)
    assert rho(first, second, "per_scene_mean") == pytest.approx(np.mean(each))


@pytest.mark.parametrize("mode", ["aggregate", "pooled", "per_scene_mean"])
def test_scenes_that_one_lacks_are_left_out(two_scales: tuple[np.ndarray, np.ndarray], mode: str) -> None:
    first, second = two_scales
    holed = first.copy()
    holed[[1, 4]] = np.nan
    keep = [0, 2, 3, 5, 6, 7, 8]
    assert rho(holed, second, mode) == pytest.approx(rho(first[keep], second[keep], mode))  # type: ignore[arg-type]
    assert np.isnan(rho(np.full_like(first, np.nan), second, mode))  # type: ignore[arg-type]


def test_the_interval_is_the_one_of_a_plain_loop(two_scales: tuple[np.ndarray, np.ndarray]) -> None:
    first, second = two_scales
    found = bootstrap_rho(first, second, resampling=Resampling(400, seed=3, method="percentile"))
    drawn = Resampling(400, 3).units(9)
    draws = [scipy.stats.spearmanr(first[s].mean(0), second[s].mean(0)).statistic for s in drawn]
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(draws, [0.025, 0.975])))
    assert found.n_scenes == 9


def test_resamples_draw_with_replacement_and_alike_for_all() -> None:
    drawn = Resampling(4000, 1).units(10)
    assert drawn.shape == (4000, 10)
    assert np.array_equal(drawn, Resampling(4000, 1).units(10))
    times = np.apply_along_axis(np.bincount, 1, drawn, minlength=10)
    assert times.mean(axis=0) == pytest.approx(1, abs=0.1)
    assert times.var(axis=0) == pytest.approx(0.9, abs=0.1)  # of a binomial with n = 10, p = 1/10


def test_with_one_scene_there_is_no_interval(two_scales: tuple[np.ndarray, np.ndarray]) -> None:
    found = bootstrap_rho(two_scales[0][:1], two_scales[1][:1])
    assert np.isfinite(found.estimate)
    assert np.isnan(found.low)
    assert np.isnan(found.high)


VALUES = {"contrast": np.array([-1.5, -0.5, 0.2, 0.9])}
SCENES, ITEMS = [f"s{i}" for i in range(6)], [f"c{i}" for i in range(4)]


def test_scene_scales_are_those_of_each_observer_and_scene() -> None:
    trials = trials_table({"P1": VALUES, "M1": VALUES}, repetitions=200, scenes=2)
    scaled = scene_scales(trials, "contrast", ["s0", "s1", "s2"], ITEMS)
    assert scaled.names == ("M1", "P1")
    expected = VALUES["contrast"] - VALUES["contrast"].mean()
    assert scaled.of("P1")[:2] == pytest.approx(np.tile(expected, (2, 1)), abs=0.25)
    assert np.isnan(scaled.of("P1")[2]).all()


def test_the_ceiling_is_each_person_against_the_others() -> None:
    rng = np.random.default_rng(0)
    alike = {f"P{i}": VALUES for i in range(5)}
    assert leave_one_out_rho(trials_table(alike), "contrast", SCENES, ITEMS).mean() > 0.9
    different = {f"P{i}": {"contrast": rng.permutation(VALUES["contrast"])} for i in range(5)}
    odd_one = {**alike, "P4": {"contrast": -VALUES["contrast"]}}
    against = leave_one_out_rho(trials_table(odd_one), "contrast", SCENES, ITEMS)
    assert against["P4"] < -0.7
    assert against.drop("P4").min() > 0.7
    assert leave_one_out_rho(trials_table(different), "contrast", SCENES, ITEMS).mean() < 0.6


def test_the_ceiling_pools_the_others_and_leaves_the_person_out() -> None:
    from visavis.scaling import count_choices, fit_scale

    trials = trials_table({f"P{i}": VALUES for i in range(3)}, repetitions=1)
    found = leave_one_out_rho(trials, "contrast", SCENES, ITEMS)
    own = scene_scales(trials[trials["observer"] == "P1"], "contrast", SCENES, ITEMS).values[0]
    rest = fit_scale(count_choices(trials[trials["observer"] != "P1"], ["scene"], items=ITEMS)).values
    assert found["P1"] == pytest.approx(float(rho(own, rest)))


def test_one_person_has_no_ceiling() -> None:
    assert leave_one_out_rho(trials_table({"P1": VALUES}), "contrast", SCENES, ITEMS).empty


def test_an_unknown_mode_is_named(two_scales: tuple[np.ndarray, np.ndarray]) -> None:
    with pytest.raises(ScalingError, match="unknown mode 'all' of ρ; choose from aggregate, pooled, per_scene_mean"):
        rho(*two_scales, "all")  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def six() -> pd.DataFrame:
    return trials_table(dict.fromkeys((*(f"P{i}" for i in range(6)), "M"), VALUES), seed=2)


@pytest.fixture(scope="module")
def people(six: pd.DataFrame) -> PooledPeople:
    return pool_choices(six[six["observer"] != "M"], "contrast", SCENES, ITEMS)


class TestCrowd:
    def test_everyone_once_is_all_of_them_pooled(self, six: pd.DataFrame, people: PooledPeople) -> None:
        pooled = scene_scales(six[six["observer"] != "M"].assign(observer="all"), "contrast", SCENES, ITEMS)
        assert np.allclose(people.scales(np.ones((1, 6)))[0], pooled.of("all"), atol=1e-6)

    def test_without_one_is_the_others_pooled(self, six: pd.DataFrame, people: PooledPeople) -> None:
        others = six[~six["observer"].isin(["M", "P2"])].assign(observer="all")
        pooled = scene_scales(others, "contrast", SCENES, ITEMS)
        assert np.allclose(people.without_each()[2], pooled.of("all"), atol=1e-6)

    def test_ceilings_are_means_of_what_they_say(self, people: PooledPeople) -> None:
        found = rho_ceilings(people)
        each = people.each()
        pairs = [float(rho(each[i], each[j])) for i in range(6) for j in range(i)]
        assert found.between == pytest.approx(np.mean(pairs))
        assert found.leave_one_out == pytest.approx(float(np.mean(rho(each, people.without_each()))))
        assert found.between <= found.leave_one_out <= found.with_all <= 1

    def test_other_people_widen_the_interval(self, six: pd.DataFrame, people: PooledPeople) -> None:
        model = scene_scales(six[six["observer"] == "M"], "contrast", SCENES, ITEMS).of("M")
        everyone = people.scales(np.ones((1, 6)))[0]
        plain = bootstrap_rho(model, everyone, resampling=Resampling(800))
        nested = nested_rho(model, people, resampling=Resampling(800))
        assert nested.estimate == pytest.approx(plain.estimate)
        assert nested.low <= plain.low + 1e-9
        assert nested.low <= nested.estimate <= nested.high

    def test_one_person_has_no_ceiling(self, six: pd.DataFrame) -> None:
        alone = pool_choices(six[six["observer"] == "P0"], "contrast", SCENES, ITEMS)
        assert np.isnan(rho_ceilings(alone).split_half)


@pytest.mark.parametrize("coefficient", ["spearman", "pearson", "kendall"])
def test_resamples_of_the_mean_of_scenes_are_of_the_resampled_scenes(
    two_scales: tuple[np.ndarray, np.ndarray], coefficient: str
) -> None:
    first, second = two_scales
    first = first.copy()
    first[2] = 0.0  # a flat scene has no coefficient
    found = bootstrap_rho(
        first, second, "per_scene_mean", coefficient=coefficient, resampling=Resampling(200, method="percentile")
    )  # type: ignore[arg-type]
    drawn = Resampling(200, 0).units(len(first))
    plainly = rho(first[drawn], second[drawn], "per_scene_mean", coefficient=coefficient)  # type: ignore[arg-type]
    assert [found.low, found.high] == pytest.approx(np.nanquantile(plainly, [0.025, 0.975]))


class TestRenditionsThatAnObserverNeverCompared:
    """A model that refuses one rendition each time."""

    VALUES = np.array([-1.5, -1.0, -0.3, 0.3, 1.0, 1.5, 2.2])

    def trials(self, where: list[str]) -> pd.DataFrame:
        observers = {name: {"contrast": 1.5 * self.VALUES} for name in ("P1", "P2", "P3", "M1")}
        table = trials_table(observers, scenes=6, repetitions=3, seed=4)
        with_it = (table[["left", "right"]] == "c0").any(axis=1)
        refused = (table["observer"] == "M1") & table["scene"].isin(where) & with_it
        table.loc[refused, ["choice", "outcome"]] = [None, "refusal"]
        return table

    def test_it_has_no_value_instead_of_0_and_rho_is_of_the_others(self) -> None:
        found = compare(self.trials([f"s{i}" for i in range(6)]), options=Options(resampling=Resampling(50)))
        own = found.scales.set_index(["observer", "item"]).loc["M1"]
        assert own.loc["c0", ["value", "low", "high"]].isna().all()
        assert own["scenes"].tolist() == [0, *[6] * 6]
        ledger = found.scene_scales.set_index(["observer", "item"]).loc[("M1", "c0")]
        assert set(ledger["basis"]) == {"never"}
        assert ledger["value"].isna().all()
        wide = found.scales.pivot_table(index="item", columns="observer", values="value").dropna()
        expected = scipy.stats.spearmanr(wide["M1"], wide["people"]).statistic
        row = found.alignment.set_index("observer").loc["M1"]
        assert row["rho"] == pytest.approx(expected)
        assert row["rho"] > 0.9  # with 0 for the lowest it was far lower
        note = "contrast: renditions that M1 compared with no other have no value (c0 in 6 of 6 scenes)"
        assert note in found.notes

    @pytest.mark.parametrize("mode", ["aggregate", "pooled", "per_scene_mean"])
    def test_in_one_scene_it_is_left_out_there(self, mode: Mode) -> None:
        scaled = scene_scales(self.trials(["s2"]), "contrast", [f"s{i}" for i in range(6)], [f"c{i}" for i in range(7)])
        first, second = scaled.of("M1").copy(), scaled.of("P1").copy()
        assert np.isnan(first).sum() == 1
        second[2, 0] = np.nan
        second[2] -= np.nanmean(second[2])
        if mode == "aggregate":
            expected = scipy.stats.spearmanr(np.nanmean(first, axis=0), np.nanmean(second, axis=0)).statistic
        elif mode == "pooled":
            known = np.isfinite(first)
            expected = scipy.stats.spearmanr(first[known], second[known]).statistic
        else:
            pairs = zip(first, second, strict=True)
            expected = np.mean([scipy.stats.spearmanr(a, b, nan_policy="omit").statistic for a, b in pairs])
        assert rho(first, scaled.of("P1"), mode) == pytest.approx(expected)
        assert bootstrap_rho(first, scaled.of("P1"), mode, resampling=Resampling(50)).n_scenes == 6


def test_a_scene_of_an_observer_that_always_answers_alike_is_the_priors_and_its_spread_is_missing() -> None:
    values = np.arange(4.0)
    observers = {"P1": {"contrast": values}, "P2": {"contrast": values}, "sure": {"contrast": 100 * values}}
    found = compare(trials_table(observers, scenes=4, repetitions=5), options=Options(resampling=Resampling(20)))
    spread = found.spreads.set_index("observer")
    assert spread.loc["sure", "by_prior"] == 4
    assert spread.loc["sure", ["spread", "low", "high"]].isna().all()
    assert spread.loc["people", "spread"] > 0
    note = "contrast: 4 of 4 scenes of sure are scaled by the prior alone"
    assert any(text.startswith(note) for text in found.notes)
    assert (found.scales.set_index("observer").loc["sure", "from_data"] == 0).all()


class TestCorrectedForErrors:
    def test_pooled_it_is_spearmans_formula(self) -> None:
        rng = np.random.default_rng(1)
        first, second = rng.normal(size=(2, 6, 7)) + rng.normal(size=(6, 7))
        first, second = (values - values.mean(axis=1, keepdims=True) for values in (first, second))
        errors = np.full((6, 7), 0.3), np.full((6, 7), 0.5)
        observed = scipy.stats.spearmanr(first.ravel(), second.ravel()).statistic
        reliabilities = [1 - error.mean() / values.var() for values, error in zip((first, second), errors, strict=True)]
        r = 2 * np.sin(np.pi * observed / 6) / np.sqrt(np.prod(reliabilities))
        expected = 6 / np.pi * np.arcsin(r / 2)
        found = corrected_rho(first, second, errors, "pooled", Resampling(20))
        assert found.estimate == pytest.approx(expected)
        assert expected > observed

    @pytest.mark.parametrize("mode", ["aggregate", "pooled", "per_scene_mean"])
    def test_without_errors_it_is_rho_itself(self, two_scales: tuple[np.ndarray, np.ndarray], mode: Mode) -> None:
        first, second = (values - values.mean(axis=1, keepdims=True) for values in two_scales)
        none = np.zeros_like(first), np.zeros_like(second)
        found, plain = corrected_rho(first, second, none, mode), bootstrap_rho(first, second, mode)
        assert [found.estimate, found.low, found.high] == pytest.approx([plain.estimate, plain.low, plain.high])

    def test_the_truth_is_found_that_errors_hide(self) -> None:
        rng = np.random.default_rng(4)
        true = rng.normal(size=(2000, 7))
        other = 0.8 * true + 0.6 * rng.normal(size=true.shape)
        expected = float(rho(true, other, "pooled"))
        noisy = true + rng.normal(size=true.shape) * 0.7, other + rng.normal(size=true.shape) * 0.9
        errors = np.full(true.shape, 0.49), np.full(true.shape, 0.81)
        assert float(rho(*noisy, "pooled")) < expected - 0.25
        assert corrected_rho(*noisy, errors, "pooled", Resampling(10)).estimate == pytest.approx(expected, abs=0.03)

    def test_it_is_1_at_most_and_missing_where_errors_are_all(self) -> None:
        values = np.random.default_rng(2).normal(size=(8, 5))
        found = corrected_rho(values, values, (np.full((8, 5), 0.2),) * 2, resampling=Resampling(50))
        assert (found.estimate, found.high) == (1, 1)
        assert np.isnan(corrected_rho(values, values, (np.full((8, 5), 9.0),) * 2, "pooled", Resampling(50)).estimate)
