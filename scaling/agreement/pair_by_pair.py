"""Agreement with people pair by pair: accuracy and error consistency, beside what people reach among themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from visavis.scaling.counts import CHOICE_COLUMNS, Floats, require_columns
from visavis.scaling.intervals import DEFAULT, Resampling, over_scenes, ratio
from visavis.scaling.presentation.cells import side_by_side
from visavis.scaling.study.analysis import ATTRIBUTE, OBSERVER, PAIRS, Analysis, Column, with_interval
from visavis.scaling.study.result import Comparison

from .error_consistency import error_consistency
from .majorities import Majorities, majorities

_BOUNDS = {"accuracy": (0.0, 1.0), "kappa": (-1.0, 1.0)}
COLUMNS = ("attribute", "observer", "measure", "estimate", "low", "high", "ceiling", "pairs")


def pairwise_agreement(
    trials: pd.DataFrame,
    people: Sequence[str],
    resampling: Resampling = DEFAULT,
) -> pd.DataFrame:
    """Compare every model with people, pair by pair.

    What is right is what the majority of people prefer. For error consistency with a person it is the majority of all
    other people, so that nobody is measured by itself.

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
        pairs on which the observer's majority is the people's; split votes are left out) and ``kappa`` (error
        consistency, mean over people). The ceiling is the mean of one person against the others.

    Raises
    ------
    ScalingError
        If a column is missing.
    """
    require_columns(trials, CHOICE_COLUMNS)
    rows: list[tuple[object, ...]] = []
    for attribute in sorted(set(trials["attribute"])):
        votes = majorities(trials, attribute)
        present = [name for name in people if name in votes.observers]
        models = [name for name in votes.observers if name not in people]
        if not present:
            continue
        ceilings = people_agreement(votes, present)
        for model in models:
            own = votes.of([model])[0]
            measured: dict[str, Callable[[Floats], Floats]] = {
                "accuracy": _accuracy(own, np.nansum(votes.of(present), axis=0), votes)
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
        told = np.isfinite(each)
        return np.where(told.any(axis=1), np.where(told, each, 0).sum(axis=1) / np.maximum(told.sum(axis=1), 1), np.nan)


def _accuracy(own: Floats, majority: Floats, votes: Majorities) -> Callable[[Floats], Floats]:
    counted = np.isfinite(own) & (own != 0) & (np.sign(majority) != 0)
    right = counted & (own == np.sign(majority))
    return ratio(votes.by_scene(right.astype(float)), votes.by_scene(counted.astype(float)))


def _kappa(own: Floats, people: Floats, votes: Majorities) -> _Kappa:
    everyone = np.nansum(people, axis=0)
    truth = np.sign(everyone[None] - np.nan_to_num(people))
    counted = np.isfinite(own) & (own != 0) & np.isfinite(people) & (people != 0) & (truth != 0)
    own_right, their_right = own[None] == truth, people == truth
    same = own_right == their_right
    same_sum, own_sum, their_sum = (
        votes.by_scene((counted & values).T.astype(float)) for values in (same, own_right, their_right)
    )
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
        counted = np.isfinite(own) & (own != 0) & (truth != 0)
        own_right, their_right = own == truth, truth == sign
        kinds = np.stack([own_right == their_right, own_right, their_right, np.ones_like(counted)], axis=1)
        counts += prefer @ (counted[:, None] & kinds).astype(float)
    return _Kappa(*(kind[None] for kind in np.delete(counts, position, axis=0).T))


def people_agreement(votes: Majorities, people: Sequence[str]) -> dict[str, float]:
    """Return the ``accuracy`` and ``kappa`` of one person against the others, mean over people; NaN for too few."""
    signs = votes.of(people)
    totals = np.nansum(signs, axis=0)
    everyone = np.ones((1, len(votes.scenes)))
    accuracies, kappas = [], []
    preferring = {sign: (signs == sign).astype(float) for sign in (1.0, -1.0)}
    for position, own in enumerate(signs):
        others = totals - np.nan_to_num(own)
        if len(people) > 1:
            accuracies.append(_accuracy(own, others, votes)(everyone)[0])
        if len(people) > 2:
            kappas.append(_kappa_with_each(position, own, others, preferring)(np.ones((1, 1)))[0])
    return {"accuracy": _mean(accuracies), "kappa": _mean(kappas)}


def _mean(values: Sequence[float]) -> float:
    told = [value for value in values if np.isfinite(value)]
    return float(np.mean(told)) if told else float("nan")


def _shape(comparison: Comparison, table: pd.DataFrame) -> pd.DataFrame:  # noqa: ARG001
    return side_by_side(table, "measure")


def _caption(comparison: Comparison) -> str:  # noqa: ARG001
    return (
        "Accuracy: share of pairs on which the model's majority is the people's. Kappa: error consistency with one "
        "person, the majority of all other people taken as right (Geirhos et al. 2020), mean over people. The ceiling "
        "is the mean of one person against the others."
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
    return (
        "Pair by pair, accuracy is the share of pairs on which a model's majority answer is that of "
        f"{'people' if len(comparison.people) > 1 else 'the person'}{kappa}.",
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
    compute=lambda study: pairwise_agreement(study.main, study.people, study.options.resampling),
    shape=_shape,
    caption=_caption,
    sentences=_sentences,
)
