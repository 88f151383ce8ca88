"""The tables of a comparison as a reader wants them: two decimals, and a value with its interval in one cell."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from visavis.scaling.comparison.compare import Comparison
from visavis.scaling.comparison.options import PEOPLE
from visavis.scaling.comparison.sensitivity import EXTREMES

_HEADINGS = {
    "rho": "ρ", "beta": "β", "lmg": "LMG", "r_squared": "R²", "p_value": "p", "p_adjusted": "p adjusted",
    "spearman": "Spearman's ρ", "pearson": "Pearson's r", "kendall": "Kendall's τ", "normalised": "|β| / Σ|β|",
    "any": "VR% any", "minority": "VR% minority", "pairwise": "VR% pairwise", "vr_percent": "VR%",
    "ceiling_spearman": "ceiling", "ceiling_pearson": "ceiling", "ceiling_kendall": "ceiling",
    "ceiling_accuracy": "ceiling", "ceiling_kappa": "ceiling", "kappa": "κ", "left_share": "left",
    "min_rho": "least |ρ|", "scenes_sd": "scenes: SD", "scenes_range": "scenes: range",
    "scenes_difference": "scenes: mean |Δ|", "observer_kind": "kind",
}  # fmt: skip
_SMALL = 0.001


@dataclass(frozen=True)
class Shown:
    """A table of texts.

    Attributes
    ----------
    columns : list of str
    rows : list of lists of str
    numeric : list of bool
        Which columns hold numbers.
    """

    columns: list[str]
    rows: list[list[str]]
    numeric: list[bool]


def shown_tables(comparison: Comparison, sensitivity: pd.DataFrame | None = None) -> dict[str, Shown]:
    """Return the tables that the report shows, by name; those without a row are there, and empty."""
    measured = comparison.correlations[comparison.correlations["mode"] == comparison.options.rho_mode]
    unordered = comparison.vr_between[comparison.vr_between["observer"] < comparison.vr_between["other"]]
    tables = {
        "alignment": _with_intervals(comparison.alignment, "rho"),
        "correlations": _side_by_side(measured, "coefficient"),
        "ceilings": comparison.ceilings,
        "agreement": _side_by_side(comparison.agreement, "measure"),
        "differences": _with_intervals(comparison.differences, "difference"),
        "separability": _with_intervals(comparison.separability.drop(columns="intercept"), "slope"),
        "trade_off": comparison.trade_off,
        "vr_within": _with_intervals(comparison.vr_within.dropna(subset="any"), "any"),
        "vr_rest": _with_intervals(comparison.vr_rest, "majority"),
        "vr_between": _with_intervals(unordered, "vr_percent"),
        "spreads": _with_intervals(comparison.spreads, "spread"),
        "weights": _with_intervals(comparison.weights, "beta", "normalised", "lmg", "r_squared"),
        "side_bias": _sides(comparison.side_bias),
        "screening": comparison.screening,
        "outcomes": comparison.outcomes,
        "scales": _scales(comparison.scales),
    }
    if sensitivity is not None:
        tables["sensitivity"] = _sensitivity(sensitivity)
    return {name: _shown(table) for name, table in tables.items()}


def _shown(table: pd.DataFrame) -> Shown:
    numeric = [_is_numeric(table[name]) for name in table.columns]
    rows = [
        [_cell(value, str(name)) for value, name in zip(row, table.columns, strict=True)]
        for row in table.itertuples(index=False, name=None)
    ]
    return Shown([_HEADINGS.get(str(name), _spaced(table, str(name))) for name in table.columns], rows, numeric)


def _spaced(table: pd.DataFrame, column: str) -> str:
    """Return a column's name without underscores, unless it is an observer's own."""
    return column if table.attrs.get("names_as_they_are") else column.replace("_", " ")


def _is_numeric(column: pd.Series) -> bool:
    return bool(pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)) or (
        len(column) > 0 and all(isinstance(value, _Numbers) or pd.isna(value) for value in column)
    )


class _Numbers(str):
    """Numbers as text, such as a value and its interval."""

    __slots__ = ()


def _with_intervals(table: pd.DataFrame, *names: str) -> pd.DataFrame:
    """Put values and their intervals into one cell each; the first name's limits are ``low`` and ``high``."""
    table = table.copy()
    for place, name in enumerate(names):
        limits = [f"{name}_{end}" if place else end for end in ("low", "high")]
        rows = table[[name, *limits]].astype(float).itertuples(index=False, name=None)
        table[name] = pd.Series([_interval(*row) for row in rows], index=table.index, dtype=object)
        table = table.drop(columns=limits)
    return table


def _interval(value: float, low: float, high: float) -> _Numbers:
    if math.isnan(value):
        return _Numbers("–")
    return _Numbers(f"{value:.2f}" if math.isnan(low) else f"{value:.2f} [{low:.2f}, {high:.2f}]")


def _side_by_side(table: pd.DataFrame, by: str) -> pd.DataFrame:
    """Put the estimates of what `by` tells apart into columns, each with its ceiling."""
    if not len(table):
        return pd.DataFrame(columns=["attribute", "observer"])
    keys = ["attribute", "observer"]
    wide = table[keys].drop_duplicates().sort_values(keys).reset_index(drop=True)
    for name in dict.fromkeys(table[by]):
        part = _with_intervals(table[table[by] == name], "estimate")[[*keys, "estimate", "ceiling"]]
        part = part.rename(columns={"estimate": name, "ceiling": f"ceiling_{name}"})
        wide = wide.merge(part, on=keys, how="left")
    return wide


def _sides(sides: pd.DataFrame) -> pd.DataFrame:
    limits = {
        "left_low": "low",
        "left_high": "high",
        "excess_low": "excess_flips_low",
        "excess_high": "excess_flips_high",
    }
    table = _with_intervals(sides.rename(columns=limits), "left_share", "excess_flips")
    return table[["observer", "left_share", "same_flips", "swapped_flips", "excess_flips", "p_value"]]


def _scales(scales: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each attribute and item, a column for each observer, under its own name."""
    table = _with_intervals(scales, "value")
    wide = table.pivot_table(index=["attribute", "item"], columns="observer", values="value", aggfunc="first")
    wide = wide[sorted(wide.columns, key=lambda name: name != PEOPLE)].reset_index()
    wide.attrs["names_as_they_are"] = True
    return wide


def _sensitivity(table: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each attribute and choice of analysis, a column for each model, and last the models' places."""
    columns = [name for name in table.columns if name not in ("attribute", "observer", *EXTREMES)]
    parts = []
    for attribute, part in table.groupby("attribute", sort=False):
        wide = part.set_index("observer")[columns].T.map(lambda value: _Numbers(_cell(float(value), "")))
        places = part.set_index("observer")[["best_rank", "worst_rank"]]
        wide.loc["places, best to worst"] = [
            _Numbers("–" if pd.isna(best) else f"{best}" if best == worst else f"{best}-{worst}")
            for best, worst in places.itertuples(index=False)
        ]
        wide.insert(0, "attribute", attribute)
        parts.append(wide.rename_axis("analysis").reset_index())
    found = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["attribute", "analysis"])
    found = found[["attribute", "analysis", *(name for name in found if name not in ("attribute", "analysis"))]]
    found.attrs["names_as_they_are"] = True
    return found


def _cell(value: Any, column: str) -> str:
    if pd.isna(value):
        return "–"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if not isinstance(value, float):
        return str(value)
    if column in ("p_value", "p_adjusted"):
        return f"< {_SMALL}" if value < _SMALL else f"{value:.3f}"
    return f"{value:.2f}"
