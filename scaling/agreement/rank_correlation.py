"""Correlations along the last axis, many at once: product-moment, of ranks, and of order."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

from visavis.scaling.counts import Floats


def pearson(first: Floats, second: Floats) -> Floats:
    """Return Pearson's r along the last axis, without places where either is NaN; NaN where either is constant."""
    first, second = _in_common(first, second)
    if not first.shape[-1]:
        return np.full(first.shape[:-1], np.nan)
    x, y = _centred(first), _centred(second)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((x * y).sum(axis=-1) / np.sqrt((x * x).sum(axis=-1) * (y * y).sum(axis=-1)))


def spearman(first: Floats, second: Floats) -> Floats:
    """Return Spearman's ρ along the last axis, ties given their mean rank (Spearman 1904); NaN as `pearson`.

    Values that agree to nine decimals are tied: what is equal by symmetry should not be ranked by rounding.
    """
    first, second = _in_common(first, second)
    if not first.shape[-1]:
        return np.full(first.shape[:-1], np.nan)
    return pearson(*(rankdata(np.round(values, 9), axis=-1, nan_policy="omit") for values in (first, second)))


def kendall(first: Floats, second: Floats) -> Floats:
    """Return Kendall's τ-b along the last axis (Kendall 1945: corrected for ties); NaN as `pearson`.

    As for `spearman`, values that agree to nine decimals are tied.
    """
    x, y = (np.round(values, 9) for values in _in_common(first, second))
    concordant, untied_x, untied_y = (np.zeros(x.shape[:-1]) for _ in range(3))
    for lag in range(1, x.shape[-1]):  # every pair once, without a matrix of pairs for each row
        of_x, of_y = (np.nan_to_num(np.sign(values[..., lag:] - values[..., :-lag])) for values in (x, y))
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
    x, y = (np.round(values, 9) for values in _in_common(first, second))
    sums = [np.zeros(len(weights)) for _ in range(3)]
    for row in range(len(x)):
        of_x, of_y = (np.nan_to_num(np.sign(values[row, :, None, None] - values[None, row:])) for values in (x, y))
        for total, signs in zip(sums, (of_x * of_y, of_x * of_x, of_y * of_y), strict=True):
            between = signs.sum(axis=(0, 2))  # with each row from this one on
            drawn = weights[:, row]
            # Its copies make drawn (drawn - 1) / 2 ordered pairs and drawn unordered ones, which are half as many.
            total += drawn**2 * between[0] / 2 + drawn * (weights[:, row + 1 :] @ between[1:])
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(sums[0] / np.sqrt(sums[1] * sums[2]))


def _in_common(first: Floats, second: Floats) -> tuple[Floats, Floats]:
    """Return both with NaN wherever either has it."""
    first, second = np.broadcast_arrays(first, second)
    known = np.isfinite(first) & np.isfinite(second)
    if known.all():
        return first, second
    return np.where(known, first, np.nan), np.where(known, second, np.nan)


def _centred(values: Floats) -> Floats:
    """Return the values less their mean along the last axis, and 0 where they are NaN."""
    known = np.isfinite(values)
    if known.all():
        return np.asarray(values - values.mean(axis=-1, keepdims=True))
    mean = np.where(known, values, 0).sum(axis=-1, keepdims=True) / np.maximum(known.sum(axis=-1, keepdims=True), 1)
    return np.where(known, values - mean, 0.0)
