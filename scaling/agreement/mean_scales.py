"""Scale values of every observer: by scene, and their mean over scenes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from visavis.scaling.counts import Floats
from visavis.scaling.intervals import Resampling
from visavis.scaling.presentation.cells import joined_intervals
from visavis.scaling.presentation.panels import attributes_of, draw_points, of_attribute, present
from visavis.scaling.presentation.style import TWO_COLUMNS, panels, wrapped
from visavis.scaling.presentation.words import percent
from visavis.scaling.study.analysis import ATTRIBUTE, OBSERVER, Analysis, Column, Drawing, Note, never, with_interval
from visavis.scaling.study.options import PEOPLE
from visavis.scaling.study.result import Comparison
from visavis.scaling.study.study import Study

from .scene_scales import SceneScales
from .scene_scales import scaled as scaled_on

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_NAMED = 5
_MOST_BESIDE = 4
"""Observers that can stand beside each other in a panel a third of the page wide."""


def mean_scales(scaled: SceneScales, resampling: Resampling) -> pd.DataFrame:
    """Average each observer's scales over scenes, with intervals over resampled scenes.

    Returns
    -------
    DataFrame
        ``attribute, observer, item, value, low, high, standardised, scenes, from_data``; of the scenes in which the
        item has a value, which are counted, and of these those in which choices settle it.
    """
    frames = []
    for name in scaled.names:
        values = scaled.of(name)
        known = np.isfinite(values)
        scenes = known.sum(axis=0)
        there = known.any(axis=1)
        count = int(there.sum())
        low = high = np.full(values.shape[1], np.nan)
        mean = _mean(np.ones((1, count)), values[there])[0]
        if count > 1:
            draws = _mean(resampling.weights(count), values[there])
            low, high = resampling.limits(draws, count, estimate=mean)
            low, high = (np.where(scenes > 1, limit, np.nan) for limit in (low, high))
        spread = np.nanstd(mean) if scenes.any() else np.nan
        standardised = mean / spread if spread > 0 else np.full(mean.shape, np.nan)
        columns = {
            "item": scaled.items,
            "value": mean,
            "low": low,
            "high": high,
            "standardised": standardised,
            "scenes": scenes,
            "from_data": (scaled.basis[scaled.names.index(name)] == "data").sum(axis=0),
        }
        frames.append(pd.DataFrame({"attribute": scaled.attribute, "observer": name, **columns}))
    return pd.concat(frames, ignore_index=True)


def _mean(weights: Floats, values: Floats) -> Floats:
    """Return weighted means over scenes, NaN where an item has no value; (n, n scenes), (n scenes, k) to (n, k)."""
    known = np.isfinite(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((weights @ np.where(known, values, 0)) / (weights @ known))


def _by_scene(scaled: SceneScales) -> pd.DataFrame:
    index = pd.MultiIndex.from_product([scaled.names, scaled.scenes, scaled.items], names=["observer", "scene", "item"])
    columns: dict[str, NDArray[Any]] = {"value": scaled.values, "se": scaled.standard_errors}
    columns |= {"error_variance": scaled.sampling_variances, "basis": scaled.basis}
    frame = pd.DataFrame({name: array.ravel() for name, array in columns.items()}, index=index).reset_index()
    frame.insert(0, "attribute", scaled.attribute)
    return frame


def _notes(study: Study, table: pd.DataFrame) -> Sequence[Note]:  # noqa: ARG001
    """Say who lacks a scale, or scenes, and whether any scene is left that they share with people."""
    notes = []
    for attribute in study.attributes:
        if attribute not in study.answered:
            notes.append(Note(f"{attribute}: no one chose, so nothing is shown"))
            continue
        scaled = scaled_on(study, attribute)
        absent = [name for name in study.observers if name not in scaled.names]
        notes += [Note("no choice of {}, so no scale", attribute, name) for name in absent]
        there = np.asarray(np.isfinite(scaled.values).any(axis=-1))
        with_people = there[scaled.names.index(PEOPLE)] if PEOPLE in scaled.names else None
        for name, scenes in zip(scaled.names, there, strict=True):
            if with_people is not None and not (scenes & with_people).any():
                text = "no scene has a scale both of people and of {}, so nothing is compared"
                notes.append(Note(text, attribute, name))
            elif not scenes.all():
                text = f"only {scenes.sum()} of {len(scenes)} scenes have a scale of {{}}"
                notes.append(Note(text, attribute, name))
        notes += [
            Note(text, attribute, name)
            for name, basis in zip(scaled.names, scaled.basis, strict=True)
            for text in _ledger_notes(basis, scaled.items)
        ]
    return notes


def _ledger_notes(basis: NDArray[np.object_], items: Sequence[str]) -> list[str]:
    """Say what one observer's choices do not settle; basis of shape (n scenes, k)."""
    never = basis == "never"
    answered = ~never.all(axis=1)
    texts = []
    lacking = never[answered].sum(axis=0)
    if lacking.any():
        named = [f"{item} in {times}" for item, times in zip(items, lacking, strict=True) if times]
        shown = ", ".join(named[:_MOST_NAMED]) + (", …" if len(named) > _MOST_NAMED else "")
        texts.append(f"renditions that {{}} compared with no other have no value ({shown} of {answered.sum()} scenes)")
    alone = int((answered & (basis != "data").all(axis=1)).sum())
    if alone:
        texts.append(
            f"{alone} of {answered.sum()} scenes of {{}} are scaled by the prior alone: the choices there settle an "
            "order at most, and no distances"
        )
    return texts


