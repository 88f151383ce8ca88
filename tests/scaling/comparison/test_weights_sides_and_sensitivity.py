"""Weights, sides and sensitivity in a comparison: what was simulated is found."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtr
from scipy.stats import t as student
from scipy.stats import ttest_1samp
from trial_tables import trials_table

from visavis.scaling import (
    VARIANTS,
    Counts,
    Options,
    Resampling,
    ScreeningRule,
    attribute_weights,
    compare,
    fit_scale,
    preference_weights,
    scene_scales,
    sensitivity,
    weight_differences,
    weights_from_correlations,
)
from visavis.scaling.study.study import completed, prepare
from visavis.scaling.variability.side_bias import ANALYSIS as SIDES

QUICK = Options(resampling=Resampling(200))
CONTRAST, COLOR = np.array([-1.0, 0.6, 0.1, -0.4, 0.7]), np.array([0.5, 0.8, -1.0, 0.1, -0.4])


def tastes(contrast: float, color: float) -> dict[str, np.ndarray]:
    return {"colorfulness": COLOR, "contrast": CONTRAST, "preference": contrast * CONTRAST + color * COLOR}


@pytest.fixture(scope="module")
def trials() -> pd.DataFrame:
    people = {f"P{i}": tastes(0.3, 0.9) for i in range(6)}
    return trials_table({**people, "like": tastes(0.3, 0.9), "unlike": tastes(0.9, 0.3)}, scenes=10, repetitions=4)


def test_the_weights_of_each_observer_are_found(trials: pd.DataFrame) -> None:
    table = compare(trials, options=QUICK).weights.set_index(["observer", "attribute"])
    for observer, contrast, color in (("people", 0.25, 0.75), ("like", 0.25, 0.75), ("unlike", 0.75, 0.25)):
        assert table.loc[(observer, "contrast"), "normalised"] == pytest.approx(contrast, abs=0.12)
        assert table.loc[(observer, "colorfulness"), "normalised"] == pytest.approx(color, abs=0.12)
    assert (table["low"] < table["beta"]).all()
    assert (table["beta"] < table["high"]).all()
    assert (table["scenes"] == 10).all()
    shares = table.groupby("observer")[["lmg", "r_squared"]].agg({"lmg": "sum", "r_squared": "first"})
    assert shares["lmg"].to_numpy() == pytest.approx(shares["r_squared"].to_numpy())


def test_intervals_are_those_of_a_plain_loop(trials: pd.DataFrame) -> None:
    from visavis.scaling import attribute_weights

    scales = compare(trials, options=QUICK).scene_scales
    one = scales[scales["observer"] == "like"].drop(columns="error_variance")
    found = preference_weights(one, resampling=Resampling(60, seed=5, method="percentile")).set_index("attribute")
    wide = one.pivot_table(index=["scene", "item"], columns="attribute", values="value")
    scenes = sorted(set(one["scene"]))
    draws = []
    for drawn in Resampling(60, 5).units(len(scenes)):
        rows = pd.concat([wide.loc[scenes[s]] for s in drawn])
        weights = attribute_weights(rows[["colorfulness", "contrast"]], rows["preference"].to_numpy())
        draws.append((weights.beta, weights.normalised, weights.lmg, np.full(2, weights.r_squared)))
    low, high = np.quantile(draws, [0.025, 0.975], axis=0)
    for place, name in enumerate(("", "normalised_", "lmg_", "r_squared_")):
        assert found[f"{name}low"].to_numpy() == pytest.approx(low[place])
        assert found[f"{name}high"].to_numpy() == pytest.approx(high[place])


def test_lmg_is_the_mean_gain_over_all_orders_of_entry() -> None:
    """Shapley's sum over sets, against the definition (Lindeman, Merenda & Gold 1980)."""
    rng = np.random.default_rng(4)
    together = np.corrcoef(rng.normal(size=(20, 3)) @ rng.normal(size=(3, 4)) + rng.normal(size=(20, 4)), rowvar=False)
    among, with_target = together[:3, :3], together[:3, 3]

    def r_squared(chosen: tuple[int, ...]) -> float:
        index = list(chosen)
        return float(with_target[index] @ np.linalg.solve(among[np.ix_(index, index)], with_target[index]))

    gained = np.zeros(3)
    for order in permutations(range(3)):
        for place, attribute in enumerate(order):
            gained[attribute] += r_squared(order[: place + 1]) - (r_squared(order[:place]) if place else 0)
    assert weights_from_correlations(among, with_target).lmg == pytest.approx(gained / 6)


