"""Models of people who differ, who favour a side, or who are out of line: against exact answers and known truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.special import log_ndtr, ndtr
from scipy.stats import binomtest, norm
from trial_tables import trials_table

from visavis.scaling import (
    Counts,
    ScalingError,
    compare_items,
    count_by_order,
    count_choices,
    fit_latent_classes,
    fit_order_effect,
    fit_population,
    fit_scale,
    leave_one_out_likelihood,
    side_bias,
)
from visavis.scaling.scales.likelihood import marginal_log_likelihood
from visavis.scaling.scales.links import LINKS


def people(population: np.ndarray, sd: float, n: int, times: int, seed: int) -> Counts:
    rng = np.random.default_rng(seed)
    k = len(population)
    first, second = np.triu_indices(k, 1)
    values = population + rng.normal(0, sd, (n, k))
    won = rng.binomial(times, ndtr(values[:, first] - values[:, second]))
    wins = np.zeros((n, k, k))
    wins[:, first, second], wins[:, second, first] = won, times - won
    groups = pd.DataFrame({"observer": [f"P{i:03}" for i in range(n)]})
    return Counts(tuple("abcdefgh"[:k]), groups, wins, np.zeros_like(wins))


class TestPopulation:
    def test_the_marginal_likelihood_of_two_items_is_the_integral(self) -> None:
        """Of two items only the difference matters, so the exact integral has one dimension."""
        wins = np.array([[[0, 5], [2, 0]], [[0, 1], [6, 0]]], dtype=float)
        mean, sd = np.array([0.3, -0.3]), 0.4
        found = marginal_log_likelihood(wins, LINKS["thurstone"], mean, sd)
        for one, value in zip(wins, found, strict=True):

            def integrand(d: float, one: np.ndarray = one) -> float:
                log_likelihood = one[0, 1] * log_ndtr(d) + one[1, 0] * log_ndtr(-d)
                return float(np.exp(log_likelihood) * norm.pdf(d, 0.6, np.sqrt(2) * sd))

            assert value == pytest.approx(np.log(quad(integrand, -8, 8)[0]), abs=0.01)

    def test_of_three_items_it_is_the_integral_by_quadrature(self) -> None:
        """Values, errors and spread maximise the likelihood integrated over two differences by Gauss-Hermite."""
        from scipy.optimize import minimize

        counts = people(np.array([-0.5, 0.1, 0.4]), 0.6, n=12, times=8, seed=4)
        nodes, weights = np.polynomial.hermite_e.hermegauss(25)
        x, y = (grid.ravel() for grid in np.meshgrid(nodes, nodes))
        log_weight = np.log(np.outer(weights, weights).ravel() / (2 * np.pi))
        # Deviations that sum to 0 have two directions, orthogonal to the mean.
        basis = np.array([[1, -1, 0], [1, 1, -2]]) / np.sqrt([[2], [6]])

        def minus_log_likelihood(parameters: np.ndarray) -> float:
            values = parameters[:2] @ basis + np.exp(parameters[2]) * (np.column_stack([x, y]) @ basis)
            log_p = log_ndtr(values[:, :, None] - values[:, None, :]).reshape(len(x), 9)
            each = counts.wins.reshape(-1, 9) @ log_p.T + log_weight
            return -float(np.logaddexp.reduce(each, axis=1).sum())

        theirs = minimize(minus_log_likelihood, [0.1, 0.1, np.log(0.5)], tol=1e-10)
        found = fit_population(counts, method="ml")
        assert found.values == pytest.approx(theirs.x[:2] @ basis, abs=0.02)
        assert found.observer_sd == pytest.approx(np.exp(theirs.x[2]), rel=0.05)
        assert found.log_likelihood == pytest.approx(-theirs.fun, abs=0.3)
        assert found.observer_sd_se == pytest.approx(found.observer_sd * np.sqrt(theirs.hess_inv[2, 2]), rel=0.2)

    def test_people_who_never_chose_tell_nothing(self) -> None:
        counts = people(np.array([-0.5, 0.1, 0.4]), 0.6, n=8, times=4, seed=4)
        silent = Counts(
            counts.items,
            pd.DataFrame({"observer": [*counts.groups["observer"], "silent"]}),
            np.concatenate([counts.wins, np.zeros((1, 3, 3))]),
            np.zeros((9, 3, 3)),
        )
        one, other = fit_population(counts, method="ml"), fit_population(silent, method="ml")
        assert other.values == pytest.approx(one.values)
        assert set(other.individuals["observer"]) == set(counts.groups["observer"])
        with pytest.raises(ScalingError, match="silent made no choice to be sorted by"):
            fit_latent_classes(silent, 2)

    def test_a_spread_without_bounds_has_not_converged(self) -> None:
        opposite = np.array([[[0, 90], [0, 0]], [[0, 0], [90, 0]]] * 3, dtype=float)
        counts = Counts(("a", "b"), pd.DataFrame({"observer": range(6)}), opposite, np.zeros_like(opposite))
        found = fit_population(counts, method="ml")
        assert found.observer_sd > 2
        assert not found.converged or np.isfinite(found.standard_errors).all()

    def test_population_and_spread_are_recovered(self) -> None:
        population = np.array([-0.8, -0.1, 0.2, 0.7])
        found = fit_population(people(population, 0.6, n=150, times=6, seed=1))
        assert found.values == pytest.approx(population - population.mean(), abs=0.12)
        assert found.observer_sd == pytest.approx(0.6, abs=0.08)

    def test_pooling_people_who_differ_shrinks_what_this_model_does_not(self) -> None:
        population = np.array([-1.0, 0.0, 1.0])
        counts = people(population, 1.0, n=200, times=4, seed=3)
        pooled = fit_scale(counts.pool([]), method="ml").values[0]
        found = fit_population(counts, method="ml")
        assert np.ptp(pooled) < 1.7 < np.ptp(found.values)
        assert (
            np.sqrt(np.diag(found.covariance)).min()
            > 1.3 * fit_scale(counts.pool([]), method="ml").standard_errors.min()
        )

    def test_people_who_do_not_differ_have_no_spread(self) -> None:
        counts = people(np.array([-0.5, 0.0, 0.5]), 0.0, n=60, times=10, seed=2)
        found = fit_population(counts, method="ml")
        assert found.observer_sd < 0.15
        assert found.values == pytest.approx(fit_scale(counts.pool([]), method="ml").values[0], abs=0.03)

    def test_individuals_lie_between_their_choices_and_the_population(self) -> None:
        counts = people(np.array([-0.5, 0.0, 0.5]), 0.7, n=40, times=8, seed=5)
        found = fit_population(counts, method="ml")
        own = found.individuals.pivot_table(index="observer", columns="item", values="value")
        assert own.shape == (40, 3)
        own_alone = fit_scale(counts, prior_sd=50).values
        towards = np.abs(own.to_numpy() - found.values).mean()
        assert 0 < towards < np.abs(own_alone - found.values).mean()

    def test_intervals_cover_the_population(self) -> None:
        population, covered = np.array([-0.5, 0.0, 0.5]), []
        for seed in range(60):
            found = fit_population(people(population, 0.5, n=20, times=4, seed=100 + seed)).to_frame()
            covered += ((found["low"] <= population) & (population <= found["high"])).tolist()
        assert 0.88 <= np.mean(covered) <= 1.0

    def test_one_person_or_separated_choices_are_refused(self) -> None:
        with pytest.raises(ScalingError, match="needs two of them at least"):
            fit_population(people(np.zeros(3), 0, 1, 4, 0))
        separated = Counts.from_matrix(np.array([[[0, 3], [0, 0]], [[0, 2], [0, 0]]]))
        named = Counts(separated.items, pd.DataFrame({"observer": ["a", "b"]}), separated.wins, separated.ties)
        with pytest.raises(ScalingError, match="no finite maximum of the likelihood: 1 never lost"):
            fit_population(named, method="ml")


class TestLatentClasses:
    def test_two_groups_with_opposite_preferences_are_told_apart(self) -> None:
        values = np.array([-0.9, 0.0, 0.9])
        one, other = people(values, 0.1, 18, 6, 1), people(-values, 0.1, 12, 6, 2)
        names = [f"A{i}" for i in range(18)] + [f"B{i}" for i in range(12)]
        both = Counts(
            one.items, pd.DataFrame({"observer": names}), np.concatenate([one.wins, other.wins]), np.zeros((30, 3, 3))
        )
        found = fit_latent_classes(both, 2)
        assert found.shares == pytest.approx([0.6, 0.4], abs=0.03)
        assert found.values[0] == pytest.approx(values, abs=0.25)
        assert found.values[1] == pytest.approx(-values, abs=0.25)
        first = found.membership.set_index("observer")["class_1"]
        assert all((first[name] > 0.5) == name.startswith("A") for name in names)
        assert found.bic < fit_latent_classes(both, 1).bic
        assert found.bic < fit_latent_classes(both, 3).bic

    def test_one_class_is_the_pooled_scale(self) -> None:
        counts = people(np.array([-0.5, 0.0, 0.5]), 0.2, 10, 4, 3)
        found = fit_latent_classes(counts, 1, starts=1)
        pooled = fit_scale(counts.pool([]))
        assert found.values[0] == pytest.approx(pooled.values[0], abs=1e-8)
        assert found.log_likelihood == pytest.approx(pooled.log_likelihood[0])

    def test_two_classes_are_the_maximum_of_the_posterior(self) -> None:
        """By another way than EM: a general optimiser on the mixture's likelihood, from the values that EM found."""
        from scipy.optimize import minimize

        one, other = (people(sign * np.array([-0.6, 0.1, 0.5]), 0.2, 8, 5, seed) for sign, seed in ((1, 1), (-1, 2)))
        wins = np.concatenate([one.wins, other.wins])
        counts = Counts(one.items, pd.DataFrame({"observer": range(16)}), wins, np.zeros_like(wins))
        found = fit_latent_classes(counts, 2, prior_sd=1.5)

        def log_likelihood(parameters: np.ndarray) -> float:
            values = parameters[:6].reshape(2, 3)
            log_p = log_ndtr(values[:, :, None] - values[:, None, :]).reshape(2, 9)
            log_share = np.array([-np.log1p(np.exp(-parameters[6])), -np.log1p(np.exp(parameters[6]))])
            return float(np.logaddexp.reduce(wins.reshape(-1, 9) @ log_p.T + log_share, axis=1).sum())

        def objective(parameters: np.ndarray) -> float:
            return (parameters[:6] ** 2).sum() / (2 * 1.5**2) - log_likelihood(parameters)

        start = np.append(found.values.ravel() + 0.1, 0.5)
        theirs = minimize(objective, start, tol=1e-12).x
        values = theirs[:6].reshape(2, 3)
        assert found.values == pytest.approx(values - values.mean(axis=1, keepdims=True), abs=1e-3)
        assert found.shares[0] == pytest.approx(1 / (1 + np.exp(-theirs[6])), abs=1e-3)
        assert found.log_likelihood == pytest.approx(log_likelihood(theirs), abs=1e-3)
        assert found.converged

    def test_more_classes_than_people_are_refused(self) -> None:
        with pytest.raises(ScalingError, match="3 observers cannot be sorted into 4 classes"):
            fit_latent_classes(people(np.zeros(3), 0, 3, 4, 0), 4)
        with pytest.raises(ScalingError, match="at least one start"):
            fit_latent_classes(people(np.zeros(3), 0, 3, 4, 0), 2, starts=0)


