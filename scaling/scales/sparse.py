"""Scales of very many items from lists of comparisons: Newton's method with sparse matrices.

For thousands of items the matrix of counts is mostly empty and its k × k information cannot be inverted. Each Newton
step is solved by conjugate gradients, preconditioned by the diagonal, only as exactly as the step deserves.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import LinearOperator, cg

from visavis.scaling.counts import Counts, Floats, read_answers, require_counts
from visavis.scaling.errors import ScalingError

from .likelihood import LikelihoodMethod, centred_covariance, precision_of, prior_precision
from .links import Link, ModelName, link_of
from .one_scale import OneScale, Settings, settings
from .scale import DEFAULT_PRIOR_SD

Index = NDArray[np.intp]

_MOST_ITERATIONS = 200
_MOST_DENSE = 2000


@dataclass(frozen=True)
class ChoiceList:
    """Choices one by one, for items so many that a matrix of counts would be mostly empty.

    Attributes
    ----------
    items : tuple of str
    chosen, other : int arrays, shape (n,)
        Numbers of the items, from 0, in each comparison.
    weights : float array, shape (n,)
        How often each comparison was made.

    Raises
    ------
    ScalingError
        If an item's number or a weight is out of range, or an item is compared with itself.
    """

    items: tuple[str, ...]
    chosen: Index
    other: Index
    weights: Floats

    def __post_init__(self) -> None:
        k, n = len(self.items), len(self.chosen)
        if self.chosen.ndim != 1 or self.chosen.shape != self.other.shape or not n:
            shapes = f"{self.chosen.shape} and {self.other.shape}"
            raise ScalingError(f"expected two lists of items of one length, got shapes {shapes}")
        for numbers in (self.chosen, self.other):
            if not np.issubdtype(numbers.dtype, np.integer):
                raise ScalingError(
                    f"items are given by their numbers from 0, not {numbers.flat[0]}: list_choices makes them"
                )
            if not 0 <= numbers.min() <= numbers.max() < k:
                unexpected = numbers.min() if numbers.min() < 0 else numbers.max()
                raise ScalingError(f"items must be numbered from 0 to {k - 1}, not {unexpected}")
        if (self.chosen == self.other).any():
            raise ScalingError("an item is compared with itself")
        if self.weights.shape != (n,) or not (self.weights >= 0).all() or not 0 < self.weights.sum() < np.inf:
            raise ScalingError("weights must be one number from 0 for each comparison, and not all 0")

    def __repr__(self) -> str:
        return f"<ChoiceList: {self.weights.sum():g} choices in {len(self.chosen)} entries, {len(self.items)} items>"

    @classmethod
    def of(
        cls, chosen: ArrayLike, other: ArrayLike, items: int | Sequence[str], weights: ArrayLike | None = None
    ) -> ChoiceList:
        """Take choices from two lists of items' numbers.

        Parameters
        ----------
        chosen, other : int array_like, shape (n,)
        items : int or sequence of str
            Number of items, k, or their names.
        weights : float array_like, shape (n,), optional
            By default 1.
        """
        names = tuple(str(n + 1) for n in range(items)) if isinstance(items, int) else tuple(map(str, items))
        first, second = np.asarray(chosen), np.asarray(other)
        weight = np.ones(first.shape) if weights is None else np.asarray(weights, dtype=np.float64)
        return cls(names, first, second, weight)

    @classmethod
    def from_counts(cls, counts: Counts) -> ChoiceList:
        """List counted choices, all groups together; a tie is half a choice of either item."""
        require_counts(counts)
        wins = counts.with_ties_as_half_wins().pool([]).wins[0]
        chosen, other = np.nonzero(wins)
        return cls(counts.items, chosen, other, wins[chosen, other])


@dataclass(frozen=True, repr=False)
class SparseScale(OneScale):
    """Scale values of many items.

    Attributes
    ----------
    items, model, options, values, log_likelihood, converged
        As for `OneScale`.
    curvature : sparse array, shape (k, k)
        Minus the second derivative of the log-likelihood by the difference of each two items, in parts, ``[i, j]`` from
        the choices of i over j.
    gradient : float
        Largest absolute entry of the gradient at the solution: how close to the maximum it is.
    iterations : int
    """

    curvature: csr_array
    gradient: float
    iterations: int

    def further(self) -> dict[str, float]:
        """Return how the fit went."""
        return {"largest gradient": self.gradient, "iterations": self.iterations}

    @property
    def covariance(self) -> Floats:
        """Covariance of the centred values, for 2,000 items at most; shape (k, k).

        Raises
        ------
        ScalingError
            For more items: `covariance_of` gives that of some.
        """
        k = len(self.items)
        if k > _MOST_DENSE:
            raise ScalingError(f"the covariance of {k} items would be too large: ask covariance_of for some of them")
        information = -(self.curvature + self.curvature.T).toarray()
        information[range(k), range(k)] -= information.sum(axis=1) - self._precision
        return centred_covariance(np.linalg.inv(information + np.trace(information) / k**2))

    @property
    def standard_errors(self) -> Floats:
        """Standard error of each centred value; NaN for more than 2,000 items. Shape (k,)."""
        if len(self.items) > _MOST_DENSE:
            return np.full(len(self.items), np.nan)
        return np.sqrt(np.diag(self.covariance))

    def covariance_of(self, items: Sequence[str]) -> Floats:
        """Return the covariance of some centred values, by one solution of the information for each.

        Parameters
        ----------
        items : sequence of str, of length m

        Returns
        -------
        float array, shape (m, m)
        """
        place = self._place(items)
        k = len(self.items)
        information = _Information(self.curvature, self._precision)
        columns = np.empty((k, len(place)))
        for column, item in enumerate(place):
            centred = np.full(k, -1.0 / k)
            centred[item] += 1
            columns[:, column] = information.solve(centred, 1e-10)
        columns -= columns.mean(axis=0)
        return np.asarray((columns[place] + columns[place].T) / 2)

    def predict(self, first: Sequence[str], second: Sequence[str]) -> Floats:
        """Return the probability of each of `first` being chosen over the item beside it in `second`; shape (n,)."""
        difference = self.values[self._place(first)] - self.values[self._place(second)]
        return link_of(self.model).probability(difference)

    @property
    def _precision(self) -> float:
        return precision_of(float(self.options["prior_sd"])) if "prior_sd" in self.options else 0.0

    def _place(self, items: Sequence[str]) -> Index:
        place = pd.Index(self.items).get_indexer(pd.Index(list(items)))
        if (place < 0).any():
            raise ScalingError(f"{list(items)[int(np.argmin(place))]!r} is not among the items")
        return np.asarray(place, dtype=np.intp)


def fit_sparse(
    choices: Counts | ChoiceList,
    *,
    model: ModelName = "thurstone",
    method: LikelihoodMethod = "map",
    prior_sd: float = DEFAULT_PRIOR_SD,
    tolerance: float = 1e-8,
) -> SparseScale:
    """Scale many items at once, as `fit_scale` does a few.

    Parameters
    ----------
    choices : Counts or ChoiceList
        `list_choices` makes a list of a table, `ChoiceList.of` of arrays. Groups of counts are pooled.
    model : {'thurstone', 'bradley_terry'}
    method : {'map', 'ml'}
        With a Gaussian prior on the values, or by maximum likelihood, for which a finite maximum must exist.
    prior_sd : float
        For ``map``, the SD of the prior in units of the scale.
    tolerance : float
        Largest gradient entry allowed at the solution, relative to the mean number of comparisons of an item.

    Raises
    ------
    ScalingError
        For what are not choices, or with ``ml`` data that leave no finite maximum.
    """
    link, precision = link_of(model), prior_precision(method, prior_sd)
    listed = choices if isinstance(choices, ChoiceList) else ChoiceList.from_counts(choices)
    k = len(listed.items)
    wins = coo_array((listed.weights, (listed.chosen, listed.other)), shape=(k, k)).tocsr()
    wins.eliminate_zeros()
    if not precision:
        parts, part = connected_components(wins, connection="strong")
        if parts > 1:
            why = _separation(wins, listed.items, part)
            raise ScalingError(f"no finite maximum of the likelihood: {why}; use method='map'")
    return _maximise(wins, listed.items, link, precision, tolerance, settings(model, method, prior_sd))


def list_choices(
    trials: pd.DataFrame,
    *,
    items: Sequence[Hashable] | None = None,
    soft: bool = False,
    columns: Mapping[str, str] | None = None,
) -> ChoiceList:
    """List the choices of a trials table, for `fit_sparse`; a tie is half a choice of either item.

    Parameters
    ----------
    trials, items, soft, columns
        As for `count_choices`.
    """
    answers = read_answers(trials, items=items, soft=soft, columns=columns)
    chosen, other = np.append(answers.left, answers.right), np.append(answers.right, answers.left)
    weights = np.append(answers.to_left + answers.tied / 2, answers.to_right + answers.tied / 2)
    there = weights > 0
    return ChoiceList(answers.items, chosen[there], other[there], weights[there])


def _separation(wins: csr_array, names: tuple[str, ...], part: NDArray[np.integer[Any]]) -> str:
    """Say in words which items spoil the maximum, naming the fewest."""
    n_joined, joined = connected_components(wins, directed=False)
    if n_joined > 1:
        alone = joined == np.argmin(np.bincount(joined))
        return f"no comparison joins {_some(names, alone)} to the others"
    # Parts that never lost to another part, and those that never beat one.
    won, lost = wins.tocoo().row, wins.tocoo().col
    across = part[won] != part[lost]
    beaten, beating = (np.isin(np.arange(part.max() + 1), part[side[across]]) for side in (lost, won))
    unbeaten, beatless = ~beaten[part], ~beating[part]
    if unbeaten.sum() <= beatless.sum():
        return f"{_some(names, unbeaten)} never lost to the others"
    return f"{_some(names, beatless)} never beat the others"


def _some(names: tuple[str, ...], which: NDArray[np.bool_], most: int = 5) -> str:
    found = np.flatnonzero(which)
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return ", ".join(names[i] for i in found[:most]) + more


class _Information:
    """The observed information as a linear operator: a diagonal, minus what pairs share."""

    def __init__(self, curvature: csr_array, precision: float) -> None:
        self._curvature = curvature
        self._diagonal = np.asarray(curvature.sum(axis=0) + curvature.sum(axis=1) + precision, dtype=np.float64)

    def _multiply(self, vector: Floats) -> Floats:
        return np.asarray(self._diagonal * vector - self._curvature @ vector - self._curvature.T @ vector)

    def solve(self, right: Floats, exactness: float) -> Floats:
        """Return the solution by conjugate gradients, preconditioned by the diagonal."""
        operator = LinearOperator(self._curvature.shape, matvec=self._multiply, dtype=np.float64)
        scale = 1 / np.where(self._diagonal > 0, self._diagonal, 1)
        preconditioner = LinearOperator(operator.shape, matvec=partial(np.multiply, scale), dtype=np.float64)
        found, _ = cg(operator, right, rtol=exactness, M=preconditioner)
        return np.asarray(found)


def _maximise(
    wins: csr_array, items: tuple[str, ...], link: Link, precision: float, tolerance: float, options: Settings
) -> SparseScale:
    k = len(items)
    merged = wins.tocoo()
    i, j, weight = merged.row, merged.col, wins.data
    small_enough = tolerance * 2 * weight.sum() / k
    values: Floats = np.zeros(k)

    def objective(x: Floats) -> float:
        return float(weight @ link.log_p(x[i] - x[j]) - 0.5 * precision * (x @ x))

    reached = objective(values)
    for iteration in range(_MOST_ITERATIONS + 1):
        slope, curvature = link.derivatives(values[i] - values[j])
        slope *= weight
        gradient = np.bincount(i, slope, k) - np.bincount(j, slope, k) - precision * values
        largest = float(np.abs(gradient).max())
        # The pattern stays that of the wins, so that no sparse matrix is built anew.
        pairs = csr_array((weight * curvature, wins.indices, wins.indptr), shape=wins.shape)
        if largest <= small_enough or iteration == _MOST_ITERATIONS:
            break
        # Solved the more exactly the closer the maximum is, which keeps Newton's quadratic convergence.
        exactness = min(0.1, float(np.sqrt(largest / small_enough)) * 1e-4)
        step = _Information(pairs, precision).solve(gradient, exactness)
        step -= step.mean()
        size = 1.0
        while (proposed := objective(values + size * step)) < reached - 1e-12 * abs(reached) and size > 1e-10:
            size /= 2
        values, reached = values + size * step, proposed
    log_likelihood = reached + 0.5 * precision * float(values @ values)
    values -= values.mean()
    converged = bool(largest <= small_enough)
    return SparseScale(
        items=items,
        model=link.name,
        options=options,
        values=values,
        log_likelihood=log_likelihood,
        converged=converged,
        curvature=pairs,
        gradient=largest,
        iterations=iteration,
    )
