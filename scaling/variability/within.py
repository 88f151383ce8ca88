"""VR%: how often one observer answers the same question differently, and how often observers differ.

Literature leaves open what exactly is counted, so each reading is a named option. For three repetitions of a choice
between two, the three readings within an observer are one statistic up to scale, 1 : 1/3 : 2/3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import pandas as pd

from visavis.scaling.counts import Counts, Floats, count_choices
from visavis.scaling.errors import ScalingError
from visavis.scaling.intervals import over_scenes, ratio
from visavis.scaling.presentation.panels import attributes_of, of_attribute, values_by_observer
from visavis.scaling.presentation.style import draw_dots, look, panels, row_height
from visavis.scaling.study.analysis import ATTRIBUTE, OBSERVER, Analysis, Column, Drawing, Note, with_interval
from visavis.scaling.study.result import Comparison
from visavis.scaling.study.study import Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Within = Literal["any", "minority", "pairwise"]
WITHIN: tuple[Within, ...] = get_args(Within)


def vr_within_pairs(counts: Counts, reading: Within = "any") -> Floats:
    """Return the variability of the repetitions of each pair.

    Parameters
    ----------
    counts : Counts
        Counted apart by observer; a tie is an answer of its own.
    reading : {'any', 'minority', 'pairwise'}
        ``any``: 1 if the repetitions were not unanimous, else 0. ``minority``: share of repetitions that differ from
        the most frequent answer. ``pairwise``: probability that two repetitions drawn without replacement differ.

    Returns
    -------
    float array, shape (G, P)
        For the P = k (k - 1) / 2 pairs i < j; NaN where a pair was asked less than twice.
    """
    if reading not in WITHIN:
        raise ScalingError(f"unknown reading {reading!r} of VR within; choose from {', '.join(WITHIN)}")
    first, second = np.triu_indices(len(counts.items), 1)
    answers = np.stack([counts.wins[:, first, second], counts.wins[:, second, first], counts.ties[:, first, second]])
    n = answers.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        if reading == "any":
            varied = (answers.max(axis=0) < n).astype(np.float64)
        elif reading == "minority":
            varied = 1 - answers.max(axis=0) / n
        else:
            varied = 1 - (answers * (answers - 1)).sum(axis=0) / (n * (n - 1))
    return np.where(n >= 2, varied, np.nan)


def vr_within(
    trials: pd.DataFrame, by: tuple[str, ...] = ("observer", "attribute"), reading: Within = "any"
) -> pd.DataFrame:
    """Return VR% within observers.

    Parameters
    ----------
    trials : DataFrame
        The trials table.
    by : tuple of str
        What is reported apart. Repetitions are always compared within observer, attribute, scene and pair.
    reading : {'any', 'minority', 'pairwise'}

    Returns
    -------
    DataFrame
        The columns `by`, ``vr_percent`` (mean over pairs, in %), and ``pairs``, how many were asked at least twice.
    """
    apart = tuple(dict.fromkeys((*by, "observer", "attribute", "scene")))
    counts = count_choices(trials, apart)
    varied = vr_within_pairs(counts, reading)
    per_group = counts.groups.assign(varied=np.nansum(varied, axis=1), pairs=np.isfinite(varied).sum(axis=1))
    table = per_group.groupby(list(by), sort=False)[["varied", "pairs"]].sum().reset_index()
    share = table["varied"] / table["pairs"].where(table["pairs"] > 0)
    return table[list(by)].assign(vr_percent=100 * share, pairs=table["pairs"])


def _compute(study: Study) -> pd.DataFrame:
    """Give VR% within in each reading, and an interval over resampled scenes for the first."""
    trials = study.main
    by = ("observer", "attribute")
    readings = {reading: vr_within(trials, by, reading) for reading in WITHIN}
    table = readings["any"][list(by)].copy()
    for reading, result in readings.items():
        table[reading] = result["vr_percent"]
    by_scene = vr_within(trials, (*by, "scene"), "any")
    by_scene = by_scene[by_scene["pairs"] > 0].assign(varied=lambda found: found["vr_percent"] * found["pairs"])
    parts = {key: part[["varied", "pairs"]].to_numpy(dtype=float) for key, part in by_scene.groupby(list(by))}
    limits = []
    for key in table[list(by)].itertuples(index=False, name=None):
        varied, pairs = parts.get(key, np.empty((0, 2))).T
        share = ratio(varied, pairs)
        limits.append(over_scenes(share, len(pairs), study.options.resampling, bounds=(0, 100))[1:])
    table["low"], table["high"] = np.array(limits).reshape(-1, 2).T
    table["pairs"] = readings["any"]["pairs"]
    return table


def _notes(study: Study, table: pd.DataFrame) -> Sequence[Note]:
    notes = []
    once = sorted(set(table.loc[table["pairs"] == 0, "observer"]))
    if once:
        observers = table["observer"].nunique()
        who = f"{once[0]} answered" if len(once) == 1 else f"{len(once)} of {observers} observers answered"
        notes.append(Note(f"{who} no pair twice, so VR% within is unknown there"))
    times = study.main[study.main["choice"].notna()].groupby("observer")["repetition"].nunique()
    times = times[times > 1]
    if len(times) and times.min() < times.max():
        notes.append(
            Note(
                f"observers answered pairs {times.min()} to {times.max()} times: the more often, the larger is VR% "
                "within as 'any', so compare them by 'pairwise'"
            )
        )
    return notes


def answered_again(comparison: Comparison, observers: Sequence[str]) -> bool:
    """Whether any of these observers answered pairs more than once."""
    table = comparison.vr_within
    return bool(table.loc[table["observer"].isin(observers), "any"].notna().any())


def _draw(comparison: Comparison) -> Figure:
    """Draw VR% within each observer that answered pairs more than once."""
    table = comparison.vr_within.dropna(subset="any")
    names = [name for name in (*comparison.people, *comparison.models) if name in set(table["observer"])]
    with panels(attributes_of(comparison), row_height(names), sharex=True, sharey=True) as (figure, drawn):
        for panel in drawn:
            dots = values_by_observer(of_attribute(table, panel.title), ("any", "low", "high"))
            draw_dots(comparison, panel, names, dots)
            for name, (value, _, _) in dots.items():
                panel.axes.barh(names.index(name), value, height=0.5, color=look(comparison, name)["color"], alpha=0.35)
            panel.axes.set_xlim(0, 100)
            panel.axes.set_xlabel("pairs not unanimous (%)")
    return figure


def _sentences(comparison: Comparison) -> Sequence[str]:
    if not comparison.vr_within["any"].notna().any():
        return ()
    return ("VR% within an observer is the share of pairs whose repetitions were not answered alike.",)


ANALYSIS = Analysis(
    name="vr_within",
    section="Variability (VR%)",
    title="VR% within, by other readings too",
    folded=True,
    columns=(
        OBSERVER,
        ATTRIBUTE,
        *with_interval(
            "any", "VR% within: pairs whose repetitions were not all answered alike", unit="%", heading="VR% any"
        ),
        Column(
            "minority", "mean share of the repetitions that differ from the most frequent answer", "%", "VR% minority"
        ),
        Column("pairwise", "probability that two repetitions differ", "%", "VR% pairwise"),
        Column("pairs", "pairs answered at least twice"),
    ),
    compute=_compute,
    notes=_notes,
    shape=lambda comparison, table: table.dropna(subset="any"),  # noqa: ARG005
    caption=lambda comparison: (  # noqa: ARG005
        "VR% within, in three readings: pairs not unanimous, with interval; mean minority share; disagreement of two "
        "repetitions; number of pairs asked twice or more."
    ),
    drawing=Drawing(
        _draw,
        lambda found: answered_again(found, (*found.people, *found.models)),
        lambda comparison: (  # noqa: ARG005
            "Within an observer: share of pairs whose repetitions were not answered alike, whatever the side, with "
            "intervals over resampled scenes."
        ),
    ),
    sentences=_sentences,
)
