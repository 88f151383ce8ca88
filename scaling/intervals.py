"""Intervals of whatever can be computed from weighted scenes: each resample says how often each scene counts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .bootstrap import tail_shares
from .counts import Floats
from .resampling import resample_weights


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
