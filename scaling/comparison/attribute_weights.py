"""What preference is made of: the weights of the other attributes, by regression over all scenes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import comb
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from visavis.scaling.counts import SCALE_COLUMNS, Floats, require_columns
from visavis.scaling.errors import ScalingError
from visavis.scaling.intervals import DEFAULT, Resampling
from visavis.scaling.presentation.panels import dot_figure
from visavis.scaling.presentation.words import listed, percent
from visavis.scaling.study.analysis import OBSERVER, SCENES, Analysis, Column, Drawing, Note, with_interval
from visavis.scaling.study.result import Comparison
from visavis.scaling.study.study import Study, people_first

from .moments import Moments, moments_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_ATTRIBUTES = 12

COLUMNS = (
    *("observer", "attribute", "beta", "low", "high", "normalised", "normalised_low", "normalised_high"),
    *("lmg", "lmg_low", "lmg_high", "r_squared", "r_squared_low", "r_squared_high"),
    *("beta_of_estimates", "r_squared_of_estimates", "collinearity", "scenes"),
)


@dataclass(frozen=True)
class Weights:
    """A linear regression on standardised values.

    Attributes
    ----------
    attributes : tuple of str
        The p predictors.
    beta : float array, shape (p,)
        Standardised coefficients.
    normalised : float array, shape (p,)
        ``|β| / Σ|β|``; NaN where all β are 0.
    lmg : float array, shape (p,)
        Each attribute's share of R², averaged over all orders of entry (Lindeman, Merenda & Gold 1980); they sum to R².
    r_squared : float
    correlations : float array, shape (p, p)
        Of the predictors: where they are high, β is uncertain and LMG the better description.
    """

    attributes: tuple[str, ...]
    beta: Floats
    normalised: Floats
    lmg: Floats
    r_squared: float
    correlations: Floats

    def to_frame(self) -> pd.DataFrame:
        """Return ``attribute, beta, normalised, lmg``."""
        columns = {"beta": self.beta, "normalised": self.normalised, "lmg": self.lmg}
        return pd.DataFrame({"attribute": self.attributes, **columns})


def attribute_weights(predictors: pd.DataFrame, target: Sequence[float] | Floats) -> Weights:
    """Regress one attribute's scale values on others', all standardised.

    Parameters
    ----------
    predictors : DataFrame, shape (n, p)
        A column an attribute, a row for each item (of each scene).
    target : array_like, shape (n,)

    Raises
    ------
    ScalingError
        If a value is missing or no number, something is constant, or there are too few rows.
    """
    try:
        x, y = predictors.to_numpy(dtype=np.float64), np.asarray(target, dtype=np.float64)
    except (TypeError, ValueError) as problem:
        raise ScalingError(f"weights are of numbers alone: {problem}") from None
    n, p = x.shape
    if len(y) != n or n < p + 2:
        raise ScalingError(f"{p} attributes need {p + 2} values of each at least, not {n} and {len(y)}")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ScalingError("a value is missing or infinite: leave its row out")
    flat = [str(name) for name, column in zip(predictors.columns, x.T, strict=True) if not np.ptp(column)]
    if flat or not np.ptp(y):
        raise ScalingError(f"{', '.join(flat) or 'the target'} is constant, so it has no weight")
    together = np.corrcoef(np.column_stack([x, y]), rowvar=False)
    return weights_from_correlations(together[:p, :p], together[:p, p], [str(name) for name in predictors.columns])


def weights_from_correlations(among: Floats, with_target: Floats, attributes: Sequence[str] | None = None) -> Weights:
    """As `attribute_weights`, from correlations.

    Parameters
    ----------
    among : array_like, shape (p, p)
        Correlations of the predictors.
    with_target : array_like, shape (p,)
    attributes : sequence of str, optional

    Raises
    ------
    ScalingError
        If the predictors determine each other, are more than 12, or have correlations that no data have.
    """
    r_xx, r_xy = np.asarray(among, dtype=np.float64), np.asarray(with_target, dtype=np.float64)
    p = len(r_xy)
    if p > _MOST_ATTRIBUTES:
        raise ScalingError(f"LMG of {p} attributes would need 2^{p} regressions: at most {_MOST_ATTRIBUTES} attributes")
    if np.linalg.cond(r_xx) > 1e10:
        raise ScalingError("the attributes determine each other, so their weights cannot be told apart: leave one out")

    beta, normalised, lmg, r_squared = (found[0] for found in _regressions(r_xx[None], r_xy[None]))
    if not 0 <= r_squared <= 1 + 1e-9:
        raise ScalingError(f"R² would be {r_squared:.3g}: no data have these correlations")
    names = tuple(attributes) if attributes is not None else tuple(str(i + 1) for i in range(p))
    return Weights(names, beta, normalised, lmg, float(r_squared), r_xx)


def preference_weights(
    scene_scales: pd.DataFrame,
    target: str = "preference",
    resampling: Resampling = DEFAULT,
) -> pd.DataFrame:
    """Regress each observer's values of one attribute on its values of the others.

    Parameters
    ----------
    scene_scales : DataFrame
        ``attribute, observer, scene, item, value``, as in `Comparison.scene_scales`, and ``error_variance`` if known.
    target : str
        The attribute to be explained.
    resampling : Resampling
        Of scenes.

    Returns
    -------
    DataFrame
        A row for each observer and other attribute: ``beta`` (standardised) with its interval ``low, high``;
        ``normalised`` (``|β| / Σ|β|``), ``lmg`` and ``r_squared`` (of the whole regression) with theirs,
        ``normalised_low`` and so on; ``beta_of_estimates`` and ``r_squared_of_estimates``, of the values as they were
        estimated; ``collinearity`` (largest correlation among the other attributes) and ``scenes``. Observers that lack
        an attribute, or whose values cannot be told apart, are left out.

    Notes
    -----
    An observer of few answers has estimates with large errors, which draw β and R² towards 0: of a model with three
    repetitions β is found at 0.58 for 0.70, R² at 0.53 for 0.78. The weights are therefore those of the true values:
    what the errors add to the variances is taken off (`Moments.correlations`). Least squares gives no standard errors:
    then nothing is taken off.
    """
    require_columns(scene_scales, SCALE_COLUMNS, "the table of scales")
    rows = []
    for observer, found in observers_moments(scene_scales, target).items():
        everything = np.ones((1, len(found.scenes)))
        estimate = weights_of(found, everything)[0]
        plain = weights_of(replace(found, errors=np.zeros_like(found.errors)), everything)[0]
        if not np.isfinite(estimate).all():  # an attribute that is constant, all error, or a sum of others
            continue
        low, high = _limits(found, estimate, resampling)
        estimate[2] /= max(1.0, estimate[3, 0])  # shares of R², which is 1 at most
        estimate[3] = min(1.0, estimate[3, 0])
        others = found.attributes[:-1]
        among = found.correlations(everything)[0, :-1, :-1] - np.eye(len(others))
        for place, name in enumerate(others):
            with_limits = [
                value for which in range(4) for value in (each[which, place] for each in (estimate, low, high))
            ]
            unadjusted = plain[0, place], plain[3, place]
            rows.append((observer, name, *with_limits, *unadjusted, float(np.abs(among).max()), len(found.scenes)))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def observers_moments(scene_scales: pd.DataFrame, target: str) -> dict[str, Moments]:
    """Return the moments of each observer that has enough values, the target last."""
    each = {str(name): _moments(part, target) for name, part in scene_scales.groupby("observer", sort=False)}
    return {name: found for name, found in each.items() if found is not None}


def _moments(scales: pd.DataFrame, target: str) -> Moments | None:
    """Return one observer's moments, the target last; None where there are too few values for weights."""
    others = sorted(set(scales.loc[scales["value"].notna(), "attribute"]) - {target})
    if not others or not (scales["attribute"] == target).any():
        return None
    found = moments_of(scales, [*others, target])
    return found if found.counts.sum() >= len(others) + 2 else None


