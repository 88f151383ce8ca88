"""Side bias, judged against repeat noise.

When the two images of a pair change sides and the answer changes with them, that may be a bias for a side, or only the
noise that makes identical repeats flip too. So the flips of swapped repeats are set beside the flips of identical ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import beta, binom
from scipy.stats import t as student

from visavis.scaling.counts import Floats, as_names, require_columns
from visavis.scaling.intervals import DEFAULT, Resampling, normal_reach, over_scenes, ratio
from visavis.scaling.presentation.panels import present, values_by_observer
from visavis.scaling.presentation.style import draw_dots, panels, row_height
from visavis.scaling.study.analysis import OBSERVER, Analysis, Column, Drawing, with_interval
from visavis.scaling.study.options import PEOPLE
from visavis.scaling.study.result import Comparison
from visavis.scaling.study.study import Study, people_first

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLUMNS = ("observer", "attribute", "scene", "left", "right", "choice")


def side_bias(trials: pd.DataFrame, by: str | Sequence[str] = ("observer",), *, level: float = 0.95) -> pd.DataFrame:
    """Compare how often answers flip when sides are swapped with how often they flip when nothing changes.

    Parameters
    ----------
    trials : DataFrame
        The trials table. Repetitions are compared within observer, attribute, scene and pair; ties are left out.
    by : str or sequence of str
        What is reported apart.
    level : float
        Of the interval of ``left_share``.

    Returns
    -------
    DataFrame
        The columns `by`, and

        ``left_share, left_low, left_high``
            Share of choices of the left, with its interval (Clopper & Pearson 1934).
        ``same_pairs, same_flips``
            Pairs of repetitions with the same sides, and the share whose chosen image differs.
        ``swapped_pairs, swapped_flips``
            The same for repetitions with swapped sides.
        ``excess_flips``
            Swapped minus same: what repeat noise does not explain. NaN where either is missing.
        ``both_left, both_right``
            Repetitions with swapped sides, each taken once, that were answered by the side both times.
        ``p_value``
            McNemar's exact test of those two being equal: small where one side is favoured.

    Raises
    ------
    ScalingError
        If a column is missing.
    """
    by = as_names(by)
    require_columns(trials, (*by, *_COLUMNS))
    normal_reach(level)
    table = trials[trials["choice"].isin(["left", "right"])]
    if "phase" in table:
        table = table[table["phase"] == "main"]
    table = table.astype({"left": str, "right": str, "choice": str})
    grouped = table.groupby(list(by), sort=True, observed=True)
    keys = grouped.size().index
    number = grouped.ngroup().to_numpy()
    table, number = table[number >= 0], number[number >= 0]  # without a key there is no row to be in
    found = _count(table, number, len(keys), level)
    return pd.concat([keys.to_frame(index=False), found], axis=1)[[*by, *found.columns]]


def _count(trials: pd.DataFrame, group: np.ndarray, groups: int, level: float) -> pd.DataFrame:
    """Count answers and flips in each of the numbered groups, a row each."""
    to_left = (trials["choice"] == "left").to_numpy()
    answers, chosen_left = np.bincount(group, minlength=groups), np.bincount(group[to_left], minlength=groups)
    swapped = (trials["left"] > trials["right"]).to_numpy()
    first, second = trials["left"].where(~swapped, trials["right"]), trials["right"].where(~swapped, trials["left"])
    asked = trials[["observer", "attribute", "scene"]].assign(group=group, first=first, second=second)
    question = asked.groupby(list(asked.columns), sort=False, observed=True).ngroup().to_numpy()
    group_of = np.zeros(question.max(initial=-1) + 1, dtype=np.intp)
    group_of[question] = group

    def total(of_questions: np.ndarray) -> np.ndarray:
        return np.bincount(group_of, weights=of_questions, minlength=groups)

    # Choices of the left and of the right, for each question in either order.
    left, right = (
        np.stack([np.bincount(question[side & order], minlength=len(group_of)) for order in (~swapped, swapped)])
        for side in (to_left, ~to_left)
    )
    times = left + right
    same_pairs = total((times * (times - 1) / 2).sum(axis=0))
    swapped_pairs = total(times[0] * times[1])
    with np.errstate(invalid="ignore"):
        same_flips = total((left * right).sum(axis=0)) / same_pairs
        # Of swapped repeats the same side is the other image.
        swapped_flips = total(left[0] * left[1] + right[0] * right[1]) / swapped_pairs
    both_left, both_right = (
        np.bincount(group_of[of_both], minlength=groups) for of_both in _matched(question, swapped, to_left)
    )
    low, high = _clopper_pearson(chosen_left, answers, level)
    return pd.DataFrame(
        {
            "left_share": chosen_left / answers,
            "left_low": low,
            "left_high": high,
            "same_pairs": same_pairs,
            "same_flips": same_flips,
            "swapped_pairs": swapped_pairs,
            "swapped_flips": swapped_flips,
            "excess_flips": swapped_flips - same_flips,
            "both_left": both_left,
            "both_right": both_right,
            "p_value": _mcnemar(both_left, both_right),
        }
    )


def _matched(question: np.ndarray, swapped: np.ndarray, to_left: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Match the n-th answer in one order with the n-th in the other, each used once, as McNemar's test wants.

    Returns the questions of the matches that chose the left both times, and of those that chose the right.
    """
    answers = pd.DataFrame({"question": question, "swapped": swapped, "to_left": to_left})
    answers["number"] = answers.groupby(["question", "swapped"]).cumcount()
    both = answers[~swapped].merge(answers[swapped], on=["question", "number"])
    one, other, of = (both[name].to_numpy() for name in ("to_left_x", "to_left_y", "question"))
    return of[one & other], of[~one & ~other]


