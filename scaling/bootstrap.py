"""Uncertainty by resampling: draw again the units that the conclusion should hold for, and scale again.

Whatever varies in the world has to vary in the resamples: people (would other people say the same?) and scenes (would
other scenes?). Trials of one observer are no such unit, and resampling them gives intervals that are too narrow for
either question.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .counts import Counts, Floats
from .errors import ScalingError
from .scale import Scale, fit_scale


@dataclass(frozen=True)
class Bootstrap:
    """Scale values of resampled data.

    Attributes
    ----------
    estimate : Scale
        Of the data as they are.
    unit : str
        Column that was resampled.
    draws : float array, shape (n, G, k)
        Scale values of each resample, in the groups of `estimate`.
    seed : int
    """

    estimate: Scale
    unit: str
    draws: Floats
    seed: int

    def interval(self, level: float = 0.95) -> tuple[Floats, Floats]:
        """Return the percentile interval (Efron & Tibshirani 1993, ch. 13); two arrays of shape (G, k)."""
        low, high = np.nanquantile(self.draws, [(1 - level) / 2, (1 + level) / 2], axis=0)
        return low, high


def resample_weights(n_units: int, n: int, rng: np.random.Generator) -> Floats:
    """Return how often each unit occurs in each resample; shape (n, n_units), rows summing to n_units."""
    return rng.multinomial(n_units, np.full(n_units, 1 / n_units), size=n).astype(np.float64)


def bootstrap_scale(
    counts: Counts, unit: str, by: Sequence[str], *, n: int = 1000, seed: int = 0, **options: Any
) -> Bootstrap:
    """Scale the pooled counts of resampled units, such as observers.

    Parameters
    ----------
    counts : Counts
        Counted apart by the columns `unit` and `by`.
    unit : str
        Column whose values are drawn with replacement, such as ``observer``.
    by : sequence of str
        Columns that tell the pooled groups apart, such as ``attribute`` and ``scene``. A unit drawn twice counts twice
        in every group.
    n : int
        Number of resamples.
    seed : int
    **options
        As for `fit_scale`.

    Raises
    ------
    ScalingError
        If a column is missing, or there is only one unit to draw from.
    """
    pooled = counts.pool(by)
    units = counts.pool([unit]).groups[unit]
    if len(units) < 2:
        raise ScalingError(f"there is one {unit} only: resampling it tells nothing of others")
    each = counts.pool([unit, *by])
    n_groups, k = len(pooled.groups), len(counts.items)
    where = pooled.groups.assign(_group=np.arange(n_groups)) if by else None
    group = each.groups.merge(where, on=list(by), how="left")["_group"].to_numpy() if where is not None else 0
    row = units.reset_index(drop=True)
    number = row.reset_index().set_index(unit)["index"].loc[each.groups[unit]].to_numpy()
    table = np.zeros((len(units), n_groups, 2, k, k))
    table[number, group, 0], table[number, group, 1] = each.wins, each.ties
    weights = resample_weights(len(units), n, np.random.default_rng(seed))
    drawn = np.tensordot(weights, table, axes=1)  # (n, G, 2, k, k)
    wins, ties = drawn[:, :, 0].reshape(-1, k, k), drawn[:, :, 1].reshape(-1, k, k)
    compared = (wins + ties).any(axis=(1, 2))
    values = np.full((n * n_groups, k), np.nan)
    values[compared] = fit_scale(Counts.from_matrix(wins[compared], counts.items, ties[compared]), **options).values
    return Bootstrap(fit_scale(pooled, **options), unit, values.reshape(n, n_groups, k), seed)
