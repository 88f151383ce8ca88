"""Scale values by maximum likelihood, with or without a Gaussian prior: Newton's method on all groups at once."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .links import Link

Floats = NDArray[np.float64]

_MOST_ITERATIONS = 100
_MOST_HALVINGS = 30


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

    def of(self, groups: NDArray[np.intp]) -> _Problem:
        return replace(self, won=self.won[groups], lost=self.lost[groups])

    def log_likelihood(self, values: Floats) -> Floats:
        d = values[:, self.first] - values[:, self.second]
        total: Floats = (self.won * self.link.log_p(d) + self.lost * self.link.log_p(-d)).sum(axis=1)
        return total

    def objective(self, values: Floats) -> Floats:
        penalty: Floats = 0.5 * self.precision * (values**2).sum(axis=1)
        return self.log_likelihood(values) - penalty

    def derivatives(self, values: Floats) -> tuple[Floats, Floats]:
        """Return the gradient and the observed information (minus the Hessian) of the objective."""
        n_groups, k = values.shape
        d = values[:, self.first] - values[:, self.second]
        up, up_curvature = self.link.derivatives(d)
        down, down_curvature = self.link.derivatives(-d)
        pairwise = np.zeros((n_groups, k, k))
        pairwise[:, self.first, self.second] = self.won * up - self.lost * down
        gradient = pairwise.sum(axis=2) - pairwise.sum(axis=1) - self.precision * values
        curvature = self.won * up_curvature + self.lost * down_curvature
        pairwise[:, self.first, self.second] = curvature
        pairwise[:, self.second, self.first] = curvature
        information = -pairwise
        diagonal = np.arange(k)
        information[:, diagonal, diagonal] = pairwise.sum(axis=2) + self.precision
        return gradient, information


def maximise(wins: Floats, link: Link, precision: float, tolerance: float = 1e-10) -> Optimum:
    """Maximise the log-likelihood of each group, plus the logarithm of a Gaussian prior.

    Parameters
    ----------
    wins : float array, shape (G, k, k)
        Row chosen over column.
    link : Link
    precision : float
        1 / variance of the prior on every scale value; 0 for none. Without a prior the maximum must exist.
    tolerance : float
        Converged where no step is larger, in units of the scale.
    """
    n_groups, k, _ = wins.shape
    first, second = np.triu_indices(k, 1)
    problem = _Problem(wins[:, first, second], wins[:, second, first], first, second, link, precision)
    values = np.zeros((n_groups, k))
    objective = problem.objective(values)
    converged = np.zeros(n_groups, dtype=bool)
    active = np.arange(n_groups)
    for _ in range(_MOST_ITERATIONS):
        rest = problem.of(active)
        gradient, information = rest.derivatives(values[active])
        # The data tell nothing of the mean: adding 1/k to every entry fixes that direction and changes no other.
        step = np.linalg.solve(information + 1.0 / k, gradient[..., None])[..., 0]
        values[active], objective[active] = _line_search(rest, values[active], step, objective[active])
        done = np.abs(step).max(axis=1) < tolerance
        converged[active[done]] = True
        active = active[~done]
        if not len(active):
            break
    values -= values.mean(axis=1, keepdims=True)
    return Optimum(values, _covariance(problem, values), problem.log_likelihood(values), converged)


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


def _covariance(problem: _Problem, values: Floats) -> Floats:
    """Return the covariance of the centred values; singular, since they sum to 0."""
    k = values.shape[1]
    information = problem.derivatives(values)[1]
    if not problem.precision:
        return np.asarray(np.linalg.inv(information + 1.0 / k) - 1.0 / k)
    centring = np.eye(k) - 1.0 / k
    return np.asarray(centring @ np.linalg.inv(information) @ centring)
