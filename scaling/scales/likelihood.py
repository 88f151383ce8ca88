"""Scale values by maximum likelihood, with or without a Gaussian prior: Newton's method on all groups at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from visavis.scaling.counts import Floats
from visavis.scaling.errors import ScalingError

from .links import Link

_MOST_ITERATIONS = 100
_MOST_HALVINGS = 30
_LARGEST_SD = 1e6


def precision_of(prior_sd: float | None) -> float:
    """Return 1 / variance of a Gaussian prior; 0 for none.

    Raises
    ------
    ScalingError
        For an SD that is not a number in [1e-6, 1e6], in units of the scale.
    """
    if prior_sd is None:
        return 0.0
    if not 1 / _LARGEST_SD <= prior_sd <= _LARGEST_SD:
        raise ScalingError(f"prior_sd must be between 1e-6 and 1e6, not {prior_sd!r}; maximum likelihood has no prior")
    return float(prior_sd) ** -2


LikelihoodMethod = Literal["map", "ml"]
"""With a Gaussian prior on the values, or by maximum likelihood alone."""


def prior_precision(method: LikelihoodMethod, prior_sd: float) -> float:
    """Return 1 / variance of the prior of a method of likelihood; 0 for ``ml``.

    Raises
    ------
    ScalingError
        For an unknown method, or an SD as in `precision_of`.
    """
    if method not in get_args(LikelihoodMethod):
        raise ScalingError(f"unknown method {method!r}; choose from {', '.join(get_args(LikelihoodMethod))}")
    if method == "ml":
        return 0.0
    if prior_sd is None:
        raise ScalingError("method 'map' needs prior_sd: for no prior use method='ml'")
    return precision_of(prior_sd)


@dataclass(frozen=True)
class Optimum:
    """Where the likelihood, or the posterior, of each group is highest.

    Attributes
    ----------
    values : float array, shape (G, k)
        Of mean 0 in each group.
    covariance : float array, shape (G, k, k)
        Inverse observed information of the centred values.
    log_likelihood : float array, shape (G,)
        Without the prior.
    converged : bool array, shape (G,)
    """

    values: Floats
    covariance: Floats
    log_likelihood: Floats
    converged: NDArray[np.bool_]


@dataclass(frozen=True)
class _Problem:
    """Counts of G groups over the pairs i < j, and what is maximised."""

    won: Floats
    lost: Floats
    first: NDArray[np.intp]
    second: NDArray[np.intp]
    link: Link
    precision: float
    prior_mean: Floats

    def of(self, groups: NDArray[np.intp]) -> _Problem:
        return replace(self, won=self.won[groups], lost=self.lost[groups], prior_mean=self.prior_mean[groups])

    def log_likelihood(self, values: Floats) -> Floats:
        d = values[:, self.first] - values[:, self.second]
        total: Floats = (self.won * self.link.log_p(d) + self.lost * self.link.log_p(-d)).sum(axis=1)
        return total

    def objective(self, values: Floats) -> Floats:
        penalty: Floats = 0.5 * self.precision * ((values - self.prior_mean) ** 2).sum(axis=1)
        return self.log_likelihood(values) - penalty

    def derivatives(self, values: Floats) -> tuple[Floats, Floats]:
        """Return the gradient and the observed information (minus the Hessian) of the objective."""
        n_groups, k = values.shape
        d = values[:, self.first] - values[:, self.second]
        up, up_curvature = self.link.derivatives(d)
        down, down_curvature = self.link.derivatives(-d)
        pairwise = np.zeros((n_groups, k, k))
        pairwise[:, self.first, self.second] = self.won * up - self.lost * down
        gradient = pairwise.sum(axis=2) - pairwise.sum(axis=1)
        gradient -= self.precision * (values - self.prior_mean)
        curvature = self.won * up_curvature + self.lost * down_curvature
        pairwise[:, self.first, self.second] = curvature
        pairwise[:, self.second, self.first] = curvature
        information = -pairwise
        diagonal = np.arange(k)
        information[:, diagonal, diagonal] = pairwise.sum(axis=2) + self.precision
        return gradient, information


def maximise(
    wins: Floats, link: Link, precision: float, *, prior_mean: Floats | None = None, tolerance: float = 1e-10
) -> Optimum:
    """Maximise the log-likelihood of each group, plus the logarithm of a Gaussian prior.

    Parameters
    ----------
    wins : float array, shape (G, k, k)
        Row chosen over column.
    link : Link
    precision : float
        1 / variance of the prior on every scale value; 0 for none. Without a prior the maximum must exist.
    prior_mean : float array, shape (k,), optional
        Mean of the prior; by default 0.
    tolerance : float
        Converged where no step is larger, in units of the scale.
    """
    problem = _problem(wins, link, precision, prior_mean)
    values, converged = _newton(problem, np.zeros(wins.shape[:2]), tolerance)
    return Optimum(values, _covariance(problem, values), problem.log_likelihood(values), converged)


def best_values(wins: Floats, link: Link, precision: float, start: Floats) -> Floats:
    """Return the values of `maximise` alone, to 1e-6, from a start nearby: for resamples, which are many.

    Parameters
    ----------
    wins : float array, shape (G, k, k)
    link : Link
    precision : float
    start : float array, shape (G, k)
    """
    return _newton(_problem(wins, link, precision, None), start, 1e-6)[0]


def marginal_log_likelihood(wins: Floats, link: Link, mean: Floats, sd: float) -> Floats:
    """Integrate the scale values of each group out, by Laplace's approximation.

    Parameters
    ----------
    wins : float array, shape (G, k, k)
        Of groups whose values vary independently about `mean`.
    link : Link
    mean : float array, shape (k,)
    sd : float
        Of each group's deviations.

    Returns
    -------
    float array, shape (G,)
    """
    problem = _problem(wins, link, sd**-2, mean)
    values, _ = _newton(problem, np.broadcast_to(mean, wins.shape[:2]), 1e-9, centred=False)
    _, log_determinant = np.linalg.slogdet(problem.derivatives(values)[1] * sd**2)
    return np.asarray(problem.objective(values) - 0.5 * log_determinant)


def _problem(wins: Floats, link: Link, precision: float, prior_mean: Floats | None) -> _Problem:
    first, second = np.triu_indices(wins.shape[1], 1)
    mean = np.broadcast_to(0.0 if prior_mean is None else prior_mean, wins.shape[:2])
    return _Problem(wins[:, first, second], wins[:, second, first], first, second, link, precision, mean)


def _newton(
    problem: _Problem, start: Floats, tolerance: float, *, centred: bool = True
) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the values at the maximum, and whether each group converged."""
    values = np.array(start, dtype=np.float64)
    objective = problem.objective(values)
    converged = np.zeros(len(values), dtype=bool)
    active = np.arange(len(values))
    for _ in range(_MOST_ITERATIONS):
        rest = problem.of(active)
        gradient, information = rest.derivatives(values[active])
        if centred:
            information += _fixed_mean(information)
        step = np.asarray(np.linalg.solve(information, gradient[..., None])[..., 0], dtype=np.float64)
        values[active], objective[active] = _line_search(rest, values[active], step, objective[active])
        done = np.abs(step).max(axis=1) < tolerance
        converged[active[done]] = True
        active = active[~done]
        if not len(active):
            break
    return (values - values.mean(axis=1, keepdims=True) if centred else values), converged


