"""Every quantity that is calibrated, a row each.

To add one: append a row to the tuple of its table, with what it estimates in words and where its truth comes from
(`Quantity`). `benchmarks/calibration.py TABLE.COLUMN` then runs it alone, and a test asks for a row for every column
of the comparison that has an interval or is a p-value.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from visavis.scaling import PEOPLE, attribute_weights, rho

from .quantity import Law, Quantity, estimate, size_of
from .world import ATTRIBUTES, MODELS, Design, true_values

TWINS = {"observer": "other", "other": "twin"}
"""Two models whose answers follow one law: any difference between them is chance."""

SCALES = (
    estimate("scales", "value", "mean over all such scenes of the value that so many answers give"),
    estimate("spreads", "spread", "root mean square over all such scenes of the SD of a scene's values"),
)


@cache
def _true_rho(design: Design) -> dict[tuple[str, ...], float]:
    values = true_values(design, 5000, np.random.default_rng(0))
    return {
        (attribute, model): float(rho(values[0, column], values[place + 1, column]))
        for column, attribute in enumerate(ATTRIBUTES)
        for place, model in enumerate(MODELS)
    }


AGREEMENT = (
    estimate("alignment", "rho", "ρ with people that studies of this size find on average", "mean"),
    estimate(
        "alignment", "rho_corrected", "ρ of the true mean values, over all such scenes", _true_rho, limits="corrected_"
    ),
    estimate("correlations", "estimate", "the coefficient that studies of this size find on average", "mean"),
    estimate("agreement", "estimate", "share of pairs, or κ, over all such scenes"),
    estimate("equivalence", "gap", "accuracy of the model less a person's, over all such scenes", "mean"),
    size_of(
        "equivalence",
        "p_value",
        "the gap is not within the margin: `alike` is steadier than a person",
        observer="alike",
    ),
    estimate("differences", "difference", "difference of two models' ρ with people, as found on average", "mean"),
    size_of("differences", "p_value", "two models are equally near to people", **TWINS),
    size_of("differences", "p_adjusted", "the same, over all pairs of models", **TWINS),
    estimate("separability", "slope", "slope of agreement on |Δ| over all such scenes"),
    estimate("separability_points", "agreement", "agreement of pairs so far apart, over all such scenes", "mean"),
    size_of("trade_off", "p_value", "steadiness and agreement of models are independent"),
)

VARIABILITY = (
    estimate("vr_within", "any", "share of pairs not answered unanimously, over all such scenes"),
    estimate("vr_between", "vr_percent", "disagreement of the majorities of two observers, over all such scenes"),
    estimate("vr_rest", "majority", "disagreement with the majority of the other models, over all such scenes"),
    estimate("vr_differences", "difference", "difference of VR% of two models, over all such scenes"),
    size_of("vr_differences", "p_value", "two models are equally steady", **TWINS),
    size_of("vr_differences", "p_adjusted", "the same, over all pairs of models", **TWINS),
    estimate("side_bias", "left_share", "share of answers to the left", limits="left_"),
    estimate("side_bias", "excess_flips", "flips beyond those of identical repeats", limits="excess_"),
    size_of("side_bias", "p_value", "no side is favoured"),
)


@cache
def true_weights(design: Design) -> dict[tuple[str, str], np.ndarray]:
    """Return β, |β| / Σ|β|, LMG and R² of the true values by attribute and observer."""
    values = true_values(design, 5000, np.random.default_rng(0))
    found = {}
    for place, observer in enumerate((PEOPLE, *MODELS)):
        own = values[place].reshape(3, -1)
        frame = pd.DataFrame(own[:2].T, columns=list(ATTRIBUTES[:2]))
        weights = attribute_weights(frame, own[2])
        for column, attribute in enumerate(ATTRIBUTES[:2]):
            each = weights.beta[column], weights.normalised[column], weights.lmg[column], weights.r_squared
            found[attribute, observer] = np.array(each)
    return found


def _weight(place: int) -> Law:
    return lambda design: {key: float(each[place]) for key, each in true_weights(design).items()}


def _weight_difference(design: Design) -> dict[tuple[str, ...], float]:
    found, names = true_weights(design), (PEOPLE, *MODELS)
    return {
        (attribute, one, other): float(found[attribute, one][0] - found[attribute, other][0])
        for attribute in ATTRIBUTES[:2]
        for one in names
        for other in names
    }


WEIGHTS = (
    estimate("weights", "beta", "standardised weight of the true values, in all such scenes", _weight(0)),
    estimate("weights", "normalised", "its share of all weights", _weight(1), limits="normalised_"),
    estimate("weights", "lmg", "its share of R² of the true values", _weight(2), limits="lmg_"),
    estimate("weights", "r_squared", "R² of the true values, in all such scenes", _weight(3), limits="r_squared_"),
    estimate("weight_differences", "difference", "difference of the weights of true values", _weight_difference),
    size_of("weight_differences", "p_value", "two observers weigh an attribute alike", **TWINS),
    size_of("weight_differences", "p_adjusted", "the same, over all pairs of observers", **TWINS),
)

QUANTITIES: tuple[Quantity, ...] = (*SCALES, *AGREEMENT, *VARIABILITY, *WEIGHTS)
