"""Agreement of scale values by every coefficient, taken in every way, beside the human ceiling of each."""

from __future__ import annotations

import numpy as np
import pandas as pd

from visavis.scaling.intervals import DEFAULT, Resampling
from visavis.scaling.presentation.cells import side_by_side
from visavis.scaling.presentation.words import MODES as MODE_WORDS
from visavis.scaling.presentation.words import percent
from visavis.scaling.study.analysis import ATTRIBUTE, OBSERVER, SCENES, Analysis, Column, never, with_interval
from visavis.scaling.study.options import MODES, PEOPLE
from visavis.scaling.study.result import Comparison
from visavis.scaling.study.study import Study

from .pooled_people import PooledPeople, pooled
from .rho import COEFFICIENTS, bootstrap_rho, rho
from .scene_scales import SceneScales
from .scene_scales import scaled as scaled_on

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
            known = len(each) > 1 and np.isfinite(of_people).any()
            ceiling = float(np.nanmean(of_people)) if known else float("nan")
            for name in scaled.names:
                if name != people:
                    found = bootstrap_rho(
                        scaled.of(name), scaled.of(people), mode, coefficient=coefficient, resampling=resampling
                    )
                    limits = found.estimate, found.low, found.high
                    rows.append((scaled.attribute, name, coefficient, mode, *limits, ceiling, found.n_scenes))
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.sort_values("observer", kind="stable", ignore_index=True)


def _compute(study: Study) -> pd.DataFrame:
    def on(attribute: str) -> pd.DataFrame:
        scaled = scaled_on(study, attribute)
        if PEOPLE not in scaled.names:
            return pd.DataFrame()
        return correlations(scaled, PEOPLE, pooled(study, attribute), study.options.resampling)

    return study.by_attribute("correlations", on)


def _shape(comparison: Comparison, table: pd.DataFrame) -> pd.DataFrame:
    return side_by_side(table[table["mode"] == comparison.options.rho_mode], "coefficient")


def _caption(comparison: Comparison) -> str:
    options = comparison.options
    return (
        f"Spearman's ρ, Pearson's r and Kendall's τ-b with people, of {MODE_WORDS[options.rho_mode]}, with "
        f"{percent(options)} intervals over resampled scenes; each beside its ceiling, the mean of one person with the "
        "others."
    )


ANALYSIS = Analysis(
    name="correlations",
    section="Agreement with people",
    title="Other coefficients",
    folded=True,
    printed=never,
    columns=(
        ATTRIBUTE,
        OBSERVER,
        Column("coefficient", "spearman, pearson or kendall (τ-b)"),
        Column("mode", "what it is taken of: aggregate, pooled or per_scene_mean"),
        *with_interval("estimate", "correlation with the people's scale values"),
        Column("ceiling", "mean of one person with all the others"),
        SCENES,
        *(
            Column(f"{prefix}{name}", "", heading=heading, always=False)
            for name, word in (("spearman", "Spearman's ρ"), ("pearson", "Pearson's r"), ("kendall", "Kendall's τ"))
            for prefix, heading in (("", word), ("ceiling_", "ceiling"))
        ),
    ),
    compute=_compute,
    shape=_shape,
    caption=_caption,
)