def _line_search(problem: _Problem, values: Floats, step: Floats, objective: Floats) -> tuple[Floats, Floats]:
    """Take each group's step, halved until its objective does not fall (beyond rounding)."""
    size = np.ones((len(values), 1))
    slack = 1e-12 * (1 + np.abs(objective))
    for _ in range(_MOST_HALVINGS):
        proposed = values + size * step
        reached = problem.objective(proposed)
        worse = reached < objective - slack
        if not worse.any():
            break
        size[worse] /= 2
    return proposed, reached


def _fixed_mean(information: Floats) -> Floats:
    """Return what to add to every entry of each group's information: without a prior the data tell nothing of the mean.

    It fixes that direction alone, and is as large as the information itself, whatever the counts.
    """
    k = information.shape[-1]
    return np.asarray(np.trace(information, axis1=1, axis2=2)[:, None, None] / k**2)


def _covariance(problem: _Problem, values: Floats) -> Floats:
    """Return the covariance of the centred values; singular, since they sum to 0."""
    information = problem.derivatives(values)[1]
    return centred_covariance(np.linalg.inv(information + _fixed_mean(information)))


def centred_covariance(covariance: NDArray[np.floating[Any]], k: int | None = None) -> Floats:
    """Return the covariance of values less their mean, from that of the values.

    Parameters
    ----------
    covariance : float array, shape (..., p, p)
    k : int, optional
        How many of the p parameters, the first ones, are scale values; by default all.
    """
    p = covariance.shape[-1]
    k = p if k is None else k
    centring = np.eye(p)
    centring[:k, :k] -= 1.0 / k
    return np.asarray(centring @ covariance @ centring)
