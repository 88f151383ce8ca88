"""Side bias, judged against repeat noise.

When the two images of a pair change sides and the answer changes with them, that may be a bias for a side, or only the
noise that makes identical repeats flip too. So the flips of swapped repeats are set beside the flips of identical ones.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import beta, binom

from visavis.scaling.counts import as_names
from visavis.scaling.errors import ScalingError

_COLUMNS = ("observer", "attribute", "scene", "left", "right", "choice")


def side_bias(trials: pd.DataFrame, by: str | Sequence[str] = ("observer",)) -> pd.DataFrame:
    """Compare how often answers flip when sides are swapped with how often they flip when nothing changes.

    Parameters
    ----------
    trials : DataFrame
        The trials table. Repetitions are compared within observer, attribute, scene and pair; ties are left out.
    by : str or sequence of str
        What is reported apart.

    Returns
    -------
    DataFrame
        The columns `by`, and

        ``left_share, left_low, left_high``
            Share of choices of the left, with its 95 % interval (Clopper & Pearson 1934).
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
    missing = [name for name in (*by, *_COLUMNS) if name not in trials]
    if missing:
        raise ScalingError(f"the trials table lacks the column(s) {', '.join(missing)}")
    table = trials[trials["choice"].isin(["left", "right"])]
    if "phase" in table:
        table = table[table["phase"] == "main"]
    table = table.astype({"left": str, "right": str, "choice": str})
    grouped = table.groupby(list(by), sort=True, observed=True)
    keys = grouped.size().index
    number = grouped.ngroup().to_numpy()
    table, number = table[number >= 0], number[number >= 0]  # without a key there is no row to be in
    found = _count(table, number, len(keys))
    return pd.concat([keys.to_frame(index=False), found], axis=1)[[*by, *found.columns]]


def _count(trials: pd.DataFrame, group: np.ndarray, groups: int) -> pd.DataFrame:
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
    low, high = _clopper_pearson(chosen_left, answers)
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


def _clopper_pearson(chosen: np.ndarray, of: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the 95 % interval of each share (Clopper & Pearson 1934)."""
    low = np.where(chosen > 0, beta.ppf(0.025, np.maximum(chosen, 1), of - chosen + 1), 0.0)
    high = np.where(chosen < of, beta.ppf(0.975, chosen + 1, np.maximum(of - chosen, 1)), 1.0)
    return low, high


def _mcnemar(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the exact two-sided p of two counts being equal (McNemar 1947); NaN where both are 0."""
    p = np.minimum(1.0, 2 * binom.cdf(np.minimum(one, other), one + other, 0.5))
    return np.where(one + other > 0, p, np.nan)
