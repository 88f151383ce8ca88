"""How the figures look: sizes of print, colours that the colour-blind tell apart (Okabe & Ito 2008), names as they are.

People are black; every model has a colour and a marker of its own, the same in all figures. Figures are one column of a
journal wide (8.5 cm) or two (17.8 cm), with letters of 7 and 8 points.
"""

from __future__ import annotations

import io
import textwrap
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from visavis.scaling.counts import Floats
from visavis.scaling.study.options import PEOPLE
from visavis.scaling.study.result import Comparison

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ONE_COLUMN, TWO_COLUMNS = 8.5 / 2.54, 17.8 / 2.54
"""Widths in inches."""

_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6D31", "#666666")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")
_OTHER_SCRIPTS = ("Noto Sans CJK SC", "Microsoft YaHei", "PingFang SC", "Hiragino Sans GB", "WenQuanYi Zen Hei")
_LONGEST_LINE = 22
_LONGEST_TITLE = 40
_LONGEST_IN_LEGEND = 30
_LETTER, _HANDLE = 0.062, 0.35
"""Inches that a letter of a legend takes, more than most, and a column of it beside its letters."""

_STYLE: Any = {
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 8,
    "axes.titleweight": "bold",
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "font.size": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "figure.autolayout": False,  # a figure is laid out once, by `lay_out`, not at every save
    "figure.constrained_layout.use": False,
    "pdf.fonttype": 42,  # fonts that journals take
    "svg.fonttype": "none",  # the reader's fonts: every script shows, and names can be searched
    "svg.hashsalt": "visavis",
    "text.parse_math": False,  # a name may hold a dollar sign
}


@dataclass(frozen=True)
class FigurePanel:
    """One set of axes, and what it shows."""

    axes: Axes
    title: str
    leftmost: bool


@contextmanager
def panels(
    titles: Sequence[str],
    height: float,
    *,
    columns: int = 3,
    legend: Sequence[str] = (),
    sharex: bool = False,
    sharey: bool = False,
) -> Iterator[tuple[Figure, list[FigurePanel]]]:
    """Give a figure with a panel for each title.

    Parameters
    ----------
    titles : sequence of str
    height : float
        Of a row of panels, in inches.
    columns : int
        The most panels beside each other.
    legend : sequence of str
        Names in the legend below, for which there shall be room.
    sharex, sharey : bool
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    columns = max(1, min(columns, len(titles)))
    rows = -(-len(titles) // columns)
    width = ONE_COLUMN if len(titles) == 1 else TWO_COLUMNS
    room = _legend_height(legend, _legend_columns(width, legend))
    with mpl.rc_context({**_STYLE, "font.family": _families()}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")  # an SVG is drawn by the reader's fonts
        figure = Figure(figsize=(width, rows * height + room), layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False, sharex=sharex, sharey=sharey)
        for unused in grid.ravel()[len(titles) :]:
            unused.remove()
        drawn = [FigurePanel(grid.ravel()[i], title, i % columns == 0) for i, title in enumerate(titles)]
        for panel in drawn:
            panel.axes.set_title(wrapped(panel.title, _LONGEST_TITLE if columns < 3 else _LONGEST_LINE))
        yield figure, drawn
        if legend:
            _legend(figure, drawn, _legend_columns(width, legend))


def wrapped(name: str, width: int = _LONGEST_LINE) -> str:
    """Break a long name into lines, three at most."""
    if len(name) <= width:
        return name
    lines = textwrap.wrap(name, width, break_on_hyphens=True)
    return "\n".join(lines if len(lines) < 4 else [*lines[:2], "…" + name[1 - width :]])


def look(comparison: Comparison, name: str) -> dict[str, Any]:
    """Return the colour and marker of an observer."""
    if name not in comparison.models:
        return {"color": "black", "marker": "o", "zorder": 3}
    place = comparison.models.index(name)
    return {"color": _COLORS[place % len(_COLORS)], "marker": _MARKERS[place % len(_MARKERS)], "zorder": 2}


def draw_dots(comparison: Comparison, panel: FigurePanel, names: Sequence[str], dots: dict[str, Floats]) -> None:
    """Draw a value and its interval for each name, names from the top down.

    Parameters
    ----------
    comparison : Comparison
    panel : FigurePanel
    names : sequence of str
        All that have a row in the figure.
    dots : dict
        By name, ``value, low, high``; limits may be NaN.
    """
    for row, name in enumerate(names):
        if name in dots:
            value, low, high = dots[name]
            reach = np.nan_to_num(np.clip([[value - low], [high - value]], 0, None))
            size = 5 if name == PEOPLE else 4
            style = look(comparison, name)
            panel.axes.errorbar(value, row, xerr=reach, linestyle="none", markersize=size, elinewidth=1, **style)
    panel.axes.set_yticks(range(len(names)), [wrapped(name) for name in names])
    panel.axes.set_ylim(len(names) - 0.4, -0.6)


def row_height(names: Sequence[str]) -> float:
    """Return the height of a panel with a row for each name, in inches."""
    return 0.75 + sum(0.1 + 0.12 * (1 + wrapped(name).count("\n")) for name in names)


def lay_out(figure: Figure) -> None:
    """Place everything once, so that a figure saved twice is the same twice."""
    import matplotlib as mpl

    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.draw_without_rendering()
        figure.set_layout_engine(None)  # 'none' would leave an engine, for which every save draws twice


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


def _legend_height(names: Sequence[str], columns: int) -> float:
    """Return the height in inches: names go down the columns, and a row is as high as its longest name."""
    if not names:
        return 0.0
    rows = -(-len(names) // columns)
    lines = [max(1 + wrapped(name, _LONGEST_IN_LEGEND).count("\n") for name in names[row::rows]) for row in range(rows)]
    return 0.1 + sum(0.05 + 0.12 * count for count in lines)


def _legend_columns(width: float, names: Sequence[str]) -> int:
    """Return how many columns of these names a figure of some inches has room for."""
    letters = max((len(line) for name in names for line in wrapped(name, _LONGEST_IN_LEGEND).split("\n")), default=0)
    return max(1, min(2 if width < 5 else 4, int(width / (_LETTER * letters + _HANDLE))))


def _legend(figure: Figure, drawn: Sequence[FigurePanel], columns: int) -> None:
    handles: dict[str, Any] = {}
    for panel in drawn:
        for handle, label in zip(*panel.axes.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    figure.legend(
        list(handles.values()),
        [wrapped(label, _LONGEST_IN_LEGEND) for label in handles],
        loc="outside lower center",
        ncols=min(columns, max(1, len(handles))),
        handletextpad=0.4,
        columnspacing=1.2,
    )
