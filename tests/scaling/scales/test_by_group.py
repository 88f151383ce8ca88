"""A model with more in it, fitted to every group of a table: as the function itself does, group by group."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from trial_tables import trials_table

from visavis.scaling import (
    ScalingError,
    count_by_order,
    count_choices,
    fit_groups,
    fit_latent_classes,
    fit_order_effect,
    fit_population,
    fit_scale,
    fit_ties,
)

VALUES = {"contrast": np.array([-0.6, 0.0, 0.6]), "preference": np.array([0.4, 0.1, -0.5])}


@pytest.fixture(scope="module")
def trials() -> pd.DataFrame:
    table = trials_table({f"P{i}": VALUES for i in range(5)}, scenes=4)
    table.loc[::9, ["choice", "outcome"]] = "tie"
    return table


@pytest.mark.parametrize(
    ("kind", "options", "alone"),
    [
        ("ties", {"model": "rao_kupper"}, lambda part: fit_ties(count_choices(part, ()), "rao_kupper")),
        ("sides", {}, lambda part: fit_order_effect(count_by_order(part))),
        ("population", {"method": "ml"}, lambda part: fit_population(count_choices(part, "observer"), method="ml")),
        ("classes", {"classes": 2}, lambda part: fit_latent_classes(count_choices(part, "observer"), 2)),
        ("sparse", {}, lambda part: fit_scale(count_choices(part, ()))),
    ],
)
def test_each_group_is_fitted_as_if_alone(trials: pd.DataFrame, kind: Any, options: dict[str, Any], alone: Any) -> None:
    table = fit_groups(trials, kind, "attribute", **options)
    for attribute, part in trials.groupby("attribute"):
        expected = alone(part).to_frame()
        found = table[table["attribute"] == attribute].reset_index(drop=True)
        pd.testing.assert_frame_equal(found[list(expected.columns)], expected, rtol=1e-4, atol=1e-6)


def test_further_parameters_stand_beside_the_values(trials: pd.DataFrame) -> None:
    assert list(fit_groups(trials, "sides", ["attribute"]).columns) == [
        *("attribute", "item", "value", "se", "low", "high", "bias", "bias_se", "p_value")
    ]
    assert {"tie_parameter", "deviance", "df"} <= set(fit_groups(trials, "ties", []).columns)


def test_models_of_people_take_all_observers_of_a_group_together(trials: pd.DataFrame) -> None:
    apart = fit_groups(trials, "population", ["observer", "attribute"])
    assert list(apart["attribute"]) == ["contrast"] * 3 + ["preference"] * 3


def test_a_group_without_a_choice_is_left_out_as_by_fit_scale(trials: pd.DataFrame) -> None:
    silent = trials.assign(choice=trials["choice"].mask(trials["scene"] == "s1"))
    assert set(fit_groups(silent, "sparse", "scene")["scene"]) == {"s0", "s2", "s3"}


def test_what_cannot_be_fitted_is_named_with_its_group(trials: pd.DataFrame) -> None:
    choices = trials[(trials["choice"] != "tie") | (trials["attribute"] == "contrast")]
    with pytest.raises(ScalingError, match="attribute preference: a model of ties needs some ties"):
        fit_groups(choices, "ties", "attribute")
    with pytest.raises(ScalingError, match="unknown kind 'tie' of model; choose from ties, sides"):
        fit_groups(trials, "tie")  # type: ignore[arg-type]
    with pytest.raises(ScalingError, match="lacks the column"):
        fit_groups(trials, "ties", "session_of")
