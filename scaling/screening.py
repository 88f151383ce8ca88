"""Observers out of line with the others, by a stated rule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from .counts import Counts
from .errors import ScalingError
from .links import LINKS
from .scale import fit_scale


def leave_one_out_likelihood(
    counts: Counts, by: Sequence[str] = (), *, observer: str = "observer", **options: Any
) -> pd.DataFrame:
    """Judge each observer by the scale of all the others.

    Parameters
    ----------
    counts : Counts
        Counted apart by the column `observer` and those in `by`.
    by : sequence of str
        Columns, such as attribute and scene, that have scales of their own.
    observer : str
        Column of the observers.
    **options
        As for `fit_scale`.

    Returns
    -------
    DataFrame
        ``observer``, ``log_likelihood`` (mean over the observer's choices, under the scale of the others), ``score`` =
        (Q1 - log_likelihood) / IQR, and ``out_of_line``, whether it is above 1.5 (as in pwcmp, Perez-Ortiz & Mantiuk
        2017). The rule finds who differs, not who is wrong: look before leaving anyone out.

    Raises
    ------
    ScalingError
        With fewer than three observers, or a method that leaves groups without values.
    """
    each = counts.with_ties_as_half_wins().pool([observer, *by])
    pooled = each.pool(by)
    names = list(dict.fromkeys(each.groups[observer]))
    if len(names) < 3:
        raise ScalingError(f"{len(names)} observers: three at least are needed to tell who is out of line")
    keys = pd.MultiIndex.from_frame(pooled.groups) if by else None
    place = (
        keys.get_indexer(pd.MultiIndex.from_frame(each.groups[list(by)]))
        if keys is not None
        else np.zeros(len(each.groups), int)
    )
    others = pooled.wins[place] - each.wins
    there = others.any(axis=(1, 2))
    scale = fit_scale(Counts.from_matrix(others[there], counts.items), **options)
    if np.isnan(scale.values).any():
        raise ScalingError("without one observer the others have no finite scale: use method='map'")
    difference = scale.values[:, :, None] - scale.values[:, None, :]
    log_p = LINKS[scale.model].log_p(difference)
    total = np.zeros(len(each.groups))
    choices = np.zeros(len(each.groups))
    total[there] = (each.wins[there] * log_p).sum(axis=(1, 2))
    choices[there] = each.wins[there].sum(axis=(1, 2))
    table = pd.DataFrame({"observer": each.groups[observer], "total": total, "choices": choices})
    table = table.groupby("observer", sort=False).sum()
    mean = (table["total"] / table["choices"]).to_numpy(dtype=float)
    low, high = np.quantile(mean, [0.25, 0.75])
    score = (low - mean) / (high - low) if high > low else np.zeros_like(mean)
    return pd.DataFrame({"observer": table.index, "log_likelihood": mean, "score": score, "out_of_line": score > 1.5})
