"""How finely each observer tells renditions apart: the spread of its scale values, in units of its own noise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from visavis.scaling.agreement.scene_scales import SceneScales
from visavis.scaling.agreement.scene_scales import scaled as scaled_on
from visavis.scaling.counts import Floats
from visavis.scaling.intervals import DEFAULT, Resampling, over_scenes
from visavis.scaling.presentation.panels import attributes_of, dot_figure, of_attribute
from visavis.scaling.study.analysis import ATTRIBUTE, OBSERVER, SCENES, Analysis, Column, Drawing, with_interval
from visavis.scaling.study.options import PEOPLE
from visavis.scaling.study.result import Comparison

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = ("attribute", "observer", "spread", "low", "high", "of_people", "scenes", "by_prior")


def spreads(scaled: SceneScales, people: str, resampling: Resampling = DEFAULT) -> pd.DataFrame:
    """Return the spread of every observer's scale values.

    The unit of a scale is the observer's own noise, so twice the sensitivity is twice the spread.

    Parameters
    ----------
    scaled : SceneScales
    people : str
        Name of the people taken together, if they are there.
    resampling : Resampling
        Of scenes.

    Returns
    -------
    DataFrame
        ``attribute, observer, spread, low, high, of_people, scenes, by_prior``: the SD of the true values within a
        scene, root mean square over scenes, which is the SD of the estimates less what their standard errors add to it
        (0 where that is all of it); its interval; and its ratio to the people's. Least squares gives no standard
        errors: then nothing is taken off, and the spread of a noisy observer is too large. ``by_prior`` counts the
        scenes in which no choice contradicts the others, so that the prior alone sets distances; where that is all of
        them, as for an observer that always answers alike, there is no spread to be told, and it is missing.

    Notes
    -----
    Scale values of few answers come out too large, and the spread with them: for three repetitions of five items by up
    to a quarter, for forty by less than a tenth. Compare observers who answered equally often.
    """
    rows: list[tuple[object, ...]] = []
    for name in scaled.names:
        values = scaled.of(name)
        known = np.isfinite(values)
        count = np.where(known.any(axis=-1), known.sum(axis=-1), np.nan)
        middle = np.where(known, values, 0).sum(axis=-1) / count
        variance = np.where(known, (values - middle[:, None]) ** 2, 0).sum(axis=-1) / count
        errors = np.nan_to_num(scaled.error_variances[scaled.names.index(name)])
        true = (variance - errors)[np.isfinite(variance)]
        found = over_scenes(_root_mean(true), len(true), resampling, bounds=(0, np.inf))
        basis = scaled.basis[scaled.names.index(name)]
        by_prior = int((known.any(axis=-1) & (basis != "data").all(axis=-1)).sum())
        rows.append((name, *(found if by_prior < len(true) else (float("nan"),) * 3), len(true), by_prior))
    table = pd.DataFrame(rows, columns=["observer", "spread", "low", "high", "scenes", "by_prior"])
    of_people = table.loc[table["observer"] == people, "spread"].to_numpy(dtype=float)
    table["of_people"] = table["spread"] / of_people[0] if len(of_people) and of_people[0] > 0 else np.nan
    return table.assign(attribute=scaled.attribute)[list(COLUMNS)]


def _root_mean(variances: Floats) -> Any:
    return lambda weights: np.sqrt(np.clip(weights @ variances / weights.sum(axis=1), 0, None))


def _draw(comparison: Comparison) -> Figure:
    """Draw how finely each observer tells renditions apart."""
    return dot_figure(
        comparison,
        {name: of_attribute(comparison.spreads, name) for name in attributes_of(comparison)},
        ("spread", "low", "high"),
        f"spread ({comparison.unit})",
        from_zero=True,
    )


ANALYSIS = Analysis(
    name="spreads",
    section="Scale values",
    title="Spread of scale values",
    folded=True,
    columns=(
        ATTRIBUTE,
        OBSERVER,
        *with_interval("spread", "SD of the true scale values within a scene", unit="unit of the scale"),
        Column("of_people", "its ratio to the people's"),
        SCENES,
        Column("by_prior", "of these, scenes whose choices leave all distances to the prior", heading="by prior"),
    ),
    compute=lambda study: study.by_attribute(
        "spreads", lambda attribute: spreads(scaled_on(study, attribute), PEOPLE, study.options.resampling)
    ),
    caption=lambda comparison: (  # noqa: ARG005
        "Spread: SD of the scale values of a scene less what their standard errors add to it, root mean square over "
        "scenes; its ratio to the people's. It is the observer's sensitivity, in units of its own noise."
    ),
    drawing=Drawing(
        _draw,
        lambda found: len(found.spreads) > 0,
        lambda comparison: (  # noqa: ARG005
            "How finely each observer tells renditions apart: the spread of its scale values within a scene. The unit "
            "is its own noise, so a less sensitive observer has a smaller spread."
        ),
    ),
)
