"""Side bias, judged against repeat noise.

When the two images of a pair change sides and the answer changes with them, that may be a bias for a side, or only the
noise that makes identical repeats flip too. So the flips of swapped repeats are set beside the flips of identical ones.
"""

from __future__ import annotations

from itertools import combinations

import pandas as pd
from scipy.stats import binomtest

from .errors import ScalingError

_COLUMNS = ("observer", "attribute", "scene", "left", "right", "choice")


def side_bias(trials: pd.DataFrame, by: tuple[str, ...] = ("observer",)) -> pd.DataFrame:
    """Compare how often answers flip when sides are swapped with how often they flip when nothing changes.

    Parameters
    ----------
    trials : DataFrame
        The trials table. Repetitions are compared within observer, attribute, scene and pair; ties are left out.
    by : tuple of str
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
    missing = [name for name in _COLUMNS if name not in trials]
    if missing:
        raise ScalingError(f"the trials table lacks the column(s) {', '.join(missing)}")
    table = trials[trials["choice"].isin(["left", "right"])]
    if "phase" in table:
        table = table[table["phase"] == "main"]
    rows = []
    for key, part in table.groupby(list(by), sort=True):
        rows.append((*key, *_one(part)))
    columns = (
        *("left_share", "left_low", "left_high", "same_pairs", "same_flips", "swapped_pairs", "swapped_flips"),
        *("excess_flips", "both_left", "both_right", "p_value"),
    )
    return pd.DataFrame(rows, columns=[*by, *columns])


def _one(trials: pd.DataFrame) -> tuple[float, ...]:
    left = int((trials["choice"] == "left").sum())
    share = binomtest(left, len(trials))
    interval = share.proportion_ci(0.95)
    same = same_flipped = swapped = swapped_flipped = both_left = both_right = 0
    pair = [" ".join(sorted((str(a), str(b)))) for a, b in zip(trials["left"], trials["right"], strict=True)]
    keys = [trials["observer"], trials["attribute"], trials["scene"], pd.Series(pair, trials.index)]
    for _, repeats in trials.groupby(keys):
        answers = list(zip(repeats["left"], repeats["choice"], strict=True))
        for (left_1, choice_1), (left_2, choice_2) in combinations(answers, 2):
            if left_1 == left_2:
                same += 1
                same_flipped += choice_1 != choice_2
            else:
                swapped += 1
                swapped_flipped += choice_1 == choice_2  # the same side is the other image
        one_way = [choice for name, choice in answers if name == answers[0][0]]
        other_way = [choice for name, choice in answers if name != answers[0][0]]
        for choice_1, choice_2 in zip(
            one_way, other_way, strict=False
        ):  # each repetition once: McNemar's are independent
            both_left += choice_1 == choice_2 == "left"
            both_right += choice_1 == choice_2 == "right"
    nan = float("nan")
    same_rate = same_flipped / same if same else nan
    swapped_rate = swapped_flipped / swapped if swapped else nan
    by_side = both_left + both_right
    p_value = float(binomtest(both_left, by_side).pvalue) if by_side else nan
    return (
        *(left / len(trials), interval.low, interval.high),
        *(same, same_rate, swapped, swapped_rate, swapped_rate - same_rate),
        *(both_left, both_right, p_value),
    )
