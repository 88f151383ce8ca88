"""Every coefficient beside its ceiling, how finely observers tell renditions apart, and the trade-off of models."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from trial_tables import trials_table

from visavis.scaling import Comparison, Options, Resampling, compare, fit_scale, rho
from visavis.scaling.agreement.rank_correlation import kendall, kendall_of_resamples
from visavis.scaling.agreement.scene_scales import scene_scales
from visavis.scaling.variability.spread import ratios_to_individuals, spreads
from visavis.scaling.variability.trade_off import trade_off

VALUES = np.array([-1.3, -0.5, 0.1, 0.6, 1.1])
SCENES, ITEMS = [f"s{i}" for i in range(7)], [f"c{i}" for i in range(5)]


@given(values=arrays(np.float64, (2, 6), elements=st.integers(-3, 3).map(float)))
def test_kendalls_tau_is_scipys(values: np.ndarray) -> None:
    first, second = values
    if np.ptp(first) and np.ptp(second):
        assert kendall(first, second) == pytest.approx(scipy.stats.kendalltau(first, second).statistic)
    else:
        assert np.isnan(kendall(first, second))


@given(
    values=arrays(np.float64, (2, 4, 3), elements=st.integers(-3, 3).map(float)),
    weights=arrays(np.int64, (5, 4), elements=st.integers(0, 4)),
)
def test_kendalls_tau_of_resampled_rows_is_that_of_the_rows_drawn(values: np.ndarray, weights: np.ndarray) -> None:
    first, second = values
    expected = [kendall(*(np.repeat(rows, drawn, axis=0).ravel() for rows in values)) for drawn in weights]
    found = kendall_of_resamples(first, second, weights.astype(float))
    assert np.array_equal(found, expected, equal_nan=True)


@pytest.fixture(scope="module")
def trials() -> pd.DataFrame:
    people = {f"P{i}": {"contrast": VALUES} for i in range(5)}
    return trials_table({**people, "M1": {"contrast": VALUES}, "M2": {"contrast": VALUES[::-1]}}, scenes=7, seed=3)


@pytest.fixture(scope="module")
def found(trials: pd.DataFrame) -> Comparison:
    return compare(trials, options=Options(resampling=Resampling(200)))


class TestCorrelations:
    def test_they_are_scipys_of_the_same_values(self, found: Comparison) -> None:
        values = found.scene_scales.pivot_table(index=["scene", "item"], columns="observer", values="value")
        means = values.groupby(level="item").mean()
        table = found.correlations.set_index(["observer", "coefficient", "mode"])["estimate"].sort_index()
        functions = {
            "spearman": scipy.stats.spearmanr, "pearson": scipy.stats.pearsonr, "kendall": scipy.stats.kendalltau,
        }  # fmt: skip
        assert len(table) == 2 * 3 * 3
        for name, function in functions.items():
            for model in ("M1", "M2"):
                each = [function(part[model], part["people"]).statistic for _, part in values.groupby(level="scene")]
                expected = {
                    "aggregate": function(means[model], means["people"]).statistic,
                    "pooled": function(values[model], values["people"]).statistic,
                    "per_scene_mean": np.mean(each),
                }
                assert table.loc[model, name].to_dict() == pytest.approx(expected)

    def test_each_has_an_interval_and_the_ceiling_of_its_own_kind(self, found: Comparison) -> None:
        table = found.correlations
        some = table.dropna(subset="low")  # the others are those on which all resamples agree
        assert len(some) > len(table) / 2
        assert (some["low"] <= some["estimate"] + 1e-9).all()
        assert (some["estimate"] <= some["high"] + 1e-9).all()
        ceilings = table.groupby(["coefficient", "mode"])["ceiling"].nunique()
        assert (ceilings == 1).all()
        by = table.set_index(["observer", "coefficient", "mode"]).sort_index()
        assert by.loc[("M1", "spearman", "aggregate"), "ceiling"] == found.alignment["ceiling"].iloc[0]
        assert by.loc[("M1", "kendall", "pooled"), "ceiling"] < by.loc[("M1", "spearman", "pooled"), "ceiling"]

    def test_the_one_chosen_is_the_one_of_the_alignment(self, found: Comparison) -> None:
        one = found.correlations.query("coefficient == 'spearman' and mode == 'aggregate'")
        names = ["rho", "low", "high"]
        assert found.alignment[names].to_numpy() == pytest.approx(
            one[["estimate", "low", "high"]].to_numpy(), nan_ok=True
        )

    def test_an_unknown_coefficient_is_named(self) -> None:
        with pytest.raises(ValueError, match="unknown coefficient 'tau'; choose from spearman, pearson, kendall"):
            rho(np.ones((2, 3)), np.ones((2, 3)), coefficient="tau")  # type: ignore[arg-type]


class TestCeilings:
    def test_people_alone_have_them_too(self, trials: pd.DataFrame, found: Comparison) -> None:
        alone = compare(trials[trials["observer_kind"] == "human"], options=Options(resampling=Resampling(50)))
        pd.testing.assert_frame_equal(alone.ceilings, found.ceilings)
        row = alone.ceilings.iloc[0]
        assert row["people"] == 5
        assert 0.5 < row["choice_between"] < row["choice_leave_one_out"] < row["choice_majority"] < 1
        assert row["accuracy"] == found.agreement.query("measure == 'accuracy'")["ceiling"].iloc[0]
        assert row["kappa"] == found.agreement.query("measure == 'kappa'")["ceiling"].iloc[0]

    def test_one_person_has_none(self, trials: pd.DataFrame) -> None:
        row = compare(
            trials[trials["observer"].isin(["P0", "M1"])], options=Options(resampling=Resampling(50))
        ).ceilings.iloc[0]
        assert row["people"] == 1
        assert row.drop(["attribute", "people"]).isna().all()


class TestSpread:
    def test_it_is_the_sensitivity_times_the_spread_of_what_is_seen(self) -> None:
        observers = {name: {"contrast": size * VALUES} for name, size in (("fine", 1.2), ("coarse", 0.3), ("P1", 0.9))}
        found = []
        for seed in range(10):
            trials = trials_table(observers, scenes=7, repetitions=3, seed=seed)
            scaled = scene_scales(trials, "contrast", SCENES, ITEMS)
            found.append(spreads(scaled, Resampling(10)).set_index("observer")["spread"])
        mean = pd.concat(found, axis=1).mean(axis=1)
        for name, size in (("fine", 1.2), ("coarse", 0.3), ("P1", 0.9)):
            # Three repetitions overestimate every scale by up to a quarter, and so its spread.
            assert 1 < mean[name] / (size * VALUES.std()) < 1.3
        many = trials_table(observers, scenes=7, repetitions=40)
        table = spreads(scene_scales(many, "contrast", SCENES, ITEMS), Resampling(10)).set_index("observer")
        for name, size in (("fine", 1.2), ("coarse", 0.3), ("P1", 0.9)):
            assert table.loc[name, "spread"] == pytest.approx(size * VALUES.std(), rel=0.1)

    def test_it_stands_beside_peoples_with_its_interval(self, found: Comparison) -> None:
        table = found.spreads.set_index("observer")
        assert table.loc["people", "of_people"] == pytest.approx(1, abs=0.2)
        assert (table["low"] < table["spread"]).all()
        assert (table["spread"] < table["high"]).all()

    def test_a_model_that_is_a_person_has_the_spread_of_one_where_people_differ(self) -> None:
        """Beside the crowd, whose noise people's differences are, it came out 1.16 to 1.5 times as sensitive."""
        found = []
        for seed in range(6):
            rng = np.random.default_rng(seed)
            names = [f"P{i}" for i in range(12)]
            own = {name: {"contrast": VALUES + 0.6 * rng.standard_normal(len(VALUES))} for name in [*names, "M"]}
            trials = pd.concat(
                [
                    trials_table({name: own[name] for name in names}, scenes=6, repetitions=1, seed=seed),
                    trials_table({"M": own["M"]}, scenes=6, repetitions=3, seed=100 + seed),
                ]
            )
            found.append(ratios_to_individuals(trials, names, {"M": ["M"], "people": names}))
        ratios = pd.DataFrame(found).mean()
        assert ratios["M"] == pytest.approx(1, abs=0.12)
        assert ratios["M"] / ratios["people"] > 1.2

    def test_a_coins_is_near_nothing(self) -> None:
        trials = trials_table({"coin": {"contrast": 0 * VALUES}}, scenes=7, repetitions=3)
        assert spreads(scene_scales(trials, "contrast", SCENES, ITEMS))["spread"].iloc[0] < 0.3

    def test_standardised_values_have_one_spread_for_everyone(self, found: Comparison) -> None:
        by = found.scales.groupby("observer")["standardised"]
        assert by.std(ddof=0).to_numpy() == pytest.approx(1)
        assert by.mean().to_numpy() == pytest.approx(0, abs=1e-9)


