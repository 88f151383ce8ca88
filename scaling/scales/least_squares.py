"""Scale values by least squares on transformed proportions: the classic solution, and what it does with 0 and 1.

The quantile of a proportion of 0 or 1 is infinite. With few repetitions such proportions are common, and what is put in
their place decides the scale; so the correction is a named option, and its effect is worth showing.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from visavis.scaling.counts import Floats
from visavis.scaling.errors import ScalingError

from .links import Link

Correction = Literal["clip", "add_half"]
CORRECTIONS: tuple[Correction, ...] = get_args(Correction)


def corrected_proportions(wins: Floats, correction: Correction) -> Floats:
    """Return the proportion of choices of row over column, away from 0 and 1.

    Parameters
    ----------
    wins : float array, shape (..., k, k)
    correction : {'clip', 'add_half'}
        ``clip``: proportions are kept within 1 / (2N) and 1 - 1 / (2N) (Macmillan & Kaplan 1985).
        ``add_half``: (wins + 1/2) / (N + 1), in every cell (Hautus 1995).

    Returns
    -------
    float array, shape (..., k, k)
        NaN where a pair was never compared.
    """
    if correction not in CORRECTIONS:
        raise ScalingError(f"unknown correction {correction!r}; choose from {', '.join(CORRECTIONS)}")
    n = wins + wins.swapaxes(-1, -2)
    with np.errstate(invalid="ignore", divide="ignore"):
        if correction == "add_half":
            return np.where(n > 0, (wins + 0.5) / (n + 1), np.nan)
        return np.where(n > 0, np.clip(wins / n, 1 / (2 * n), 1 - 1 / (2 * n)), np.nan)


def least_squares(wins: Floats, link: Link, correction: Correction) -> Floats:
    """Fit the differences of scale values to the quantiles of the proportions.

    With every pair compared this is the row mean of the quantiles (Thurstone 1927; Mosteller 1951); otherwise least
    squares on the differences that there are (Morrissey 1955; Gulliksen 1956).

    Parameters
    ----------
    wins : float array, shape (G, k, k)
        The comparisons must connect all items.
    link : Link
    correction : {'clip', 'add_half'}

    Returns
    -------
    float array, shape (G, k)
        Of mean 0 in each group.
    """
    k = wins.shape[-1]
    p = corrected_proportions(wins, correction)
    # The quantile of what is close to 1 is that of its complement turned round: 1 - p would round.
    quantiles = np.where(p > 0.5, -link.quantile(p.swapaxes(1, 2)), link.quantile(p))
    there = np.isfinite(quantiles) & ~np.eye(k, dtype=bool)
    total = np.where(there, quantiles, 0.0).sum(axis=2)
    laplacian = -there.astype(np.float64)
    laplacian[:, np.arange(k), np.arange(k)] = there.sum(axis=2)
    return np.linalg.solve(laplacian + 1.0 / k, total[..., None])[..., 0]