def test_without_the_target_or_anything_to_explain_it_by_that_is_said(trials: pd.DataFrame) -> None:
    alone = compare(trials[trials["attribute"] == "contrast"], options=QUICK)
    assert alone.weights.empty
    assert "there is no 'preference' with other attributes to explain it, so no weights are shown" in alone.notes
    other = compare(trials, options=Options(target="contrast", resampling=Resampling(50)))
    assert set(other.weights["attribute"]) == {"colorfulness", "preference"}
    lacking = trials[~((trials["observer"] == "like") & (trials["attribute"] == "preference"))]
    notes = compare(lacking, options=QUICK).notes
    assert "like: the weights of the attributes cannot be told from the scales" in notes


def test_sides_are_judged_for_each_model_and_for_people_together(trials: pd.DataFrame) -> None:
    table = compare(trials, options=QUICK).side_bias
    assert table["observer"].tolist() == ["people", "like", "unlike"]
    assert (table["excess_flips"].abs() < 0.08).all()
    assert (table["excess_low"] < 0).all()
    assert (table["excess_high"] > 0).all()
    leaning = trials.copy()
    always = (leaning["observer"] == "like") & (np.random.default_rng(0).random(len(leaning)) < 0.3)
    leaning.loc[always, "choice"] = "left"
    found = compare(leaning, options=QUICK).side_bias.set_index("observer")
    assert found.loc["like", "excess_flips"] > found.loc["like", "excess_low"] > 0
    assert found.loc["like", "p_value"] < 1e-6
    assert found.loc["unlike", "p_value"] > 1e-3


def leaning_people(sd: float, seed: int, common: float = 0.0) -> pd.DataFrame:
    """Return choices of ten people between two images that look alike, each of whom leans to either side."""
    rng = np.random.default_rng(seed)
    rows = [
        (
            f"P{person}",
            "human",
            "contrast",
            f"s{scene}",
            *sides,
            repetition,
            "left" if rng.random() < share else "right",
        )
        for person, share in enumerate(ndtr(common + sd * rng.standard_normal(10)))
        for scene in range(10)
        for repetition, sides in enumerate((("a", "b"), ("b", "a")), start=1)
    ]
    names = ["observer", "observer_kind", "attribute", "scene", "left", "right", "repetition", "choice"]
    return pd.DataFrame(rows, columns=names)


def test_people_who_lean_to_either_side_have_no_common_bias() -> None:
    """People are the units: what one person favours is not what people favour."""
    p = [compare_sides(leaning_people(0.5, seed))["p_value"] for seed in range(60)]
    assert np.mean(np.array(p) < 0.05) <= 0.12
    common = [compare_sides(leaning_people(0.2, seed, 0.5))["p_value"] for seed in range(5)]
    assert max(common) < 0.05


def test_the_side_bias_of_people_is_a_t_test_over_them() -> None:
    trials = leaning_people(0.5, 3)
    shares = (trials["choice"] == "left").groupby(trials["observer"]).mean()
    found = compare_sides(trials)
    test = ttest_1samp(shares, 0.5)
    assert found["p_value"] == pytest.approx(test.pvalue)
    assert (found["left_low"], found["left_high"]) == pytest.approx(tuple(test.confidence_interval()))


def compare_sides(trials: pd.DataFrame) -> pd.Series:
    study = prepare(completed(trials), sorted(set(trials["observer"])), QUICK)
    return SIDES.compute(study).set_index("observer").loc["people"]


