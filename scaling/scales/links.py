"""From a difference of scale values to the probability of a choice, and back.

All functions work elementwise and are safe far out in the tails.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import expit, log_expit, log_ndtr, logit, ndtri

from visavis.scaling.counts import Floats
from visavis.scaling.errors import ScalingError

ModelName = Literal["thurstone", "bradley_terry"]

_LOG_SQRT_2PI = 0.5 * np.log(2 * np.pi)


@dataclass(frozen=True)
class Link:
    """A model of a single choice.

    Attributes
    ----------
    name : str
    unit : str
        Of its scale values.
    log_p : callable
        Maps d to log P(chosen).
    derivatives : callable
        Maps d to the first derivative of log P(chosen), and minus the second.
    quantile : callable
        Maps P to d.
    """

    name: ModelName
    unit: str
    log_p: Callable[[Floats], Floats]
    derivatives: Callable[[Floats], tuple[Floats, Floats]]
    quantile: Callable[[Floats], Floats]

    def probability(self, difference: Floats) -> Floats:
        """Return P(chosen) for differences of scale values."""
        return np.exp(self.log_p(difference))


def _normal_derivatives(d: Floats) -> tuple[Floats, Floats]:
    inverse_mills = np.exp(-0.5 * d * d - _LOG_SQRT_2PI - log_ndtr(d))
    return inverse_mills, inverse_mills * (inverse_mills + d)


def _logistic_derivatives(d: Floats) -> tuple[Floats, Floats]:
    other = expit(-d)
    return other, other * (1 - other)


LINKS: dict[ModelName, Link] = {
    "thurstone": Link("thurstone", "SD of a difference", log_ndtr, _normal_derivatives, ndtri),
    "bradley_terry": Link("bradley_terry", "logit", log_expit, _logistic_derivatives, logit),
}
"""Thurstone's Case V (1927; Mosteller 1951) and Bradley & Terry (1952)."""


def link_of(model: str) -> Link:
    """Return the link of a model.

    Raises
    ------
    ScalingError
        If there is no such model.
    """
    for name, link in LINKS.items():
        if name == model:
            return link
    raise ScalingError(f"unknown model {model!r}; choose from {', '.join(LINKS)}")
