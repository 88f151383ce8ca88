"""What each figure of a comparison shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from visavis.scaling.comparison.compare import Comparison
from visavis.scaling.comparison.options import PEOPLE
from visavis.scaling.counts import Floats

from .style import TWO_COLUMNS, Panel, draw_dots, lay_out, look, panels, row_height, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_BESIDE = 4
"""Observers that can stand beside each other in a panel a third of the page wide."""


def figures(comparison: Comparison) -> dict[str, Figure]:
    """Return every figure for which there are data, by the name of its file."""
    drawn = {name: draw(comparison) for name, (draw, has_data) in FIGURES.items() if has_data(comparison)}
    for figure in drawn.values():
        lay_out(figure)
    return drawn


def scale_figure(comparison: Comparison) -> Figure:
    """Draw the scale values of people and models, a panel an attribute."""
    observers = _present(comparison, comparison.scales)
    columns = 3 if len(observers) <= _MOST_BESIDE else 1
    titles = _attributes(comparison)
    with panels(titles, 1.9, columns=columns, legend=observers, sharey=True) as (figure, drawn):
        for panel in drawn:
            axes, part = panel.axes, _of(comparison.scales, panel.title)
            order = _item_order(part)
            here = _present(comparison, part)
            for position, name in enumerate(here):
                shift = 0.0 if len(here) == 1 else 0.6 * (position / (len(here) - 1) - 0.5)
                values = part[part["observer"] == name].set_index("item").loc[order, ["value", "low", "high"]]
                places = np.asarray(np.arange(len(order)) + shift, dtype=np.float64)
                _draw_points(axes, places, values.to_numpy(dtype=float), comparison, name)
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


def spread_figure(comparison: Comparison) -> Figure:
    """Draw how finely each observer tells renditions apart."""
    return _dot_figure(
        comparison,
        {name: _of(comparison.spreads, name) for name in _attributes(comparison)},
        ("spread", "low", "high"),
        f"spread ({comparison.unit})",
        from_zero=True,
    )


def alignment_figure(comparison: Comparison) -> Figure:
    """Draw Spearman's ρ of each model with people, beside the human ceiling."""
    table = comparison.alignment
    lowest = float(np.nanmin([0, *table["low"], *table["rho"]]))

    def ceiling(panel: Panel) -> None:
        part = _of(table, panel.title)
        low, high = (float(part[column].max()) for column in ("ceiling", "ceiling_upper"))
        if np.isfinite(low):
            panel.axes.axvspan(low, max(high, low + 0.006), color="black", alpha=0.25, linewidth=0)
        panel.axes.set_xlim(lowest - 0.05, 1.05)

    return _dot_figure(
        comparison,
        {name: _of(table, name) for name in _attributes(comparison)},
        ("rho", "low", "high"),
        "ρ with people",
        beside=ceiling,
    )


def weights_figure(comparison: Comparison) -> Figure:
    """Draw what the target is made of for each observer: β, whose interval holds 0 where no sign can be told."""
    parts = {str(name): part for name, part in comparison.weights.groupby("attribute")}
    return _dot_figure(comparison, parts, ("beta", "low", "high"), f"β in {comparison.options.target}", line=0.0)


def side_figure(comparison: Comparison) -> Figure:
    """Draw how the left is favoured, and how many flips at swapped sides repeat noise does not explain."""
    table = comparison.side_bias
    shares = table.rename(columns={"left_share": "x", "left_low": "l", "left_high": "h"})
    excess = table.rename(columns={"excess_flips": "x", "excess_low": "l", "excess_high": "h"}).dropna(subset="x")
    names = _present(comparison, table)
    titles = {"choices of the left": (shares, 0.5), "flips beyond repeat noise": (excess, 0.0)}
    titles = {title: found for title, found in titles.items() if len(found[0])}
    with panels(list(titles), row_height(names), sharey=True) as (figure, drawn):
        for panel in drawn:
            part, nothing = titles[panel.title]
            panel.axes.axvline(nothing, color="#bbbbbb", linewidth=0.8, zorder=0)
            draw_dots(comparison, panel, names, _dots(part, ("x", "l", "h")))
            panel.axes.locator_params(axis="x", nbins=5)
            panel.axes.set_xlabel("share")
    return figure


