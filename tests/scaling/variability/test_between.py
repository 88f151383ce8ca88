"""VR% between observers: the same numbers as plain counts, intervals that hold them, and one against the rest."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from trial_tables import trials_table

from visavis.scaling import Options, Resampling, compare, vr_between, vr_matrix
from visavis.scaling.agreement.majorities import majorities
from visavis.scaling.variability.between import between, majority

VALUES = np.array([-1.2, -0.3, 0.2, 1.1])
MODELS = ["M1", "M2", "M3"]


@pytest.fixture(scope="module")
def trials() -> pd.DataFrame:
    models = {"M1": VALUES, "M2": 0.4 * VALUES, "M3": -VALUES}
    return trials_table({name: {"contrast": values} for name, values in models.items()}, scenes=9, repetitions=2)


def test_both_tables_are_those_of_the_counts(trials: pd.DataFrame) -> None:
    """Against `vr_matrix` and `vr_between`, which go another way."""
    matrix, rest = between(majorities(trials, "contrast"), "contrast", MODELS, resampling=Resampling(20))
    expected = vr_matrix(trials, "contrast")
    for row in matrix.itertuples():
        assert row.vr_percent == pytest.approx(expected.loc[row.observer, row.other])
    assert len(matrix) == 6
    assert rest.set_index("observer")["majority"].to_dict() == pytest.approx(vr_between(trials, "contrast").to_dict())
    mean = vr_between(trials, "contrast", "mean").to_dict()
    assert rest.set_index("observer")["mean"].to_dict() == pytest.approx(mean)
    assert (rest["pairs"] == 9 * 6).all()


def test_intervals_are_those_of_a_plain_loop_over_scenes(trials: pd.DataFrame) -> None:

    matrix, rest = between(
        majorities(trials, "contrast"), "contrast", MODELS, resampling=Resampling(50, seed=2, method="percentile")
    )
    by_scene = {f"s{i}": trials[trials["scene"] == f"s{i}"] for i in range(9)}
    pair = [vr_matrix(part, "contrast").loc["M1", "M2"] for part in by_scene.values()]
    one = [vr_between(part, "contrast")["M1"] for part in by_scene.values()]
    drawn = Resampling(50, 2).units(9)
    for values, row in (
        (pair, matrix.query("observer == 'M1' and other == 'M2'").iloc[0]),
        (one, rest.query("observer == 'M1'").iloc[0]),
    ):
        draws = np.array(values)[drawn].mean(axis=1)
        assert (row["low"], row["high"]) == pytest.approx(tuple(np.quantile(draws, [0.025, 0.975])))


def test_models_are_the_rest_and_people_are_not() -> None:
    people = {f"P{i}": {"contrast": -VALUES} for i in range(9)}
    table = trials_table({**people, "M1": {"contrast": VALUES}, "M2": {"contrast": VALUES}}, scenes=9)
    found = compare(table, options=Options(resampling=Resampling(50)))
    assert (found.vr_rest["majority"] < 40).all()
    with_people = found.vr_between.query("observer == 'M1' and other == 'people'").iloc[0]
    assert with_people["low"] > 60


def test_one_model_has_no_rest_and_one_scene_no_interval(trials: pd.DataFrame) -> None:
    matrix, rest = between(majorities(trials[trials["observer"] == "M1"], "contrast"), "contrast", ["M1"])
    assert len(matrix) == len(rest) == 0
    matrix, rest = between(majorities(trials[trials["scene"] == "s0"], "contrast"), "contrast", MODELS)
    assert matrix["vr_percent"].notna().all()
    assert matrix[["low", "high"]].isna().all(axis=None)
    assert rest[["low", "high"]].isna().all(axis=None)


def test_the_majority_leaves_out_who_did_not_answer() -> None:
    signs = np.array([[1, 1, np.nan, np.nan], [1, -1, -1, np.nan], [-1, np.nan, np.nan, np.nan]])
    assert majority(signs) == pytest.approx([1, 0, -1, np.nan], nan_ok=True)
