"""A simulated observer whose truth is known: for trying a design, and for checking every analysis after it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from statistics import NormalDist
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from visavis.experiments import Capabilities, Experiment, ObserverError, Response, Trial
from visavis.experiments.random_stream import hashed_uniforms
from visavis.stimuli import STATISTICS

from .configurable import ConfigurableObserver, ObserverOptions
from .resuming import begun_with, changed_settings, session_events

_STANDARD_NORMAL = NormalDist()
_SMALLEST = 2.0**-54  # half a step of a hashed uniform keeps its quantile finite

Values = dict[tuple[str, str, str], float]
"""Scale values by attribute, scene and rendition."""


class SimulatedOptions(ObserverOptions):
    """How a simulated observer answers; every attribute of the definition needs values, a statistic or weights."""

    values: dict[str, dict[str, float | dict[str, float]]] = Field(
        default_factory=dict, description="scale values by attribute and rendition, or by attribute, scene, rendition"
    )
    statistics: dict[str, str] = Field(
        default_factory=dict, description="by attribute, an image statistic, standardised within each scene"
    )
    weights: dict[str, dict[str, float]] = Field(
        default_factory=dict, description="by attribute, weights of other attributes whose values it sums"
    )
    sensitivity: float = Field(1.0, ge=0, description="factor on all scale values")
    lapse: float = Field(0.0, ge=0, le=1, description="share of trials answered by a coin")
    side_bias: float = Field(0.0, description="added to the difference in favour of left, in SD of a difference")
    individual_sd: float = Field(0.0, ge=0, description="SD of this observer's own deviations from the scale values")
    tie_threshold: float = Field(0.0, ge=0, description="differences below it are ties, where ties are allowed")
    refusal_rate: float = Field(0.0, ge=0, le=1, description="share of trials refused")
    invalid_rate: float = Field(0.0, ge=0, le=1, description="share of trials answered with nothing usable")
    report_probability: bool = Field(False, description="report the probability of left beside the choice")
    seconds_per_trial: float = Field(0.0, ge=0, description="time taken for each answer")
    seed: int = Field(0, description="with the name, decides everything random about this observer")

    @model_validator(mode="after")
    def _consistent(self) -> SimulatedOptions:
        for name in self.statistics.values():
            if name not in STATISTICS:
                raise ValueError(f"unknown statistic {name!r}; choose from {', '.join(STATISTICS)}")
        if self.refusal_rate + self.invalid_rate > 1:
            raise ValueError("refusal_rate and invalid_rate sum to more than 1")
        return self


class SimulatedObserver(ConfigurableObserver):
    """A Thurstonian observer with known scale values, sensitivity, lapses and side bias.

    It chooses left with probability ``(1 - lapse) Φ(sensitivity (s_left - s_right) + side_bias) + lapse / 2``
    (Thurstone 1927, Case V, in units of the SD of a difference; lapses after Wichmann & Hill 2001). Ties, where the
    definition allows them, are differences below a threshold (Glenn & David 1960). An answer depends on the seed, the
    observer's name and the trial alone, never on what was asked before.

    Parameters
    ----------
    name : str
    options : SimulatedOptions
    """

    kind = "simulated"
    Options: ClassVar[type[ObserverOptions]] = SimulatedOptions

    def __init__(self, name: str, options: SimulatedOptions) -> None:
        self.name = name
        self.options = options
        self.capabilities = Capabilities(soft_choice=options.report_probability)
        self._values: Values = {}
        self._ties = False

    @classmethod
    def configured(cls, subject: str | None, options: Any, name: str | None) -> Self:
        """Make an observer; the subject is its name where none is given."""
        return cls(name or subject or "simulated", options)

    def prepare(self, experiment: Experiment) -> list[str]:
        """Work out the scale values of every stimulus."""
        warnings = super().prepare(experiment)
        self._values = _individual(_scale_values(self.options, experiment), self.options, self.name)
        self._ties = experiment.definition.ties
        options = self.describe()["options"]
        began = begun_with(session_events(self.folder)).get("options", options)
        return [*warnings, *changed_settings(began, options)]

    def true_values(self, experiment: Experiment) -> pd.DataFrame:
        """Return the truth that an analysis should find.

        Returns
        -------
        DataFrame
            ``attribute, scene, rendition, value``; sensitivity and this observer's own deviations are part of the
            value, in units of the SD of a difference.
        """
        values = _individual(_scale_values(self.options, experiment), self.options, self.name)
        rows = [(*key, self.options.sensitivity * value) for key, value in values.items()]
        return pd.DataFrame(rows, columns=["attribute", "scene", "rendition", "value"])

    def respond(self, trials: Sequence[Trial]) -> Iterator[Response]:
        """Answer `trials` in order."""
        for trial in trials:
            if self.options.seconds_per_trial:
                time.sleep(self.options.seconds_per_trial)
            yield self._answer(trial)

    def describe(self) -> dict[str, Any]:
        """Return the options."""
        return {"options": self.options.model_dump(mode="json")}

    def _answer(self, trial: Trial) -> Response:
        options = self.options
        fate, lapse, coin, noise = hashed_uniforms(options.seed, self.name, trial.id)
        if fate < options.refusal_rate:
            return Response(trial.id, "refusal")
        if fate < options.refusal_rate + options.invalid_rate:
            return Response(trial.id, "invalid")
        key = trial.attribute, trial.scene
        difference = options.sensitivity * (self._values[*key, trial.left] - self._values[*key, trial.right])
        difference += options.side_bias
        p_left = None
        if options.report_probability:
            p_left = (1 - options.lapse) * _STANDARD_NORMAL.cdf(difference) + options.lapse / 2
        if lapse < options.lapse:
            return Response(trial.id, "choice", "left" if coin < 0.5 else "right", p_left=p_left)
        felt = difference + _STANDARD_NORMAL.inv_cdf(noise + _SMALLEST)
        if self._ties and abs(felt) < options.tie_threshold:
            return Response(trial.id, "tie", "tie", p_left=p_left)
        return Response(trial.id, "choice", "left" if felt > 0 else "right", p_left=p_left)


def _scale_values(options: SimulatedOptions, experiment: Experiment) -> Values:
    """Return the scale values before sensitivity and individual deviations."""
    values: Values = {}
    attributes = list(experiment.definition.attributes)
    for attribute in attributes:
        sources = [source for source in (options.values, options.statistics, options.weights) if attribute in source]
        if len(sources) != 1:
            raise ObserverError(
                f"simulated: attribute {attribute!r} needs its scale values from exactly one of the options "
                f"values, statistics and weights, and has {len(sources)}, as in "
                f"--statistics '{{{attribute}: rms_contrast}}'"
            )
        if attribute in options.values:
            values |= _given(attribute, options.values[attribute], experiment)
        elif attribute in options.statistics:
            values |= _from_statistic(attribute, options.statistics[attribute], experiment)
    for attribute in attributes:
        if attribute in options.weights:
            values |= _weighted(attribute, options.weights[attribute], values, experiment)
    return values


def _given(attribute: str, given: Mapping[str, float | Mapping[str, float]], experiment: Experiment) -> Values:
    values: Values = {}
    for scene, rendition in experiment.stimuli:
        of_scene = given.get(scene, given)
        value = of_scene.get(rendition) if isinstance(of_scene, Mapping) else None
        if not isinstance(value, float | int):
            raise ObserverError(
                f"simulated: values.{attribute} lacks rendition {rendition!r} of scene {scene!r}: give a number for "
                "every rendition, or for every rendition of every scene"
            )
        values[attribute, scene, rendition] = float(value)
    return values


def _from_statistic(attribute: str, statistic: str, experiment: Experiment) -> Values:
    """Standardise a statistic to mean 0 and SD 1 over the compared renditions of each scene."""
    compared = experiment.definition.compared(experiment.stimuli.renditions)
    values: Values = {}
    for scene in experiment.stimuli.scenes:
        measured = {r: experiment.stimuli[scene, r].statistic(statistic) for r in experiment.stimuli.renditions}
        mean, sd = np.mean([measured[r] for r in compared]), np.std([measured[r] for r in compared])
        for rendition, value in measured.items():
            values[attribute, scene, rendition] = float((value - mean) / sd) if sd > 0 else 0.0
    return values


def _weighted(attribute: str, weights: Mapping[str, float], values: Values, experiment: Experiment) -> Values:
    for other in weights:
        if not any(key[0] == other for key in values):
            raise ObserverError(
                f"simulated: weights.{attribute} names {other!r}, which has no values or statistic of its own"
            )
    return {
        (attribute, scene, rendition): sum(w * values[other, scene, rendition] for other, w in weights.items())
        for scene, rendition in experiment.stimuli
    }


def _individual(values: Values, options: SimulatedOptions, name: str) -> Values:
    """Add this observer's own deviations, which depend on its seed and name alone."""
    if not options.individual_sd:
        return values
    return {
        key: value
        + options.individual_sd
        * _STANDARD_NORMAL.inv_cdf(hashed_uniforms(options.seed, name, "individual", *key)[0] + _SMALLEST)
        for key, value in values.items()
    }
