"""Every published or independently computed figure that the analyses can be checked against."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from visavis.scaling import (
    Counts,
    ScalingError,
    choice_ceilings,
    choices_for_power,
    circular_triads,
    count_choices,
    counts_of_orders,
    deviance,
    error_consistency,
    fit_order_effect,
    fit_scale,
    fit_ties,
    kendall_u,
    kendall_w,
    largest_error_consistency,
    montag_standard_error,
    mosteller,
    stress,
    transitivity,
    triads_from_scores,
    two_afc,
)

# Beaver & Gokhale (1975): heaviness, row chosen over column in two orders of presentation.
HEAVINESS = np.array(
    [
        [[0, 14, 6, 2, 1], [36, 0, 14, 7, 2], [44, 36, 0, 12, 5], [48, 43, 38, 0, 10], [49, 48, 45, 40, 0]],
        [[0, 18, 14, 3, 3], [32, 0, 16, 7, 4], [36, 34, 0, 16, 10], [47, 43, 34, 0, 22], [47, 46, 40, 28, 0]],
    ]
)

# Kendall & Babington Smith (1940): school subjects, 21 boys.
BOYS = np.array(
    [
        [0, 14, 20, 15, 15, 16, 16, 18, 18, 18, 20, 21, 20],
        [7, 0, 14, 12, 13, 18, 14, 16, 16, 20, 16, 18, 19],
        [1, 7, 0, 10, 14, 10, 16, 18, 16, 16, 17, 16, 19],
        [6, 9, 11, 0, 11, 12, 15, 14, 13, 13, 17, 17, 16],
        [6, 8, 7, 10, 0, 14, 11, 12, 14, 15, 13, 14, 16],
        [5, 3, 11, 9, 7, 0, 14, 14, 13, 13, 16, 15, 17],
        [5, 7, 5, 6, 10, 7, 0, 9, 11, 13, 15, 13, 15],
        [3, 5, 3, 7, 9, 7, 12, 0, 12, 14, 14, 16, 14],
        [3, 5, 5, 8, 7, 8, 10, 9, 0, 10, 13, 13, 15],
        [3, 1, 5, 8, 6, 8, 8, 7, 11, 0, 10, 10, 14],
        [1, 5, 4, 4, 8, 5, 6, 7, 8, 11, 0, 10, 13],
        [0, 3, 5, 4, 7, 6, 8, 5, 8, 11, 11, 0, 13],
        [1, 2, 2, 5, 5, 4, 6, 7, 6, 7, 8, 8, 0],
    ]
)


# Eilertsen et al. (2013), doi 10.1111/cgf.12235: tone mapping operators in five scenes, row chosen over column, nobody
# asked for the same choice twice; as distributed with pwcmp.
OPERATORS = ("ferwerda96", "hateren06", "irawan05", "mantiuk08", "pattanaik00", "ronan12", "tmo_camera")
TONE_MAPPING = np.array(
    [
        [  # corridor
            [0, 13, 7, 3, 10, 7, 1],
            [1, 0, 2, 1, 3, 3, 0],
            [8, 7, 0, 3, 11, 10, 7],
            [10, 6, 5, 0, 8, 7, 5],
            [2, 11, 1, 1, 0, 6, 0],
            [7, 10, 4, 3, 10, 0, 1],
            [15, 8, 9, 9, 10, 11, 0],
        ],
        [  # exhibition
            [0, 10, 0, 3, 10, 6, 1],
            [1, 0, 0, 1, 1, 0, 1],
            [10, 6, 0, 13, 9, 11, 10],
            [9, 10, 0, 0, 11, 9, 10],
            [5, 13, 0, 1, 0, 5, 5],
            [7, 13, 1, 5, 7, 0, 4],
            [9, 11, 0, 4, 8, 6, 0],
        ],
        [  # rivoli
            [0, 9, 6, 8, 9, 6, 8],
            [1, 0, 0, 2, 4, 2, 3],
            [7, 9, 0, 10, 9, 9, 6],
            [5, 12, 2, 0, 12, 6, 7],
            [3, 11, 1, 1, 0, 2, 3],
            [5, 8, 2, 6, 10, 0, 4],
            [4, 10, 2, 7, 10, 5, 0],
        ],
        [  # students
            [0, 7, 1, 1, 10, 4, 6],
            [2, 0, 0, 0, 5, 0, 4],
            [5, 3, 0, 10, 4, 12, 7],
            [8, 9, 4, 0, 9, 10, 12],
            [3, 8, 0, 0, 0, 2, 3],
            [10, 12, 3, 6, 11, 0, 9],
            [9, 8, 1, 1, 10, 6, 0],
        ],
        [  # window
            [0, 6, 2, 2, 4, 3, 3],
            [6, 0, 1, 1, 2, 3, 3],
            [7, 10, 0, 7, 7, 6, 5],
            [12, 6, 1, 0, 7, 6, 6],
            [6, 11, 8, 3, 0, 9, 6],
            [5, 12, 5, 0, 3, 0, 3],
            [9, 7, 5, 7, 9, 6, 0],
        ],
    ]
)


def test_tone_mapping_operators_pooled() -> None:
    found = fit_scale(Counts.from_matrix(TONE_MAPPING, OPERATORS).pool([]), method="ml")
    published = [-0.0732, -0.9378, 0.7048, 0.4097, -0.3793, 0.0264, 0.2495]
    assert found.values[0] == pytest.approx(published, abs=5e-5)
    assert TONE_MAPPING.sum() == 1213


def test_ceilings_of_choices_between_tone_mapping_operators() -> None:
    """Each choice is given to a person of its own: nobody chose twice, so who it was makes no difference."""
    rows = [
        (str(person), scene, OPERATORS[i], OPERATORS[j], "left" if person < wins[i, j] else "right")
        for scene, wins in enumerate(TONE_MAPPING)
        for i, j in zip(*np.triu_indices(7, 1), strict=True)
        for person in range(wins[i, j] + wins[j, i])
    ]
    trials = pd.DataFrame(rows, columns=["observer", "scene", "left", "right", "choice"])
    found = choice_ceilings(count_choices(trials, ["observer", "scene"]))
    assert found.majority == pytest.approx(0.7601, abs=5e-5)
    assert found.leave_one_out == pytest.approx(0.7123, abs=5e-5)
    assert found.observer_observer == pytest.approx(0.6403, abs=5e-5)
    assert found.choices == 1213


def of_first_and_second(tables: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Turn wins in two orders into wins of the first shown and of the second shown."""
    one, two = tables
    first = np.triu(one) + np.tril(two)
    second = (np.tril(one) + np.triu(two)).T
    return first, second


