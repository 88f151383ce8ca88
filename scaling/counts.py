"""Counts of choices: the one form from which every scale is made.

``wins[g, i, j]`` is how often item i was chosen over item j in group g; ``ties[g, i, j] = ties[g, j, i]`` how often the
two were called equal. A group is one combination of whatever columns the caller keeps apart.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .errors import ScalingError

Floats = NDArray[np.float64]

CHOICE_COLUMNS = ("observer", "attribute", "scene", "left", "right", "choice")
"""What a table of choices has at least."""

SCALE_COLUMNS = ("attribute", "observer", "scene", "item", "value")
"""What a table of scale values by scene has."""

_MOST = 2.0**53
"""The largest count to which a double can still add one."""


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

    def __repr__(self) -> str:
        chosen, tied = self.wins.sum(), self.ties.sum() / 2
        return f"<Counts: {len(self.items)} items in {len(self.groups)} group(s), {chosen:g} choices, {tied:g} ties>"

    def __post_init__(self) -> None:
        k, shape = len(self.items), (len(self.groups), len(self.items), len(self.items))
        if k < 2:
            raise ScalingError(f"{k} item(s) {self.items}: a scale needs at least two")
        if len(set(self.items)) < k:
            raise ScalingError(f"items {self.items} name something twice")
        for name, counts in (("wins", self.wins), ("ties", self.ties)):
            if counts.shape != shape:
                raise ScalingError(f"{name} has shape {counts.shape}; expected {shape} (groups, items, items)")
            if not np.isfinite(counts).all() or (counts < 0).any():
                raise ScalingError(f"{name} holds a number that is negative, infinite or missing: counts are from 0")
            if (counts > _MOST).any():
                raise ScalingError(f"{name} holds {counts.max():g}, more than 2^53: divide all counts by a constant")
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
            Row chosen over column. A DataFrame's columns name the items; where its rows have names too, they are put
            in the order of the columns.
        items : sequence of str, optional
            Names, by default ``1 … k``.
        ties : array_like, optional
            As `wins`, symmetric.

        Raises
        ------
        ScalingError
            For what is not a square matrix of numbers from 0, or rows and columns of different names.
        """
        if isinstance(wins, pd.DataFrame):
            named = list(wins.columns)
            if set(wins.index) == set(named):
                wins = wins.loc[named]
            elif not isinstance(wins.index, pd.RangeIndex):
                raise ScalingError(f"rows {list(wins.index)} and columns {named} of the counts are not the same items")
            items = named if items is None else items
        matrix = _matrix(wins, "wins")
        if matrix.ndim == 2:
            matrix = matrix[None]
        if matrix.ndim != 3 or matrix.shape[1] != matrix.shape[2]:
            raise ScalingError(f"expected a square matrix of counts, got shape {matrix.shape}")
        names = tuple(map(str, items)) if items is not None else tuple(str(i + 1) for i in range(matrix.shape[1]))
        if len(names) != matrix.shape[1]:
            raise ScalingError(f"{len(names)} items are named, but the matrix compares {matrix.shape[1]}")
        tied = np.zeros_like(matrix) if ties is None else _matrix(ties, "ties")
        if tied.size != matrix.size:
            raise ScalingError(f"ties has shape {tied.shape}; expected that of wins, {matrix.shape[1:]}")
        groups = (
            pd.DataFrame(index=range(len(matrix))) if len(matrix) == 1 else pd.DataFrame({"group": range(len(matrix))})
        )
        return cls(names, groups, matrix, tied.reshape(matrix.shape))

    @property
    def comparisons(self) -> Floats:
        """Comparisons of each pair, ties among them; shape (G, k, k), symmetric."""
        return self.wins + self.wins.swapaxes(1, 2) + self.ties

    def with_ties_as_half_wins(self) -> Counts:
        """Return these counts with each tie as half a choice of either item."""
        return Counts(self.items, self.groups, self.wins + self.ties / 2, np.zeros_like(self.ties))

    def pool(self, by: str | Sequence[str]) -> Counts:
        """Add up the groups that agree in the columns `by`.

        Raises
        ------
        ScalingError
            If there is no such column.
        """
        by = as_names(by)
        require_columns(self.groups, by, "the groups of the counts")
        number, groups = _number_groups(self.groups, by)
        wins, ties = (np.zeros((len(groups), *self.wins.shape[1:])) for _ in range(2))
        np.add.at(wins, number, self.wins)
        np.add.at(ties, number, self.ties)
        return Counts(self.items, groups, wins, ties)

    def select(self, rows: NDArray[np.bool_] | pd.Series[bool]) -> Counts:
        """Return the groups where `rows` is true."""
        keep = np.asarray(rows, dtype=bool)
        return Counts(self.items, self.groups[keep].reset_index(drop=True), self.wins[keep], self.ties[keep])


