"""Correlations along the last axis, many at once: product-moment, of ranks, and of order."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

from visavis.scaling.counts import Floats


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


def kendall(first: Floats, second: Floats) -> Floats:
    """Return Kendall's τ-b along the last axis (Kendall 1945: corrected for ties); NaN as `pearson`.

    As for `spearman`, values that agree to nine decimals are tied.
    """
    x, y = (np.round(values, 9) for values in np.broadcast_arrays(first, second))
    concordant, untied_x, untied_y = (np.zeros(x.shape[:-1]) for _ in range(3))
    for lag in range(1, x.shape[-1]):  # every pair once, without a matrix of pairs for each row
        of_x, of_y = (np.sign(values[..., lag:] - values[..., :-lag]) for values in (x, y))
        concordant += (of_x * of_y).sum(axis=-1)
        untied_x += (of_x * of_x).sum(axis=-1)
        untied_y += (of_y * of_y).sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(concordant / np.sqrt(untied_x * untied_y))


def kendall_of_resamples(first: Floats, second: Floats, weights: Floats) -> Floats:
    """Return Kendall's τ-b over all rows and columns at once, each row as often as each resample drew it.

    The same as `kendall` of the drawn rows, one after the other; but every two rows are compared once, and not in each
    resample again.

    Parameters
    ----------
    first, second : float arrays, shape (n rows, k)
    weights : float array, shape (n, n rows)
        How often each row was drawn, whole numbers.

    Returns
    -------
    float array, shape (n,)
    """
    x, y = np.round(first, 9), np.round(second, 9)
    sums = [np.zeros(len(weights)) for _ in range(3)]
    for row in range(len(x)):
        of_x, of_y = (np.sign(values[row, :, None, None] - values[None, row:]) for values in (x, y))
        for total, signs in zip(sums, (of_x * of_y, of_x * of_x, of_y * of_y), strict=True):
            between = signs.sum(axis=(0, 2))  # with each row from this one on
            drawn = weights[:, row]
            # Its copies make drawn (drawn - 1) / 2 ordered pairs and drawn unordered ones, which are half as many.
            total += drawn**2 * between[0] / 2 + drawn * (weights[:, row + 1 :] @ between[1:])
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(sums[0] / np.sqrt(sums[1] * sums[2]))
