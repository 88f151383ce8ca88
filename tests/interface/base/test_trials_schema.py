"""One schema for every trials table: what breaks a rule is named with its row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from trial_tables import trials_table

from visavis.base.trials import COLUMNS, as_trials, check_trials
from visavis.scaling import ScalingError, compare


def whole() -> pd.DataFrame:
    row: dict[str, Any] = {
        "experiment": "e", "definition_sha256": "0" * 64, "session": "1", "observer": "P1", "observer_kind": "human",
        "trial": "t1", "trial_index": 0, "block": 0, "phase": "main", "attribute": "contrast", "scene": "s",
        "left": "a", "right": "b", "reference": None, "repetition": 1, "presentation_order": "AB", "expected": None,
        "outcome": "choice", "choice": "left", "chosen": "a", "p_left": None, "response_time_s": 0.5, "onset": None,
        "answered_at": "2026-01-01T00:00:00+00:00", "attempts": 1, "provenance": "{}",
    }  # fmt: skip
    other = {**row, "trial": "t2", "trial_index": 1, "outcome": "tie", "choice": "tie", "chosen": None}
    return pd.DataFrame([row, other])


def test_a_whole_table_passes_as_text_and_as_values() -> None:
    typed = as_trials(whole())
    assert list(typed.columns) == list(COLUMNS)
    as_text = typed.astype("string")
    pd.testing.assert_frame_equal(as_trials(as_text), typed)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"observer": None}, "row 1: observer is missing"),
        ({"scene": ""}, "row 1: scene is missing"),
        ({"phase": "Main"}, "row 1: phase must be one of practice, main, catch, not 'Main': did you mean 'main'?"),
        ({"observer_kind": "Human"}, "row 1: observer_kind must be one of"),
        ({"outcome": "banana"}, "row 1: outcome must be one of"),
        ({"choice": "up"}, "row 1: choice must be one of left, right, tie, not 'up'"),
        ({"p_left": 7}, r"row 1: p_left must be a number in \[0, 1\], not '7"),
        ({"response_time_s": -5.0}, "row 1: response_time_s must be a number of at least 0, not '-5.0'"),
        ({"response_time_s": np.inf}, "row 1: response_time_s"),
        ({"repetition": 0}, "row 1: repetition must be a number of at least 1"),
        ({"attempts": 0}, "row 1: attempts must be"),
        ({"right": "a"}, "row 1: left and right are both 'a'"),
        ({"outcome": "refusal"}, "row 1: outcome 'refusal' does not go with choice 'tie'"),
        ({"outcome": "choice", "choice": "left", "chosen": "b"}, "row 1: chosen is 'b', but choice is 'left'"),
        ({"expected": "c"}, "row 1: expected is 'c', which is on neither side"),
        ({"trial": "t1"}, "row 1: trial 't1' of session '1' of 'P1' occurs twice"),
        ({"observer_kind": "vlm"}, "row 0: session '1' of 'P1' has two observer_kinds"),
        ({"left": "a\x1b[31m"}, r"row 1: left holds the character U\+001B: remove it"),
    ],
)
def test_a_row_that_breaks_a_rule_is_named(change: dict[str, Any], message: str) -> None:
    table = whole().astype(object)
    for name, value in change.items():
        table.loc[1, name] = value
    with pytest.raises(ValueError, match=message):
        as_trials(table)


def test_columns_that_are_missing_are_named_with_what_could_be_meant() -> None:
    with pytest.raises(ValueError, match=r"lacks the column\(s\) observer: rename 'Observer' to 'observer'"):
        check_trials(whole().rename(columns={"observer": "Observer"}), required=["observer"])


def test_a_comparison_of_a_table_goes_by_the_same_rules() -> None:
    table = trials_table({"P1": {"contrast": np.arange(3.0)}, "m": {"contrast": np.arange(3.0)}}, scenes=2)
    for broken, message in (
        (table.drop(columns="scene"), "lacks the column"),
        (table.assign(phase="Main"), "row 0: phase must be one of"),
        (pd.concat([table, table.iloc[:1]]), "occurs twice"),
        (table.assign(observer=table["observer"].mask(table.index == 3)), "row 3: observer is missing"),
    ):
        with pytest.raises(ScalingError, match=message):
            compare(broken)