def within_figure(comparison: Comparison) -> Figure:
    """Draw VR% within each observer that answered pairs more than once."""
    table = comparison.vr_within.dropna(subset="any")
    names = [name for name in (*comparison.people, *comparison.models) if name in set(table["observer"])]
    with panels(_attributes(comparison), row_height(names), sharex=True, sharey=True) as (figure, drawn):
        for panel in drawn:
            dots = _dots(_of(table, panel.title), ("any", "low", "high"))
            draw_dots(comparison, panel, names, dots)
            for name, (value, _, _) in dots.items():
                panel.axes.barh(names.index(name), value, height=0.5, color=look(comparison, name)["color"], alpha=0.35)
            panel.axes.set_xlim(0, 100)
            panel.axes.set_xlabel("pairs not unanimous (%)")
    return figure


def between_figure(comparison: Comparison) -> Figure:
    """Draw VR% between every two models, and between each and the people's majority."""
    names = _present(comparison, comparison.vr_between)
    labels = [wrapped(name) for name in names]
    lines = max((1 + label.count("\n") for label in labels), default=1)
    cell = 0.26 if lines < 3 else 0.29  # as high as the lines of a label
    lettering: dict[str, Any] = {"fontsize": 7 if lines < 3 else 6, "linespacing": 1.2 if lines < 3 else 1.0}
    slanted: dict[str, Any] = {"rotation": 40} if lines == 1 else {"rotation": 90, "va": "center"}
    columns = max(1, min(3, int((TWO_COLUMNS - 0.9) / (cell * len(names) + 0.1))))
    height = 0.9 + cell * len(names)
    with panels(_attributes(comparison, comparison.vr_between), height, columns=columns) as (figure, drawn):
        for panel in drawn:
            axes, part = panel.axes, _of(comparison.vr_between, panel.title)
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


def separability_figure(comparison: Comparison) -> Figure:
    """Draw agreement with the people's majority against how far apart people see the two images."""
    points, curves = comparison.separability_points, comparison.separability
    observers = _present(comparison, points)
    with panels(_attributes(comparison), 2.4, legend=observers, sharey=True) as (figure, drawn):
        for panel in drawn:
            axes, here = panel.axes, _of(points, panel.title)
            furthest = float(here["separation"].max()) if len(here) else 1.0
            grid = np.linspace(0, 1.05 * furthest, 100)
            for place, name in enumerate(observers):
                style = look(comparison, name)
                part = here[here["observer"] == name]
                if not len(part):
                    continue
                shift = 0.012 * furthest * (place - len(observers) / 2)
                limits = part[["agreement", "low", "high"]].to_numpy(dtype=float)
                _draw_points(axes, part["separation"].to_numpy(dtype=float) + shift, limits, comparison, name)
                curve = _of(curves, panel.title)
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


def trade_off_figure(comparison: Comparison) -> Figure:
    """Draw each model's agreement with people against its own variability."""
    joined = comparison.alignment.merge(comparison.vr_within, on=["attribute", "observer"], suffixes=("", "_vr"))
    joined = joined.dropna(subset=["rho", "any"])
    models = _present(comparison, joined)
    with panels(_attributes(comparison), 2.2, legend=models, sharex=True, sharey=True) as (figure, drawn):
        for panel in drawn:
            axes, part = panel.axes, _of(joined, panel.title)
            numbers = part[["any", "low_vr", "high_vr", "rho", "low", "high"]].to_numpy(dtype=float)
            for name, of_model in zip(part["observer"].astype(str), numbers, strict=True):
                (x, *of_x), (y, *of_y) = of_model[:3], of_model[3:]
                across, up = (
                    np.nan_to_num(np.clip([[value - low], [high - value]], 0, None))
                    for value, low, high in ((x, *of_x), (y, *of_y))
                )
                style = {"markersize": 4.5, "elinewidth": 0.5, **look(comparison, name)}
                axes.errorbar(x, y, xerr=across, yerr=up, linestyle="none", label=name, **style)
            axes.margins(0.08)
            ceiling = part["ceiling"].max() if len(part) else np.nan
            if np.isfinite(ceiling):
                axes.axhline(ceiling, color="black", alpha=0.25, linewidth=2.5, zorder=0)
            axes.set_xlabel("VR% within")
            if panel.leftmost:
                axes.set_ylabel("ρ with people")
    return figure


