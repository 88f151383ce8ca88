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

from .connectivity import describe_separation
from .counts import Counts, Floats
from .errors import ScalingError
from .fitting import marginal_log_likelihood, maximise
from .links import LINKS, ModelName
from .single import SingleScale


@dataclass(frozen=True)
class PopulationScale(SingleScale):
    """The scale of a population of observers.

    Attributes
    ----------
    items, model, values, covariance, log_likelihood
        As for `SingleScale`, of the population; the likelihood is marginal, by Laplace's approximation.
    observer_sd : float
        SD of an observer's own deviations, in units of the scale; at the floor of 0.001 where the data show none.
    individuals : DataFrame
        ``observer, item, value``: the most likely values of each observer, drawn towards the population's.
    """

    observer_sd: float
    individuals: pd.DataFrame

    def further(self) -> dict[str, float]:
        """Return the spread of observers."""
        return {"observer_sd": self.observer_sd}

    def predict(self) -> Floats:
        """Return the share of a population of observers who choose the row over the column; shape (k, k).

        Exact for Thurstone's model; for Bradley-Terry by the usual approximation that a logit's spread of 1 is 0.588
        of a probit's.
        """
        scale = 1.0 if self.model == "thurstone" else 16 * np.sqrt(3) / (15 * np.pi)
        d = scale * (self.values[:, None] - self.values[None])
        return np.asarray(ndtr(d / np.sqrt(1 + 2 * (scale * self.observer_sd) ** 2)))


_SMALLEST_SD = 1e-3


def fit_population(counts: Counts, *, observer: str = "observer", model: ModelName = "thurstone") -> PopulationScale:
    """Fit the population's values and the spread of observers by marginal maximum likelihood.

    Parameters
    ----------
    counts : Counts
        Counted apart by the column `observer`; all else is pooled. A tie is half a choice of either item.
    observer : str
    model : {'thurstone', 'bradley_terry'}

    Raises
    ------
    ScalingError
        With fewer than two observers, or data whose pooled likelihood has no finite maximum.
    """
    each = counts.with_ties_as_half_wins().pool([observer])
    if len(each.groups) < 2:
        raise ScalingError("the spread of observers needs two of them at least")
    wins, link = each.wins, LINKS[model]
    _require_maximum(each)
    k = len(each.items)
    # Columns orthogonal to the constant: the k - 1 directions that the data can tell.
    basis = np.linalg.qr(np.column_stack([np.ones(k), np.eye(k)[:, : k - 1]]))[0][:, 1:]
    start = maximise(wins.sum(axis=0)[None], link, 0.0).values[0]

    def minus_log_likelihood(x: Floats) -> float:
        sd = max(float(np.exp(x[-1])), _SMALLEST_SD)
        return -float(marginal_log_likelihood(wins, link, basis @ x[:-1], sd).sum())

    initial = np.append(basis.T @ start, np.log(0.3))
    bounds = [(None, None)] * (k - 1) + [(np.log(_SMALLEST_SD), np.log(10.0))]
    found = minimize(minus_log_likelihood, initial, method="L-BFGS-B", bounds=bounds)
    values, sd = basis @ found.x[:-1], float(np.exp(found.x[-1]))
    covariance = np.linalg.inv(_hessian(lambda m: minus_log_likelihood(np.append(m, found.x[-1])), found.x[:-1]))
    own = maximise(wins, link, sd**-2, prior_mean=values).values
    individuals = pd.DataFrame(
        {
            "observer": np.repeat(each.groups[observer].to_numpy(), k),
            "item": np.tile(each.items, len(own)),
            "value": own.ravel(),
        }
    )
    return PopulationScale(each.items, model, values, basis @ covariance @ basis.T, -float(found.fun), sd, individuals)


def _require_maximum(counts: Counts) -> None:
    reason = describe_separation(counts.pool([]), 0)
    if reason:
        raise ScalingError(f"the pooled choices have no finite maximum: {reason}")


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