def _draw(comparison: Comparison) -> Figure:
    """Draw the scale values of people and models, a panel an attribute."""
    observers = present(comparison, comparison.scales)
    columns = 3 if len(observers) <= _MOST_BESIDE else 1
    titles = attributes_of(comparison)
    with panels(titles, 1.9, columns=columns, legend=observers, sharey=True) as (figure, drawn):
        for panel in drawn:
            axes, part = panel.axes, of_attribute(comparison.scales, panel.title)
            order = _item_order(part)
            here = present(comparison, part)
            for position, name in enumerate(here):
                shift = 0.0 if len(here) == 1 else 0.6 * (position / (len(here) - 1) - 0.5)
                own = part[part["observer"] == name].set_index("item").loc[order]
                values = own[["value", "low", "high"]]
                places = np.asarray(np.arange(len(order)) + shift, dtype=np.float64)
                unsettled = (own["from_data"] == 0).to_numpy(dtype=bool)
                draw_points(axes, places, values.to_numpy(dtype=float), comparison, name, hollow=unsettled)
            for between in range(1, len(order)):
                axes.axvline(between - 0.5, color="#e6e6e6", linewidth=0.6)
            axes.grid(visible=False, axis="x")
            axes.set_xlim(-0.5, len(order) - 0.5)
            slanted: dict[str, Any] = (
                {"rotation": 40, "ha": "right", "rotation_mode": "anchor"} if _crowded(order, columns) else {}
            )
            axes.set_xticks(range(len(order)), [wrapped(item, 18) for item in order], **slanted)
            axes.axhline(0, color="#bbbbbb", linewidth=0.8, zorder=0)
            if panel.leftmost:
                axes.set_ylabel(f"scale value\n({comparison.unit})")
    return figure


def _item_order(scales: pd.DataFrame) -> list[str]:
    """Sort the items by the people's values, or by the mean of all where there are no people."""
    people = scales[scales["observer"] == PEOPLE]
    means = (people if len(people) else scales).groupby("item")["value"].mean()
    return [str(item) for item in means.sort_values(kind="stable").index]


def _crowded(items: list[str], columns: int) -> bool:
    """Whether names beside each other would touch, at about 15 letters of 7 points an inch."""
    return sum(min(len(item), 18) + 2 for item in items) > 15 * TWO_COLUMNS / columns * 0.85


def _shape(comparison: Comparison, table: pd.DataFrame) -> pd.DataFrame:  # noqa: ARG001
    """Return a row for each attribute and item, a column for each observer, under its own name."""
    table = joined_intervals(table, [Column("value", "", limits=("low", "high"))])
    wide = table.pivot_table(index=["attribute", "item"], columns="observer", values="value", aggfunc="first")
    return wide[sorted(wide.columns, key=lambda name: name != PEOPLE)].reset_index()


def _figure_caption(comparison: Comparison) -> str:
    options = comparison.options
    widened = ", widened for their number" if options.resampling.method in ("expanded", "t") else ""
    meaning = " (at a difference of 1, 84 % choose the higher)" if options.model == "thurstone" else ""
    unsettled = bool(((comparison.scales["from_data"] == 0) & comparison.scales["value"].notna()).any())
    hollow = " Hollow: no scene has choices that settle the value, which hangs on the prior." if unsettled else ""
    order = "the people's values" if comparison.people else "the mean values"
    return (
        f"Mean scale value over scenes, with {percent(options)} intervals over resampled scenes{widened}. Unit: "
        f"{comparison.unit}{meaning}. Renditions are in the order of {order}.{hollow}"
    )


SCENES = Analysis(
    name="scene_scales",
    section="Scale values",
    printed=never,
    in_report=False,
    columns=(
        ATTRIBUTE,
        OBSERVER,
        Column("scene", "the scene"),
        Column("item", "the rendition"),
        Column("value", "scale value in the scene; missing where the item was not compared", "unit of the scale"),
        Column("se", "its standard error", "unit of the scale"),
        Column("error_variance", "its variance over repeated answers", "unit of the scale, squared"),
        Column("basis", "what it rests on: data, edge (never lost or never won), prior, or never (not compared)"),
    ),
    compute=lambda study: study.by_attribute("scene_scales", lambda attribute: _by_scene(scaled_on(study, attribute))),
    caption=lambda comparison: "",  # noqa: ARG005
)

ANALYSIS = Analysis(
    name="scales",
    section="Scale values",
    title="Scale values",
    folded=True,
    printed=never,
    columns=(
        ATTRIBUTE,
        OBSERVER,
        Column("item", "the rendition"),
        *with_interval("value", "mean scale value over scenes", unit="unit of the scale"),
        Column("standardised", "the value divided by the SD of the observer's values"),
        Column("scenes", "scenes in which the item was compared"),
        Column("from_data", "scenes in which choices settle its value, and not the prior"),
    ),
    compute=lambda study: study.by_attribute(
        "scales", lambda attribute: mean_scales(scaled_on(study, attribute), study.options.resampling)
    ),
    notes=_notes,
    shape=_shape,
    caption=lambda comparison: (
        f"Scale values ({comparison.unit}), mean over scenes, with {percent(comparison.options)} intervals over "
        "resampled scenes."
    ),
    drawing=Drawing(_draw, lambda found: len(found.scales) > 0, _figure_caption),
)
