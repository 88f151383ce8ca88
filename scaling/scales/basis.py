"""What the data say of each scale value, and what they leave to the prior: the ledger of a scale."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from visavis.scaling.counts import Counts, require_counts

from .separation import reachable

Basis = Literal["data", "edge", "prior", "never"]
BASES: tuple[Basis, ...] = get_args(Basis)
MEANINGS: dict[Basis, str] = {
    "data": "settled by the choices",
    "edge": "never lost or never won, so that only the prior keeps it finite",
    "prior": "compared, but how far it is from the others hangs on the prior",
    "never": "not compared, so that it has no value",
}


def basis_of(counts: Counts) -> NDArray[np.object_]:
    """Return what each item's value rests on; shape (G, k), of `BASES`.

    Items that beat each other through some chain are settled against each other (Ford 1957). The largest set of such
    items, of two at least, is ``data``: of the others ``edge`` never lost or never won a comparison, ``prior`` did both
    but not through a chain that leads to that set and back, and ``never`` was in no comparison. A tie is half a win
    each way.

    Parameters
    ----------
    counts : Counts
    """
    require_counts(counts)
    won = counts.wins + counts.ties > 0
    asked = (counts.comparisons > 0).any(axis=2)
    beats = reachable(won)
    together = beats & beats.swapaxes(1, 2)
    sizes = together.sum(axis=2)
    largest = np.argmax(sizes, axis=1)
    settled = together[np.arange(len(sizes)), largest] & (sizes.max(axis=1, keepdims=True) > 1)
    edge = ~won.any(axis=2) | ~won.any(axis=1)
    found = np.full(asked.shape, "prior", dtype=object)
    found[edge] = "edge"
    found[settled] = "data"
    found[~asked] = "never"
    return found