def by_order(tables: np.ndarray) -> Counts:
    return counts_of_orders(*of_first_and_second(tables))


def test_order_effect_of_davidson_and_beaver() -> None:
    found = fit_order_effect(by_order(HEAVINESS), model="bradley_terry", method="ml")
    assert found.gamma == pytest.approx(1.337341, abs=5e-6)
    assert (found.deviance, found.df) == (pytest.approx(6.566911, abs=1e-6), 15)
    assert found.likelihood_ratio == pytest.approx(11.5502, abs=1e-4)
    assert found.p_value == pytest.approx(0.000677, abs=1e-6)


def test_swapping_the_orders_turns_the_bias_round() -> None:
    one, other = (
        fit_order_effect(by_order(HEAVINESS), method="ml"),
        fit_order_effect(by_order(HEAVINESS[::-1]), method="ml"),
    )
    assert other.bias == pytest.approx(-one.bias)
    assert other.values == pytest.approx(one.values)


@pytest.mark.parametrize("model", ["bradley_terry", "thurstone"])
def test_order_effect_is_a_glm_with_a_constant(model: str) -> None:
    import statsmodels.api as sm

    first, second = of_first_and_second(HEAVINESS)
    rows = [(i, j) for i in range(5) for j in range(5) if i != j]
    design = np.zeros((20, 5))
    for row, (i, j) in enumerate(rows):
        design[row, 0] = 1
        if i:
            design[row, i] += 1
        if j:
            design[row, j] -= 1
    outcomes = np.array([(first[i, j], second[i, j]) for i, j in rows])
    link = sm.families.links.Probit() if model == "thurstone" else None
    glm = sm.GLM(outcomes, design, family=sm.families.Binomial(link)).fit(tol=1e-14, maxiter=200)
    found = fit_order_effect(counts_of_orders(first, second), model=model, method="ml")  # type: ignore[arg-type]
    covariance = np.linalg.inv(-glm.model.hessian(glm.params, observed=True))
    assert found.bias == pytest.approx(glm.params[0], abs=1e-7)
    assert found.bias_se == pytest.approx(np.sqrt(covariance[0, 0]), rel=1e-5)
    assert found.values - found.values[0] == pytest.approx([0, *glm.params[1:]], abs=1e-7)


