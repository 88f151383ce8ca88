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

from visavis.scaling.counts import Counts, Floats, read_answers, require_counts
from visavis.scaling.errors import ScalingError

from .likelihood import LikelihoodMethod, centred_covariance, prior_precision
from .links import Link, ModelName, link_of
from .one_scale import SingleScale, settings
from .scale import DEFAULT_PRIOR_SD
from .separation import describe_separation

SIDES = ("left", "right")

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
    counts: Counts,
    *,
    side: str = "side",
    model: ModelName = "thurstone",
    method: LikelihoodMethod = "map",
    prior_sd: float = DEFAULT_PRIOR_SD,
) -> OrderEffect:
    """Estimate scale values together with the effect of order.

    Parameters
    ----------
    counts : Counts
        From `count_by_order` or `counts_of_orders`: counted apart by the side of the chosen item. All else is pooled.
    side : str
        Column of the groups that holds ``left`` (first) or ``right`` (second).
    model : {'thurstone', 'bradley_terry'}
    method : {'map', 'ml'}
        With a Gaussian prior on the scale values and the bias, which keeps both finite for any data, such as those of
        a model that always answers left, or by maximum likelihood.
    prior_sd : float
        For ``map``, the SD of the prior in units of the scale.

    Raises
    ------
    ScalingError
        For counts without the sides, or with ``ml`` data that leave no finite maximum.
    """
    require_counts(counts)
    link, precision = link_of(model), prior_precision(method, prior_sd)
    by_side = counts.pool([side])
    named = list(by_side.groups[side])
    if not set(named) <= set(SIDES):
        raise ScalingError(f"column {side!r} of the groups must hold left and right, not {', '.join(map(str, named))}")
    won, lost_swapped = (
        by_side.wins[named.index(name)] if name in named else np.zeros(by_side.wins.shape[1:]) for name in SIDES
    )
    lost = lost_swapped.T
    together = by_side.pool([])
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
    return OrderEffect(
        items=together.items,
        model=model,
        options=settings(model, method, prior_sd),
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
) -> Counts:
    """Count the choices of a trials table by the side of the chosen item.

    Parameters
    ----------
    trials, items, soft, columns
        As for `count_choices`.

    Returns
    -------
    Counts
        Of two groups, their column ``side`` being ``left`` and ``right``; left is first. Ties are left out.
    """
    answers = read_answers(trials, items=items, soft=soft, columns=columns)
    wins = np.zeros((2, len(answers.items), len(answers.items)))
    np.add.at(wins[0], (answers.left, answers.right), answers.to_left)
    np.add.at(wins[1], (answers.right, answers.left), answers.to_right)
    return _by_side(answers.items, wins)


def counts_of_orders(first_chosen: Any, second_chosen: Any, items: Sequence[str] | None = None) -> Counts:
    """Take counts by order from two matrices, as tables in print have them.

    Parameters
    ----------
    first_chosen : array_like, shape (k, k)
        ``[i, j]``: i was shown first, j second, and i was chosen.
    second_chosen : array_like, shape (k, k)
        ``[i, j]``: i was shown first, j second, and j was chosen.
    items : sequence of str, optional

    Returns
    -------
    Counts
        As `count_by_order` gives them.

    Raises
    ------
    ScalingError
        For what are not counts, or matrices of different sizes.
    """
    first, second = (Counts.from_matrix(counts, items) for counts in (first_chosen, second_chosen))
    if first.wins.shape != second.wins.shape:
        raise ScalingError(
            f"expected two matrices of one size, got {np.shape(first_chosen)} and {np.shape(second_chosen)}"
        )
    return _by_side(first.items, np.stack([first.wins[0], second.wins[0].T]))


def _by_side(items: tuple[str, ...], wins: Floats) -> Counts:
    return Counts(items, pd.DataFrame({"side": list(SIDES)}), wins, np.zeros_like(wins))


def _why_not(together: Counts) -> str:
    reason = describe_separation(together, 0) or (
        "bias and values cannot be told apart: one side always won, or few pairs were shown in both orders"
    )
    return f"no finite maximum of the likelihood: {reason}; use method='map', or pool more choices"


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
