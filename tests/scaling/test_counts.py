"""Counting: every choice once, where it belongs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from visavis.scaling import Counts, ScalingError, count_choices

NAMES = ("a", "b", "c")


def table(*rows: tuple[Any, ...]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["observer", "left", "right", "choice"])


def test_choices_and_ties_are_counted_by_who_chose_what() -> None:
    counts = count_choices(
        table(("P1", "a", "b", "left"), ("P1", "b", "a", "left"), ("P1", "a", "b", "tie"), ("P2", "a", "c", "right")),
        by=["observer"],
    )
    assert counts.items == NAMES
    assert counts.groups["observer"].tolist() == ["P1", "P2"]
    assert counts.wins[0].tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 0]]
    assert counts.ties[0].tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 0]]
    assert counts.wins[1].tolist() == [[0, 0, 0], [0, 0, 0], [1, 0, 0]]
    assert counts.comparisons[0, 0, 1] == 3


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["P1", "P2"]),
            st.sampled_from(["ab", "ba", "ac", "cb"]),
            st.sampled_from(["left", "right", "tie", None]),
        ),
        min_size=1,
    )
)
def test_nothing_is_lost_or_counted_twice(rows: list[tuple[str, str, str | None]]) -> None:
    trials = table(*((who, pair[0], pair[1], choice) for who, pair, choice in rows))
    if trials["choice"].isna().all():
        with pytest.raises(ScalingError, match="there is no choice to count"):
            count_choices(trials, by=["observer"])
        return
    counts = count_choices(trials, by=["observer"], items=NAMES)
    assert counts.wins.sum() == trials["choice"].isin(["left", "right"]).sum()
    assert counts.ties.sum() == 2 * (trials["choice"] == "tie").sum()
    for who, pair, choice in {row for row in rows if row[2] in ("left", "right")}:
        chosen, other = pair if choice == "left" else pair[::-1]
        g = counts.groups["observer"].tolist().index(who)
        expected = sum(
            row[0] == who
            and {row[1]} <= {chosen + other, other + chosen}
            and (row[1] if row[2] == "left" else row[1][::-1] if row[2] == "right" else "") == chosen + other
            for row in rows
        )
        assert counts.wins[g, NAMES.index(chosen), NAMES.index(other)] == expected


@given(st.lists(st.tuples(st.sampled_from(["ab", "bc", "ac"]), st.sampled_from(["left", "right"])), min_size=1))
def test_swapping_sides_changes_nothing(rows: list[tuple[str, str]]) -> None:
    other = {"left": "right", "right": "left"}
    as_shown = count_choices(table(*(("P", p[0], p[1], c) for p, c in rows)), by=[], items=NAMES)
    swapped = count_choices(table(*(("P", p[1], p[0], other[c]) for p, c in rows)), by=[], items=NAMES)
    assert np.array_equal(as_shown.wins, swapped.wins)


def test_only_main_trials_are_counted() -> None:
    trials = table(("P", "a", "b", "left"), ("P", "a", "b", "left"), ("P", "a", "b", "left"))
    trials["phase"] = ["practice", "main", "catch"]
    assert count_choices(trials, by=[]).wins.sum() == 1


def test_soft_choices_are_fractions_and_hard_ones_are_not_replaced_by_missing() -> None:
    trials = table(("P", "a", "b", "left"), ("P", "b", "a", "left"), ("P", "a", "b", "tie"))
    trials["p_left"] = pd.array([0.75, pd.NA, 0.5], dtype="Float64")
    counts = count_choices(trials, by=[], soft=True)
    assert counts.wins[0].tolist() == [[0, 1.25], [1.75, 0]]
    assert counts.ties.sum() == 0


def test_other_peoples_columns() -> None:
    theirs = pd.DataFrame({"A": ["x"], "B": ["y"], "picked": ["right"]})
    counts = count_choices(theirs, by=[], columns={"left": "A", "right": "B", "choice": "picked"})
    assert counts.wins[0].tolist() == [[0, 0], [1, 0]]


def test_pooling_adds_up() -> None:
    trials = table(("P1", "a", "b", "left"), ("P2", "a", "b", "left"), ("P2", "c", "b", "tie"))
    apart = count_choices(trials, by=["observer"])
    pooled = apart.pool([])
    assert np.array_equal(pooled.wins, count_choices(trials, by=[]).wins)
    assert np.array_equal(pooled.ties, count_choices(trials, by=[]).ties)


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        ([("P", "a", "b", "leftish")], {}, "column 'choice' holds 'leftish'"),
        ([("P", "a", "b", None)], {}, "there is no choice to count"),
        ([("P", "a", "d", "left")], {"items": NAMES}, r"item\(s\) d are not among the items a, b, c"),
        ([("P", "a", "b", "left")], {"by": ["scene"]}, r"lacks the column\(s\) scene; it has observer, left"),
        ([("P", "a", "b", "left")], {"soft": True}, r"lacks the column\(s\) p_left"),
        ([("P", "a", "b", "left"), ("P", None, "b", "left")], {}, "column 'left' names no item in the row 1"),
        ([("P", "a", "b", "left"), ("P", "b", np.nan, "tie")], {}, "column 'right' names no item in the row 1"),
        ([("P", "a", "a", "left")], {}, "a is compared with itself in the row 0"),
        ([("P", "a", "b", "left")], {"items": ["a", "b", "b"]}, "items a, b, b name something twice"),
        ([("P", 1, 3, "left")], {"items": [1, 2]}, r"item\(s\) 3 are not among the items 1, 2"),
        ([("P", "a", "b", "left")], {"columns": {"left": "image_a"}}, r"lacks the column\(s\) image_a"),
    ],
)
def test_what_cannot_be_counted_is_named(rows: list[Any], options: dict[str, Any], message: str) -> None:
    with pytest.raises(ScalingError, match=message):
        count_choices(table(*rows), **{"by": [], **options})


@pytest.mark.parametrize(
    ("wins", "ties", "message"),
    [
        ([[0, -1], [1, 0]], None, "negative, infinite or missing"),
        ([[0, np.nan], [1, 0]], None, "negative, infinite or missing"),
        ([[1, 1], [1, 0]], None, "compares an item with itself"),
        ([[0]], None, "a scale needs at least two"),
        ([[0, 1, 2], [1, 0, 3]], None, "expected a square matrix of counts"),
        ([[0, 1], [1, 0]], [[0, 1], [0, 0]], "ties is not symmetric"),
        ([[0, 1], [1, 0]], [[0, 1, 1], [1, 0, 1], [1, 1, 0]], r"ties has shape \(3, 3\)"),
        ([[0, 1], [1]], None, "wins is not a matrix of numbers"),
        ([[0, "many"], [1, 0]], None, "wins is not a matrix of numbers"),
        ([[0, 1e308], [1e308, 0]], None, r"wins holds 1e\+308, more than 2\^53"),
        (pd.DataFrame([[0, 1], [2, 0]], index=["a", "b"], columns=["a", "c"]), None, "are not the same items"),
    ],
)
def test_matrices_that_are_no_counts_are_refused(wins: Any, ties: Any, message: str) -> None:
    with pytest.raises(ScalingError, match=message):
        Counts.from_matrix(wins, ties=ties)


def test_rows_of_a_data_frame_are_put_in_the_order_of_its_columns() -> None:
    wins = pd.DataFrame([[2, 0], [0, 1]], index=["y", "x"], columns=["x", "y"])
    assert Counts.from_matrix(wins).wins[0].tolist() == [[0, 1], [2, 0]]


def test_numbers_as_items_sort_as_numbers_and_become_text() -> None:
    counts = count_choices(table(("P", 2, 10, "left"), ("P", 10, 9, "left")), by=[])
    assert counts.items == ("2", "9", "10")
    assert counts.wins[0].tolist() == [[0, 0, 1], [0, 0, 0], [0, 1, 0]]
    assert count_choices(table(("P", 1, "a", "left")), by=[]).items == ("1", "a")


def test_categories_that_do_not_occur_make_no_group() -> None:
    trials = table(("P1", "a", "b", "left"), ("P3", "b", "a", "left"))
    trials["observer"] = pd.Categorical(trials["observer"], ["P1", "P2", "P3"])
    counts = count_choices(trials, by="observer")
    assert counts.groups["observer"].tolist() == ["P1", "P3"]
    assert counts.pool("observer").wins[1].tolist() == [[0, 0], [1, 0]]


@pytest.mark.parametrize("unexpected", [1.5, -0.2, np.inf, "often"])
def test_a_soft_choice_is_a_probability(unexpected: Any) -> None:
    """Even where what is below 0 would vanish among the other choices of the pair."""
    trials = table(*[("P", "a", "b", "left")] * 3)
    trials["p_left"] = pd.Series([0.5, unexpected, 0.5], dtype=object)
    with pytest.raises(ScalingError, match=f"column 'p_left' holds {unexpected!r} in the row 1"):
        count_choices(trials, by=[], soft=True)


@given(
    st.lists(
        st.tuples(st.sampled_from(["ab", "ba", "ac", "cb"]), st.sampled_from(["left", "right"]), st.booleans()),
        min_size=1,
    )
)
def test_soft_choices_of_0_and_1_are_hard_ones(rows: list[tuple[str, str, bool]]) -> None:
    trials = table(*(("P", pair[0], pair[1], choice) for pair, choice, _ in rows))
    trials["p_left"] = [float(choice == "left") if given else np.nan for _, choice, given in rows]
    assert np.array_equal(count_choices(trials, by=[], soft=True).wins, count_choices(trials, by=[]).wins)


def test_a_column_that_another_stands_for_is_not_looked_at() -> None:
    theirs = pd.DataFrame({"left": ["?"], "image_a": ["x"], "right": ["y"], "choice": ["left"]})
    assert count_choices(theirs, by=[], columns={"left": "image_a"}).items == ("x", "y")


def test_a_data_frame_names_its_items() -> None:
    assert Counts.from_matrix(pd.DataFrame([[0, 1], [2, 0]], columns=["x", "y"])).items == ("x", "y")
