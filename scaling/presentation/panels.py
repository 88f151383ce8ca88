"""Figures with a panel for each attribute and a place for each observer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from visavis.scaling.counts import Floats
from visavis.scaling.study.options import PEOPLE
from visavis.scaling.study.result import Comparison

from .style import FigurePanel, draw_dots, look, panels, row_height

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def dot_figure(
    comparison: Comparison,
    parts: dict[str, pd.DataFrame],
    columns: tuple[str, str, str],
    label: str,
    *,
    beside: Callable[[FigurePanel], None] | None = None,
    line: float | None = None,
    from_zero: bool = False,
) -> Figure:
    """Draw a row for each observer, a panel for each part."""
    names = present(comparison, pd.concat(parts.values()))
    with panels(list(parts), row_height(names), sharex=True, sharey=True) as (figure, drawn):
        for panel in drawn:
            draw_dots(comparison, panel, names, values_by_observer(parts[panel.title], columns))
            if line is not None:
                panel.axes.axvline(line, color="#bbbbbb", linewidth=0.8, zorder=0)
            if beside is not None:
                beside(panel)
            panel.axes.set_xlabel(label)
        if from_zero:
            drawn[0].axes.set_xlim(left=0)
    return figure


def values_by_observer(part: pd.DataFrame, columns: tuple[str, str, str]) -> dict[str, Floats]:
    """Return a value and its limits for each observer that has a value; `columns` name the three."""
    known = part.dropna(subset=[columns[0]])
    return dict(zip(known["observer"].astype(str), known[list(columns)].to_numpy(dtype=float), strict=True))


def of_attribute(table: pd.DataFrame, attribute: str) -> pd.DataFrame:
    """Return the rows of one attribute."""
    return table[table["attribute"] == attribute]


def attributes_of(comparison: Comparison, table: pd.DataFrame | None = None) -> list[str]:
    """Return the attributes that have data."""
    there = set((comparison.scales if table is None else table)["attribute"])
    return [name for name in comparison.attributes if name in there]


def present(comparison: Comparison, part: pd.DataFrame) -> list[str]:
    """Return the observers that have a row, all people together before the models."""
    there = set(part["observer"])
    return [name for name in (PEOPLE, *comparison.models) if name in there]


def draw_points(
    axes: Axes, x: Floats, limits: Floats, comparison: Comparison, name: str, *, hollow: NDArray[np.bool_] | None = None
) -> None:
    """Draw an observer's points with their intervals; limits of shape (n, 3): value, low, high; some points hollow."""
    value, low, high = limits.T
    reach = np.nan_to_num(np.clip([value - low, high - value], 0, None))
    people = name == PEOPLE
    style: dict[str, Any] = {"markersize": 4 if people else 3, "elinewidth": 1.2 if people else 0.7}
    axes.errorbar(x, value, yerr=reach, linestyle="none", label=name, **style, **look(comparison, name))
    if hollow is not None and hollow.any():
        shape = {**look(comparison, name), "markersize": style["markersize"], "markerfacecolor": "white", "zorder": 3}
        axes.plot(x[hollow], value[hollow], linestyle="none", **shape)
