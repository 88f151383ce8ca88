"""Figures of a comparison: readable in print and by the colour-blind (Okabe & Ito 2008).

People are black; every model has a colour and a marker of its own, the same in all figures.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from .comparison import Comparison
from .options import PEOPLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6D31", "#666666")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")
_PANEL_INCHES = 3.3

_OTHER_SCRIPTS = ("Noto Sans CJK SC", "Microsoft YaHei", "PingFang SC", "Hiragino Sans GB", "WenQuanYi Zen Hei")

_STYLE: Any = {
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "font.size": 9,
    "grid.color": "#e6e6e6",
    "axes.axisbelow": True,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
    "pdf.fonttype": 42,  # fonts that journals take
    "svg.fonttype": "none",  # the reader's fonts: every script shows, and names can be searched
    "svg.hashsalt": "visavis",
    "text.parse_math": False,  # a name may hold a dollar sign
}


def scale_figure(comparison: Comparison) -> Figure:
    """Draw the scale values of people and models, a panel an attribute."""
    with _figure(comparison, sharey=True) as (figure, panels):
        for axes, attribute in panels:
            of_attribute = comparison.scales[comparison.scales["attribute"] == attribute]
            order = _item_order(of_attribute)
            observers = _present(comparison, of_attribute)
            for position, name in enumerate(observers):
                shift = 0.0 if len(observers) == 1 else 0.5 * (position / (len(observers) - 1) - 0.5)
                part = of_attribute[of_attribute["observer"] == name].set_index("item").loc[order]
                _draw_points(axes, np.arange(len(order)) + shift, part, _look(comparison, name), name)
            axes.set_xticks(range(len(order)), order, rotation=40, ha="right", rotation_mode="anchor")
            axes.set_title(attribute)
            axes.axhline(0, color="#bbbbbb", linewidth=0.8, zorder=0)
        panels[0][0].set_ylabel(f"scale value ({comparison.unit})")
        _legend(figure, panels)
    return figure


def alignment_figure(comparison: Comparison) -> Figure:
    """Draw Spearman's ρ of each model with people, beside the human ceiling."""
    names = list(reversed(comparison.models))
    lowest = float(np.nanmin([0, *comparison.alignment["low"], *comparison.alignment["rho"]]))
    with _figure(comparison, height=0.9 + 0.28 * len(names), sharex=True, sharey=True) as (figure, panels):
        for axes, attribute in panels:
            part = comparison.alignment[comparison.alignment["attribute"] == attribute].dropna(subset="rho")
            intervals = part[["rho", "low", "high"]].to_numpy(dtype=float)
            for name, (rho, low, high) in zip(part["observer"], intervals, strict=True):
                _draw_rho(axes, names.index(name), rho, low, high, _look(comparison, name))
            ceiling, upper = (part[column].max() for column in ("ceiling", "ceiling_upper"))
            if np.isfinite(ceiling):
                axes.axvspan(ceiling, max(upper, ceiling + 0.004), color="black", alpha=0.25, linewidth=0)
            axes.set_yticks(range(len(names)), names)
            axes.set_ylim(-0.6, len(names) - 0.4)
            axes.set_xlim(lowest - 0.05, 1.05)
            axes.set_title(attribute)
            axes.set_xlabel("ρ with people (grey: human ceiling)")
    return figure


def within_figure(comparison: Comparison) -> Figure:
    """Draw VR% within each observer that answered pairs more than once."""
    table = comparison.vr_within.dropna(subset="any")
    names = [name for name in reversed((*comparison.people, *comparison.models)) if name in set(table["observer"])]
    with _figure(comparison, height=0.9 + 0.28 * len(names), sharey=True) as (figure, panels):
        for axes, attribute in panels:
            part = table[table["attribute"] == attribute].set_index("observer")["any"]
            for row, name in enumerate(names):
                if name in part.index:
                    axes.barh(row, part[name], height=0.6, color=_look(comparison, name)["color"])
                    axes.annotate(
                        f"{part[name]:.0f}", (part[name], row), (3, 0), textcoords="offset points", va="center"
                    )
            axes.set_yticks(range(len(names)), names)
            axes.set_ylim(-0.6, len(names) - 0.4)
            axes.set_xlim(0, 105)
            axes.set_title(attribute)
            axes.set_xlabel("pairs not answered unanimously (%)")
    return figure


