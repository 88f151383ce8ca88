"""The effect of order or side on choices, estimated beside the scale.

Davidson & Beaver (1977): P(first chosen) = πi / (πi + γ πj), γ > 1 favouring the second. On the scale of the link this
is a constant added to every difference: P = F(si - sj + bias), bias = -log γ for the logistic F.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import chi2

from visavis.scaling.counts import Counts, Floats, read_answers
from visavis.scaling.errors import ScalingError

from .likelihood import centred_covariance, precision_of
from .links import Link, ModelName, link_of
from .result import MEAN_0, Settings, SingleScale
from .separation import describe_separation

_MOST_ITERATIONS = 200
_FARTHEST = 50.0
"""No data hold a value so far out: beyond it there is no maximum."""


@dataclass(frozen=True, repr=False)
class OrderEffect(SingleScale):
    """A scale with an order effect.

    Attributes
    ----------
    items, model, options, values, covariance, log_likelihood, converged
        As for `SingleScale`; the covariance's last row is the bias's.
    bias : float
        Added to the difference in favour of the first (left); in units of the scale.
    log_likelihood_without : float
        With bias 0, and the same prior on the values.
    deviance : float
        G² of the model with the bias against the saturated model; `df` its degrees of freedom.
    df : int
    """

    bias: float
    log_likelihood_without: float
    deviance: float
    df: int

    def further(self) -> dict[str, float]:
        """Return the bias, its standard error and its p value."""
        return {"bias": self.bias, "bias_se": self.bias_se, "p_value": self.p_value}

    def predict(self) -> Floats:
        """Return the probability that the row, shown first, is chosen over the column; shape (k, k)."""
        return link_of(self.model).probability(self.values[:, None] - self.values[None] + self.bias)

    @property
    def gamma(self) -> float:
        """Davidson & Beaver's γ; above 1 the second is favoured. For Bradley-Terry alone."""
        if self.model != "bradley_terry":
            raise ScalingError("γ is a parameter of the Bradley-Terry model: fit with model='bradley_terry'")
        return float(np.exp(-self.bias))

    @property
    def bias_se(self) -> float:
        """Standard error of the bias."""
        return float(np.sqrt(self.covariance[-1, -1]))

    @property
    def likelihood_ratio(self) -> float:
        """Likelihood-ratio statistic of the bias; χ² with 1 degree of freedom where there is none."""
        return 2 * (self.log_likelihood - self.log_likelihood_without)

    @property
    def p_value(self) -> float:
        """Of the likelihood ratio."""
        return float(chi2.sf(self.likelihood_ratio, 1))


def fit_order_effect(
    first_chosen: Any,
    second_chosen: Any,
    items: Sequence[str] | None = None,
    *,
    model: ModelName = "bradley_terry",
    prior_sd: float | None = None,
) -> OrderEffect:
    """Estimate scale values together with the effect of order.

    Parameters
    ----------
    first_chosen : array_like, shape (k, k)
        ``[i, j]``: i was shown first, j second, and i was chosen.
    second_chosen : array_like, shape (k, k)
        ``[i, j]``: i was shown first, j second, and j was chosen.
    items : sequence of str, optional
    model : {'bradley_terry', 'thurstone'}
    prior_sd : float, optional
        SD of a Gaussian prior on the scale values and the bias, which keeps both finite for any data, such as those of
        a model that always answers left. By default none: maximum likelihood.

    Raises
    ------
    ScalingError
        For what are no counts, or without a prior data that leave no finite maximum.
    """
    link, precision = link_of(model), precision_of(prior_sd)
    shown_first, shown_second = (Counts.from_matrix(counts, items) for counts in (first_chosen, second_chosen))
    if shown_first.wins.shape != shown_second.wins.shape:
        raise ScalingError(
            f"expected two matrices of one size, got {np.shape(first_chosen)} and {np.shape(second_chosen)}"
        )
    won, lost = shown_first.wins[0], shown_second.wins[0]
    together = Counts.from_matrix(won + lost.T, shown_first.items)
    if not together.wins.any():
        raise ScalingError("there is no choice to scale")
    k = len(together.items)
    i, j = np.nonzero(won + lost)
    won, lost = won[i, j], lost[i, j]
    design = np.zeros((len(i), k + 1))
    design[np.arange(len(i)), i], design[np.arange(len(i)), j], design[:, k] = 1, -1, 1
    found, without = (_fit(columns, k, won, lost, link, precision) for columns in (design, design[:, :k]))
    if found is None or without is None:
        raise ScalingError(_why_not(together))
    beta, information, log_likelihood = found
    covariance = centred_covariance(np.linalg.inv(information), k)
    n = won + lost
    with np.errstate(divide="ignore", invalid="ignore"):
        saturated = sum(np.nansum(c * np.log(c / n)) for c in (won, lost))
    deviance = 2 * (float(saturated) - log_likelihood)
    options: Settings = {"model": model, "method": "map" if precision else "ml", "constraint": MEAN_0}
    if prior_sd is not None:
        options["prior_sd"] = prior_sd
    return OrderEffect(
        items=together.items,
        model=model,
        options=options,
        values=beta[:k] - beta[:k].mean(),
        covariance=covariance,
        log_likelihood=log_likelihood,
        converged=True,
        bias=float(beta[k]),
        log_likelihood_without=without[2],
        deviance=deviance,
        df=len(i) - k,
    )


