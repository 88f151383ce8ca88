"""Whether models agree with people where people see a clear difference, and only there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import norm
from scipy.stats import t as student

from visavis.scaling.counts import CHOICE_COLUMNS, SCALE_COLUMNS, Floats, require_columns
from visavis.scaling.presentation.panels import attributes_of, draw_points, of_attribute, present
from visavis.scaling.presentation.style import look, panels
from visavis.scaling.presentation.words import percent
from visavis.scaling.study.analysis import ATTRIBUTE, OBSERVER, PAIRS, Analysis, Column, Drawing, never, with_interval
from visavis.scaling.study.options import PEOPLE
from visavis.scaling.study.result import Comparison
from visavis.scaling.study.study import Study

from .majorities import Majorities, majorities
from .rank_correlation import spearman

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CURVE_COLUMNS = (
    *("attribute", "observer", "intercept", "slope", "low", "high", "pairs"),
    *("scenes_sd", "scenes_range", "scenes_difference"),
)
POINT_COLUMNS = ("attribute", "observer", "separation", "agreement", "low", "high", "pairs")
BINS = 5
_WORST_CONDITION = 1e12


def separability(
    trials: pd.DataFrame, people: Sequence[str], scales: pd.DataFrame, *, people_name: str, level: float = 0.95
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Relate agreement with people to how far apart people see the two images, for each model and for one person.

    Parameters
    ----------
    trials : DataFrame
        Main trials.
    people : sequence of str
    scales : DataFrame
        ``attribute, observer, scene, item, value`` with the people's values under `people_name`.
    people_name : str
        Also the observer under which one person against the majority of the others is shown: what a model may reach.
    level : float
        Of the intervals.

    Returns
    -------
    curves : DataFrame
        ``attribute, observer, intercept, slope, low, high, pairs``: a logistic regression of agreement (the observer's
        majority is the people's) on ``|Δ|`` of the people's scale values, and the interval of its slope;
        ``scenes_sd, scenes_range, scenes_difference``: Spearman's ρ over scenes between the agreement and the
        separability of the scene, as the SD, the range or the mean ``|Δ|`` of the people's values.
    points : DataFrame
        ``attribute, observer, separation, agreement, low, high, pairs``: the same in up to five classes of equally many
        pairs, with Wilson's (1927) interval.

    Notes
    -----
    Pairs of one scene share images. The slope's interval allows for that (standard errors from scenes, Liang & Zeger
    1986, and Student's t); Wilson's does not, and is somewhat narrow.
    """
    require_columns(trials, CHOICE_COLUMNS)
    require_columns(scales, SCALE_COLUMNS, "the table of scales")
    curves: list[tuple[object, ...]] = []
    points: list[tuple[object, ...]] = []
    z = float(norm.ppf((1 + level) / 2))
    for attribute in sorted(set(trials["attribute"])):
        votes = majorities(trials, attribute)
        present = [name for name in people if name in votes.observers]
        if not present:
            continue
        human = scales[(scales["attribute"] == attribute) & (scales["observer"] == people_name)]
        apart = _apart(votes, human)
        of_scene = _separabilities(human).reindex(list(votes.scenes))
        signs = votes.of(present)
        questions = [(name, votes.of([name]), np.nansum(signs, axis=0)[None]) for name in votes.observers]
        questions = [question for question in questions if question[0] not in people]
        if len(present) > 1:
            questions.insert(0, (people_name, signs, np.nansum(signs, axis=0) - np.nan_to_num(signs)))
        for name, own, others in questions:
            counted = np.isfinite(own) & (own != 0) & (others != 0) & np.isfinite(apart)
            pair = np.nonzero(counted)[1]
            agrees = (own == np.sign(others))[counted].astype(float)
            scene = votes.scene[pair]
            fitted = logistic(apart[pair], agrees, scene, level=level)
            by_scene = pd.Series(agrees).groupby(scene).mean().reindex(range(len(votes.scenes)))
            over_scenes = [_over_scenes(of_scene[measure], by_scene) for measure in of_scene.columns]
            curves.append((attribute, name, *fitted, len(agrees), *over_scenes))
            points += [(attribute, name, *row) for row in _classes(apart[pair], agrees, z)]
    return pd.DataFrame(curves, columns=list(CURVE_COLUMNS)), pd.DataFrame(points, columns=list(POINT_COLUMNS))


