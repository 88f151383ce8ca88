"""VR% between observers: how often their majority answers to the same pairs differ, with intervals over scenes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import numpy as np
import pandas as pd

from visavis.scaling.agreement.majorities import Majorities, majorities
from visavis.scaling.counts import Floats
from visavis.scaling.intervals import DEFAULT, Resampling, over_scenes, ratio

MATRIX_COLUMNS = ("attribute", "observer", "other", "vr_percent", "low", "high", "pairs")
REST_COLUMNS = ("attribute", "observer", "majority", "low", "high", "mean", "pairs")


def between(
    trials: pd.DataFrame, attribute: str, models: Sequence[str], resampling: Resampling = DEFAULT
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return VR% between every two observers, and of each model against the rest of the models.

    Parameters
    ----------
    trials : DataFrame
        Main trials; the column ``observer`` may name groups, whose choices are then pooled.
    attribute : str
    models : sequence of str
        Those of the observers that are held against the rest of them.
    resampling : Resampling
        Of scenes.

    Returns
    -------
    matrix : DataFrame
        ``attribute, observer, other, vr_percent, low, high, pairs``: a row for every two observers, in either order.
    rest : DataFrame
        ``attribute, observer, majority, low, high, mean, pairs``: disagreement with the majority of the other models'
        majority answers, and its interval; and the mean of the disagreements with each of them. Empty for one model.

    Notes
    -----
    Opposite majorities count 1, an even split against a decided one 1/2 (see `disagreement`).
    """
    votes = majorities(trials, attribute)
    found = {}
    for i, one in enumerate(votes.observers):
        for j in range(i):
            apart, both = _apart(votes.signs[i], votes.signs[j])
            found[one, votes.observers[j]] = _percent(votes, apart, both, resampling), int(both.sum())
    matrix: list[tuple[object, ...]] = []
    for one, other in permutations(votes.observers, 2):
        values, pairs = found.get((one, other)) or found[other, one]
        matrix.append((attribute, one, other, *values, pairs))
    present = [name for name in models if name in votes.observers]
    signs = votes.of(present)
    rest: list[tuple[object, ...]] = []
    for i, name in enumerate(present):
        others = np.delete(signs, i, axis=0)
        if len(others):
            majority = np.where(np.isfinite(others).any(axis=0), np.sign(np.nansum(others, axis=0)), np.nan)
            apart, both = _apart(signs[i], majority)
            each = [found.get((name, other)) or found[other, name] for other in present if other != name]
            told = [values[0] for values, pairs in each if pairs]
            mean = float(np.mean(told)) if told else float("nan")
            rest.append((attribute, name, *_percent(votes, apart, both, resampling), mean, int(both.sum())))
    return pd.DataFrame(matrix, columns=list(MATRIX_COLUMNS)), pd.DataFrame(rest, columns=list(REST_COLUMNS))


def _apart(first: Floats, second: Floats) -> tuple[Floats, Floats]:
    """Return how far apart two observers are on each pair, in [0, 1], and where both answered."""
    both = np.isfinite(first) & np.isfinite(second)
    return np.where(both, np.abs(first - second) / 2, 0.0), both.astype(float)


def _percent(votes: Majorities, apart: Floats, both: Floats, resampling: Resampling) -> tuple[float, ...]:
    found = over_scenes(ratio(votes.by_scene(apart), votes.by_scene(both)), len(votes.scenes), resampling)
    return tuple(100 * value for value in found)
