"""Scale values: against published tables and independent software, and the laws that every scale obeys."""

from __future__ import annotations

from typing import Any

import choix
import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from simulated_counts import random_wins

from visavis.scaling import JOD_PER_SD, Counts, ScalingError, count_choices, fit_scale

METHODS: list[dict[str, Any]] = [
    {"method": "ml"},
    {"method": "map", "prior_sd": 1.5},
    {"method": "least_squares"},
    {"method": "ml", "model": "bradley_terry"},
    {"method": "map", "model": "bradley_terry"},
    {"method": "least_squares", "model": "bradley_terry", "correction": "clip"},
]
seeds = st.integers(0, 10_000)


def values(wins: np.ndarray, **options: Any) -> np.ndarray:
    return fit_scale(Counts.from_matrix(wins), **options).values[0]


class TestPublished:
    def test_case_v_by_least_squares(self, taste: np.ndarray) -> None:
        found = values(taste, method="least_squares", correction="clip")
        assert found == pytest.approx([-0.765791, 0.155731, 0.01428, 0.59578], abs=1e-6)

    def test_case_v_by_maximum_likelihood(self, taste: np.ndarray) -> None:
        found = values(taste, method="ml")
        assert found - found[0] == pytest.approx([0, 0.945262, 0.768209, 1.387366], abs=1e-6)

    def test_bradley_terry_by_maximum_likelihood(self, taste: np.ndarray) -> None:
        found = values(taste, method="ml", model="bradley_terry")
        assert found - found[0] == pytest.approx([0, 1.613043, 1.300991, 2.357116], abs=1e-6)

    def test_one_jod_is_three_in_four(self) -> None:
        # Perez-Ortiz & Mantiuk (2017), fig. 2: 75 of 100 twice.
        counts = Counts.from_matrix([[0, 25, 0], [75, 0, 25], [0, 75, 0]])
        jod = fit_scale(counts, method="ml").in_jod()[0]
        assert jod - jod[0] == pytest.approx([0, 1, 2])
        assert pytest.approx(1.4826, abs=1e-4) == JOD_PER_SD


class TestAgainstOtherSoftware:
    @pytest.mark.parametrize("seed", range(5))
    @pytest.mark.parametrize(("model", "link"), [("thurstone", sm.families.links.Probit()), ("bradley_terry", None)])
    def test_values_errors_and_likelihood_are_those_of_a_glm(self, seed: int, model: str, link: Any) -> None:
        wins = random_wins(seed)
        k = len(wins)
        pairs = [(i, j) for i in range(k) for j in range(i)]
        design = np.zeros((len(pairs), k))
        for row, (i, j) in enumerate(pairs):
            design[row, i], design[row, j] = 1, -1
        outcomes = np.array([(wins[i, j], wins[j, i]) for i, j in pairs])
        glm = sm.GLM(outcomes, design[:, 1:], family=sm.families.Binomial(link)).fit(tol=1e-14, maxiter=200)
        scale = fit_scale(Counts.from_matrix(wins), model=model, method="ml")  # type: ignore[arg-type]
        assert scale.values[0] - scale.values[0, 0] == pytest.approx([0, *glm.params], abs=1e-6)
        # For a probit statsmodels reports the expected information; the observed one is minus the Hessian.
        covariance = np.linalg.inv(-glm.model.hessian(glm.params, observed=True))
        contrast = np.eye(k)[1:] - np.eye(k)[:1]
        assert contrast @ scale.covariance[0] @ contrast.T == pytest.approx(covariance, rel=1e-4)
        p = scale.predict()[0]
        assert scale.log_likelihood[0] == pytest.approx(
            sum(wins[i, j] * np.log(p[i, j]) for i in range(k) for j in range(k) if i != j)
        )

    @pytest.mark.parametrize("seed", range(5))
    def test_bradley_terry_is_choixs(self, seed: int) -> None:
        wins = random_wins(seed)
        theirs = choix.ilsr_pairwise_dense(wins, tol=1e-10)
        assert values(wins, method="ml", model="bradley_terry") == pytest.approx(theirs - theirs.mean(), abs=1e-5)

    def test_map_is_the_maximum_of_the_posterior(self) -> None:
        from scipy.optimize import minimize

        wins = np.array([[0, 3, 3], [0, 0, 3], [0, 0, 0]])

        def minus_log_posterior(s: np.ndarray) -> float:
            log_p = norm.logcdf(s[:, None] - s[None])
            return float(-(wins * log_p).sum() + (s**2).sum() / (2 * 1.3**2))

        theirs = minimize(minus_log_posterior, np.zeros(3), tol=1e-12).x
        assert values(wins, method="map", prior_sd=1.3) == pytest.approx(theirs, abs=1e-5)