class TestTradeOff:
    def tables(self, first: list[float], second: list[float]) -> tuple[pd.DataFrame, pd.DataFrame]:
        names = [f"M{i}" for i in range(len(first))]
        both = {"attribute": "contrast", "observer": names}
        return pd.DataFrame({**both, "rho": second}), pd.DataFrame({**both, "any": first})

    def test_p_is_the_exact_one_and_the_least_rho_that_of_published_tables(self) -> None:
        """Critical values of Spearman's ρ, two-sided 5 % (Zar 1972)."""
        rng = np.random.default_rng(0)
        for n, least in ((5, 1.0), (6, 0.886), (7, 0.786), (8, 0.738)):
            first, second = rng.normal(size=(2, n))
            row = trade_off(*self.tables(list(first), list(second))).iloc[0]
            exact = scipy.stats.permutation_test(
                (first,), lambda x: scipy.stats.spearmanr(x, second).statistic, permutation_type="pairings",  # noqa: B023
                n_resamples=np.inf if n < 7 else 4000, rng=np.random.default_rng(1),
            )  # fmt: skip
            assert row["models"] == n
            assert row["rho"] == pytest.approx(exact.statistic)
            assert row["p_value"] == pytest.approx(exact.pvalue, abs=1e-9 if n < 7 else 0.03)
            assert row["min_rho"] == pytest.approx(least, abs=5e-4)

    def test_many_models_are_tested_by_students_t(self) -> None:
        first, second = np.random.default_rng(2).normal(size=(2, 15))
        row = trade_off(*self.tables(list(first), list(second))).iloc[0]
        assert row["p_value"] == pytest.approx(scipy.stats.spearmanr(first, second).pvalue)

    @pytest.mark.parametrize("n", [0, 1, 3])
    def test_three_models_say_nothing(self, n: int) -> None:
        table = trade_off(*self.tables([1.0, 2.0, 3.0][:n], [1.0, 2.0, 3.0][:n]))
        assert table[["rho", "p_value", "min_rho"]].isna().all(axis=None)

    def test_all_alike_is_no_correlation(self) -> None:
        row = trade_off(*self.tables([1.0] * 5, [1.0, 2.0, 3.0, 4.0, 5.0])).iloc[0]
        assert np.isnan(row["rho"])
        assert np.isnan(row["p_value"])
        assert row["min_rho"] == 1


def test_error_variances_are_those_of_the_fit(trials: pd.DataFrame) -> None:
    from visavis.scaling import count_choices

    one = trials[trials["observer"] == "M1"]
    scaled = scene_scales(one, "contrast", SCENES, ITEMS)
    fitted = fit_scale(count_choices(one, ["scene"], items=ITEMS))
    assert scaled.error_variances[0] == pytest.approx((fitted.standard_errors**2).mean(axis=1))