def count_by_order(
    trials: pd.DataFrame,
    *,
    items: Sequence[Hashable] | None = None,
    soft: bool = False,
    columns: Mapping[str, str] | None = None,
) -> tuple[Floats, Floats, tuple[str, ...]]:
    """Count the choices of a trials table by what was on the left.

    Parameters
    ----------
    trials, items, soft, columns
        As for `count_choices`.

    Returns
    -------
    first_chosen, second_chosen : float arrays, shape (k, k)
        As `fit_order_effect` wants them; left is first. Ties are left out.
    items : tuple of str
    """
    answers = read_answers(trials, items=items, soft=soft, columns=columns)
    counts = np.zeros((2, len(answers.items), len(answers.items)))
    for chosen, weight in zip(counts, (answers.to_left, answers.to_right), strict=True):
        np.add.at(chosen, (answers.left, answers.right), weight)
    return counts[0], counts[1], answers.items


def _why_not(together: Counts) -> str:
    reason = describe_separation(together, 0) or (
        "bias and values cannot be told apart: one side always won, or few pairs were shown in both orders"
    )
    return f"no finite maximum of the likelihood: {reason}; give prior_sd, or pool more choices"


def _fit(
    design: Floats, k: int, won: Floats, lost: Floats, link: Link, precision: float
) -> tuple[Floats, Floats, float] | None:
    """Fit a binomial regression whose first k columns sum to zero in every row, by Newton's method.

    Returns
    -------
    beta, information, log_likelihood
        Or None where there is no maximum.
    """
    size = design.shape[1]
    beta = np.zeros(size)

    def log_likelihood(beta: Floats) -> float:
        d = design @ beta
        return float((won * link.log_p(d) + lost * link.log_p(-d)).sum())

    def objective(beta: Floats) -> float:
        return log_likelihood(beta) - 0.5 * precision * float(beta @ beta)

    reached = objective(beta)
    for _ in range(_MOST_ITERATIONS):
        d = design @ beta
        up, up_curvature = link.derivatives(d)
        down, down_curvature = link.derivatives(-d)
        gradient = design.T @ (won * up - lost * down) - precision * beta
        information = design.T @ ((won * up_curvature + lost * down_curvature)[:, None] * design)
        if not precision and np.linalg.matrix_rank(information, hermitian=True) < size - 1:
            return None
        information += precision * np.eye(size)
        information[:k, :k] += np.trace(information) / size**2  # fixes the mean, which the data cannot tell
        step = np.linalg.solve(information, gradient)
        scale = min(1.0, 2.0 / np.abs(step).max()) if step.any() else 1.0
        while (proposed := objective(beta + scale * step)) < reached - 1e-12 * abs(reached) and scale > 1e-12:
            scale /= 2
        beta, reached = beta + scale * step, proposed
        if np.abs(beta).max() > _FARTHEST:
            return None
        if np.abs(step).max() < 1e-10:
            return beta, information, log_likelihood(beta)
    return None