@dataclass(frozen=True)
class Answers:
    """The choices and ties of a trials table, a row each, their items numbered.

    Attributes
    ----------
    items : tuple of str
    left, right : int arrays, shape (n,)
        Numbers of the items shown.
    to_left, to_right, tied : float arrays, shape (n,)
        How much of a choice the answer is of either, and of a tie; they sum to 1.
    table : DataFrame, shape (n, …)
        All columns of these rows.
    """

    items: tuple[str, ...]
    left: NDArray[np.intp]
    right: NDArray[np.intp]
    to_left: Floats
    to_right: Floats
    tied: Floats
    table: pd.DataFrame


def read_answers(
    trials: pd.DataFrame,
    by: Sequence[str] = (),
    *,
    items: Sequence[Hashable] | None = None,
    soft: bool = False,
    columns: Mapping[str, str] | None = None,
) -> Answers:
    """Read the choices of a trials table; parameters and errors are those of `count_choices`."""
    table = _renamed(trials, columns or {})
    require_columns(table, [*by, "left", "right", "choice", *(["p_left"] if soft else [])], "the trials table")
    if "phase" in table:
        table = table[table["phase"] == "main"]
    choice = table["choice"].astype(object)
    unexpected = choice.dropna()[~choice.dropna().isin(["left", "right", "tie"])]
    if len(unexpected):
        raise ScalingError(f"column 'choice' holds {unexpected.iloc[0]!r}: only left, right, tie or missing are known")
    table = table[choice.notna()]
    if not len(table):
        raise ScalingError("there is no choice to count: every outcome is something else, or there are no main trials")
    for side in ("left", "right"):
        if table[side].isna().any():
            where = _row(table.index, np.asarray(table[side].isna()))
            raise ScalingError(f"column {side!r} names no item in {where}, which has a choice")
    names, (left, right) = _number_items(table, items)
    itself = left == right
    if itself.any():
        raise ScalingError(f"{names[left[itself][0]]} is compared with itself in {_row(table.index, itself)}")
    to_left, to_right, tied = (
        np.asarray(table["choice"] == answer, dtype=np.float64) for answer in ("left", "right", "tie")
    )
    if soft:
        p_left = _probabilities(table)
        known = ~np.isnan(p_left)
        to_left, to_right = np.where(known, p_left, to_left), np.where(known, 1 - p_left, to_right)
        tied = np.where(known, 0.0, tied)
    return Answers(names, left, right, to_left, to_right, tied, table)


def count_choices(
    trials: pd.DataFrame,
    by: str | Sequence[str] = ("observer", "attribute", "scene"),
    *,
    items: Sequence[Hashable] | None = None,
    soft: bool = False,
    columns: Mapping[str, str] | None = None,
) -> Counts:
    """Count the choices of a trials table.

    Practice and catch trials are left out where the table tells the phase. So is every outcome but a choice or a tie.

    Parameters
    ----------
    trials : DataFrame
        With the columns ``left``, ``right`` and ``choice`` (left, right, tie or missing), and those in `by`.
    by : str or sequence of str
        Columns whose combinations are counted apart; an empty one counts all together.
    items : sequence, optional
        The items and their order; by default all that occur, sorted. Their names become text.
    soft : bool
        Count ``p_left`` and 1 - ``p_left`` as fractions of a choice where ``p_left`` is given.
    columns : mapping, optional
        For other people's tables: the name there of each column named above, such as ``{"left": "image_a"}``.

    Raises
    ------
    ScalingError
        Naming the column that is missing, or what it should not hold.
    """
    by = as_names(by)
    answers = read_answers(trials, by, items=items, soft=soft, columns=columns)
    left, right = answers.left, answers.right
    number, groups = _number_groups(answers.table, by)
    k, shape = len(answers.items), (len(groups), len(answers.items), len(answers.items))

    def tally(first: NDArray[np.intp], second: NDArray[np.intp], weight: Floats) -> Floats:
        cell = (number * k + first) * k + second
        return np.asarray(np.bincount(cell, weights=weight, minlength=int(np.prod(shape))), np.float64).reshape(shape)

    wins = tally(left, right, answers.to_left) + tally(right, left, answers.to_right)
    ties = tally(left, right, answers.tied) + tally(right, left, answers.tied)
    return Counts(answers.items, groups, wins, ties)


