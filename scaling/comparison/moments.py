"""Correlations of true scale values, from estimates whose errors are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from visavis.scaling.counts import Floats

ERROR = "error_variance"
_WORST_CONDITION = 1e10


@dataclass(frozen=True)
class Moments:
    """What the scenes of one observer contribute to the covariances of its attributes.

    Attributes
    ----------
    attributes : tuple of str
        The p attributes.
    scenes : tuple of str
    counts : float array, shape (n scenes,)
        Renditions that have a value on every attribute.
    sums : float array, shape (n scenes, p)
    products : float array, shape (n scenes, p, p)
    errors : float array, shape (n scenes, p)
        What the errors of the values add to their squares: the sum of their variances, 0 where unknown.
    """

    attributes: tuple[str, ...]
    scenes: tuple[str, ...]
    counts: Floats
    sums: Floats
    products: Floats
    errors: Floats

    def of_scenes(self, scenes: Sequence[str]) -> Moments:
        """Return the moments of some scenes."""
        place = [self.scenes.index(name) for name in scenes]
        parts = (self.counts[place], self.sums[place], self.products[place], self.errors[place])
        return Moments(self.attributes, tuple(scenes), *parts)

    def correlations(self, weights: Floats) -> Floats:
        """Return the correlations of the true values over scenes that count so often.

        The errors of different attributes, which come from different trials, are independent: they add to the
        variances alone and are taken off there (errors in variables; Fuller 1987, sec. 1.2 and 2.2).

        Parameters
        ----------
        weights : float array, shape (n, n scenes)

        Returns
        -------
        float array, shape (n, p, p)
            NaN where errors are all the variance there is, or the attributes but the last determine each other.
        """
        total = (weights @ self.counts)[:, None]
        mean = (weights @ self.sums) / total
        p = len(self.attributes)
        covariance = (
            np.einsum("ns,sij->nij", weights, self.products) - total[..., None] * mean[:, :, None] * mean[:, None]
        )
        diagonal = np.arange(p)
        covariance[:, diagonal, diagonal] -= weights @ self.errors
        variance = covariance[:, diagonal, diagonal]
        usable = (variance > 1e-12 * np.maximum(total, 1)).all(axis=1)
        spread = np.sqrt(np.where(usable[:, None], variance, 1))
        correlations = covariance / (spread[:, :, None] * spread[:, None, :])
        others = np.where(usable[:, None, None], correlations, np.eye(p))[:, : p - 1, : p - 1]
        lowest = np.linalg.eigvalsh(others)[:, 0]
        usable &= (lowest > 0) & (np.linalg.cond(others) < _WORST_CONDITION)
        return np.asarray(np.where(usable[:, None, None], correlations, np.nan))


def moments_of(scales: pd.DataFrame, attributes: Sequence[str]) -> Moments:
    """Gather the moments of one observer's scale values.

    Parameters
    ----------
    scales : DataFrame
        ``attribute, scene, item, value`` and, if known, ``error_variance``.
    attributes : sequence of str
    """
    wide = scales.pivot_table(index=["scene", "item"], columns="attribute", values="value")
    wide = wide.reindex(columns=list(attributes)).dropna()
    errors = pd.DataFrame(0.0, index=wide.index, columns=wide.columns)
    if ERROR in scales and scales[ERROR].notna().any():
        found = scales.pivot_table(index=["scene", "item"], columns="attribute", values=ERROR)
        errors = found.reindex(index=wide.index, columns=wide.columns).fillna(0.0)
    everything = wide.index.get_level_values("item").nunique()
    parts = []
    for scene, part in wide.groupby(level="scene", sort=True):
        values = part.to_numpy(dtype=np.float64)
        if len(values) < everything:  # what is left of a scene is known up to a shift
            values = values - values.mean(axis=0)
        parts.append(
            (str(scene), len(values), values.sum(0), values.T @ values, errors.loc[part.index].sum().to_numpy())
        )
    p = len(attributes)
    empty = np.zeros(0), np.zeros((0, p)), np.zeros((0, p, p)), np.zeros((0, p))
    names, *numbers = zip(*parts, strict=True) if parts else ((), *empty)
    return Moments(tuple(attributes), tuple(names), *(np.array(each, dtype=np.float64) for each in numbers))