@pytest.mark.parametrize(
    ("model", "difference", "parameter"),
    [
        ("davidson", np.log(1.666667), 0.516398),
        ("rao_kupper", 0.423649, 1.527525),
        ("glenn_david", 0.2622, 0.2622),
    ],
)
def test_ties_of_two_items(model: str, difference: float, parameter: float) -> None:
    counts = Counts.from_matrix([[0, 50], [30, 0]], ties=[[0, 20], [20, 0]])
    found = fit_ties(counts, model, method="ml")  # type: ignore[arg-type]
    assert found.values[0] - found.values[1] == pytest.approx(difference, abs=1e-4)
    assert found.tie_parameter == pytest.approx(parameter, abs=1e-5)
    assert (found.deviance, found.df) == (pytest.approx(0, abs=1e-9), 0)
    win, tie = found.predict()
    assert (win[0, 1], win[1, 0], tie[0, 1]) == pytest.approx((0.5, 0.3, 0.2))


def test_davidsons_ties_of_three_items() -> None:
    wins, ties = np.array([[0, 30, 25], [15, 0, 18], [20, 27, 0]]), 5 * (1 - np.eye(3))
    found = fit_ties(Counts.from_matrix(wins, ties=ties), method="ml")
    assert found.values - found.values[2] == pytest.approx([0.2433865, -0.4260285, 0], abs=1e-6)
    assert np.log(found.tie_parameter) == pytest.approx(-1.4759338, abs=1e-6)
    assert (found.deviance, found.df) == (pytest.approx(0.0200715, abs=1e-6), 3)


TIED_WINS = np.array([[0, 9, 12, 14], [4, 0, 8, 11], [3, 5, 0, 6], [2, 3, 9, 0]])
TIES = np.array([[0, 4, 3, 1], [4, 0, 6, 5], [3, 6, 0, 2], [1, 5, 2, 0]])


@pytest.mark.parametrize(("model", "distribution"), [("rao_kupper", "logit"), ("glenn_david", "probit")])
def test_thresholds_are_those_of_an_ordinal_regression(model: str, distribution: str) -> None:
    """Entered in both directions the data are symmetric, and so are the thresholds of statsmodels' ordered model."""
    from statsmodels.miscmodels.ordinal_model import OrderedModel

    rows = []
    for i in range(4):
        for j in range(4):
            for answer, times in ((2, TIED_WINS[i, j]), (1, TIES[i, j]), (0, TIED_WINS[j, i])):
                rows += [(answer, *(np.eye(4)[i] - np.eye(4)[j])[1:])] * int(times)
    data = np.array(rows)
    theirs = OrderedModel(data[:, 0], data[:, 1:], distr=distribution).fit(method="newton", disp=False, tol=1e-10)
    thresholds = theirs.model.transform_threshold_params(theirs.params[-2:])[1:3]
    found = fit_ties(Counts.from_matrix(TIED_WINS, ties=TIES), model, method="ml")  # type: ignore[arg-type]
    t = found.tie_parameter if model == "glenn_david" else np.log(found.tie_parameter)
    assert found.values - found.values[0] == pytest.approx([0, *theirs.params[:3]], abs=1e-5)
    assert [-t, t] == pytest.approx(thresholds, abs=1e-5)
    assert 2 * found.log_likelihood == pytest.approx(theirs.llf, abs=1e-6)
    # Every comparison is there twice, so that they are twice too certain.
    contrast = np.column_stack([-np.ones(3), np.eye(3)])
    assert contrast @ found.covariance[:4, :4] @ contrast.T == pytest.approx(2 * theirs.cov_params()[:3, :3], rel=1e-3)


