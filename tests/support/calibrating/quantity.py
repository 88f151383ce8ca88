"""What is calibrated: a number that the comparison draws or tests, and what it estimates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd

from .world import Design

TEXTS = ("attribute", "observer", "other", "item", "measure", "coefficient", "mode", "class")
"""Columns that say what a row is about."""

Law = Callable[[Design], Mapping[tuple[str, ...], float]]


@dataclass(frozen=True)
class Quantity:
    """An estimate with its interval, or a test.

    Attributes
    ----------
    table, column : str
        Where it stands.
    estimand : str
        What it estimates, in words, for the documentation.
    truth : 'limit', 'mean', callable or None
        ``limit``: what the same estimator gives for ever more scenes. ``mean``: its mean over studies of this size.
        A callable gives the law's own value for each row, by the row's texts in the order of `TEXTS` (those that the
        table has). None: a test, of which the size alone is shown.
    limits : (str, str), optional
        Columns of the interval.
    null : mapping, optional
        For a test, the texts of rows in which nothing is there to be found.
    rows : mapping, optional
        For an estimate, the texts of the rows that count; by default all.
    """

    table: str
    column: str
    estimand: str
    truth: str | Law | None = "limit"
    limits: tuple[str, str] | None = None
    null: Mapping[str, str | tuple[str, ...]] | None = None
    rows: Mapping[str, str | tuple[str, ...]] | None = None

    @property
    def name(self) -> str:
        return f"{self.table}.{self.column}"

    def of(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the rows that count: ``value``, ``low`` and ``high``, by their texts."""
        chosen = pd.Series(data=True, index=table.index)
        for column, values in (self.null or self.rows or {}).items():
            chosen &= table[column].isin([values] if isinstance(values, str) else list(values))
        part = table[chosen]
        keys = [name for name in TEXTS if name in part]
        numbers = {"value": part[self.column].astype(float)}
        for name, column in zip(("low", "high"), self.limits or (), strict=False):
            numbers[name] = part[column].astype(float)
        return pd.DataFrame(numbers).set_index(pd.MultiIndex.from_frame(part[keys]))


def estimate(
    table: str, column: str, estimand: str, truth: str | Law = "limit", *, limits: str | None = "", **rows: str
) -> Quantity:
    """Return an estimate whose limits are ``low`` and ``high`` after a prefix; None for no interval."""
    columns = None if limits is None else (f"{limits}low", f"{limits}high")
    return Quantity(table, column, estimand, truth, columns, rows=rows or None)


def size_of(table: str, column: str, hypothesis: str, **null: str) -> Quantity:
    """Return a test, with the rows in which its hypothesis is true."""
    return Quantity(table, column, hypothesis, None, null=null)
