"""Every quantity with an interval or a p is calibrated, and a reduced calibration holds."""

from __future__ import annotations

import pytest
from calibrating.quantity import Quantity
from calibrating.registry import QUANTITIES
from calibrating.running import Calibration, calibrate_design, in_markdown, interval_and_test_columns
from calibrating.world import Design

SMALL = Design(people=4, scenes=6, items=4)
STUDIES = 20
KEPT = ("scales.value", "vr_within.any", "vr_between.vr_percent", "side_bias.left_share", "side_bias.p_value")
"""Quantities whose coverage or size the reduced form watches."""


@pytest.fixture(scope="module")
def reduced() -> dict[str, Calibration]:
    found = calibrate_design(
        "small", SMALL, STUDIES, [one for one in QUANTITIES if one.name in KEPT], resamples=200, seed=1, many=150
    )
    return {one.quantity.name: one for one in found}


def test_every_interval_and_every_p_has_a_row() -> None:
    drawn = interval_and_test_columns()
    assert {quantity.name for quantity in QUANTITIES if quantity.limits or quantity.truth is None} == drawn


def test_no_quantity_has_two_rows_and_each_says_what_it_estimates() -> None:
    names = [quantity.name for quantity in QUANTITIES]
    assert len(set(names)) == len(names)
    assert all(quantity.estimand for quantity in QUANTITIES)


@pytest.mark.parametrize("name", KEPT)
def test_the_reduced_form_covers(reduced: dict[str, Calibration], name: str) -> None:
    """With 20 studies a share is known to a few per cent: far from what is aimed at is an error, near it is chance."""
    found = reduced[name]
    if found.quantity.truth is None:
        assert found.size < 0.25
    else:
        assert found.coverage > 0.85
        assert abs(found.bias) < 0.5 * found.error


def test_a_wrong_truth_is_found() -> None:
    rows, limits = {"observer": "other"}, ("left_low", "left_high")
    wrong = Quantity("side_bias", "left_share", "not it", lambda _: {("other",): 0.7}, limits, rows=rows)
    (found,) = calibrate_design("small", SMALL, 3, [wrong], resamples=20, seed=1, many=6)
    assert found.bias == pytest.approx(-0.2, abs=0.05)
    assert not found.holds
    assert "**0.0 %**" in in_markdown([found])
