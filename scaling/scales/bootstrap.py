"""Uncertainty by resampling: draw again the units that the conclusion should hold for, and scale again.

Whatever varies in the world has to vary in the resamples: people (would other people say the same?), scenes (would
other scenes?), or both. Trials of one observer are not such a unit: resampling them tells only whether this observer,
on these scenes, would say the same again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri
from scipy.stats import t as student

from visavis.scaling.counts import Counts, Floats, as_names, require_counts
from visavis.scaling.errors import ScalingError
from visavis.scaling.intervals import INTERVALS, Interval, Resampling, resample_weights

from .likelihood import best_values
from .links import LINKS
from .one_scale import Tabular, plot_values
from .scale import Scale, fit_scale

if TYPE_CHECKING:
    from matplotlib.axes import Axes


TRIAL = "trial"
"""The unit that stands for single choices, resampled within each pair."""


@dataclass(frozen=True)
class Bootstrap(Tabular):
    """Scale values of resampled data.

    Attributes
    ----------
    estimate : Scale
        Of the data as they are.
    unit : tuple of str
        What was resampled.
    draws : float array, shape (n, G, k)
        Scale values of each resample, in the groups of `estimate`; NaN where a resample has no choice in a group, or no
        finite maximum. Intervals leave those out; `lost` tells how many they are.
    jackknife : float array, shape (n units, G, k), or None
        Scale values without each unit in turn; None where two units or trials were resampled.
    n_units : int
        How many units were drawn from; the fewest, where two were resampled.
    resampling : Resampling
    """

    estimate: Scale
    unit: tuple[str, ...]
    draws: Floats
    jackknife: Floats | None
    n_units: int
    resampling: Resampling

    def __repr__(self) -> str:
        n, n_groups, k = self.draws.shape
        return f"<Bootstrap: {n} resamples of {', '.join(self.unit)}, {k} items in {n_groups} group(s)>"

    @property
    def items(self) -> tuple[str, ...]:
        """The k things that were scaled."""
        return self.estimate.items

    @property
    def values(self) -> Floats:
        """Scale values of the data as they are; shape (G, k)."""
        return self.estimate.values

    @property
    def lost(self) -> Floats:
        """Share of the resamples without values, by group; shape (G,)."""
        return np.asarray(np.isnan(self.draws).any(axis=2).mean(axis=0))

    @property
    def covariance(self) -> Floats:
        """Covariance of the values, of unbiased size for few units; NaN with fewer than two draws. Shape (G, k, k)."""
        known = np.isfinite(self.draws).all(axis=2, keepdims=True)
        n = known.sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.where(known, self.draws, 0).sum(axis=0) / n
            deviation = np.where(known, self.draws - mean, 0)
            spread = np.einsum("ngi,ngj->gij", deviation, deviation) / np.maximum(n - 1, 0)[:, :, None]
        return np.asarray(spread * self._small_sample)

    @property
    def standard_errors(self) -> Floats:
        """Standard error of each value; shape (G, k)."""
        return np.sqrt(np.diagonal(self.covariance, axis1=1, axis2=2))

    @property
    def _small_sample(self) -> float:
        """By how much resampling n units makes variances too small."""
        if self.unit == (TRIAL,) or self.n_units < 2:
            return 1.0
        return self.n_units / (self.n_units - 1)

    def to_frame(self, level: float | None = None, method: Interval | None = None) -> pd.DataFrame:
        """Return a row for each group and item.

        Parameters
        ----------
        level, method
            As for `interval`.

        Returns
        -------
        DataFrame
            The columns of the groups, then ``item, value, se, low, high``.
        """
        low, high = self.interval(level, method)
        columns = {"se": self.standard_errors.ravel(), "low": low.ravel(), "high": high.ravel()}
        return self.estimate.to_frame().assign(**columns)

    def summary(self) -> str:
        """Return what was resampled and how it went, in a few lines."""
        lines = [
            f"{len(self.draws)} resamples of {' and '.join(self.unit)} (drawn from {self.n_units}), "
            f"seed {self.resampling.seed}",
            f"resamples without a finite scale: {self.lost.mean():.1%}",
        ]
        return "\n".join([*lines, self.estimate.summary()])

    def plot(self, group: int = 0, level: float | None = None, method: Interval | None = None) -> Axes:
        """Draw the values of one group with their intervals, sorted, in a figure of its own."""
        k = len(self.items)
        frame = self.to_frame(level, method).iloc[group * k : (group + 1) * k]
        return plot_values(frame, f"scale value ({self.estimate.unit}), {level or self.resampling.level:.0%} interval")

    def interval(self, level: float | None = None, method: Interval | None = None) -> tuple[Floats, Floats]:
        """Return an interval of every value.

        Parameters
        ----------
        level, method : optional
            As in `Resampling`, by default those of this bootstrap's; ``bca`` needs one resampled unit.

        Returns
        -------
        low, high : float arrays, shape (G, k)
            NaN where no resample has values.
        """
        level, method = level or self.resampling.level, method or self.resampling.method
        if method not in INTERVALS:
            raise ScalingError(f"unknown interval {method!r}; choose from {', '.join(INTERVALS)}")
        wanted = Resampling(level=level, method="percentile" if method == "bca" else method)
        if self.unit != (TRIAL,) and self.n_units > 1 and wanted.is_student(self.n_units):
            reach = student.ppf(0.5 + level / 2, self.n_units - 1) * self.standard_errors
            return self.values - reach, self.values + reach
        tails = wanted.tails(self.n_units)
        if method != "bca":
            low, high = (_quantile_each(self.draws, np.full(self.values.shape, tail)) for tail in tails)
            return low, high
        if self.jackknife is None:
            raise ScalingError("BCa needs the data without each unit in turn: resample one unit, not trials or two")
        n = len(self.draws)
        with np.errstate(invalid="ignore", divide="ignore"):
            known = np.isfinite(self.draws).sum(axis=0)
            below = ((self.draws < self.values).sum(axis=0) + (self.draws == self.values).sum(axis=0) / 2) / known
            bias = ndtri(np.clip(below, 0.5 / n, 1 - 0.5 / n))
            deviation = _nan_mean(self.jackknife) - self.jackknife
            acceleration = np.nansum(deviation**3, axis=0) / (6 * np.nansum(deviation**2, axis=0) ** 1.5)
        acceleration = np.nan_to_num(acceleration)
        limits = []
        for tail in tails:
            shifted = bias + ndtri(tail)
            share = ndtr(bias + shifted / (1 - acceleration * shifted))
            limits.append(_quantile_each(self.draws, share))
        return limits[0], limits[1]


def _quantile_each(draws: Floats, share: Floats) -> Floats:
    """Return the quantile of each column of `draws` at its own share."""
    ordered = np.sort(draws, axis=0)  # NaN goes last
    last = np.maximum(np.isfinite(draws).sum(axis=0) - 1, 0)
    place = np.nan_to_num(np.clip(share * last, 0, last))
    low = np.floor(place).astype(int)
    high = np.minimum(low + 1, last)
    below, above = (np.take_along_axis(ordered, index[None], axis=0)[0] for index in (low, high))
    return np.asarray(below + (place - low) * (above - below))


def _nan_mean(values: Floats) -> Floats:
    """Return the mean over the first axis of what is not NaN."""
    known = np.isfinite(values)
    return np.asarray(np.where(known, values, 0).sum(axis=0) / known.sum(axis=0))


def bootstrap_scale(
    counts: Counts,
    unit: str | Sequence[str],
    by: str | Sequence[str] = (),
    resampling: Resampling = Resampling(n=1000),  # noqa: B008 (frozen)
    **options: Any,
) -> Bootstrap:
    """Scale the pooled counts of resampled units, such as observers.

    Parameters
    ----------
    counts : Counts
        Counted apart by the columns `unit` and `by`.
    unit : str or sequence of str
        Column whose values are drawn with replacement, such as ``observer``. Several columns, such as observer and
        scene, are drawn independently, and a choice counts as often as its observer times as its scene (the crossed
        bootstrap, Owen 2007, which is on the safe side). ``trial`` resamples single choices within each pair.
    by : str or sequence of str
        Columns that tell the pooled groups apart, such as ``attribute`` and ``scene``; by default all is pooled. A unit
        drawn twice counts twice in every group.
    resampling : Resampling
        By default 1,000 resamples, 95 %, expanded.
    **options
        As for `fit_scale`.

    Raises
    ------
    ScalingError
        If a column is missing, or there is only one unit to draw from.
    """
    require_counts(counts)
    units, by = as_names(unit), as_names(by)
    pooled = counts.pool(by)
    estimate = fit_scale(pooled, **options)
    n, rng = resampling.n, resampling.generator()
    if units == (TRIAL,):
        draws = _refit(_resampled_choices(pooled, n, rng), estimate, options)
        fewest = int(pooled.comparisons.sum(axis=(1, 2)).min() / 2)
        return Bootstrap(estimate, units, draws, None, fewest, resampling)
    table, sizes = _by_unit(counts, units, pooled, by)
    weights = np.ones((n, 1))
    for size in sizes:
        drawn = resample_weights(size, n, rng)
        weights = (weights[:, :, None] * drawn[:, None, :]).reshape(n, -1)
    draws = _refit(np.einsum("nu,u...->n...", weights, table, optimize=True), estimate, options)
    jackknife = _refit(table.sum(axis=0) - table, estimate, options) if len(units) == 1 else None
    return Bootstrap(estimate, units, draws, jackknife, min(sizes), resampling)


def _by_unit(counts: Counts, units: Sequence[str], pooled: Counts, by: Sequence[str]) -> tuple[Floats, list[int]]:
    """Return wins, ties as halves, by combination of units and pooled group, and the number of each unit's values."""
    each = counts.with_ties_as_half_wins().pool([*units, *(name for name in by if name not in units)])
    clash = [name for name in units if name in by]
    if clash:
        raise ScalingError(f"{', '.join(clash)} cannot be resampled and kept apart at once: take it out of by")
    codes, sizes = [], []
    for name in units:
        code, values = pd.factorize(each.groups[name], sort=True)
        if len(values) < 2:
            raise ScalingError(f"there is one {name} only: resampling it tells nothing of others")
        codes.append(code)
        sizes.append(len(values))
    if by:
        group = pd.MultiIndex.from_frame(pooled.groups).get_indexer(pd.MultiIndex.from_frame(each.groups[list(by)]))
    else:
        group = np.zeros(len(each.groups), dtype=np.intp)
    k = len(counts.items)
    table = np.zeros((*sizes, len(pooled.groups), k, k))
    table[(*codes, group)] = each.wins
    return table.reshape(-1, len(pooled.groups), k, k), sizes


