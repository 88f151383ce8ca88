"""How finely each observer tells renditions apart: the spread of its scale values, in units of its own noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from visavis.scaling.agreement.scene_scales import SceneScales
from visavis.scaling.agreement.scene_scales import scaled as scaled_on
from visavis.scaling.counts import Floats, count_choices
from visavis.scaling.intervals import DEFAULT, Resampling, over_scenes
from visavis.scaling.presentation.panels import attributes_of, dot_figure, of_attribute
from visavis.scaling.scales.links import ModelName
from visavis.scaling.scales.prior import estimate_prior_sd
from visavis.scaling.study.analysis import ATTRIBUTE, OBSERVER, SCENES, Analysis, Column, Drawing, with_interval
from visavis.scaling.study.options import PEOPLE
from visavis.scaling.study.result import Comparison
from visavis.scaling.study.study import Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = ("attribute", "observer", "spread", "low", "high", "scenes", "by_prior")


def spreads(scaled: SceneScales, resampling: Resampling = DEFAULT) -> pd.DataFrame:
    """Return the spread of every observer's scale values.

    The unit of a scale is the observer's own noise, so twice the sensitivity is twice the spread.

    Parameters
    ----------
    scaled : SceneScales
    resampling : Resampling
        Of scenes.

    Returns
    -------
    DataFrame
        ``attribute, observer, spread, low, high, scenes, by_prior``: the SD of the true values within a
        scene, root mean square over scenes, which is the SD of the estimates less what their standard errors add to it
        (0 where that is all of it); and its interval. Least squares gives no standard errors: then nothing is taken
        off, and the spread of a noisy observer is too large. ``by_prior`` counts the scenes in which no choice
        contradicts the others, so that the prior alone sets distances; where that is all of them, as for an observer
        that always answers alike, there is no spread that the data show, and it is missing.

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
    return table.assign(attribute=scaled.attribute)[list(COLUMNS)]


def _root_mean(variances: Floats) -> Any:
    return lambda weights: np.sqrt(np.clip(weights @ variances / weights.sum(axis=1), 0, None))


def ratios_to_individuals(
    trials: pd.DataFrame, people: Sequence[str], observers: Mapping[str, Sequence[str]], model: ModelName = "thurstone"
) -> dict[str, float]:
    """Return how many times the spread of the mean individual the spread of each observer is.

    All spreads are estimated alike, as the SD of values that makes the choices of all scenes most likely
    (`estimate_prior_sd`), which does not depend on how often a pair was answered. The individual's is that of every
    person's own values in every scene. The spread of all people taken together is smaller than it where people differ,
    since what is one person's preference is noise to the crowd: a model that is a person would be 1.2 to 1.7 times as
    sensitive as the crowd.

    Parameters
    ----------
    trials : DataFrame
        Main trials on one attribute.
    people : sequence of str
    observers : mapping
        By name, whose choices are taken together.
    model : {'thurstone', 'bradley_terry'}

    Returns
    -------
    dict
        By name; empty without a choice of people.
    """
    chose = trials[trials["choice"].notna()]
    of_people = chose[chose["observer"].isin(people)]
    if not len(of_people):
        return {}
    individual = estimate_prior_sd(count_choices(of_people, ("observer", "scene")), model)
    found = {}
    for name, members in observers.items():
        own = chose[chose["observer"].isin(members)]
        if len(own):
            found[name] = estimate_prior_sd(count_choices(own, ("scene",)), model) / individual
    return found


def _compute(study: Study) -> pd.DataFrame:
    members = {PEOPLE: study.people, **{name: (name,) for name in study.models}}

    def on(attribute: str) -> pd.DataFrame:
        table = spreads(scaled_on(study, attribute), study.options.resampling)
        trials = study.main[study.main["attribute"] == attribute]
        ratios = ratios_to_individuals(trials, study.people, members, study.options.model)
        of_people = table["observer"].map(ratios).astype(float).where(table["spread"].notna())
        table.insert(list(table.columns).index("high") + 1, "of_people", of_people)
        return table

    return study.by_attribute("spreads", on)


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
        Column(
            "of_people", "ratio to the spread of the mean individual, both by the SD that makes choices most likely"
        ),
        SCENES,
        Column("by_prior", "of these, scenes whose choices leave all distances to the prior", heading="by prior"),
    ),
    compute=_compute,
    caption=lambda comparison: (  # noqa: ARG005
        "Spread: SD of the scale values of a scene less what their standard errors add to it, root mean square over "
        "scenes. It is the observer's sensitivity, in units of its own noise. Beside it its ratio to the spread of the "
        "mean individual (not of the crowd, whose members' differences count as its noise), both estimated from the "
        "choices at once."
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
