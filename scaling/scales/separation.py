"""What the data can tell at all: which items are connected, and whether a maximum of the likelihood exists.

Two items share a scale only where a chain of comparisons joins them. The likelihood has a finite maximum only where,
in addition, every item has beaten every other through some chain (Ford 1957): otherwise a set of items that never lost
to the rest drifts off to infinity.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from visavis.scaling.counts import Counts, require_counts
from visavis.scaling.errors import ScalingError

Bools = NDArray[np.bool_]


def reachable(edges: Bools) -> Bools:
    """Return the transitive closure of directed graphs, every node reaching itself.

    Parameters
    ----------
    edges : bool array, shape (G, k, k)

    Returns
    -------
    bool array, shape (G, k, k)
    """
    k = edges.shape[-1]
    closure = (edges | np.eye(k, dtype=bool)).astype(np.float32)
    for _ in range(max(1, int(np.ceil(np.log2(k))))):
        closure = np.minimum(closure @ closure, 1)
    connected: NDArray[np.bool_] = closure > 0
    return connected


def is_connected(counts: Counts) -> Bools:
    """Whether the comparisons of each group join all items; shape (G,)."""
    require_counts(counts)
    return np.asarray(reachable(counts.comparisons > 0).all(axis=(1, 2)))


def has_maximum(counts: Counts) -> Bools:
    """Whether each group's likelihood has a finite maximum (Ford 1957); shape (G,). A tie is half a win each way."""
    require_counts(counts)
    return np.asarray(reachable(counts.wins + counts.ties > 0).all(axis=(1, 2)))


def describe_separation(counts: Counts, group: int) -> str:
    """Say in words why one group has no finite maximum; empty where it has one."""
    require_counts(counts)
    wins = counts.wins[group] + counts.ties[group] > 0
    comparisons = wins | wins.T
    together = reachable(comparisons[None])[0]
    if not together.all():
        parts = {tuple(np.flatnonzero(row)) for row in together}
        named = " | ".join(", ".join(counts.items[i] for i in part) for part in sorted(parts))
        return f"no comparison joins {named}"
    beats = reachable(wins[None])[0]
    never_lost = [i for i in range(len(counts.items)) if beats[i].all()]
    if len(never_lost) == len(counts.items):
        return ""
    named = ", ".join(counts.items[i] for i in never_lost)
    return f"{named} never lost to the others"


def require_maximum(counts: Counts, group: int, precision: float) -> None:
    """Refuse a group whose likelihood alone has no finite maximum, unless there is a prior.

    Raises
    ------
    ScalingError
        Saying why, and what helps.
    """
    reason = "" if precision else describe_separation(counts, group)
    if reason:
        raise ScalingError(f"no finite maximum of the likelihood: {reason}; use method='map', or pool more choices")
