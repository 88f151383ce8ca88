"""Spearman's ρ between each model's scale values and the people's, beside what people reach among themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from visavis.scaling.presentation.panels import attributes_of, dot_figure, of_attribute
from visavis.scaling.presentation.style import FigurePanel
from visavis.scaling.presentation.words import MODES, over_scenes, percent
from visavis.scaling.study.analysis import ATTRIBUTE, OBSERVER, SCENES, Analysis, Column, Drawing, with_interval
from visavis.scaling.study.options import PEOPLE
from visavis.scaling.study.result import Comparison
from visavis.scaling.study.study import Study

from .corrected_rho import corrected_rho
from .pooled_people import pooled
from .rho import bootstrap_rho, nested_rho
from .scene_scales import scaled as scaled_on

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_CEILINGS = ("leave_one_out", "with_all", "split_half", "between_people")
_COLUMNS = (
    *("attribute", "observer", "rho", "low", "high", "rho_corrected", "corrected_low", "corrected_high", "scenes"),
    *("ceiling", "ceiling_upper", "split_half", "between_people", "share_of_ceiling"),
)


def _compute(study: Study) -> pd.DataFrame:
    table = study.by_attribute("alignment", lambda attribute: _on(study, attribute))
    if study.unscreened is not None:
        with_all = study.unscreened.table("alignment").set_index(["attribute", "observer"])["rho"]
        table = table.join(with_all.rename("rho_unscreened"), on=["attribute", "observer"])
    return table


def _on(study: Study, attribute: str) -> pd.DataFrame:
    scaled, options = scaled_on(study, attribute), study.options
    if PEOPLE not in scaled.names:
        return pd.DataFrame()
    ceilings = study.table("ceilings").set_index("attribute").loc[[attribute], list(_CEILINGS)]
    of_people = tuple(ceilings.to_numpy(dtype=float)[0])
    rows = []
    for name in scaled.names:
        if name == PEOPLE:
            continue
        found = bootstrap_rho(scaled.of(name), scaled.of(PEOPLE), options.rho_mode, resampling=options.resampling)
        if options.resample_people:
            nested = nested_rho(scaled.of(name), pooled(study, attribute), options.rho_mode, options.resampling)
            found = replace(found, low=nested.low, high=nested.high)
        share = found.estimate / of_people[0] if of_people[0] > 0 else float("nan")
        true = corrected_rho(
            scaled.of(name), scaled.of(PEOPLE), (scaled.errors(name), scaled.errors(PEOPLE)), options.rho_mode,
            options.resampling,
        )  # fmt: skip
        limits = found.estimate, found.low, found.high, true.estimate, true.low, true.high
        rows.append((attribute, name, *limits, found.n_scenes, *of_people, share))
    return pd.DataFrame(rows, columns=list(_COLUMNS))


def has_rho(comparison: Comparison) -> bool:
    """Whether any model's scale values could be correlated with the people's."""
    return bool(comparison.alignment["rho"].notna().any())


def _draw(comparison: Comparison) -> Figure:
    """Draw Spearman's ρ of each model with people, beside the human ceiling."""
    table = comparison.alignment
    lowest = float(np.nanmin([0, *table["low"], *table["rho"]]))

    def ceiling(panel: FigurePanel) -> None:
        part = of_attribute(table, panel.title)
        low, high = (float(part[column].max()) for column in ("ceiling", "ceiling_upper"))
        if np.isfinite(low):
            panel.axes.axvspan(low, max(high, low + 0.006), color="black", alpha=0.25, linewidth=0)
        panel.axes.set_xlim(lowest - 0.05, 1.05)

    return dot_figure(
        comparison,
        {name: of_attribute(table, name) for name in attributes_of(comparison)},
        ("rho", "low", "high"),
        "ρ with people",
        beside=ceiling,
    )


def _figure_caption(comparison: Comparison) -> str:
    options = comparison.options
    grey = (
        "Grey: the human ceiling, from the mean ρ of one person with all the others to that of one person with all. "
        if len(comparison.people) > 1
        else ""
    )
    return (
        "Spearman's ρ between each model's scale values and the people's "
        f"({options.rho_mode.replace('_', ' ')}), with intervals over {over_scenes(options)}. {grey}With "
        f"{len(comparison.renditions)} renditions ρ moves in steps: nearby values may be one adjacent swap apart."
    )


def _caption(comparison: Comparison) -> str:
    options = comparison.options
    return (
        "Spearman's ρ between each model's scale values and the people's "
        f"({options.rho_mode.replace('_', ' ')}), with {percent(options)} intervals over {over_scenes(options)}; "
        "ρ corrected for the errors of both scales, which estimates the ρ of the true values where the first estimates "
        "what studies of this size find (people's ceilings compare with the first alone); number of scenes; what "
        "people reach among themselves: one person with the others, one person with all, two halves of the people, two "
        "people; and ρ as a share of the first."
    )


def _sentences(comparison: Comparison) -> Sequence[str]:
    if not len(comparison.alignment):
        return ()
    several = len(comparison.people) > 1
    ceiling = (
        ", beside the mean ρ of one person with all the others (the lower bound of the noise ceiling; Nili et al., "
        "2014)"
        if several
        else ""
    )
    return (
        f"Agreement is Spearman's ρ between {MODES[comparison.options.rho_mode]} of a model and of "
        f"{'people' if several else 'the person'}{ceiling}; beside it stands ρ corrected for attenuation by the errors "
        "of both scales (Spearman, 1904).",
    )


ANALYSIS = Analysis(
    name="alignment",
    section="Agreement with people",
    title="Agreement with people",
    columns=(
        ATTRIBUTE,
        OBSERVER,
        *with_interval("rho", "Spearman's ρ with the people's scale values", heading="ρ"),
        *with_interval(
            "rho_corrected",
            "ρ between the true values, as corrected for the errors of both scales",
            heading="ρ corrected",
            limits="corrected_",
        ),
        SCENES,
        Column("ceiling", "mean ρ of one person with all the others (Nili et al. 2014, lower bound)"),
        Column("ceiling_upper", "mean ρ of one person with all people (upper bound)"),
        Column("split_half", "mean ρ between two random halves of the people"),
        Column("between_people", "mean ρ of two people"),
        Column("share_of_ceiling", "ρ divided by the ceiling"),
        Column("rho_unscreened", "ρ with the people whom the screening left out", always=False),
    ),
    compute=_compute,
    caption=_caption,
    drawing=Drawing(_draw, has_rho, _figure_caption),
    sentences=_sentences,
)
