"""In which order trials are asked: nested blocks, and no pair twice running where that can be avoided."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from .designs import williams_row
from .random_stream import RandomStream

_TRIES = 32


class Shuffler(Protocol):
    """Gives things their places."""

    def permutation(self, n: int) -> NDArray[np.intp]:
        """Return a place for each of n things."""


@dataclass(frozen=True)
class Williams:
    """Gives blocks the places of one row of a Williams design.

    Attributes
    ----------
    number : int
        The observer's.
    stream : RandomStream
        The same for all observers; decides which block is which treatment.
    """

    number: int
    stream: RandomStream

    def permutation(self, n: int) -> NDArray[np.intp]:
        """Return a place for each of n blocks."""
        return np.argsort(self.stream.permutation(n)[williams_row(n, self.number)])


def block_order(
    levels: Sequence[NDArray[np.integer]], within: NDArray[np.generic], streams: Sequence[Shuffler | None]
) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
    """Sort trials into nested blocks.

    Parameters
    ----------
    levels : sequence of int arrays, shape (n,)
        What divides the trials, outermost first; an empty sequence makes one block.
    within : array, shape (n,)
        Sorts the trials of one block.
    streams : sequence of Shuffler or None
        For each level what shuffles its blocks, such as a `RandomStream`; None keeps them in the order of their codes.

    Returns
    -------
    order : int array, shape (n,)
        Positions in the order of asking.
    block : int array, shape (n,)
        Block number of each trial so ordered, from 0.
    """
    n = len(within)
    prefix = np.zeros(n, dtype=np.int64)
    keys: list[NDArray[np.generic]] = []
    for level, stream in zip(levels, streams, strict=True):
        combined = prefix * (int(level.max(initial=0)) + 1) + level
        codes, prefix = np.unique(combined, return_inverse=True)
        keys.append(prefix if stream is None else stream.permutation(len(codes))[prefix])
    # A deeper key is unique over all its blocks, so sorting outermost first keeps every block together.
    order = np.lexsort((within, *reversed(keys)))
    ordered = prefix[order]
    block = np.concatenate([[0], np.cumsum(ordered[1:] != ordered[:-1])]) if n else ordered
    return order, block.astype(np.int32)


def separate_repeats(keys: NDArray[np.integer], block: NDArray[np.integer], stream: RandomStream) -> NDArray[np.intp]:
    """Reorder trials within their blocks so that no key follows itself, wherever that is possible.

    Parameters
    ----------
    keys : int array, shape (n,)
        What must not follow itself, in the order of asking.
    block : int array, shape (n,)
        Block numbers, ascending.
    stream : RandomStream

    Returns
    -------
    int array, shape (n,)
        Positions in the new order. The order changes only where repeats are, so a random order stays random.
    """
    order = np.arange(len(keys))
    repeats = np.flatnonzero(keys[1:] == keys[:-1]) + 1
    waiting = np.unique(block[repeats])[::-1].tolist()
    while waiting:
        number = waiting.pop()
        start, stop = np.searchsorted(block, [number, number + 1])
        before = keys[order[start - 1]] if start else -1
        part = _swap_repeats(keys[start:stop], int(before), stream)
        order[start:stop] = start + part
        # A block with another end may now be followed by what it ends with.
        if stop < len(keys) and keys[order[stop - 1]] == keys[stop] and block[stop] not in waiting[-1:]:
            waiting.append(int(block[stop]))
    return order


def _swap_repeats(keys: NDArray[np.integer], before: int, stream: RandomStream) -> NDArray[np.intp]:
    """Exchange each repeat with a random trial of the block; rebuild the block if that does not help."""
    order = list(range(len(keys)))
    placed = [int(key) for key in keys]

    def clashes(i: int) -> bool:
        previous = placed[i - 1] if i else before
        return placed[i] == previous or (i + 1 < len(placed) and placed[i] == placed[i + 1])

    def swap(i: int, j: int) -> None:
        placed[i], placed[j] = placed[j], placed[i]
        order[i], order[j] = order[j], order[i]

    for i in range(len(placed)):
        if placed[i] != (placed[i - 1] if i else before):
            continue
        for _ in range(_TRIES):
            j = stream.below(len(placed))
            swap(i, j)
            if not clashes(i) and not clashes(j):
                break
            swap(i, j)
        else:
            return _rebuild(keys, before, stream)
    return np.array(order, dtype=np.intp)


def _rebuild(keys: NDArray[np.integer], before: int, stream: RandomStream) -> NDArray[np.intp]:
    """Build an order by taking what is left most often, save what was just taken: if any order avoids repeats, this."""
    waiting: dict[int, list[int]] = {}
    for position in stream.permutation(len(keys)).tolist():
        waiting.setdefault(int(keys[position]), []).append(position)
    ties = stream.raw(len(waiting))
    heap = [(-len(positions), int(tie), key) for (key, positions), tie in zip(waiting.items(), ties, strict=True)]
    heapq.heapify(heap)
    order: list[int] = []
    last = before
    while heap:
        entry = heapq.heappop(heap)
        if entry[2] == last and heap:
            entry, held = heapq.heappop(heap), entry
            heapq.heappush(heap, held)
        negative_count, _, last = entry
        order.append(waiting[last].pop())
        if negative_count < -1:
            heapq.heappush(heap, (negative_count + 1, int(stream.raw(1)[0]), last))
    return np.array(order, dtype=np.intp)
