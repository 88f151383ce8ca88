"""Agreement with people pair by pair: accuracy and error consistency, beside what people reach among themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from visavis.scaling.counts import CHOICE_COLUMNS, Floats, require_columns
from visavis.scaling.intervals import DEFAULT, Resampling, over_scenes, ratio
from visavis.scaling.presentation.cells import side_by_side
from visavis.scaling.study.analysis import ATTRIBUTE, OBSERVER, PAIRS, Analysis, Column, with_interval
from visavis.scaling.study.result import Comparison

from .error_consistency import error_consistency
from .majorities import Majorities, held_out, majorities, persons_held_out, votes_of_each

_BOUNDS = {"accuracy": (0.0, 1.0), "kappa": (-1.0, 1.0)}
COLUMNS = ("attribute", "observer", "measure", "estimate", "low", "high", "ceiling", "pairs")


def pairwise_agreement(
    trials: pd.DataFrame,
    people: Sequence[str],
    resampling: Resampling = DEFAULT,
) -> pd.DataFrame:
    """Compare every model with people, pair by pair.

    What is right is what the majority of all people but one prefer, for each person in turn: a model is judged as a
    person is, who is left out of the majority. Where that majority is split evenly, either answer is half right. So the
    gap between a model and the ceiling does not depend on whether the number of people is odd. For error consistency
    with a person it is the majority of all other people.

    Parameters
    ----------
    trials : DataFrame
        Main trials.
    people : sequence of str
    resampling : Resampling
        Of scenes.

    Returns
    -------
    DataFrame
        ``attribute, observer, measure, estimate, low, high, ceiling, pairs``; the measures are ``accuracy`` (share of
        pairs, for each person who is left out, on which the observer's majority is that of the others; an even split
        of either is half) and ``kappa`` (error consistency, mean over people). The ceiling is one person against the
        others.

    Raises
    ------
    ScalingError
        If a column is missing.
    """
    require_columns(trials, CHOICE_COLUMNS)
    attributes = sorted(set(trials["attribute"]))
    return _of_attributes({name: majorities(trials, name) for name in attributes}, people, resampling)


def _of_attributes(votes_on: Mapping[str, Majorities], people: Sequence[str], resampling: Resampling) -> pd.DataFrame:
    rows: list[tuple[object, ...]] = []
    for attribute, votes in votes_on.items():
        present = [name for name in people if name in votes.observers]
        models = [name for name in votes.observers if name not in people]
        if not present:
            continue
        ceilings = people_agreement(votes, present)
        for model in models:
            own = votes.of([model])[0]
            measured: dict[str, Callable[[Floats], Floats]] = {
                "accuracy": _accuracy(*held_out(own, votes.of(present)), votes)
            }
            if len(present) > 1:
                measured["kappa"] = _kappa(own, votes.of(present), votes)
            for measure, statistic in measured.items():
                found = over_scenes(statistic, len(votes.scenes), resampling, bounds=_BOUNDS[measure])
                pairs = int(np.isfinite(own).sum())
                rows.append((attribute, model, measure, *found, ceilings[measure], pairs))
    return pd.DataFrame(rows, columns=list(COLUMNS))


@dataclass(frozen=True)
class _Kappa:
    """Mean error consistency with several people; arrays of shape (n scenes, n people)."""

    same: Floats
    own_right: Floats
    their_right: Floats
    counted: Floats

    def __call__(self, weights: Floats) -> Floats:
        with np.errstate(invalid="ignore", divide="ignore"):
            total = weights @ self.counted
            shares = [(weights @ values) / total for values in (self.same, self.own_right, self.their_right)]
        each = error_consistency(*shares)
        known = np.isfinite(each)
        return np.where(
            known.any(axis=1), np.where(known, each, 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1), np.nan
        )


def _accuracy(right: Floats, counted: Floats, votes: Majorities) -> Callable[[Floats], Floats]:
    """Return the share of what counts that is right; both of shape (n people, n pairs)."""
    return ratio(votes.by_scene(right.sum(axis=0)), votes.by_scene(counted.sum(axis=0)))


def _kappa(own: Floats, people: Floats, votes: Majorities) -> _Kappa:
    everyone = np.nansum(people, axis=0)
    truth = np.sign(everyone[None] - np.nan_to_num(people))
    counted = np.isfinite(own) & (own != 0) & np.isfinite(people) & (people != 0)
    # Where the others are split evenly either answer is right as often as not, whichever the two gave.
    own_right, their_right = 0.5 + 0.5 * np.nan_to_num(own) * truth, 0.5 + 0.5 * np.nan_to_num(people) * truth
    same = own[None] == people
    same_sum, own_sum, their_sum = (votes.by_scene((counted * values).T) for values in (same, own_right, their_right))
    return _Kappa(same_sum, own_sum, their_sum, votes.by_scene(counted.T.astype(float)))


def _kappa_with_each(position: int, own: Floats, others: Floats, preferring: dict[float, Floats]) -> _Kappa:
    """Measure one person against each other, over all scenes; as `_kappa`, but counted by products of matrices.

    Parameters
    ----------
    position : int
        Of the person.
    own, others : float arrays, shape (n pairs,)
        The person's signs, and the sum of the others'.
    preferring : dict of float arrays, shape (n people, n pairs)
        By sign, 1 where a person has it.
    """
    counts = np.zeros((len(preferring[1.0]), 4))
    for sign, prefer in preferring.items():
        truth = np.sign(others - sign)  # without the other person too
        counted = np.isfinite(own) & (own != 0)
        own_right, their_right = 0.5 + 0.5 * np.nan_to_num(own) * truth, 0.5 + 0.5 * sign * truth
        kinds = np.stack([own == sign, own_right, their_right, np.ones_like(truth)], axis=1)
        counts += prefer @ (counted[:, None] * kinds)
    return _Kappa(*(kind[None] for kind in np.delete(counts, position, axis=0).T))


def people_agreement(votes: Majorities, people: Sequence[str]) -> dict[str, float]:
    """Return the ``accuracy`` of one person against the others, and the mean ``kappa``; NaN for too few people."""
    signs = votes.of(people)
    totals = np.nansum(signs, axis=0)
    accuracy, kappas = float("nan"), []
    if len(people) > 1:
        right, counted = persons_held_out(signs)
        accuracy = float(right.sum() / counted.sum()) if counted.any() else float("nan")
    preferring = {sign: (signs == sign).astype(float) for sign in (1.0, -1.0)}
    for position, own in enumerate(signs):
        others = totals - np.nan_to_num(own)
        if len(people) > 2:
            kappas.append(_kappa_with_each(position, own, others, preferring)(np.ones((1, 1)))[0])
    return {"accuracy": accuracy, "kappa": _mean(kappas)}


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")


def _shape(comparison: Comparison, table: pd.DataFrame) -> pd.DataFrame:  # noqa: ARG001
    return side_by_side(table, "measure")


def _caption(comparison: Comparison) -> str:  # noqa: ARG001
    return (
        "Accuracy: share of pairs on which the model's majority is that of all people but one, for each person who is "
        "left out; an even split is half. Kappa: error consistency with one person, the majority of all other people "
        "taken as right (Geirhos et al. 2020), mean over people. The ceiling is one person against the others."
    )


def _sentences(comparison: Comparison) -> Sequence[str]:
    if not len(comparison.agreement):
        return ()
    kappa = (
        "; error consistency κ is taken with each person, the majority of the others counting as right, and averaged "
        "(Geirhos et al., 2020)"
        if "kappa" in set(comparison.agreement["measure"])
        else ""
    )
    several = len(comparison.people) > 1
    return (
        "Pair by pair, accuracy is the share of pairs on which a model's majority answer is that of "
        f"{'all people but one (mean over people; an even split counts half)' if several else 'the person'}{kappa}.",
    )


ANALYSIS = Analysis(
    name="agreement",
    section="Pair by pair",
    title="Pair by pair",
    columns=(
        ATTRIBUTE,
        OBSERVER,
        Column("measure", "accuracy or kappa (error consistency)"),
        *with_interval("estimate", "the measure"),
        Column("ceiling", "mean of one person against the others"),
        PAIRS,
        *(
            Column(f"{prefix}{name}", "", heading=heading, always=False)
            for name, word in (("accuracy", "accuracy"), ("kappa", "κ"))
            for prefix, heading in (("", word), ("ceiling_", "ceiling"))
        ),
    ),
    compute=lambda study: _of_attributes(
        {name: votes_of_each(study, name) for name in study.attributes}, study.people, study.options.resampling
    ),
    shape=_shape,
    caption=_caption,
    sentences=_sentences,
)