class TestLaws:
    @given(seed=seeds, data=st.data())
    @settings(max_examples=40)
    def test_names_do_not_matter(self, seed: int, data: st.DataObject) -> None:
        wins = random_wins(seed)
        order = np.array(data.draw(st.permutations(range(len(wins)))))
        for options in METHODS:
            assert values(wins[np.ix_(order, order)], **options) == pytest.approx(
                values(wins, **options)[order], abs=1e-7
            )

    @given(seed=seeds)
    @settings(max_examples=40)
    def test_reversing_every_choice_reverses_the_scale(self, seed: int) -> None:
        wins = random_wins(seed)
        for options in METHODS:
            assert values(wins.T, **options) == pytest.approx(-values(wins, **options), abs=1e-7)

    @given(seed=seeds)
    @settings(max_examples=20)
    def test_values_sum_to_zero_and_covariance_knows_it(self, seed: int) -> None:
        wins = random_wins(seed)
        for options in METHODS:
            scale = fit_scale(Counts.from_matrix(wins), **options)
            assert scale.values.sum() == pytest.approx(0, abs=1e-9)
            if options["method"] != "least_squares":
                assert scale.covariance.sum(axis=2) == pytest.approx(0, abs=1e-9)
                assert scale.converged.all()

    @given(seed=seeds)
    @settings(max_examples=20)
    def test_without_a_prior_map_meets_maximum_likelihood(self, seed: int) -> None:
        wins = random_wins(seed)
        assert values(wins, method="map", prior_sd=1e5) == pytest.approx(values(wins, method="ml"), abs=1e-6)

    @given(seed=seeds)
    @settings(max_examples=20)
    def test_a_tighter_prior_pulls_closer(self, seed: int) -> None:
        wins = random_wins(seed)
        spreads = [values(wins, method="map", prior_sd=sd).std() for sd in (0.2, 1, 5)]
        assert spreads[0] < spreads[1] < spreads[2]

    @given(seed=seeds, times=st.integers(2, 5))
    @settings(max_examples=20)
    def test_merging_identical_observers_changes_only_the_certainty(self, seed: int, times: int) -> None:
        wins = random_wins(seed)
        one, many = (fit_scale(Counts.from_matrix(w), method="ml") for w in (wins, times * wins))
        assert many.values == pytest.approx(one.values, abs=1e-7)
        assert many.covariance * times == pytest.approx(one.covariance, rel=1e-5)

    @given(seed=seeds)
    @settings(max_examples=20)
    def test_groups_do_not_touch_each_other(self, seed: int) -> None:
        stack = np.stack([random_wins(seed), random_wins(seed + 1, spread=2), random_wins(seed + 2, n=40)])
        for options in METHODS:
            together = fit_scale(Counts.from_matrix(stack), **options).values
            apart = [values(wins, **options) for wins in stack]
            assert together == pytest.approx(np.array(apart), abs=1e-7)

    @given(seed=seeds, c=st.floats(0.1, 10))
    @settings(max_examples=20)
    def test_the_unit_of_the_prior_is_the_scales(self, seed: int, c: float) -> None:
        """Values far below the unit hardly bend the links, so that logits are 4 φ(0) times as many as probits."""
        wins = 1e4 * (np.ones((4, 4)) - np.eye(4))
        wins += c * np.random.default_rng(seed).normal(0, 10, (4, 4)) * (1 - np.eye(4))
        factor = 4 * norm.pdf(0)
        probit = values(wins, prior_sd=0.01)
        logit = values(wins, prior_sd=0.01 * factor, model="bradley_terry")
        assert logit == pytest.approx(factor * probit, rel=1e-3, abs=1e-9)

    @given(seed=seeds)
    @settings(max_examples=20)
    def test_jod_are_values_in_another_unit(self, seed: int) -> None:
        scale = fit_scale(Counts.from_matrix(random_wins(seed)))
        jod = scale.in_jod()[0]
        from_jod = norm.cdf((jod[:, None] - jod) * norm.ppf(0.75))
        assert scale.predict()[0] == pytest.approx(from_jod)

    def test_incomplete_least_squares_uses_what_there_is(self) -> None:
        wins = np.array([[0, 3, 0], [1, 0, 2], [0, 2, 0]])
        found = values(wins, method="least_squares", correction="clip")
        assert found[0] - found[1] == pytest.approx(norm.ppf(0.75))
        assert found[1] - found[2] == pytest.approx(0)

    def test_a_tie_is_half_a_choice_each_way(self) -> None:
        tied = Counts.from_matrix([[0, 2], [1, 0]], ties=[[0, 2], [2, 0]])
        assert fit_scale(tied, method="ml").values == pytest.approx(
            fit_scale(Counts.from_matrix([[0, 3], [2, 0]]), method="ml").values
        )


