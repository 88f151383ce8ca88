"""What every result with one scale can show: a table, a summary, a figure."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from .counts import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class SingleScale:
    """One scale with its uncertainty.

    Attributes
    ----------
    items : tuple of str
    model : str
    values : float array, shape (k,)
        Of mean 0.
    covariance : float array, shape (k or more, k or more)
        Of the centred values first, then of further parameters.
    log_likelihood : float
    """

    items: tuple[str, ...]
    model: str
    values: Floats
    covariance: Floats
    log_likelihood: float

    @property
    def standard_errors(self) -> Floats:
        """Standard error of each centred value; shape (k,)."""
        return np.sqrt(np.diag(self.covariance)[: len(self.items)])

    def to_frame(self, level: float = 0.95) -> pd.DataFrame:
        """Return ``item, value, se, low, high``, with normal-theory intervals."""
        reach = NormalDist().inv_cdf(0.5 + level / 2) * self.standard_errors
        columns = {"value": self.values, "se": self.standard_errors}
        return pd.DataFrame({"item": self.items, **columns, "low": self.values - reach, "high": self.values + reach})

    def further(self) -> dict[str, float]:
        """Return the parameters beyond the scale values, by name."""
        return {}

    def summary(self) -> str:
        """Return what was fitted and what came out, in a few lines."""
        lines = [f"{self.model}: {len(self.items)} items of mean 0, log-likelihood {self.log_likelihood:.3f}"]
        lines += [f"{name}: {value:.4g}" for name, value in self.further().items()]
        return "\n".join([*lines, self.to_frame().to_string(index=False, float_format=lambda value: f"{value:.3f}")])

    def plot(self, level: float = 0.95) -> Axes:
        """Draw the values with their intervals, sorted, in a figure of their own."""
        return plot_values(self.to_frame(level), f"scale value, {level:.0%} interval")


def plot_values(frame: pd.DataFrame, label: str) -> Axes:
    """Draw ``item, value, low, high`` as points with intervals, the highest on top.

    Returns
    -------
    matplotlib.axes.Axes
        ``plot_values(...).figure.savefig(...)`` saves the figure.
    """
    from matplotlib.figure import Figure

    ordered = frame.sort_values("value")
    places = range(len(ordered))
    axes = Figure(figsize=(4.5, 0.8 + 0.28 * len(ordered)), layout="constrained").subplots()
    reach = np.nan_to_num(np.clip([ordered["value"] - ordered["low"], ordered["high"] - ordered["value"]], 0, None))
    axes.errorbar(ordered["value"], places, xerr=reach, fmt="o", color="black", markersize=5, elinewidth=1.2)
    axes.set_yticks(places, [str(item) for item in ordered["item"]], parse_math=False)
    axes.set_xlabel(label)
    axes.axvline(0, color="#bbbbbb", linewidth=0.8, zorder=0)
    axes.spines[["top", "right"]].set_visible(False)
    return axes
