"""Signal detection and agreement indices for forced choices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from visavis.scaling.counts import Floats
from visavis.scaling.errors import ScalingError


@dataclass(frozen=True)
class Detection:
    """Sensitivity and bias in a two-alternative forced choice.

    Attributes
    ----------
    d_prime : float
        (z(H) - z(F)) / √2.
    criterion : float
        -(z(H) + z(F)) / 2; below 0 where the first alternative is favoured.
    """

    d_prime: float
    criterion: float


def two_afc(hits: float, false_alarms: float) -> Detection:
    """Return d' and c of a two-alternative forced choice (Macmillan & Creelman 2005, ch. 7).

    Parameters
    ----------
    hits : float
        Share of "first" where the first is right, in (0, 1).
    false_alarms : float
        Share of "first" where the second is right, in (0, 1).

    Raises
    ------
    ScalingError
        For a rate of 0 or 1, whose z is infinite: correct it first, for example by (k + 1/2) / (n + 1).
    """
    for name, rate in (("hits", hits), ("false_alarms", false_alarms)):
        if not 0 < rate < 1:
            raise ScalingError(f"{name} is {rate}, and z of 0 or 1 is infinite: use (k + 1/2) / (n + 1)")
    z_hit, z_false = float(ndtri(hits)), float(ndtri(false_alarms))
    return Detection((z_hit - z_false) / float(np.sqrt(2)), -(z_hit + z_false) / 2)


def error_consistency(observed: ArrayLike, first: ArrayLike, second: ArrayLike) -> Floats:
    """Return error consistency κ of two observers (Geirhos, Meding & Wichmann 2020, eqs. 1-3).

    Parameters
    ----------
    observed : array_like
        Share of trials on which both are right or both are wrong.
    first, second : array_like
        Share of trials on which each is right. For preference the truth is the majority of the other people.

    Returns
    -------
    float array, of the shape that the parameters broadcast to
        1 for the same errors, 0 for no more than their accuracies give by chance; NaN where chance is certain.

    Raises
    ------
    ScalingError
        For what is not a share in [0, 1].
    """
    observed, first, second = (np.asarray(share, dtype=float) for share in (observed, first, second))
    for name, share in (("observed", observed), ("first", first), ("second", second)):
        if ((share < 0) | (share > 1)).any():
            raise ScalingError(f"{name} must be shares from 0 to 1, not {share.tolist()}")
    chance = first * second + (1 - first) * (1 - second)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(chance == 1, np.nan, (observed - chance) / (1 - chance)))


def largest_error_consistency(first: ArrayLike, second: ArrayLike) -> Floats:
    """Return the largest κ that two accuracies allow (Geirhos et al. 2020, appendix)."""
    return error_consistency(1 - np.abs(np.subtract(first, second)), first, second)


def stress(differences: ArrayLike, judged: ArrayLike) -> float:
    """Return STRESS, in 0 to 100: how badly one set of differences is proportional to another.

    100 √(Σ(A - F B)² / Σ F² B²), F = ΣA² / ΣAB (García et al. 2007).

    Parameters
    ----------
    differences, judged : array_like, shape (n,)

    Raises
    ------
    ScalingError
        For sets of different length, missing differences, or differences that have nothing in common.
    """
    a, b = np.array(differences, dtype=np.float64), np.array(judged, dtype=np.float64)
    if a.shape != b.shape or not np.isfinite([*a, *b]).all() or not (a @ b):
        raise ScalingError("STRESS needs two equally long sets of finite differences that are not orthogonal")
    factor = (a @ a) / (a @ b)
    return float(100 * np.sqrt(((a - factor * b) ** 2).sum() / (factor**2 * (b @ b))))
