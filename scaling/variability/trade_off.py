"""Whether steadier models agree better with people, and how little a handful of models can say about it."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
from scipy.stats import t as student

from visavis.scaling.agreement.rank_correlation import spearman
from visavis.scaling.counts import Floats

COLUMNS = ("attribute", "models", "rho", "p_value", "min_rho")
MOST_EXACT = 8
"""Up to so many models p is exact, from all orders; for more it is from Student's t."""
_FEWEST = 4  # of three, even a perfect order has p = 1/3


def trade_off(alignment: pd.DataFrame, within: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """Correlate the models' variability with their agreement with people.

    Parameters
    ----------
    alignment, within : DataFrame
        As `Comparison.alignment` and `Comparison.vr_within`.
    level : float
        1 minus the size of the test that `min_rho` is about.

    Returns
    -------
    DataFrame
        ``attribute, models, rho, p_value, min_rho``: number of models, Spearman's ρ between VR% within and ρ with
        people, its two-sided p, and the smallest |ρ| that so many models could tell from none. NaN for fewer than
        four models.
    """
    joined = alignment.merge(within, on=["attribute", "observer"], suffixes=("", "_vr")).dropna(subset=["rho", "any"])
    rows = []
    for attribute in dict.fromkeys(alignment["attribute"]):
        part = joined[joined["attribute"] == attribute]
        first, second = (part[name].to_numpy(dtype=float) for name in ("any", "rho"))
        rows.append((attribute, len(part), *_tested(first, second, 1 - level)))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _tested(first: Floats, second: Floats, size: float) -> tuple[float, float, float]:
    n = len(first)
    if n < _FEWEST:
        return (float("nan"),) * 3
    rho = float(spearman(first, second))
    if n > MOST_EXACT:
        beyond = student.ppf(1 - size / 2, n - 2)
        least = float(beyond / np.sqrt(n - 2 + beyond**2))
        if not np.isfinite(rho):
            return rho, float("nan"), least
        ratio = abs(rho) * np.sqrt((n - 2) / max(1 - rho**2, 1e-12))
        return rho, float(2 * student.sf(ratio, n - 2)), least
    orders = np.array(list(permutations(range(n))))
    untied = np.sort(np.abs(spearman(np.arange(n, dtype=float), orders.astype(float))))
    shares = 1 - np.searchsorted(untied, untied - 1e-9) / len(untied)  # of orders that are as far out, or further
    small = untied[shares <= size]
    least = float(small[0]) if len(small) else float("nan")
    if not np.isfinite(rho):
        return rho, float("nan"), least
    p = float((np.abs(spearman(first, second[orders])) >= abs(rho) - 1e-9).mean())
    return rho, p, least
