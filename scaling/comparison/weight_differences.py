"""Do two observers weigh an attribute differently? Differences of β, from the same resampled scenes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.stats import t as student

from visavis.scaling.counts import SCALE_COLUMNS, require_columns
from visavis.scaling.intervals import DEFAULT, Resampling
from visavis.scaling.presentation.words import percent
from visavis.scaling.study.analysis import OBSERVER, SCENES, Analysis, Column, with_interval
from visavis.scaling.study.options import PEOPLE
from visavis.scaling.study.result import Comparison
from visavis.scaling.variability.vr_differences import adjusted

from .attribute_weights import observers_moments, weights_of

COLUMNS = ("attribute", "observer", "other", "difference", "low", "high", "p_value", "p_adjusted", "scenes")


def weight_differences(
    scene_scales: pd.DataFrame, target: str = "preference", resampling: Resampling = DEFAULT
) -> pd.DataFrame:
    """Compare the weights of every two observers.

    Parameters
    ----------
    scene_scales, target, resampling
        As for `preference_weights`.

    Returns
    -------
    DataFrame
        ``attribute, observer, other, difference, low, high, p_value, p_adjusted, scenes``: β of the observer less that
        of the other, over the scenes that both have; its interval from the same resampled scenes; p from the ratio of
        the difference to its standard error and Student's t with a degree of freedom less than there are scenes; and
        adjusted by Holm (1979) over all pairs of observers on the attribute.
    """
    require_columns(scene_scales, SCALE_COLUMNS, "the table of scales")
    moments = observers_moments(scene_scales, target)
    names = sorted(moments, key=lambda name: name != PEOPLE)
    rows: list[tuple[object, ...]] = []
    for one, other in combinations(names, 2):
        shared = sorted(set(moments[one].scenes) & set(moments[other].scenes))
        if not shared or moments[one].attributes != moments[other].attributes:
            continue
        both = [moments[name].of_scenes(shared) for name in (one, other)]
        count = len(shared)
        first, second = (weights_of(each, np.ones((1, count)))[0, 0] for each in both)
        difference = first - second
        low, high, p = (np.full(difference.shape, np.nan) for _ in range(3))
        if count > 1 and np.isfinite(difference).all():
            weights = resampling.weights(count)
            draws = weights_of(both[0], weights)[:, 0] - weights_of(both[1], weights)[:, 0]
            draws = draws[np.isfinite(draws).all(axis=1)]
            if len(draws) > 1:
                low, high = resampling.limits(draws, count, estimate=difference)
                error = draws.std(axis=0) * np.sqrt(count / (count - 1))
                with np.errstate(divide="ignore", invalid="ignore"):
                    p = 2 * student.sf(np.abs(difference) / error, count - 1)
        for place, attribute in enumerate(both[0].attributes[:-1]):
            rows.append((attribute, one, other, *(each[place] for each in (difference, low, high, p)), count))
    table = pd.DataFrame(rows, columns=[name for name in COLUMNS if name != "p_adjusted"])
    table.insert(7, "p_adjusted", adjusted(table, ["attribute"]))
    return table.sort_values("attribute", kind="stable", ignore_index=True)


def _caption(comparison: Comparison) -> str:
    return (
        f"Differences of the weights β in {comparison.options.target} between observers, with "
        f"{percent(comparison.options)} intervals over resampled scenes; p two-sided, from their standard errors and "
        "Student's t, and adjusted for all pairs of observers (Holm)."
    )


def _sentences(comparison: Comparison) -> Sequence[str]:
    if not len(comparison.weight_differences):
        return ()
    return (
        "The weights of two observers were compared by their difference in the same resamples of scenes, p from its "
        "standard error and Student's t, adjusted for all pairs of observers (Holm, 1979).",
    )


ANALYSIS = Analysis(
    name="weight_differences",
    section="What {target} is made of",
    title="Differences of weights between observers",
    folded=True,
    columns=(
        Column("attribute", "the attribute that explains the target"),
        OBSERVER,
        Column("other", "the observer that it is compared with"),
        *with_interval("difference", "β of the observer less that of the other"),
        Column("p_value", "two-sided p of no difference", heading="p"),
        Column("p_adjusted", "the same, adjusted for all pairs of observers on the attribute", heading="p adjusted"),
        SCENES,
    ),
    compute=lambda study: weight_differences(
        study.table("scene_scales"), study.options.target, study.options.resampling
    ),
    caption=_caption,
    sentences=_sentences,
)
