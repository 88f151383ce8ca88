"""Metrics choose the higher value, and toss no coin."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from visavis.experiments import Experiment, ObserverError, Response, Trial
from visavis.observers import MetricObserver
from visavis.stimuli import STATISTICS, Pixels

MakeExperiment = Callable[..., Experiment]


def ask(observer: MetricObserver, experiment: Experiment) -> list[tuple[Trial, Response]]:
    observer.prepare(experiment)
    plan = experiment.plan("m")
    return list(zip(plan, observer.respond(list(plan)), strict=True))


def test_the_higher_contrast_is_chosen_on_either_side(make_experiment: MakeExperiment) -> None:
    answered = ask(MetricObserver("rms", STATISTICS["rms_contrast"]), make_experiment(sides="both_orders"))
    assert all(trial.rendition(response.choice) == max(trial.left, trial.right) for trial, response in answered)  # type: ignore[arg-type]


def test_lower_may_be_better(make_experiment: MakeExperiment) -> None:
    answered = ask(MetricObserver("rms", STATISTICS["rms_contrast"], lower_is_better=True), make_experiment())
    assert all(trial.rendition(response.choice) == min(trial.left, trial.right) for trial, response in answered)  # type: ignore[arg-type]


def test_each_attribute_may_have_its_own_measure(make_experiment: MakeExperiment) -> None:
    measures = {"contrast": STATISTICS["rms_contrast"], "preference": STATISTICS["colorfulness"]}
    for trial, response in ask(MetricObserver("both", measures), make_experiment()):
        better = max if trial.attribute == "contrast" else min  # colour falls from c1 to c4
        assert trial.rendition(response.choice) == better(trial.left, trial.right)  # type: ignore[arg-type]
        values = response.provenance["values"]
        expected = measures[trial.attribute](make_experiment().stimuli[trial.scene, trial.left].pixels())
        assert values["left"] == pytest.approx(expected)


def test_each_image_is_measured_once(make_experiment: MakeExperiment) -> None:
    seen: list[bytes] = []

    def measure(pixels: Pixels) -> float:
        seen.append(pixels.tobytes())
        return float(pixels.std())

    ask(MetricObserver("once", measure), make_experiment())
    assert len(seen) == len(set(seen)) == 8


@pytest.mark.parametrize(("ties", "outcome"), [(True, "tie"), (False, "invalid")])
def test_equal_values_are_no_choice(make_experiment: MakeExperiment, ties: bool, outcome: str) -> None:
    answered = ask(MetricObserver("flat", lambda _: 1.0), make_experiment(ties=ties))
    assert {response.outcome for _, response in answered} == {outcome}
    assert answered[0][1].provenance["values"] == {"left": 1.0, "right": 1.0}


def test_a_value_that_is_no_number_is_no_choice(make_experiment: MakeExperiment) -> None:
    answered = ask(MetricObserver("nan", lambda pixels: np.nan if pixels[0, 0, 0] % 2 else 1.0), make_experiment())
    assert "invalid" in {response.outcome for _, response in answered}
    infinite = ask(MetricObserver("inf", lambda pixels: np.inf if pixels[0, 0, 0] > 90 else 1.0), make_experiment())
    assert {response.outcome for _, response in infinite} == {"choice", "invalid"}


def test_an_attribute_without_a_measure_is_named(make_experiment: MakeExperiment) -> None:
    with pytest.raises(ObserverError, match="half: no metric answers preference"):
        MetricObserver("half", {"contrast": STATISTICS["rms_contrast"]}).prepare(make_experiment())


def test_repetitions_that_measure_nothing_are_told_of(make_experiment: MakeExperiment) -> None:
    observer = MetricObserver("rms", STATISTICS["rms_contrast"])
    for sides in ("random", "counterbalanced", "both_orders"):
        (warning,) = observer.prepare(make_experiment(repetitions=2, sides=sides))
        assert "measure no variability ('repetitions: 1'" in warning
        assert observer.prepare(make_experiment(repetitions=1, sides=sides)) == []
    rounds = {"design": "adaptive"}
    assert observer.prepare(make_experiment(repetitions=3, pairs=rounds)) == []
