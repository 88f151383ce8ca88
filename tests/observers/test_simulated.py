"""Simulated observers answer by the model they are said to follow."""

from __future__ import annotations

from collections.abc import Callable
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

from visavis.experiments import Experiment, ObserverError, Trial
from visavis.observers import SimulatedObserver, SimulatedOptions
from visavis.stimuli.statistics import rms_contrast

MakeExperiment = Callable[..., Experiment]
PHI = NormalDist().cdf
VALUES = {
    "contrast": {"c1": -0.6, "c2": 0.0, "c3": 0.2, "c4": 0.8},
    "preference": dict.fromkeys(("c1", "c2", "c3", "c4"), 0),
}
N = 20_000


def trials(left: str, right: str, n: int = N) -> list[Trial]:
    return [
        Trial(f"contrast/coast/{left}/{right}/{i}", i, 0, "main", "contrast", "coast", left, right, None, i, "AB")
        for i in range(n)
    ]


def share_left(experiment: Experiment, left: str, right: str, **options: Any) -> float:
    observer = SimulatedObserver("s", SimulatedOptions(values=VALUES, **options))
    observer.prepare(experiment)
    return float(np.mean([response.choice == "left" for response in observer.respond(trials(left, right))]))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, PHI(0.8)),
        ({"sensitivity": 2.0}, PHI(1.6)),
        ({"side_bias": 0.5}, PHI(1.3)),
        ({"lapse": 0.2}, 0.8 * PHI(0.8) + 0.1),
        ({"lapse": 1.0}, 0.5),
        ({"sensitivity": 0.5, "side_bias": -0.3, "lapse": 0.1}, 0.9 * PHI(0.1) + 0.05),
    ],
)
def test_choices_follow_the_model(make_experiment: MakeExperiment, options: dict[str, Any], expected: float) -> None:
    standard_error = np.sqrt(expected * (1 - expected) / N)
    assert abs(share_left(make_experiment(), "c4", "c2", **options) - expected) < 4 * standard_error


def test_probabilities_are_those_of_the_choices(make_experiment: MakeExperiment) -> None:
    observer = SimulatedObserver("s", SimulatedOptions(values=VALUES, lapse=0.1, report_probability=True))
    observer.prepare(make_experiment())
    (response,) = observer.respond(trials("c4", "c1", 1))
    assert response.p_left == pytest.approx(0.9 * PHI(1.4) + 0.05)
    assert observer.capabilities.soft_choice


def test_ties_are_small_differences(make_experiment: MakeExperiment) -> None:
    observer = SimulatedObserver("s", SimulatedOptions(values=VALUES, tie_threshold=0.5))
    observer.prepare(make_experiment(ties=True))
    share = np.mean([response.outcome == "tie" for response in observer.respond(trials("c3", "c2"))])
    assert share == pytest.approx(PHI(0.5 - 0.2) - PHI(-0.5 - 0.2), abs=0.015)
    observer.prepare(make_experiment(ties=False))
    assert {response.outcome for response in observer.respond(trials("c3", "c2", 500))} == {"choice"}


def test_refusals_and_invalid_answers_come_at_their_rates(make_experiment: MakeExperiment) -> None:
    observer = SimulatedObserver("s", SimulatedOptions(values=VALUES, refusal_rate=0.2, invalid_rate=0.1))
    observer.prepare(make_experiment())
    outcomes = [response.outcome for response in observer.respond(trials("c4", "c2"))]
    assert outcomes.count("refusal") / N == pytest.approx(0.2, abs=0.012)
    assert outcomes.count("invalid") / N == pytest.approx(0.1, abs=0.009)