def _dot_figure(
    comparison: Comparison,
    parts: dict[str, pd.DataFrame],
    columns: tuple[str, str, str],
    label: str,
    *,
    beside: Callable[[Panel], None] | None = None,
    line: float | None = None,
    from_zero: bool = False,
) -> Figure:
    """Draw a row for each observer, a panel for each part."""
    names = _present(comparison, pd.concat(parts.values()))
    with panels(list(parts), row_height(names), sharex=True, sharey=True) as (figure, drawn):
        for panel in drawn:
            draw_dots(comparison, panel, names, _dots(parts[panel.title], columns))
            if line is not None:
                panel.axes.axvline(line, color="#bbbbbb", linewidth=0.8, zorder=0)
            if beside is not None:
                beside(panel)
            panel.axes.set_xlabel(label)
        if from_zero:
            drawn[0].axes.set_xlim(left=0)
    return figure


def _dots(part: pd.DataFrame, columns: tuple[str, str, str]) -> dict[str, Floats]:
    told = part.dropna(subset=[columns[0]])
    return dict(zip(told["observer"].astype(str), told[list(columns)].to_numpy(dtype=float), strict=True))


def _of(table: pd.DataFrame, attribute: str) -> pd.DataFrame:
    return table[table["attribute"] == attribute]


def _attributes(comparison: Comparison, table: pd.DataFrame | None = None) -> list[str]:
    """Return the attributes that have data."""
    there = set((comparison.scales if table is None else table)["attribute"])
    return [name for name in comparison.attributes if name in there]


def _present(comparison: Comparison, part: pd.DataFrame) -> list[str]:
    there = set(part["observer"])
    return [name for name in (PEOPLE, *comparison.models) if name in there]


def _item_order(scales: pd.DataFrame) -> list[str]:
    """Sort the items by the people's values, or by the mean of all where there are no people."""
    people = scales[scales["observer"] == PEOPLE]
    means = (people if len(people) else scales).groupby("item")["value"].mean()
    return [str(item) for item in means.sort_values(kind="stable").index]


def _crowded(items: list[str], columns: int) -> bool:
    """Whether names beside each other would touch, at about 15 letters of 7 points an inch."""
    return sum(min(len(item), 18) + 2 for item in items) > 15 * TWO_COLUMNS / columns * 0.85


def _draw_points(axes: Axes, x: Floats, limits: Floats, comparison: Comparison, name: str) -> None:
    value, low, high = limits.T
    reach = np.nan_to_num(np.clip([value - low, high - value], 0, None))
    people = name == PEOPLE
    style: dict[str, Any] = {"markersize": 4 if people else 3, "elinewidth": 1.2 if people else 0.7}
    axes.errorbar(x, value, yerr=reach, linestyle="none", label=name, **style, **look(comparison, name))


def _aligned(comparison: Comparison) -> bool:
    return bool(comparison.alignment["rho"].notna().any())


def _repeated(comparison: Comparison, observers: Sequence[str]) -> bool:
    """Whether any of these observers answered pairs more than once."""
    table = comparison.vr_within
    return bool(table.loc[table["observer"].isin(observers), "any"].notna().any())


FIGURES: dict[str, tuple[Callable[[Comparison], Figure], Callable[[Comparison], bool]]] = {
    "scales": (scale_figure, lambda found: len(found.scales) > 0),
    "spread": (spread_figure, lambda found: len(found.spreads) > 0),
    "alignment": (alignment_figure, _aligned),
    "separability": (separability_figure, lambda found: len(found.separability_points) > 0),
    "trade_off": (trade_off_figure, lambda found: _aligned(found) and _repeated(found, found.models)),
    "vr_within": (within_figure, lambda found: _repeated(found, (*found.people, *found.models))),
    "vr_between": (between_figure, lambda found: len(found.vr_between) > 0),
    "weights": (weights_figure, lambda found: len(found.weights) > 0),
    "sides": (side_figure, lambda found: len(found.side_bias) > 0),
}
"""How each figure is drawn, and whether a comparison has the data for it."""
