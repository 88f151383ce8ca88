"""Rank and product-moment correlation along the last axis, many at once."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

from .counts import Floats


def pearson(first: Floats, second: Floats) -> Floats:
    """Return Pearson's r along the last axis; NaN where either is constant, empty or holds NaN."""
    if not first.shape[-1]:
        return np.full(np.broadcast_shapes(first.shape, second.shape)[:-1], np.nan)
    x = first - first.mean(axis=-1, keepdims=True)
    y = second - second.mean(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((x * y).sum(axis=-1) / np.sqrt((x * x).sum(axis=-1) * (y * y).sum(axis=-1)))


def spearman(first: Floats, second: Floats) -> Floats:
    """Return Spearman's ρ along the last axis, ties given their mean rank (Spearman 1904); NaN as `pearson`.

    Values that agree to nine decimals are tied: what is equal by symmetry should not be ranked by rounding.
    """
    missing = np.isnan(first).any(axis=-1) | np.isnan(second).any(axis=-1)
    rho = pearson(*(rankdata(np.round(values, 9), axis=-1) for values in (first, second)))
    return np.where(missing, np.nan, rho)
