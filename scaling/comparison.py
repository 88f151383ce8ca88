"""The whole comparison of models with people, as tables: everything the report shows, and every choice behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import pandas as pd

from .agreement import pairwise_agreement
from .alignment import MODES, Mode, SceneScales, bootstrap_rho, nested_rho, rho_ceilings, scene_scales
from .bootstrap import tail_shares
from .composition import preference_weights
from .counts import count_choices
from .crowds import crowd
from .differences import COLUMNS as DIFFERENCE_COLUMNS
from .differences import rho_differences
from .errors import ScalingError
from .least_squares import Correction
from .links import LINKS, ModelName
from .resampling import resampled_scenes
from .scale import DEFAULT_PRIOR_SD, Method
from .screening import ScreeningRule, screen
from .separability import separability
from .side_bias import side_bias
from .variability import WITHIN, vr_matrix, vr_within

PEOPLE = "people"
"""Name of all people taken together, in the column ``observer`` of a comparison's tables."""


@dataclass(frozen=True)
class Options:
    """Every choice that the analysis leaves open; recorded with the result.

    Attributes
    ----------
    model, method, prior_sd, correction
        As for `fit_scale`.
    rho_mode : {'aggregate', 'pooled', 'per_scene_mean'}
    resamples : int
        Of scenes, for every interval.
    level : float
        Of every interval.
    expanded : bool
        Take percentiles of the resamples further out, since scenes are few (Hesterberg 2015).
    seed : int
    resample_people : bool
        Let the intervals of ρ hold for other people too: resample people within the resamples of scenes.
    target : str
        The attribute whose making of the others is asked for.
    screening : ScreeningRule or None
        Leave people out by this rule; None keeps everyone, and the measures are shown all the same.
    """

    model: ModelName = "thurstone"
    method: Method = "map"
    prior_sd: float = DEFAULT_PRIOR_SD
    correction: Correction = "add_half"
    rho_mode: Mode = "aggregate"
    resamples: int = 2000
    level: float = 0.95
    expanded: bool = True
    seed: int = 0
    resample_people: bool = False
    target: str = "preference"
    screening: ScreeningRule | None = None

    def __post_init__(self) -> None:
        if self.rho_mode not in MODES:
            raise ScalingError(f"there is no mode {self.rho_mode!r} of ρ: known are {', '.join(MODES)}")
        if self.resamples < 1:
            raise ScalingError(f"resamples must be 1 at least, not {self.resamples}")
        if not 0 < self.level < 1:
            raise ScalingError(f"level must lie between 0 and 1, not {self.level}")

    @property
    def for_intervals(self) -> dict[str, Any]:
        """The options of intervals over resampled scenes."""
        return {"n": self.resamples, "seed": self.seed, "level": self.level, "expanded": self.expanded}

    @property
    def for_scaling(self) -> dict[str, Any]:
        """The options of `fit_scale`."""
        names = ("model", "method", "prior_sd", "correction")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class Comparison:
    """Models beside people.

    Attributes
    ----------
    experiments, definitions : tuple of str
        Names and hashes of what was run.
    attributes, scenes, items : tuple of str
    people, models : tuple of str
        Observers taken as people, and all others.
    options : Options
    outcomes : DataFrame
        ``observer, observer_kind, sessions, trials`` and the number of main trials with each outcome.
    scales : DataFrame
        ``attribute, observer, item, value, low, high``: mean scale value over scenes, and its interval over resampled
        scenes.
    scene_scales : DataFrame
        ``attribute, observer, scene, item, value``.
    alignment : DataFrame
        ``attribute, observer, rho, low, high, scenes, ceiling, ceiling_upper, split_half, between_people,
        share_of_ceiling``: Spearman's ρ with people and its interval; the mean ρ of one person with the others (Nili et
        al. 2014, lower bound), of one person with all (upper bound), of two halves of the people, and of two people;
        and ρ as a share of the first. With screening also ``rho_unscreened``.
    agreement : DataFrame
        As `pairwise_agreement`: accuracy and error consistency pair by pair, with their ceilings.
    differences : DataFrame
        As `rho_differences`: every two models' ρ with people against each other.
    separability, separability_points : DataFrame
        As `separability`: agreement against how far apart people see the images.
    screening : DataFrame
        As `screen`: how each person measures up, and who was left out.
    vr_within : DataFrame
        ``observer, attribute, any, minority, pairwise, pairs``: VR% in each reading.
    vr_between : DataFrame
        ``attribute, observer, other, vr_percent``: between every two models, and each and the people's majority.
    weights : DataFrame
        ``observer, attribute, beta, low, high, normalised, lmg, r_squared, collinearity, scenes``: what the target is
        made of, as `preference_weights`; empty where it, or anything to explain it by, was not judged.
    side_bias : DataFrame
        ``observer`` and the columns of `side_bias`: how the left is favoured, beside what repeat noise explains.
    notes : tuple of str
        What could not be computed, or should be known, and why.
    """

    experiments: tuple[str, ...]
    definitions: tuple[str, ...]
    attributes: tuple[str, ...]
    scenes: tuple[str, ...]
    items: tuple[str, ...]
    people: tuple[str, ...]
    models: tuple[str, ...]
    options: Options
    outcomes: pd.DataFrame
    scales: pd.DataFrame
    scene_scales: pd.DataFrame
    alignment: pd.DataFrame
    vr_within: pd.DataFrame
    vr_between: pd.DataFrame
    weights: pd.DataFrame
    side_bias: pd.DataFrame
    agreement: pd.DataFrame
    differences: pd.DataFrame
    separability: pd.DataFrame
    separability_points: pd.DataFrame
    screening: pd.DataFrame
    notes: tuple[str, ...] = field(default=())

    @property
    def unit(self) -> str:
        """Unit of the scale values."""
        return LINKS[self.options.model].unit

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return every table by its name."""
        names = (
            *("outcomes", "scales", "scene_scales", "alignment", "agreement", "differences", "vr_within", "vr_between"),
            *("weights", "side_bias", "separability", "separability_points", "screening"),
        )
        return {name: getattr(self, name) for name in names}


def compare(trials: pd.DataFrame, *, people: Sequence[str] | None = None, options: Options | None = None) -> Comparison:
    """Compare models with people.

    Parameters
    ----------
    trials : DataFrame
        The trials table of any number of observers.
    people : sequence of str, optional
        Names of the observers that count as people, with ``*`` and ``?`` as in file names; by default everyone whose
        ``observer_kind`` is ``human``.
    options : Options, optional

    Returns
    -------
    Comparison
        What cannot be computed is missing, and said in its notes.

    Raises
    ------
    ScalingError
        If there are no choices at all, or `people` names nobody.
    """
    options = options or Options()
    main = trials[trials["phase"] == "main"]
    named_people = _people(main, people)
    screened = screen(trials, named_people, options.screening or ScreeningRule())
    if options.screening is None:
        screened["excluded"] = False
    elif screened["excluded"].any():
        return _without(screened, trials, named_people, options)
    everyone = sorted(set(main["observer"]))
    models = [name for name in everyone if name not in named_people]
    counted = count_choices(main, ("attribute", "scene"))
    items = counted.items
    attributes = sorted(set(main["attribute"]))
    scenes = sorted(set(counted.groups["scene"]))
    notes = list(_data_notes(main, named_people, models, scenes))

    # From here on all people together are one observer more.
    together = main[main["observer"].isin(named_people)].assign(observer=PEOPLE)
    grouped = pd.concat([together, main[main["observer"].isin(models)]], ignore_index=True)
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in _COLUMNS}
    for attribute in attributes:
        if not grouped.loc[grouped["attribute"] == attribute, "choice"].notna().any():
            notes.append(f"{attribute}: nobody chose, so nothing is shown")
            continue
        scaled = scene_scales(grouped, attribute, scenes, items, **options.for_scaling)
        absent = [name for name in (*([PEOPLE] if named_people else []), *models) if name not in scaled.names]
        notes += [f"{attribute}: no choice of {name}, so it has no scale" for name in absent]
        parts["scales"].append(_aggregate(scaled, options))
        parts["scene_scales"].append(_long(scaled))
        parts["vr_between"].append(_between(grouped, attribute))
        if PEOPLE in scaled.names:
            parts["alignment"].append(_align(main[main["observer"].isin(named_people)], scaled, options))
            parts["differences"].append(rho_differences(scaled, PEOPLE, options.rho_mode, **options.for_intervals))
    joined = {name: _concat(frames, _COLUMNS[name]) for name, frames in parts.items()}
    curves, points = separability(main, named_people, joined["scene_scales"], people_name=PEOPLE, level=options.level)
    return Comparison(
        experiments=tuple(sorted(set(trials["experiment"]))),
        definitions=tuple(sorted(set(trials["definition_sha256"]))),
        attributes=tuple(attributes),
        scenes=tuple(scenes),
        items=items,
        people=tuple(named_people),
        models=tuple(models),
        options=options,
        outcomes=_outcomes(main),
        agreement=pairwise_agreement(main, named_people, **options.for_intervals),
        separability=curves,
        separability_points=points,
        screening=screened,
        vr_within=_within(main, options, notes),
        weights=_weights(joined["scene_scales"], attributes, options, notes),
        side_bias=_sides(main, named_people),
        notes=tuple(notes),
        **joined,
    )


_COLUMNS = {
    "scales": ("attribute", "observer", "item", "value", "low", "high"),
    "scene_scales": ("attribute", "observer", "scene", "item", "value"),
    "alignment": (
        *("attribute", "observer", "rho", "low", "high", "scenes"),
        *("ceiling", "ceiling_upper", "split_half", "between_people", "share_of_ceiling"),
    ),
    "vr_between": ("attribute", "observer", "other", "vr_percent"),
    "differences": DIFFERENCE_COLUMNS,
}


def _without(screened: pd.DataFrame, trials: pd.DataFrame, people: list[str], options: Options) -> Comparison:
    """Compare without those that the rule leaves out, and say what ρ would be with them."""
    out = set(screened.loc[screened["excluded"], "observer"])
    kept = [name for name in people if name not in out]
    if not kept:
        raise ScalingError("the screening rule leaves nobody: look at its measures, and choose other limits")
    everyone = compare(trials, people=people, options=replace(options, screening=None))
    found = compare(trials[~trials["observer"].isin(out)], people=kept, options=replace(options, screening=None))
    with_all = everyone.alignment.set_index(["attribute", "observer"])["rho"].rename("rho_unscreened")
    alignment = found.alignment.join(with_all, on=["attribute", "observer"])
    told = "; ".join(f"{row.observer} ({row.reason})" for row in screened[screened["excluded"]].itertuples())
    note = f"{len(out)} of {len(people)} people are left out by the screening rule: {told}"
    return replace(found, options=options, alignment=alignment, screening=screened, notes=(note, *found.notes))


def _concat(frames: list[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=list(columns))


def _people(trials: pd.DataFrame, patterns: Sequence[str] | None) -> list[str]:
    observers = sorted(set(trials["observer"]))
    if patterns is None:
        return sorted(set(trials.loc[trials["observer_kind"] == "human", "observer"]))
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in observers):
            raise ScalingError(f"nobody is called {pattern!r}: there are {', '.join(observers)}")
    return [name for name in observers if any(fnmatchcase(name, pattern) for pattern in patterns)]


def _data_notes(trials: pd.DataFrame, people: list[str], models: list[str], scenes: list[str]) -> list[str]:
    notes = []
    if not people:
        notes.append(
            "there are no people among the observers, so nothing is compared with people: name them by people="
        )
    if not models:
        notes.append("everyone counts as people, so there is no model to compare")
    if len(people) == 1:
        notes.append("there is one person only, so there is no ceiling")
    if len(scenes) == 1:
        notes.append("there is one scene only, so there are no intervals over scenes")
    kinds = trials.loc[trials["observer"].isin(people)].groupby("observer")["observer_kind"].first()
    others = kinds[kinds != "human"]
    if len(others):
        found = ", ".join(sorted(set(others)))
        notes.append(f"{len(others)} of the {len(people)} people are not human ({found}): they were named as people")
    if trials["definition_sha256"].nunique() > 1:
        notes.append(f"the sessions ran {trials['definition_sha256'].nunique()} different definitions")
    unusable = trials[~trials["outcome"].isin(["choice", "tie"])].groupby("observer").size()
    total = trials.groupby("observer").size()
    notes += [
        f"{name}: {unusable[name]} of {total[name]} trials gave no choice and are not scaled"
        for name in list(unusable.index)
    ]
    return notes


def _outcomes(trials: pd.DataFrame) -> pd.DataFrame:
    by = ["observer", "observer_kind"]
    counts = trials.groupby([*by, "outcome"]).size().unstack(fill_value=0)
    totals = trials.groupby(by).agg(sessions=("session", "nunique"), trials=("trial", "size"))
    return totals.join(counts).reset_index()


def _aggregate(scaled: SceneScales, options: Options) -> pd.DataFrame:
    """Average each observer's scales over scenes, with intervals over resampled scenes."""
    frames = []
    for name in scaled.names:
        values = scaled.of(name)
        values = values[np.isfinite(values).all(axis=1)]
        low = high = np.full(values.shape[1], np.nan)
        if len(values) > 1:
            draws = values[resampled_scenes(len(values), options.resamples, options.seed)].mean(axis=1)
            tails = tail_shares(options.level, len(values), expanded=options.expanded)
            low, high = np.quantile(draws, tails, axis=0)
        mean = values.mean(axis=0) if len(values) else np.full(values.shape[1], np.nan)
        columns = {"item": scaled.items, "value": mean, "low": low, "high": high}
        frames.append(pd.DataFrame({"attribute": scaled.attribute, "observer": name, **columns}))
    return pd.concat(frames, ignore_index=True)