def _apart(votes: Majorities, human: pd.DataFrame) -> Floats:
    """Return |Δ| of the people's values for each pair."""
    values = human.set_index(["scene", "item"])["value"]
    scenes = np.array(votes.scenes, dtype=object)[votes.scene]
    first, second = (
        values.reindex(pd.MultiIndex.from_arrays([scenes, items])).to_numpy(dtype=float)
        for items in (votes.first, votes.second)
    )
    return np.asarray(np.abs(first - second))


def _separabilities(human: pd.DataFrame) -> pd.DataFrame:
    """Return how far apart people see the renditions of each scene: SD, range and mean |Δ| of their values."""
    rows = {}
    for scene, part in human.dropna(subset=["value"]).groupby("scene"):
        values = part["value"].to_numpy(dtype=float)
        differences = np.abs(values[:, None] - values[None])[np.triu_indices(len(values), 1)]
        rows[scene] = values.std(), np.ptp(values), differences.mean() if len(differences) else np.nan
    return pd.DataFrame.from_dict(rows, orient="index", columns=["sd", "range", "difference"])


def _over_scenes(separability: pd.Series, agreement: pd.Series) -> float:
    first, second = separability.to_numpy(dtype=float), agreement.to_numpy(dtype=float)
    told = np.isfinite(first) & np.isfinite(second)
    return float(spearman(first[told], second[told])) if told.sum() > 2 else float("nan")


def logistic(
    x: Floats, y: Floats, cluster: NDArray[np.intp], *, level: float = 0.95
) -> tuple[float, float, float, float]:
    """Fit P(y) = 1 / (1 + exp(-(a + b x))) by maximum likelihood.

    Parameters
    ----------
    x, y : float arrays, shape (n,)
        `y` holds 0 and 1.
    cluster : int array, shape (n,)
        What each belongs to; members of one cluster may depend on each other.
    level : float

    Returns
    -------
    intercept, slope, low, high : float
        The last two limit the slope; NaN where the data have no finite maximum (all alike, or separated), and for
        fewer than two clusters.
    """
    nothing = (float("nan"),) * 4
    if len(x) < 3 or y.min() == y.max() or x.min() == x.max() or _separated(x, y):
        return nothing
    design = np.column_stack([np.ones_like(x), x])
    beta = np.zeros(2)
    for _ in range(100):
        p = expit(design @ beta)
        information = (design * (p * (1 - p))[:, None]).T @ design
        if not np.linalg.cond(information) < _WORST_CONDITION:
            return nothing
        step = np.linalg.solve(information, design.T @ (y - p))
        beta += step
        if np.abs(step).max() < 1e-10:
            break
    else:
        return nothing
    names, place = np.unique(cluster, return_inverse=True)
    count = len(names)
    if count < 2:
        return float(beta[0]), float(beta[1]), float("nan"), float("nan")
    scores = np.zeros((count, 2))
    np.add.at(scores, place, design * (y - expit(design @ beta))[:, None])
    inverse = np.linalg.inv(information)
    covariance = inverse @ (scores.T @ scores) @ inverse * count / (count - 1)
    reach = student.ppf((1 + level) / 2, count - 1) * np.sqrt(covariance[1, 1])
    return float(beta[0]), float(beta[1]), float(beta[1] - reach), float(beta[1] + reach)


def _separated(x: Floats, y: Floats) -> bool:
    """Whether a threshold on x tells the ones from the zeros, so that the slope has no finite maximum."""
    ones, zeros = x[y == 1], x[y == 0]
    return bool(ones.min() >= zeros.max() or ones.max() <= zeros.min())


def _classes(x: Floats, y: Floats, z: float) -> list[tuple[float, float, float, float, int]]:
    rows: list[tuple[float, float, float, float, int]] = []
    if not len(x):
        return rows
    for members in np.array_split(np.argsort(x, kind="stable"), min(BINS, len(x))):
        n, p = len(members), float(y[members].mean())
        middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
        reach = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
        rows.append((float(x[members].mean()), p, float(middle - reach), float(middle + reach), n))
    return rows


