"""Counts of choices: the one form from which every scale is made.

``wins[g, i, j]`` is how often item i was chosen over item j in group g; ``ties[g, i, j] = ties[g, j, i]`` how often the
two were called equal. A group is one combination of whatever columns the caller keeps apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .errors import ScalingError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Counts:
    """Choices counted by group and pair of items.

    Attributes
    ----------
    items : tuple of str
        The k things that are scaled.
    groups : DataFrame
        A row a group (G rows), with the columns that tell groups apart.
    wins : float array, shape (G, k, k)
        Times the row's item was chosen over the column's; fractions are allowed, zeros on the diagonal.
    ties : float array, shape (G, k, k)
        Times the two were called equal; symmetric.
    """

    items: tuple[str, ...]
    groups: pd.DataFrame
    wins: Floats
    ties: Floats

    def __post_init__(self) -> None:
        k, shape = len(self.items), (len(self.groups), len(self.items), len(self.items))
        if k < 2:
            raise ScalingError(f"{k} item(s) {self.items}: a scale needs two at least")
        if len(set(self.items)) < k:
            raise ScalingError(f"items {self.items} name something twice")
        for name, counts in (("wins", self.wins), ("ties", self.ties)):
            if counts.shape != shape:
                raise ScalingError(f"{name} has shape {counts.shape}; {shape} is wanted (groups, items, items)")
            if not np.isfinite(counts).all() or (counts < 0).any():
                raise ScalingError(f"{name} holds a number that is negative, infinite or missing: counts are from 0")
            if np.diagonal(counts, axis1=1, axis2=2).any():
                raise ScalingError(f"{name} compares an item with itself: set the diagonal to 0")
        if not np.array_equal(self.ties, self.ties.swapaxes(1, 2)):
            raise ScalingError("ties is not symmetric: ties[i, j] and ties[j, i] are the same ties")

    @classmethod
    def from_matrix(cls, wins: Any, items: Sequence[str] | None = None, ties: Any = None) -> Counts:
        """Take counts from a matrix, or a stack of them.

        Parameters
        ----------
        wins : array_like, shape (k, k) or (G, k, k), or DataFrame
            Row chosen over column. A DataFrame's columns name the items.
        items : sequence of str, optional
            Names, by default ``1 … k``.
        ties : array_like, optional
            As `wins`, symmetric.
        """
        if items is None and isinstance(wins, pd.DataFrame):
            items = [str(name) for name in wins.columns]
        matrix = np.array(wins, dtype=np.float64)
        if matrix.ndim == 2:
            matrix = matrix[None]
        if matrix.ndim != 3 or matrix.shape[1] != matrix.shape[2]:
            raise ScalingError(f"a square matrix of counts is wanted, not one of shape {np.shape(wins)}")
        names = tuple(items) if items is not None else tuple(str(i + 1) for i in range(matrix.shape[1]))
        tied = np.zeros_like(matrix) if ties is None else np.array(ties, dtype=np.float64).reshape(matrix.shape)
        groups = (
            pd.DataFrame(index=range(len(matrix))) if len(matrix) == 1 else pd.DataFrame({"group": range(len(matrix))})
        )
        return cls(names, groups, matrix, tied)

    @property
    def comparisons(self) -> Floats:
        """Comparisons of each pair, ties among them; shape (G, k, k), symmetric."""
        return self.wins + self.wins.swapaxes(1, 2) + self.ties

    def with_ties_as_half_wins(self) -> Counts:
        """Return these counts with each tie as half a choice of either item."""
        return Counts(self.items, self.groups, self.wins + self.ties / 2, np.zeros_like(self.ties))

    def pool(self, by: Sequence[str]) -> Counts:
        """Add up the groups that agree in the columns `by`.

        Raises
        ------
        ScalingError
            If there is no such column.
        """
        _require(self.groups, by, "the groups")
        number, groups = _number_groups(self.groups, by)
        wins, ties = (np.zeros((len(groups), *self.wins.shape[1:])) for _ in range(2))
        np.add.at(wins, number, self.wins)
        np.add.at(ties, number, self.ties)
        return Counts(self.items, groups, wins, ties)

    def select(self, rows: NDArray[np.bool_] | pd.Series[bool]) -> Counts:
        """Return the groups where `rows` is true."""
        keep = np.asarray(rows, dtype=bool)
        return Counts(self.items, self.groups[keep].reset_index(drop=True), self.wins[keep], self.ties[keep])


def count_choices(
    trials: pd.DataFrame,
    by: Sequence[str] = ("observer", "attribute", "scene"),
    *,
    items: Sequence[str] | None = None,
    soft: bool = False,
    columns: Mapping[str, str] | None = None,
) -> Counts:
    """Count the choices of a trials table.

    Practice and catch trials are left out where the table tells the phase. So is every outcome but a choice or a tie.

    Parameters
    ----------
    trials : DataFrame
        With the columns ``left``, ``right`` and ``choice`` (left, right, tie or missing), and those in `by`.
    by : sequence of str
        Columns whose combinations are counted apart; an empty one counts all together.
    items : sequence of str, optional
        The items and their order; by default all that occur, sorted.
    soft : bool
        Count ``p_left`` and 1 - ``p_left`` as fractions of a choice where ``p_left`` is given.
    columns : mapping, optional
        For other people's tables: the name here of each column named above, such as ``{"left": "image_a"}``.

    Raises
    ------
    ScalingError
        Naming the column that is missing, or what it should not hold.
    """
    table = trials.rename(columns={theirs: ours for ours, theirs in (columns or {}).items()})
    _require(table, [*by, "left", "right", "choice", *(["p_left"] if soft else [])], "the trials table")
    if "phase" in table:
        table = table[table["phase"] == "main"]
    choice = table["choice"].astype(object)
    strange = choice.dropna()[~choice.dropna().isin(["left", "right", "tie"])]
    if len(strange):
        raise ScalingError(f"column 'choice' holds {strange.iloc[0]!r}: only left, right, tie or missing are known")
    table = table[choice.notna()]
    if not len(table):
        raise ScalingError("there is no choice to count: every outcome is something else, or there are no main trials")
    names = tuple(items) if items is not None else tuple(sorted({*table["left"], *table["right"]}))
    left, right = (pd.Index(names).get_indexer(pd.Index(table[side])) for side in ("left", "right"))
    if (left < 0).any() or (right < 0).any():
        unknown = {*table["left"], *table["right"]} - set(names)
        raise ScalingError(f"item(s) {', '.join(map(str, sorted(unknown)))} are not among the items {', '.join(names)}")
    number, groups = _number_groups(table, by)
    to_left, to_right, tied = (
        np.asarray(table["choice"] == answer, dtype=np.float64) for answer in ("left", "right", "tie")
    )
    if soft:
        p_left = table["p_left"].to_numpy(dtype=float, na_value=np.nan)
        known = np.isfinite(p_left)
        to_left, to_right = np.where(known, p_left, to_left), np.where(known, 1 - p_left, to_right)
        tied = np.where(known, 0.0, tied)
    k, shape = len(names), (len(groups), len(names), len(names))

    def tally(first: NDArray[np.intp], second: NDArray[np.intp], weight: Floats) -> Floats:
        cell = (number * k + first) * k + second
        return np.asarray(np.bincount(cell, weights=weight, minlength=int(np.prod(shape))), np.float64).reshape(shape)

    wins = tally(left, right, to_left) + tally(right, left, to_right)
    ties = tally(left, right, tied) + tally(right, left, tied)
    return Counts(names, groups, wins, ties)


def _require(table: pd.DataFrame, columns: Sequence[str], what: str) -> None:
    missing = [name for name in columns if name not in table]
    if missing:
        known = ", ".join(map(str, table.columns)) or "none"
        raise ScalingError(f"{what} lacks the column(s) {', '.join(missing)}; it has {known}")


def _number_groups(table: pd.DataFrame, by: Sequence[str]) -> tuple[NDArray[np.intp], pd.DataFrame]:
    """Return each row's group number and the table of groups, sorted."""
    if not by:
        return np.zeros(len(table), dtype=np.intp), pd.DataFrame(index=range(1))
    grouped = table.groupby(list(by), sort=True, dropna=False)
    groups = grouped.size().reset_index()[list(by)]
    return np.asarray(grouped.ngroup(), dtype=np.intp), groups
