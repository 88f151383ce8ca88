"""What every result with one scale can show: a table, a summary, a figure."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from visavis.scaling.counts import Floats
from visavis.scaling.intervals import normal_reach

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MEAN_0 = "mean 0"
"""What fixes the values of every model, whose data tell differences alone."""

_MOST_LABELS = 60

Settings = dict[str, float | str]


class Tabular:
    """A result that is a table: how a notebook shows it."""

    def to_frame(self, level: float = 0.95) -> pd.DataFrame:
        """Return the result as a table, with intervals of this level."""
        raise NotImplementedError

    def _repr_html_(self) -> str:
        table = self.to_frame().to_html(
            index=False, notebook=True, max_rows=60, float_format=lambda value: f"{value:.3f}"
        )
        return f"<p>{escape(repr(self))}</p>{table}"


@dataclass(frozen=True, repr=False)
class OneScale(Tabular):
    """Values of k items on one scale, whatever model made them.

    Attributes
    ----------
    items : tuple of str
    model : str
    options : dict
        Every choice that was made, as it should be reported.
    values : float array, shape (k,)
        Of mean 0.
    log_likelihood : float
        Without the prior, if there is one.
    converged : bool
    """

    items: tuple[str, ...]
    model: str
    options: Settings
    values: Floats
    log_likelihood: float
    converged: bool

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self.items)} items, by {self.model}>"

    @property
    def constraint(self) -> str:
        """What fixes the values."""
        return str(self.options["constraint"])

    @property
    def standard_errors(self) -> Floats:
        """Standard error of each centred value; shape (k,)."""
        raise NotImplementedError

    def to_frame(self, level: float = 0.95) -> pd.DataFrame:
        """Return ``item, value, se, low, high``, with normal-theory intervals."""
        return values_frame(self.items, self.values, self.standard_errors, level)

    def further(self) -> dict[str, float]:
        """Return the parameters beyond the scale values, by name."""
        return {}

    def summary(self) -> str:
        """Return what was fitted and what came out, in a few lines."""
        lines = [
            f"{self.model}: {len(self.items)} items, log-likelihood {self.log_likelihood:.3f}",
            in_words(self.options),
            f"converged: {'yes' if self.converged else 'no'}",
            *(f"{name}: {value:.4g}" for name, value in self.further().items()),
        ]
        frame = self.to_frame()
        if len(frame) > _MOST_LABELS:
            lines.append(f"the {_MOST_LABELS} highest:")
            frame = frame.sort_values("value", ascending=False).head(_MOST_LABELS)
        return "\n".join([*lines, frame.to_string(index=False, float_format=lambda value: f"{value:.3f}")])

    def plot(self, level: float = 0.95) -> Axes:
        """Draw the values with their intervals, sorted, in a figure of their own."""
        return plot_values(self.to_frame(level), f"scale value, {level:.0%} interval")


@dataclass(frozen=True, repr=False)
class SingleScale(OneScale):
    """One scale with its covariance.

    Attributes
    ----------
    items, model, options, values, log_likelihood, converged
        As for `OneScale`.
    covariance : float array, shape (k or more, k or more)
        Of the centred values first, then of further parameters; from the observed information.
    """

    covariance: Floats

    @property
    def standard_errors(self) -> Floats:
        """Standard error of each centred value; shape (k,)."""
        return np.sqrt(np.diag(self.covariance)[: len(self.items)])


def values_frame(items: tuple[str, ...], values: Floats, standard_errors: Floats, level: float) -> pd.DataFrame:
    """Return ``item, value, se, low, high``, with normal-theory intervals."""
    reach = normal_reach(level) * standard_errors
    columns = {"value": values, "se": standard_errors, "low": values - reach, "high": values + reach}
    return pd.DataFrame({"item": np.array(items, dtype=object), **columns})


def settings(model: str, method: str, prior_sd: float, **further: float | str) -> Settings:
    """Return the choices of a fit as they are reported; the prior's SD where there is a prior."""
    options: Settings = {"model": model, "method": method, "constraint": MEAN_0, **further}
    return options if method.endswith("ml") else options | {"prior_sd": prior_sd}


def in_words(options: Settings) -> str:
    """Return the choices that were made on one line."""
    return "options: " + ", ".join(f"{name}={value}" for name, value in options.items())


def plot_values(frame: pd.DataFrame, label: str) -> Axes:
    """Draw ``item, value, low, high`` as points with intervals, the highest on top.

    More than 60 items are drawn without their names.

    Returns
    -------
    matplotlib.axes.Axes
        ``plot_values(...).figure.savefig(...)`` saves the figure.
    """
    from matplotlib.figure import Figure

    ordered = frame.sort_values("value")
    places = range(len(ordered))
    height = 0.8 + 0.28 * min(len(ordered), _MOST_LABELS)
    axes = Figure(figsize=(4.5, height), layout="constrained").subplots()
    reach = np.nan_to_num(np.clip([ordered["value"] - ordered["low"], ordered["high"] - ordered["value"]], 0, None))
    axes.errorbar(ordered["value"], places, xerr=reach, fmt="o", color="black", markersize=5, elinewidth=1.2)
    if len(ordered) <= _MOST_LABELS:
        axes.set_yticks(places, [str(item) for item in ordered["item"]], parse_math=False)
    else:
        axes.set_ylabel("items from the lowest")
    axes.set_xlabel(label)
    axes.axvline(0, color="#bbbbbb", linewidth=0.8, zorder=0)
    axes.spines[["top", "right"]].set_visible(False)
    return axes