def weights_of(moments: Moments, weights: Floats) -> Floats:
    """Return β, ``|β| / Σ|β|``, LMG and R² of the last attribute, over scenes that count so often.

    Parameters
    ----------
    moments : Moments
        Of the p other attributes and the target.
    weights : float array, shape (n, n scenes)

    Returns
    -------
    float array, shape (n, 4, p)
        NaN where they are unknown. R² is the same in each place; it, and LMG, can be more than 1 where more of the
        target's variance is taken off than errors added.
    """
    correlations = moments.correlations(weights)
    p = len(moments.attributes) - 1
    found = np.full((len(weights), 4, p), np.nan)
    usable = np.isfinite(correlations).all(axis=(1, 2))
    if usable.any():
        known = correlations[usable]
        beta, normalised, lmg, r_squared = _regressions(known[:, :p, :p], known[:, :p, p])
        found[usable] = np.stack([beta, normalised, lmg, np.repeat(r_squared[:, None], p, axis=1)], axis=1)
    return found


_BOUNDS = ((-np.inf, np.inf), (0.0, 1.0), (0.0, 1.0), (0.0, 1.0))


def _limits(moments: Moments, estimate: Floats, resampling: Resampling) -> tuple[Floats, Floats]:
    """Return the limits over resampled scenes of what `weights_of` gives; shape (4, p) each."""
    count = len(moments.scenes)
    if count < 2:
        return np.full_like(estimate, np.nan), np.full_like(estimate, np.nan)
    draws = weights_of(moments, resampling.weights(count))
    draws = draws[np.isfinite(draws).all(axis=(1, 2))]
    limits = [
        resampling.limits(draws[:, which], count, estimate=estimate[which], bounds=bounds)
        for which, bounds in enumerate(_BOUNDS)
    ]
    low, high = (np.stack(each) for each in zip(*limits, strict=True))
    low[2:], high[2:] = np.clip(low[2:], 0, 1), np.clip(high[2:], 0, 1)
    return low, high


