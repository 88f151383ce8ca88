"""VR% between observers: how often their majority answers to the same pairs differ, with intervals over scenes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import pandas as pd

from visavis.scaling.agreement.majorities import Majorities, majorities, votes_of_groups
from visavis.scaling.counts import Floats
from visavis.scaling.errors import ScalingError
from visavis.scaling.intervals import DEFAULT, Resampling, ratio
from visavis.scaling.presentation.panels import attributes_of, of_attribute, present
from visavis.scaling.presentation.style import TWO_COLUMNS, panels, wrapped
from visavis.scaling.presentation.words import percent
from visavis.scaling.study.analysis import ATTRIBUTE, OBSERVER, PAIRS, Analysis, Column, Drawing, never, with_interval
from visavis.scaling.study.result import Comparison
from visavis.scaling.study.study import Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Between = Literal["majority", "mean"]
BETWEEN: tuple[Between, ...] = get_args(Between)
MATRIX_COLUMNS = ("attribute", "observer", "other", "vr_percent", "low", "high", "pairs")
REST_COLUMNS = ("attribute", "observer", "majority", "low", "high", "mean", "pairs")


def between(
    votes: Majorities, attribute: str, models: Sequence[str], resampling: Resampling = DEFAULT
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return VR% between every two observers, and of each model against the rest of the models.

    Parameters
    ----------
    votes : Majorities
        Of observers, or of groups whose choices are pooled.
    attribute : str
    models : sequence of str
        Those of the observers that are held against the rest of them.
    resampling : Resampling
        Of scenes.

    Returns
    -------
    matrix : DataFrame
        ``attribute, observer, other, vr_percent, low, high, pairs``: a row for every two observers, in either order.
    rest : DataFrame
        ``attribute, observer, majority, low, high, mean, pairs``: disagreement with the majority of the other models'
        majority answers, and its interval; and the mean of the disagreements with each of them. Empty for one model.

    Notes
    -----
    Opposite majorities count 1, an even split against a decided one 1/2.
    """
    found = {}
    for i, one in enumerate(votes.observers[1:], start=1):
        apart, both = _apart(votes.signs[i], votes.signs[:i])
        for j, values in enumerate(_percents(votes, apart, both, resampling)):
            found[one, votes.observers[j]] = values, int(both[j].sum())
    matrix: list[tuple[object, ...]] = []
    for one, other in permutations(votes.observers, 2):
        values, pairs = found.get((one, other)) or found[other, one]
        matrix.append((attribute, one, other, *values, pairs))
    present = [name for name in models if name in votes.observers]
    signs = votes.of(present)
    rest: list[tuple[object, ...]] = []
    for i, name in enumerate(present):
        others = np.delete(signs, i, axis=0)
        if len(others):
            apart, both = _apart(signs[i], majority(others))
            each = [found.get((name, other)) or found[other, name] for other in present if other != name]
            known = [values[0] for values, pairs in each if pairs]
            mean = float(np.mean(known)) if known else float("nan")
            percent = _percents(votes, apart[None], both[None], resampling)[0]
            rest.append((attribute, name, *percent, mean, int(both.sum())))
    return pd.DataFrame(matrix, columns=list(MATRIX_COLUMNS)), pd.DataFrame(rest, columns=list(REST_COLUMNS))


def _apart(first: Floats, second: Floats) -> tuple[Floats, Floats]:
    """Return how far apart two observers are on each pair, in [0, 1], and where both answered."""
    both = np.isfinite(first) & np.isfinite(second)
    return np.where(both, np.abs(first - second) / 2, 0.0), both.astype(float)


def _percents(votes: Majorities, apart: Floats, both: Floats, resampling: Resampling) -> list[tuple[float, ...]]:
    """Return VR% with its interval of so many pairs of observers; both arrays are of shape (n, n pairs)."""
    scenes = len(votes.scenes)
    shares = ratio(votes.by_scene(apart.T), votes.by_scene(both.T))
    estimates = shares(np.ones((1, scenes)))[0]
    limits = (np.full(len(apart), np.nan),) * 2
    if scenes > 1:
        draws = shares(resampling.weights(scenes))
        limits = resampling.limits(draws, scenes, estimate=estimates, bounds=(0, 1))
    return [tuple(map(float, row)) for row in 100 * np.stack([estimates, *limits], axis=1)]


def majority(signs: Floats) -> Floats:
    """Return the majority of the majorities of several observers, shape (n observers, n pairs); NaN without answers."""
    return np.where(np.isfinite(signs).any(axis=0), np.sign(np.nansum(signs, axis=0)), np.nan)


def vr_matrix(trials: pd.DataFrame, attribute: str) -> pd.DataFrame:
    """Return VR% between every two observers on one attribute: a symmetric table, in %, with 0 on the diagonal."""
    votes = majorities(trials, attribute)
    disagreement = [[_mean_apart(one, other) for other in votes.signs] for one in votes.signs]
    return pd.DataFrame(disagreement, index=list(votes.observers), columns=list(votes.observers))


