"""The scale of people taken together in any proportion: without one of them, half of them, or resampled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from visavis.scaling.counts import CHOICE_COLUMNS, Counts, Floats, count_choices, require_columns
from visavis.scaling.scales.scale import fit_scale
from visavis.scaling.study.study import Study


@dataclass(frozen=True)
class PooledPeople:
    """Choices of several people on one attribute, by scene.

    Attributes
    ----------
    people, scenes, items : tuple of str
    wins, ties : float arrays, shape (n people, n scenes, k, k)
    options : dict
        As for `fit_scale`.
    """

    people: tuple[str, ...]
    scenes: tuple[str, ...]
    items: tuple[str, ...]
    wins: Floats
    ties: Floats
    options: dict[str, Any] = field(default_factory=dict)

    def scales(self, weights: Floats) -> Floats:
        """Scale the choices of everyone pooled, each person counting so often.

        Parameters
        ----------
        weights : float array, shape (n, n people)

        Returns
        -------
        float array, shape (n, n scenes, k)
            NaN for items that are in no choice of a scene.
        """
        k = len(self.items)
        wins, ties = (
            np.einsum("np,p...->n...", weights, counts, optimize=True).reshape(-1, k, k)
            for counts in (self.wins, self.ties)
        )
        asked = (wins + wins.swapaxes(1, 2) + ties > 0).any(axis=2)
        answered = asked.any(axis=1)
        values = np.full((len(wins), k), np.nan)
        if answered.any():
            pooled = Counts.from_matrix(wins[answered], self.items, ties[answered])
            values[answered] = np.where(asked[answered], fit_scale(pooled, **self.options).values, np.nan)
        return values.reshape(len(weights), len(self.scenes), k)

    def each(self) -> Floats:
        """Return every person's own scales; shape (n people, n scenes, k)."""
        return self.scales(np.eye(len(self.people)))

    def without_each(self) -> Floats:
        """Return the scales of all but one, for each person; shape (n people, n scenes, k)."""
        return self.scales(1 - np.eye(len(self.people)))


def pool_choices(
    trials: pd.DataFrame, attribute: str, scenes: Sequence[str], items: Sequence[str], **options: Any
) -> PooledPeople:
    """Gather people's choices.

    Parameters
    ----------
    trials : DataFrame
        Of people alone.
    attribute : str
    scenes, items : sequence of str
    **options
        As for `fit_scale`.
    """
    require_columns(trials, CHOICE_COLUMNS)
    counts = count_choices(trials[trials["attribute"] == attribute], ("observer", "scene"), items=items)
    people = tuple(dict.fromkeys(counts.groups["observer"]))
    column = pd.Index(scenes).get_indexer(pd.Index(counts.groups["scene"]))
    row = pd.Index(people).get_indexer(pd.Index(counts.groups["observer"]))
    shape = (len(people), len(scenes), len(items), len(items))
    wins, ties = np.zeros(shape), np.zeros(shape)
    wins[row, column], ties[row, column] = counts.wins, counts.ties
    return PooledPeople(people, tuple(scenes), tuple(items), wins, ties, options)


def pooled(study: Study, attribute: str) -> PooledPeople:
    """Return the people's choices on one attribute, gathered once a study."""
    return study.once(
        ("pooled people", attribute),
        lambda: pool_choices(study.of_people, attribute, study.scenes, study.items, **study.options.for_scaling),
    )
