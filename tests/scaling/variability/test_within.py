"""VR%: each reading against hand counts, and the matrix against its definition."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from trial_tables import trials_table

from visavis.scaling import ScalingError, vr_between, vr_differences, vr_matrix, vr_within


def answers(*by_pair: tuple[str, str], observer: str = "M") -> pd.DataFrame:
    """Rows from pairs of a name of two letters and answers such as ``"ab"``: first a, then b was chosen."""
    rows = [
        (
            observer,
            "contrast",
            "s",
            pair[0],
            pair[1],
            "tie" if chosen == "=" else "left" if chosen == pair[0] else "right",
        )
        for pair, choices in by_pair
        for chosen in choices
    ]
    return pd.DataFrame(rows, columns=["observer", "attribute", "scene", "left", "right", "choice"])


def test_ten_pairs_of_three_repetitions() -> None:
    """Of three repetitions 3, 3, 2, 1, 0, 3, 2, 0, 3, 3 for the first: 30, 10 and 20 %."""
    pairs = ["ab", "ac", "ad", "ae", "bc", "bd", "be", "cd", "ce", "de"]
    k = [3, 3, 2, 1, 0, 3, 2, 0, 3, 3]
    trials = answers(*((pair, pair[0] * n + pair[1] * (3 - n)) for pair, n in zip(pairs, k, strict=True)))
    found = {
        reading: vr_within(trials, reading=reading)["vr_percent"].item() for reading in ("any", "minority", "pairwise")
    }  # type: ignore[arg-type]
    assert found == pytest.approx({"any": 30, "minority": 10, "pairwise": 20})


@given(st.lists(st.integers(0, 3), min_size=1, max_size=10))
def test_for_three_repetitions_the_readings_are_one_up_to_scale(k: list[int]) -> None:
    pairs = [f"{a}{b}" for a in "abcde" for b in "abcde" if a < b]
    trials = answers(*((pair, pair[0] * n + pair[1] * (3 - n)) for pair, n in zip(pairs, k, strict=False)))
    found = [vr_within(trials, reading=reading)["vr_percent"].item() for reading in ("any", "minority", "pairwise")]  # type: ignore[arg-type]
    assert found[1] == pytest.approx(found[0] / 3)
    assert found[2] == pytest.approx(found[0] * 2 / 3)


def test_a_tie_is_an_answer_of_its_own() -> None:
    trials = answers(("ab", "aa="), ("ac", "==="))
    assert vr_within(trials)["vr_percent"].item() == pytest.approx(50)
    assert vr_within(trials, reading="pairwise")["vr_percent"].item() == pytest.approx(100 * (2 / 3) / 2)


def test_a_pair_asked_once_tells_nothing() -> None:
    table = vr_within(answers(("ab", "a"), ("ac", "ac")))
    assert table["pairs"].item() == 1
    assert table["vr_percent"].item() == 100
    assert np.isnan(vr_within(answers(("ab", "a")))["vr_percent"].item())


def test_the_side_does_not_matter() -> None:
    trials = answers(("ab", "aa"), ("ba", "ab"))
    assert vr_within(trials)["vr_percent"].item() == 100
    assert vr_within(trials.iloc[[0, 1, 2]])["vr_percent"].item() == 0


def test_groups_are_weighted_by_their_pairs() -> None:
    one, other = answers(("ab", "ab")), answers(("ab", "aa"), ("ac", "aa"), ("bc", "bb")).assign(scene="t")
    table = vr_within(pd.concat([one, other]))
    assert table["vr_percent"].item() == 25


@pytest.fixture
def three() -> pd.DataFrame:
    return pd.concat(
        [
            answers(("ab", "aab"), ("ac", "aaa"), ("bc", "bcc"), observer="M1"),
            answers(("ab", "abb"), ("ac", "aaa"), ("bc", "ccc"), observer="M2"),
            answers(("ab", "bbb"), ("ac", "acc"), ("bc", "bc"), observer="M3"),
        ]
    )


def test_the_matrix_is_the_disagreement_of_majorities(three: pd.DataFrame) -> None:
    # Majorities: M1 a a c, M2 b a c, M3 b c -, where - is an even split.
    matrix = vr_matrix(three, "contrast")
    third = 100 / 3
    assert matrix.loc["M1", "M2"] == pytest.approx(third)
    assert matrix.loc["M1", "M3"] == pytest.approx(2.5 * third)
    assert matrix.loc["M2", "M3"] == pytest.approx(1.5 * third)
    assert np.array_equal(matrix, matrix.T)


def test_one_against_the_rest(three: pd.DataFrame) -> None:
    third = 100 / 3
    # The others of M1, M2 and M3, answer b, split between a and c, and c through M2 alone.
    against = vr_between(three, "contrast")
    assert against["M1"] == pytest.approx((1 + 0.5 + 0) * third)
    mean = vr_between(three, "contrast", "mean")
    assert mean["M1"] == pytest.approx((third + 2.5 * third) / 2)


def test_alone_there_is_nobody_to_differ_from() -> None:
    assert np.isnan(vr_between(answers(("ab", "aab")), "contrast")["M"])


def test_what_an_observer_was_never_asked_is_left_out() -> None:
    both = pd.concat([answers(("ab", "aaa"), observer="M1"), answers(("ab", "aaa"), ("ac", "ccc"), observer="M2")])
    assert vr_matrix(both, "contrast").loc["M1", "M2"] == 0


def test_repeat_noise_is_what_the_observers_sensitivity_makes_it() -> None:
    from scipy.special import ndtr

    values = {"contrast": np.array([0.0, 0.6])}
    trials = trials_table({"M": values}, scenes=4000, repetitions=3)
    p = ndtr(0.6)
    expected = 100 * (1 - p**3 - (1 - p) ** 3)
    assert vr_within(trials)["vr_percent"].item() == pytest.approx(expected, abs=3)


def test_unknown_readings_are_named(three: pd.DataFrame) -> None:
    with pytest.raises(ScalingError, match="unknown reading 'all' of VR within; choose from any, minority, pairwise"):
        vr_within(three, reading="all")  # type: ignore[arg-type]
    with pytest.raises(ScalingError, match="unknown reading 'all' of VR between; choose from majority, mean"):
        vr_between(three, "contrast", "all")  # type: ignore[arg-type]


class TestDifferences:
    @pytest.fixture
    def trials(self) -> pd.DataFrame:
        values = np.array([-0.9, -0.2, 0.3, 0.8])
        observers = {name: {"contrast": size * values} for name, size in (("sure", 9), ("unsure", 0.3), ("M3", 0.3))}
        return trials_table(observers, scenes=6, repetitions=3, seed=3)

    def test_p_is_that_of_going_through_all_swaps_one_by_one(self, trials: pd.DataFrame) -> None:
        found = vr_differences(trials, ["sure", "unsure", "M3"]).set_index(["observer", "other"])
        by_scene = vr_within(trials, ("observer", "scene"), "pairwise").set_index(["observer", "scene"])["vr_percent"]
        for one, other in found.index:
            first, second = (by_scene[name].to_numpy() for name in (one, other))
            observed = first.mean() - second.mean()
            as_large = 0
            for signs in product([1, -1], repeat=6):
                as_large += abs(np.mean(np.array(signs) * (first - second))) >= abs(observed) - 1e-9
            assert found.loc[(one, other), "difference"] == pytest.approx(observed)
            assert found.loc[(one, other), "p_value"] == pytest.approx(as_large / 2**6)
        assert found.loc[("sure", "unsure"), "p_value"] == 2 / 2**6
        assert found.loc[("sure", "unsure"), "p_adjusted"] == pytest.approx(3 * 2 / 2**6)
        assert found.loc[("unsure", "M3"), "p_value"] > 0.1

    def test_the_number_of_repetitions_alone_makes_no_difference(self) -> None:
        values = {"contrast": np.array([-0.5, 0.0, 0.5])}
        tables = [
            trials_table({name: values}, scenes=40, repetitions=times, seed=times)
            for name, times in (("A", 2), ("B", 8))
        ]
        found = vr_differences(pd.concat(tables, ignore_index=True), ["A", "B"])
        assert abs(found["difference"].item()) < 10
        assert found["low"].item() < 0 < found["high"].item()
        assert found["scenes"].item() == 40

    def test_without_repetitions_there_is_none(self) -> None:
        values = {"contrast": np.array([-0.5, 0.5])}
        assert vr_differences(trials_table({"A": values, "B": values}, repetitions=1), ["A", "B"]).empty
