"""Before a study: how large it has to be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil

import numpy as np
import pandas as pd
from scipy.special import ndtr
from scipy.stats import norm

from visavis.scaling.counts import Counts
from visavis.scaling.errors import ScalingError
from visavis.scaling.scales.item_tests import compare_items
from visavis.scaling.scales.scale import JOD_PER_SD, fit_scale

FINDINGS = ("neighbours", "all_neighbours", "extremes", "order")
"""What `simulate_power` counts, and `observers_needed` can be asked for."""


def choices_for_power(share: float, *, alpha: float = 0.05, power: float = 0.8) -> int:
    """Return how many choices of one pair show that it is not chosen by a coin.

    Parameters
    ----------
    share : float
        True share of the better one, in (1/2, 1).
    alpha : float
        Of the two-sided test.
    power : float

    Returns
    -------
    int
        By the normal approximation, (z_{α/2}/2 + z_β √(p (1-p)))² / (p - 1/2)².

    Raises
    ------
    ScalingError
        For a share that is not in (1/2, 1), or an `alpha` or `power` that is not in (0, 1).
    """
    if not 0.5 < share < 1:
        raise ScalingError(f"share must be between 1/2 and 1, not {share}")
    _require_share("alpha", alpha)
    _require_share("power", power)
    z = norm.ppf(1 - alpha / 2) * 0.5 + norm.ppf(power) * np.sqrt(share * (1 - share))
    return ceil(float((z / (share - 0.5)) ** 2) - 1e-9)


def _require_share(name: str, share: float) -> None:
    if not 0 < share < 1:
        raise ScalingError(f"{name} must be between 0 and 1, not {share!r}")


def montag_standard_error(items: int, observers: int) -> float:
    """Return a planning figure for the standard error of a Case V scale value, every pair asked once of everyone.

    1.76 (n + 3.08)^-0.613 (N - 2.55)^-0.491 for n items and N observers, in SD of a difference (Montag 2006). It comes
    out 12 to 15 % smaller than simulated errors of scales that span 2 units: plan with a margin, and report the errors
    of the data.

    Parameters
    ----------
    items, observers : int
        Two items and three observers at least.
    """
    if items < 2 or observers < 3:
        raise ScalingError(f"the formula needs at least two items and three observers, not {items} and {observers}")
    return float(1.76 * (items + 3.08) ** -0.613 * (observers - 2.55) ** -0.491)


@dataclass(frozen=True)
class Design:
    """A study to be planned, on one attribute.

    Attributes
    ----------
    items : int
        Renditions, spaced evenly.
    difference_jod : float
        Between neighbours, in JOD.
    observers, repetitions, scenes : int
    observer_sd : float
        SD of each observer's own deviations from the scale values, in SD of a difference.
    lapse : float
        Share of choices by a coin.
    """

    items: int
    difference_jod: float
    observers: int
    repetitions: int = 1
    scenes: int = 1
    observer_sd: float = 0.0
    lapse: float = 0.0

    def __post_init__(self) -> None:
        for name in ("items", "observers", "repetitions", "scenes"):
            if getattr(self, name) != int(getattr(self, name)):
                raise ScalingError(f"{name} must be a whole number, not {getattr(self, name)!r}")
        if self.items < 2 or min(self.observers, self.repetitions, self.scenes) < 1:
            raise ScalingError("a design needs at least two items, and one observer, repetition and scene")
        if not 0 <= self.difference_jod < np.inf:
            raise ScalingError(f"difference_jod must be a number from 0, not {self.difference_jod!r}")
        if not 0 <= self.lapse < 1 or self.observer_sd < 0:
            raise ScalingError("lapse must be in [0, 1), and observer_sd must not be negative")


def simulate_power(design: Design, *, studies: int = 500, alpha: float = 0.05, seed: int = 0) -> pd.Series:
    """Simulate a planned study many times and see how often it finds what is there.

    Choices of all observers and scenes are pooled, scaled by maximum a posteriori, and tested pair by pair with the
    error of the family held (Tukey). Where observers differ (``observer_sd``) that test takes too much for certain, so
    its power is an upper bound.

    Parameters
    ----------
    design : Design
    studies : int
    alpha : float
    seed : int

    Returns
    -------
    Series
        ``neighbours``: share of neighbouring pairs found different; ``all_neighbours``: share of studies that find all
        of them; ``extremes``: share that tell the first from the last; ``order``: share whose estimated order is
        exactly the true one; ``trials``: choices of one observer.

    Raises
    ------
    ScalingError
        For no studies, or an `alpha` that is not in (0, 1).
    """
    if studies < 1:
        raise ScalingError(f"studies must be at least 1, not {studies}")
    _require_share("alpha", alpha)
    rng = np.random.default_rng(seed)
    k = design.items
    truth = np.arange(k) * design.difference_jod / JOD_PER_SD
    first, second = np.triu_indices(k, 1)
    shape = (studies, design.observers, design.scenes, k)
    values = truth + (rng.normal(0, design.observer_sd, shape) if design.observer_sd else np.zeros(shape))
    p = (1 - design.lapse) * ndtr(values[..., first] - values[..., second]) + design.lapse / 2
    won = rng.binomial(design.repetitions, p).sum(axis=(1, 2))
    asked = design.observers * design.scenes * design.repetitions
    wins = np.zeros((studies, k, k))
    wins[:, first, second], wins[:, second, first] = won, asked - won
    scale = fit_scale(Counts.from_matrix(wins, [str(i) for i in range(k)]))
    table = compare_items(scale)
    found = (table["p_value"].to_numpy() < alpha).reshape(studies, -1) & (table["difference"].to_numpy() < 0).reshape(
        studies, -1
    )
    neighbours = found[:, second - first == 1]
    return pd.Series(
        {
            "neighbours": neighbours.mean(),
            "all_neighbours": neighbours.all(axis=1).mean(),
            "extremes": found[:, (first == 0) & (second == k - 1)].mean(),
            "order": (np.diff(scale.values, axis=1) > 0).all(axis=1).mean(),
            "trials": len(first) * design.scenes * design.repetitions,
        }
    )


def observers_needed(
    design: Design,
    *,
    power: float = 0.8,
    finding: str = "neighbours",
    most: int = 500,
    studies: int = 500,
    seed: int = 0,
) -> int:
    """Find how many observers a design needs.

    Parameters
    ----------
    design : Design
        Its number of observers is ignored.
    power : float
        Wanted.
    finding : str
        Which entry of `simulate_power` should reach it.
    most : int
        Where to give up.
    studies, seed : int
        As for `simulate_power`.

    Returns
    -------
    int
        The smallest number found by halving, give or take the noise of the simulation.

    Raises
    ------
    ScalingError
        If `most` observers are too few, or `finding` is not a power.
    """
    if finding not in FINDINGS:
        raise ScalingError(f"unknown finding {finding!r}; choose from {', '.join(FINDINGS)}")
    _require_share("power", power)

    def reaches(observers: int) -> bool:
        return bool(simulate_power(replace(design, observers=observers), studies=studies, seed=seed)[finding] >= power)

    if not reaches(most):
        raise ScalingError(f"{most} observers do not reach a power of {power}: ask more repetitions or scenes")
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reaches(middle) else (middle, high)
    return high
