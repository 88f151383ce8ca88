"""How well a scale fits the counts it was made from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

from visavis.scaling.counts import Floats
from visavis.scaling.errors import ScalingError

from .scale import Scale

# Variance of the arcsine-transformed proportion in degrees², times N; (180/π)² / 4 = 820.7, rounded as Mosteller did.
_DEGREES_SQUARED = 821


@dataclass(frozen=True)
class Fit:
    """A χ² test of each group.

    Attributes
    ----------
    statistic : float array, shape (G,)
    df : int array, shape (G,)
    """

    statistic: Floats
    df: np.ndarray

    @property
    def p_value(self) -> Floats:
        """Probability of a worse fit if the model holds; NaN without degrees of freedom. Shape (G,)."""
        usable = self.df > 0
        return np.where(usable, chi2.sf(self.statistic, np.where(usable, self.df, 1)), np.nan)


def deviance(scale: Scale) -> Fit:
    """Return G² against the saturated model, in which every pair has a probability of its own.

    Meant for scales fitted by maximum likelihood; its χ² distribution needs independent choices and expected counts
    that are not small.
    """
    wins = scale.counts.with_ties_as_half_wins().wins
    n = wins + wins.swapaxes(1, 2)
    expected = n * scale.predict()
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(wins > 0, wins * np.log(wins / expected), 0.0)
    return Fit(2 * terms.sum(axis=(1, 2)), _degrees_of_freedom(n))


def mosteller(scale: Scale) -> Fit:
    """Return Mosteller's (1951) χ² of a Case V scale, on arcsine-transformed proportions.

    χ² = Σ N (θ'' - θ')² / 821 over the pairs, θ = asin √p in degrees, with (k-1)(k-2)/2 degrees of freedom for a
    complete design.

    Raises
    ------
    ScalingError
        For a model other than Thurstone's.
    """
    if scale.model != "thurstone":
        raise ScalingError("Mosteller's test is one of Thurstone's Case V: fit with model='thurstone'")
    wins = scale.counts.with_ties_as_half_wins().wins
    first, second = np.triu_indices(wins.shape[1], 1)
    n = wins + wins.swapaxes(1, 2)
    compared = n[:, first, second] > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        observed = np.degrees(np.arcsin(np.sqrt(wins / n)))[:, first, second]
    fitted = np.degrees(np.arcsin(np.sqrt(scale.predict())))[:, first, second]
    terms = np.where(compared, n[:, first, second] * (observed - fitted) ** 2 / _DEGREES_SQUARED, 0.0)
    return Fit(terms.sum(axis=1), _degrees_of_freedom(n))


def _degrees_of_freedom(n: Floats) -> np.ndarray:
    first, second = np.triu_indices(n.shape[1], 1)
    return np.asarray((n[:, first, second] > 0).sum(axis=1) - (n.shape[1] - 1))
