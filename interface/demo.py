"""The demo: a whole comparison on sample photographs, with simulated people whose truth is known."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd

from visavis.base.files import atomic_write
from visavis.experiments import Experiment, Observer, load_trials, run
from visavis.observers import SimulatedObserver, SimulatedOptions, create_observer
from visavis.observers.metrics import find_metric
from visavis.scaling import PEOPLE, SENSITIVITY, Comparison, compare, write_report
from visavis.stimuli import sample_stimuli

MODEL_REPETITIONS = 3

# Two image statistics, and a metric of the distance from the photograph as it was taken.
_METRICS = ("rms_contrast", "colorfulness", "ssim")
_ORIGINAL = "neutral"

_STATISTICS = {"contrast": "rms_contrast", "colorfulness": "colorfulness"}

# What the simulated people feel: values from image statistics, preference from both, everyone a little different.
_PEOPLE = SimulatedOptions(
    statistics=_STATISTICS,
    weights={"preference": {"contrast": 0.35, "colorfulness": 0.65}},
    sensitivity=0.9,
    lapse=0.02,
    individual_sd=0.3,
)

# Stand-ins for models: one like people but for its weights, one that leans to the left, one that hardly sees colour.
_MODELS = {
    "model-contrast-lover": SimulatedOptions(
        statistics=_STATISTICS, weights={"preference": {"contrast": 0.9, "colorfulness": 0.1}}, sensitivity=1.5
    ),
    "model-left-leaning": SimulatedOptions(
        statistics=_STATISTICS,
        weights={"preference": {"contrast": 0.35, "colorfulness": 0.65}},
        sensitivity=0.8,
        side_bias=0.5,
    ),
    "model-refusing": SimulatedOptions(
        statistics={"contrast": "rms_contrast", "colorfulness": "mean_lightness"},
        weights={"preference": {"contrast": 0.5, "colorfulness": 0.5}},
        sensitivity=0.6,
        refusal_rate=0.05,
    ),
}


def run_demo(folder: Path, people: int, say: Callable[[str], None]) -> Comparison:
    """Make images and definition, run everyone, compare, and write the report.

    Parameters
    ----------
    folder : Path
        Gets ``images``, ``study.yaml``, ``results`` and ``report``. An earlier demo there is gone on with.
    people : int
        Number of simulated people.
    say : callable
        Called with each step in one line.
    """
    experiment = ask_everyone(folder, people, say)
    comparison = compare(load_trials(folder / "results"), people=["person-*"], extra=[SENSITIVITY])
    for attribute, r in recovery(experiment, comparison).items():
        say(f"{attribute}: recovered scale values correlate with the simulated people's true ones, r = {r:.3f}")
    say(f"report: {write_report(comparison, folder / 'report')}")
    return comparison


def ask_everyone(folder: Path, people: int, say: Callable[[str], None]) -> Experiment:
    """Make images and definition, and let people, models and metrics answer; see `run_demo`."""
    definition = folder / "study.yaml"
    sample_stimuli(folder / "images")
    atomic_write(definition, files("visavis").joinpath("demo.yaml").read_text(encoding="utf-8"), durable=True)
    experiment = Experiment.load(definition)
    say(f"{definition}: {len(experiment.stimuli.scenes)} scenes × {len(experiment.stimuli.renditions)} renditions")
    crowd: list[Observer] = [SimulatedObserver(f"person-{i:02}", _PEOPLE) for i in range(1, people + 1)]
    models: list[Observer] = [SimulatedObserver(name, options) for name, options in _MODELS.items()]
    metrics: list[Observer] = [
        create_observer(f"metric:{name}", {"reference": _ORIGINAL} if find_metric(name).takes_reference else {})
        for name in _METRICS
    ]
    for observers, repetitions, what in (
        (crowd, 1, "simulated people"),
        (models, MODEL_REPETITIONS, "simulated models"),
        (metrics, 1, "metrics"),
    ):
        results = [run(experiment, one, folder / "results", repetitions=repetitions) for one in observers]
        say(f"{sum(result.answered for result in results)} trials answered by {len(observers)} {what}")
    return experiment


def recovery(experiment: Experiment, comparison: Comparison) -> dict[str, float]:
    """Correlate the people's scale values with the values they were simulated from, over scenes and renditions.

    Returns
    -------
    dict
        Pearson's r by attribute.
    """
    average = _PEOPLE.model_copy(update={"individual_sd": 0.0})
    truth = SimulatedObserver("truth", average).true_values(experiment)
    found = comparison.scene_scales
    found = found[found["observer"] == PEOPLE].rename(columns={"item": "rendition", "value": "found"})
    both = pd.merge(truth, found, on=["attribute", "scene", "rendition"])
    return {
        str(attribute): float(np.corrcoef(part["value"], part["found"])[0, 1])
        for attribute, part in both.groupby("attribute", sort=False)
    }
