"""How well an observer's scale agrees with people's, beside how well people agree with each other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from visavis.scaling.counts import Floats
from visavis.scaling.errors import ScalingError
from visavis.scaling.intervals import DEFAULT, Resampling
from visavis.scaling.study.options import MODES, Mode

from .pooled_people import PooledPeople
from .rank_correlation import kendall, kendall_of_resamples, pearson, spearman

Coefficient = Literal["spearman", "pearson", "kendall"]
COEFFICIENTS: tuple[Coefficient, ...] = get_args(Coefficient)

_FUNCTIONS = {"spearman": spearman, "pearson": pearson, "kendall": kendall}


def rho(first: Floats, second: Floats, mode: Mode = "aggregate", *, coefficient: Coefficient = "spearman") -> Floats:
    """Return Spearman's ρ, or another coefficient, between two observers' scales of the same scenes.

    Parameters
    ----------
    first, second : float arrays, shape (..., n scenes, k)
        Renditions that either lacks in a scene are left out there, of both, and what is left is centred: the values of
        a scene are known up to a shift.
    mode : {'aggregate', 'pooled', 'per_scene_mean'}
        ``aggregate``: of the mean scale values over scenes. ``pooled``: over all scenes and items at once.
        ``per_scene_mean``: the mean of the scenes' ρ.
    coefficient : {'spearman', 'pearson', 'kendall'}
        Kendall's is τ-b.

    Returns
    -------
    float array, shape (...)
        NaN where nothing is shared, or a scale is flat.
    """
    if mode not in MODES:
        raise ScalingError(f"unknown mode {mode!r} of ρ; choose from {', '.join(MODES)}")
    if coefficient not in COEFFICIENTS:
        raise ScalingError(f"unknown coefficient {coefficient!r}; choose from {', '.join(COEFFICIENTS)}")
    correlate = _FUNCTIONS[coefficient]
    first, second = in_common(first, second)
    if mode == "per_scene_mean":
        return _mean_of_finite(correlate(first, second))
    if mode == "aggregate":
        return correlate(*(_mean_of_finite(values.swapaxes(-1, -2)) for values in (first, second)))
    return correlate(*(values.reshape(*values.shape[:-2], -1) for values in (first, second)))


def in_common(*scales: Floats) -> tuple[Floats, ...]:
    """Return scales with NaN wherever one of them has it; shape (..., n scenes, k) each.

    A scene that lacks some renditions is centred on those that are left; with fewer than two of them it is NaN.
    """
    scales = tuple(np.broadcast_arrays(*scales))
    known = np.isfinite(scales).all(axis=0)
    if known.all():
        return scales
    known &= known.sum(axis=-1, keepdims=True) > 1
    whole, count = known.all(axis=-1, keepdims=True), np.maximum(known.sum(axis=-1, keepdims=True), 1)
    means = (np.where(known & ~whole, values, 0).sum(axis=-1, keepdims=True) / count for values in scales)
    return tuple(np.where(known, values - mean, np.nan) for values, mean in zip(scales, means, strict=True))


def _mean_of_finite(values: Floats) -> Floats:
    """Return the mean along the last axis without what is not finite; NaN where nothing is."""
    usable = np.isfinite(values)
    count = np.where(usable.any(axis=-1), usable.sum(axis=-1), np.nan)
    return np.asarray(np.where(usable, values, 0).sum(axis=-1) / count)


@dataclass(frozen=True)
class Rho:
    """Spearman's ρ with its interval.

    Attributes
    ----------
    estimate, low, high : float
    n_scenes : int
        Scenes that both have.
    """

    estimate: float
    low: float
    high: float
    n_scenes: int


def bootstrap_rho(
    first: Floats,
    second: Floats,
    mode: Mode = "aggregate",
    *,
    coefficient: Coefficient = "spearman",
    resampling: Resampling = DEFAULT,
) -> Rho:
    """Return ρ, or another coefficient, with an interval over resampled scenes.

    Parameters
    ----------
    first, second : float arrays, shape (n scenes, k)
    mode : {'aggregate', 'pooled', 'per_scene_mean'}
    coefficient : {'spearman', 'pearson', 'kendall'}
    resampling : Resampling

    Returns
    -------
    Rho
        With NaN limits where fewer than two scenes are shared.
    """
    first, second = in_common(first, second)
    shared = np.isfinite(first).any(axis=-1)
    first, second = first[shared], second[shared]
    estimate = float(rho(first, second, mode, coefficient=coefficient)) if len(first) else float("nan")
    if len(first) < 2:
        return Rho(estimate, float("nan"), float("nan"), len(first))
    drawn = resampling.units(len(first))
    if mode == "per_scene_mean":  # a resample's scenes have the coefficients that they have
        draws = _mean_of_finite(_FUNCTIONS[coefficient](first, second)[drawn])
    elif mode == "pooled" and coefficient == "kendall":  # its work grows with the square of what is pooled
        draws = kendall_of_resamples(first, second, resampling.weights(len(first)))
    else:
        draws = rho(first[drawn], second[drawn], mode, coefficient=coefficient)
    low, high = resampling.limits(draws, len(first), estimate=estimate, bounds=(-1, 1))
    return Rho(estimate, float(low), float(high), len(first))


def nested_rho(
    model: Floats,
    people: PooledPeople,
    mode: Mode = "aggregate",
    resampling: Resampling = DEFAULT,
) -> Rho:
    """Return ρ of a model with people, its interval over resampled scenes and resampled people together.

    Parameters
    ----------
    model : float array, shape (n scenes, k)
    people : PooledPeople
    mode : {'aggregate', 'pooled', 'per_scene_mean'}
    resampling : Resampling
        The smaller number of scenes and people decides how far intervals are expanded.
    """
    count, scenes = len(people.people), len(people.scenes)
    estimate = float(rho(model, people.scales(np.ones((1, count)))[0], mode))
    if count < 2 or scenes < 2:
        return Rho(estimate, float("nan"), float("nan"), scenes)
    human = people.scales(resampling.weights(count))
    drawn = replace(resampling, seed=resampling.seed + 1).units(scenes)
    resampled = np.take_along_axis(human, drawn[:, :, None], axis=1)
    draws = rho(model[drawn], resampled, mode)
    low, high = resampling.limits(draws, min(count, scenes), estimate=estimate, bounds=(-1, 1))
    return Rho(estimate, float(low), float(high), scenes)
