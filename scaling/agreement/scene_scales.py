"""Scale values by scene, of several observers or groups of observers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from visavis.scaling.counts import CHOICE_COLUMNS, Floats, count_choices, require_columns
from visavis.scaling.scales.basis import basis_of
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
        NaN where that observer compared the item with none in that scene.
    standard_errors : float array, shape (n names, n scenes, k)
        NaN where there is no value, and where the method gives none.
    sampling_variances : float array, shape (n names, n scenes, k)
        Of each value over repeated answers, as `Scale.sampling_variances`; NaN as the standard errors.
    basis : object array, shape (n names, n scenes, k)
        What each value rests on, as `basis_of` says.
    """

    attribute: str
    names: tuple[str, ...]
    scenes: tuple[str, ...]
    items: tuple[str, ...]
    values: Floats
    standard_errors: Floats
    sampling_variances: Floats
    basis: NDArray[np.object_]

    def __repr__(self) -> str:
        sizes = f"{len(self.names)} observers, {len(self.scenes)} scenes, {len(self.items)} items"
        return f"<SceneScales: {sizes}, on {self.attribute}>"

    def of(self, name: str) -> Floats:
        """Return the values of one observer; shape (n scenes, k)."""
        return np.asarray(self.values[self.names.index(name)])

    def errors(self, name: str) -> Floats:
        """Return the variances of one observer's values over repeated answers; shape (n scenes, k)."""
        return np.asarray(self.sampling_variances[self.names.index(name)])

    @property
    def error_variances(self) -> Floats:
        """Mean squared standard error of each scene's values, NaN where there is none; shape (n names, n scenes)."""
        known = np.isfinite(self.standard_errors)
        total = np.where(known, self.standard_errors, 0) ** 2
        return np.asarray(total.sum(axis=-1) / np.where(known.any(axis=-1), known.sum(axis=-1), np.nan))


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
    basis = np.full(values.shape, "never", dtype=object)
    basis[row, column] = basis_of(counts)
    values[row, column] = fitted.values
    errors, variances = np.full(values.shape, np.nan), np.full(values.shape, np.nan)
    errors[row, column], variances[row, column] = fitted.standard_errors, fitted.sampling_variances
    never = basis == "never"
    values[never] = errors[never] = variances[never] = np.nan  # the prior alone would put it at 0
    return SceneScales(attribute, names, tuple(scenes), tuple(items), values, errors, variances, basis)


def scaled(study: Study, attribute: str) -> SceneScales:
    """Return the scales of all people together and of each model on one attribute, made once a study."""
    return study.once(
        ("scene scales", attribute),
        lambda: scene_scales(study.grouped, attribute, study.scenes, study.items, **study.options.for_scaling),
    )
