"""How well anyone could predict people's choices, given how far people agree with each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .counts import Counts, require_counts
from .errors import ScalingError


@dataclass(frozen=True)
class ChoiceCeilings:
    """Share of people's choices that can be predicted.

    Attributes
    ----------
    majority : float
        By the majority of all: Σ max(k, n - k) / Σ n over pairs. No predictor of the pair alone does better on these
        very data.
    leave_one_out : float
        By the majority of the others, for each choice of each observer; an even split counts half. What a predictor as
        good as the rest of the people reaches.
    observer_observer : float
        Share of agreement over all pairs of choices that two different observers made on the same pair of items.
    choices : int
    """

    majority: float
    leave_one_out: float
    observer_observer: float
    choices: int


def choice_ceilings(counts: Counts, *, observer: str = "observer") -> ChoiceCeilings:
    """Return the ceilings of predicting single choices (after Nili et al. 2014, for choices).

    Parameters
    ----------
    counts : Counts
        Counted apart by the column `observer` and whatever else tells questions apart, such as attribute and scene.
        Ties are left out.
    observer : str

    Raises
    ------
    ScalingError
        If no pair was answered by two observers.
    """
    require_counts(counts)
    rest = [name for name in counts.groups.columns if name != observer]
    each = Counts(counts.items, counts.groups, counts.wins, np.zeros_like(counts.ties))
    pooled = each.pool(rest)
    place = each.groups.merge(pooled.groups.assign(_place=range(len(pooled.groups))), how="left") if rest else None
    index = place["_place"].to_numpy() if place is not None else np.zeros(len(each.groups), dtype=int)
    first, second = np.triu_indices(len(counts.items), 1)
    own, own_lost = each.wins[:, first, second], each.wins[:, second, first]
    all_won, all_lost = pooled.wins[:, first, second], pooled.wins[:, second, first]
    others_won, others_lost = all_won[index] - own, all_lost[index] - own_lost
    others = others_won + others_lost
    if not (others * (own + own_lost)).any():
        raise ScalingError("no pair was answered by two observers, so nobody can be predicted from the others")
    n = float(all_won.sum() + all_lost.sum())
    predicted = np.sign(others_won - others_lost) / 2 + 0.5
    right = own * predicted + own_lost * (1 - predicted)
    agreeing = own * others_won + own_lost * others_lost
    return ChoiceCeilings(
        float(np.maximum(all_won, all_lost).sum() / n),
        float(right[others > 0].sum() / (own + own_lost)[others > 0].sum()),
        float(agreeing.sum() / ((own + own_lost) * others).sum()),
        round(n),
    )
