"""The SD of the Gaussian prior on scale values, estimated from the choices themselves (empirical Bayes).

A prior that is far wider than the values leaves the noise of few choices in them: they come out too far apart, the more
so where only neighbours were compared, since every link of the chain is stretched a little.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar

from visavis.scaling.counts import Counts, require_counts

from .likelihood import marginal_log_likelihood
from .links import ModelName, link_of

_BOUNDS = (0.05, 20.0)
_LOG_SD = 1.0
_EXPECTED = {"thurstone": 0.5, "bradley_terry": 0.85}
"""Half an SD of a difference, in units of the scale."""


def estimate_prior_sd(counts: Counts, model: ModelName = "thurstone") -> float:
    """Return the SD of the scale values that makes the choices most likely, the values integrated out.

    Empirical Bayes (Efron & Morris 1973; as type-II maximum likelihood, Good 1965), by Laplace's approximation. The SD
    itself has a log-normal prior about half an SD of a difference, whose own log SD is 1, so that a handful of choices
    does not make it 0 or endless; a hundred choices outweigh it.

    Parameters
    ----------
    counts : Counts
        All groups share the SD. A tie is half a choice of either item.
    model : {'thurstone', 'bradley_terry'}

    Returns
    -------
    float
        In units of the scale; between 0.05 and 20.

    Raises
    ------
    ScalingError
        For an unknown model.
    """
    require_counts(counts)
    link, expected = link_of(model), float(np.log(_EXPECTED[model]))
    wins = counts.with_ties_as_half_wins().wins
    mean = np.zeros(wins.shape[1])

    def objective(log_sd: float) -> float:
        likelihood = float(marginal_log_likelihood(wins, link, mean, float(np.exp(log_sd))).sum())
        return float(0.5 * ((log_sd - expected) / _LOG_SD) ** 2 - likelihood)

    low, high = np.log(_BOUNDS).tolist()
    found = minimize_scalar(objective, bounds=(low, high), method="bounded", options={"xatol": 1e-2})
    return float(np.exp(found.x))
