"""Whether models agree with people where people see a clear difference, and only there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_expit
from scipy.stats import t as student

from visavis.scaling.counts import CHOICE_COLUMNS, SCALE_COLUMNS, Floats, require_columns
from visavis.scaling.errors import ScalingError
from visavis.scaling.intervals import normal_reach
from visavis.scaling.presentation.panels import attributes_of, draw_points, of_attribute, present
from visavis.scaling.presentation.style import look, panels
from visavis.scaling.presentation.words import percent
from visavis.scaling.study.analysis import ATTRIBUTE, OBSERVER, PAIRS, Analysis, Column, Drawing, never, with_interval
from visavis.scaling.study.options import PEOPLE
from visavis.scaling.study.result import Comparison
from visavis.scaling.study.study import Study

from .majorities import Majorities, held_out, majorities, persons_held_out, votes_of_each
from .pooled_people import PooledPeople, pool_choices, pooled
from .rank_correlation import spearman

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CURVE_COLUMNS = (
    *("attribute", "observer", "slope", "low", "high", "pairs"),
    *("scenes_sd", "scenes_range", "scenes_difference"),
)
POINT_COLUMNS = ("attribute", "observer", "class", "separation", "agreement", "low", "high", "pairs")
BINS = 5
_STEEPEST = 60.0
"""A curve that rises within a sixtieth of the median distance has no slope that the data tell."""


def separability(
    trials: pd.DataFrame,
    people: Sequence[str],
    scales: pd.DataFrame,
    *,
    people_name: str,
    crowds: Mapping[str, PooledPeople] | None = None,
    lapse: float = 0.0,
    level: float = 0.95,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Relate agreement with people to how far apart people see the two images, for each model and for one person.

    Models and persons are judged by all people but one, for each person in turn (`held_out`): both the majority and
    ``|Δ|`` are those of the others, so that no one's own choices are in what they are judged by.

    Parameters
    ----------
    trials : DataFrame
        Main trials.
    people : sequence of str
    scales : DataFrame
        ``attribute, observer, scene, item, value`` with the people's values under `people_name`.
    people_name : str
        Also the observer under which one person against the majority of the others is shown: what a model may reach.
    crowds : mapping, optional
        By attribute, the choices of the people, from which they are scaled without one; by default taken from `trials`
        and scaled as by `fit_scale`.
    lapse : float
        Share of answers given without looking, in [0, 1): the curve then rises to 1 - lapse / 2 only.
    level : float
        Of the intervals.

    Returns
    -------
    curves : DataFrame
        ``attribute, observer, slope, low, high, pairs``: of agreement (the observer's majority is the people's; an even
        split of either is half) on ``|Δ|`` by a logistic curve through 1/2 at 0, and the interval of its slope;
        ``scenes_sd, scenes_range, scenes_difference``: Spearman's ρ over scenes between the agreement and the
        separability of the scene, as the SD, the range or the mean ``|Δ|`` of the people's values.
    points : DataFrame
        ``attribute, observer, class, separation, agreement, low, high, pairs``: the same in up to five classes of about
        equally many pairs.

    Raises
    ------
    ScalingError
        For a lapse that is not a share, or a column that is missing.

    Notes
    -----
    Pairs of one scene share images, and a pair is judged once for each person who is left out. Intervals allow for
    that by standard errors from scenes and Student's t (Liang & Zeger 1986 for the slope, `share_limits` for a class).
    """
    require_columns(trials, CHOICE_COLUMNS)
    require_columns(scales, SCALE_COLUMNS, "the table of scales")
    if not 0 <= lapse < 1:
        raise ScalingError(f"lapse must be a share from 0 to less than 1, not {lapse}")
    votes_on = {name: majorities(trials, name) for name in sorted(set(trials["attribute"]))}
    crowds = dict(crowds or {})
    for attribute, votes in votes_on.items():
        present = [name for name in people if name in votes.observers]
        if present and attribute not in crowds:
            items = sorted({*votes.first, *votes.second})
            crowds[attribute] = pool_choices(trials[trials["observer"].isin(present)], attribute, votes.scenes, items)
    return _of_attributes(votes_on, people, scales, crowds, people_name, lapse, level)


