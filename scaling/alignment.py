"""How well an observer's scale agrees with people's, beside how well people agree with each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from .bootstrap import tail_shares
from .correlation import kendall, pearson, spearman
from .counts import Floats, count_choices
from .crowds import Crowd, crowd
from .errors import ScalingError
from .resampling import resample_weights, resampled_scenes
from .scale import fit_scale

Mode = Literal["aggregate", "pooled", "per_scene_mean"]
MODES: tuple[Mode, ...] = get_args(Mode)
Coefficient = Literal["spearman", "pearson", "kendall"]
COEFFICIENTS: tuple[Coefficient, ...] = get_args(Coefficient)

_FUNCTIONS = {"spearman": spearman, "pearson": pearson, "kendall": kendall}


@dataclass(frozen=True)
class SceneScales:
    """Scale values by scene, of several observers or groups of observers, on one attribute.

    Attributes
    ----------
    attribute : str
    names : tuple of str
        Observers, or groups.
    scenes, items : tuple of str
    values : float array, shape (n names, n scenes, k)
        NaN where there is no choice of that observer in that scene.
    error_variances : float array, shape (n names, n scenes)
        Mean squared standard error of each scene's values; NaN where there is none.
    """

    attribute: str
    names: tuple[str, ...]
    scenes: tuple[str, ...]
    items: tuple[str, ...]
    values: Floats
    error_variances: Floats

    def __repr__(self) -> str:
        sizes = f"{len(self.names)} observers, {len(self.scenes)} scenes, {len(self.items)} items"
        return f"<SceneScales: {sizes}, on {self.attribute}>"

    def of(self, name: str) -> Floats:
        """Return the values of one observer; shape (n scenes, k)."""
        return np.asarray(self.values[self.names.index(name)])


def scene_scales(
    trials: pd.DataFrame, attribute: str, scenes: Sequence[str], items: Sequence[str], **options: Any
) -> SceneScales:
    """Scale every observer in every scene on one attribute.

    Parameters
    ----------
    trials : DataFrame
        Its column ``observer`` may name groups, whose choices are then pooled.
    attribute : str
    scenes, items : sequence of str
        In the order wanted.
    **options
        As for `fit_scale`.
    """
    counts = count_choices(trials[trials["attribute"] == attribute], ("observer", "scene"), items=items)
    names = tuple(dict.fromkeys(counts.groups["observer"]))
    values = np.full((len(names), len(scenes), len(items)), np.nan)
    row = pd.Index(names).get_indexer(pd.Index(counts.groups["observer"]))
    column = pd.Index(scenes).get_indexer(pd.Index(counts.groups["scene"]))
    fitted = fit_scale(counts, **options)
    values[row, column] = fitted.values
    errors = np.full((len(names), len(scenes)), np.nan)
    errors[row, column] = (fitted.standard_errors**2).mean(axis=-1)
    return SceneScales(attribute, names, tuple(scenes), tuple(items), values, errors)


def rho(first: Floats, second: Floats, mode: Mode = "aggregate", *, coefficient: Coefficient = "spearman") -> Floats:
    """Return Spearman's ρ, or another coefficient, between two observers' scales of the same scenes.

    Parameters
    ----------
    first, second : float arrays, shape (..., n scenes, k)
        Scenes that either lacks are left out.
    mode : {'aggregate', 'pooled', 'per_scene_mean'}
        ``aggregate``: of the mean scale values over scenes. ``pooled``: over all scenes and items at once (in a stack,
        the scenes that all of it share). ``per_scene_mean``: the mean of the scenes' ρ.
    coefficient : {'spearman', 'pearson', 'kendall'}
        Kendall's is τ-b.

    Returns
    -------
    float array, shape (...)
        NaN where no scene is shared, or a scale is flat.
    """
    if mode not in MODES:
        raise ScalingError(f"there is no mode {mode!r} of ρ: known are {', '.join(MODES)}")
    if coefficient not in COEFFICIENTS:
        raise ScalingError(f"there is no coefficient {coefficient!r}: known are {', '.join(COEFFICIENTS)}")
    correlate = _FUNCTIONS[coefficient]
    first, second = np.broadcast_arrays(first, second)
    shared = np.isfinite(first).all(axis=-1) & np.isfinite(second).all(axis=-1)
    if mode == "per_scene_mean":
        return _mean_of_finite(correlate(first, second))
    if mode == "aggregate":
        weight = shared.astype(float) / np.where(shared.any(-1), shared.sum(-1), np.nan)[..., None]
        means = (np.einsum("...s,...sk->...k", weight, np.nan_to_num(values)) for values in (first, second))
        return correlate(*means)
    flat = [values[..., shared.reshape(-1, shared.shape[-1]).all(0), :] for values in (first, second)]
    return correlate(*(values.reshape(*values.shape[:-2], -1) for values in flat))


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
    n: int = 2000,
    seed: int = 0,
    level: float = 0.95,
    expanded: bool = True,
) -> Rho:
    """Return ρ, or another coefficient, with an interval over resampled scenes.

    Parameters
    ----------
    first, second : float arrays, shape (n scenes, k)
    mode : {'aggregate', 'pooled', 'per_scene_mean'}
    coefficient : {'spearman', 'pearson', 'kendall'}
    n : int
        Number of resamples.
    seed : int
    level : float
    expanded : bool
        Take percentiles further out, since scenes are few (see `tail_shares`).

    Returns
    -------
    Rho
        With NaN limits where fewer than two scenes are shared.
    """
    shared = np.isfinite(first).all(axis=-1) & np.isfinite(second).all(axis=-1)
    first, second = first[shared], second[shared]
    estimate = float(rho(first, second, mode, coefficient=coefficient)) if len(first) else float("nan")
    if len(first) < 2:
        return Rho(estimate, float("nan"), float("nan"), len(first))
    drawn = resampled_scenes(len(first), n, seed)
    if mode == "per_scene_mean":  # a resample's scenes have the coefficients that they have
        draws = _mean_of_finite(_FUNCTIONS[coefficient](first, second)[drawn])
    else:
        draws = rho(first[drawn], second[drawn], mode, coefficient=coefficient)
    if not np.isfinite(draws).any():
        return Rho(estimate, float("nan"), float("nan"), len(first))
    low, high = np.nanquantile(draws, tail_shares(level, len(first), expanded=expanded))
    return Rho(estimate, float(low), float(high), len(first))


def leave_one_out_rho(
    trials: pd.DataFrame,
    attribute: str,
    scenes: Sequence[str],
    items: Sequence[str],
    mode: Mode = "aggregate",
    **options: Any,
) -> pd.Series:
    """Return each person's ρ with all the others pooled: the ceiling for anyone who is no better than a person.

    Parameters
    ----------
    trials : DataFrame
        Of people alone.
    attribute : str
    scenes, items : sequence of str
    mode : {'aggregate', 'pooled', 'per_scene_mean'}
    **options
        As for `fit_scale`.

    Returns
    -------
    Series
        By person; empty where there is only one. Its mean is the lower bound of the noise ceiling (Nili et al. 2014).
    """
    people = crowd(trials, attribute, scenes, items, **options)
    if len(people.people) < 2:
        return pd.Series(dtype=float, name="rho")
    return pd.Series(rho(people.each(), people.without_each(), mode), index=list(people.people), name="rho")


@dataclass(frozen=True)
class Ceilings:
    """How well people agree with each other: no model can be asked for more.

    Attributes
    ----------
    leave_one_out : float
        Mean ρ of one person with all others pooled (Nili et al. 2014, lower bound).
    with_all : float
        Mean ρ of one person with all, that person included (upper bound).
    split_half : float
        Mean ρ between the two halves of random divisions of the people.
    between : float
        Mean ρ of two people.
    """

    leave_one_out: float
    with_all: float
    split_half: float
    between: float


def rho_ceilings(people: Crowd, mode: Mode = "aggregate", *, halves: int = 100, seed: int = 0) -> Ceilings:
    """Return the ceilings of ρ; NaN for fewer than two people.

    Parameters
    ----------
    people : Crowd
    mode : {'aggregate', 'pooled', 'per_scene_mean'}
    halves : int
        Number of random divisions.
    seed : int
    """
    count = len(people.people)
    if count < 2:
        return Ceilings(*(float("nan"),) * 4)
    each = people.each()
    rng = np.random.default_rng(seed)
    order = rng.permuted(np.tile(np.arange(count), (halves, 1)), axis=1)
    first = (order < count // 2).astype(float)
    second = (order >= count - count // 2).astype(float)
    one, other = np.triu_indices(count, 1)
    found = (
        rho(each, people.without_each(), mode),
        rho(each, people.scales(np.ones((1, count))), mode),
        rho(people.scales(first), people.scales(second), mode),
        rho(each[one], each[other], mode),
    )
    return Ceilings(*(float(np.nanmean(values)) if np.isfinite(values).any() else float("nan") for values in found))


def nested_rho(
    model: Floats,
    people: Crowd,
    mode: Mode = "aggregate",
    *,
    n: int = 1000,
    seed: int = 0,
    level: float = 0.95,
    expanded: bool = True,
) -> Rho:
    """Return ρ of a model with people, its interval over resampled scenes and resampled people together.

    Parameters
    ----------
    model : float array, shape (n scenes, k)
    people : Crowd
    mode : {'aggregate', 'pooled', 'per_scene_mean'}
    n, seed, level, expanded
        As for `bootstrap_rho`; the smaller number of scenes and people decides how far intervals are expanded.
    """
    count, scenes = len(people.people), len(people.scenes)
    estimate = float(rho(model, people.scales(np.ones((1, count)))[0], mode))
    if count < 2 or scenes < 2:
        return Rho(estimate, float("nan"), float("nan"), scenes)
    human = people.scales(resample_weights(count, n, np.random.default_rng(seed)))
    drawn = resampled_scenes(scenes, n, seed + 1)
    resampled = np.take_along_axis(human, drawn[:, :, None], axis=1)
    draws = rho(model[drawn], resampled, mode)
    if not np.isfinite(draws).any():
        return Rho(estimate, float("nan"), float("nan"), scenes)
    low, high = np.nanquantile(draws, tail_shares(level, min(count, scenes), expanded=expanded))
    return Rho(estimate, float(low), float(high), scenes)