def _resampled_choices(pooled: Counts, n: int, rng: np.random.Generator) -> Floats:
    """Draw each pair's choices again, as many as there were; ties as halves. Shape (n, G, k, k)."""
    first, second = np.triu_indices(len(pooled.items), 1)
    answers = np.stack(
        [pooled.wins[:, first, second], pooled.wins[:, second, first], pooled.ties[:, first, second]], -1
    )
    total = answers.sum(axis=-1)
    if not np.array_equal(total, np.rint(total)):
        raise ScalingError("fractions of choices cannot be drawn again: resample observers or scenes")
    share = answers / np.where(total > 0, total, 1)[..., None]
    share[total == 0, 2] = 1.0
    drawn = rng.multinomial(total.astype(int), share, size=(n, *total.shape))
    wins = np.zeros((n, *pooled.wins.shape))
    wins[:, :, first, second] = drawn[..., 0] + drawn[..., 2] / 2
    wins[:, :, second, first] = drawn[..., 1] + drawn[..., 2] / 2
    return wins


def _refit(wins: Floats, estimate: Scale, options: dict[str, Any]) -> Floats:
    """Scale every resample as the data were scaled; wins of shape (n, G, k, k)."""
    n, n_groups, k, _ = wins.shape
    flat = wins.reshape(-1, k, k)
    compared = flat.any(axis=(1, 2))
    values = np.full((n * n_groups, k), np.nan)
    if estimate.method == "map":
        start = np.broadcast_to(estimate.values, (n, n_groups, k)).reshape(-1, k)
        precision = float(estimate.options["prior_sd"]) ** -2
        values[compared] = best_values(flat[compared], LINKS[estimate.model], precision, start[compared])
    else:
        values[compared] = fit_scale(Counts.from_matrix(flat[compared], estimate.counts.items), **options).values
    return values.reshape(n, n_groups, k)
