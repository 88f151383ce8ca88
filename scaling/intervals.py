"""Intervals: how resamples are drawn, and which of their quantiles are the limits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr
from scipy.stats import t as student

from .counts import Floats
from .errors import ScalingError

Interval = Literal["expanded", "t", "percentile", "bca"]
INTERVALS: tuple[Interval, ...] = get_args(Interval)
FEW_UNITS = 8
"""Below so many units no percentile of resamples reaches far enough: of two units, all resamples lie between them."""
Bounds = tuple[float, float]
UNBOUNDED: Bounds = (-np.inf, np.inf)


def normal_reach(level: float) -> float:
    """Return how many standard errors an interval reaches to either side.

    Raises
    ------
    ScalingError
        For a level that is not between 0 and 1.
    """
    if not 0 < level < 1:
        raise ScalingError(f"level must be between 0 and 1, such as 0.95, not {level!r}")
    return NormalDist().inv_cdf(0.5 + level / 2)


@dataclass(frozen=True)
class Resampling:
    """How an interval is made from resampled units, such as scenes or observers.

    Attributes
    ----------
    n : int
        Number of resamples.
    seed : int
        The same seed draws the same units for everyone.
    level : float
        Of the interval, in (0, 1).
    method : {'expanded', 't', 'percentile', 'bca'}
        ``percentile`` (Efron & Tibshirani 1993, ch. 13) is too narrow for few units: with 15 people who differ its 95 %
        interval covers about 91 %. ``expanded`` (Hesterberg 2015), the default, takes percentiles further out, by as
        much as a t interval is wider than one that divides by n; for fewer than 8 units, which no percentile can make
        up for, it is ``t``: Student's t times the SD of the resamples, of unbiased size for so few units. ``bca``
        (Efron & Tibshirani 1993, ch. 14) corrects for bias and skewness, not for few units; `bootstrap_scale` alone can
        give it.

    Raises
    ------
    ScalingError
        For an attribute out of its range.
    """

    n: int = 2000
    seed: int = 0
    level: float = 0.95
    method: Interval = "expanded"

    def __post_init__(self) -> None:
        if self.n < 1:
            raise ScalingError(f"n, the number of resamples, must be at least 1, not {self.n}")
        normal_reach(self.level)
        if self.method not in INTERVALS:
            raise ScalingError(f"unknown interval {self.method!r}; choose from {', '.join(INTERVALS)}")

    def generator(self) -> np.random.Generator:
        """Return the source of random numbers of these resamples."""
        return np.random.default_rng(self.seed)

    def weights(self, n_units: int) -> Floats:
        """Return how often each unit occurs in each resample; read-only, shape (n, n_units), rows of sum n_units."""
        return _drawn_weights(n_units, self.n, self.seed)

    def units(self, n_units: int) -> NDArray[np.intp]:
        """Return the units of each resample; shape (n, n_units); read-only."""
        return _drawn_units(n_units, self.n, self.seed)

    def tails(self, n_units: int) -> Floats:
        """Return which shares of the resamples lie below the limits; shape (2,).

        Raises
        ------
        ScalingError
            For ``bca``, whose shares depend on the statistic.
        """
        if self.method == "bca":
            raise ScalingError("method 'bca' needs the data without each unit in turn: only bootstrap_scale gives it")
        if self.method == "expanded" and n_units > 1:
            # Hesterberg 2015, section 5.3: Φ(±√(n / (n-1)) t) instead of Φ(±z)
            reach = np.sqrt(n_units / (n_units - 1)) * student.ppf(0.5 + self.level / 2, n_units - 1)
            return np.array([ndtr(-reach), ndtr(reach)])
        return np.array([(1 - self.level) / 2, (1 + self.level) / 2])

    def is_student(self, n_units: int) -> bool:
        """Whether limits from so many units are Student's t times a standard error, not percentiles."""
        return self.method == "t" or (self.method == "expanded" and n_units < FEW_UNITS)

    def reach(self, n_units: int) -> float:
        """Return what the SD of the resamples is multiplied by in a t interval."""
        return float(np.sqrt(n_units / (n_units - 1)) * student.ppf(0.5 + self.level / 2, n_units - 1))

    def in_words(self, n_units: int) -> str:
        """Return what the intervals from so many units are called."""
        if self.is_student(n_units):
            return "Student's t intervals from the standard deviation of"
        return {
            "expanded": "expanded percentile intervals (Hesterberg, 2015) from",
            "percentile": "percentile intervals from",
        }.get(self.method, "BCa intervals from")

    def limits(
        self, draws: Floats, n_units: int, *, estimate: Floats | float | None = None, bounds: Bounds = UNBOUNDED
    ) -> tuple[Floats, Floats]:
        """Return the interval of each statistic from its values in the resamples, which are the first axis.

        Parameters
        ----------
        draws : float array, shape (n, ...)
            NaN where a resample has no value.
        n_units : int
            Units drawn from.
        estimate : float array, shape (...), optional
            The statistic of all units, which a t interval is about; by default the mean of the resamples.
        bounds : (float, float)
            What the statistic can be at least and at most, which a t interval does not know.

        Returns
        -------
        low, high : float arrays, shape (...)
            NaN with fewer than two units, where no resample has a value, or where all have the same: units that are
            all alike do not say how much others would differ, and an interval of no width would claim that none does.
        """
        low, high = np.full(draws.shape[1:], np.nan), np.full(draws.shape[1:], np.nan)
        some = _varies(draws)
        if n_units > 1 and some.any():
            if self.is_student(n_units):
                middle = np.nanmean(draws[:, some], axis=0) if estimate is None else np.asarray(estimate)[some]
                reach = self.reach(n_units) * np.nanstd(draws[:, some], axis=0)
                low[some], high[some] = np.clip(middle - reach, *bounds), np.clip(middle + reach, *bounds)
            else:
                quantile = np.nanquantile if np.isnan(draws).any() else np.quantile  # the first goes column by column
                low[some], high[some] = quantile(draws[:, some], self.tails(n_units), axis=0)
        return low, high


