"""What each observer's preference is made of: the weights of the other attributes, over all scenes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .bootstrap import tail_shares
from .counts import Floats
from .errors import ScalingError
from .resampling import resampled_scenes
from .weights import attribute_weights

COLUMNS = ("observer", "attribute", "beta", "low", "high", "normalised", "lmg", "r_squared", "collinearity", "scenes")


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
        A row for each observer and other attribute: ``beta`` (standardised) with its interval ``low, high``,
        ``normalised``, ``lmg``, ``r_squared`` (of the whole regression), ``collinearity`` (largest correlation among
        the other attributes) and ``scenes``. Observers that lack an attribute, or whose values cannot be told apart,
        are left out.
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
        low, high = _interval(cube, n, seed, level, expanded)
        among = np.abs(found.correlations - np.eye(len(others))).max()
        columns = zip(others, found.beta, low, high, found.normalised, found.lmg, strict=True)
        rows += [(observer, *values, found.r_squared, float(among), len(cube)) for values in columns]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _cube(wide: pd.DataFrame, columns: list[str]) -> Floats:
    """Return the values of the scenes that have every item; shape (scenes, items, attributes)."""
    n_items = wide.index.get_level_values("item").nunique()
    sizes = wide.groupby(level="scene").size()
    whole = wide.loc[wide.index.get_level_values("scene").isin(sizes.index[sizes == n_items])].sort_index()
    return whole[columns].to_numpy(dtype=np.float64).reshape(-1, n_items, len(columns))


def _interval(cube: Floats, n: int, seed: int, level: float, expanded: bool) -> tuple[Floats, Floats]:
    """Return percentiles of β over resampled scenes; NaN with fewer than two."""
    n_scenes, _, p = cube.shape[0], cube.shape[1], cube.shape[2] - 1
    if n_scenes < 2:
        return np.full(p, np.nan), np.full(p, np.nan)
    drawn = cube[resampled_scenes(n_scenes, n, seed)].reshape(n, -1, p + 1)
    drawn = drawn - drawn.mean(axis=1, keepdims=True)
    spread = np.sqrt((drawn**2).sum(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        correlations = np.einsum("nri,nrj->nij", drawn, drawn) / (spread[:, :, None] * spread[:, None, :])
    usable = np.isfinite(correlations).all(axis=(1, 2))
    among, with_target = correlations[usable, :p, :p], correlations[usable, :p, p]
    usable_rank = np.linalg.cond(among) < 1e10
    betas = np.linalg.solve(among[usable_rank], with_target[usable_rank][..., None])[..., 0]
    low, high = np.quantile(betas, tail_shares(level, n_scenes, expanded=expanded), axis=0)
    return low, high
