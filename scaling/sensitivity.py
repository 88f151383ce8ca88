"""How far the result depends on choices that science leaves open: each varied alone, and ρ beside ρ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from .comparison import Options, compare

VARIANTS: dict[str, dict[str, Any]] = {
    "as chosen": {},
    "prior SD 1": {"method": "map", "prior_sd": 1.0},
    "prior SD 4": {"method": "map", "prior_sd": 4.0},
    "maximum likelihood": {"method": "ml"},
    "least squares, (k + ½) / (N + 1)": {"method": "least_squares", "correction": "add_half"},
    "least squares, clipped at 1 / (2N)": {"method": "least_squares", "correction": "clip"},
    "Bradley-Terry": {"model": "bradley_terry"},
    "ρ pooled": {"rho_mode": "pooled"},
    "ρ mean of scenes": {"rho_mode": "per_scene_mean"},
}
"""The choices that are varied, by name."""


def sensitivity(
    trials: pd.DataFrame, *, people: Sequence[str] | None = None, options: Options | None = None
) -> pd.DataFrame:
    """Compare models with people again under every choice of `VARIANTS`.

    Parameters
    ----------
    trials, people, options
        As for `compare`.

    Returns
    -------
    DataFrame
        ``attribute, observer``, then ρ under each variant (NaN where it has no finite scale), ``lowest``, ``highest``,
        and ``best_of``: under how many variants this observer has the highest ρ of all models on this attribute.
    """
    base = replace(options or Options(), resamples=1)
    columns = {}
    for name, change in VARIANTS.items():
        found = compare(trials, people=people, options=replace(base, **change)).alignment
        columns[name] = found.set_index(["attribute", "observer"])["rho"]
    table = pd.DataFrame(columns)
    best = table.groupby(level="attribute").transform("max")
    extremes = {"lowest": table.min(axis=1), "highest": table.max(axis=1), "best_of": (table == best).sum(axis=1)}
    return table.assign(**extremes).rename_axis(["attribute", "observer"]).reset_index()
