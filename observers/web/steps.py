"""A session's steps as the page is sent them.

Rules of this file: pure. The flow decides; here only what the page must not know is left out. Names of scenes and
renditions, phases and expected answers stay on the server: a trial is known to the page by its position, an image by
the hash of its pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from visavis.experiments import Experiment, Trial
from visavis.experiments.presentation import Presentation
from visavis.observers.human.flow import SessionFlow, Step, TrialStep, step_json
from visavis.observers.human.layout import QUESTION_PX, DoesNotFit, Placement, Size, in_a_row
from visavis.observers.human.timeline import one_after_other, trial_roles
from visavis.stimuli import Stimulus

from .texts import page_texts


def page_step(step: Step, experiment: Experiment, language: str) -> dict[str, Any]:
    """Return a step as JSON values."""
    if not isinstance(step, TrialStep):
        return step_json(step)
    texts, presentation = page_texts(language), experiment.definition.presentation
    successive = one_after_other(presentation)
    buttons: dict[str, str] = {}
    if presentation.mouse and successive:
        buttons = {"left": texts["first"], "right": texts["second"]}
    if presentation.mouse and experiment.definition.ties:
        buttons["tie"] = texts["no_difference"]
    return {
        "step": step.step,
        "trial": step.trial.index,
        "question": step.question,
        "images": [
            {"role": role, "image": image.pixels_sha256, "size": list(image.size)}
            for role, image in trial_images(experiment, step.trial).items()
        ],
        "successive": successive,
        "gap": presentation.gap_px,
        "timeline": [asdict(showing) for showing in step.timeline],
        "keys": step.keys,
        "pointer": step.pointer,
        "buttons": buttons,
        "earliest_s": step.earliest_s,
        "feedback": asdict(step.feedback),
    }


def trial_images(experiment: Experiment, trial: Trial) -> dict[str, Stimulus]:
    """Return the images of a trial by their roles, in the order in which they stand."""
    names = {"left": trial.left, "right": trial.right, "reference": trial.reference}
    roles = trial_roles(experiment.definition.presentation, reference=trial.reference is not None)
    return {role: experiment.stimuli[trial.scene, str(names[role])] for role in roles}


def places(presentation: Presentation, sizes: Mapping[str, Size], window: Size) -> dict[str, Placement] | None:
    """Return where the images of a trial stand in a window; None where they do not fit."""
    try:
        if one_after_other(presentation):
            return {role: in_a_row([size], 0, window)[0] for role, size in sizes.items()}
        return dict(zip(sizes, in_a_row(list(sizes.values()), presentation.gap_px, window), strict=True))
    except DoesNotFit:
        return None


def needed_px(experiment: Experiment) -> Size:
    """Return the least window that has room for every trial, in device pixels."""
    presentation, reference = experiment.definition.presentation, experiment.definition.reference is not None
    in_row = 1 if one_after_other(presentation) else 3 if reference else 2
    sizes = [stimulus.size for stimulus in experiment.stimuli.values()]
    width = in_row * max(size[0] for size in sizes) + (in_row - 1) * presentation.gap_px
    return width, max(size[1] for size in sizes) + 2 * QUESTION_PX


def opening(experiment: Experiment, flow: SessionFlow) -> list[dict[str, Any]]:
    """Return what comes before the first trial of a new session."""
    practice = experiment.definition.practice
    steps = flow.opening(practice=practice.trials if practice else 0, resumed=False)
    return [page_step(step, experiment, flow.language) for step in steps]