def biased_trials(bias: float, sensitivity: float, seed: int = 0, scenes: int = 150) -> pd.DataFrame:
    """One observer, every pair twice in either order."""
    rng = np.random.default_rng(seed)
    rows = []
    for scene in range(scenes):
        for left, right, difference in (("a", "b", 0.5), ("b", "a", -0.5)):
            for _ in range(2):
                to_left = rng.random() < ndtr(sensitivity * difference + bias)
                rows.append(("M", "contrast", f"s{scene}", left, right, "left" if to_left else "right"))
    return pd.DataFrame(rows, columns=["observer", "attribute", "scene", "left", "right", "choice"])


class TestSideBias:
    def test_noise_without_bias_flips_as_often_when_nothing_is_swapped(self) -> None:
        (found,) = side_bias(biased_trials(0, 0.3)).to_dict("records")
        assert found["same_flips"] > 0.35
        assert abs(found["excess_flips"]) < 0.1

    def test_without_a_bias_the_test_finds_one_in_5_of_100(self) -> None:
        found = pd.concat([side_bias(biased_trials(0, 0.3, seed, scenes=40)) for seed in range(150)])
        assert (found["p_value"] < 0.05).mean() < 0.08
        assert ((found["left_low"] < 0.5) & (found["left_high"] > 0.5)).mean() > 0.92

    def test_a_bias_is_more_than_the_noise(self) -> None:
        (found,) = side_bias(biased_trials(1.0, 1.0)).to_dict("records")
        assert found["excess_flips"] > 0.1
        assert found["both_left"] > found["both_right"]
        assert found["p_value"] < 1e-6
        assert found["left_low"] > 0.5

    def test_counts_by_hand(self) -> None:
        trials = pd.DataFrame(
            [
                ("M", "c", "s", "a", "b", "left"),  # a
                ("M", "c", "s", "a", "b", "right"),  # b: flips against the first, sides the same
                ("M", "c", "s", "b", "a", "left"),  # b: flips against the first, by the side left
            ],
            columns=["observer", "attribute", "scene", "left", "right", "choice"],
        )
        (found,) = side_bias(trials).to_dict("records")
        assert (found["same_pairs"], found["same_flips"]) == (1, 1.0)
        assert (found["swapped_pairs"], found["swapped_flips"]) == (2, 0.5)
        assert (found["both_left"], found["both_right"]) == (1, 0)

    @pytest.mark.parametrize("by", [("observer",), ("scene", "observer")])
    def test_every_group_is_counted_as_by_a_plain_loop(self, by: tuple[str, ...]) -> None:
        rng = np.random.default_rng(5)
        left, n = rng.integers(0, 3, 400), 400
        trials = pd.DataFrame(
            {
                "observer": rng.choice(["A", "B"], n),
                "attribute": rng.choice(["x", "y"], n),
                "scene": rng.choice(["s", "t", "u"], n),
                "left": np.array(list("abc"))[left],
                "right": np.array(list("abc"))[(left + rng.integers(1, 3, n)) % 3],
                "choice": rng.choice(["left", "right", "tie"], n, p=[0.5, 0.4, 0.1]),
            }
        )
        found = side_bias(trials, by).set_index(list(by))
        parts = list(trials[trials["choice"] != "tie"].groupby(list(by)))
        assert len(found) == len(parts)
        for key, part in parts:
            same, swapped = [], []
            both = {"left": 0, "right": 0}
            for _, repeats in part.assign(
                pair=[frozenset(pair) for pair in zip(part["left"], part["right"], strict=True)]
            ).groupby(["observer", "attribute", "scene", "pair"]):
                answers = list(zip(repeats["left"], repeats["choice"], strict=True))
                for place, (first, choice) in enumerate(answers):
                    for other, again in answers[:place]:
                        (same if first == other else swapped).append((choice == again) == (first != other))
                first = min(repeats["left"])
                orders = [[c for where, c in answers if (where == first) is way] for way in (True, False)]
                for one, other in zip(*orders, strict=False):
                    both[one] += one == other
            row = found.loc[key if len(by) > 1 else key[0]]
            assert (row["same_pairs"], row["swapped_pairs"]) == (len(same), len(swapped))
            assert row["same_flips"] == pytest.approx(np.mean(same))
            assert row["excess_flips"] == pytest.approx(np.mean(swapped) - np.mean(same))
            assert (row["both_left"], row["both_right"]) == (both["left"], both["right"])
            assert row["p_value"] == pytest.approx(binomtest(both["left"], sum(both.values())).pvalue)
            share = binomtest(int((part["choice"] == "left").sum()), len(part)).proportion_ci(0.95)
            assert row[["left_low", "left_high"]].tolist() == pytest.approx([share.low, share.high])

    def test_who_always_takes_a_side_has_an_interval_that_ends_there(self) -> None:
        trials = biased_trials(0, 1, scenes=3).assign(choice="left")
        (found,) = side_bias(trials).to_dict("records")
        low = binomtest(len(trials), len(trials)).proportion_ci(0.95).low
        assert (found["left_share"], found["left_low"], found["left_high"]) == (1, pytest.approx(low), 1)

    def test_without_repeats_there_is_nothing_to_judge_by(self) -> None:
        trials = biased_trials(0, 1).drop_duplicates(["scene"])
        (found,) = side_bias(trials).to_dict("records")
        assert np.isnan(found["same_flips"])
        assert np.isnan(found["excess_flips"])

    def test_the_bias_is_estimated_beside_the_scale(self) -> None:
        found = fit_order_effect(count_by_order(biased_trials(0.6, 1.0, scenes=2000)))
        assert found.bias == pytest.approx(0.6, abs=4 * found.bias_se)
        assert found.values[0] - found.values[1] == pytest.approx(0.5, abs=0.1)
        assert found.p_value < 1e-10


