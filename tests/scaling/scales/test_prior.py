"""The SD of the prior, estimated from the choices."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import minimize_scalar
from scipy.special import expit, ndtr
from scipy.stats import norm

from visavis.scaling import Counts, estimate_prior_sd, fit_scale


def drawn(k: int, sd: float, each: int, seed: int) -> Counts:
    """Return choices of all pairs of items whose values have an SD."""
    rng = np.random.default_rng(seed)
    truth = sd * rng.standard_normal(k)
    upper = np.triu(rng.binomial(each, ndtr(truth[:, None] - truth[None])), 1).astype(float)
    return Counts.from_matrix(upper + np.tril((each - upper).T * 1.0, -1))


@pytest.mark.parametrize(("model", "p", "expected"), [("thurstone", ndtr, 0.5), ("bradley_terry", expit, 0.85)])
def test_of_two_items_it_is_the_one_of_the_integral(model: str, p: np.ufunc, expected: float) -> None:
    """Six pairs of items, each compared twelve times: the marginal likelihood is an integral over one number."""
    won, of = [12, 9, 2, 11, 6, 1], 12

    def objective(log_sd: float) -> float:
        spread = np.sqrt(2) * np.exp(log_sd)
        total = -0.5 * (log_sd - np.log(expected)) ** 2
        for n in won:
            total += np.log(quad(lambda d, n=n: p(d) ** n * p(-d) ** (of - n) * norm.pdf(d, 0, spread), -30, 30)[0])
        return -total

    exact = np.exp(minimize_scalar(objective, bounds=(-3, 3), method="bounded").x)
    counts = Counts.from_matrix([[[0, n], [of - n, 0]] for n in won])
    assert estimate_prior_sd(counts, model) == pytest.approx(exact, rel=0.05)  # type: ignore[arg-type]


@pytest.mark.parametrize("sd", [0.3, 1.0, 2.0])
def test_it_recovers_the_spread_of_the_values(sd: float) -> None:
    found = [estimate_prior_sd(drawn(12, sd, 8, seed)) for seed in range(20)]
    assert np.exp(np.mean(np.log(found))) == pytest.approx(sd, rel=0.12)


def test_one_choice_makes_it_neither_nothing_nor_endless() -> None:
    assert 0.2 < estimate_prior_sd(Counts.from_matrix([[0, 1], [0, 0]])) < 2


def test_a_scale_can_be_fitted_with_it() -> None:
    counts = drawn(6, 1.0, 5, 0)
    found = fit_scale(counts, prior_sd="estimated")
    sd = estimate_prior_sd(counts)
    assert found.options["prior_sd"] == sd
    assert found.options["prior"] == "SD estimated from the choices"
    assert found.values == pytest.approx(fit_scale(counts, prior_sd=sd).values)


def test_few_choices_of_many_items_have_a_smaller_error() -> None:
    """Values that are close together, three comparisons an item: a prior that is far wider leaves the noise in."""
    error: dict[str, list[float]] = {"estimated": [], "2": []}
    for seed in range(10):
        rng = np.random.default_rng(seed)
        truth = 0.5 * rng.standard_normal(30)
        wins = np.zeros((30, 30))
        for path in (rng.permutation(30) for _ in range(3)):
            for i, j in itertools.pairwise(path):
                first = rng.random() < ndtr(truth[i] - truth[j])
                wins[(i, j) if first else (j, i)] += 1
        counts = Counts.from_matrix(wins)
        for prior, scale in (("estimated", fit_scale(counts, prior_sd="estimated")), ("2", fit_scale(counts))):
            error[prior].append(float(np.mean((scale.values[0] - truth + truth.mean()) ** 2)))
    assert np.mean(error["estimated"]) < 0.5 * np.mean(error["2"])