def _long(scaled: SceneScales) -> pd.DataFrame:
    index = pd.MultiIndex.from_product([scaled.names, scaled.scenes, scaled.items], names=["observer", "scene", "item"])
    frame = pd.Series(scaled.values.ravel(), index=index, name="value").dropna().reset_index()
    frame.insert(0, "attribute", scaled.attribute)
    return frame


def _align(people: pd.DataFrame, scaled: SceneScales, options: Options) -> pd.DataFrame:
    """Correlate every model with people, beside what people reach among themselves."""
    together = crowd(people, scaled.attribute, scaled.scenes, scaled.items, **options.for_scaling)
    ceilings = rho_ceilings(together, options.rho_mode, seed=options.seed)
    rows = []
    for name in scaled.names:
        if name == PEOPLE:
            continue
        found = bootstrap_rho(scaled.of(name), scaled.of(PEOPLE), options.rho_mode, **options.for_intervals)
        if options.resample_people:
            nested = nested_rho(scaled.of(name), together, options.rho_mode, **options.for_intervals)
            found = replace(found, low=nested.low, high=nested.high)
        share = found.estimate / ceilings.leave_one_out if ceilings.leave_one_out > 0 else float("nan")
        of_people = ceilings.leave_one_out, ceilings.with_all, ceilings.split_half, ceilings.between
        rows.append((scaled.attribute, name, found.estimate, found.low, found.high, found.n_scenes, *of_people, share))
    return pd.DataFrame(rows, columns=list(_COLUMNS["alignment"]))