class TestOutOfLine:
    VALUES = np.array([-0.8, -0.2, 0.3, 0.7])

    def test_who_answers_the_other_way_round_is_found(self) -> None:
        observers = {f"P{i:02}": {"contrast": self.VALUES} for i in range(12)} | {"odd": {"contrast": -self.VALUES}}
        counts = count_choices(trials_table(observers))
        found = leave_one_out_likelihood(counts, ["attribute", "scene"]).set_index("observer")
        assert found.loc["odd", "out_of_line"]
        assert found["score"].idxmax() == "odd"
        assert found["out_of_line"].sum() <= 2

    def test_the_likelihood_is_that_of_the_others_scale(self) -> None:
        counts = people(self.VALUES, 0.3, 5, 6, 0)
        found = leave_one_out_likelihood(counts).set_index("observer")["log_likelihood"]
        others = counts.select(counts.groups["observer"] != "P002").pool([])
        values = fit_scale(others).values[0]
        own = counts.wins[2]
        assert found["P002"] == pytest.approx((own * log_ndtr(values[:, None] - values)).sum() / own.sum())

    def test_two_people_are_too_few(self) -> None:
        with pytest.raises(ScalingError, match="2 observers: three at least"):
            leave_one_out_likelihood(people(self.VALUES, 0, 2, 4, 0))