class TestDegenerateData:
    @pytest.mark.parametrize(
        ("wins", "reason"),
        [
            ([[0, 3, 3], [0, 0, 2], [0, 1, 0]], "1 never lost to the others"),
            ([[0, 1, 0, 0], [2, 0, 0, 0], [0, 0, 0, 1], [0, 0, 2, 0]], "no comparison joins 1, 2 | 3, 4"),
            ([[0, 5], [0, 0]], "1 never lost to the others"),
        ],
    )
    def test_no_finite_maximum_is_said_and_the_prior_helps(self, wins: Any, reason: str) -> None:
        counts = Counts.from_matrix(wins)
        likelihood = fit_scale(counts, method="ml")
        assert np.isnan(likelihood.values).all()
        assert not likelihood.converged.any()
        assert likelihood.separation == (reason,)
        posterior = fit_scale(counts, method="map")
        assert np.isfinite(posterior.values).all()
        assert posterior.separation == (reason,)

    def test_one_separated_group_does_not_spoil_the_others(self) -> None:
        stack = np.stack([[[0, 5], [0, 0]], [[0, 3], [2, 0]]])
        scale = fit_scale(Counts.from_matrix(stack), method="ml")
        assert np.isnan(scale.values[0]).all()
        assert scale.values[1, 0] - scale.values[1, 1] == pytest.approx(norm.ppf(0.6))

    def test_least_squares_needs_connected_items(self) -> None:
        wins = [[0, 1, 0, 0], [2, 0, 0, 0], [0, 0, 0, 1], [0, 0, 2, 0]]
        assert np.isnan(values(np.array(wins), method="least_squares")).all()

    def test_two_items(self) -> None:
        found = values(np.array([[0, 3], [1, 0]]), method="ml")
        assert found[0] - found[1] == pytest.approx(norm.ppf(0.75))

    def test_two_hundred_items(self) -> None:
        truth = np.linspace(-1.5, 1.5, 200)
        wins = 10 * norm.cdf(truth[:, None] - truth[None])
        np.fill_diagonal(wins, 0)
        scale = fit_scale(Counts.from_matrix(wins), method="ml")
        assert scale.values[0] == pytest.approx(truth, abs=1e-6)

    def test_all_ties_are_no_difference(self) -> None:
        counts = Counts.from_matrix(np.zeros((3, 3)), ties=4 * (1 - np.eye(3)))
        for options in METHODS:
            assert fit_scale(counts, **options).values == pytest.approx(0)

    def test_extreme_counts_do_not_overflow(self) -> None:
        wins = np.array([[0, 1e6, 1e6], [1, 0, 1e6], [1, 1, 0]])
        for model in ("thurstone", "bradley_terry"):
            scale = fit_scale(Counts.from_matrix(wins), method="ml", model=model)  # type: ignore[arg-type]
            assert scale.converged.all()
            assert np.isfinite(scale.values).all()
            assert np.isfinite(scale.covariance).all()

    @pytest.mark.parametrize("size", [1e-300, 1e-9, 1e9])
    def test_the_size_of_the_counts_changes_only_the_certainty(self, taste: np.ndarray, size: float) -> None:
        for model in ("thurstone", "bradley_terry"):
            one, other = (values(c * taste, method="ml", model=model) for c in (1, size))
            assert other == pytest.approx(one, abs=1e-9)

    def test_least_squares_of_nearly_1_is_that_of_nearly_0_turned_round(self) -> None:
        wins = np.array([[0, 1e15, 5], [1, 0, 1e15], [1, 1, 0]])
        for model in ("thurstone", "bradley_terry"):
            found = values(wins, method="least_squares", model=model)
            assert found.sum() == pytest.approx(0, abs=1e-12)
            assert values(wins.T, method="least_squares", model=model) == pytest.approx(-found, abs=1e-12)

    def test_a_group_without_choices_is_named(self) -> None:
        with pytest.raises(ScalingError, match=r"no choice to scale in the group \{'group': 1\}"):
            fit_scale(Counts.from_matrix(np.stack([[[0, 1], [1, 0]], np.zeros((2, 2))])))

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"model": "thurston"}, "unknown model 'thurston'; choose from thurstone, bradley_terry"),
            ({"method": "mle"}, "unknown method 'mle'; choose from map, ml, firth, least_squares"),
            ({"prior_sd": 0}, "prior_sd must be between 1e-6 and 1e6, not 0"),
            ({"prior_sd": None}, "method 'map' needs prior_sd"),
            (
                {"method": "least_squares", "correction": "none"},
                "unknown correction 'none'; choose from clip, add_half",
            ),
        ],
    )
    def test_unknown_options_are_named(self, taste: np.ndarray, options: Any, message: str) -> None:
        with pytest.raises(ScalingError, match=message):
            fit_scale(Counts.from_matrix(taste), **options)


