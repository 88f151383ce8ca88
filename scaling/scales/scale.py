"""Scale values of many groups in one call, with their uncertainty."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from visavis.scaling.counts import Counts, Floats, require_counts
from visavis.scaling.errors import ScalingError
from visavis.scaling.intervals import normal_reach

from .bias_reduction import reduce_bias
from .least_squares import Correction, least_squares
from .likelihood import maximise, precision_of
from .links import LINKS, ModelName, link_of
from .one_scale import MEAN_0, Settings, Tabular, in_words, plot_values
from .prior import estimate_prior_sd
from .separation import describe_separation, has_maximum, is_connected

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Method = Literal["map", "ml", "firth", "least_squares"]
METHODS: tuple[Method, ...] = get_args(Method)
"""How scale values are fitted: with a Gaussian prior, by maximum likelihood alone or with its bias reduced, or by least
squares on the proportions."""

PriorSD = float | Literal["estimated"]
"""The SD of a Gaussian prior on scale values, or that it is estimated from the choices."""

JOD_PER_SD = 1 / NormalDist().inv_cdf(0.75)
"""Just-objectionable differences in one SD of a difference, 1.4826: at 1 JOD 75 % choose the better (Perez-Ortiz &
Mantiuk 2017, eq. 3)."""

DEFAULT_PRIOR_SD = 2.0


@dataclass(frozen=True)
class Scale(Tabular):
    """Scale values of the items in every group.

    Attributes
    ----------
    counts : Counts
        What was scaled.
    model, method : str
    options : dict
        Every choice that was made, as it should be reported.
    values : float array, shape (G, k)
        Of mean 0 in each group; NaN where the method has no finite solution.
    covariance : float array, shape (G, k, k)
        Of the centred values, from the observed information; NaN for least squares, which has none: bootstrap it.
    log_likelihood : float array, shape (G,)
        Without the prior; NaN for least squares.
    converged : bool array, shape (G,)
    separation : tuple of str
        For each group, why its likelihood alone has no finite maximum; empty where it has one.
    """

    counts: Counts
    model: ModelName
    method: Method
    options: Settings
    values: Floats
    covariance: Floats
    log_likelihood: Floats
    converged: NDArray[np.bool_]
    separation: tuple[str, ...]

    def __repr__(self) -> str:
        n_groups, k = self.values.shape
        return f"<Scale: {k} items in {n_groups} group(s), by {self.model}, {self.method}>"

    @property
    def items(self) -> tuple[str, ...]:
        """The k things that were scaled."""
        return self.counts.items

    @property
    def constraint(self) -> str:
        """What fixes the values."""
        return str(self.options["constraint"])

    @property
    def unit(self) -> str:
        """Unit of the values: SD of a difference (Thurstone), or logit (Bradley-Terry)."""
        return LINKS[self.model].unit

    @property
    def standard_errors(self) -> Floats:
        """Standard error of each centred value; shape (G, k)."""
        return np.sqrt(np.diagonal(self.covariance, axis1=1, axis2=2))

    @property
    def sampling_variances(self) -> Floats:
        """Variance of each centred value over repeated answers; shape (G, k).

        With a prior it is less than the square of the standard error, which allows for what the prior draws in: of the
        covariance C it is the diagonal of C − C² / prior_sd² (the information of the choices between two C).
        """
        variances = np.diagonal(self.covariance, axis1=1, axis2=2)
        if self.method != "map":
            return np.asarray(variances)
        return np.asarray(variances - (self.covariance**2).sum(axis=2) / float(self.options["prior_sd"]) ** 2)

    def in_jod(self, anchor: str | None = None) -> Floats:
        """Return the values in just-objectionable differences; shape (G, k).

        Parameters
        ----------
        anchor : str, optional
            The item that is at 0, such as an original; by default the mean of all is.

        Raises
        ------
        ScalingError
            For Bradley-Terry, whose unit is another one, or an item that was not scaled.
        """
        if self.model != "thurstone":
            raise ScalingError("JOD is a unit of Thurstone's model: fit with model='thurstone'")
        return self._against(anchor)[0] * JOD_PER_SD

    def _against(self, anchor: str | None) -> tuple[Floats, Floats]:
        """Return values less that of an item, and their standard errors; shape (G, k)."""
        if anchor is None:
            return self.values, self.standard_errors
        if anchor not in self.items:
            raise ScalingError(f"unknown anchor {anchor!r}; choose from {', '.join(self.items)}")
        place = self.items.index(anchor)
        variances = np.diagonal(self.covariance, axis1=1, axis2=2)
        of_difference = variances + variances[:, place, None] - 2 * self.covariance[:, :, place]
        return self.values - self.values[:, place, None], np.sqrt(np.maximum(of_difference, 0))

    def predict(self) -> Floats:
        """Return the probability that the model gives to row being chosen over column; shape (G, k, k)."""
        return LINKS[self.model].probability(self.values[:, :, None] - self.values[:, None, :])

    def summary(self) -> str:
        """Return what was fitted, how, and how it went, in a few lines."""
        n_groups, k = self.values.shape
        separated = [reason for reason in self.separation if reason]
        lines = [
            f"{self.model}, {self.method}: {k} items in {n_groups} group(s), unit: {self.unit}",
            in_words(self.options),
            f"converged: {int(self.converged.sum())} of {n_groups}",
            f"without a finite maximum of the likelihood: {len(separated)} of {n_groups}",
            *(f"  {reason}" for reason in dict.fromkeys(separated)),
        ]
        if np.isfinite(self.log_likelihood).any():
            lines.append(f"log-likelihood: {np.nansum(self.log_likelihood):.3f}")
        return "\n".join(lines)

    def plot(self, group: int = 0, level: float = 0.95) -> Axes:
        """Draw the values of one group with their intervals, sorted.

        Parameters
        ----------
        group : int
            Row of ``counts.groups``.
        level : float

        Returns
        -------
        matplotlib.axes.Axes
            Of a figure of its own; ``plot().figure.savefig(...)`` saves it.
        """
        k = len(self.counts.items)
        frame = self.to_frame(level).iloc[group * k : (group + 1) * k]
        return plot_values(frame, f"scale value ({self.unit}), {level:.0%} interval")

    def to_frame(self, level: float = 0.95, *, anchor: str | None = None, jod: bool = False) -> pd.DataFrame:
        """Return a row for each group and item.

        Parameters
        ----------
        level : float
            Of the normal-theory intervals.
        anchor : str, optional
            The item that is at 0, without an error: values, standard errors and intervals are of the differences from
            it. By default the mean of all items is at 0.
        jod : bool
            In just-objectionable differences instead of the scale's unit.

        Returns
        -------
        DataFrame
            The columns of the groups, then ``item, value, se, low, high``.

        Raises
        ------
        ScalingError
            For an item that was not scaled, or JOD of another model than Thurstone's.
        """
        n_groups, k = self.values.shape
        reach = normal_reach(level)
        frame = self.counts.groups.loc[np.repeat(np.arange(n_groups), k)].reset_index(drop=True)
        value, se = (numbers.ravel() for numbers in self._against(anchor))
        if jod:
            value, se = self.in_jod(anchor).ravel(), se * JOD_PER_SD
        columns = {"item": np.tile(self.counts.items, n_groups), "value": value, "se": se}
        return frame.assign(**columns, low=value - reach * se, high=value + reach * se)


def fit_scale(
    counts: Counts,
    *,
    model: ModelName = "thurstone",
    method: Method = "map",
    prior_sd: PriorSD = DEFAULT_PRIOR_SD,
    correction: Correction = "add_half",
) -> Scale:
    """Find the scale values of every group.

    A tie counts as half a choice of either item.

    Parameters
    ----------
    counts : Counts
    model : {'thurstone', 'bradley_terry'}
        Thurstone's Case V (1927), P = Φ(si - sj), or Bradley & Terry (1952), P = 1 / (1 + exp(sj - si)).
    method : {'map', 'ml', 'firth', 'least_squares'}
        ``map``: maximum a posteriori under independent Gaussian priors, finite for any data. The default, since with
        the three repetitions of a usual model study a proportion is 0, 1/3, 2/3 or 1, and unanimous pairs leave maximum
        likelihood without a finite answer. ``ml``: maximum likelihood, a probit or logit GLM (Critchlow & Fligner
        1991); groups without a finite maximum (Ford 1957) get NaN, and the reason in `Scale.separation`.
        ``firth``: without a prior, by the likelihood's score less its bias (Firth 1993; Kosmidis & Firth 2009): finite
        wherever comparisons connect the items, and of few choices less far apart than by ``ml``. ``least_squares``: on
        the quantiles of corrected proportions.
    prior_sd : float or 'estimated'
        For ``map``, the SD of the prior in units of the scale. The default 2 is weak: it puts 95 % of differences
        within ±5.5, far beyond what choices can tell apart. ``"estimated"``: by `estimate_prior_sd`, one for all
        groups; what few choices of many items need, adaptive ones above all.
    correction : {'add_half', 'clip'}
        For ``least_squares``, what is done with proportions of 0 and 1.

    Returns
    -------
    Scale

    Raises
    ------
    ScalingError
        For an unknown option, or a group without any comparison.
    """
    require_counts(counts)
    link = link_of(model)
    if method == "map" and prior_sd is None:
        raise ScalingError("method 'map' needs prior_sd: for no prior use method='ml'")
    if method not in METHODS:
        raise ScalingError(f"unknown method {method!r}; choose from {', '.join(METHODS)}")
    total = counts.comparisons.sum(axis=(1, 2))
    if not total.all():
        empty = counts.groups.iloc[int(np.argmin(total))].to_dict()
        raise ScalingError(f"there is no choice to scale in the group {empty}: leave it out")
    options: Settings = {
        "model": model,
        "method": method,
        "ties": "half a win each",
        "constraint": MEAN_0,
    }
    precision = 0.0
    if method == "map":
        if prior_sd == "estimated":
            options["prior"] = "SD estimated from the choices"
            prior_sd = estimate_prior_sd(counts, model)
        options["prior_sd"], precision = prior_sd, precision_of(prior_sd)
    n_groups, k = len(counts.groups), len(counts.items)
    wins = counts.with_ties_as_half_wins().wins
    finite = has_maximum(counts)
    separation = tuple("" if ok else describe_separation(counts, g) for g, ok in enumerate(finite))
    values, covariance = np.full((n_groups, k), np.nan), np.full((n_groups, k, k), np.nan)
    log_likelihood, converged = np.full(n_groups, np.nan), np.zeros(n_groups, dtype=bool)
    if method == "least_squares":
        options["correction"] = correction
        solvable = is_connected(counts)
        values[solvable] = least_squares(wins[solvable], link, correction)
        converged = solvable
    elif method == "firth":
        solvable = is_connected(counts)
        reduced = reduce_bias(wins[solvable], link)
        values[solvable], covariance[solvable] = reduced.values, reduced.covariance
        log_likelihood[solvable], converged[solvable] = reduced.log_likelihood, reduced.converged
    else:
        solvable = np.ones(n_groups, dtype=bool) if method == "map" else finite
        optimum = maximise(wins[solvable], link, precision)
        values[solvable], covariance[solvable] = optimum.values, optimum.covariance
        log_likelihood[solvable], converged[solvable] = optimum.log_likelihood, optimum.converged
    return Scale(counts, model, method, options, values, covariance, log_likelihood, converged, separation)