def test_sensitivity_varies_each_choice_alone(trials: pd.DataFrame) -> None:
    table = sensitivity(trials, options=QUICK).set_index(["attribute", "observer"])
    assert list(table.columns[: len(VARIANTS)]) == list(VARIANTS)
    alone = compare(trials, options=Options(rho_mode="pooled", resampling=Resampling(1))).alignment
    assert table["ρ pooled"].to_numpy() == pytest.approx(alone["rho"].to_numpy())
    assert (table["lowest"] <= table["as chosen"]).all()
    assert (table["highest"] >= table["as chosen"]).all()
    assert table.loc[("preference", "like"), "worst_rank"] == 1
    assert table.loc[("preference", "unlike"), "best_rank"] == 2
    assert table["ρ aggregate"].to_numpy() == pytest.approx(compare(trials, options=QUICK).alignment["rho"].to_numpy())


def test_sensitivity_shows_what_screening_changes(trials: pd.DataFrame) -> None:
    careless = trials.copy()
    of_p0 = careless["observer"].isin(["P0", "P1", "P2"])
    careless.loc[of_p0, "choice"] = np.random.default_rng(1).choice(["left", "right"], of_p0.sum())
    table = sensitivity(careless, options=QUICK)
    assert (table["people screened"] != table["everyone kept"]).any()
    kept = compare(careless, options=replace(QUICK, screening=ScreeningRule()))
    assert table["people screened"].to_numpy() == pytest.approx(kept.alignment["rho"].to_numpy())
    assert table["as chosen"].to_numpy() == pytest.approx(table["everyone kept"].to_numpy())


