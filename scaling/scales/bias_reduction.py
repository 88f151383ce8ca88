"""Scale values of few choices without a prior: the score adjusted so that the first-order bias of likelihood vanishes.

Firth (1993). For Bradley-Terry, a canonical link, it is Jeffreys' prior, and of one pair the logit of
(k + ½) / (n + 1); for Thurstone's probit the adjusted score of a generalised linear model (Kosmidis & Firth 2009), as
R's brglm2 has it with ``type = "AS_mean"``. Values are finite for any data that connect the items.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit, log_ndtr

from visavis.scaling.counts import Floats

from .likelihood import Optimum, centred_covariance
from .links import Link

_MOST_ITERATIONS = 500
_TOLERANCE = 1e-9
_LARGEST_STEP = 1.0


def reduce_bias(wins: Floats, link: Link) -> Optimum:
    """Solve the adjusted score equations of each group.

    Parameters
    ----------
    wins : float array, shape (G, k, k)
        Row chosen over column; the comparisons of each group connect all items.
    link : Link

    Returns
    -------
    Optimum
        With the inverse expected information as covariance, and the likelihood without the adjustment.
    """
    n_groups, k = wins.shape[:2]
    first, second = np.triu_indices(k, 1)
    values = np.zeros((n_groups, k))
    covariance = np.zeros((n_groups, k, k))
    log_likelihood, converged = np.zeros(n_groups), np.zeros(n_groups, dtype=bool)
    contrasts = np.eye(k)[first] - np.eye(k)[second]
    for g, of_group in enumerate(wins):
        won, lost = of_group[first, second], of_group[second, first]
        for _ in range(_MOST_ITERATIONS):
            d = contrasts @ values[g]
            score, weight, half_bias = _per_pair(link, d, won, lost)
            covariance[g] = np.linalg.pinv(contrasts.T @ (weight[:, None] * contrasts), hermitian=True)
            leverage = weight * np.einsum("pi,ij,pj->p", contrasts, covariance[g], contrasts)
            step = covariance[g] @ (contrasts.T @ (score + leverage * half_bias))
            size = np.abs(step).max()
            values[g] += step * min(1.0, _LARGEST_STEP / size) if size else 0
            if size < _TOLERANCE:
                converged[g] = True
                break
        d = contrasts @ values[g]
        log_likelihood[g] = float((won * link.log_p(d) + lost * link.log_p(-d)).sum())
    values -= values.mean(axis=1, keepdims=True)
    return Optimum(values, centred_covariance(covariance), log_likelihood, converged)


def _per_pair(link: Link, d: Floats, won: Floats, lost: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the score of each pair's difference, its expected information, and d² p / dd² / (2 dp / dd).

    The last is what the leverage of a pair is multiplied by: half of 1 - 2 p for the logit, of -d for the probit.
    """
    times = won + lost
    if link.name == "bradley_terry":
        p = expit(d)
        return won - times * p, times * p * (1 - p), 0.5 - p
    log_density = -0.5 * d**2 - 0.5 * np.log(2 * np.pi)
    up, down = np.exp(log_density - log_ndtr(d)), np.exp(log_density - log_ndtr(-d))
    return won * up - lost * down, times * up * down, -0.5 * d
