"""Scale values by scene, of several observers or groups of observers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from visavis.scaling.counts import CHOICE_COLUMNS, Floats, count_choices, require_columns
from visavis.scaling.scales.scale import fit_scale
from visavis.scaling.study.study import Study


@dataclass(frozen=True)
class SceneScales:
    """Scale values by scene, of several observers or groups of observers, on one attribute.

    Attributes
    ----------
    attribute : str
    names : tuple of str
        Observers, or groups.
    scenes, items : tuple of str
    values : float array, shape (n names, n scenes, k)
        NaN where there is no choice of that observer in that scene.
    error_variances : float array, shape (n names, n scenes)
        Mean squared standard error of each scene's values; NaN where there is none.
    """

    attribute: str
    names: tuple[str, ...]
    scenes: tuple[str, ...]
    items: tuple[str, ...]
    values: Floats
    error_variances: Floats

    def __repr__(self) -> str:
        sizes = f"{len(self.names)} observers, {len(self.scenes)} scenes, {len(self.items)} items"
        return f"<SceneScales: {sizes}, on {self.attribute}>"

    def of(self, name: str) -> Floats:
        """Return the values of one observer; shape (n scenes, k)."""
        return np.asarray(self.values[self.names.index(name)])


def scene_scales(
    trials: pd.DataFrame, attribute: str, scenes: Sequence[str], items: Sequence[str], **options: Any
) -> SceneScales:
    """Scale every observer in every scene on one attribute.

    Parameters
    ----------
    trials : DataFrame
        Its column ``observer`` may name groups, whose choices are then pooled.
    attribute : str
    scenes, items : sequence of str
        In the order wanted.
    **options
        As for `fit_scale`.
    """
    require_columns(trials, CHOICE_COLUMNS)
    counts = count_choices(trials[trials["attribute"] == attribute], ("observer", "scene"), items=items)
    names = tuple(dict.fromkeys(counts.groups["observer"]))
    values = np.full((len(names), len(scenes), len(items)), np.nan)
    row = pd.Index(names).get_indexer(pd.Index(counts.groups["observer"]))
    column = pd.Index(scenes).get_indexer(pd.Index(counts.groups["scene"]))
    fitted = fit_scale(counts, **options)
    values[row, column] = fitted.values
    errors = np.full((len(names), len(scenes)), np.nan)
    errors[row, column] = (fitted.standard_errors**2).mean(axis=-1)
    return SceneScales(attribute, names, tuple(scenes), tuple(items), values, errors)


def scaled(study: Study, attribute: str) -> SceneScales:
    """Return the scales of all people together and of each model on one attribute, made once a study."""
    return study.once(
        ("scene scales", attribute),
        lambda: scene_scales(study.grouped, attribute, study.scenes, study.items, **study.options.for_scaling),
    )
