"""Observers out of line with the others, by a stated rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from visavis.scaling.counts import Counts, count_choices, require_counts
from visavis.scaling.errors import ScalingError
from visavis.scaling.scales.links import LINKS
from visavis.scaling.scales.scale import fit_scale
from visavis.scaling.study.analysis import OBSERVER, Analysis, Column
from visavis.scaling.study.options import ScreeningRule
from visavis.scaling.study.study import completed
from visavis.scaling.variability.within import vr_within


def leave_one_out_likelihood(
    counts: Counts, by: Sequence[str] = (), *, observer: str = "observer", **options: Any
) -> pd.DataFrame:
    """Judge each observer by the scale of all the others.

    Parameters
    ----------
    counts : Counts
        Counted apart by the column `observer` and those in `by`.
    by : sequence of str
        Columns, such as attribute and scene, that have scales of their own.
    observer : str
        Column of the observers.
    **options
        As for `fit_scale`.

    Returns
    -------
    DataFrame
        ``observer``, ``log_likelihood`` (mean over the observer's choices, under the scale of the others), ``score`` =
        (Q1 - log_likelihood) / IQR, and ``out_of_line``, whether it is above 1.5 (as in pwcmp, Perez-Ortiz & Mantiuk
        2017). The rule finds who differs, not who is wrong: look before leaving anyone out.

    Raises
    ------
    ScalingError
        With fewer than three observers, or a method that leaves groups without values.
    """
    require_counts(counts)
    each = counts.with_ties_as_half_wins().pool([observer, *by])
    pooled = each.pool(by)
    names = list(dict.fromkeys(each.groups[observer]))
    if len(names) < 3:
        raise ScalingError(f"{len(names)} observers: three at least are needed to tell who is out of line")
    keys = pd.MultiIndex.from_frame(pooled.groups) if by else None
    place = (
        keys.get_indexer(pd.MultiIndex.from_frame(each.groups[list(by)]))
        if keys is not None
        else np.zeros(len(each.groups), int)
    )
    others = pooled.wins[place] - each.wins
    there = others.any(axis=(1, 2))
    scale = fit_scale(Counts.from_matrix(others[there], counts.items), **options)
    if np.isnan(scale.values).any():
        raise ScalingError("without one observer the others have no finite scale: use method='map'")
    difference = scale.values[:, :, None] - scale.values[:, None, :]
    log_p = LINKS[scale.model].log_p(difference)
    total = np.zeros(len(each.groups))
    choices = np.zeros(len(each.groups))
    total[there] = (each.wins[there] * log_p).sum(axis=(1, 2))
    choices[there] = each.wins[there].sum(axis=(1, 2))
    table = pd.DataFrame({"observer": each.groups[observer], "total": total, "choices": choices})
    table = table.groupby("observer", sort=False).sum()
    mean = (table["total"] / table["choices"]).to_numpy(dtype=float)
    low, high = np.quantile(mean, [0.25, 0.75])
    score = (low - mean) / (high - low) if high > low else np.zeros_like(mean)
    return pd.DataFrame({"observer": table.index, "log_likelihood": mean, "score": score, "out_of_line": score > 1.5})


def screen(trials: pd.DataFrame, people: Sequence[str], rule: ScreeningRule) -> pd.DataFrame:
    """Judge people by a stated rule.

    Parameters
    ----------
    trials : DataFrame
        The trials table, catch trials included.
    people : sequence of str
    rule : ScreeningRule

    Returns
    -------
    DataFrame
        ``observer, invalid, disagreement, catch, out_of_line, excluded, reason``: the measures (NaN where there is
        nothing to measure), whether the observer is excluded, and why.
    """
    table = completed(trials)
    table = table[table["observer"].isin(people)]
    main, catch = (table[table["phase"] == phase] for phase in ("main", "catch"))
    measures = pd.DataFrame(index=pd.Index(list(people), name="observer"))
    measures["invalid"] = (~main["outcome"].isin(["choice", "tie"])).groupby(main["observer"]).mean()
    measures["disagreement"] = np.nan
    if main["choice"].notna().any():
        within = vr_within(main, ("observer",), "pairwise").set_index("observer")["vr_percent"]
        measures["disagreement"] = within / 100
    measures["catch"] = np.nan
    if len(catch):
        chosen = catch["left"].where(catch["choice"] == "left", catch["right"]).where(catch["choice"].notna())
        measures["catch"] = (chosen == catch["expected"]).groupby(catch["observer"]).mean().astype(float)
    measures["out_of_line"] = np.nan
    if len(people) > 2 and main["choice"].notna().any():
        counts = count_choices(main, ("observer", "attribute", "scene"))
        scores = leave_one_out_likelihood(counts, ("attribute", "scene")).set_index("observer")["score"]
        measures["out_of_line"] = scores
    measures = measures.astype(float)
    crossed = [_crossed(row, rule) for row in measures.itertuples()]
    reasons = ["; ".join(_CRITERIA[name].of_one.format(value) for name, value in found.items()) for found in crossed]
    return measures.assign(excluded=[bool(reason) for reason in reasons], reason=reasons).reset_index()


def no_one_left(screened: pd.DataFrame, rule: ScreeningRule) -> str:
    """Say why a rule leaves no one, and what to do.

    Parameters
    ----------
    screened : DataFrame
        From `screen`.
    rule : ScreeningRule
        The same.
    """
    if (screened["invalid"] == 1).all():
        return (
            f"the screening rule leaves no one, since not one of the {len(screened)} people chose anything: look at "
            "the column 'outcome' of their trials"
        )
    crossed = [name for row in screened.itertuples() for name in _crossed(row, rule)]
    known = [
        f"{crossed.count(name)} {criterion.of_many.format(getattr(rule, criterion.limit))}"
        for name, criterion in _CRITERIA.items()
        if name in crossed
    ]
    return (
        f"the screening rule leaves no one: of {len(screened)} people {', '.join(known)}. Compare without screening "
        "and look at the measures in its table, then choose other limits"
    )


def limits_in_words(rule: ScreeningRule) -> list[str]:
    """Say of those who are left out by each limit of a rule what they did."""
    limits = {name: getattr(rule, criterion.limit) for name, criterion in _CRITERIA.items()}
    return [_CRITERIA[name].of_many.format(limit) for name, limit in limits.items() if limit is not None]


@dataclass(frozen=True)
class _Criterion:
    """Which limit a measure has, on which side, and how crossing it is put for one person and for many."""

    limit: str
    high: bool
    of_one: str
    of_many: str


_CRITERIA = {
    "invalid": _Criterion(
        "max_invalid", True, "{:.0%} of trials without a choice", "gave no choice in more than {:.0%} of the trials"
    ),
    "disagreement": _Criterion(
        "max_disagreement",
        True,
        "{:.0%} of repeats answered differently",
        "answered more than {:.0%} of the repetitions differently",
    ),
    "catch": _Criterion(
        "min_catch",
        False,
        "{:.0%} of catch trials as expected",
        "answered fewer than {:.0%} of the catch trials as expected",
    ),
    "out_of_line": _Criterion(
        "max_out_of_line",
        True,
        "out of line with the others (score {:.1f})",
        "are out of line with the others (score above {:g} in the leave-one-out likelihood; Perez-Ortiz & Mantiuk, "
        "2017)",
    ),
}


def _crossed(measured: Any, rule: ScreeningRule) -> dict[str, float]:
    """Return the measures of one person that cross their limits."""
    found = {}
    for name, criterion in _CRITERIA.items():
        value, limit = getattr(measured, name), getattr(rule, criterion.limit)
        if limit is not None and np.isfinite(value) and (value > limit if criterion.high else value < limit):
            found[name] = value
    return found


ANALYSIS = Analysis(
    name="screening",
    section="Screening of people",
    title="Screening of people",
    printed=lambda comparison: comparison.options.screening is not None,
    columns=(
        OBSERVER,
        Column("invalid", "share of the main trials without a choice"),
        Column("disagreement", "share of pairs of repetitions answered differently"),
        Column("catch", "share of the catch trials answered as expected"),
        Column("out_of_line", "score of the leave-one-out likelihood"),
        Column("excluded", "whether the person is left out"),
        Column("reason", "why"),
    ),
    compute=lambda study: study.screened,
    caption=lambda comparison: (
        "Screening of people: share of trials without a choice, share of repeats answered differently, share of catch "
        "trials as expected, score of the leave-one-out likelihood; "
        + ("who was left out and why." if comparison.options.screening else "no one was left out.")
    ),
)
