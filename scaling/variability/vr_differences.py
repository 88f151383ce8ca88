"""Is one model steadier than another? Differences of VR% within, tested by swapping the two models' scenes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from visavis.scaling.counts import CHOICE_COLUMNS, require_columns
from visavis.scaling.intervals import DEFAULT, Resampling, over_scenes, share_as_large, swaps
from visavis.scaling.presentation.words import percent
from visavis.scaling.scales.item_tests import holm
from visavis.scaling.study.analysis import ATTRIBUTE, OBSERVER, SCENES, Analysis, Column, with_interval
from visavis.scaling.study.result import Comparison
from visavis.scaling.study.study import Study

from .within import vr_within

COLUMNS = ("attribute", "observer", "other", "difference", "low", "high", "p_value", "p_adjusted", "scenes")


def vr_differences(trials: pd.DataFrame, observers: Sequence[str], resampling: Resampling = DEFAULT) -> pd.DataFrame:
    """Compare the VR% within of every two observers.

    Parameters
    ----------
    trials : DataFrame
        Main trials.
    observers : sequence of str
    resampling : Resampling
        Of scenes.

    Returns
    -------
    DataFrame
        ``attribute, observer, other, difference, low, high, p_value, p_adjusted, scenes``: VR% of the observer less
        that of the other, by the reading ``pairwise``, which does not depend on the number of repetitions; over scenes
        in which both answered some pair twice. p is the share of swaps of the two in any number of scenes whose
        difference is as large at least (Fisher 1935), adjusted by Holm (1979) over all pairs of observers on the
        attribute.
    """
    require_columns(trials, CHOICE_COLUMNS)
    return _of_scenes(_by_scene(trials[trials["observer"].isin(list(observers))]), observers, resampling)


def _by_scene(trials: pd.DataFrame) -> pd.DataFrame:
    if not trials["choice"].notna().any():
        return pd.DataFrame(columns=["observer", "attribute", "scene", "vr_percent", "pairs"])
    return vr_within(trials, ("observer", "attribute", "scene"), "pairwise")


def _of_scenes(by_scene: pd.DataFrame, observers: Sequence[str], resampling: Resampling) -> pd.DataFrame:
    rows: list[tuple[object, ...]] = []
    by_scene = by_scene[by_scene["pairs"] > 0]
    for attribute, part in by_scene.groupby("attribute"):
        percent = part.pivot(index="scene", columns="observer", values="vr_percent")
        pairs = part.pivot(index="scene", columns="observer", values="pairs")
        for one, other in combinations([name for name in observers if name in percent], 2):
            both = percent[[one, other]].notna().all(axis=1).to_numpy()
            share, number = (table.loc[both, [one, other]].to_numpy(dtype=float).T for table in (percent, pairs))
            rows.append((attribute, one, other, *_compared(share * number, number, resampling), int(both.sum())))
    table = pd.DataFrame(rows, columns=[name for name in COLUMNS if name != "p_adjusted"])
    table.insert(7, "p_adjusted", adjusted(table, ["attribute"]))
    return table


def adjusted(table: pd.DataFrame, by: Sequence[str]) -> pd.Series:
    """Return the column ``p_value`` adjusted by Holm (1979) within the groups `by`; NaN stays NaN."""
    found = pd.Series(np.nan, index=table.index)
    for _, part in table[table["p_value"].notna()].groupby(list(by), sort=False):
        found[part.index] = np.minimum(holm(part["p_value"].to_numpy(dtype=float)), 1)
    return found


def _compared(varied: np.ndarray, pairs: np.ndarray, resampling: Resampling) -> tuple[float, float, float, float]:
    """Return the difference, its limits and its p, from sums over each scene's pairs; shape (2, n scenes) each."""
    n_scenes = varied.shape[1]
    if not n_scenes:
        return (float("nan"),) * 4

    def difference(weights: np.ndarray) -> np.ndarray:
        one, other = ((weights @ part) / (weights @ number) for part, number in zip(varied, pairs, strict=True))
        return np.asarray(one - other)

    found = over_scenes(difference, n_scenes, resampling, bounds=(-100, 100))
    if n_scenes < 2:
        return *found, float("nan")
    swapped, exact = swaps(n_scenes, resampling)
    of_one = [np.where(swapped, part[1], part[0]).sum(axis=1) for part in (varied, pairs)]
    of_other = [np.where(swapped, part[0], part[1]).sum(axis=1) for part in (varied, pairs)]
    apart = np.abs(of_one[0] / of_one[1] - of_other[0] / of_other[1])
    return *found, share_as_large(apart >= abs(found[0]) - 1e-9, exact)


def _caption(comparison: Comparison) -> str:
    return (
        "Differences of VR% within between models, by the reading 'pairwise', in percentage points, with "
        f"{percent(comparison.options)} intervals over resampled scenes; p two-sided, by swapping the two models' "
        "scenes, and adjusted for all pairs of models (Holm)."
    )


def _sentences(comparison: Comparison) -> Sequence[str]:
    if not len(comparison.vr_differences):
        return ()
    return (
        "The VR% of models were compared by a permutation test that swaps the two models' scenes, adjusted for all "
        "pairs of models (Holm, 1979).",
    )


def _compute(study: Study) -> pd.DataFrame:
    of_models = vr_within(study.main, ("observer", "attribute", "scene"), "pairwise")
    return _of_scenes(of_models, study.models, study.options.resampling)


ANALYSIS = Analysis(
    name="vr_differences",
    section="Variability (VR%)",
    title="Differences of VR% between models",
    folded=True,
    columns=(
        ATTRIBUTE,
        OBSERVER,
        Column("other", "the model that it is compared with"),
        *with_interval("difference", "VR% within of the observer less that of the other, pairwise", unit="%"),
        Column("p_value", "two-sided p of no difference", heading="p"),
        Column("p_adjusted", "the same, adjusted for all pairs of models on the attribute", heading="p adjusted"),
        SCENES,
    ),
    compute=_compute,
    caption=_caption,
    sentences=_sentences,
)
