"""Agreement of scale values by every coefficient, taken in every way, beside the human ceiling of each."""

from __future__ import annotations

import numpy as np
import pandas as pd

from visavis.scaling.intervals import DEFAULT, Resampling

from .pooled_people import PooledPeople
from .rho import COEFFICIENTS, MODES, bootstrap_rho, rho
from .scene_scales import SceneScales

COLUMNS = ("attribute", "observer", "coefficient", "mode", "estimate", "low", "high", "ceiling", "scenes")


def correlations(
    scaled: SceneScales, people: str, crowd: PooledPeople, resampling: Resampling = DEFAULT
) -> pd.DataFrame:
    """Correlate every model's scale values with the people's.

    Parameters
    ----------
    scaled : SceneScales
        With the people under the name `people`.
    people : str
    crowd : PooledPeople
        The same people, one by one.
    resampling : Resampling
        Of scenes.

    Returns
    -------
    DataFrame
        ``attribute, observer, coefficient, mode, estimate, low, high, ceiling, scenes``: Spearman's ρ, Pearson's r and
        Kendall's τ-b in each mode of `rho`; the ceiling is the mean of one person with all the others (NaN for one
        person).
    """
    each = others = crowd.each()
    if len(crowd.people) > 1:
        others = crowd.without_each()
    rows: list[tuple[object, ...]] = []
    for coefficient in COEFFICIENTS:
        for mode in MODES:
            of_people = rho(each, others, mode, coefficient=coefficient)
            told = len(each) > 1 and np.isfinite(of_people).any()
            ceiling = float(np.nanmean(of_people)) if told else float("nan")
            for name in scaled.names:
                if name != people:
                    found = bootstrap_rho(
                        scaled.of(name), scaled.of(people), mode, coefficient=coefficient, resampling=resampling
                    )
                    limits = found.estimate, found.low, found.high
                    rows.append((scaled.attribute, name, coefficient, mode, *limits, ceiling, found.n_scenes))
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.sort_values("observer", kind="stable", ignore_index=True)
