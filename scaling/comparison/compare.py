"""The whole comparison of models with people, as tables: everything the report shows, and every choice behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

import numpy as np
import pandas as pd

from visavis.scaling.agreement.ceilings import COLUMNS as CEILING_COLUMNS
from visavis.scaling.agreement.ceilings import human_ceilings
from visavis.scaling.agreement.correlations import COLUMNS as CORRELATION_COLUMNS
from visavis.scaling.agreement.correlations import correlations
from visavis.scaling.agreement.differences import COLUMNS as DIFFERENCE_COLUMNS
from visavis.scaling.agreement.differences import rho_differences, smallest_p
from visavis.scaling.agreement.pair_by_pair import pairwise_agreement
from visavis.scaling.agreement.pooled_people import PooledPeople, pool_choices
from visavis.scaling.agreement.rho import bootstrap_rho, nested_rho
from visavis.scaling.agreement.scene_scales import SceneScales, scene_scales
from visavis.scaling.agreement.separability import separability
from visavis.scaling.counts import Floats, count_choices
from visavis.scaling.errors import ScalingError
from visavis.scaling.intervals import over_scenes, ratio
from visavis.scaling.scales.links import LINKS
from visavis.scaling.variability.between import MATRIX_COLUMNS, REST_COLUMNS, between
from visavis.scaling.variability.side_bias import side_bias
from visavis.scaling.variability.spread import COLUMNS as SPREAD_COLUMNS
from visavis.scaling.variability.spread import spreads
from visavis.scaling.variability.trade_off import trade_off
from visavis.scaling.variability.within import WITHIN, vr_within

from .attribute_weights import preference_weights
from .options import PEOPLE, Options
from .screening import ScreeningRule, nobody_left, screen


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
        ``attribute, observer, item, value, low, high, standardised``: mean scale value over scenes, and its interval
        over resampled scenes; and the value divided by the SD of the observer's values, which tells order and spacing
        apart from sensitivity.
    scene_scales : DataFrame
        ``attribute, observer, scene, item, value``.
    alignment : DataFrame
        ``attribute, observer, rho, low, high, scenes, ceiling, ceiling_upper, split_half, between_people,
        share_of_ceiling``: Spearman's ρ with people and its interval; the mean ρ of one person with the others (Nili et
        al. 2014, lower bound), of one person with all (upper bound), of two halves of the people, and of two people;
        and ρ as a share of the first. With screening also ``rho_unscreened``.
    correlations : DataFrame
        As `correlations`: Spearman's, Pearson's and Kendall's coefficient in every mode, each beside its ceiling.
    ceilings : DataFrame
        As `human_ceilings`: how well people agree with each other, whether there are models or not.
    spreads : DataFrame
        As `spreads`: how finely each observer tells renditions apart.
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
        ``attribute, observer, other, vr_percent, low, high, pairs``: between every two models, and each and the
        people's majority.
    vr_rest : DataFrame
        ``attribute, observer, majority, low, high, mean, pairs``: of each model against the rest of the models, as
        `between`.
    trade_off : DataFrame
        As `trade_off`: whether steadier models agree better with people.
    weights : DataFrame
        As `preference_weights`: what the target is made of; empty where it, or anything to explain it by, was not
        judged.
    side_bias : DataFrame
        ``observer`` and the columns of `side_bias`: how the left is favoured, beside what repeat noise explains; and
        ``excess_low, excess_high``, the interval of ``excess_flips`` over resampled scenes.
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
    correlations: pd.DataFrame
    ceilings: pd.DataFrame
    spreads: pd.DataFrame
    vr_within: pd.DataFrame
    vr_between: pd.DataFrame
    vr_rest: pd.DataFrame
    trade_off: pd.DataFrame
    weights: pd.DataFrame
    side_bias: pd.DataFrame
    agreement: pd.DataFrame
    differences: pd.DataFrame
    separability: pd.DataFrame
    separability_points: pd.DataFrame
    screening: pd.DataFrame
    notes: tuple[str, ...] = field(default=())

    def __repr__(self) -> str:
        sizes = f"{len(self.people)} people, {len(self.models)} model(s), {len(self.scenes)} scene(s)"
        asked = ", ".join(self.attributes)
        return f"<Comparison: {sizes}, {len(self.items)} items, on {asked}; {len(self.notes)} note(s)>"

    @property
    def unit(self) -> str:
        """Unit of the scale values."""
        return LINKS[self.options.model].unit

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return every table by its name."""
        names = (
            *("outcomes", "scales", "scene_scales", "spreads", "ceilings", "alignment", "correlations", "agreement"),
            *("differences", "vr_within", "vr_between", "vr_rest", "trade_off", "weights", "side_bias"),
            *("separability", "separability_points", "screening"),
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
    named_people = people_named(main, people)
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
    notes = [*_data_notes(main, named_people, models, scenes), *_item_notes(main, items)]

    grouped = pool_people(main, named_people)
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in _COLUMNS}
    told: list[_Told] = []
    for attribute in attributes:
        if not grouped.loc[grouped["attribute"] == attribute, "choice"].notna().any():
            notes.append(f"{attribute}: nobody chose, so nothing is shown")
            continue
        scaled = scene_scales(grouped, attribute, scenes, items, **options.for_scaling)
        absent = [name for name in (*([PEOPLE] if named_people else []), *models) if name not in scaled.names]
        told += [(attribute, name, "no choice of {}, so no scale") for name in absent]
        told += _scene_notes(scaled)
        parts["scales"].append(_aggregate(scaled, options))
        parts["scene_scales"].append(_long(scaled))
        parts["spreads"].append(spreads(scaled, PEOPLE, options.resampling))
        matrix, rest = between(grouped, attribute, models, options.resampling)
        parts["vr_between"].append(matrix)
        parts["vr_rest"].append(rest)
        if PEOPLE in scaled.names:
            of_people = main[main["observer"].isin(named_people)]
            each = pool_choices(of_people, attribute, scenes, items, **options.for_scaling)
            ceilings = human_ceilings(
                of_people, named_people, each, attribute, options.rho_mode, options.resampling.seed
            )
            parts["ceilings"].append(ceilings)
            parts["alignment"].append(_align(scaled, each, ceilings, options))
            parts["correlations"].append(correlations(scaled, PEOPLE, each, options.resampling))
            parts["differences"].append(rho_differences(scaled, PEOPLE, options.rho_mode, options.resampling))
    joined = {name: _concat(frames, _COLUMNS[name]) for name, frames in parts.items()}
    notes += [*_joined(told), *_few_scenes(joined["differences"], options.level)]
    within = _within(main, options, notes)
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
        agreement=pairwise_agreement(main, named_people, options.resampling),
        separability=curves,
        separability_points=points,
        screening=screened,
        vr_within=within,
        trade_off=trade_off(joined["alignment"], within, level=options.level),
        weights=_weights(joined["scene_scales"], attributes, options, notes),
        side_bias=_sides(main, named_people, options),
        notes=tuple(notes),
        **joined,
    )