def _within(trials: pd.DataFrame, options: Options, notes: list[str]) -> pd.DataFrame:
    """Give VR% within in each reading, and an interval over resampled scenes for the first."""
    if not trials["choice"].notna().any():
        return pd.DataFrame(columns=["observer", "attribute", *WITHIN, "low", "high", "pairs"])
    by = ("observer", "attribute")
    readings = {reading: vr_within(trials, by, reading) for reading in WITHIN}
    table = readings["any"][list(by)].copy()
    for reading, result in readings.items():
        table[reading] = result["vr_percent"]
    by_scene = vr_within(trials, (*by, "scene"), "any")
    intervals = [
        _vr_interval(by_scene[(by_scene[list(by)] == key).all(axis=1)], options) for key in table[list(by)].values
    ]
    table["low"], table["high"] = zip(*intervals, strict=True)
    table["pairs"] = readings["any"]["pairs"]
    once = sorted(set(table.loc[table["pairs"] == 0, "observer"]))
    if once:
        notes.append(f"{len(once)} observer(s) answered no pair twice, so their VR% within is unknown")
    return table


def _vr_interval(scenes: pd.DataFrame, options: Options) -> tuple[float, float]:
    """Resample scenes, each with its number of pairs."""
    told = scenes[scenes["pairs"] > 0]
    if len(told) < 2:
        return float("nan"), float("nan")
    percent, pairs = (told[name].to_numpy(dtype=float) for name in ("vr_percent", "pairs"))
    drawn = resampled_scenes(len(told), options.resamples, options.seed)
    draws = (percent * pairs)[drawn].sum(axis=1) / pairs[drawn].sum(axis=1)
    low, high = np.quantile(draws, tail_shares(options.level, len(told), expanded=options.expanded))
    return float(low), float(high)