def test_davidsons_model_is_a_log_linear_one() -> None:
    """Counts of wins and ties as Poisson with a constant for each pair (Fienberg & Larntz 1976), by statsmodels."""
    import statsmodels.api as sm

    pairs = list(zip(*np.triu_indices(4, 1), strict=True))
    rows, counts = [], []
    for pair, (i, j) in enumerate(pairs):
        difference = (np.eye(4)[i] - np.eye(4)[j])[1:] / 2
        for sign, tie, count in ((1, 0, TIED_WINS[i, j]), (-1, 0, TIED_WINS[j, i]), (0, 1, TIES[i, j])):
            rows.append([*(sign * difference), tie, *np.eye(len(pairs))[pair]])
            counts.append(count)
    glm = sm.GLM(counts, np.array(rows), family=sm.families.Poisson()).fit(tol=1e-14)
    found = fit_ties(Counts.from_matrix(TIED_WINS, ties=TIES), method="ml")
    assert found.values - found.values[0] == pytest.approx([0, *glm.params[:3]], abs=1e-6)
    assert np.log(found.tie_parameter) == pytest.approx(glm.params[3], abs=1e-6)
    assert np.sqrt(found.covariance[4, 4]) == pytest.approx(glm.bse[3], rel=1e-5)
    assert found.deviance == pytest.approx(glm.deviance, abs=1e-6)


@pytest.mark.parametrize("model", ["davidson", "rao_kupper", "glenn_david"])
def test_a_weak_prior_meets_the_likelihood_and_a_strong_one_is_finite_for_any_data(model: str) -> None:
    counts = Counts.from_matrix(TIED_WINS, ties=TIES)
    likelihood = fit_ties(counts, model, method="ml")  # type: ignore[arg-type]
    weak = fit_ties(counts, model, prior_sd=1e5)  # type: ignore[arg-type]
    assert weak.values == pytest.approx(likelihood.values, abs=1e-7)
    assert weak.tie_parameter == pytest.approx(likelihood.tie_parameter)
    separated = Counts.from_matrix([[0, 5, 5], [0, 0, 3], [0, 2, 0]], ties=TIED)
    found = fit_ties(separated, model, prior_sd=1.5)  # type: ignore[arg-type]
    assert found.values[0] > found.values[1] > found.values[2]
    assert found.options["prior_sd"] == 1.5


def test_an_observer_who_always_answers_left_has_a_finite_bias_with_a_prior() -> None:
    always = 3 * (1 - np.eye(3))
    with pytest.raises(ScalingError, match="one side always won"):
        fit_order_effect(counts_of_orders(always, np.zeros((3, 3))), method="ml")
    found = fit_order_effect(counts_of_orders(always, np.zeros((3, 3))), prior_sd=2)
    assert found.values == pytest.approx(0, abs=1e-9)
    assert 1 < found.bias < 6
    likelihood = fit_order_effect(by_order(HEAVINESS), method="ml")
    weak = fit_order_effect(by_order(HEAVINESS), prior_sd=1e5)
    assert weak.bias == pytest.approx(likelihood.bias, abs=1e-7)
    assert weak.values == pytest.approx(likelihood.values, abs=1e-7)


def test_goodness_of_fit_of_the_taste_table(taste: np.ndarray) -> None:
    counts = Counts.from_matrix(taste)
    probit = deviance(fit_scale(counts, method="ml"))
    assert (probit.statistic[0], probit.df[0]) == (pytest.approx(4.532665, abs=1e-6), 3)
    assert probit.p_value[0] == pytest.approx(0.209395, abs=1e-6)
    logit = deviance(fit_scale(counts, method="ml", model="bradley_terry"))
    assert logit.statistic[0] == pytest.approx(4.239895, abs=1e-6)
    classic = mosteller(fit_scale(counts, method="least_squares", correction="clip"))
    assert classic.statistic[0] == pytest.approx(4.72918, abs=1e-5)
    assert classic.p_value[0] == pytest.approx(0.192736, abs=1e-6)
    assert mosteller(fit_scale(counts, method="ml")).statistic[0] == pytest.approx(4.675778, abs=1e-6)


def test_circular_triads_of_the_dog() -> None:
    found = triads_from_scores(np.array([4, 2, 4, 1, 2, 2]))
    assert (found.triads, found.most, found.expected, found.zeta) == (5, 8, 5, 0.375)
    assert found.p_value == pytest.approx(0.509277, abs=1e-6)
    assert found.exact


@pytest.mark.parametrize("k", [3, 4, 5])
def test_exact_triad_probabilities_are_those_of_all_tournaments(k: int) -> None:
    from itertools import product

    pairs = [(i, j) for i in range(k) for j in range(i)]
    triads = []
    for outcome in product([0, 1], repeat=len(pairs)):
        wins = np.zeros((k, k))
        for (i, j), first in zip(pairs, outcome, strict=True):
            wins[(i, j) if first else (j, i)] = 1
        triads.append(
            sum(wins[a, b] * wins[b, c] * wins[c, a] for a in range(k) for b in range(k) for c in range(k)) / 3
        )
        found = circular_triads(wins)
        assert found.triads == triads[-1]
    assert found.p_value == pytest.approx(np.mean(np.array(triads) <= triads[-1]))