def _both(study: Study) -> tuple[pd.DataFrame, pd.DataFrame]:
    return study.once(
        "separability",
        lambda: separability(
            study.main, study.people, study.table("scene_scales"), people_name=PEOPLE, level=study.options.level
        ),
    )


def _draw(comparison: Comparison) -> Figure:
    """Draw agreement with the people's majority against how far apart people see the two images."""
    points, curves = comparison.separability_points, comparison.separability
    observers = present(comparison, points)
    with panels(attributes_of(comparison), 2.4, legend=observers, sharey=True) as (figure, drawn):
        for panel in drawn:
            axes, here = panel.axes, of_attribute(points, panel.title)
            furthest = float(here["separation"].max()) if len(here) else 1.0
            grid = np.linspace(0, 1.05 * furthest, 100)
            for place, name in enumerate(observers):
                style = look(comparison, name)
                part = here[here["observer"] == name]
                if not len(part):
                    continue
                shift = 0.012 * furthest * (place - len(observers) / 2)
                limits = part[["agreement", "low", "high"]].to_numpy(dtype=float)
                draw_points(axes, part["separation"].to_numpy(dtype=float) + shift, limits, comparison, name)
                curve = of_attribute(curves, panel.title)
                curve = curve[curve["observer"] == name]
                a, b = (float(curve[column].iloc[0]) for column in ("intercept", "slope"))
                if np.isfinite(b):
                    axes.plot(grid, 1 / (1 + np.exp(-(a + b * grid))), color=style["color"], linewidth=0.9)
            axes.axhline(0.5, color="#bbbbbb", linewidth=0.8, zorder=0)
            axes.set_ylim(min(0.3, float(here["low"].min()) if len(here) else 0.3) - 0.03, 1.03)
            axes.set_xlabel(f"|Δ| of people's values\n({comparison.unit})")
            if panel.leftmost:
                axes.set_ylabel("agreement with people")
    return figure


def _figure_caption(comparison: Comparison) -> str:
    black = "Black: one person against the others. " if len(comparison.people) > 1 else ""
    return (
        "Agreement with the people's majority against how far apart people's scale values of the two images are: "
        "classes of equally many pairs with Wilson's intervals (shifted a little, so that they do not hide each "
        f"other), and a logistic regression on all pairs. {black}A model that judges as people do rises from one half "
        "to one."
    )


def _caption(comparison: Comparison) -> str:
    return (
        "Agreement with the people's majority by the distance of people's scale values: slope of the logistic "
        f"regression over pairs, with its {percent(comparison.options)} interval from scenes; and Spearman's ρ over "
        "scenes between agreement and the SD, the range, or the mean distance of people's values. People: one person "
        "against the others."
    )


POINTS = Analysis(
    name="separability_points",
    section="Where people see a clear difference",
    in_report=False,
    printed=never,
    columns=(
        ATTRIBUTE,
        OBSERVER,
        Column("separation", "mean |Δ| of the people's scale values in the class of pairs"),
        *with_interval("agreement", "share of the pairs on which the observer's majority is the people's"),
        PAIRS,
    ),
    compute=lambda study: _both(study)[1],
    caption=lambda comparison: "",  # noqa: ARG005
)

ANALYSIS = Analysis(
    name="separability",
    section="Where people see a clear difference",
    title="Agreement by separability",
    columns=(
        ATTRIBUTE,
        OBSERVER,
        Column("intercept", "of the logistic regression of agreement on |Δ|", shown=False),
        *with_interval("slope", "of the same", unit="logit per unit of the scale"),
        PAIRS,
        Column(
            "scenes_sd", "Spearman's ρ over scenes of agreement with the SD of people's values", heading="scenes: SD"
        ),
        Column("scenes_range", "the same with their range", heading="scenes: range"),
        Column("scenes_difference", "the same with their mean |Δ|", heading="scenes: mean |Δ|"),
    ),
    compute=lambda study: _both(study)[0],
    caption=_caption,
    drawing=Drawing(_draw, lambda found: len(found.separability_points) > 0, _figure_caption),
)
