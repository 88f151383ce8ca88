"""Which items differ: all pairs at once, with the error of the family held."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import pandas as pd
from scipy.stats import norm, studentized_range

from .errors import ScalingError
from .scale import Scale

Adjustment = Literal["tukey", "holm", "none"]
ADJUSTMENTS: tuple[Adjustment, ...] = get_args(Adjustment)


def compare_items(scale: Scale, *, adjustment: Adjustment = "tukey", level: float = 0.95) -> pd.DataFrame:
    """Test the difference of every two items in every group.

    Parameters
    ----------
    scale : Scale
        With a covariance: by maximum likelihood or with a prior.
    adjustment : {'tukey', 'holm', 'none'}
        ``tukey``: studentised range with infinite degrees of freedom (Tukey-Kramer), for p values and intervals.
        ``holm``: step-down for p values (Holm 1979); its intervals are Bonferroni's. ``none``: one pair at a time.
    level : float
        Of the intervals, together for all pairs of a group unless the adjustment is ``none``.

    Returns
    -------
    DataFrame
        The columns of the groups, then ``item, other, difference, se, z, p_value, low, high``.

    Raises
    ------
    ScalingError
        For least squares, which has no covariance, or an unknown adjustment.
    """
    if adjustment not in ADJUSTMENTS:
        raise ScalingError(f"there is no adjustment {adjustment!r}: known are {', '.join(ADJUSTMENTS)}")
    if scale.method == "least_squares":
        raise ScalingError("least squares has no covariance to test with: use method='map' or 'ml', or bootstrap")
    n_groups, k = scale.values.shape
    first, second = np.triu_indices(k, 1)
    pairs = len(first)
    difference = scale.values[:, first] - scale.values[:, second]
    variance = np.diagonal(scale.covariance, axis1=1, axis2=2)
    se = np.sqrt(variance[:, first] + variance[:, second] - 2 * scale.covariance[:, first, second])
    z = difference / se
    alone = 2 * norm.sf(np.abs(z))
    if adjustment == "tukey":
        p_value = studentized_range.sf(np.abs(z) * np.sqrt(2), k, np.inf)
        reach = studentized_range.ppf(level, k, np.inf) / np.sqrt(2)
    elif adjustment == "holm":
        p_value = holm(alone)
        reach = norm.ppf(1 - (1 - level) / (2 * pairs))
    else:
        p_value, reach = alone, norm.ppf(0.5 + level / 2)
    items = np.array(scale.counts.items)
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
    groups = scale.counts.groups.loc[np.repeat(np.arange(n_groups), pairs)].reset_index(drop=True)
    return groups.assign(**columns)


def holm(p: np.ndarray) -> np.ndarray:
    """Adjust p values along the last axis for being several (Holm 1979)."""
    order = np.argsort(p, axis=-1)
    n = p.shape[-1]
    stepped = np.maximum.accumulate(np.take_along_axis(p, order, -1) * np.arange(n, 0, -1), axis=-1)
    adjusted = np.empty_like(p)
    np.put_along_axis(adjusted, order, stepped, -1)
    return adjusted
