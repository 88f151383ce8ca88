"""Is one model nearer to people than another? Differences of ρ, both from the same resampled scenes."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

from visavis.scaling.intervals import DEFAULT, Resampling
from visavis.scaling.scales.item_tests import holm

from .rho import Mode, rho
from .scene_scales import SceneScales

COLUMNS = ("attribute", "observer", "other", "difference", "low", "high", "p_value", "p_adjusted", "scenes")


def smallest_p(scenes: int) -> float:
    """Return the smallest p of a two-sided sign test over so many scenes, 2^(1 - scenes)."""
    return float(2.0 ** (1 - scenes))


def rho_differences(
    scaled: SceneScales,
    people: str,
    mode: Mode = "aggregate",
    resampling: Resampling = DEFAULT,
) -> pd.DataFrame:
    """Compare every two models' ρ with people.

    Parameters
    ----------
    scaled : SceneScales
        With the people under the name `people`.
    people : str
    mode : {'aggregate', 'pooled', 'per_scene_mean'}
    n, seed, level, expanded
        Of the resamples of scenes, which are the same for both models of a pair.

    Returns
    -------
    DataFrame
        ``attribute, observer, other, difference, low, high, p_value, p_adjusted, scenes``: ρ of the observer minus that
        of the other; p from the share of resamples on the other side of 0 (two-sided, with 1 added to both counts:
        Davison & Hinkley 1997, sec. 4.2), but no less than `smallest_p`, since resamples of a few scenes cannot tell
        how other scenes would differ; and adjusted for all pairs of models by Holm (1979).
    """
    rows = []
    models = [name for name in scaled.names if name != people]
    for one, other in combinations(models, 2):
        values = [scaled.of(name) for name in (one, other, people)]
        shared = np.all([np.isfinite(array).all(axis=-1) for array in values], axis=0)
        first, second, human = (array[shared] for array in values)
        count = int(shared.sum())
        difference, low, high, p = (float("nan"),) * 4
        if count:
            difference = float(rho(first, human, mode) - rho(second, human, mode))
        if count > 1:
            drawn = resampling.units(count)
            draws = rho(first[drawn], human[drawn], mode) - rho(second[drawn], human[drawn], mode)
            draws = draws[np.isfinite(draws)]
            if len(draws):
                low, high = map(float, resampling.limits(draws, count))
                smaller = min((draws <= 0).sum(), (draws >= 0).sum())
                p = min(1.0, max(smallest_p(count), 2 * (smaller + 1) / (len(draws) + 1)))
        rows.append((scaled.attribute, one, other, difference, low, high, p, count))
    table = pd.DataFrame(rows, columns=[name for name in COLUMNS if name != "p_adjusted"])
    p_values = table["p_value"].to_numpy(dtype=float, copy=True)
    told = np.isfinite(p_values)
    p_values[told] = np.minimum(holm(p_values[told]), 1)
    table.insert(7, "p_adjusted", p_values)
    return table