def between_figure(comparison: Comparison) -> Figure:
    """Draw VR% between every two models, and between each and the people's majority."""
    with _figure(comparison, height=0.9 + 0.42 * (len(comparison.models) + 1)) as (figure, panels):
        for axes, attribute in panels:
            part = comparison.vr_between[comparison.vr_between["attribute"] == attribute]
            names = _present(comparison, part)
            table = part.pivot_table(index="observer", columns="other", values="vr_percent")
            matrix = table.reindex(index=names, columns=names).to_numpy(dtype=float)
            axes.pcolormesh(matrix, cmap="cividis_r", vmin=0, vmax=100, edgecolors="white", linewidth=1)
            axes.invert_yaxis()
            axes.set_aspect("equal")
            for row, column in np.ndindex(matrix.shape):
                if row != column:
                    value = matrix[row, column]
                    color = "white" if value > 45 else "black"
                    shown = f"{value:.0f}" if np.isfinite(value) else "–"
                    axes.text(column + 0.5, row + 0.5, shown, ha="center", va="center", color=color, fontsize=8)
            centres = np.arange(len(names)) + 0.5
            axes.set_xticks(centres, names, rotation=40, ha="right", rotation_mode="anchor")
            axes.set_yticks(centres, names if axes is panels[0][0] else [""] * len(names))
            axes.tick_params(length=0)
            axes.spines[:].set_visible(False)
            axes.grid(visible=False)
            axes.set_title(attribute)
    return figure


def separability_figure(comparison: Comparison) -> Figure:
    """Draw each model's agreement with people against how far apart people see the two images."""
    points, curves = comparison.separability_points, comparison.separability
    with _figure(comparison, sharey=True) as (figure, panels):
        for axes, attribute in panels:
            of_attribute = points[points["attribute"] == attribute]
            furthest = float(of_attribute["separation"].max()) if len(of_attribute) else 1.0
            grid = np.linspace(0, 1.05 * furthest, 100)
            for name in comparison.models:
                look = _look(comparison, name)
                part = of_attribute[of_attribute["observer"] == name]
                if not len(part):
                    continue
                x, y = (part[column].to_numpy(dtype=float) for column in ("separation", "agreement"))
                axes.plot(x, y, linestyle="none", markersize=4, label=name, **look)
                curve = curves[(curves["attribute"] == attribute) & (curves["observer"] == name)]
                a, b = (float(curve[column].iloc[0]) for column in ("intercept", "slope"))
                if np.isfinite(b):
                    axes.plot(grid, 1 / (1 + np.exp(-(a + b * grid))), color=look["color"], linewidth=1)
            axes.axhline(0.5, color="#bbbbbb", linewidth=0.8, zorder=0)
            axes.set_ylim(-0.03, 1.03)
            axes.set_title(attribute)
            axes.set_xlabel(f"|Δ| of people's values ({comparison.unit})")
        panels[0][0].set_ylabel("agreement with the people's majority")
        _legend(figure, panels)
    return figure


def trade_off_figure(comparison: Comparison) -> Figure:
    """Draw each model's agreement with people against its own variability."""
    joined = comparison.alignment.merge(comparison.vr_within, on=["attribute", "observer"], suffixes=("", "_vr"))
    with _figure(comparison, sharex=True, sharey=True) as (figure, panels):
        for axes, attribute in panels:
            part = joined[(joined["attribute"] == attribute)].dropna(subset=["rho", "any"])
            places = part[["any", "rho"]].to_numpy(dtype=float)
            for name, (variability, rho) in zip(part["observer"], places, strict=True):
                axes.plot(variability, rho, linestyle="none", markersize=6, label=name, **_look(comparison, name))
            axes.margins(0.12)
            ceiling = part["ceiling"].max() if len(part) else np.nan
            if np.isfinite(ceiling):
                axes.axhline(ceiling, color="black", alpha=0.4, linewidth=3)
            axes.set_title(attribute)
            axes.set_xlabel("VR% within (pairs not unanimous)")
        panels[0][0].set_ylabel("ρ with people (grey: human ceiling)")
        _legend(figure, panels)
    return figure