_Told = tuple[str, str, str]
"""An attribute, an observer, and what is told of it, with {} for its name."""

_COLUMNS = {
    "scales": ("attribute", "observer", "item", "value", "low", "high", "standardised"),
    "scene_scales": ("attribute", "observer", "scene", "item", "value"),
    "alignment": (
        *("attribute", "observer", "rho", "low", "high", "scenes"),
        *("ceiling", "ceiling_upper", "split_half", "between_people", "share_of_ceiling"),
    ),
    "correlations": CORRELATION_COLUMNS,
    "ceilings": CEILING_COLUMNS,
    "spreads": SPREAD_COLUMNS,
    "vr_between": MATRIX_COLUMNS,
    "vr_rest": REST_COLUMNS,
    "differences": DIFFERENCE_COLUMNS,
}


def _without(screened: pd.DataFrame, trials: pd.DataFrame, people: list[str], options: Options) -> Comparison:
    """Compare without those that the rule leaves out, and say what ρ would be with them."""
    out = set(screened.loc[screened["excluded"], "observer"])
    kept = [name for name in people if name not in out]
    if not kept:
        raise ScalingError(nobody_left(screened, options.screening or ScreeningRule()))
    everyone = compare(trials, people=people, options=replace(options, screening=None))
    found = compare(trials[~trials["observer"].isin(out)], people=kept, options=replace(options, screening=None))
    with_all = everyone.alignment.set_index(["attribute", "observer"])["rho"].rename("rho_unscreened")
    alignment = found.alignment.join(with_all, on=["attribute", "observer"])
    told = "; ".join(f"{row.observer} ({row.reason})" for row in screened[screened["excluded"]].itertuples())
    note = f"{len(out)} of {len(people)} people are left out by the screening rule: {told}"
    return replace(found, options=options, alignment=alignment, screening=screened, notes=(note, *found.notes))


def _concat(frames: list[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=list(columns))


def pool_people(trials: pd.DataFrame, people: Sequence[str]) -> pd.DataFrame:
    """Make one observer of all people, under the name `PEOPLE`, before the models."""
    of_people = trials["observer"].isin(people)
    return pd.concat([trials[of_people].assign(observer=PEOPLE), trials[~of_people]], ignore_index=True)


def people_named(trials: pd.DataFrame, patterns: Sequence[str] | None) -> list[str]:
    """Return the observers that count as people: by names with ``*`` and ``?``, or everyone who is human."""
    observers = sorted(set(trials["observer"]))
    if patterns is None:
        return sorted(set(trials.loc[trials["observer_kind"] == "human", "observer"]))
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in observers):
            raise ScalingError(f"unknown observer {pattern!r}; choose from {', '.join(observers)}")
    return [name for name in observers if any(fnmatchcase(name, pattern) for pattern in patterns)]


