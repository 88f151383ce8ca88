"""Tables as a reader wants them: two decimals, and a value with its interval in one cell."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from visavis.scaling.study.analysis import Column

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


class Numbers(str):
    """Numbers as text, such as a value and its interval."""

    __slots__ = ()


def shown(table: pd.DataFrame, columns: Mapping[str, Column]) -> Shown:
    """Return a table's columns as its declaration shows them.

    Parameters
    ----------
    table : DataFrame
        Its columns that are not declared stand under their own names, as observers' do.
    columns : mapping of str to Column
    """
    table = joined_intervals(table, list(columns.values()))
    names = [name for name in table.columns if name not in columns or columns[name].shown]
    table = table[names]
    numeric = [_is_numeric(table[name]) for name in names]
    rows = [
        [cell(value, str(name)) for value, name in zip(row, names, strict=True)]
        for row in table.itertuples(index=False, name=None)
    ]
    headings = [columns[name].heading or spaced(name) if name in columns else str(name) for name in names]
    return Shown(headings, rows, numeric)


def spaced(name: str) -> str:
    """Return a column's name without underscores."""
    return name.replace("_", " ")


def joined_intervals(table: pd.DataFrame, columns: list[Column]) -> pd.DataFrame:
    """Put values and their intervals into one cell each."""
    table = table.copy()
    for column in columns:
        if column.limits is not None and {column.name, *column.limits} <= set(table.columns):
            limits = list(column.limits)
            rows = table[[column.name, *limits]].astype(float).itertuples(index=False, name=None)
            table[column.name] = pd.Series([interval(*row) for row in rows], index=table.index, dtype=object)
            table = table.drop(columns=limits)
    return table


def interval(value: float, low: float, high: float) -> Numbers:
    """Return ``value [low, high]`` with two decimals; without limits the value alone."""
    if math.isnan(value):
        return Numbers("–")
    return Numbers(f"{value:.2f}" if math.isnan(low) else f"{value:.2f} [{low:.2f}, {high:.2f}]")


def side_by_side(table: pd.DataFrame, by: str) -> pd.DataFrame:
    """Put the estimates of what `by` tells apart into columns, each with its ceiling."""
    keys = ["attribute", "observer"]
    if not len(table):
        return pd.DataFrame(columns=keys)
    wide = table[keys].drop_duplicates().sort_values(keys).reset_index(drop=True)
    estimate = Column("estimate", "", limits=("low", "high"))
    for name in dict.fromkeys(table[by]):
        part = joined_intervals(table[table[by] == name], [estimate])[[*keys, "estimate", "ceiling"]]
        part = part.rename(columns={"estimate": name, "ceiling": f"ceiling_{name}"})
        wide = wide.merge(part, on=keys, how="left")
    return wide


def cell(value: Any, column: str) -> str:
    """Return one value as text; p values with three decimals."""
    if pd.isna(value):
        return "–"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if not isinstance(value, float):
        return str(value)
    if column in ("p_value", "p_adjusted"):
        return f"< {_SMALL}" if value < _SMALL else f"{value:.3f}"
    return f"{value:.2f}"


def _is_numeric(column: pd.Series) -> bool:
    return bool(pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)) or (
        len(column) > 0 and all(isinstance(value, Numbers) or pd.isna(value) for value in column)
    )
