"""How well people agree with each other, in every measure that a model is held against."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from .agreement import people_agreement
from .alignment import Mode, rho_ceilings
from .ceilings import choice_ceilings
from .counts import count_choices
from .crowds import Crowd
from .errors import ScalingError
from .majorities import majorities

COLUMNS = (
    *("attribute", "people", "leave_one_out", "with_all", "split_half", "between_people"),
    *("accuracy", "kappa", "choice_majority", "choice_leave_one_out", "choice_between"),
)


def human_ceilings(
    trials: pd.DataFrame, people: Sequence[str], crowd: Crowd, attribute: str, mode: Mode, seed: int
) -> pd.DataFrame:
    """Return the ceilings of one attribute, in one row.

    Parameters
    ----------
    trials : DataFrame
        Main trials of the people.
    people : sequence of str
    crowd : Crowd
        The same people's choices on the attribute.
    attribute : str
    mode : {'aggregate', 'pooled', 'per_scene_mean'}
        Of ρ.
    seed : int
        Of the random halves.

    Returns
    -------
    DataFrame
        ``attribute, people``; of ρ ``leave_one_out, with_all, split_half, between_people`` (see `Ceilings`);
        ``accuracy, kappa`` of one person against the others (see `pairwise_agreement`); and the shares of single
        choices that can be predicted, ``choice_majority, choice_leave_one_out, choice_between`` (see
        `ChoiceCeilings`). NaN where people are too few, or answered no pair in common.
    """
    of_rho = rho_ceilings(crowd, mode, seed=seed)
    table = trials[trials["attribute"] == attribute]
    votes = majorities(table, attribute)
    of_pairs = people_agreement(votes, [name for name in people if name in votes.observers])
    try:
        choices = choice_ceilings(count_choices(table, ("observer", "scene")))
        of_choices = choices.majority, choices.leave_one_out, choices.observer_observer
    except ScalingError:  # no pair was answered by two people
        of_choices = (float("nan"),) * 3
    row = (
        *(attribute, len(crowd.people), of_rho.leave_one_out, of_rho.with_all, of_rho.split_half, of_rho.between),
        *(of_pairs["accuracy"], of_pairs["kappa"], *of_choices),
    )
    return pd.DataFrame([row], columns=list(COLUMNS))
