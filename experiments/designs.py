"""Which pairs are asked, and which of the two stands on the left. Pure functions on integer arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .random_stream import RandomStream

IntArray = NDArray[np.int32]


def all_pairs(n_items: int) -> IntArray:
    """Return every pair of 0 … n-1 once.

    Returns
    -------
    int array, shape (n (n-1) / 2, 2)
        The first of each pair is the smaller.
    """
    return np.column_stack(np.triu_indices(n_items, k=1)).astype(np.int32)


def random_pairs(n_items: int, n_pairs: int, stream: RandomStream) -> IntArray:
    """Draw pairs such that the graph of compared items is connected and its degrees are as even as possible.

    A random path through all items makes the graph connected; then the pair whose items have been compared least is
    added, ties broken at random. A connected graph is what a common scale of all items needs (Ford 1957).

    Parameters
    ----------
    n_items, n_pairs : int
    stream : RandomStream

    Returns
    -------
    int array, shape (n_pairs, 2)
        Sorted, the first of each pair the smaller.

    Raises
    ------
    ValueError
        Unless n_items - 1 <= n_pairs <= n_items (n_items - 1) / 2.
    """
    candidates = all_pairs(n_items)
    if not n_items - 1 <= n_pairs <= len(candidates):
        raise ValueError(
            f"{n_items} renditions need at least {n_items - 1} pairs (or they fall apart) and have {len(candidates)}, "
            f"so {n_pairs} cannot be drawn"
        )
    row = np.full((n_items, n_items), -1, dtype=np.intp)
    row[candidates[:, 0], candidates[:, 1]] = row[candidates[:, 1], candidates[:, 0]] = np.arange(len(candidates))
    path = stream.permutation(n_items)
    chosen = np.zeros(len(candidates), dtype=bool)
    chosen[row[path[:-1], path[1:]]] = True
    tie_break = stream.uniforms(len(candidates))
    for _ in range(n_pairs - (n_items - 1)):
        degree = np.bincount(candidates[chosen].ravel(), minlength=n_items)
        cost = degree[candidates].sum(axis=1) + tie_break
        cost[chosen] = np.inf
        chosen[np.argmin(cost)] = True
    pairs: IntArray = candidates[chosen]
    return pairs


def balanced_orientation(pairs: IntArray, stream: RandomStream) -> NDArray[np.int8]:
    """Choose sides so that every item stands on the left as often as on the right, give or take one.

    Walking an Eulerian tour and putting the item one comes from on the left balances every item. Items with an odd
    number of pairs are first joined to one extra item, whose pairs are dropped afterwards.

    Parameters
    ----------
    pairs : int array, shape (n, 2)
    stream : RandomStream

    Returns
    -------
    int array, shape (n,)
        0 where the first of the pair is on the left, 1 where the second is.
    """
    n_items = int(pairs.max()) + 1
    odd = np.flatnonzero(np.bincount(pairs.ravel(), minlength=n_items) % 2)
    edges = np.vstack([pairs, np.column_stack([odd, np.full(len(odd), n_items)])])
    incident: list[list[tuple[int, int]]] = [[] for _ in range(n_items + 1)]
    for edge in stream.permutation(len(edges)).tolist():
        first, second = edges[edge].tolist()
        incident[first].append((edge, second))
        incident[second].append((edge, first))
    orientation = np.full(len(edges), -1, dtype=np.int8)
    for start in range(n_items + 1):
        here = start
        while incident[here]:  # all degrees are even, so the walk ends only where it began, with no edge left there
            edge, there = incident[here].pop()
            if orientation[edge] < 0:
                orientation[edge] = 0 if edges[edge, 0] == here else 1
                here = there
    flip = stream.coins(1)[0]  # the tour's direction
    oriented: NDArray[np.int8] = orientation[: len(pairs)] ^ flip
    return oriented


def counterbalanced_sides(orientation: NDArray[np.int8], repetitions: int, stream: RandomStream) -> NDArray[np.int8]:
    """Spread both orders of each pair over its repetitions.

    Parameters
    ----------
    orientation : int array, shape (n,)
        The order that a pair gets once more when the number of repetitions is odd.
    repetitions : int
    stream : RandomStream

    Returns
    -------
    int array, shape (n, repetitions)
        0 for (A, B), 1 for (B, A); each row has the two equally often, give or take one.
    """
    alternating = (orientation[:, None] + np.arange(repetitions, dtype=np.int8)) % 2
    shuffled = np.argsort(stream.raw(alternating.size).reshape(alternating.shape), axis=1, kind="stable")
    return np.take_along_axis(alternating, shuffled, axis=1).astype(np.int8)


def williams_row(n: int, number: int) -> NDArray[np.intp]:
    """Return one row of a Williams design: `n` treatments in the order in which one of many participants has them.

    Over the rows 0 … n-1 (n even) or 0 … 2n-1 (n odd) every treatment stands in every position equally often, and
    directly follows every other equally often (Williams, 1949, Aust. J. Sci. Res. A 2: 149-168).

    Parameters
    ----------
    n : int
        Number of treatments, at least 1.
    number : int
        Of the row; the rows come round again.

    Returns
    -------
    int array, shape (n,)
    """
    steps = np.arange(n)
    first = np.where(steps % 2, (steps + 1) // 2, (n - steps // 2) % n)  # 0, 1, n-1, 2, n-2, …
    row = (first + number) % n
    return row[::-1] if n % 2 and number // n % 2 else row