def _weights(scales: pd.DataFrame, attributes: list[str], options: Options, notes: list[str]) -> pd.DataFrame:
    table = preference_weights(
        scales, options.target, n=options.resamples, seed=options.seed, level=options.level, expanded=options.expanded
    )
    if options.target not in attributes or len(attributes) < 2:
        notes.append(f"there is no {options.target!r} with other attributes to explain it, so no weights are shown")
    else:
        told = set(table["observer"])
        untold = [name for name in dict.fromkeys(scales["observer"]) if name not in told]
        notes += [f"{name}: the weights of the attributes cannot be told from its scales" for name in untold]
    return _people_first(table)


def _people_first(table: pd.DataFrame) -> pd.DataFrame:
    """Sort by observer, all people together before the models."""
    return table.sort_values(
        "observer", key=lambda names: names.mask(names == PEOPLE, ""), kind="stable", ignore_index=True
    )


def _sides(trials: pd.DataFrame, people: list[str]) -> pd.DataFrame:
    """Judge the side bias of each model and of all people together; repeats are always of one observer."""
    group = trials["observer"].where(~trials["observer"].isin(people), PEOPLE)
    return _people_first(side_bias(trials.assign(group=group), ("group",)).rename(columns={"group": "observer"}))


def _between(grouped: pd.DataFrame, attribute: str) -> pd.DataFrame:
    matrix = vr_matrix(grouped, attribute).rename_axis(index="observer", columns="other")
    long = matrix.reset_index().melt("observer", var_name="other", value_name="vr_percent")
    long.insert(0, "attribute", attribute)
    return long[long["observer"] != long["other"]].reset_index(drop=True)
