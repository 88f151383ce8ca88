"""Firth's bias reduction, and values against a reference item."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr, ndtri
from scipy.stats import binom

from visavis.scaling import JOD_PER_SD, Counts, ScalingError, fit_scale

TASTE = [[0, 3, 2, 2], [12, 0, 11, 3], [13, 4, 0, 5], [13, 12, 10, 0]]
IN_R = {
    "bradley_terry": (
        [-1.25963460529, 0.28203399209, -0.01774630684, 0.99534692004],
        [0.4634639825, 0.4528522265, 0.5005467286],
    ),
    "thurstone": (
        [-0.748573701856, 0.164367334270, -0.007844047427, 0.592050415013],
        [0.2629943916, 0.2590462366, 0.2794732909],
    ),
}
"""Values, and standard errors against the first item, by R 4 from `lm.wfit` on the pseudo-responses of Kosmidis & Firth
(2009), y + n h d'/(2 w), whose fixed point is the estimate of brglm2's ``AS_mean``."""


@pytest.mark.parametrize("model", ["bradley_terry", "thurstone"])
def test_values_and_errors_are_those_of_another_program(model: str) -> None:
    found = fit_scale(Counts.from_matrix(TASTE, list("abcd")), method="firth", model=model)  # type: ignore[arg-type]
    values, errors = IN_R[model]
    assert found.converged.all()
    assert found.values[0] == pytest.approx(values, abs=1e-8)
    assert found.to_frame(anchor="a")["se"].to_numpy()[1:] == pytest.approx(errors, abs=1e-7)


@pytest.mark.parametrize("won", [0, 1, 3, 5])
def test_of_one_pair_it_is_the_logit_of_half_a_choice_more(won: int) -> None:
    found = fit_scale(Counts.from_matrix([[0, won], [5 - won, 0]]), method="firth", model="bradley_terry")
    assert found.values[0, 0] - found.values[0, 1] == pytest.approx(np.log((won + 0.5) / (5 - won + 0.5)))


@pytest.mark.parametrize("truth", [0.3, 0.6])
def test_its_bias_over_all_outcomes_is_small(truth: float) -> None:
    """All results of ten choices, weighted by their probabilities; beside a whole choice added to either item."""
    n, won = 10, np.arange(11)
    share = binom.pmf(won, n, ndtr(truth))
    counts = Counts.from_matrix([[[0, k], [n - k, 0]] for k in won])
    found = fit_scale(counts, method="firth").values
    bias = share @ (found[:, 0] - found[:, 1]) - truth
    assert abs(bias) < 0.012
    assert abs(share @ ndtri((won + 1) / (n + 2)) - truth) > 3 * abs(bias)


def test_what_is_separated_is_finite_and_what_falls_apart_is_not() -> None:
    chain = Counts.from_matrix([[0, 3, 0], [0, 0, 3], [0, 0, 0]], list("abc"))
    found = fit_scale(chain, method="firth")
    assert found.separation[0]
    assert np.isfinite(found.values).all()
    assert (np.diff(found.values[0]) < 0).all()
    apart = Counts.from_matrix(np.kron(np.eye(2), [[0, 2], [1, 0]]), list("abcd"))
    assert np.isnan(fit_scale(apart, method="firth").values).all()


class TestAnchor:
    def test_the_reference_is_at_0_without_an_error(self) -> None:
        scale = fit_scale(Counts.from_matrix(TASTE, list("abcd")))
        frame = scale.to_frame(anchor="b").set_index("item")
        assert tuple(frame.loc["b", ["value", "se", "low", "high"]]) == (0, 0, 0, 0)
        contrast = np.array([1.0, -1, 0, 0])
        assert frame.loc["a", "value"] == pytest.approx(contrast @ scale.values[0])
        assert frame.loc["a", "se"] == pytest.approx(np.sqrt(contrast @ scale.covariance[0] @ contrast))

    def test_jod_have_the_reference_at_0(self) -> None:
        scale = fit_scale(Counts.from_matrix(TASTE, list("abcd")))
        frame = scale.to_frame(anchor="a", jod=True).set_index("item")
        assert frame["value"].to_numpy() == pytest.approx(scale.in_jod("a")[0])
        assert frame.loc["a", "value"] == 0
        assert frame.loc["d", "se"] == pytest.approx(JOD_PER_SD * scale.to_frame(anchor="a")["se"].iloc[3])

    def test_an_item_that_was_not_scaled_is_named(self) -> None:
        scale = fit_scale(Counts.from_matrix(TASTE, list("abcd")))
        with pytest.raises(ScalingError, match="unknown anchor 'e'; choose from a, b, c, d"):
            scale.to_frame(anchor="e")
