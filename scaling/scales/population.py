"""People who differ: a scale of the population, and how far individuals stray from it.

A probit (or logit) mixed model (Cattelan 2012): each observer's scale values vary about the population's with one SD.
Pooling the choices of people who differ, as if one had made them all, takes the population's values for too certain and
shrinks them; this model does neither.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import ndtr

from visavis.scaling.counts import Counts, Floats, require_counts
from visavis.scaling.errors import ScalingError

from .likelihood import LikelihoodMethod, marginal_log_likelihood, maximise, prior_precision
from .links import ModelName, link_of
from .one_scale import SingleScale, settings
from .scale import DEFAULT_PRIOR_SD
from .separation import require_maximum


@dataclass(frozen=True, repr=False)
class PopulationScale(SingleScale):
    """The scale of a population of observers.

    Attributes
    ----------
    items, model, options, values, covariance, log_likelihood, converged
        As for `SingleScale`, of the population; the likelihood is marginal, by Laplace's approximation. The last row of
        the covariance is that of log `observer_sd`; NaN at its floor, where the values' covariance takes it as known.
    observer_sd : float
        SD of an observer's own deviations, in units of the scale; at the floor of 0.001 where the data show none.
    individuals : DataFrame
        ``observer, item, value``: the most likely values of each observer, drawn towards the population's.
    """

    observer_sd: float
    individuals: pd.DataFrame

    def further(self) -> dict[str, float]:
        """Return the spread of observers and its standard error."""
        return {"observer_sd": self.observer_sd, "observer_sd_se": self.observer_sd_se}

    @property
    def observer_sd_se(self) -> float:
        """Standard error of the spread; NaN at its floor."""
        return float(self.observer_sd * np.sqrt(self.covariance[-1, -1]))

    def predict(self) -> Floats:
        """Return the share of a population of observers who choose the row over the column; shape (k, k).

        Exact for Thurstone's model; for Bradley-Terry by the usual approximation that a logit's spread of 1 is 0.588
        of a probit's.
        """
        scale = 1.0 if self.model == "thurstone" else 16 * np.sqrt(3) / (15 * np.pi)
        d = scale * (self.values[:, None] - self.values[None])
        return np.asarray(ndtr(d / np.sqrt(1 + 2 * (scale * self.observer_sd) ** 2)))


_SMALLEST_SD, _LARGEST_SD = 1e-3, 10.0


def fit_population(
    counts: Counts,
    *,
    observer: str = "observer",
    model: ModelName = "thurstone",
    method: LikelihoodMethod = "map",
    prior_sd: float = DEFAULT_PRIOR_SD,
) -> PopulationScale:
    """Fit the population's values and the spread of observers by their marginal likelihood.

    Parameters
    ----------
    counts : Counts
        Counted apart by the column `observer`; all else is pooled. A tie is half a choice of either item.
    observer : str
    model : {'thurstone', 'bradley_terry'}
    method : {'map', 'ml'}
        With a Gaussian prior on the population's values, which keeps them finite for any data, or by maximum
        likelihood.
    prior_sd : float
        For ``map``, the SD of the prior in units of the scale.

    Raises
    ------
    ScalingError
        With fewer than two observers, or with ``ml`` data whose pooled likelihood has no finite maximum.
    """
    require_counts(counts)
    link, precision = link_of(model), prior_precision(method, prior_sd)
    each = counts.with_ties_as_half_wins().pool([observer])
    each = each.select(np.asarray(each.wins.any(axis=(1, 2))))
    if len(each.groups) < 2:
        raise ScalingError("the spread of observers needs two of them at least who chose")
    wins, k = each.wins, len(each.items)
    require_maximum(each.pool([]), 0, precision)
    # Columns orthogonal to the constant: the k - 1 directions that the data can tell.
    basis = np.linalg.qr(np.column_stack([np.ones(k), np.eye(k)[:, : k - 1]]))[0][:, 1:]
    start = maximise(wins.sum(axis=0)[None], link, precision).values[0]

    def objective(x: Floats) -> float:
        """Minus the marginal log-likelihood of the values in the basis and log SD, penalised."""
        marginal = marginal_log_likelihood(wins, link, basis @ x[:-1], float(np.exp(x[-1])))
        return 0.5 * precision * float(x[:-1] @ x[:-1]) - float(marginal.sum())

    lowest, highest = np.log(_SMALLEST_SD), np.log(_LARGEST_SD)
    initial = np.append(basis.T @ start, np.log(0.3))
    found = minimize(objective, initial, method="L-BFGS-B", bounds=[(None, None)] * (k - 1) + [(lowest, highest)])
    values, sd = basis @ found.x[:-1], float(np.exp(found.x[-1]))
    inside = lowest + 0.01 < found.x[-1] < highest - 0.01
    covariance = np.full((k + 1, k + 1), np.nan)
    if inside:
        free = np.zeros((k + 1, k))
        free[:k, :-1], free[k, -1] = basis, 1
        covariance = _covariance(objective, found.x, free)
    else:
        fixed = found.x[-1]
        covariance[:k, :k] = _covariance(lambda m: objective(np.append(m, fixed)), found.x[:-1], basis)
    own = maximise(wins, link, sd**-2, prior_mean=values).values
    individuals = pd.DataFrame(
        {
            "observer": np.repeat(each.groups[observer].to_numpy(), k),
            "item": np.tile(each.items, len(own)),
            "value": own.ravel(),
        }
    )
    log_likelihood = 0.5 * precision * float(values @ values) - float(found.fun)
    converged = bool(found.success and sd < 0.99 * _LARGEST_SD and np.isfinite(covariance[:k, :k]).all())
    return PopulationScale(
        items=each.items,
        model=model,
        options=settings(model, f"marginal {method}", prior_sd, ties="half a win each"),
        values=values,
        covariance=covariance,
        log_likelihood=log_likelihood,
        converged=converged,
        observer_sd=sd,
        individuals=individuals,
    )


def _covariance(f: Callable[[Floats], float], x: Floats, basis: Floats) -> Floats:
    """Return the covariance in the full space from the Hessian of `f`; NaN where `f` has no minimum at `x`."""
    hessian = _hessian(f, x)
    if np.linalg.eigvalsh(hessian)[0] <= 0:
        return np.full((len(basis), len(basis)), np.nan)
    return np.asarray(basis @ np.linalg.inv(hessian) @ basis.T)


def _hessian(f: Callable[[Floats], float], x: Floats) -> Floats:
    """Return the Hessian by central differences."""
    width, k = 1e-3, len(x)
    steps = width * np.eye(k)
    hessian = np.zeros((k, k))
    for i in range(k):
        for j in range(i + 1):
            corners = (f(x + steps[i] + steps[j]), f(x + steps[i] - steps[j]), f(x - steps[i] + steps[j]))
            mixed = corners[0] - corners[1] - corners[2] + f(x - steps[i] - steps[j])
            hessian[i, j] = hessian[j, i] = mixed / (4 * width**2)
    return hessian
