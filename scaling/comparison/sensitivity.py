"""How far the result depends on choices that science leaves open: each varied alone, and ρ beside ρ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from visavis.scaling.agreement.rho import rho
from visavis.scaling.agreement.scene_scales import SceneScales, scene_scales
from visavis.scaling.presentation.cells import Numbers, cell
from visavis.scaling.study.analysis import ATTRIBUTE, OBSERVER, Analysis, Column, never
from visavis.scaling.study.options import PEOPLE, Options, ScreeningRule
from visavis.scaling.study.result import Comparison
from visavis.scaling.study.study import Study, completed, people_named, pool_people

from .screening import screen

VARIANTS: dict[str, dict[str, Any]] = {
    "as chosen": {},
    "prior SD 1": {"method": "map", "prior_sd": 1.0},
    "prior SD 4": {"method": "map", "prior_sd": 4.0},
    "maximum likelihood": {"method": "ml"},
    "least squares, (k + ½) / (N + 1)": {"method": "least_squares", "correction": "add_half"},
    "least squares, clipped at 1 / (2N)": {"method": "least_squares", "correction": "clip"},
    "Bradley-Terry": {"model": "bradley_terry"},
    "Bradley-Terry, logit of (k + ½) / (N + 1)": {
        "model": "bradley_terry", "method": "least_squares", "correction": "add_half",
    },
    "ρ aggregate": {"rho_mode": "aggregate"},
    "ρ pooled": {"rho_mode": "pooled"},
    "ρ mean of scenes": {"rho_mode": "per_scene_mean"},
    "everyone kept": {"screening": None},
    "people screened": {"screening": ScreeningRule()},
    "people screened by likelihood too": {"screening": ScreeningRule(max_out_of_line=1.5)},
}  # fmt: skip
"""The choices that are varied, by name."""

EXTREMES = ("lowest", "highest", "best_rank", "worst_rank")
"""What is said about all of them together."""


def sensitivity(
    trials: pd.DataFrame, *, people: Sequence[str] | None = None, options: Options | None = None
) -> pd.DataFrame:
    """Correlate models with people again under every choice of `VARIANTS`.

    Parameters
    ----------
    trials, people, options
        As for `compare`.

    Returns
    -------
    DataFrame
        ``attribute, observer``, then ρ under each variant (NaN where it has no finite scale, or leaves no one);
        ``lowest`` and ``highest`` of them; and ``best_rank, worst_rank``, the places that the observer takes among the
        models on this attribute, 1 for the highest ρ; models with the same ρ share the better place.
    """
    base, trials = options or Options(), completed(trials)
    fits: _Fits = {}
    rhos = {name: _rhos(trials, people, replace(base, **change), fits) for name, change in VARIANTS.items()}
    table = pd.DataFrame(rhos).dropna(how="all")
    ranks = table.groupby(level="attribute").rank(ascending=False, method="min")
    extremes = {
        "lowest": table.min(axis=1),
        "highest": table.max(axis=1),
        "best_rank": ranks.min(axis=1).astype("Int64"),
        "worst_rank": ranks.max(axis=1).astype("Int64"),
    }
    return table.assign(**extremes).rename_axis(["attribute", "observer"]).reset_index()


_Fits = dict[tuple[object, ...], list[SceneScales]]
"""Scales of every attribute by who is left out and how they are fitted: many choices share them."""


def _rhos(trials: pd.DataFrame, patterns: Sequence[str] | None, options: Options, fits: _Fits) -> pd.Series:
    """Return each model's ρ with people, by attribute and model."""
    people = people_named(trials[trials["phase"] == "main"], patterns)
    out: frozenset[str] = frozenset()
    if options.screening is not None:
        screened = screen(trials, people, options.screening)
        out = frozenset(screened.loc[screened["excluded"], "observer"])
    way = (out, *sorted(options.for_scaling.items()))
    if way not in fits:
        fits[way] = _fit(trials[~trials["observer"].isin(out)], people, options)
    found = {
        (scaled.attribute, name): float(rho(scaled.of(name), scaled.of(PEOPLE), options.rho_mode))
        for scaled in fits[way]
        for name in scaled.names
        if PEOPLE in scaled.names and name != PEOPLE
    }
    keys = [[key[place] for key in found] for place in range(2)]
    index = pd.MultiIndex.from_arrays(keys, names=["attribute", "observer"])
    return pd.Series(list(found.values()), index=index, dtype=float)


def _fit(trials: pd.DataFrame, people: Sequence[str], options: Options) -> list[SceneScales]:
    main = trials[(trials["phase"] == "main") & trials["choice"].notna()]
    grouped = pool_people(main, people)
    items = sorted({*main["left"], *main["right"]})
    scenes = sorted(set(main["scene"]))
    return [
        scene_scales(grouped, attribute, scenes, items, **options.for_scaling)
        for attribute in sorted(set(grouped["attribute"]))
    ]


def _compute(study: Study) -> pd.DataFrame:
    everyone = study.unscreened or study
    return sensitivity(everyone.trials, people=everyone.people, options=study.options)


def _shape(comparison: Comparison, table: pd.DataFrame) -> pd.DataFrame:  # noqa: ARG001
    """Return a row for each attribute and choice of analysis, a column for each model, and last the models' places."""
    columns = [name for name in table.columns if name not in ("attribute", "observer", *EXTREMES)]
    parts = []
    for attribute, part in table.groupby("attribute", sort=False):
        wide = part.set_index("observer")[columns].T.map(lambda value: Numbers(cell(float(value), "")))
        places = part.set_index("observer")[["best_rank", "worst_rank"]]
        wide.loc["places, best to worst"] = [
            Numbers("–" if pd.isna(best) else f"{best}" if best == worst else f"{best}-{worst}")
            for best, worst in places.itertuples(index=False)
        ]
        wide.insert(0, "attribute", attribute)
        parts.append(wide.rename_axis("analysis").reset_index())
    found = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["attribute", "analysis"])
    return found[["attribute", "analysis", *(name for name in found if name not in ("attribute", "analysis"))]]


SENSITIVITY = Analysis(
    name="sensitivity",
    section="Had the analysis been another",
    title="Had the analysis been another",
    printed=never,
    columns=(
        ATTRIBUTE,
        OBSERVER,
        *(Column(name, f"ρ with people under this choice: {name}") for name in VARIANTS),
        Column("lowest", "lowest of them"),
        Column("highest", "highest of them"),
        Column("best_rank", "best place among the models under any of them"),
        Column("worst_rank", "worst place"),
        Column("analysis", "the choice that is varied", always=False),
    ),
    compute=_compute,
    shape=_shape,
    caption=lambda comparison: (  # noqa: ARG005
        "ρ with people, each open choice of the analysis varied alone; and the places that each model takes among the "
        "models. A dash: no finite scale under that choice."
    ),
)
"""The analysis that varies every open choice: ``compare(trials, extra=[SENSITIVITY])``."""
