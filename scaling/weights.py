"""What preference is made of: the weight of each attribute in another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
import pandas as pd

from .counts import Floats
from .errors import ScalingError

_MOST_ATTRIBUTES = 8


@dataclass(frozen=True)
class Weights:
    """A linear regression on standardised values.

    Attributes
    ----------
    attributes : tuple of str
        The p predictors.
    beta : float array, shape (p,)
        Standardised coefficients.
    normalised : float array, shape (p,)
        |β| / Σ|β|; NaN where all β are 0.
    lmg : float array, shape (p,)
        Each attribute's share of R², averaged over all orders of entry (Lindeman, Merenda & Gold 1980); they sum to R².
    r_squared : float
    correlations : float array, shape (p, p)
        Of the predictors: where they are high, β is uncertain and LMG the better description.
    """

    attributes: tuple[str, ...]
    beta: Floats
    normalised: Floats
    lmg: Floats
    r_squared: float
    correlations: Floats

    def to_frame(self) -> pd.DataFrame:
        """Return ``attribute, beta, normalised, lmg``."""
        columns = {"beta": self.beta, "normalised": self.normalised, "lmg": self.lmg}
        return pd.DataFrame({"attribute": self.attributes, **columns})


def attribute_weights(predictors: pd.DataFrame, target: Sequence[float] | Floats) -> Weights:
    """Regress one attribute's scale values on others', all standardised.

    Parameters
    ----------
    predictors : DataFrame, shape (n, p)
        A column an attribute, a row for each item (of each scene).
    target : array_like, shape (n,)

    Raises
    ------
    ScalingError
        If a value is missing or no number, something is constant, or there are too few rows.
    """
    try:
        x, y = predictors.to_numpy(dtype=np.float64), np.asarray(target, dtype=np.float64)
    except (TypeError, ValueError) as problem:
        raise ScalingError(f"weights are of numbers alone: {problem}") from None
    n, p = x.shape
    if len(y) != n or n < p + 2:
        raise ScalingError(f"{p} attributes need {p + 2} values of each at least, not {n} and {len(y)}")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ScalingError("a value is missing or infinite: leave its row out")
    flat = [str(name) for name, column in zip(predictors.columns, x.T, strict=True) if not np.ptp(column)]
    if flat or not np.ptp(y):
        raise ScalingError(f"{', '.join(flat) or 'the target'} is constant, so it has no weight")
    together = np.corrcoef(np.column_stack([x, y]), rowvar=False)
    return weights_from_correlations(together[:p, :p], together[:p, p], [str(name) for name in predictors.columns])


def weights_from_correlations(among: Floats, with_target: Floats, attributes: Sequence[str] | None = None) -> Weights:
    """As `attribute_weights`, from correlations.

    Parameters
    ----------
    among : array_like, shape (p, p)
        Correlations of the predictors.
    with_target : array_like, shape (p,)
    attributes : sequence of str, optional

    Raises
    ------
    ScalingError
        If the predictors determine each other, are more than 8, or have correlations that no data have.
    """
    r_xx, r_xy = np.asarray(among, dtype=np.float64), np.asarray(with_target, dtype=np.float64)
    p = len(r_xy)
    if p > _MOST_ATTRIBUTES:
        raise ScalingError(f"LMG of {p} attributes would need {p}! orders: {_MOST_ATTRIBUTES} are the most")
    if np.linalg.cond(r_xx) > 1e10:
        raise ScalingError("the attributes determine each other, so their weights cannot be told apart: leave one out")

    def r_squared(chosen: tuple[int, ...]) -> float:
        index = list(chosen)
        return float(r_xy[index] @ np.linalg.solve(r_xx[np.ix_(index, index)], r_xy[index])) if index else 0.0

    whole = r_squared(tuple(range(p)))
    if not 0 <= whole <= 1 + 1e-9:
        raise ScalingError(f"R² would be {whole:.3g}: these are no correlations of any data")
    gained = np.zeros(p)
    orders = list(permutations(range(p)))
    for order in orders:
        for place, attribute in enumerate(order):
            gained[attribute] += r_squared(order[: place + 1]) - r_squared(order[:place])
    beta = np.asarray(np.linalg.solve(r_xx, r_xy), dtype=np.float64)
    names = tuple(attributes) if attributes is not None else tuple(str(i + 1) for i in range(p))
    share = np.abs(beta) / np.abs(beta).sum() if beta.any() else np.full(p, np.nan)
    return Weights(names, beta, share, gained / len(orders), whole, r_xx)