def test_the_approximation_for_many_items_is_close_to_the_exact() -> None:
    from visavis.scaling.variability import consistency

    rng = np.random.default_rng(1)
    upper = np.triu(rng.integers(0, 2, (9, 9)), 1)
    wins = upper + np.tril(1 - upper.T, -1)
    exact = circular_triads(wins)
    consistency._EXACT_UP_TO, before = 8, consistency._EXACT_UP_TO
    try:
        approximate = circular_triads(wins)
    finally:
        consistency._EXACT_UP_TO = before
    assert not approximate.exact
    assert approximate.p_value == pytest.approx(exact.p_value, abs=0.03)


def test_agreement_of_the_boys() -> None:
    found = kendall_u(BOYS, 21)
    assert found.coefficient == pytest.approx(0.186569, abs=1e-6)
    assert found.statistic == pytest.approx(412.2216, abs=1e-4)
    assert found.df == pytest.approx(90.7479, abs=1e-4)


def test_concordance_by_hand_and_by_friedman() -> None:
    from scipy.stats import friedmanchisquare

    assert kendall_w(np.array([[1, 2, 3, 4]] * 3)).coefficient == pytest.approx(1)
    rankings = np.array([[1, 3, 2, 4, 5], [2, 1, 3, 5, 4], [1, 2, 2, 4, 5], [3, 1, 2, 5, 4]])
    found = kendall_w(rankings)
    friedman = friedmanchisquare(*rankings.T)
    assert found.statistic == pytest.approx(friedman.statistic)
    assert found.p_value == pytest.approx(friedman.pvalue)


def test_detection_and_agreement_indices() -> None:
    found = two_afc(0.85, 0.30)
    assert (found.d_prime, found.criterion) == pytest.approx((1.103676, -0.256016), abs=1e-6)
    assert error_consistency(0.7, 0.8, 0.7) == pytest.approx(0.210526, abs=1e-6)
    assert largest_error_consistency(0.8, 0.6) == pytest.approx(0.545455, abs=1e-6)
    assert stress([1, 2, 3], [2, 4, 7]) == pytest.approx(7.19443, abs=1e-5)  # type: ignore[arg-type]


@pytest.mark.parametrize(("share", "choices"), [(0.6, 194), (0.65, 85), (0.7, 47), (0.75, 29), (0.8, 20)])
def test_choices_for_power(share: float, choices: int) -> None:
    assert choices_for_power(share) == choices


@pytest.mark.parametrize(("items", "observers"), [(10, 30), (20, 50)])
def test_montags_formula_is_a_little_below_simulated_errors(items: int, observers: int) -> None:
    rng = np.random.default_rng(0)
    truth = np.linspace(-1, 1, items) / np.sqrt(2)
    from scipy.special import ndtr

    upper = np.triu(rng.binomial(observers, ndtr(truth[:, None] - truth), (1500, items, items)), 1)
    wins = upper + np.tril(observers - upper.swapaxes(1, 2), -1)
    scale = fit_scale(Counts.from_matrix(wins.astype(float)), method="least_squares", correction="clip")
    simulated = scale.values.std(axis=0).mean()
    assert 0.85 < montag_standard_error(items, observers) / simulated < 0.95


TIED = np.array([[0, 0, 0], [0, 0, 1], [0, 1, 0]])
CUT_OFF = np.array([[0, 1, 0], [1, 0, 0], [0, 0, 0]])