def _of_attributes(
    votes_on: Mapping[str, Majorities],
    people: Sequence[str],
    scales: pd.DataFrame,
    crowds: Mapping[str, PooledPeople],
    people_name: str,
    lapse: float,
    level: float,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    curves: list[tuple[object, ...]] = []
    points: list[tuple[object, ...]] = []
    for attribute, votes in votes_on.items():
        present = [name for name in people if name in votes.observers]
        if not present:
            continue
        human = scales[(scales["attribute"] == attribute) & (scales["observer"] == people_name)]
        crowd = crowds[attribute]
        apart = _apart(votes, crowd, present)
        of_scene = _separabilities(human).reindex(list(votes.scenes))
        signs = votes.of(present)
        judged: list[tuple[str, Floats, Floats]] = [
            (name, *held_out(votes.of([name])[0], signs)) for name in votes.observers if name not in people
        ]
        if len(present) > 1:
            judged = [(people_name, *persons_held_out(signs)), *judged]  # first, as in every table
        for name, is_right, counts in judged:
            counted = (counts > 0) & np.isfinite(apart)
            agrees, scene = is_right[counted], votes.scene[np.nonzero(counted)[1]]
            pairs = int(counted.any(axis=0).sum())
            fitted = curve_through_half(apart[counted], agrees, scene, level=level, lapse=lapse)
            by_scene = pd.Series(agrees).groupby(scene).mean().reindex(range(len(votes.scenes)))
            over_scenes = [_over_scenes(of_scene[measure], by_scene) for measure in of_scene.columns]
            curves.append((attribute, name, *fitted, pairs, *over_scenes))
            classes = _classes(apart[counted], agrees, scene, pairs, level)
            points += [(attribute, name, number, *row) for number, row in enumerate(classes, start=1)]
    return pd.DataFrame(curves, columns=list(CURVE_COLUMNS)), pd.DataFrame(points, columns=list(POINT_COLUMNS))


def _apart(votes: Majorities, crowd: PooledPeople, people: Sequence[str]) -> Floats:
    """Return |Δ| of the values of all people but one, for each person and pair; of one person alone, of that person."""
    values = crowd.without_each() if len(people) > 1 else crowd.each()
    place = [crowd.people.index(name) for name in people]
    scene = pd.Index(crowd.scenes).get_indexer(pd.Index(votes.scenes))[votes.scene]
    first, second = (pd.Index(crowd.items).get_indexer(pd.Index(items)) for items in (votes.first, votes.second))
    return np.abs(values[np.ix_(place)][:, scene, first] - values[np.ix_(place)][:, scene, second])


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
    known = np.isfinite(first) & np.isfinite(second)
    return float(spearman(first[known], second[known])) if known.sum() > 2 else float("nan")


def curve_through_half(
    x: Floats, y: Floats, cluster: NDArray[np.intp], *, level: float = 0.95, lapse: float = 0.0
) -> tuple[float, float, float]:
    """Fit P(y) = lapse / 2 + (1 - lapse) / (1 + exp(-b x)), which is 1/2 at x = 0, by maximum likelihood.

    Parameters
    ----------
    x, y : float arrays, shape (n,)
        `y` is from 0 to 1.
    cluster : int array, shape (n,)
        What each belongs to; members of one cluster may depend on each other.
    level : float
    lapse : float
        Known, in [0, 1).

    Returns
    -------
    slope, low, high : float
        NaN where the data have no finite maximum (all alike, or no x above 0); the limits also for fewer than two
        clusters.
    """
    nothing = (float("nan"),) * 3
    x, y, cluster = x[x > 0], y[x > 0], cluster[x > 0]
    if not len(x) or y.min() == y.max() != 0.5:
        return nothing
    floor = lapse / 2
    log_floor = np.log(floor) if floor else -np.inf

    def minus_log_likelihood(slope: float) -> float:
        up, down = (np.logaddexp(log_floor, np.log1p(-lapse) + log_expit(sign * slope * x)) for sign in (1, -1))
        return -float((y * up + (1 - y) * down).sum())

    reach = _STEEPEST / float(np.median(x))
    found = minimize_scalar(minus_log_likelihood, bounds=(-reach, reach), method="bounded", options={"xatol": 1e-9})
    slope = float(found.x)
    if abs(slope) > 0.99 * reach:
        return nothing
    rise = (1 - lapse) * expit(slope * x) * expit(-slope * x) * x
    p = floor + (1 - lapse) * expit(slope * x)
    weight = 1 / (p * (1 - p))
    scores = np.bincount(np.unique(cluster, return_inverse=True)[1], weights=rise * weight * (y - p))
    count = len(scores)
    if count < 2:
        return slope, float("nan"), float("nan")
    error = np.sqrt((scores**2).sum() * count / (count - 1)) / float((rise**2 * weight).sum())
    away = float(student.ppf((1 + level) / 2, count - 1)) * error
    return slope, slope - away, slope + away


def _classes(
    x: Floats, y: Floats, scene: NDArray[np.intp], pairs: int, level: float
) -> list[tuple[float, float, float, float, int]]:
    """Return the mean x, mean y with its limits, and number of pairs of up to five classes of x."""
    rows: list[tuple[float, float, float, float, int]] = []
    if not len(x):
        return rows
    for members in np.array_split(np.argsort(x, kind="stable"), min(BINS, len(x))):
        of_class = max(1, round(len(members) * pairs / len(x)))
        low, high = share_limits(y[members], scene[members], of_class, level)
        rows.append((float(x[members].mean()), float(y[members].mean()), low, high, of_class))
    return rows


def share_limits(y: Floats, cluster: NDArray[np.intp], most: int, level: float) -> tuple[float, float]:
    """Return the interval of a share whose answers depend on each other within clusters.

    Wilson's (1927), with the size of a sample of independent answers that would be as uncertain, made smaller by
    Student's t for so many clusters and no larger than `most` (Korn & Graubard 1998). Unlike one from resampled
    clusters it does not shrink to nothing where all answers are alike.

    Parameters
    ----------
    y : float array, shape (n,)
        From 0 to 1.
    cluster : int array, shape (n,)
    most : int
        Independent answers at most.
    level : float

    Returns
    -------
    low, high : float
        NaN with fewer than two clusters.
    """
    place = np.unique(cluster, return_inverse=True)[1]
    count, p = int(place.max()) + 1, float(y.mean())
    if count < 2:
        return float("nan"), float("nan")
    away = np.bincount(place, weights=y - p)
    variance = count / (count - 1) * float(away @ away) / len(y) ** 2
    z = normal_reach(level)
    fewer = (z / float(student.ppf((1 + level) / 2, count - 1))) ** 2
    size = min(float(most), fewer * p * (1 - p) / variance) if variance > 0 else float(most)
    middle = (p + z**2 / (2 * size)) / (1 + z**2 / size)
    reach = z / (1 + z**2 / size) * np.sqrt(p * (1 - p) / size + z**2 / (4 * size**2))
    return float(middle - reach), float(middle + reach)


def _both(study: Study) -> tuple[pd.DataFrame, pd.DataFrame]:
    return study.once(
        "separability",
        lambda: _of_attributes(
            {attribute: votes_of_each(study, attribute) for attribute in study.answered},
            study.people,
            study.table("scene_scales"),
            {attribute: pooled(study, attribute) for attribute in study.answered if study.people},
            PEOPLE,
            study.options.lapse,
            study.options.level,
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
                slope, lapse = float(curve["slope"].iloc[0]), comparison.options.lapse
                if np.isfinite(slope):
                    axes.plot(grid, lapse / 2 + (1 - lapse) * expit(slope * grid), color=style["color"], linewidth=0.9)
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
        "classes of equally many pairs with Wilson's intervals from scenes (shifted a little, so that they do not "
        f"hide each other), and a logistic curve through one half at 0, {_lapses(comparison)}on all pairs. Majority "
        f"and |Δ| are those of all people but one, for each person who is left out. {black}A model that judges as "
        "people do rises as they do."
    )


def _lapses(comparison: Comparison) -> str:
    lapse = comparison.options.lapse
    return f"and {1 - lapse / 2:g} far away, {lapse:g} of the answers being lapses, " if lapse else ""


def _caption(comparison: Comparison) -> str:
    return (
        "Agreement with the people's majority by the distance of people's scale values: slope of the logistic curve "
        f"through one half {_lapses(comparison)}with its {percent(comparison.options)} interval from scenes; and "
        "Spearman's ρ over "
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
        Column("class", "of pairs, from the nearest"),
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
        *with_interval(
            "slope", "of the logistic curve of agreement on |Δ|, which is 1/2 at 0", unit="logit per unit of the scale"
        ),
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
