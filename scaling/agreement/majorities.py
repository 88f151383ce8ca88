"""Which of each pair an observer prefers by the majority of its own choices, observers beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from visavis.scaling.counts import CHOICE_COLUMNS, Floats, require_columns
from visavis.scaling.study.study import Study


@dataclass(frozen=True)
class Majorities:
    """Majority choices on one attribute.

    Attributes
    ----------
    observers, scenes : tuple of str
    scene : int array, shape (n pairs,)
        Place of each pair's scene in `scenes`, from the first to the last.
    first, second : object arrays, shape (n pairs,)
        The pair's items.
    signs : float array, shape (n observers, n pairs)
        1 where the first is preferred, -1 where the second, 0 where as often, NaN where never asked.
    """

    observers: tuple[str, ...]
    scenes: tuple[str, ...]
    scene: NDArray[np.intp]
    first: NDArray[np.object_]
    second: NDArray[np.object_]
    signs: Floats

    def of(self, observers: Sequence[str]) -> Floats:
        """Return the signs of some observers; shape (n, n pairs)."""
        return self.signs[[self.observers.index(name) for name in observers]]

    def by_scene(self, values: Floats) -> Floats:
        """Sum over the pairs of each scene; shape (n scenes, …) from (n pairs, …)."""
        if not len(self.scenes):
            return np.zeros((0, *values.shape[1:]))
        begins = np.searchsorted(self.scene, np.arange(len(self.scenes)))
        return np.asarray(np.add.reduceat(values, begins, axis=0))


def majorities(trials: pd.DataFrame, attribute: str) -> Majorities:
    """Take each observer's majority over its repetitions of a pair, on either side.

    Parameters
    ----------
    trials : DataFrame
        Main trials; ties count for neither item.
    attribute : str
    """
    require_columns(trials, CHOICE_COLUMNS)
    table = trials[(trials["attribute"] == attribute) & trials["choice"].notna()]
    left, right = (table[side].to_numpy(dtype=object) for side in ("left", "right"))
    ordered = (left < right) if len(table) else np.zeros(0, bool)
    sign = table["choice"].map({"left": 1.0, "right": -1.0, "tie": 0.0}).to_numpy(dtype=float)
    votes = pd.DataFrame(
        {
            "observer": table["observer"].to_numpy(dtype=object),
            "scene": table["scene"].to_numpy(dtype=object),
            "first": np.where(ordered, left, right),
            "second": np.where(ordered, right, left),
            "sign": np.where(ordered, sign, -sign),
        }
    )
    summed = votes.groupby(["scene", "first", "second", "observer"])["sign"].sum().unstack("observer")
    keys = summed.index.to_frame(index=False)
    scenes = tuple(dict.fromkeys(keys["scene"]))
    return Majorities(
        observers=tuple(str(name) for name in summed.columns),
        scenes=scenes,
        scene=pd.Index(scenes).get_indexer(pd.Index(keys["scene"])),
        first=keys["first"].to_numpy(dtype=object),
        second=keys["second"].to_numpy(dtype=object),
        signs=np.sign(summed.to_numpy(dtype=float).T),
    )


def held_out(own: Floats, people: Floats) -> tuple[Floats, Floats]:
    """Hold an observer against the majority of all people but one, for each person who is left out.

    A model and a person are so judged by the same majorities, of equally many people; a person is by the one majority
    that leaves that person out (`persons_held_out`).

    Parameters
    ----------
    own : float array, shape (n pairs,)
        The observer's signs.
    people : float array, shape (n people, n pairs)

    Returns
    -------
    right, counted : float arrays, shape (n people, n pairs)
        1 where the observer prefers what the majority of the others prefers, 0 where the other one, and 1/2 where
        either is split evenly; and 1 where the pair counts: the observer, the person who is left out and another one
        answered it. One person alone is held against without being left out.
    """
    truth, answered = others_of(people) if len(people) > 1 else (np.sign(people), np.isfinite(people))
    counted = np.isfinite(own) & np.isfinite(people) & answered
    right = np.where(counted, 0.5 + 0.5 * np.nan_to_num(own) * np.nan_to_num(truth), 0.0)
    return right, counted.astype(float)


def persons_held_out(people: Floats) -> tuple[Floats, Floats]:
    """Hold each person against the majority of the others, as `held_out` does an observer.

    Parameters
    ----------
    people : float array, shape (n people, n pairs)

    Returns
    -------
    right, counted : float arrays, shape (n people, n pairs)
    """
    truth, answered = others_of(people)
    counted = np.isfinite(people) & answered
    right = np.where(counted, 0.5 + 0.5 * np.nan_to_num(people) * truth, 0.0)
    return right, counted.astype(float)


def others_of(people: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the majority of all people but one, for each person, and whether any of them answered.

    Parameters
    ----------
    people : float array, shape (n people, n pairs)
        Their signs.

    Returns
    -------
    signs : float array, shape (n people, n pairs)
        0 where the others are split evenly.
    answered : bool array, of the same shape
    """
    known = np.isfinite(people)
    signs = np.nan_to_num(people)
    return np.sign(signs.sum(axis=0) - signs), known.sum(axis=0) - known > 0


def votes_of_each(study: Study, attribute: str) -> Majorities:
    """Return the majorities of every person and model on one attribute, taken once a study."""
    return study.once(("majorities", attribute), lambda: majorities(study.main, attribute))


def votes_of_groups(study: Study, attribute: str) -> Majorities:
    """Return the majorities of all people together and of each model on one attribute, taken once a study."""
    return study.once(("majorities of groups", attribute), lambda: majorities(study.grouped, attribute))
