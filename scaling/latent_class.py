"""Groups of observers: people who want different things, sorted by what they chose.

Two groups with opposite preferences average to no preference at all, so a mixture of scales is worth a look wherever
people disagree more than their own repeats do (two groups are real in image preference: Satgunam et al. 2013).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from .counts import Counts, Floats
from .errors import ScalingError
from .fitting import maximise
from .links import LINKS, ModelName


@dataclass(frozen=True)
class LatentClasses:
    """Groups of observers with scales of their own.

    Attributes
    ----------
    items : tuple of str
    model : str
    shares : float array, shape (C,)
        Size of each class, largest first.
    values : float array, shape (C, k)
        Scale values of each class.
    membership : DataFrame
        A row an observer: ``observer`` and the probability of each class, ``class_1 …``.
    log_likelihood, bic : float
        Of the mixture; the number of classes with the lowest BIC is a reasonable choice.
    """

    items: tuple[str, ...]
    model: ModelName
    shares: Floats
    values: Floats
    membership: pd.DataFrame
    log_likelihood: float
    bic: float


def fit_latent_classes(
    counts: Counts,
    classes: int,
    *,
    observer: str = "observer",
    model: ModelName = "thurstone",
    prior_sd: float = 2.0,
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
        SD of a Gaussian prior on the values of each class, which keeps small classes finite.
    starts, seed : int

    Raises
    ------
    ScalingError
        With more classes than observers.
    """
    each = counts.with_ties_as_half_wins().pool([observer])
    n = len(each.groups)
    if not 1 <= classes <= n:
        raise ScalingError(f"{n} observers cannot be sorted into {classes} classes")
    rng = np.random.default_rng(seed)
    best = max((_em(each.wins, classes, model, prior_sd, rng) for _ in range(starts)), key=lambda found: found[0])
    log_likelihood, shares, values, membership = best
    order = np.argsort(-shares, kind="stable")
    names = [f"class_{c + 1}" for c in range(classes)]
    table = pd.DataFrame(membership[:, order], columns=names)
    table.insert(0, observer, each.groups[observer].to_numpy())
    free = classes * (len(each.items) - 1) + classes - 1
    bic = free * np.log(n) - 2 * log_likelihood
    return LatentClasses(each.items, model, shares[order], values[order], table, log_likelihood, float(bic))


def _em(
    wins: Floats, classes: int, model: ModelName, prior_sd: float, rng: np.random.Generator
) -> tuple[float, Floats, Floats, Floats]:
    link = LINKS[model]
    membership = rng.dirichlet(np.ones(classes), size=len(wins))
    before = -np.inf
    for _ in range(500):
        shares = membership.mean(axis=0)
        weighted = np.einsum("nc,nij->cij", membership, wins)
        values = maximise(weighted, link, prior_sd**-2).values
        log_p = link.log_p(values[:, :, None] - values[:, None, :])
        joint = np.tensordot(wins, log_p, axes=([1, 2], [1, 2])) + np.log(np.maximum(shares, 1e-300))
        each = np.logaddexp.reduce(joint, axis=1)
        membership = np.exp(joint - each[:, None])
        reached = float(each.sum())
        if reached - before < 1e-8:
            break
        before = reached
    return reached, shares, values, membership