def _varies(draws: Floats) -> NDArray[np.bool_]:
    """Return which statistics are not the same in all resamples, rounding apart; shape (...)."""
    some = np.isfinite(draws)
    highest = np.where(some, draws, -np.inf).max(axis=0)
    lowest = np.where(some, draws, np.inf).min(axis=0)
    scale = np.maximum(1.0, np.where(np.isfinite(highest), np.abs(highest), 0.0))
    return np.asarray(highest - lowest > 1e-9 * scale)


DEFAULT = Resampling()
"""2,000 resamples, 95 %, expanded."""


def over_scenes(
    statistic: Callable[[Floats], Floats],
    n_scenes: int,
    resampling: Resampling = DEFAULT,
    *,
    bounds: Bounds = UNBOUNDED,
) -> tuple[float, float, float]:
    """Return a statistic of all scenes, and its interval over resampled ones.

    Parameters
    ----------
    statistic : callable
        From weights of scenes, shape (m, n scenes), to a value for each row, shape (m,).
    n_scenes : int
    resampling : Resampling
    bounds : (float, float)
        What the statistic can be at least and at most.

    Returns
    -------
    estimate, low, high : float
        Limits are NaN with fewer than two scenes.
    """
    if not n_scenes:
        return (float("nan"),) * 3
    estimate = float(statistic(np.ones((1, n_scenes)))[0])
    if n_scenes < 2:
        return estimate, float("nan"), float("nan")
    draws = statistic(resampling.weights(n_scenes))
    low, high = resampling.limits(draws, n_scenes, estimate=estimate, bounds=bounds)
    return estimate, float(low), float(high)


def ratio(part: Floats, whole: Floats) -> Callable[[Floats], Floats]:
    """Return the statistic Σ part / Σ whole over scenes; both of shape (n scenes,), NaN where there is no whole."""

    def statistic(weights: Floats) -> Floats:
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray((weights @ part) / (weights @ whole))

    return statistic


def resample_weights(n_units: int, n: int, rng: np.random.Generator) -> Floats:
    """Return how often each unit occurs in each resample; shape (n, n_units), rows summing to n_units."""
    return rng.multinomial(n_units, np.full(n_units, 1 / n_units), size=n).astype(np.float64)


@lru_cache(maxsize=8)  # the same scenes are drawn for every observer, attribute and statistic of a comparison
def _drawn_weights(n_units: int, n: int, seed: int) -> Floats:
    weights = resample_weights(n_units, n, np.random.default_rng(seed))
    weights.flags.writeable = False
    return weights


@lru_cache(maxsize=8)
def _drawn_units(n_units: int, n: int, seed: int) -> NDArray[np.intp]:
    counts = _drawn_weights(n_units, n, seed).astype(np.intp)
    units = np.repeat(np.tile(np.arange(n_units), (n, 1)).ravel(), counts.ravel()).reshape(n, n_units)
    units.flags.writeable = False
    return units


MOST_EXACT = 12
"""Up to so many units all swaps are taken; of more, as many as there are resamples."""


def swaps(n_units: int, resampling: Resampling = DEFAULT) -> tuple[NDArray[np.intp], bool]:
    """Return in which units two observers change places, for a test by swapping (Fisher 1935).

    Returns
    -------
    swapped : int array, shape (m, n_units)
        1 where they do. The first row of all swaps is that of no change; a swap of all units is left out, since its
        difference is only the opposite.
    exact : bool
        Whether these are all swaps, and not a random sample of them.
    """
    if n_units <= MOST_EXACT:
        return (np.arange(2 ** max(n_units - 1, 0))[:, None] >> np.arange(n_units)) & 1, True
    return resampling.generator().integers(2, size=(resampling.n, n_units)), False


def share_as_large(as_large: NDArray[np.bool_], exact: bool) -> float:
    """Return p: the share of swaps as far out as the data, 1 added to both counts where they are a random sample."""
    return float(as_large.mean() if exact else (as_large.sum() + 1) / (len(as_large) + 1))
