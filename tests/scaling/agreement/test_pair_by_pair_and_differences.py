"""Pairwise accuracy, error consistency, differences between models, separability and screening."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from scipy.stats import t as student
from trial_tables import trials_table

from visavis.scaling import (
    Options,
    Resampling,
    ScalingError,
    ScreeningRule,
    compare,
    error_consistency,
    pairwise_agreement,
    screen,
)
from visavis.scaling.agreement import differences
from visavis.scaling.agreement.differences import rho_differences, swap_test
from visavis.scaling.agreement.rho import rho
from visavis.scaling.agreement.scene_scales import scene_scales
from visavis.scaling.agreement.separability import curve_through_half, separability, share_limits
from visavis.scaling.study.options import Mode

VALUES = np.linspace(-1.2, 1.2, 6)


@pytest.fixture(scope="module")
def trials() -> pd.DataFrame:
    people = {f"P{i}": {"contrast": VALUES} for i in range(8)}
    models = {"twin": VALUES, "weak": 0.25 * VALUES, "reverse": -VALUES}
    return trials_table({**people, **{name: {"contrast": values} for name, values in models.items()}}, scenes=8)


PEOPLE = [f"P{i}" for i in range(8)]


def test_error_consistency_of_the_literature() -> None:
    assert error_consistency(0.7, 0.8, 0.7) == pytest.approx(0.210526, abs=1e-6)
    assert error_consistency(1 - abs(0.8 - 0.6), 0.8, 0.6) == pytest.approx(0.545455, abs=1e-6)
    assert np.isnan(error_consistency(1.0, 1.0, 1.0))


def test_accuracy_counts_the_pairs_on_which_the_majorities_agree(trials: pd.DataFrame) -> None:
    """Against a count by hand, in plain loops."""
    found = pairwise_agreement(trials, PEOPLE, resampling=Resampling(50)).set_index(["observer", "measure"])["estimate"]
    votes: dict[tuple[str, frozenset[str]], dict[str, float]] = {}
    for row in trials.itertuples():
        pair = row.scene, frozenset((row.left, row.right))
        first = min(row.left, row.right)
        chosen = row.left if row.choice == "left" else row.right
        of_pair = votes.setdefault(pair, {})
        of_pair[row.observer] = of_pair.get(row.observer, 0) + (1 if chosen == first else -1)
    for model in ("twin", "weak", "reverse"):
        right: list[float] = []
        for by_observer in votes.values():
            for left_out in PEOPLE:
                others = sum(np.sign(by_observer[name]) for name in PEOPLE if name != left_out)
                alike = np.sign(others) * np.sign(by_observer[model])
                right.append({1: 1.0, 0: 0.5, -1: 0.0}[int(alike)])
        assert found[model, "accuracy"] == pytest.approx(np.mean(right))


@pytest.mark.parametrize("count", [2, 3, 4, 5, 6])
def test_a_model_that_is_a_person_reaches_the_ceiling_however_many_people_there_are(count: int) -> None:
    """Leaving even splits out set it .05 below (3, 5 people) or above (4, 6), by the parity of their number alone."""
    people = [f"P{i}" for i in range(count)]
    law = {name: {"contrast": 0.4 * VALUES} for name in [*people, "M"]}
    gaps = []
    for seed in range(12):
        table = pairwise_agreement(trials_table(law, scenes=12, repetitions=1, seed=seed), people, Resampling(2))
        accuracy = table[table["measure"] == "accuracy"]
        gaps.append((accuracy["estimate"] - accuracy["ceiling"]).item())
    assert abs(np.mean(gaps)) < 0.025


def test_an_even_split_is_half_right_for_a_model_and_for_a_person() -> None:
    """Three people and a model on one pair: of those who are left with two, one pair of the three is split."""
    choices = {"P1": "left", "P2": "left", "P3": "right", "M": "left"}
    table = pd.DataFrame(
        [(name, "contrast", "s", "x", "y", choice) for name, choice in choices.items()],
        columns=["observer", "attribute", "scene", "left", "right", "choice"],
    )
    found = pairwise_agreement(table, ["P1", "P2", "P3"], Resampling(2)).iloc[0]
    assert found["estimate"] == pytest.approx((0.5 + 0.5 + 1) / 3)
    assert found["ceiling"] == pytest.approx((0.5 + 0.5 + 0) / 3)


def test_kappa_is_the_formula_with_each_person_in_turn(trials: pd.DataFrame) -> None:
    found = pairwise_agreement(trials, PEOPLE, resampling=Resampling(50)).set_index(["observer", "measure"])["estimate"]
    chosen = np.where(trials["choice"] == "left", trials["left"], trials["right"])
    first = np.minimum(trials["left"].to_numpy(dtype=object), trials["right"].to_numpy(dtype=object))
    second = np.maximum(trials["left"].to_numpy(dtype=object), trials["right"].to_numpy(dtype=object))
    votes = trials.assign(first=first, second=second, sign=np.where(chosen == first, 1, -1))
    table = np.sign(
        votes.pivot_table(index=["scene", "first", "second"], columns="observer", values="sign", aggfunc="sum")
    )
    kappas = []
    for person in PEOPLE:
        truth = np.sign(table[[name for name in PEOPLE if name != person]].sum(axis=1))
        model_right, person_right = (0.5 + 0.5 * table[name] * truth for name in ("twin", person))
        same = (table["twin"] == table[person]).mean()
        kappas.append(error_consistency(same, model_right.mean(), person_right.mean()))
    assert found["twin", "kappa"] == pytest.approx(np.mean(kappas))


def test_the_ceiling_of_kappa_is_each_person_taken_for_a_model(trials: pd.DataFrame) -> None:
    """Each person against all the others, as `pairwise_agreement` measures a model against people."""
    tied = trials.assign(choice=trials["choice"].mask(trials.index % 7 == 0, "tie"))
    with_gaps = tied[~((tied["observer"] == "P3") & (tied["scene"] == tied["scene"].iloc[0]))]
    of_people = with_gaps[with_gaps["observer"].isin(PEOPLE)]
    each = []
    for name in PEOPLE:
        others = [other for other in PEOPLE if other != name]
        found = pairwise_agreement(of_people, others, resampling=Resampling(2)).set_index("measure")["estimate"]
        each.append(found["kappa"])
    ceiling = pairwise_agreement(with_gaps, PEOPLE, resampling=Resampling(2)).query("measure == 'kappa'")["ceiling"]
    assert ceiling.to_numpy() == pytest.approx(np.full(3, np.mean(each)), rel=1e-12)


def test_a_twin_of_people_reaches_their_ceiling_and_its_mirror_image_does_not(trials: pd.DataFrame) -> None:
    table = pairwise_agreement(trials, PEOPLE, resampling=Resampling(400)).set_index(["observer", "measure"])
    accuracy = table.xs("accuracy", level="measure")
    assert accuracy.loc["twin", "estimate"] == pytest.approx(accuracy.loc["twin", "ceiling"], abs=0.05)
    assert accuracy.loc["reverse", "estimate"] < 0.2
    assert (table["low"] <= table["estimate"]).all()
    assert (table["estimate"] <= table["high"]).all()
    assert table.loc[("reverse", "kappa"), "estimate"] < 0 < table.loc[("twin", "kappa"), "estimate"]


def test_one_person_alone_gives_accuracy_and_no_ceiling(trials: pd.DataFrame) -> None:
    table = pairwise_agreement(trials[trials["observer"].isin(["P0", "twin"])], ["P0"], resampling=Resampling(20))
    assert table["measure"].tolist() == ["accuracy"]
    assert table["ceiling"].isna().all()


class TestDifferences:
    def test_they_are_differences_of_rho_and_change_sign_with_the_order(self, trials: pd.DataFrame) -> None:
        scenes, items = sorted(set(trials["scene"])), [f"c{i}" for i in range(6)]
        group = trials["observer"].where(~trials["observer"].isin(PEOPLE), "people")
        scaled = scene_scales(trials.assign(observer=group), "contrast", scenes, items)
        table = rho_differences(scaled, "people", resampling=Resampling(500)).set_index(["observer", "other"])
        compared = compare(trials, options=Options(resampling=Resampling(200)))
        rho = compared.alignment.set_index("observer")["rho"]
        for (one, other), row in table.iterrows():
            assert row["difference"] == pytest.approx(rho[one] - rho[other])
            assert row["low"] <= row["difference"] <= row["high"]
            assert row["p_adjusted"] >= row["p_value"]
        assert table.loc[("reverse", "twin"), "p_value"] < 0.02

    @pytest.mark.parametrize("count", [2, 3, 4, 6])
    def test_p_is_no_less_than_one_of_so_many_swaps(self, count: int) -> None:
        observers = {"people": {"contrast": 3 * VALUES}, "like": {"contrast": 3 * VALUES}}
        table = trials_table({**observers, "un": {"contrast": -3 * VALUES}}, scenes=count)
        scaled = scene_scales(table, "contrast", [f"s{i}" for i in range(count)], [f"c{i}" for i in range(6)])
        found = rho_differences(scaled, "people", resampling=Resampling(2000))
        assert found["difference"].item() > 1
        assert found["p_value"].item() == found["p_adjusted"].item() == 2 ** (1 - count)

    def test_each_model_is_resampled_once_whatever_the_number_of_pairs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        names = [f"M{i}" for i in range(6)]
        table = trials_table({name: {"contrast": VALUES} for name in ("people", *names)}, scenes=4)
        scaled = scene_scales(table, "contrast", [f"s{i}" for i in range(4)], [f"c{i}" for i in range(6)])
        resampled = []

        def counted(first: np.ndarray, second: np.ndarray, mode: Any) -> np.ndarray:
            if second.ndim > 2:
                resampled.append(second)
            return rho(first, second, mode)

        monkeypatch.setattr(differences, "rho", counted)
        assert len(differences.rho_differences(scaled, "people", resampling=Resampling(20))) == 15
        assert len(resampled) == len(names)

    def test_equal_models_do_not_differ_more_often_than_the_level_says(self) -> None:
        found = []
        observers = {name: {"contrast": size * VALUES} for name, size in (("people", 2), ("M1", 0.5), ("M2", 0.5))}
        for seed in range(60):
            table = trials_table(observers, scenes=10, repetitions=2, seed=seed)
            scaled = scene_scales(table, "contrast", [f"s{i}" for i in range(10)], [f"c{i}" for i in range(6)])
            found.append(rho_differences(scaled, "people", resampling=Resampling(200))["p_value"].iloc[0])
        assert np.mean(np.array(found) < 0.05) <= 0.1

    @pytest.mark.parametrize("mode", ["aggregate", "pooled", "per_scene_mean"])
    def test_p_is_that_of_going_through_all_swaps_one_by_one(self, mode: Mode) -> None:
        rng = np.random.default_rng(5)
        human = rng.normal(size=(5, 6))
        first, second = (human + rng.normal(size=(5, 6)) * noise for noise in (0.8, 1.1))
        first, second = (values / np.sqrt(values.var(axis=1).mean()) for values in (first, second))

        def statistic(one: np.ndarray, other: np.ndarray) -> tuple[float, float]:
            apart = float(rho(one, human, mode) - rho(other, human, mode))
            covariances = [np.cov(values.mean(axis=0), human.mean(axis=0))[0, 1] for values in (one, other)]
            return round(abs(apart), 9), round(abs(covariances[0] - covariances[1]), 9)

        as_large = 0
        for swaps in product([False, True], repeat=5):
            one = np.array([b if swap else a for a, b, swap in zip(first, second, swaps, strict=True)])
            other = np.array([a if swap else b for a, b, swap in zip(first, second, swaps, strict=True)])
            as_large += statistic(one, other) >= statistic(first, second)
        assert swap_test(first, second, human, mode) == pytest.approx(as_large / 2**5)
        assert swap_test(3 * first, second, human, mode) == swap_test(first, second, human, mode)

    def test_random_swaps_are_near_all_swaps(self, monkeypatch: pytest.MonkeyPatch) -> None:
        rng = np.random.default_rng(2)
        human = rng.normal(size=(10, 6))
        first, second = human + rng.normal(size=(10, 6)), human + rng.normal(size=(10, 6))
        exact = swap_test(first, second, human, "pooled")
        monkeypatch.setattr("visavis.scaling.intervals.MOST_EXACT", 5)
        assert swap_test(first, second, human, "pooled", Resampling(20_000)) == pytest.approx(exact, abs=0.02)

    @pytest.mark.parametrize("mode", ["pooled", "per_scene_mean"])
    def test_models_of_one_law_are_told_apart_as_often_as_the_level_says(self, mode: Mode) -> None:
        """Shares of resamples on the other side of 0 did so in 9 (pooled) and 12 % (per scene)."""
        rng = np.random.default_rng(8)
        human = rng.normal(size=(400, 8, 6))
        noisy = [human + rng.normal(size=human.shape) for _ in range(2)]
        p = [swap_test(*scales, mode) for scales in zip(*noisy, human, strict=True)]
        assert 0.02 < np.mean(np.array(p) <= 0.05) < 0.08


class TestSeparability:
    def test_the_curve_is_the_maximum_of_an_independent_fit(self) -> None:
        import statsmodels.api as sm

        rng = np.random.default_rng(3)
        x = rng.uniform(0, 3, 300)
        y = (rng.random(300) < expit(1.3 * x)).astype(float)
        y[::10] = 0.5
        scene = rng.integers(12, size=300)
        clustered = {"cov_type": "cluster", "cov_kwds": {"groups": scene, "use_correction": False}}
        model = sm.GLM(y, x[:, None], family=sm.families.Binomial()).fit(**clustered)
        slope, low, high = curve_through_half(x, y, scene)
        assert slope == pytest.approx(model.params[0], rel=1e-5)
        reach = student.ppf(0.975, 11) * np.sqrt(12 / 11) * model.bse[0]
        assert (low, high) == pytest.approx((slope - reach, slope + reach), rel=1e-4)
        assert np.isnan(curve_through_half(x, y, np.zeros(300, int))[1:]).all()

    def test_a_lapse_rate_that_is_known_takes_its_bias_from_the_slope(self) -> None:
        rng = np.random.default_rng(4)
        x = rng.uniform(0, 4, 20_000)
        y = (rng.random(20_000) < 0.1 / 2 + 0.9 * expit(1.5 * x)).astype(float)
        scene = rng.integers(20, size=20_000)
        slope, low, high = curve_through_half(x, y, scene, lapse=0.1)
        assert low < 1.5 < high
        assert slope == pytest.approx(1.5, abs=0.1)
        assert curve_through_half(x, y, scene)[0] < 1.2

    def test_a_share_of_independent_answers_has_wilsons_interval_with_t(self) -> None:
        """Every answer a cluster of its own: statsmodels' interval at the level that z has where t is reached."""
        from scipy.stats import norm
        from statsmodels.stats.proportion import proportion_confint

        y = np.repeat([1.0, 0.0], [30, 10])
        low, high = share_limits(y, np.arange(40), 10**6, 0.95)
        size = 40 * 39 / 40 * (norm.ppf(0.975) / student.ppf(0.975, 39)) ** 2
        assert (low, high) == pytest.approx(proportion_confint(0.75 * size, size, 0.05, "wilson"), abs=1e-9)
        wider = share_limits(y, np.repeat(np.arange(4), 10), 10**6, 0.95)  # four scenes, all alike within
        assert wider[0] < low - 0.2
        assert share_limits(np.ones(40), np.repeat(np.arange(4), 10), 40, 0.95) == pytest.approx(
            proportion_confint(40, 40, 0.05, "wilson")
        )

    @pytest.mark.parametrize("y", [[1, 1, 1, 1], [0, 0, 0, 0]])
    def test_no_finite_slope_is_no_slope(self, y: list[float]) -> None:
        assert np.isnan(curve_through_half(np.array([0.1, 0.2, 0.3, 0.4]), np.array(y, float), np.arange(4))).all()
        assert np.isnan(curve_through_half(np.zeros(4), np.array([0.0, 1, 0, 1]), np.arange(4))).all()

    def test_nobody_is_judged_by_own_choices(self) -> None:
        """All renditions look alike: a person agrees with the others as a coin does, however far apart their values."""
        observers = {name: {"contrast": np.zeros(6)} for name in ("P1", "P2", "P3", "P4", "P5", "M")}
        compared = compare(
            trials_table(observers, scenes=30, repetitions=1), options=Options(resampling=Resampling(50))
        )
        for _, points in compared.separability_points.groupby("observer"):
            assert points["agreement"].to_numpy() == pytest.approx(np.full(len(points), 0.5), abs=0.06)

    def test_a_lapse_that_is_no_share_is_refused(self) -> None:
        with pytest.raises(ScalingError, match="lapse must be a share from 0 to less than 1"):
            Options(lapse=1.5)

    def test_a_twin_agrees_where_people_see_a_difference(self, trials: pd.DataFrame) -> None:
        compared = compare(trials, options=Options(resampling=Resampling(50)))
        curves = compared.separability.set_index("observer")
        assert curves.loc["twin", "low"] > 0
        assert curves.loc["reverse", "high"] < 0
        assert abs(curves.loc["people", "slope"] - curves.loc["twin", "slope"]) < 1
        points = compared.separability_points.query("observer == 'twin'")
        assert points["agreement"].iloc[-1] > points["agreement"].iloc[0]
        assert points["pairs"].sum() == pytest.approx(curves.loc["twin", "pairs"], abs=3)

    def test_without_people_there_is_nothing(self, trials: pd.DataFrame) -> None:
        scales = pd.DataFrame(columns=["attribute", "observer", "scene", "item", "value"])
        curves, points = separability(trials, [], scales, people_name="people")
        assert len(curves) == len(points) == 0


