"""ρ between the true scale values of two observers: what their errors take from it is given back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from visavis.scaling.counts import Floats
from visavis.scaling.intervals import DEFAULT, Resampling
from visavis.scaling.study.options import Mode

from .rho import Rho, in_common, rho

LEAST_RELIABILITY = 0.1
"""Below it errors are nearly all there is, and nothing can be said of the true values."""


def corrected_rho(
    first: Floats,
    second: Floats,
    errors: tuple[Floats, Floats],
    mode: Mode = "aggregate",
    resampling: Resampling = DEFAULT,
) -> Rho:
    """Return Spearman's ρ corrected for the errors of both scales, with its interval over resampled scenes.

    Parameters
    ----------
    first, second : float arrays, shape (n scenes, k)
        Centred in each scene.
    errors : (float array, float array), shape (n scenes, k) each
        Variances of the values over repeated answers.
    mode : {'aggregate', 'pooled', 'per_scene_mean'}
    resampling : Resampling

    Returns
    -------
    Rho
        NaN where less than a tenth of the variance of either is that of true values.

    Notes
    -----
    Spearman's (1904) correction for attenuation: the correlation is divided by the root of the product of both
    reliabilities, which are the shares of the variance that errors do not explain. It holds for product-moment
    correlations: ρ goes into one and back as it does for normal values, r = 2 sin(π ρ / 6) (Pearson 1907). What it
    would make larger than 1 is 1.
    """
    first, second = in_common(first, second)
    shared = np.isfinite(first).any(axis=-1)
    known = np.isfinite(first[shared])
    count = int(shared.sum())
    if not count:
        return Rho(float("nan"), float("nan"), float("nan"), 0)
    scales = [values[shared] for values in (first, second)]
    noise = [np.where(known, np.nan_to_num(each[shared]), 0) for each in errors]
    estimate = float(_corrected(scales, noise, np.ones((1, count)), np.arange(count)[None], mode)[0])
    if count < 2:
        return Rho(min(estimate, 1.0), float("nan"), float("nan"), count)
    draws = _corrected(scales, noise, resampling.weights(count), resampling.units(count), mode)
    limits = resampling.limits(draws, count, estimate=estimate)
    low, high = (min(max(float(limit), -1.0), 1.0) if np.isfinite(limit) else float("nan") for limit in limits)
    return Rho(float(np.clip(estimate, -1, 1)), low, high, count)


def _corrected(
    scales: list[Floats], noise: list[Floats], weights: Floats, units: NDArray[np.intp], mode: Mode
) -> Floats:
    """Return ρ without errors in each resample, not yet limited to 1; shape (n,)."""
    found = rho(scales[0][units], scales[1][units], mode)
    reliability = np.ones(len(weights))
    for values, variances in zip(scales, noise, strict=True):
        known = np.isfinite(values).astype(float)
        filled = np.nan_to_num(values)
        with np.errstate(invalid="ignore", divide="ignore"):
            if mode == "aggregate":
                times = weights @ known
                means = (weights @ filled) / times
                variance = np.nanvar(means, axis=1)
                error = np.nanmean((weights**2 @ variances) / times**2, axis=1)
            else:
                variance = (weights @ (filled**2).sum(axis=1)) / (weights @ known.sum(axis=1))
                error = (weights @ variances.sum(axis=1)) / (weights @ known.sum(axis=1))
            share = 1 - error / variance
        reliability *= np.where(share >= LEAST_RELIABILITY, share, np.nan)
    r = 2 * np.sin(np.pi * found / 6) / np.sqrt(reliability)
    # beyond 1 the arc sine has no value: go on along its slope at 1
    inside = 6 / np.pi * np.arcsin(np.clip(r, -1, 1) / 2)
    return np.asarray(inside + (r - np.clip(r, -1, 1)) * 6 / np.pi / np.sqrt(3))
