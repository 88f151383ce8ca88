"""Agreement with people pair by pair: accuracy and error consistency, beside what people reach among themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from .bootstrap import tail_shares
from .counts import Floats
from .detection import error_consistency
from .errors import ScalingError
from .majorities import Majorities, majorities
from .resampling import resample_weights

COLUMNS = ("attribute", "observer", "measure", "estimate", "low", "high", "ceiling", "pairs")


def pairwise_agreement(
    trials: pd.DataFrame,
    people: Sequence[str],
    *,
    n: int = 2000,
    seed: int = 0,
    level: float = 0.95,
    expanded: bool = True,
) -> pd.DataFrame:
    """Compare every model with people, pair by pair.

    What is right is what the majority of people prefer. For error consistency with a person it is the majority of all
    other people, so that nobody is measured by itself.

    Parameters
    ----------
    trials : DataFrame
        Main trials.
    people : sequence of str
    n, seed, level, expanded
        Of the intervals over resampled scenes.

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
    missing = {"observer", "attribute", "scene", "left", "right", "choice"} - set(trials.columns)
    if missing:
        raise ScalingError(f"the trials table lacks the column(s) {', '.join(sorted(missing))}")
    rows: list[tuple[object, ...]] = []
    for attribute in sorted(set(trials["attribute"])):
        votes = majorities(trials, attribute)
        present = [name for name in people if name in votes.observers]
        models = [name for name in votes.observers if name not in people]
        if not present:
            continue
        weights = resample_weights(len(votes.scenes), n, np.random.default_rng(seed))
        ceilings = _ceilings(votes, present)
        for model in models:
            own = votes.of([model])[0]
            measured: dict[str, Callable[[Floats], Floats]] = {
                "accuracy": _accuracy(own, np.nansum(votes.of(present), axis=0), votes)
            }
            if len(present) > 1:
                measured["kappa"] = _kappa(own, votes.of(present), votes)
            for measure, statistic in measured.items():
                estimate = float(statistic(np.ones((1, len(votes.scenes))))[0])
                low = high = float("nan")
                if len(votes.scenes) > 1:
                    draws = statistic(weights)
                    if np.isfinite(draws).any():
                        low, high = np.nanquantile(draws, tail_shares(level, len(votes.scenes), expanded=expanded))
                pairs = int(np.isfinite(own).sum())
                rows.append((attribute, model, measure, estimate, low, high, ceilings[measure], pairs))
    return pd.DataFrame(rows, columns=list(COLUMNS))


@dataclass(frozen=True)
class _Accuracy:
    """Share of right pairs, for scenes with weights."""

    right: Floats
    counted: Floats

    def __call__(self, weights: Floats) -> Floats:
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray((weights @ self.right) / (weights @ self.counted))


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


def _by_scene(values: Floats, votes: Majorities) -> Floats:
    """Sum over the pairs of each scene; shape (n scenes, …) from (n pairs, …)."""
    summed = np.zeros((len(votes.scenes), *values.shape[1:]))
    np.add.at(summed, votes.scene, values)
    return summed


def _accuracy(own: Floats, majority: Floats, votes: Majorities) -> _Accuracy:
    counted = np.isfinite(own) & (own != 0) & (np.sign(majority) != 0)
    right = counted & (own == np.sign(majority))
    return _Accuracy(_by_scene(right.astype(float), votes), _by_scene(counted.astype(float), votes))


def _kappa(own: Floats, people: Floats, votes: Majorities) -> _Kappa:
    everyone = np.nansum(people, axis=0)
    truth = np.sign(everyone[None] - np.nan_to_num(people))
    counted = np.isfinite(own) & (own != 0) & np.isfinite(people) & (people != 0) & (truth != 0)
    own_right, their_right = own[None] == truth, people == truth
    same = own_right == their_right
    same_sum, own_sum, their_sum = (
        _by_scene((counted & values).T.astype(float), votes) for values in (same, own_right, their_right)
    )
    return _Kappa(same_sum, own_sum, their_sum, _by_scene(counted.T.astype(float), votes))


def _ceilings(votes: Majorities, people: Sequence[str]) -> dict[str, float]:
    """Return what one person reaches with the others, on average."""
    if len(people) < 2:
        return {"accuracy": float("nan"), "kappa": float("nan")}
    signs = votes.of(people)
    everyone = np.ones((1, len(votes.scenes)))
    accuracies, kappas = [], []
    for position in range(len(people)):
        others = np.delete(signs, position, axis=0)
        accuracies.append(_accuracy(signs[position], np.nansum(others, axis=0), votes)(everyone)[0])
        if len(people) > 2:
            kappas.append(_kappa(signs[position], others, votes)(everyone)[0])
    return {
        "accuracy": float(np.nanmean(accuracies)),
        "kappa": float(np.nanmean(kappas)) if np.isfinite(kappas).any() else float("nan"),
    }