def test_an_answer_depends_on_seed_name_and_trial_and_not_on_the_order(make_experiment: MakeExperiment) -> None:
    def answers(name: str, seed: int, asked: list[Trial]) -> dict[str, str | None]:
        observer = SimulatedObserver(name, SimulatedOptions(values=VALUES, seed=seed))
        observer.prepare(make_experiment())
        return {response.trial: response.choice for response in observer.respond(asked)}

    asked = trials("c3", "c2", 200)
    first = answers("a", 1, asked)
    assert answers("a", 1, asked[::-1]) == first
    assert answers("a", 1, asked[50:60]).items() <= first.items()
    assert answers("b", 1, asked) != first
    assert answers("a", 2, asked) != first


def test_statistics_are_standardised_within_each_scene(make_experiment: MakeExperiment) -> None:
    experiment = make_experiment()
    options = SimulatedOptions(statistics={"contrast": "rms_contrast", "preference": "colorfulness"}, sensitivity=2)
    truth = SimulatedObserver("s", options).true_values(experiment)
    contrast = truth[(truth["attribute"] == "contrast") & (truth["scene"] == "coast")]
    measured = np.array([rms_contrast(experiment.stimuli["coast", r].pixels()) for r in contrast["rendition"]])
    assert contrast["value"].to_numpy() == pytest.approx(2 * (measured - measured.mean()) / measured.std())


def test_weights_sum_the_values_of_other_attributes(make_experiment: MakeExperiment) -> None:
    attributes = {name: {"question": "?"} for name in ("contrast", "colorfulness", "preference")}
    options = SimulatedOptions(
        statistics={"contrast": "rms_contrast", "colorfulness": "colorfulness"},
        weights={"preference": {"contrast": 0.3, "colorfulness": 0.7}},
    )
    truth = SimulatedObserver("s", options).true_values(make_experiment(attributes=attributes))
    by = truth.pivot_table(index=["scene", "rendition"], columns="attribute", values="value")
    assert by["preference"].to_numpy() == pytest.approx((0.3 * by["contrast"] + 0.7 * by["colorfulness"]).to_numpy())


def test_values_may_differ_between_scenes(make_experiment: MakeExperiment) -> None:
    by_scene = {"coast": VALUES["contrast"], "market": {name: -value for name, value in VALUES["contrast"].items()}}
    options = SimulatedOptions(values={"contrast": by_scene, "preference": VALUES["preference"]})
    truth = (
        SimulatedObserver("s", options).true_values(make_experiment()).set_index(["attribute", "scene", "rendition"])
    )
    assert truth.loc[("contrast", "coast", "c4"), "value"] == 0.8
    assert truth.loc[("contrast", "market", "c4"), "value"] == -0.8


def test_individuals_differ_and_stay_themselves(make_experiment: MakeExperiment) -> None:
    experiment = make_experiment()

    def values(name: str) -> np.ndarray:
        options = SimulatedOptions(values=VALUES, individual_sd=0.4)
        return SimulatedObserver(name, options).true_values(experiment)["value"].to_numpy()

    assert np.array_equal(values("a"), values("a"))
    spread = np.array([values(f"person-{i}") for i in range(300)])
    assert spread.std(axis=0).mean() == pytest.approx(0.4, rel=0.05)
    given = SimulatedObserver("x", SimulatedOptions(values=VALUES)).true_values(experiment)["value"]
    assert spread.mean(axis=0) == pytest.approx(given.to_numpy(), abs=0.12)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"values": {"contrast": VALUES["contrast"]}},
            "attribute 'preference' needs its scale values from exactly one",
        ),
        ({"values": VALUES, "statistics": {"contrast": "rms_contrast"}}, "and has 2"),
        ({"values": {**VALUES, "contrast": {"c1": 0}}}, "values.contrast lacks rendition 'c2' of scene 'coast'"),
        (
            {"values": {"contrast": VALUES["contrast"]}, "weights": {"preference": {"hue": 1}}},
            "names 'hue', which has no",
        ),
    ],
)
def test_values_that_are_missing_are_named(
    make_experiment: MakeExperiment, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ObserverError) as caught:
        SimulatedObserver("s", SimulatedOptions(**options)).prepare(make_experiment())
    assert message in str(caught.value)
