"""Ceilings of choices by hand, weights against published figures and statsmodels, and what single results show."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from visavis.scaling import (
    Counts,
    Design,
    ScalingError,
    attribute_weights,
    choice_ceilings,
    count_choices,
    counts_of_orders,
    fit_order_effect,
    fit_population,
    fit_ties,
    observers_needed,
    weights_from_correlations,
)


def choices(*rows: tuple[str, str, str]) -> Counts:
    table = pd.DataFrame(rows, columns=["observer", "pair", "chosen"])
    table["left"], table["right"] = table["pair"].str[0], table["pair"].str[1]
    table["choice"] = np.where(table["chosen"] == table["left"], "left", "right")
    return count_choices(table, ["observer"])


def test_ceilings_by_hand() -> None:
    # On a-b: a, a, b; on a-c: a, c.
    counts = choices(("P1", "ab", "a"), ("P2", "ab", "a"), ("P3", "ab", "b"), ("P1", "ac", "a"), ("P2", "ac", "c"))
    found = choice_ceilings(counts)
    assert found.majority == pytest.approx((2 + 1) / 5)
    # The others of P1 on a-b are split, of P2 too, of P3 say a; on a-c each is contradicted by the other.
    assert found.leave_one_out == pytest.approx((0.5 + 0.5 + 0 + 0 + 0) / 5)
    # Of the three pairs of choices on a-b one agrees; the one on a-c does not.
    assert found.observer_observer == pytest.approx(1 / 4)
    assert found.choices == 5


def test_choices_that_nobody_else_made_cannot_be_predicted() -> None:
    found = choice_ceilings(choices(("P1", "ab", "a"), ("P2", "ab", "a"), ("P2", "ac", "c")))
    assert found.leave_one_out == 1
    assert found.majority == 1
    with pytest.raises(ScalingError, match="no pair was answered by two observers"):
        choice_ceilings(choices(("P1", "ab", "a"), ("P2", "ac", "c")))


def test_weights_of_two_correlated_attributes() -> None:
    found = weights_from_correlations(np.array([[1, 0.5], [0.5, 1]]), np.array([0.6, 0.8]))
    assert found.beta == pytest.approx([0.266667, 0.666667], abs=1e-6)
    assert found.r_squared == pytest.approx(0.693333, abs=1e-6)
    assert found.lmg == pytest.approx([0.206667, 0.486667], abs=1e-6)
    assert found.normalised == pytest.approx([2 / 7, 5 / 7])


def test_weights_are_those_of_a_regression_on_standardised_values() -> None:
    rng = np.random.default_rng(0)
    x = pd.DataFrame(rng.normal(size=(40, 3)), columns=["contrast", "colorfulness", "sharpness"])
    x["sharpness"] += 0.6 * x["contrast"]
    y = 0.4 * x["contrast"] + 0.8 * x["colorfulness"] + rng.normal(0, 0.5, 40)
    found = attribute_weights(x, y)
    standard = (x - x.mean()) / x.std()
    ols = sm.OLS((y - y.mean()) / y.std(), standard).fit()
    assert found.beta == pytest.approx(ols.params.to_numpy())
    assert found.r_squared == pytest.approx(ols.rsquared)
    assert found.lmg.sum() == pytest.approx(ols.rsquared)
    assert found.to_frame()["attribute"].tolist() == ["contrast", "colorfulness", "sharpness"]


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ({"a": [1, 2, 3, 4], "b": [2, 4, 6, 8]}, [1, 2, 2, 5], "determine each other"),
        ({"a": [1, 1, 1, 1]}, [1, 2, 2, 5], "a is constant"),
        ({"a": [1, 2, 3, 4]}, [1, 1, 1, 1], "the target is constant"),
        ({"a": [1, 2, np.nan, 4]}, [1, 2, 2, 5], "missing or infinite"),
        ({"a": [1, 2]}, [1, 2], "1 attributes need 3 values"),
    ],
)
def test_weights_that_cannot_be_told_are_refused(x: dict[str, list[float]], y: list[float], message: str) -> None:
    with pytest.raises(ScalingError, match=message):
        attribute_weights(pd.DataFrame(x), y)


def test_observers_needed_reach_the_power_and_one_step_fewer_do_not() -> None:
    from dataclasses import replace

    from visavis.scaling import simulate_power

    design = Design(items=4, difference_jod=0.6, observers=1)
    needed = observers_needed(design, most=200)
    assert simulate_power(replace(design, observers=needed))["neighbours"] >= 0.8
    assert simulate_power(replace(design, observers=needed - 1))["neighbours"] < 0.8
    with pytest.raises(ScalingError, match=r"3 observers do not reach a power of 0\.8"):
        observers_needed(design, most=3)


def test_every_single_result_has_a_table_a_summary_a_prediction_and_a_figure() -> None:
    wins = np.array([[0, 30, 25], [15, 0, 18], [20, 27, 0]])
    ties = fit_ties(Counts.from_matrix(wins, ["$a", "b", "c"], 5 * (1 - np.eye(3))))
    second = wins + np.triu(np.ones((3, 3)), 1) * 9
    order = fit_order_effect(counts_of_orders(wins, second, ["a", "b", "c"]), model="bradley_terry")
    each = Counts(
        ("a", "b", "c"),
        pd.DataFrame({"observer": range(4)}),
        np.stack([wins // 4 + 1] * 4) * (1 - np.eye(3)),
        np.zeros((4, 3, 3)),
    )
    population = fit_population(each)
    for result, further in ((ties, "tie parameter"), (order, "bias"), (population, "observer_sd")):
        frame = result.to_frame()
        assert (frame["low"] < frame["value"]).all()
        assert (frame["value"] < frame["high"]).all()
        assert further in result.summary()
        result.plot().figure.canvas.draw()  # type: ignore[union-attr]
    win, tie = ties.predict()
    assert win + win.T + tie == pytest.approx(np.ones((3, 3)))
    assert np.diag(order.predict()) == pytest.approx(1 / (1 + order.gamma))
    assert population.predict() + population.predict().T == pytest.approx(np.ones((3, 3)))
