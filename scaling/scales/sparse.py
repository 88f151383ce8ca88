"""Scales of very many items from lists of comparisons: Newton's method with sparse matrices.

For thousands of items the matrix of counts is mostly empty and its k × k information cannot be inverted. Each Newton
step is solved by conjugate gradients, preconditioned by the diagonal, only as exactly as the step deserves.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import LinearOperator, cg

from visavis.scaling.counts import Floats, read_answers
from visavis.scaling.errors import ScalingError

from .likelihood import centred_covariance, precision_of
from .links import Link, ModelName, link_of
from .result import MEAN_0, Settings, in_words, plot_values, values_frame

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Index = NDArray[np.intp]

_MOST_ITERATIONS = 200
_MOST_DENSE = 2000


@dataclass(frozen=True)
class SparseScale:
    """Scale values of many items.

    Attributes
    ----------
    items : tuple of str
    model : str
    options : dict
        Every choice that was made, as it should be reported.
    values : float array, shape (k,)
        Of mean 0.
    curvature : sparse array, shape (k, k)
        Minus the second derivative of the log-likelihood by the difference of each two items, in parts, ``[i, j]`` from
        the choices of i over j.
    log_likelihood : float
        Without the prior.
    gradient : float
        Largest absolute entry of the gradient at the solution: how close to the maximum it is.
    iterations : int
    converged : bool
    """

    items: tuple[str, ...]
    model: ModelName
    options: Settings
    values: Floats
    curvature: csr_array
    log_likelihood: float
    gradient: float
    iterations: int
    converged: bool

    def __repr__(self) -> str:
        return f"<SparseScale: {len(self.items)} items, by {self.model}>"

    @property
    def constraint(self) -> str:
        """What fixes the values."""
        return str(self.options["constraint"])

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

    def to_frame(self, level: float = 0.95) -> pd.DataFrame:
        """Return ``item, value, se, low, high``; NaN but for the values where there are more than 2,000 items."""
        return values_frame(self.items, self.values, self.standard_errors, level)

    def summary(self) -> str:
        """Return what was fitted and how it went, in a few lines."""
        best = np.argsort(-self.values)[:5]
        return "\n".join(
            [
                f"{self.model}: {len(self.items)} items, log-likelihood {self.log_likelihood:.3f}",
                in_words(self.options),
                f"converged: {'yes' if self.converged else 'no'}, largest gradient {self.gradient:.2g}, "
                f"{self.iterations} iterations",
                "highest: " + ", ".join(f"{self.items[i]} {self.values[i]:.3f}" for i in best),
            ]
        )

    def plot(self, level: float = 0.95) -> Axes:
        """Draw the values, sorted, in a figure of their own; with intervals for 2,000 items at most."""
        return plot_values(self.to_frame(level), "scale value")

    @property
    def _precision(self) -> float:
        prior_sd = self.options.get("prior_sd")
        return precision_of(None if prior_sd is None else float(prior_sd))

    def _place(self, items: Sequence[str]) -> Index:
        place = pd.Index(self.items).get_indexer(pd.Index(list(items)))
        if (place < 0).any():
            raise ScalingError(f"{list(items)[int(np.argmin(place))]!r} is not among the items")
        return np.asarray(place, dtype=np.intp)


def fit_sparse(
    chosen: ArrayLike,
    other: ArrayLike,
    items: int | Sequence[str],
    *,
    weights: ArrayLike | None = None,
    model: ModelName = "bradley_terry",
    prior_sd: float | None = None,
    tolerance: float = 1e-8,
) -> SparseScale:
    """Scale many items from a list of comparisons.

    Parameters
    ----------
    chosen, other : int array_like, shape (n,)
        Numbers of the items, from 0, in each comparison. `list_choices` makes them of a table.
    items : int or sequence of str
        Number of items, k, or their names.
    weights : float array_like, shape (n,), optional
        How often each comparison was made; by default once.
    model : {'bradley_terry', 'thurstone'}
    prior_sd : float, optional
        SD of a Gaussian prior on the values; by default none, and then a finite maximum must exist.
    tolerance : float
        Largest gradient entry allowed at the solution, relative to the mean number of comparisons of an item.

    Raises
    ------
    ScalingError
        If an item's number or a weight is out of range, or without a prior the data leave no finite maximum.
    """
    link, precision = link_of(model), precision_of(prior_sd)
    names = tuple(str(n + 1) for n in range(items)) if isinstance(items, int) else tuple(map(str, items))
    first, second = _numbers(chosen, len(names)), _numbers(other, len(names))
    if first.shape != second.shape or first.ndim != 1 or not len(first):
        raise ScalingError(f"expected two lists of items of one length, got shapes {first.shape} and {second.shape}")
    if (first == second).any():
        raise ScalingError("an item is compared with itself")
    weight = np.ones(len(first)) if weights is None else np.asarray(weights, dtype=np.float64)
    if weight.shape != first.shape or not (weight >= 0).all() or not 0 < weight.sum() < np.inf:
        raise ScalingError("weights must be one number from 0 for each comparison, and not all 0")
    wins = coo_array((weight, (first, second)), shape=(len(names), len(names))).tocsr()
    wins.eliminate_zeros()
    if not precision:
        parts, part = connected_components(wins, connection="strong")
        if parts > 1:
            raise ScalingError(f"no finite maximum of the likelihood: {_separation(wins, names, part)}; give prior_sd")
    options: Settings = {"model": model, "method": "map" if precision else "ml", "constraint": MEAN_0}
    if prior_sd is not None:
        options["prior_sd"] = prior_sd
    return _maximise(wins, names, link, precision, tolerance, options)


def list_choices(
    trials: pd.DataFrame,
    *,
    items: Sequence[Hashable] | None = None,
    soft: bool = False,
    columns: Mapping[str, str] | None = None,
) -> tuple[Index, Index, Floats, tuple[str, ...]]:
    """List the choices of a trials table, for `fit_sparse`; a tie is half a choice of either item.

    Parameters
    ----------
    trials, items, soft, columns
        As for `count_choices`.

    Returns
    -------
    chosen, other : int arrays, shape (n,)
    weights : float array, shape (n,)
    items : tuple of str
    """
    answers = read_answers(trials, items=items, soft=soft, columns=columns)
    chosen, other = np.append(answers.left, answers.right), np.append(answers.right, answers.left)
    weights = np.append(answers.to_left + answers.tied / 2, answers.to_right + answers.tied / 2)
    there = weights > 0
    return chosen[there], other[there], weights[there], answers.items


def _numbers(items: ArrayLike, k: int) -> Index:
    numbers = np.asarray(items)
    if numbers.size and not np.issubdtype(numbers.dtype, np.integer):
        raise ScalingError(f"items are given by their numbers from 0, not {numbers.flat[0]}: list_choices makes them")
    if numbers.size and not 0 <= numbers.min() <= numbers.max() < k:
        unexpected = numbers.min() if numbers.min() < 0 else numbers.max()
        raise ScalingError(f"items must be numbered from 0 to {k - 1}, not {unexpected}")
    return numbers.astype(np.intp)


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
    return SparseScale(items, link.name, options, values, pairs, log_likelihood, largest, iteration, converged)
