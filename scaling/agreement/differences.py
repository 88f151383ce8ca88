"""Is one model nearer to people than another? Differences of ρ, tested by swapping the two models' scenes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from visavis.scaling.counts import Floats
from visavis.scaling.intervals import DEFAULT, Resampling, share_as_large, swaps
from visavis.scaling.scales.item_tests import holm
from visavis.scaling.study.analysis import ATTRIBUTE, OBSERVER, SCENES, Analysis, Column, Note, with_interval
from visavis.scaling.study.options import PEOPLE, Mode
from visavis.scaling.study.result import Comparison
from visavis.scaling.study.study import Study

from .rho import in_common, rho
from .scene_scales import SceneScales
from .scene_scales import scaled as scaled_on

COLUMNS = ("attribute", "observer", "other", "difference", "low", "high", "p_value", "p_adjusted", "scenes")


def smallest_p(scenes: int) -> float:
    """Return the smallest two-sided p of swapping so many scenes, 2^(1 - scenes)."""
    return float(2.0 ** (1 - scenes))


def swap_test(first: Floats, second: Floats, human: Floats, mode: Mode, resampling: Resampling = DEFAULT) -> float:
    """Test whether two observers are equally near to people, by swapping them in any number of scenes.

    Parameters
    ----------
    first, second, human : float arrays, shape (n scenes, k)
        NaN in the same places.
    mode : {'aggregate', 'pooled', 'per_scene_mean'}
    resampling : Resampling
        Gives the number and seed of random swaps, where there are more than 12 scenes.

    Returns
    -------
    float
        Two-sided p: the share of swaps whose difference of ρ is as large at least (Fisher 1935; random swaps with 1
        added to both counts, Davison & Hinkley 1997, sec. 4.3). 1 where the difference is 0, NaN where a ρ is not
        defined.

    Notes
    -----
    ρ of a few mean values takes few values, and ±1 for many swaps at once: among swaps with the same difference of ρ
    the larger one is that in which the covariances with people's mean values differ more.

    That neither is nearer is taken to mean that, scene by scene, it is chance which scale is whose. Each observer's
    scales are first divided by their spread over all scenes, which leaves its ρ as it is, so that one that is merely
    steadier is not told apart by that.
    """
    observed = float(rho(first, human, mode) - rho(second, human, mode))
    spreads = [float(np.sqrt(np.nanvar(values, axis=-1).mean())) for values in (first, second)]
    if not np.isfinite(observed) or not all(spreads):
        return float("nan")
    if abs(observed) < 1e-9:
        return 1.0
    one, other = first / spreads[0], second / spreads[1]
    swapped, exact = swaps(len(first), resampling)
    sides = swapped.astype(bool)[:, :, None]
    difference = rho(np.where(sides, other, one), human, mode) - rho(np.where(sides, one, other), human, mode)
    beyond = np.abs(difference) - abs(observed)
    known = np.isfinite(human)
    mean = np.nan_to_num(human).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    apart = np.nan_to_num(one - other) @ mean
    nearer, unswapped = np.abs((1 - 2 * swapped) @ apart), abs(float(apart.sum()))
    as_large = (beyond > 1e-9) | ((np.abs(beyond) <= 1e-9) & (nearer >= unswapped - 1e-9))
    return share_as_large(as_large, exact)


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
    resampling : Resampling
        Of scenes, which are the same for both models of a pair.

    Returns
    -------
    DataFrame
        ``attribute, observer, other, difference, low, high, p_value, p_adjusted, scenes``: ρ of the observer minus that
        of the other, with its interval over resampled scenes; p from `swap_test`, which is `smallest_p`
        at least; and adjusted for all pairs of models by Holm (1979).
    """
    rows = []
    models = [name for name in scaled.names if name != people]
    drawn: dict[tuple[str, bytes], Floats] = {}

    def draws_of(name: str, own: Floats, human: Floats, known: NDArray[np.bool_]) -> Floats:
        """Resample a model's ρ, once for all the pairs of models that share the same scenes and items."""
        key = name, known.tobytes()
        if key not in drawn:
            units = resampling.units(len(human))
            drawn[key] = rho(own[units], human[units], mode)
        return drawn[key]

    for one, other in combinations(models, 2):
        values = [scaled.of(name) for name in (one, other, people)]
        first, second, human = in_common(*values)
        known = np.asarray(np.isfinite(human))
        shared = known.any(axis=-1)
        first, second, human = (array[shared] for array in (first, second, human))
        count = int(shared.sum())
        difference, low, high, p = (float("nan"),) * 4
        if count:
            difference = float(rho(first, human, mode) - rho(second, human, mode))
        if count > 1:
            draws = draws_of(one, first, human, known) - draws_of(other, second, human, known)
            draws = draws[np.isfinite(draws)]
            if len(draws):
                low, high = map(float, resampling.limits(draws, count, estimate=difference, bounds=(-2, 2)))
            p = swap_test(first, second, human, mode, resampling)
        rows.append((scaled.attribute, one, other, difference, low, high, p, count))
    table = pd.DataFrame(rows, columns=[name for name in COLUMNS if name != "p_adjusted"])
    p_values = table["p_value"].to_numpy(dtype=float, copy=True)
    known = np.isfinite(p_values)
    p_values[known] = np.minimum(holm(p_values[known]), 1)
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
        "Differences of ρ with people between models, with intervals from the same resampled scenes; p two-sided, by "
        "swapping the two models' scenes, and adjusted for all pairs of models (Holm)."
    )


def _sentences(comparison: Comparison) -> Sequence[str]:
    if not len(comparison.differences):
        return ()
    return (
        "Models were compared by the difference of their ρ, with p from a permutation test that swaps the two models' "
        "scenes (Fisher, 1935), adjusted for all pairs of models (Holm, 1979).",
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