def test_the_table_has_a_row_for_each_group_and_item() -> None:
    import pandas as pd

    trials = pd.DataFrame(
        [("P1", "a", "b", "left"), ("P1", "b", "a", "left"), ("P2", "a", "b", "right")],
        columns=["observer", "left", "right", "choice"],
    )
    scale = fit_scale(count_choices(trials, by=["observer"]))
    frame = scale.to_frame()
    assert frame[["observer", "item"]].to_numpy().tolist() == [["P1", "a"], ["P1", "b"], ["P2", "a"], ["P2", "b"]]
    assert frame["high"].to_numpy() - frame["value"].to_numpy() == pytest.approx(
        norm.ppf(0.975) * frame["se"].to_numpy()
    )
    assert scale.options == {
        "model": "thurstone",
        "method": "map",
        "ties": "half a win each",
        "constraint": "mean 0",
        "prior_sd": 2.0,
    }


def test_jod_is_no_unit_of_bradley_terry(taste: np.ndarray) -> None:
    with pytest.raises(ScalingError, match="JOD is a unit of Thurstone's model"):
        fit_scale(Counts.from_matrix(taste), model="bradley_terry").in_jod()


@pytest.mark.parametrize("model", ["thurstone", "bradley_terry"])
def test_normal_theory_intervals_cover_the_truth(model: str) -> None:
    """1,000 studies of 6 items and 25 choices a pair: the 95 % interval of a difference covers it in about 95 %."""
    rng = np.random.default_rng(5)
    truth = np.array([-0.8, -0.4, -0.1, 0.2, 0.4, 0.7])
    probability = fit_scale(Counts.from_matrix(np.ones((6, 6)) - np.eye(6)), model=model)  # type: ignore[arg-type]
    from visavis.scaling.scales.links import LINKS

    p = LINKS[probability.model].probability(truth[:, None] - truth[None])
    upper = np.triu(rng.binomial(25, p, size=(1000, 6, 6)), 1)
    wins = upper + np.tril(25 - upper.swapaxes(1, 2), -1)
    scale = fit_scale(Counts.from_matrix(wins.astype(float)), model=model, method="map", prior_sd=10)  # type: ignore[arg-type]
    difference = scale.values[:, 5] - scale.values[:, 0]
    covariance = scale.covariance
    se = np.sqrt(covariance[:, 5, 5] + covariance[:, 0, 0] - 2 * covariance[:, 5, 0])
    covered = np.abs(difference - 1.5) < norm.ppf(0.975) * se
    assert 0.93 < covered.mean() < 0.97


def test_the_summary_says_what_was_done_and_how_it_went() -> None:
    stack = np.stack([[[0, 5], [0, 0]], [[0, 3], [2, 0]]])
    text = fit_scale(Counts.from_matrix(stack), method="ml").summary()
    assert "thurstone, ml: 2 items in 2 group(s), unit: SD of a difference" in text
    assert "converged: 1 of 2" in text
    assert "1 never lost to the others" in text


def test_the_plot_shows_every_item_with_its_interval(taste: np.ndarray) -> None:
    axes = fit_scale(Counts.from_matrix(taste, ["$a", "b", "c", "d"])).plot()
    assert [label.get_text() for label in axes.get_yticklabels()] == ["$a", "c", "b", "d"]
    (line,) = axes.lines[:1]
    assert np.all(np.diff(line.get_xdata()) > 0)
    axes.figure.canvas.draw()  # type: ignore[union-attr]
