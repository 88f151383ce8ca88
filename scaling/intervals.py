"""Intervals of whatever can be computed from weighted scenes: each resample says how often each scene counts."""

from __future__ import annotations

from collections.abc import Callable
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr
from scipy.stats import t as student

from .counts import Floats
from .errors import ScalingError


def over_scenes(
    statistic: Callable[[Floats], Floats],
    n_scenes: int,
    *,
    n: int = 2000,
    seed: int = 0,
    level: float = 0.95,
    expanded: bool = True,
) -> tuple[float, float, float]:
    """Return a statistic of all scenes, and its interval over resampled ones.

    Parameters
    ----------
    statistic : callable
        From weights of scenes, shape (m, n scenes), to a value for each row, shape (m,).
    n_scenes : int
    n, seed : int
        Number of resamples and their seed; the same seed draws the same scenes for everyone.
    level : float
    expanded : bool
        Take percentiles further out, since scenes are few (see `tail_shares`).

    Returns
    -------
    estimate, low, high : float
        Limits are NaN with fewer than two scenes.
    """
    nan = float("nan")
    if not n_scenes:
        return nan, nan, nan
    estimate = float(statistic(np.ones((1, n_scenes)))[0])
    if n_scenes < 2:
        return estimate, nan, nan
    draws = statistic(resample_weights(n_scenes, n, np.random.default_rng(seed)))
    if not np.isfinite(draws).any():
        return estimate, nan, nan
    low, high = np.nanquantile(draws, tail_shares(level, n_scenes, expanded=expanded))
    return estimate, float(low), float(high)


def ratio(part: Floats, whole: Floats) -> Callable[[Floats], Floats]:
    """Return the statistic Σ part / Σ whole over scenes; both of shape (n scenes,), NaN where there is no whole."""

    def statistic(weights: Floats) -> Floats:
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray((weights @ part) / (weights @ whole))

    return statistic


def tail_shares(level: float, n_units: int, *, expanded: bool = True) -> Floats:
    """Return which percentiles of resamples make an interval.

    Parameters
    ----------
    level : float
    n_units : int
        Units drawn from.
    expanded : bool
        Correct for their small number (Hesterberg 2015, section 5.3): Φ(±√(n / (n-1)) t) instead of Φ(±z).

    Returns
    -------
    float array, shape (2,)
    """
    normal_reach(level)
    if expanded and n_units > 1:
        reach = np.sqrt(n_units / (n_units - 1)) * student.ppf(0.5 + level / 2, n_units - 1)
        return np.array([ndtr(-reach), ndtr(reach)])
    return np.array([(1 - level) / 2, (1 + level) / 2])


def normal_reach(level: float) -> float:
    """Return how many standard errors an interval reaches to either side.

    Raises
    ------
    ScalingError
        For a level that is not between 0 and 1.
    """
    if not 0 < level < 1:
        raise ScalingError(f"level must lie between 0 and 1, such as 0.95, not {level!r}")
    return NormalDist().inv_cdf(0.5 + level / 2)


def resample_weights(n_units: int, n: int, rng: np.random.Generator) -> Floats:
    """Return how often each unit occurs in each resample; shape (n, n_units), rows summing to n_units."""
    return rng.multinomial(n_units, np.full(n_units, 1 / n_units), size=n).astype(np.float64)


def resampled_scenes(n_scenes: int, n: int, seed: int) -> NDArray[np.intp]:
    """Return the scenes of each resample; shape (n, n_scenes). The same seed gives everyone the same."""
    counts = resample_weights(n_scenes, n, np.random.default_rng(seed)).astype(np.intp)
    return np.repeat(np.tile(np.arange(n_scenes), (n, 1)).ravel(), counts.ravel()).reshape(n, n_scenes)
