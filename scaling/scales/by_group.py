"""Any model of one scale, fitted to every group of a trials table apart: what the command line offers of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, get_args

import pandas as pd

from visavis.scaling.counts import as_names, count_choices, require_columns
from visavis.scaling.errors import ScalingError

from .latent_classes import LatentClasses, fit_latent_classes
from .one_scale import OneScale
from .order_effect import count_by_order, fit_order_effect
from .population import fit_population
from .sparse import fit_sparse, list_choices
from .ties import fit_ties

Kind = Literal["ties", "sides", "population", "classes", "sparse"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""Equal as an answer; a bias for a side; people who differ; groups of people; very many items."""

_OF_PEOPLE = ("population", "classes")

_FITS: dict[Kind, Callable[..., OneScale | LatentClasses]] = {
    "ties": lambda trials, **options: fit_ties(count_choices(trials, ()), **options),
    "sides": lambda trials, **options: fit_order_effect(count_by_order(trials), **options),
    "population": lambda trials, **options: fit_population(count_choices(trials, "observer"), **options),
    "classes": lambda trials, **options: fit_latent_classes(count_choices(trials, "observer"), **options),
    "sparse": lambda trials, **options: fit_sparse(list_choices(trials), **options),
}


def fit_groups(
    trials: pd.DataFrame, kind: Kind, by: str | Sequence[str] = ("observer", "attribute", "scene"), **options: Any
) -> pd.DataFrame:
    """Fit a model to each group of choices.

    Parameters
    ----------
    trials : DataFrame
        As for `count_choices`.
    kind : {'ties', 'sides', 'population', 'classes', 'sparse'}
        `fit_ties`, `fit_order_effect`, `fit_population`, `fit_latent_classes` or `fit_sparse`.
    by : str or sequence of str
        Columns whose combinations are fitted apart. The two models of people take all observers of a group together,
        whether ``observer`` is named or not.
    **options
        Of that function.

    Returns
    -------
    DataFrame
        The columns `by`, ``item, value, se, low, high``, then the model's further parameters, alike in all rows of a
        group.

    Raises
    ------
    ScalingError
        If a column is missing or a group cannot be fitted; the group is named.
    """
    if kind not in KINDS:
        raise ScalingError(f"unknown kind {kind!r} of model; choose from {', '.join(KINDS)}")
    keys = [name for name in as_names(by) if kind not in _OF_PEOPLE or name != "observer"]
    require_columns(trials, keys)
    if "choice" in trials:
        trials = trials[trials["choice"].notna()]
    groups = trials.groupby(keys, sort=True, observed=True) if keys else [((), trials)]
    frames = []
    for key, part in groups:
        named: dict[str, Any] = dict(zip(keys, key, strict=True))
        try:
            found = _FITS[kind](part, **options)
        except ScalingError as problem:
            where = ", ".join(f"{name} {value}" for name, value in named.items())
            raise ScalingError(f"{where}: {problem}" if where else str(problem)) from None
        further = {name.replace(" ", "_"): value for name, value in found.further().items()}
        frames.append(found.to_frame().assign(**further, **named))
    table = pd.concat(frames, ignore_index=True)
    return table[[*keys, *(name for name in table if name not in keys)]]
