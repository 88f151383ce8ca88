"""Scales of very many items from lists of comparisons: Newton's method with sparse matrices.

For thousands of items the matrix of counts is mostly empty and its k × k information cannot be inverted. Each Newton
step is solved by conjugate gradients, preconditioned by the diagonal, only as exactly as the step deserves.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import LinearOperator, cg

from .counts import Floats
from .errors import ScalingError
from .links import LINKS, ModelName

Index = NDArray[np.intp]

_MOST_ITERATIONS = 200


@dataclass(frozen=True)
class SparseScale:
    """Scale values of many items.

    Attributes
    ----------
    values : float array, shape (k,)
        Of mean 0.
    log_likelihood : float
    gradient : float
        Largest absolute entry of the gradient at the solution: how close to the maximum it is.
    iterations : int
    converged : bool
    """

    values: Floats
    log_likelihood: float
    gradient: float
    iterations: int
    converged: bool


def fit_sparse(
    chosen: Index,
    other: Index,
    n_items: int,
    *,
    weights: Floats | None = None,
    model: ModelName = "bradley_terry",
    prior_sd: float | None = None,
    tolerance: float = 1e-8,
) -> SparseScale:
    """Scale many items from a list of comparisons.

    Parameters
    ----------
    chosen, other : int array_like, shape (n,)
        Numbers of the items, from 0, in each comparison.
    n_items : int
        Number of items, k.
    weights : float array, shape (n,), optional
        How often each comparison was made; by default once.
    model : {'bradley_terry', 'thurstone'}
    prior_sd : float, optional
        SD of a Gaussian prior on the values; by default none, and then a finite maximum must exist.
    tolerance : float
        Largest gradient entry allowed at the solution, relative to the mean number of comparisons of an item.

    Raises
    ------
    ScalingError
        If an item's number is out of range, or without a prior the data leave no finite maximum.
    """
    first, second = np.asarray(chosen, dtype=np.intp), np.asarray(other, dtype=np.intp)
    if first.shape != second.shape or first.ndim != 1 or not len(first):
        raise ScalingError(
            f"two equally long lists of items are wanted, not of shapes {first.shape} and {second.shape}"
        )
    lowest, highest = min(first.min(), second.min()), max(first.max(), second.max())
    if lowest < 0 or highest >= n_items:
        raise ScalingError(f"items must be numbered from 0 to {n_items - 1}, not {lowest if lowest < 0 else highest}")
    if (first == second).any():
        raise ScalingError("an item is compared with itself")
    weight = np.ones(len(first)) if weights is None else np.asarray(weights, dtype=np.float64)
    wins = coo_array((weight, (first, second)), shape=(n_items, n_items)).tocsr()
    if prior_sd is None and connected_components(wins, connection="strong")[0] > 1:
        raise ScalingError(
            "no finite maximum: some items never lost to the others, or were never compared with them; give prior_sd"
        )
    merged = wins.tocoo()
    return _maximise(
        merged.row, merged.col, merged.data, n_items, model, 0.0 if prior_sd is None else prior_sd**-2, tolerance
    )


def _maximise(
    i: NDArray[np.integer[Any]],
    j: NDArray[np.integer[Any]],
    weight: Floats,
    k: int,
    model: ModelName,
    precision: float,
    tolerance: float,
) -> SparseScale:
    link = LINKS[model]
    small_enough = tolerance * 2 * weight.sum() / k
    values: Floats = np.zeros(k)

    def objective(x: Floats) -> float:
        return float(weight @ link.log_p(x[i] - x[j]) - 0.5 * precision * (x @ x))

    reached = objective(values)
    largest = np.inf
    for iteration in range(_MOST_ITERATIONS):
        slope, curvature = link.derivatives(values[i] - values[j])
        slope, curvature = weight * slope, weight * curvature
        gradient = np.bincount(i, slope, k) - np.bincount(j, slope, k) - precision * values
        largest = float(np.abs(gradient).max())
        if largest <= small_enough:
            return SparseScale(
                values - values.mean(), reached + 0.5 * precision * float(values @ values), largest, iteration, True
            )
        diagonal: Floats = np.asarray(
            np.bincount(i, curvature, k) + np.bincount(j, curvature, k) + precision, np.float64
        )
        off = coo_array((curvature, (i, j)), shape=(k, k)).tocsr()
        off = off + off.T
        information = LinearOperator((k, k), matvec=partial(_multiply, diagonal, off), dtype=np.float64)
        preconditioner = LinearOperator((k, k), matvec=partial(np.multiply, 1 / diagonal), dtype=np.float64)
        # Solved the more exactly the closer the maximum is, which keeps Newton's quadratic convergence.
        step, _ = cg(information, gradient, rtol=min(0.1, np.sqrt(largest / small_enough) * 1e-4), M=preconditioner)
        step -= step.mean()
        size = 1.0
        while (proposed := objective(values + size * step)) < reached - 1e-12 * abs(reached) and size > 1e-10:
            size /= 2
        values, reached = values + size * step, proposed
    return SparseScale(values - values.mean(), reached, largest, _MOST_ITERATIONS, False)


def _multiply(diagonal: Floats, off: csr_array, vector: Floats) -> Floats:
    """Multiply the information, a diagonal minus what pairs share, by a vector."""
    return np.asarray(diagonal * vector - off @ vector)