def _regressions(among: Floats, with_target: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Solve many standardised regressions at once: β, |β| / Σ|β|, LMG shares of R², and R².

    LMG as means over all sets of the other attributes (Shapley 1953), the same as over all orders of entry; shapes
    (m, p, p), (m, p) to (m, p) and, for R², (m,).
    """
    m, p = with_target.shape
    beta = np.asarray(np.linalg.solve(among, with_target[..., None])[..., 0], dtype=np.float64)
    with np.errstate(invalid="ignore"):
        normalised = np.abs(beta) / np.abs(beta).sum(axis=1, keepdims=True)
    explained = {frozenset[int](): np.zeros(m)}
    for size in range(1, p + 1):
        for chosen in combinations(range(p), size):
            index = list(chosen)
            part = np.linalg.solve(among[:, index][:, :, index], with_target[:, index, None])[..., 0]
            explained[frozenset(chosen)] = (part * with_target[:, index]).sum(axis=1)
    lmg = np.zeros((m, p))
    for before, already in explained.items():
        weight = 1 / (p * comb(p - 1, len(before))) if len(before) < p else 0.0
        for attribute in set(range(p)) - before:
            lmg[:, attribute] += weight * (explained[before | {attribute}] - already)
    return beta, normalised, lmg, explained[frozenset(range(p))]


def _notes(study: Study, table: pd.DataFrame) -> Sequence[Note]:
    target, attributes = study.options.target, study.answered
    if target not in attributes or len(attributes) < 2:
        return (Note(f"there is no {target!r} with other attributes to explain it, so no weights are shown"),)
    known = set(table["observer"])
    unknown = [name for name in dict.fromkeys(study.table("scene_scales")["observer"]) if name not in known]
    if not unknown:
        return ()
    return (Note(f"{', '.join(unknown)}: the weights of the attributes cannot be told from the scales"),)


def _draw(comparison: Comparison) -> Figure:
    """Draw what the target is made of for each observer: β, whose interval holds 0 where the sign is unknown."""
    parts = {str(name): part for name, part in comparison.weights.groupby("attribute")}
    return dot_figure(comparison, parts, ("beta", "low", "high"), f"β in {comparison.options.target}", line=0.0)


def _caption(comparison: Comparison) -> str:
    return (
        f"Regression of {comparison.options.target} on the other attributes, over all scenes and renditions, "
        "standardised: β, |β| / Σ|β|, LMG shares of R², and R² of the true values (what the errors of the scale values "
        "add to their variances is taken off), with intervals over resampled scenes (only those of β can hold 0 within "
        "them); β and R² of the values as estimated; and the largest correlation among the other attributes."
    )


def _sentences(comparison: Comparison) -> Sequence[str]:
    if not len(comparison.weights):
        return ()
    others = list(dict.fromkeys(comparison.weights["attribute"]))
    return (
        f"The weights of {listed(others)} in {comparison.options.target} are those of a linear regression on "
        "standardised scale values over all scenes and renditions, the variances less what the errors of the scale "
        "values add to them (errors in variables; Fuller, 1987), with LMG shares of R² (Lindeman et al., 1980).",
    )


ANALYSIS = Analysis(
    name="weights",
    section="What {target} is made of",
    title="What {target} is made of",
    columns=(
        OBSERVER,
        Column("attribute", "the attribute that explains the target"),
        *with_interval("beta", "its standardised coefficient", heading="β"),
        *with_interval("normalised", "|β| / Σ|β|", heading="|β| / Σ|β|", limits="normalised_"),
        *with_interval("lmg", "its share of R² (Lindeman, Merenda & Gold 1980)", heading="LMG", limits="lmg_"),
        *with_interval("r_squared", "of the whole regression", heading="R²", limits="r_squared_"),
        Column(
            "beta_of_estimates", "β of the values as estimated, drawn towards 0 by their errors", heading="β unadjusted"
        ),
        Column("r_squared_of_estimates", "R² of the values as estimated", heading="R² unadjusted"),
        Column("collinearity", "largest correlation among the explaining attributes"),
        SCENES,
    ),
    compute=lambda study: people_first(
        preference_weights(study.table("scene_scales"), study.options.target, study.options.resampling)
    ),
    notes=_notes,
    caption=_caption,
    drawing=Drawing(
        _draw,
        lambda found: len(found.weights) > 0,
        lambda comparison: (
            f"Standardised weights β, with {percent(comparison.options)} intervals over resampled scenes: where one "
            "holds 0, the sign is unknown."
        ),
    ),
    sentences=_sentences,
)
