"""How well people agree with each other, in every measure that a model is held against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from visavis.scaling.counts import Counts, count_choices, require_counts
from visavis.scaling.errors import ScalingError
from visavis.scaling.study.analysis import ATTRIBUTE, Analysis, Column
from visavis.scaling.study.options import PEOPLE, Mode
from visavis.scaling.study.result import Comparison
from visavis.scaling.study.study import Study

from .majorities import majorities
from .pair_by_pair import people_agreement
from .pooled_people import PooledPeople, pool_choices, pooled
from .rho import rho
from .scene_scales import scaled as scaled_on

COLUMNS = (
    *("attribute", "people", "leave_one_out", "with_all", "split_half", "between_people"),
    *("accuracy", "kappa", "choice_majority", "choice_leave_one_out", "choice_between"),
)


def human_ceilings(
    trials: pd.DataFrame, people: Sequence[str], crowd: PooledPeople, attribute: str, mode: Mode, seed: int
) -> pd.DataFrame:
    """Return the ceilings of one attribute, in one row.

    Parameters
    ----------
    trials : DataFrame
        Main trials of the people.
    people : sequence of str
    crowd : PooledPeople
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


def leave_one_out_rho(
    trials: pd.DataFrame,
    attribute: str,
    scenes: Sequence[str],
    items: Sequence[str],
    mode: Mode = "aggregate",
    **options: Any,
) -> pd.Series:
    """Return each person's ρ with all the others pooled: the ceiling for anyone who is no better than a person.

    Parameters
    ----------
    trials : DataFrame
        Of people alone.
    attribute : str
    scenes, items : sequence of str
    mode : {'aggregate', 'pooled', 'per_scene_mean'}
    **options
        As for `fit_scale`.

    Returns
    -------
    Series
        By person; empty where there is only one. Its mean is the lower bound of the noise ceiling (Nili et al. 2014).
    """
    people = pool_choices(trials, attribute, scenes, items, **options)
    if len(people.people) < 2:
        return pd.Series(dtype=float, name="rho")
    return pd.Series(rho(people.each(), people.without_each(), mode), index=list(people.people), name="rho")


@dataclass(frozen=True)
class Ceilings:
    """How well people agree with each other: no model can be asked for more.

    Attributes
    ----------
    leave_one_out : float
        Mean ρ of one person with all others pooled (Nili et al. 2014, lower bound).
    with_all : float
        Mean ρ of one person with all, that person included (upper bound).
    split_half : float
        Mean ρ between the two halves of random divisions of the people.
    between : float
        Mean ρ of two people.
    """

    leave_one_out: float
    with_all: float
    split_half: float
    between: float


def rho_ceilings(people: PooledPeople, mode: Mode = "aggregate", *, halves: int = 100, seed: int = 0) -> Ceilings:
    """Return the ceilings of ρ; NaN for fewer than two people.

    Parameters
    ----------
    people : PooledPeople
    mode : {'aggregate', 'pooled', 'per_scene_mean'}
    halves : int
        Number of random divisions.
    seed : int
    """
    count = len(people.people)
    if count < 2:
        return Ceilings(*(float("nan"),) * 4)
    each = people.each()
    rng = np.random.default_rng(seed)
    order = rng.permuted(np.tile(np.arange(count), (halves, 1)), axis=1)
    first = (order < count // 2).astype(float)
    second = (order >= count - count // 2).astype(float)
    one, other = np.triu_indices(count, 1)
    found = (
        rho(each, people.without_each(), mode),
        rho(each, people.scales(np.ones((1, count))), mode),
        rho(people.scales(first), people.scales(second), mode),
        rho(each[one], each[other], mode),
    )
    return Ceilings(*(float(np.nanmean(values)) if np.isfinite(values).any() else float("nan") for values in found))


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
        raise ScalingError("no pair was answered by two observers, so no one can be predicted from the others")
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


def _compute(study: Study) -> pd.DataFrame:
    def on(attribute: str) -> pd.DataFrame:
        if PEOPLE not in scaled_on(study, attribute).names:
            return pd.DataFrame()
        options, people = study.options, pooled(study, attribute)
        return human_ceilings(
            study.of_people, study.people, people, attribute, options.rho_mode, options.resampling.seed
        )

    return study.by_attribute("ceilings", on)


def _caption(comparison: Comparison) -> str:  # noqa: ARG001
    return (
        "How well people agree with each other. Of ρ: one person with the others, with all, two halves, two people. "
        "Pair by pair: accuracy and error consistency of one person against the others. Of single choices: the share "
        "that the majority of all, the majority of the others, or another person's choice predicts."
    )


ANALYSIS = Analysis(
    name="ceilings",
    section="People among themselves",
    title="People among themselves",
    columns=(
        ATTRIBUTE,
        Column("people", "number of people"),
        Column("leave_one_out", "mean ρ of one person with all the others (Nili et al. 2014, lower bound)"),
        Column("with_all", "mean ρ of one person with all people (upper bound)"),
        Column("split_half", "mean ρ between two random halves of the people"),
        Column("between_people", "mean ρ of two people"),
        Column("accuracy", "of one person against the majority of the others"),
        Column("kappa", "error consistency of one person with another", heading="κ"),
        Column("choice_majority", "share of single choices that the majority of all predicts"),
        Column("choice_leave_one_out", "share that the majority of the others predicts"),
        Column("choice_between", "share that another person's choice predicts"),
    ),
    compute=_compute,
    caption=_caption,
)