class TestTransitivity:
    def test_a_consistent_scale_violates_nothing(self) -> None:
        from scipy.special import ndtr

        s = np.array([0.0, 0.4, 1.1, 1.5])
        wins = 1000 * ndtr(s[:, None] - s)
        np.fill_diagonal(wins, 0)
        found = transitivity(wins)
        assert (found.weak, found.moderate, found.strong) == (0, 0, 0)
        assert found.triples == 4

    def test_a_circle_violates_everything(self) -> None:
        found = transitivity(np.array([[0, 3, 1], [1, 0, 3], [3, 1, 0]]))
        assert (found.triples, found.weak, found.moderate, found.strong) == (3, 3, 3, 3)

    def test_degrees_of_violation(self) -> None:
        # P(a,b) = .8, P(b,c) = .6: P(a,c) of .5, .7 and .8 violates moderate and strong, strong, nothing.
        for ac, expected in ((5, (0, 1, 1)), (7, (0, 0, 1)), (8, (0, 0, 0))):
            found = transitivity(np.array([[0, 8, ac], [2, 0, 6], [10 - ac, 4, 0]]))
            assert (found.weak, found.moderate, found.strong)[:3] >= expected

    def test_equal_fractions_of_different_counts_are_equal(self) -> None:
        # 1/3 of 3 and 2/6 of 6: as decimals one minus the other is not exactly zero.
        found = transitivity(np.array([[0, 2, 4], [1, 0, 2], [2, 1, 0]]))
        assert found.strong == 0

    def test_pairs_never_compared_are_left_out(self) -> None:
        assert transitivity(np.array([[0, 3, 0], [1, 0, 3], [0, 1, 0]])).triples == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: circular_triads(np.array([[0, 1], [0, 0]])), "3 are needed"),
        (lambda: circular_triads(np.zeros((4, 4))), "every pair chosen exactly once"),
        (lambda: triads_from_scores(np.array([2, 2, 2])), "3 items compared once each give 3 choices, not 6"),
        (lambda: triads_from_scores([3, 3, 0, 0]), "give the scores"),
        (lambda: triads_from_scores([1, 0]), "2 items have no triads"),
        (lambda: transitivity(np.full((3, 3), np.nan)), "negative, infinite or missing"),
        (lambda: error_consistency(1.7, 0.8, 0.7), "observed must be shares from 0 to 1"),
        (lambda: kendall_w([[1, 2, np.nan], [1, 2, 3]]), "a score is missing"),
        (lambda: choices_for_power(0.75, alpha=2), "alpha must be between 0 and 1"),
        (lambda: fit_ties(Counts.from_matrix(3 * CUT_OFF, ties=CUT_OFF), "rao_kupper", method="ml"),
         "no comparison joins 1, 2"),
        (lambda: fit_ties(Counts.from_matrix([[0, 3], [0, 0]], ties=[[0, 1], [1, 0]]), method="ml"),
         "ties aside, 1 never lost"),
        (lambda: fit_ties(Counts.from_matrix([[0, 3], [1, 0]], ties=[[0, 1], [1, 0]]), group=1), "there is no group 1"),
        (lambda: counts_of_orders(-np.eye(2)[::-1], np.ones((2, 2))), "negative, infinite or missing"),
        (lambda: fit_order_effect(counts_of_orders([[0, 3, 0], [2, 0, 0], [0, 0, 0]], np.zeros((3, 3))), method="ml"),
         "no comparison joins 1, 2"),
        (lambda: kendall_u(BOYS, 2), "at least three observers"),
        (lambda: kendall_u(BOYS, 20), "by each of the 20 observers"),
        (lambda: kendall_w(np.ones((3, 4))), "W is not defined"),
        (lambda: two_afc(1.0, 0.3), "hits is 1.0, and z of 0 or 1 is infinite"),
        (lambda: stress([1, 0], [0, 1]), "STRESS needs"),  # type: ignore[arg-type]
        (lambda: choices_for_power(0.5), "share must be between 1/2 and 1"),
        (lambda: montag_standard_error(1, 30), "at least two items and three observers"),
        (lambda: fit_ties(Counts.from_matrix([[0, 1], [1, 0]])), "needs some ties and some choices"),
        (lambda: fit_ties(Counts.from_matrix([[0, 1], [1, 0]]), "none"),
         "unknown model 'none' of ties"),  # type: ignore[arg-type]
        (lambda: fit_ties(Counts.from_matrix([[0, 5, 5], [0, 0, 3], [0, 2, 0]], ties=TIED), method="ml"),
         "no finite maximum"),
        (lambda: fit_order_effect(counts_of_orders([[0, 5], [5, 0]], np.zeros((2, 2))), method="ml"),
         "no finite maximum"),
        (lambda: mosteller(fit_scale(Counts.from_matrix(BOYS), model="bradley_terry")), "Thurstone's Case V"),
    ],
)  # fmt: skip
def test_what_cannot_be_computed_is_said(call: object, message: str) -> None:
    with pytest.raises(ScalingError, match=message):
        call()  # type: ignore[operator]
