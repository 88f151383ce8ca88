"""Side bias, judged against repeat noise.

When the two images of a pair change sides and the answer changes with them, that may be a bias for a side, or only the
noise that makes identical repeats flip too. So the flips of swapped repeats are set beside the flips of identical ones.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from .counts import as_names
from .errors import ScalingError

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
    rows = [(*key, *_one(part)) for key, part in table.groupby(list(by), sort=True, observed=True)]
    columns = (
        *("left_share", "left_low", "left_high", "same_pairs", "same_flips", "swapped_pairs", "swapped_flips"),
        *("excess_flips", "both_left", "both_right", "p_value"),
    )
    return pd.DataFrame(rows, columns=[*by, *columns])


def _one(trials: pd.DataFrame) -> tuple[float, ...]:
    to_left = (trials["choice"] == "left").to_numpy()
    share = binomtest(int(to_left.sum()), len(trials))
    interval = share.proportion_ci(0.95)
    swapped = (trials["left"] > trials["right"]).to_numpy()
    question = (
        trials.groupby(["observer", "attribute", "scene", _pair(trials, swapped)], observed=True).ngroup().to_numpy()
    )
    # Choices of the left and of the right, for each question in either order.
    left, right = (
        np.stack([np.bincount(question[side & order], minlength=question.max() + 1) for order in (~swapped, swapped)])
        for side in (to_left, ~to_left)
    )
    times = left + right
    same_pairs, same_flips = float((times * (times - 1) / 2).sum()), float((left * right).sum())
    # Of swapped repeats the same side is the other image.
    swapped_pairs, swapped_flips = (
        float((times[0] * times[1]).sum()),
        float((left[0] * left[1] + right[0] * right[1]).sum()),
    )
    both_left, both_right = _matched(question, swapped, to_left)
    same_rate, swapped_rate = _ratio(same_flips, same_pairs), _ratio(swapped_flips, swapped_pairs)
    by_side = both_left + both_right
    p_value = float(binomtest(both_left, by_side).pvalue) if by_side else float("nan")
    return (
        *(float(to_left.mean()), interval.low, interval.high),
        *(same_pairs, same_rate, swapped_pairs, swapped_rate, swapped_rate - same_rate),
        *(both_left, both_right, p_value),
    )


def _pair(trials: pd.DataFrame, swapped: np.ndarray) -> pd.Series:
    """Name each unordered pair."""
    first, second = trials["left"].where(~swapped, trials["right"]), trials["right"].where(~swapped, trials["left"])
    return pd.Series(list(zip(first, second, strict=True)), index=trials.index)


def _matched(question: np.ndarray, swapped: np.ndarray, to_left: np.ndarray) -> tuple[int, int]:
    """Match the n-th answer in one order with the n-th in the other, each used once, as McNemar's test wants."""
    answers = pd.DataFrame({"question": question, "swapped": swapped, "to_left": to_left})
    answers["number"] = answers.groupby(["question", "swapped"]).cumcount()
    both = answers[~swapped].merge(answers[swapped], on=["question", "number"])
    return int((both["to_left_x"] & both["to_left_y"]).sum()), int((~both["to_left_x"] & ~both["to_left_y"]).sum())


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
