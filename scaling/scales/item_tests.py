"""Which items differ: all pairs at once, with the error of the family held."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import pandas as pd
from scipy.stats import norm, studentized_range
from scipy.stats import t as student

from visavis.scaling.counts import Floats
from visavis.scaling.errors import ScalingError
from visavis.scaling.intervals import normal_reach

from .bootstrap import TRIAL, Bootstrap
from .one_scale import SingleScale
from .scale import Scale

Adjustment = Literal["tukey", "holm", "none"]
ADJUSTMENTS: tuple[Adjustment, ...] = get_args(Adjustment)


def compare_items(
    scale: Scale | SingleScale | Bootstrap, *, adjustment: Adjustment = "tukey", level: float = 0.95
) -> pd.DataFrame:
    """Test the difference of every two items in every group.

    Parameters
    ----------
    scale : Scale, Bootstrap, or the result of a model of one scale
        With a covariance. That of pooled choices takes them for independent, which those of people who differ are not:
        for them give a Bootstrap over observers, or the scale of a population.
    adjustment : {'tukey', 'holm', 'none'}
        ``tukey``: studentised range (Tukey-Kramer), for p values and intervals. ``holm``: step-down for p values (Holm
        1979); its intervals are Bonferroni's. ``none``: one pair at a time. With infinite degrees of freedom; for a
        Bootstrap with one fewer than its units, of which a t statistic allows for the small number.
    level : float
        Of the intervals, together for all pairs of a group unless the adjustment is ``none``.

    Returns
    -------
    DataFrame
        The columns of the groups, then ``item, other, difference, se, z, p_value, low, high``; NaN where a group has no
        values.

    Raises
    ------
    ScalingError
        For least squares, which has no covariance, or an unknown adjustment.
    """
    if adjustment not in ADJUSTMENTS:
        raise ScalingError(f"unknown adjustment {adjustment!r}; choose from {', '.join(ADJUSTMENTS)}")
    if isinstance(scale, Scale) and scale.method == "least_squares":
        raise ScalingError("least squares has no covariance to test with: use method='map' or 'ml', or bootstrap")
    normal_reach(level)
    values, covariance, groups, df = _estimates(scale)
    n_groups, k = values.shape
    first, second = np.triu_indices(k, 1)
    pairs = len(first)
    difference = values[:, first] - values[:, second]
    variance = np.diagonal(covariance, axis1=1, axis2=2)
    se = np.sqrt(variance[:, first] + variance[:, second] - 2 * covariance[:, first, second])
    with np.errstate(invalid="ignore", divide="ignore"):
        z = difference / se
    one_pair = student(df) if np.isfinite(df) else norm
    alone = 2 * one_pair.sf(np.abs(z))
    if adjustment == "tukey":
        p_value = studentized_range.sf(np.abs(z) * np.sqrt(2), k, df)
        reach = studentized_range.ppf(level, k, df) / np.sqrt(2)
    elif adjustment == "holm":
        p_value = holm(alone)
        reach = one_pair.ppf(1 - (1 - level) / (2 * pairs))
    else:
        p_value, reach = alone, one_pair.ppf(0.5 + level / 2)
    items = np.array(scale.items, dtype=object)
    columns = {
        "item": np.tile(items[first], n_groups),
        "other": np.tile(items[second], n_groups),
        "difference": difference.ravel(),
        "se": se.ravel(),
        "z": z.ravel(),
        "p_value": np.minimum(p_value, 1).ravel(),
        "low": (difference - reach * se).ravel(),
        "high": (difference + reach * se).ravel(),
    }
    return groups.loc[np.repeat(np.arange(n_groups), pairs)].reset_index(drop=True).assign(**columns)


def _estimates(scale: Scale | SingleScale | Bootstrap) -> tuple[Floats, Floats, pd.DataFrame, float]:
    """Return the values and their covariance by group, the groups, and the degrees of freedom of the covariance."""
    if isinstance(scale, SingleScale):
        k = len(scale.items)
        return scale.values[None], scale.covariance[None, :k, :k], pd.DataFrame(index=range(1)), np.inf
    if isinstance(scale, Bootstrap):
        df = np.inf if scale.unit == (TRIAL,) else max(scale.n_units - 1, 1)
        return scale.values, scale.covariance, scale.estimate.counts.groups, df
    return scale.values, scale.covariance, scale.counts.groups, np.inf


def holm(p: np.ndarray) -> np.ndarray:
    """Adjust p values along the last axis for being several (Holm 1979)."""
    order = np.argsort(p, axis=-1)
    n = p.shape[-1]
    stepped = np.maximum.accumulate(np.take_along_axis(p, order, -1) * np.arange(n, 0, -1), axis=-1)
    adjusted = np.empty_like(p)
    np.put_along_axis(adjusted, order, stepped, -1)
    return adjusted