@contextmanager
def _figure(
    comparison: Comparison, height: float = 3.6, *, sharex: bool = False, sharey: bool = False
) -> Iterator[tuple[Figure, list[tuple[Axes, str]]]]:
    """Give a figure with a panel for each attribute that has data."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    attributes = [name for name in comparison.attributes if name in set(comparison.scales["attribute"])]
    with mpl.rc_context({**_STYLE, "font.family": _families()}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")  # an SVG is drawn by the reader's fonts
        figure = Figure(figsize=(max(_PANEL_INCHES * len(attributes), 4.5), height))
        axes = figure.subplots(1, len(attributes), squeeze=False, sharex=sharex, sharey=sharey)[0]
        yield figure, list(zip(axes, attributes, strict=True))


def figures(comparison: Comparison) -> dict[str, Figure]:
    """Return every figure for which there are data, by the name of its file."""
    there = {
        "scales": (scale_figure, len(comparison.scales) > 0),
        "alignment": (alignment_figure, len(comparison.alignment) > 0),
        "vr_within": (within_figure, bool(comparison.vr_within["any"].notna().any())),
        "vr_between": (between_figure, len(comparison.vr_between) > 0),
        "separability": (separability_figure, len(comparison.separability_points) > 0),
        "trade_off": (trade_off_figure, len(comparison.alignment) > 0 and bool(_repeated(comparison))),
    }
    drawn = {name: draw(comparison) for name, (draw, has_data) in there.items() if has_data}
    for figure in drawn.values():
        _lay_out(figure)
    return drawn


def _lay_out(figure: Figure) -> None:
    """Place everything once, so that a figure saved twice is the same twice."""
    import matplotlib as mpl

    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.draw_without_rendering()
        figure.set_layout_engine("none")


def svg(figure: Figure) -> str:
    """Return a figure as an SVG element, for a page."""
    buffer = io.BytesIO()
    save(figure, buffer, "svg")
    text = buffer.getvalue().decode()
    return text[text.index("<svg") :]


def save(figure: Figure, target: Path | IO[bytes], kind: str) -> None:
    """Write a figure as ``svg``, ``pdf`` or ``png``; the same figure gives the same bytes."""
    import matplotlib as mpl

    nameless = {"svg": {"Date": None, "Creator": None}, "pdf": {"CreationDate": None}, "png": {"Software": None}}
    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.savefig(target, format=kind, metadata=nameless[kind], dpi=300)


def _families() -> list[str]:
    """Return the fonts to draw with: one that is always there, then those for other scripts that are installed."""
    from matplotlib.font_manager import get_font_names

    installed = set(get_font_names())
    return ["DejaVu Sans", *(name for name in _OTHER_SCRIPTS if name in installed)]


def _repeated(comparison: Comparison) -> bool:
    """Whether a model answered pairs more than once."""
    table = comparison.vr_within
    return bool(table.loc[table["observer"].isin(comparison.models), "any"].notna().any())


def _present(comparison: Comparison, part: pd.DataFrame) -> list[str]:
    there = set(part["observer"])
    return [name for name in (PEOPLE, *comparison.models) if name in there]


def _item_order(scales: pd.DataFrame) -> list[str]:
    """Sort the items by the people's values, or by the mean of all where there are no people."""
    people = scales[scales["observer"] == PEOPLE]
    means = (people if len(people) else scales).groupby("item")["value"].mean()
    return [str(item) for item in means.sort_values(kind="stable").index]


def _look(comparison: Comparison, name: str) -> dict[str, Any]:
    if name not in comparison.models:
        return {"color": "black", "marker": "o", "zorder": 3}
    place = comparison.models.index(name)
    return {"color": _COLORS[place % len(_COLORS)], "marker": _MARKERS[place % len(_MARKERS)], "zorder": 2}


def _draw_points(axes: Axes, x: Any, part: pd.DataFrame, look: dict[str, Any], name: str) -> None:
    value, low, high = (part[column].to_numpy(dtype=float) for column in ("value", "low", "high"))
    reach = np.nan_to_num(np.clip([value - low, high - value], 0, None))
    people = name == PEOPLE
    axes.errorbar(
        x,
        value,
        yerr=reach,
        linestyle="none",
        markersize=6 if people else 4,
        elinewidth=1.6 if people else 0.9,
        label=name,
        **look,
    )


def _draw_rho(axes: Axes, row: int, rho: float, low: float, high: float, look: dict[str, Any]) -> None:
    reach = np.nan_to_num(np.clip([[rho - low], [high - rho]], 0, None))
    axes.errorbar(rho, row, xerr=reach, linestyle="none", markersize=5, elinewidth=1.2, **look)


def _legend(figure: Figure, panels: list[tuple[Axes, str]]) -> None:
    handles: dict[str, Any] = {}
    for axes, _ in panels:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    figure.legend(list(handles.values()), list(handles), loc="outside lower center", ncols=min(4, len(handles)))
