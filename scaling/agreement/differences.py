"""Is one model nearer to people than another? Differences of ρ, both from the same resampled scenes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from visavis.scaling.intervals import DEFAULT, Resampling
from visavis.scaling.scales.item_tests import holm
from visavis.scaling.study.analysis import ATTRIBUTE, OBSERVER, SCENES, Analysis, Column, Note, with_interval
from visavis.scaling.study.options import PEOPLE, Mode
from visavis.scaling.study.result import Comparison
from visavis.scaling.study.study import Study

from .rho import rho
from .scene_scales import SceneScales
from .scene_scales import scaled as scaled_on

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
                low, high = map(float, resampling.limits(draws, count, estimate=difference, bounds=(-2, 2)))
                smaller = min((draws <= 0).sum(), (draws >= 0).sum())
                p = min(1.0, max(smallest_p(count), 2 * (smaller + 1) / (len(draws) + 1)))
        rows.append((scaled.attribute, one, other, difference, low, high, p, count))
    table = pd.DataFrame(rows, columns=[name for name in COLUMNS if name != "p_adjusted"])
    p_values = table["p_value"].to_numpy(dtype=float, copy=True)
    told = np.isfinite(p_values)
    p_values[told] = np.minimum(holm(p_values[told]), 1)
    table.insert(7, "p_adjusted", p_values)
    return table


def _compute(study: Study) -> pd.DataFrame:
    def on(attribute: str) -> pd.DataFrame:
        scaled = scaled_on(study, attribute)
        if PEOPLE not in scaled.names:
            return pd.DataFrame()
        return rho_differences(scaled, PEOPLE, study.options.rho_mode, study.options.resampling)

    return study.by_attribute("differences", on)


def _notes(study: Study, table: pd.DataFrame) -> Sequence[Note]:
    """Say where so few scenes are shared that no two models can be told apart."""
    level = study.options.level
    counts = table.loc[table["p_value"].notna(), "scenes"].astype(int)
    few = sorted({count for count in counts if smallest_p(count) > 1 - level})
    if not few:
        return ()
    return (
        Note(
            f"with {' or '.join(map(str, few))} scenes no difference between models can be shown at the "
            f"{100 * (1 - level):.2g} % level: p is {smallest_p(few[-1]):.3g} at least"
        ),
    )


def _caption(comparison: Comparison) -> str:  # noqa: ARG001
    return (
        "Differences of ρ with people between models, from the same resampled scenes; p two-sided, no less than a "
        "sign test over so many scenes can give, and adjusted for all pairs of models (Holm)."
    )


def _sentences(comparison: Comparison) -> Sequence[str]:
    if not len(comparison.differences):
        return ()
    return (
        "Models were compared by the difference of their ρ in the same resamples, p adjusted for all pairs of models "
        "(Holm, 1979); p is no less than a sign test over the scenes can give.",
    )


ANALYSIS = Analysis(
    name="differences",
    section="Agreement with people",
    title="Differences between models",
    folded=True,
    columns=(
        ATTRIBUTE,
        OBSERVER,
        Column("other", "the model that it is compared with"),
        *with_interval("difference", "ρ with people of the observer less that of the other"),
        Column("p_value", "two-sided p of no difference", heading="p"),
        Column("p_adjusted", "the same, adjusted for all pairs of models on the attribute", heading="p adjusted"),
        SCENES,
    ),
    compute=_compute,
    notes=_notes,
    caption=_caption,
    sentences=_sentences,
)
