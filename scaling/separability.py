"""Whether models agree with people where people see a clear difference, and only there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import expit
from scipy.stats import norm

from .correlation import spearman
from .counts import Floats
from .majorities import majorities

CURVE_COLUMNS = ("attribute", "observer", "intercept", "slope", "low", "high", "pairs", "scenes_rho")
POINT_COLUMNS = ("attribute", "observer", "separation", "agreement", "low", "high", "pairs")
BINS = 5


def separability(
    trials: pd.DataFrame, people: Sequence[str], scales: pd.DataFrame, *, people_name: str, level: float = 0.95
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Relate each model's agreement with people to how far apart people see the two images.

    Parameters
    ----------
    trials : DataFrame
        Main trials.
    people : sequence of str
    scales : DataFrame
        ``attribute, observer, scene, item, value`` with the people's values under `people_name`.
    people_name : str
    level : float
        Of the intervals.

    Returns
    -------
    curves : DataFrame
        ``attribute, observer, intercept, slope, low, high, pairs, scenes_rho``: a logistic regression of agreement
        (the observer's majority is the people's) on |Δ| of the people's scale values, its slope with a Wald interval;
        and Spearman's ρ over scenes between the SD of the people's values and the agreement.
    points : DataFrame
        ``attribute, observer, separation, agreement, low, high, pairs``: the same in up to five classes of equally many
        pairs, with Wilson's (1927) interval.

    Notes
    -----
    Pairs of one scene share images, so both kinds of interval, which take pairs as independent, are somewhat narrow.
    """
    curves: list[tuple[object, ...]] = []
    points: list[tuple[object, ...]] = []
    z = float(norm.ppf((1 + level) / 2))
    for attribute in sorted(set(trials["attribute"])):
        votes = majorities(trials, attribute)
        present = [name for name in people if name in votes.observers]
        if not present:
            continue
        human = scales[(scales["attribute"] == attribute) & (scales["observer"] == people_name)]
        values = human.set_index(["scene", "item"])["value"]
        scene_names = np.array(votes.scenes, dtype=object)[votes.scene]
        first, second = (
            values.reindex(pd.MultiIndex.from_arrays([scene_names, items])).to_numpy(dtype=float)
            for items in (votes.first, votes.second)
        )
        apart = np.abs(first - second)
        majority = np.sign(np.nansum(votes.of(present), axis=0))
        spread = human.groupby("scene")["value"].std(ddof=0).reindex(list(votes.scenes)).to_numpy(dtype=float)
        for model in (name for name in votes.observers if name not in people):
            own = votes.of([model])[0]
            counted = np.isfinite(own) & (own != 0) & (majority != 0) & np.isfinite(apart)
            agrees = (own == majority)[counted].astype(float)
            intercept, slope, error = logistic(apart[counted], agrees)
            by_scene = pd.Series(agrees).groupby(votes.scene[counted]).mean().reindex(range(len(votes.scenes)))
            told = by_scene.notna().to_numpy() & np.isfinite(spread)
            over_scenes = (
                float(spearman(spread[told], by_scene.to_numpy(dtype=float)[told])) if told.sum() > 2 else np.nan
            )
            interval = (slope - z * error, slope + z * error)
            curves.append((attribute, model, intercept, slope, *interval, int(counted.sum()), over_scenes))
            points += [(attribute, model, *row) for row in _classes(apart[counted], agrees, z)]
    return pd.DataFrame(curves, columns=list(CURVE_COLUMNS)), pd.DataFrame(points, columns=list(POINT_COLUMNS))


def logistic(x: Floats, y: Floats) -> tuple[float, float, float]:
    """Fit P(y) = 1 / (1 + exp(-(a + b x))) by maximum likelihood.

    Parameters
    ----------
    x, y : float arrays, shape (n,)
        `y` holds 0 and 1.

    Returns
    -------
    intercept, slope, standard_error : float
        Of the slope; NaN where the data have no finite maximum (all alike, or separated).
    """
    nothing = (float("nan"),) * 3
    if len(x) < 3 or y.min() == y.max() or x.min() == x.max() or _separated(x, y):
        return nothing
    design = np.column_stack([np.ones_like(x), x])
    beta = np.zeros(2)
    for _ in range(100):
        p = expit(design @ beta)
        information = (design * (p * (1 - p))[:, None]).T @ design
        step = np.linalg.solve(information, design.T @ (y - p))
        beta += step
        if np.abs(step).max() < 1e-10:
            return float(beta[0]), float(beta[1]), float(np.sqrt(np.linalg.inv(information)[1, 1]))
    return nothing


def _separated(x: Floats, y: Floats) -> bool:
    """Whether a threshold on x tells the ones from the zeros, so that the slope has no finite maximum."""
    ones, zeros = x[y == 1], x[y == 0]
    return bool(ones.min() >= zeros.max() or ones.max() <= zeros.min())


def _classes(x: Floats, y: Floats, z: float) -> list[tuple[float, float, float, float, int]]:
    rows = []
    for members in np.array_split(np.argsort(x, kind="stable"), min(BINS, len(x))):
        n, p = len(members), float(y[members].mean())
        middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
        reach = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
        rows.append((float(x[members].mean()), p, float(middle - reach), float(middle + reach), n))
    return rows
