"""The flow of a session without any screen: the steps, their order, and their JSON form."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from visavis.experiments import Experiment
from visavis.observers.human.flow import SessionFlow, TrialStep, step_json
from visavis.observers.human.timeline import trial_timeline

MakeExperiment = Callable[..., Experiment]
ONE: dict[str, Any] = {"attributes": {"contrast": {"question": "Which has more contrast?"}}, "repetitions": 1}


def kinds(experiment: Experiment, **how: Any) -> list[str]:
    flow, trials = SessionFlow(experiment.definition, "en"), list(experiment.plan("P07"))
    steps = [*flow.opening(practice=0, resumed=False), *flow.trials(trials, total=len(trials), **how), *flow.closing()]
    return [getattr(step, "name", step.step) for step in steps]


def test_the_steps_of_a_session_are_in_order(make_experiment: MakeExperiment) -> None:
    form = [{"name": "age", "ask": "How old are you?"}]
    experiment = make_experiment(**ONE, presentation={"consent": "Agree?", "form": form, "break_every": 5})
    block = ["trial"] * 5
    steps = ["consent", "age", "instructions", "loading", "announcement", *block, "break", *block, "break", "trial"]
    assert kinds(experiment) == [*steps, "trial", "thanks"]


def test_a_session_that_is_resumed_asks_no_consent_and_no_form(make_experiment: MakeExperiment) -> None:
    form = [{"name": "age", "ask": "How old are you?"}]
    experiment = make_experiment(**ONE, presentation={"consent": "Agree?", "form": form})
    (page,) = SessionFlow(experiment.definition, "en").opening(practice=0, resumed=True)
    assert "Welcome back" in step_json(page)["paragraphs"][0]


def test_portions_of_trials_give_the_steps_of_the_whole(make_experiment: MakeExperiment) -> None:
    experiment = make_experiment(**ONE, practice={"trials": 2}, presentation={"break_every": 3})
    flow, trials = SessionFlow(experiment.definition, "de"), list(experiment.plan("P07"))
    whole = list(flow.trials(trials, total=len(trials)))
    for cut in range(1, len(trials)):
        first = list(flow.trials(trials[:cut], total=len(trials)))
        second = list(flow.trials(trials[cut:], total=len(trials), shown=cut, previous=trials[cut - 1]))
        assert [*first, *second] == whole


@pytest.mark.parametrize("layout", ["side_by_side", "one_after_other"])
def test_every_step_has_a_json_form(layout: str, make_experiment: MakeExperiment) -> None:
    form = [{"name": "glasses", "ask": "Glasses?", "choices": ["yes", "no"]}]
    presentation = {"layout": layout, "mask": True, "consent": "Agree?", "form": form, "fixation_s": 0.5}
    experiment = make_experiment(**ONE, reference="c4", practice={"trials": 1, "feedback": True}, ties=True,
                                 presentation=presentation)  # fmt: skip
    flow, trials = SessionFlow(experiment.definition, "zh"), list(experiment.plan("P07"))
    for step in [*flow.opening(practice=1, resumed=False), *flow.trials(trials, total=len(trials)), *flow.closing()]:
        again = json.loads(json.dumps(step_json(step)))
        assert again["step"] == step.step
        if isinstance(step, TrialStep):
            assert again["trial"]["id"] == step.trial.id
            assert [showing["name"] for showing in again["timeline"]] == [showing.name for showing in step.timeline]
            assert again["keys"]["space"] == "tie"


def test_the_timeline_ends_with_what_lasts_until_the_answer(make_experiment: MakeExperiment) -> None:
    for layout, names in {
        "side_by_side": ["interval", "fixation", "images", "question"],
        "one_after_other": ["interval", "fixation", "reference", "gap", "left", "gap", "right", "question"],
    }.items():
        presentation = make_experiment(
            presentation={"layout": layout, "fixation_s": 0.2, "maximum_exposure_s": 2}
        ).definition.presentation
        timeline = trial_timeline(presentation, reference=True)
        assert [showing.name for showing in timeline] == names
        assert timeline[-1].duration_s is None
        assert [showing.answers for showing in timeline] == [False] * (len(names) - 2) + [True, True]