def _clopper_pearson(chosen: np.ndarray, of: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the interval of each share (Clopper & Pearson 1934)."""
    tail = (1 - level) / 2
    low = np.where(chosen > 0, beta.ppf(tail, np.maximum(chosen, 1), of - chosen + 1), 0.0)
    high = np.where(chosen < of, beta.ppf(1 - tail, chosen + 1, np.maximum(of - chosen, 1)), 1.0)
    return low, high


def _mcnemar(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the exact two-sided p of two counts being equal (McNemar 1947); NaN where both are 0."""
    p = np.minimum(1.0, 2 * binom.cdf(np.minimum(one, other), one + other, 0.5))
    return np.where(one + other > 0, p, np.nan)


def bias_of_people(each: pd.DataFrame, resampling: Resampling = DEFAULT) -> dict[str, float]:
    """Judge the side bias of people on average, the people being the units.

    Answers of one person depend on each other: who leans to the left does so in all trials. Taken for independent ones,
    biases that people have in either direction are found to be a common one.

    Parameters
    ----------
    each : DataFrame
        As `side_bias` by person, at least two, with ``answers``, their number.
    resampling : Resampling
        Of people, for ``excess_flips``; its level is that of ``left_share`` too.

    Returns
    -------
    dict
        ``left_low, left_high``: Student's t interval of the share of choices of the left (a ratio over people; Cochran
        1977, eq. 6.13); ``excess_low, excess_high``; and ``p_value``, of a t test over people of as many choices of the
        left as of the right. NaN where all people are alike to the last choice.
    """
    n, answers = len(each), each["answers"].to_numpy(dtype=float)
    left = each["left_share"].to_numpy(dtype=float) * answers
    share = left.sum() / answers.sum()
    residual = left - share * answers
    error = np.sqrt(n / (n - 1) * (residual @ residual)) / answers.sum()
    reach = float(student.ppf(0.5 + resampling.level / 2, n - 1)) * error
    lean = 2 * left - answers
    spread = float(lean.std(ddof=1))
    p_value = 2 * student.sf(abs(lean.mean()) / (spread / np.sqrt(n)), n - 1) if spread else np.nan
    low, high = _excess_limits(each, resampling)
    return {
        "left_low": float(max(share - reach, 0.0)),
        "left_high": float(min(share + reach, 1.0)),
        "excess_low": low,
        "excess_high": high,
        "p_value": float(p_value),
    }


def _excess_limits(units: pd.DataFrame, resampling: Resampling) -> tuple[float, float]:
    """Return the interval of the flips beyond repeat noise over resampled units: scenes, or people."""
    same, swapped = (units[f"{name}_pairs"].to_numpy(dtype=float) for name in ("same", "swapped"))
    flips = (np.nan_to_num(units[f"{name}_flips"].to_numpy(dtype=float)) for name in ("same", "swapped"))
    same_rate, swapped_rate = (ratio(f * n, n) for f, n in zip(flips, (same, swapped), strict=True))
    return over_scenes(_minus(swapped_rate, same_rate), len(units), resampling, bounds=(-1, 1))[1:]


def _compute(study: Study) -> pd.DataFrame:
    """Judge the side bias of each model over scenes, and of people on average over people."""
    trials, options = study.main, study.options
    grouped = trials.assign(group=trials["observer"].where(~trials["observer"].isin(study.people), PEOPLE))
    table = side_bias(grouped, ("group",), level=options.level)
    limits = {
        group: _excess_limits(part, options.resampling)
        for group, part in side_bias(grouped, ("group", "scene")).groupby("group")
    }
    after = list(table.columns).index("excess_flips") + 1
    for place, name in enumerate(("excess_low", "excess_high")):
        table.insert(after + place, name, [limits[group][place] for group in table["group"]])
    each = side_bias(study.of_people, ("observer",))
    if len(each) > 1:
        chose = study.of_people.loc[study.of_people["choice"].isin(["left", "right"]), "observer"].astype(str)
        each["answers"] = chose.value_counts().reindex(each["observer"].astype(str)).to_numpy()
        for name, value in bias_of_people(each, options.resampling).items():
            table.loc[table["group"] == PEOPLE, name] = value
    return people_first(table.rename(columns={"group": "observer"}))


def _minus(first: Callable[[Floats], Floats], second: Callable[[Floats], Floats]) -> Callable[[Floats], Floats]:
    return lambda weights: first(weights) - second(weights)


def _draw(comparison: Comparison) -> Figure:
    """Draw how the left is favoured, and how many flips at swapped sides repeat noise does not explain."""
    table = comparison.side_bias
    shares = table.rename(columns={"left_share": "x", "left_low": "l", "left_high": "h"})
    excess = table.rename(columns={"excess_flips": "x", "excess_low": "l", "excess_high": "h"}).dropna(subset="x")
    names = present(comparison, table)
    titles = {"choices of the left": (shares, 0.5), "flips beyond repeat noise": (excess, 0.0)}
    titles = {title: found for title, found in titles.items() if len(found[0])}
    with panels(list(titles), row_height(names), sharey=True) as (figure, drawn):
        for panel in drawn:
            part, nothing = titles[panel.title]
            panel.axes.axvline(nothing, color="#bbbbbb", linewidth=0.8, zorder=0)
            draw_dots(comparison, panel, names, values_by_observer(part, ("x", "l", "h")))
            panel.axes.locator_params(axis="x", nbins=5)
            panel.axes.set_xlabel("share")
    return figure


def _figure_caption(comparison: Comparison) -> str:
    flips = (
        "; and how many more answers flip when the sides are swapped than when nothing changes (over resampled scenes, "
        "of people over resampled people)"
        if comparison.side_bias["excess_flips"].notna().any()
        else ""
    )
    return f"Share of choices of the left (Clopper-Pearson; of people Student's t over people){flips}."


ANALYSIS = Analysis(
    name="side_bias",
    section="Sides",
    title="Sides",
    columns=(
        OBSERVER,
        *with_interval("left_share", "share of choices of the left", limits="left_", heading="left"),
        Column("same_pairs", "pairs of repetitions with the same sides", shown=False),
        Column("same_flips", "share of them answered differently"),
        Column("swapped_pairs", "pairs of repetitions with swapped sides", shown=False),
        Column("swapped_flips", "share of them answered differently"),
        *with_interval("excess_flips", "swapped less same: what repeat noise does not explain", limits="excess_"),
        Column("both_left", "matched repetitions with swapped sides, both answered by the left", shown=False),
        Column("both_right", "matched repetitions with swapped sides, both answered by the right", shown=False),
        Column(
            "p_value",
            "McNemar's exact test of those two being equal; of people a t test over people of as many choices of the "
            "left as of the right",
            heading="p",
        ),
    ),
    compute=_compute,
    caption=lambda comparison: (  # noqa: ARG005
        "Share of choices of the left; share of repeats answered differently when nothing changed and when the sides "
        "were swapped; their difference, which repeat noise does not explain, with its interval; and McNemar's exact "
        "test of favouring one side, of people a t test over people."
    ),
    drawing=Drawing(_draw, lambda found: len(found.side_bias) > 0, _figure_caption),
)