def require_counts(counts: object) -> None:
    """Refuse what is not `Counts`, and say how it is made into some.

    Raises
    ------
    ScalingError
    """
    if isinstance(counts, Counts):
        return
    raise ScalingError(
        f"expected Counts, got {type(counts).__name__}: make them of a trials table by count_choices(trials), or "
        "of a matrix by Counts.from_matrix(matrix)"
    )


def as_names(columns: str | Sequence[str]) -> tuple[str, ...]:
    """Return the names of columns; one may be given as it is."""
    return (columns,) if isinstance(columns, str) else tuple(columns)


def _matrix(numbers: Any, name: str) -> Floats:
    try:
        return np.array(numbers, dtype=np.float64)
    except (TypeError, ValueError) as problem:
        raise ScalingError(f"{name} is not a matrix of numbers: {problem}") from None


def _renamed(trials: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    """Return the table with its columns called as ours are."""
    require_columns(trials, list(columns.values()), "the table")
    hidden = [ours for ours, theirs in columns.items() if ours != theirs and ours in trials]
    return trials.drop(columns=hidden).rename(columns={theirs: ours for ours, theirs in columns.items()})


def _row(index: pd.Index, where: NDArray[np.bool_]) -> str:
    """Name the first of some rows."""
    return f"the row {index[where][0]!r}"


def _number_items(
    table: pd.DataFrame, items: Sequence[Hashable] | None
) -> tuple[tuple[str, ...], list[NDArray[np.intp]]]:
    """Return the items' names, as text, and the numbers of what is on the left and on the right."""
    shown = np.concatenate([table[side].to_numpy(dtype=object) for side in ("left", "right")])
    code, found = pd.factorize(shown)
    if items is None:
        try:
            order = sorted(found)
        except TypeError:  # of several types
            order = sorted(found, key=str)
        items = order
    names = tuple(map(str, items))
    if len(set(names)) < len(names):
        raise ScalingError(f"items {', '.join(names)} name something twice")
    place = pd.Index(names).get_indexer(pd.Index([str(name) for name in found]))
    if (place < 0).any():
        unknown = sorted(str(name) for name in found[place < 0])
        raise ScalingError(f"item(s) {', '.join(unknown)} are not among the items {', '.join(names)}")
    return names, np.split(place[code], 2)


def _probabilities(table: pd.DataFrame) -> Floats:
    """Return ``p_left``, NaN where it is missing."""
    p_left = np.asarray(pd.to_numeric(table["p_left"], errors="coerce").to_numpy(dtype=float, na_value=np.nan))
    wrong = np.asarray(table["p_left"].notna()) & ~((p_left >= 0) & (p_left <= 1))
    if wrong.any():
        held = table["p_left"].to_numpy(dtype=object)[wrong][0]
        raise ScalingError(f"column 'p_left' holds {held!r} in {_row(table.index, wrong)}: a probability is in [0, 1]")
    return p_left


def require_columns(table: pd.DataFrame, columns: Sequence[str], what: str = "the trials table") -> None:
    """Refuse a table that lacks a column.

    Raises
    ------
    ScalingError
        Naming the columns that are missing, and those that are there.
    """
    if not isinstance(table, pd.DataFrame):
        raise ScalingError(f"expected a DataFrame for {what}, got {type(table).__name__}")
    missing = [name for name in dict.fromkeys(columns) if name not in table]
    if missing:
        known = ", ".join(map(str, table.columns)) or "none"
        raise ScalingError(
            f"{what} lacks the column(s) {', '.join(missing)}; it has {known}: rename them, as by "
            f"table.rename(columns={{'theirs': {missing[0]!r}}})"
        )


def _number_groups(table: pd.DataFrame, by: Sequence[str]) -> tuple[NDArray[np.intp], pd.DataFrame]:
    """Return each row's group number and the table of groups, sorted."""
    if not by:
        return np.zeros(len(table), dtype=np.intp), pd.DataFrame(index=range(1))
    grouped = table.groupby(list(by), sort=True, dropna=False, observed=True)
    groups = grouped.size().reset_index()[list(by)]
    return np.asarray(grouped.ngroup(), dtype=np.intp), groups