class TestPairs:
    def test_unadjusted_is_the_wald_test(self) -> None:
        counts = people(np.array([-0.4, 0.0, 0.5]), 0, 1, 60, 4).pool([])
        found = compare_items(fit_scale(counts, method="ml"), adjustment="none")
        import statsmodels.api as sm

        wins = counts.wins[0]
        outcomes = np.array([(wins[0, 1], wins[1, 0]), (wins[0, 2], wins[2, 0]), (wins[1, 2], wins[2, 1])])
        design = np.array([[1, 0], [1, 1], [0, 1]])  # differences a-b and b-c
        glm = sm.GLM(outcomes, design, family=sm.families.Binomial(sm.families.links.Probit())).fit(tol=1e-13)
        se = np.sqrt(np.diag(np.linalg.inv(-glm.model.hessian(glm.params, observed=True))))
        assert found["difference"].to_numpy()[[0, 2]] == pytest.approx(glm.params, abs=1e-7)
        assert found["se"].to_numpy()[[0, 2]] == pytest.approx(se, rel=1e-5)

    def test_adjustments_are_those_of_statsmodels_and_keep_their_order(self) -> None:
        from statsmodels.stats.multitest import multipletests

        counts = people(np.array([-0.4, 0.0, 0.2, 0.5]), 0, 1, 40, 5).pool([])
        scale = fit_scale(counts)
        alone, holm, tukey = (
            compare_items(scale, adjustment=a)["p_value"].to_numpy() for a in ("none", "holm", "tukey")
        )
        assert holm == pytest.approx(multipletests(alone, method="holm")[1])
        assert np.all(tukey >= alone - 1e-12)
        assert np.all(holm >= alone)

    def test_the_family_error_is_held(self) -> None:
        """Of 2,000 studies without any difference about 5 % find one somewhere."""
        rng = np.random.default_rng(6)
        upper = np.triu(rng.binomial(30, 0.5, (2000, 5, 5)), 1)
        wins = upper + np.tril(30 - upper.swapaxes(1, 2), -1)
        scale = fit_scale(Counts.from_matrix(wins.astype(float)), method="ml")
        for adjustment in ("tukey", "holm"):
            table = compare_items(scale, adjustment=adjustment)  # type: ignore[arg-type]
            assert 0.03 < (table.groupby("group")["p_value"].min() < 0.05).mean() < 0.065
            inside = (table["low"] <= 0) & (table["high"] >= 0)
            assert inside.groupby(table["group"]).all().mean() > 0.935

    def test_least_squares_has_no_errors_to_test_with(self) -> None:
        with pytest.raises(ScalingError, match="least squares has no covariance"):
            compare_items(fit_scale(people(np.zeros(3), 0, 1, 4, 0), method="least_squares"))
