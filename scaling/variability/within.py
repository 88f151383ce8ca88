"""VR%: how often one observer answers the same question differently, and how often observers differ.

Literature leaves open what exactly is counted, so each reading is a named option. For three repetitions of a choice
between two, the three readings within an observer are one statistic up to scale, 1 : 1/3 : 2/3.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import pandas as pd

from visavis.scaling.counts import Counts, Floats, count_choices
from visavis.scaling.errors import ScalingError

Within = Literal["any", "minority", "pairwise"]
WITHIN: tuple[Within, ...] = get_args(Within)
Between = Literal["majority", "mean"]
BETWEEN: tuple[Between, ...] = get_args(Between)


def vr_within_pairs(counts: Counts, reading: Within = "any") -> Floats:
    """Return the variability of the repetitions of each pair.

    Parameters
    ----------
    counts : Counts
        Counted apart by observer; a tie is an answer of its own.
    reading : {'any', 'minority', 'pairwise'}
        ``any``: 1 if the repetitions were not unanimous, else 0. ``minority``: share of repetitions that differ from
        the most frequent answer. ``pairwise``: probability that two repetitions drawn without replacement differ.

    Returns
    -------
    float array, shape (G, P)
        For the P = k (k - 1) / 2 pairs i < j; NaN where a pair was asked less than twice.
    """
    if reading not in WITHIN:
        raise ScalingError(f"unknown reading {reading!r} of VR within; choose from {', '.join(WITHIN)}")
    first, second = np.triu_indices(len(counts.items), 1)
    answers = np.stack([counts.wins[:, first, second], counts.wins[:, second, first], counts.ties[:, first, second]])
    n = answers.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        if reading == "any":
            varied = (answers.max(axis=0) < n).astype(np.float64)
        elif reading == "minority":
            varied = 1 - answers.max(axis=0) / n
        else:
            varied = 1 - (answers * (answers - 1)).sum(axis=0) / (n * (n - 1))
    return np.where(n >= 2, varied, np.nan)


def vr_within(
    trials: pd.DataFrame, by: tuple[str, ...] = ("observer", "attribute"), reading: Within = "any"
) -> pd.DataFrame:
    """Return VR% within observers.

    Parameters
    ----------
    trials : DataFrame
        The trials table.
    by : tuple of str
        What is reported apart. Repetitions are always compared within observer, attribute, scene and pair.
    reading : {'any', 'minority', 'pairwise'}

    Returns
    -------
    DataFrame
        The columns `by`, ``vr_percent`` (mean over pairs, in %), and ``pairs``, how many were asked at least twice.
    """
    apart = tuple(dict.fromkeys((*by, "observer", "attribute", "scene")))
    counts = count_choices(trials, apart)
    varied = vr_within_pairs(counts, reading)
    per_group = counts.groups.assign(varied=np.nansum(varied, axis=1), pairs=np.isfinite(varied).sum(axis=1))
    table = per_group.groupby(list(by), sort=False)[["varied", "pairs"]].sum().reset_index()
    share = table["varied"] / table["pairs"].where(table["pairs"] > 0)
    return table[list(by)].assign(vr_percent=100 * share, pairs=table["pairs"])


def preferences(counts: Counts) -> Floats:
    """Return each observer's majority answer to each pair.

    Returns
    -------
    float array, shape (G, P)
        1 where item i of a pair i < j was chosen more often, 0 where j was, 1/2 where neither, NaN where never asked.
    """
    first, second = np.triu_indices(len(counts.items), 1)
    margin = counts.wins[:, first, second] - counts.wins[:, second, first]
    return np.where(counts.comparisons[:, first, second] > 0, (np.sign(margin) + 1) / 2, np.nan)


def stack_by_observer(trials: pd.DataFrame, attribute: str) -> tuple[list[str], Floats]:
    """Return the observers and their majority answers on one attribute, over all scenes and pairs.

    Returns
    -------
    observers : list of str
    answers : float array, shape (n observers, n scenes · P)
        As `preferences`; NaN where an observer was not asked.
    """
    counts = count_choices(trials[trials["attribute"] == attribute], ("observer", "scene"))
    answers = preferences(counts)
    observers = list(dict.fromkeys(counts.groups["observer"]))
    scenes = sorted(set(counts.groups["scene"]))
    stacked = np.full((len(observers), len(scenes), answers.shape[1]), np.nan)
    row = pd.Index(observers).get_indexer(pd.Index(counts.groups["observer"]))
    column = pd.Index(scenes).get_indexer(pd.Index(counts.groups["scene"]))
    stacked[row, column] = answers
    return observers, stacked.reshape(len(observers), -1)


def disagreement(first: Floats, second: Floats) -> Floats:
    """Return the mean disagreement of majority answers over the pairs that both have, along the last axis.

    Two opposite answers disagree by 1; an undecided one (1/2) disagrees by 1/2 with a decided one.
    """
    apart = np.abs(first - second)
    both = np.isfinite(apart)
    with np.errstate(invalid="ignore"):
        return np.asarray(
            np.where(both, apart, 0).sum(axis=-1) / np.where(both.any(axis=-1), both.sum(axis=-1), np.nan)
        )


def vr_matrix(trials: pd.DataFrame, attribute: str) -> pd.DataFrame:
    """Return VR% between every two observers on one attribute: a symmetric table, in %, with 0 on the diagonal."""
    observers, answers = stack_by_observer(trials, attribute)
    between = 100 * disagreement(answers[:, None], answers[None])
    return pd.DataFrame(between, index=observers, columns=observers)


def vr_between(trials: pd.DataFrame, attribute: str, reading: Between = "majority") -> pd.Series:
    """Return VR% of each observer against all others on one attribute.

    Parameters
    ----------
    trials : DataFrame
    attribute : str
    reading : {'majority', 'mean'}
        ``majority``: disagreement of the observer's majority answer with the majority of the others' majority answers.
        ``mean``: mean disagreement with each of the others.

    Returns
    -------
    Series
        In %, by observer; NaN where there is nobody else.
    """
    if reading not in BETWEEN:
        raise ScalingError(f"unknown reading {reading!r} of VR between; choose from {', '.join(BETWEEN)}")
    observers, answers = stack_by_observer(trials, attribute)
    result = {}
    for i, observer in enumerate(observers):
        others = np.delete(answers, i, axis=0)
        if not len(others):
            result[observer] = np.nan
        elif reading == "majority":
            result[observer] = 100 * float(disagreement(answers[i], majority(others)))
        else:
            result[observer] = 100 * float(np.nanmean(disagreement(answers[i][None], others)))
    return pd.Series(result, name="vr_percent")


def majority(answers: Floats) -> Floats:
    """Return the majority of several observers' answers to each pair; 1/2 where they are even, NaN where none answered.

    Parameters
    ----------
    answers : float array, shape (n observers, n pairs)
    """
    margin = np.nansum(2 * answers - 1, axis=0)
    return np.where(np.isfinite(answers).any(axis=0), (np.sign(margin) + 1) / 2, np.nan)