def vr_between(trials: pd.DataFrame, attribute: str, reading: Between = "majority") -> pd.Series:
    """Return VR% of each observer against all others on one attribute.

    Parameters
    ----------
    trials : DataFrame
    attribute : str
    reading : {'majority', 'mean'}
        ``majority``: disagreement of the observer's majority answer with the majority of the others' majority answers.
        ``mean``: mean disagreement with each of the others.

    Returns
    -------
    Series
        In %, by observer; NaN where there is no one else.
    """
    if reading not in BETWEEN:
        raise ScalingError(f"unknown reading {reading!r} of VR between; choose from {', '.join(BETWEEN)}")
    votes = majorities(trials, attribute)
    result = {}
    for i, observer in enumerate(votes.observers):
        others = np.delete(votes.signs, i, axis=0)
        if reading == "majority" and len(others):
            result[observer] = _mean_apart(votes.signs[i], majority(others))
        else:
            each = np.array([_mean_apart(votes.signs[i], other) for other in others])
            result[observer] = float(np.nanmean(each)) if np.isfinite(each).any() else float("nan")
    return pd.Series(result, name="vr_percent", dtype=float)


def _mean_apart(first: Floats, second: Floats) -> float:
    """Return the disagreement over the pairs that both answered, in %."""
    apart, both = _apart(first, second)
    return 100 * float(apart.sum() / both.sum()) if both.any() else float("nan")


def _tables(study: Study, attribute: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    return study.once(
        ("VR between", attribute),
        lambda: between(votes_of_groups(study, attribute), attribute, study.models, study.options.resampling),
    )


def _draw(comparison: Comparison) -> Figure:
    """Draw VR% between every two models, and between each and the people's majority."""
    names = present(comparison, comparison.vr_between)
    labels = [wrapped(name) for name in names]
    lines = max((1 + label.count("\n") for label in labels), default=1)
    cell = 0.26 if lines < 3 else 0.29  # as high as the lines of a label
    lettering: dict[str, Any] = {"fontsize": 7 if lines < 3 else 6, "linespacing": 1.2 if lines < 3 else 1.0}
    slanted: dict[str, Any] = {"rotation": 40} if lines == 1 else {"rotation": 90, "va": "center"}
    columns = max(1, min(3, int((TWO_COLUMNS - 0.9) / (cell * len(names) + 0.1))))
    height = 0.9 + cell * len(names)
    with panels(attributes_of(comparison, comparison.vr_between), height, columns=columns) as (figure, drawn):
        for panel in drawn:
            axes, part = panel.axes, of_attribute(comparison.vr_between, panel.title)
            table = part.pivot_table(index="observer", columns="other", values="vr_percent")
            matrix = table.reindex(index=names, columns=names).to_numpy(dtype=float)
            axes.pcolormesh(matrix, cmap="cividis_r", vmin=0, vmax=100, edgecolors="white", linewidth=1)
            axes.invert_yaxis()
            axes.set_aspect("equal", anchor="E")  # names stand on the left
            for row, column in np.ndindex(matrix.shape):
                if row != column:
                    value = matrix[row, column]
                    color = "white" if value > 45 else "black"
                    shown = f"{value:.0f}" if np.isfinite(value) else "–"
                    axes.text(column + 0.5, row + 0.5, shown, ha="center", va="center", color=color, fontsize=6)
            centres = np.arange(len(names)) + 0.5
            axes.set_xticks(centres, labels, ha="right", rotation_mode="anchor", **lettering, **slanted)
            axes.set_yticks(centres, labels if panel.leftmost else [""] * len(names), **lettering)
            axes.tick_params(length=0)
            axes.spines[:].set_visible(False)
            axes.grid(visible=False)
    return figure


MATRIX = Analysis(
    name="vr_between",
    section="Variability (VR%)",
    title="VR% between every two observers, with intervals",
    folded=True,
    printed=never,
    columns=(
        ATTRIBUTE,
        OBSERVER,
        Column("other", "the observer that it is compared with"),
        *with_interval("vr_percent", "disagreement of majority answers to the same pairs", unit="%", heading="VR%"),
        PAIRS,
    ),
    compute=lambda study: study.by_attribute("vr_between", lambda attribute: _tables(study, attribute)[0]),
    shape=lambda comparison, table: table[table["observer"] < table["other"]],  # noqa: ARG005
    caption=lambda comparison: (
        f"VR% between every two, with {percent(comparison.options)} intervals over resampled scenes."
    ),
    drawing=Drawing(
        _draw,
        lambda found: len(found.vr_between) > 0,
        lambda comparison: (  # noqa: ARG005
            "Between observers: disagreement (%) of the majority answers to the same pairs; an even split counts half."
        ),
    ),
)


def _sentences(comparison: Comparison) -> Sequence[str]:
    if not len(comparison.vr_rest):
        return ()
    return (
        "VR% between models is the disagreement of a model's majority answers with the majority of the other models.",
    )


REST = Analysis(
    name="vr_rest",
    section="Variability (VR%)",
    title="VR% between: one against the rest",
    columns=(
        ATTRIBUTE,
        OBSERVER,
        *with_interval("majority", "disagreement with the majority of the other models", unit="%"),
        Column("mean", "mean disagreement with each other model", "%"),
        PAIRS,
    ),
    compute=lambda study: study.by_attribute("vr_rest", lambda attribute: _tables(study, attribute)[1]),
    caption=lambda comparison: (  # noqa: ARG005
        "VR% between models: one against the majority of the others, with interval; and the mean over the others."
    ),
    sentences=_sentences,
)
