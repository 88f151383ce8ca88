"""The effect of order or side on choices, estimated beside the scale.

Davidson & Beaver (1977): P(first chosen) = πi / (πi + γ πj), γ > 1 favouring the second. On the scale of the link this
is a constant added to every difference: P = F(si - sj + bias), bias = -log γ for the logistic F.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import chi2

from .counts import Floats, count_choices
from .errors import ScalingError
from .links import LINKS, Link, ModelName
from .single import SingleScale

_MOST_ITERATIONS = 100


@dataclass(frozen=True)
class OrderEffect(SingleScale):
    """A scale with an order effect.

    Attributes
    ----------
    items, model, values, covariance, log_likelihood
        As for `SingleScale`; the covariance's last row is the bias's.
    bias : float
        Added to the difference in favour of the first (left); in units of the scale.
    log_likelihood_without : float
        With bias 0.
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
        link = LINKS["thurstone" if self.model == "thurstone" else "bradley_terry"]
        return link.probability(self.values[:, None] - self.values[None] + self.bias)

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
    first_chosen: Floats,
    second_chosen: Floats,
    items: Sequence[str] | None = None,
    *,
    model: ModelName = "bradley_terry",
) -> OrderEffect:
    """Estimate scale values together with the effect of order, by maximum likelihood.

    Parameters
    ----------
    first_chosen : array_like, shape (k, k)
        ``[i, j]``: i was shown first, j second, and i was chosen.
    second_chosen : array_like, shape (k, k)
        ``[i, j]``: i was shown first, j second, and j was chosen.
    items : sequence of str, optional
    model : {'bradley_terry', 'thurstone'}

    Raises
    ------
    ScalingError
        If the data leave no finite maximum.
    """
    won, lost = np.array(first_chosen, dtype=np.float64), np.array(second_chosen, dtype=np.float64)
    k = len(won)
    if won.shape != (k, k) or lost.shape != (k, k):
        raise ScalingError(f"two square matrices of one size are wanted, not {won.shape} and {lost.shape}")
    i, j = np.nonzero(won + lost)
    names = tuple(items) if items is not None else tuple(str(n + 1) for n in range(k))
    design = np.zeros((len(i), k + 1))
    design[np.arange(len(i)), i], design[np.arange(len(i)), j], design[:, k] = 1, -1, 1
    link = LINKS[model]
    beta, information, log_likelihood = _fit(design, won[i, j], lost[i, j], link)
    _, _, without = _fit(design[:, :k], won[i, j], lost[i, j], link)
    covariance = np.linalg.inv(information + _centring_penalty(k + 1, k)) - _centring_penalty(k + 1, k)
    n = won[i, j] + lost[i, j]
    with np.errstate(divide="ignore", invalid="ignore"):
        saturated = sum(np.nansum(c * np.log(c / n)) for c in (won[i, j], lost[i, j]))
    deviance = 2 * (float(saturated) - log_likelihood)
    return OrderEffect(
        names, model, beta[:k], covariance, log_likelihood, float(beta[k]), without, deviance, len(i) - k
    )


def count_by_order(trials: pd.DataFrame) -> tuple[Floats, Floats, tuple[str, ...]]:
    """Count the choices of a trials table by what was on the left.

    Returns
    -------
    first_chosen, second_chosen : float arrays, shape (k, k)
        As `fit_order_effect` wants them; left is first. Ties are left out.
    items : tuple of str
    """
    items = count_choices(trials, by=()).items
    table = trials[trials["choice"].isin(["left", "right"])]
    if "phase" in table:
        table = table[table["phase"] == "main"]
    left, right = (pd.Index(items).get_indexer(pd.Index(table[side])) for side in ("left", "right"))
    counts = np.zeros((2, len(items), len(items)))
    np.add.at(counts, ((table["choice"] == "right").to_numpy().astype(int), left, right), 1)
    return counts[0], counts[1], items


def _centring_penalty(size: int, k: int) -> Floats:
    """Return the matrix that fixes the mean of the first k parameters, which data cannot tell."""
    penalty = np.zeros((size, size))
    penalty[:k, :k] = 1 / k
    return penalty


def _fit(design: Floats, won: Floats, lost: Floats, link: Link) -> tuple[Floats, Floats, float]:
    """Fit a binomial regression whose first k columns sum to zero in every row, by Newton's method."""
    size = design.shape[1]
    k = size - 1 if np.all(design[:, -1] == 1) else size
    beta = np.zeros(size)
    for _ in range(_MOST_ITERATIONS):
        d = design @ beta
        up, up_curvature = link.derivatives(d)
        down, down_curvature = link.derivatives(-d)
        gradient = design.T @ (won * up - lost * down)
        information = design.T @ ((won * up_curvature + lost * down_curvature)[:, None] * design)
        try:
            step = np.linalg.solve(information + _centring_penalty(size, k), gradient)
        except np.linalg.LinAlgError:
            break
        beta += step * min(1.0, 2.0 / max(np.abs(step).max(), 1e-300))
        if np.abs(step).max() < 1e-10:
            d = design @ beta
            return beta, information, float((won * link.log_p(d) + lost * link.log_p(-d)).sum())
        if np.abs(beta).max() > 50:
            break
    raise ScalingError("no finite maximum: some items, or one side, always won; pool more choices")