class TestScreening:
    @pytest.fixture
    def careless(self, trials: pd.DataFrame) -> pd.DataFrame:
        """P0 tosses a coin, P1 gives no choice in a fifth of the trials, P2 fails the catch trials."""
        table = trials.assign(expected=None)
        rng = np.random.default_rng(5)
        coin = table["observer"] == "P0"
        table.loc[coin, "choice"] = rng.choice(["left", "right"], coin.sum())
        lost = table.index[table["observer"] == "P1"][::5]
        table.loc[lost, "choice"] = None
        table.loc[lost, "outcome"] = "invalid"
        catch = table[table["scene"] == "s0"].drop_duplicates("observer").assign(phase="catch", expected="c5")
        catch["outcome"], catch["trial"] = "choice", [f"catch {i}" for i in range(len(catch))]
        catch["left"], catch["right"] = "c5", "c0"
        catch["choice"] = np.where(catch["observer"] == "P2", "right", "left")
        both = pd.concat([table, catch], ignore_index=True)
        shown = both["left"].where(both["choice"] == "left", both["right"])
        return both.assign(chosen=shown.where(both["choice"].notna(), None))

    def test_who_answers_without_care_is_found_and_said_why(self, careless: pd.DataFrame) -> None:
        table = screen(careless, PEOPLE, ScreeningRule()).set_index("observer")
        assert table.index[table["excluded"]].tolist() == ["P0", "P1", "P2"]
        assert "repeats answered differently" in table.loc["P0", "reason"]
        assert table.loc["P0", "disagreement"] == pytest.approx(0.5, abs=0.06)
        assert table.loc["P1", "reason"] == "20% of trials without a choice"
        assert table.loc["P2", "reason"] == "0% of catch trials as expected"

    def test_a_criterion_can_be_left_out(self, careless: pd.DataFrame) -> None:
        table = screen(careless, PEOPLE, ScreeningRule(None, None, None, None))
        assert not table["excluded"].any()

    def test_the_comparison_says_rho_with_and_without_them(self, careless: pd.DataFrame) -> None:
        everyone = compare(careless, options=Options(resampling=Resampling(50)))
        kept = compare(careless, options=Options(screening=ScreeningRule(), resampling=Resampling(50)))
        assert len(everyone.people) == 8
        assert kept.people == ("P3", "P4", "P5", "P6", "P7")
        assert not everyone.screening["excluded"].any()
        merged = kept.alignment.merge(everyone.alignment, on=["attribute", "observer"])
        assert np.allclose(merged["rho_unscreened"], merged["rho_y"])
        assert kept.notes[0].startswith("3 of 8 people are left out by the screening rule: P0 (")

    def test_a_rule_that_leaves_nobody_is_refused(self, careless: pd.DataFrame) -> None:
        rule = ScreeningRule(max_disagreement=0.0, min_catch=0.5)
        with pytest.raises(ScalingError) as told:
            compare(careless, options=Options(screening=rule))
        assert str(told.value).startswith(
            "the screening rule leaves no one: of 8 people 1 gave no choice in more than 10% of the trials, 8 answered "
            "more than 0% of the repetitions differently, 1 answered fewer than 50% of the catch trials as expected. "
        )

    def test_where_nobody_chose_the_limits_are_not_blamed(self, careless: pd.DataFrame) -> None:
        of_people = careless["observer"].isin(PEOPLE)
        silent = careless.assign(
            choice=careless["choice"].mask(of_people),
            chosen=careless["chosen"].mask(of_people),
            outcome=careless["outcome"].mask(of_people, "refusal"),
        )
        with pytest.raises(ScalingError, match="not one of the 8 people chose anything: look at the column 'outcome'"):
            compare(silent, options=Options(screening=ScreeningRule()))