def _data_notes(trials: pd.DataFrame, people: list[str], models: list[str], scenes: list[str]) -> list[str]:
    notes = []
    if not people:
        notes.append(
            "there are no people among the observers, so nothing is compared with people: name them by --people "
            "(in Python: people=)"
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
    unnamed = sorted(set(trials.loc[trials["observer_kind"] == "human", "observer"]) - set(people))
    if unnamed:
        notes.append(
            f"{', '.join(unnamed)}: human, but counted as model{'s' if len(unnamed) > 1 else ''}: to count as people "
            "they must be named by --people too (in Python: people=)"
        )
    if trials["definition_sha256"].nunique() > 1:
        notes.append(f"the sessions ran {trials['definition_sha256'].nunique()} different definitions")
    unusable = trials[~trials["outcome"].isin(["choice", "tie"])].groupby("observer").size()
    total = trials.groupby("observer").size()
    lost = [f"{unusable[name]} of {total[name]}" for name in unusable.index]
    if len(lost) == 1:
        notes.append(f"{unusable.index[0]}: {lost[0]} trials gave no choice and are not scaled")
    elif lost:
        each = ", ".join(f"{name} {count}" for name, count in zip(unusable.index, lost, strict=True))
        notes.append(f"trials that gave no choice and are not scaled: {each}")
    return notes


def _item_notes(trials: pd.DataFrame, items: Sequence[str]) -> list[str]:
    """Say where a rendition was compared by nobody, so that its value there is the prior's."""
    chosen = trials[trials["choice"].notna()]
    there = pd.concat([chosen[["scene", side]].set_axis(["scene", "item"], axis=1) for side in ("left", "right")])
    counts = there.drop_duplicates().groupby("scene").size()
    lacking = [str(scene) for scene in counts.index[counts < len(items)]]
    if not lacking:
        return []
    named = ", ".join(lacking[:5]) + (", …" if len(lacking) > 5 else "")
    return [
        f"in {len(lacking)} of {len(counts)} scenes ({named}) some renditions were never compared: their values "
        "there are the prior's, not the data's"
    ]


def _scene_notes(scaled: SceneScales) -> list[_Told]:
    """Say which observers lack scenes, and whether any is left that they share with people."""
    there = np.asarray(np.isfinite(scaled.values).all(axis=-1))
    with_people = there[scaled.names.index(PEOPLE)] if PEOPLE in scaled.names else None
    notes: list[_Told] = []
    for name, scenes in zip(scaled.names, there, strict=True):
        if with_people is not None and not (scenes & with_people).any():
            text = "no scene has a scale both of people and of {}, so nothing is compared"
            notes.append((scaled.attribute, name, text))
        elif not scenes.all():
            notes.append((scaled.attribute, name, f"only {scenes.sum()} of {len(scenes)} scenes have a scale of {{}}"))
    return notes


def _joined(told: Sequence[_Told]) -> list[str]:
    """Make one note of what is alike for several observers, and for several attributes."""
    observers: dict[tuple[str, str], list[str]] = {}
    for attribute, name, text in told:
        observers.setdefault((attribute, text), []).append(name)
    attributes: dict[tuple[str, str], list[str]] = {}
    for (attribute, text), names in observers.items():
        attributes.setdefault((text, ", ".join(names)), []).append(attribute)
    return [f"{', '.join(where)}: {text.format(names)}" for (text, names), where in attributes.items()]


def _few_scenes(differences: pd.DataFrame, level: float) -> list[str]:
    """Say where so few scenes are shared that no two models can be told apart."""
    counts = differences.loc[differences["p_value"].notna(), "scenes"].astype(int)
    few = sorted({count for count in counts if smallest_p(count) > 1 - level})
    if not few:
        return []
    return [
        f"with {' or '.join(map(str, few))} scenes no difference between models can be told at the "
        f"{100 * (1 - level):.2g} % level: p is {smallest_p(few[-1]):.3g} at least"
    ]


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
            draws = values[options.resampling.units(len(values))].mean(axis=1)
            low, high = options.resampling.limits(draws, len(values))
        mean = values.mean(axis=0) if len(values) else np.full(values.shape[1], np.nan)
        spread = mean.std()
        standardised = mean / spread if spread > 0 else np.full(mean.shape, np.nan)
        columns = {"item": scaled.items, "value": mean, "low": low, "high": high, "standardised": standardised}
        frames.append(pd.DataFrame({"attribute": scaled.attribute, "observer": name, **columns}))
    return pd.concat(frames, ignore_index=True)


def _long(scaled: SceneScales) -> pd.DataFrame:
    index = pd.MultiIndex.from_product([scaled.names, scaled.scenes, scaled.items], names=["observer", "scene", "item"])
    frame = pd.Series(scaled.values.ravel(), index=index, name="value").dropna().reset_index()
    frame.insert(0, "attribute", scaled.attribute)
    return frame


def _align(scaled: SceneScales, together: PooledPeople, ceilings: pd.DataFrame, options: Options) -> pd.DataFrame:
    """Correlate every model with people, beside what people reach among themselves."""
    names = ("leave_one_out", "with_all", "split_half", "between_people")
    of_people = tuple(float(ceilings[name].iloc[0]) for name in names)
    rows = []
    for name in scaled.names:
        if name == PEOPLE:
            continue
        found = bootstrap_rho(scaled.of(name), scaled.of(PEOPLE), options.rho_mode, resampling=options.resampling)
        if options.resample_people:
            nested = nested_rho(scaled.of(name), together, options.rho_mode, options.resampling)
            found = replace(found, low=nested.low, high=nested.high)
        share = found.estimate / of_people[0] if of_people[0] > 0 else float("nan")
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
    low, high = [], []
    for key in table[list(by)].values:
        part = by_scene[(by_scene[list(by)] == key).all(axis=1) & (by_scene["pairs"] > 0)]
        percent, pairs = (part[name].to_numpy(dtype=float) for name in ("vr_percent", "pairs"))
        limits = over_scenes(ratio(percent * pairs, pairs), len(part), options.resampling)[1:]
        low.append(limits[0])
        high.append(limits[1])
    table["low"], table["high"] = low, high
    table["pairs"] = readings["any"]["pairs"]
    once = sorted(set(table.loc[table["pairs"] == 0, "observer"]))
    if once:
        who = (
            f"{once[0]} answered"
            if len(once) == 1
            else f"{len(once)} of {table['observer'].nunique()} observers answered"
        )
        notes.append(f"{who} no pair twice, so VR% within is unknown there")
    times = trials[trials["choice"].notna()].groupby("observer")["repetition"].nunique()
    times = times[times > 1]
    if len(times) and times.min() < times.max():
        notes.append(
            f"observers answered pairs {times.min()} to {times.max()} times: the more often, the larger is VR% within "
            "as 'any', so compare them by 'pairwise'"
        )
    return table


def _weights(scales: pd.DataFrame, attributes: list[str], options: Options, notes: list[str]) -> pd.DataFrame:
    table = preference_weights(scales, options.target, options.resampling)
    if options.target not in attributes or len(attributes) < 2:
        notes.append(f"there is no {options.target!r} with other attributes to explain it, so no weights are shown")
    else:
        told = set(table["observer"])
        untold = [name for name in dict.fromkeys(scales["observer"]) if name not in told]
        if untold:
            notes.append(f"{', '.join(untold)}: the weights of the attributes cannot be told from the scales")
    return _people_first(table)


def _people_first(table: pd.DataFrame) -> pd.DataFrame:
    """Sort by observer, all people together before the models."""
    return table.sort_values(
        "observer", key=lambda names: names.mask(names == PEOPLE, ""), kind="stable", ignore_index=True
    )


def _sides(trials: pd.DataFrame, people: list[str], options: Options) -> pd.DataFrame:
    """Judge the side bias of each model and of all people together; repeats are always of one observer."""
    grouped = trials.assign(group=trials["observer"].where(~trials["observer"].isin(people), PEOPLE))
    table = side_bias(grouped, ("group",))
    limits = {}
    for group, part in side_bias(grouped, ("group", "scene")).groupby("group"):
        same, swapped = (part[f"{name}_pairs"].to_numpy(dtype=float) for name in ("same", "swapped"))
        flips = (np.nan_to_num(part[f"{name}_flips"].to_numpy(dtype=float)) for name in ("same", "swapped"))
        same_rate, swapped_rate = (ratio(f * n, n) for f, n in zip(flips, (same, swapped), strict=True))
        limits[group] = over_scenes(_minus(swapped_rate, same_rate), len(part), options.resampling)[1:]
    after = list(table.columns).index("excess_flips") + 1
    for place, name in enumerate(("excess_low", "excess_high")):
        table.insert(after + place, name, [limits[group][place] for group in table["group"]])
    return _people_first(table.rename(columns={"group": "observer"}))


def _minus(first: Callable[[Floats], Floats], second: Callable[[Floats], Floats]) -> Callable[[Floats], Floats]:
    return lambda weights: first(weights) - second(weights)