def test_sensitivity_fits_no_scale_twice(trials: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    fitted: list[tuple[str, str]] = []

    def counted(table: pd.DataFrame, attribute: str, *sets: Any, **options: Any) -> Any:
        fitted.append((attribute, str(sorted(options.items()))))
        return scene_scales(table, attribute, *sets, **options)

    monkeypatch.setattr(import_module("visavis.scaling.comparison.sensitivity"), "scene_scales", counted)
    sensitivity(trials, options=QUICK)
    assert len(fitted) == len(set(fitted))


def test_sensitivity_without_people_is_empty(trials: pd.DataFrame) -> None:
    assert sensitivity(trials[trials["observer_kind"] == "vlm"]).empty


class TestErrorsOfTheScales:
    """Estimates with known errors: the weights are those of the true values."""

    SD = np.array([0.6, 0.9, 0.7])

    def scales(self, scenes: int, errors: bool = True) -> tuple[pd.DataFrame, np.ndarray]:
        rng = np.random.default_rng(6)
        true = rng.normal(size=(scenes, 7, 2)) @ np.array([[1, 0.3], [0, 1.2]])
        true = np.concatenate([true, true @ [[0.5], [0.8]] + rng.normal(0, 0.4, (scenes, 7, 1))], axis=2)
        found = true + errors * rng.normal(0, 1, true.shape) * self.SD
        names = ["colorfulness", "contrast", "preference"]
        index = pd.MultiIndex.from_product([range(scenes), range(7), names], names=["scene", "item", "attribute"])
        frame = pd.DataFrame({"value": found.ravel()}, index=index).reset_index().assign(observer="M1")
        frame["error_variance"] = frame["attribute"].map(dict(zip(names, self.SD**2, strict=True)))
        return frame, true.reshape(-1, 3)

    def test_the_truth_is_found_that_the_estimates_hide(self) -> None:
        frame, true = self.scales(3000)
        expected = attribute_weights(pd.DataFrame(true[:, :2]), true[:, 2])
        found = preference_weights(frame, resampling=Resampling(10))
        assert found["beta"].to_numpy() == pytest.approx(expected.beta, abs=0.03)
        assert found["lmg"].to_numpy() == pytest.approx(expected.lmg, abs=0.03)
        assert found["r_squared"].iloc[0] == pytest.approx(expected.r_squared, abs=0.02)
        assert found["r_squared_of_estimates"].iloc[0] < expected.r_squared - 0.2
        assert (found["beta_of_estimates"] < expected.beta - 0.04).all()

    def test_it_is_the_regression_on_reduced_covariances(self) -> None:
        frame, _ = self.scales(60)
        values = frame["value"].to_numpy().reshape(-1, 3)
        covariance = np.cov(values, rowvar=False, bias=True) - np.diag(self.SD**2)
        spread = np.sqrt(np.diag(covariance))
        correlations = covariance / np.outer(spread, spread)
        expected = weights_from_correlations(correlations[:2, :2], correlations[:2, 2])
        found = preference_weights(frame, resampling=Resampling(10))
        assert found["beta"].to_numpy() == pytest.approx(expected.beta)
        assert found["lmg"].to_numpy() == pytest.approx(expected.lmg)

    def test_without_errors_nothing_is_taken_off(self) -> None:
        frame, true = self.scales(6, errors=False)
        found = preference_weights(frame.assign(error_variance=0.0), resampling=Resampling(10))
        assert found["beta"].to_numpy() == pytest.approx(attribute_weights(pd.DataFrame(true[:, :2]), true[:, 2]).beta)
        assert found["beta"].tolist() == found["beta_of_estimates"].tolist()

    def test_where_errors_are_all_there_is_no_weight_is_told(self) -> None:
        frame, _ = self.scales(6)
        assert preference_weights(frame.assign(error_variance=100.0), resampling=Resampling(10)).empty

    def test_the_variance_over_repeated_answers_is_that_of_a_simulation(self) -> None:
        rng = np.random.default_rng(2)
        values = np.array([-0.5, -0.1, 0.1, 0.5])
        first, second = np.triu_indices(4, 1)
        wins = np.zeros((4000, 4, 4))
        wins[:, first, second] = rng.binomial(20, ndtr(values[first] - values[second]), (4000, 6))
        wins[:, second, first] = 20 - wins[:, first, second]
        fitted = fit_scale(Counts.from_matrix(wins), prior_sd=0.4)
        found, simulated = fitted.sampling_variances.mean(axis=0), fitted.values.var(axis=0)
        assert found == pytest.approx(simulated, rel=0.08)
        assert (fitted.standard_errors.mean(axis=0) ** 2 > 1.05 * simulated).all()


class TestDifferencesOfWeights:
    def test_they_are_those_of_a_plain_loop_and_find_who_differs(self, trials: pd.DataFrame) -> None:
        scales = compare(trials, options=QUICK).scene_scales.drop(columns="error_variance")
        resampling = Resampling(80, seed=5, method="percentile")
        found = weight_differences(scales, resampling=resampling).set_index(["attribute", "observer", "other"])
        assert set(found.index.droplevel(0)) == {("people", "like"), ("people", "unlike"), ("like", "unlike")}
        wide = scales.pivot_table(index=["observer", "scene", "item"], columns="attribute", values="value")
        scenes = sorted(set(scales["scene"]))

        def beta(observer: str, rows: list[str]) -> np.ndarray:
            values = pd.concat([wide.loc[(observer, name)] for name in rows])
            return attribute_weights(values[["colorfulness", "contrast"]], values["preference"].to_numpy()).beta

        draws = [
            beta("like", [scenes[s] for s in drawn]) - beta("unlike", [scenes[s] for s in drawn])
            for drawn in Resampling(80, 5).units(len(scenes))
        ]
        expected = beta("like", scenes) - beta("unlike", scenes)
        low, high = np.quantile(draws, [0.025, 0.975], axis=0)
        error = np.std(draws, axis=0) * np.sqrt(10 / 9)
        p = 2 * student.sf(np.abs(expected) / error, 9)
        for place, attribute in enumerate(("colorfulness", "contrast")):
            row = found.loc[(attribute, "like", "unlike")]
            assert row[["difference", "low", "high", "p_value"]].to_list() == pytest.approx(
                [expected[place], low[place], high[place], p[place]]
            )
            assert row["p_value"] < 0.001

    def test_who_weighs_alike_is_not_told_apart(self, trials: pd.DataFrame) -> None:
        found = compare(trials, options=QUICK).weight_differences.set_index(["observer", "other"])
        assert (found.loc[("people", "like"), "p_adjusted"] > 0.05).all()
        assert (found.loc[("people", "unlike"), "p_adjusted"] < 0.01).all()

    def test_one_scene_gives_a_difference_and_no_p(self, trials: pd.DataFrame) -> None:
        found = compare(trials[trials["scene"] == "s0"], options=QUICK).weight_differences
        assert found["p_value"].isna().all()
        assert found["p_adjusted"].isna().all()
