"""Groups of observers: people who want different things, sorted by what they chose.

Two groups with opposite preferences average to no preference at all, so a mixture of scales is worth a look wherever
people disagree more than their own repeats do (two groups are real in image preference: Satgunam et al. 2013).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from visavis.scaling.counts import Counts, Floats, require_counts
from visavis.scaling.errors import ScalingError

from .likelihood import Optimum, maximise, prior_precision
from .links import Link, ModelName, link_of
from .one_scale import Settings, Tabular, in_words, plot_values, settings, values_frame
from .scale import DEFAULT_PRIOR_SD

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_ITERATIONS = 2000


@dataclass(frozen=True)
class LatentClasses(Tabular):
    """Groups of observers with scales of their own.

    Attributes
    ----------
    items : tuple of str
    model : str
    options : dict
        Every choice that was made, as it should be reported.
    shares : float array, shape (C,)
        Size of each class, largest first.
    values : float array, shape (C, k)
        Scale values of each class, of mean 0.
    covariance : float array, shape (C, k, k)
        Of the centred values, as if it were known who belongs to which class: too small where that is uncertain.
    membership : DataFrame
        A row an observer: ``observer`` and the probability of each class, ``class_1 …``.
    log_likelihood, bic : float
        Of the mixture, without the prior; the number of classes with the lowest BIC is a reasonable choice.
    converged : bool
    """

    items: tuple[str, ...]
    model: ModelName
    options: Settings
    shares: Floats
    values: Floats
    covariance: Floats
    membership: pd.DataFrame
    log_likelihood: float
    bic: float
    converged: bool

    def __repr__(self) -> str:
        who = f"{len(self.membership)} observers"
        return f"<LatentClasses: {len(self.shares)} classes of {who}, {len(self.items)} items, by {self.model}>"

    @property
    def constraint(self) -> str:
        """What fixes the values."""
        return str(self.options["constraint"])

    @property
    def standard_errors(self) -> Floats:
        """Standard error of each centred value; shape (C, k)."""
        return np.sqrt(np.diagonal(self.covariance, axis1=1, axis2=2))

    def predict(self) -> Floats:
        """Return the probability of row over column in each class; shape (C, k, k)."""
        return link_of(self.model).probability(self.values[:, :, None] - self.values[:, None, :])

    def to_frame(self, level: float = 0.95) -> pd.DataFrame:
        """Return ``class, share, item, value, se, low, high``, with normal-theory intervals."""
        frames = [
            values_frame(self.items, values, errors, level).assign(share=share, **{"class": f"class_{number}"})
            for number, (values, errors, share) in enumerate(
                zip(self.values, self.standard_errors, self.shares, strict=True), start=1
            )
        ]
        return pd.concat(frames, ignore_index=True)[["class", "share", "item", "value", "se", "low", "high"]]

    def further(self) -> dict[str, float]:
        """Return the BIC, the lower the better."""
        return {"bic": self.bic}

    def summary(self) -> str:
        """Return what was fitted and what came out, in a few lines."""
        lines = [
            f"{self.model}: {len(self.shares)} class(es) of {len(self.membership)} observers, {len(self.items)} items",
            in_words(self.options),
            f"converged: {'yes' if self.converged else 'no'}",
            f"log-likelihood: {self.log_likelihood:.3f}, BIC: {self.bic:.3f}",
        ]
        table = self.to_frame().to_string(index=False, float_format=lambda value: f"{value:.3f}")
        return "\n".join([*lines, table])

    def plot(self, group: int = 0, level: float = 0.95) -> Axes:
        """Draw the values of one class, numbered from 0, with their intervals, sorted, in a figure of their own."""
        frame = values_frame(self.items, self.values[group], self.standard_errors[group], level)
        return plot_values(frame, f"scale value of class_{group + 1} ({self.shares[group]:.0%}), {level:.0%} interval")


def fit_latent_classes(
    counts: Counts,
    classes: int,
    *,
    observer: str = "observer",
    model: ModelName = "thurstone",
    prior_sd: float = DEFAULT_PRIOR_SD,
    starts: int = 20,
    seed: int = 0,
) -> LatentClasses:
    """Sort observers into groups by what they choose (a mixture, by EM from many random starts).

    Parameters
    ----------
    counts : Counts
        Counted apart by the column `observer`; all else is pooled. A tie is half a choice of either item.
    classes : int
    observer : str
    model : {'thurstone', 'bradley_terry'}
    prior_sd : float
        SD of a Gaussian prior on the values of each class, in units of the scale. There is no fit without one: a class
        of few observers has no finite maximum.
    starts, seed : int

    Raises
    ------
    ScalingError
        With more classes than observers, or an observer without a choice.
    """
    require_counts(counts)
    link, precision = link_of(model), prior_precision("map", prior_sd)
    each = counts.with_ties_as_half_wins().pool([observer])
    n = len(each.groups)
    if starts < 1:
        raise ScalingError(f"at least one start is needed, not {starts}")
    if classes not in range(1, n + 1):
        raise ScalingError(f"{n} observers cannot be sorted into {classes} classes")
    silent = np.asarray(~each.wins.any(axis=(1, 2)))
    if silent.any():
        raise ScalingError(
            f"{each.groups[observer].to_numpy()[silent][0]} made no choice to be sorted by: leave it out"
        )
    rng = np.random.default_rng(seed)
    best = max(
        (_em(each.wins, classes, link, precision, rng) for _ in range(starts)), key=lambda found: found.objective
    )
    order = np.argsort(-best.shares, kind="stable")
    names = [f"class_{c + 1}" for c in range(classes)]
    table = pd.DataFrame(best.membership[:, order], columns=names)
    table.insert(0, observer, each.groups[observer].to_numpy())
    free = classes * (len(each.items) - 1) + classes - 1
    return LatentClasses(
        items=each.items,
        model=model,
        options=settings(model, "map", prior_sd, ties="half a win each", starts=starts),
        shares=best.shares[order],
        values=best.scales.values[order],
        covariance=best.scales.covariance[order],
        membership=table,
        log_likelihood=best.log_likelihood,
        bic=float(free * np.log(n) - 2 * best.log_likelihood),
        converged=best.converged,
    )


@dataclass(frozen=True)
class _Mixture:
    shares: Floats
    scales: Optimum
    membership: Floats
    log_likelihood: float
    objective: float
    converged: bool


def _em(wins: Floats, classes: int, link: Link, precision: float, rng: np.random.Generator) -> _Mixture:
    """Climb the posterior of a mixture from one random start until a step gains nothing."""
    membership = rng.dirichlet(np.ones(classes), size=len(wins))
    before, converged = -np.inf, False
    for _ in range(_MOST_ITERATIONS):
        shares = membership.mean(axis=0)
        scales = maximise(np.einsum("nc,nij->cij", membership, wins), link, precision)
        values = scales.values
        log_p = link.log_p(values[:, :, None] - values[:, None, :])
        joint = np.tensordot(wins, log_p, axes=([1, 2], [1, 2])) + np.log(np.maximum(shares, 1e-300))
        each = np.logaddexp.reduce(joint, axis=1)
        membership = np.exp(joint - each[:, None])
        log_likelihood = float(each.sum())
        objective = log_likelihood - 0.5 * precision * float((values**2).sum())
        converged = objective - before < 1e-10 * (1 + abs(objective))
        if converged:
            break
        before = objective
    return _Mixture(shares, scales, membership, log_likelihood, objective, converged)
