"""What each observer's preference is made of: the weights of the other attributes, over all scenes."""

from __future__ import annotations

from itertools import combinations
from math import comb

import numpy as np
import pandas as pd

from .bootstrap import tail_shares
from .counts import Floats
from .errors import ScalingError
from .resampling import resampled_scenes
from .weights import attribute_weights

COLUMNS = (
    *("observer", "attribute", "beta", "low", "high", "normalised", "normalised_low", "normalised_high"),
    *("lmg", "lmg_low", "lmg_high", "r_squared", "r_squared_low", "r_squared_high", "collinearity", "scenes"),
)


def preference_weights(
    scene_scales: pd.DataFrame,
    target: str = "preference",
    *,
    n: int = 2000,
    seed: int = 0,
    level: float = 0.95,
    expanded: bool = True,
) -> pd.DataFrame:
    """Regress each observer's values of one attribute on its values of the others.

    Parameters
    ----------
    scene_scales : DataFrame
        ``attribute, observer, scene, item, value``, as in `Comparison.scene_scales`.
    target : str
        The attribute to be explained.
    n, seed, level, expanded
        Of the intervals, over resampled scenes.

    Returns
    -------
    DataFrame
        A row for each observer and other attribute: ``beta`` (standardised) with its interval ``low, high``;
        ``normalised`` (|β| / Σ|β|), ``lmg`` and ``r_squared`` (of the whole regression) with theirs,
        ``normalised_low`` and so on; ``collinearity`` (largest correlation among the other attributes) and ``scenes``.
        Observers that lack an attribute, or whose values cannot be told apart, are left out.
    """
    rows = []
    for observer, part in scene_scales.groupby("observer", sort=False):
        wide = part.pivot_table(index=["scene", "item"], columns="attribute", values="value").dropna()
        others = [name for name in wide.columns if name != target]
        if target not in wide or not others:
            continue
        try:
            found = attribute_weights(wide[others], wide[target].to_numpy(dtype=float))
        except ScalingError:  # too few rows, or an attribute that is constant or a sum of others: no weights to tell
            continue
        cube = _cube(wide, [*others, target])
        low, high = _intervals(cube, n, seed, level, expanded)
        among = np.abs(found.correlations - np.eye(len(others))).max()
        estimates = found.beta, found.normalised, found.lmg, np.full(len(others), found.r_squared)
        for place, name in enumerate(others):
            with_limits = [
                value
                for which, estimate in enumerate(estimates)
                for value in (estimate[place], low[which, place], high[which, place])
            ]
            rows.append((observer, name, *with_limits, float(among), len(cube)))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _cube(wide: pd.DataFrame, columns: list[str]) -> Floats:
    """Return the values of the scenes that have every item; shape (scenes, items, attributes)."""
    n_items = wide.index.get_level_values("item").nunique()
    sizes = wide.groupby(level="scene").size()
    whole = wide.loc[wide.index.get_level_values("scene").isin(sizes.index[sizes == n_items])].sort_index()
    return whole[columns].to_numpy(dtype=np.float64).reshape(-1, n_items, len(columns))


def _intervals(cube: Floats, n: int, seed: int, level: float, expanded: bool) -> tuple[Floats, Floats]:
    """Return percentiles over resampled scenes, of β, |β| / Σ|β|, LMG and R²; shape (4, attributes) each.

    NaN with fewer than two scenes.
    """
    n_scenes, _, p = cube.shape[0], cube.shape[1], cube.shape[2] - 1
    unknown = np.full((4, p), np.nan)
    if n_scenes < 2:
        return unknown, unknown
    drawn = cube[resampled_scenes(n_scenes, n, seed)].reshape(n, -1, p + 1)
    drawn = drawn - drawn.mean(axis=1, keepdims=True)
    spread = np.sqrt((drawn**2).sum(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        correlations = np.einsum("nri,nrj->nij", drawn, drawn) / (spread[:, :, None] * spread[:, None, :])
    correlations = correlations[np.isfinite(correlations).all(axis=(1, 2))]
    correlations = correlations[np.linalg.cond(correlations[:, :p, :p]) < 1e10]
    if not len(correlations):
        return unknown, unknown
    among, with_target = correlations[:, :p, :p], correlations[:, :p, p]
    betas = np.linalg.solve(among, with_target[..., None])[..., 0]
    with np.errstate(invalid="ignore"):
        normalised = np.abs(betas) / np.abs(betas).sum(axis=1, keepdims=True)
    r_squared = np.repeat((betas * with_target).sum(axis=1, keepdims=True), p, axis=1)
    draws = np.stack([betas, normalised, _lmg(among, with_target), r_squared])
    draws = draws[:, np.isfinite(draws).all(axis=(0, 2))]  # where nothing is explained, there are no shares
    if not draws.shape[1]:
        return unknown, unknown
    low, high = np.quantile(draws, tail_shares(level, n_scenes, expanded=expanded), axis=1)
    return low, high


def _lmg(among: Floats, with_target: Floats) -> Floats:
    """Return LMG shares of many regressions at once, as means over all sets of the other attributes (Shapley 1953).

    The same as `weights_from_correlations`, which takes means over all orders; shapes (m, p, p), (m, p) to (m, p).
    """
    m, p = with_target.shape
    explained = {frozenset[int](): np.zeros(m)}
    for size in range(1, p + 1):
        for chosen in combinations(range(p), size):
            index = list(chosen)
            beta = np.linalg.solve(among[:, index][:, :, index], with_target[:, index, None])[..., 0]
            explained[frozenset(chosen)] = (beta * with_target[:, index]).sum(axis=1)
    shares = np.zeros((m, p))
    for before, already in explained.items():
        weight = 1 / (p * comb(p - 1, len(before))) if len(before) < p else 0.0
        for attribute in set(range(p)) - before:
            shares[:, attribute] += weight * (explained[before | {attribute}] - already)
    return shares
