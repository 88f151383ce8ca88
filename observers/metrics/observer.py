"""A measure of an image, or of an image and its reference, as an observer."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Self

from pydantic import Field

from visavis.experiments import Capabilities, Experiment, ObserverError, Response, Trial
from visavis.observers.configurable import ConfigurableObserver, ObserverOptions
from visavis.stimuli import Pixels, Stimulus

from .catalogue import METRICS, Metric, as_metric, find_metric

Measure = Callable[..., float] | Metric


class MetricOptions(ObserverOptions):
    """Which metric answers which question."""

    statistics: dict[str, str] = Field(
        default_factory=dict, description="by attribute, the metric that answers it, instead of one for all"
    )
    lower_is_better: bool | None = Field(
        None, description="choose the image with the lower value (default: as the metric means it)"
    )
    reference: str | None = Field(
        None, description="rendition that a metric with a reference compares with (default: the definition's reference)"
    )


class MetricObserver(ConfigurableObserver):
    """Chooses the image whose metric is better.

    Two equal values are a tie where the definition allows ties, and otherwise an ``invalid`` outcome, as is a value
    that is not a number: a metric tosses no coin.

    Parameters
    ----------
    name : str
    measure : callable, Metric, or mapping of str to them
        A function of an sRGB uint8 array of shape (height, width, 3), or of an image and its reference, that returns a
        number; or one for each attribute.
    lower_is_better : bool, optional
        Choose the image with the lower value; by default the higher one, or as a `Metric` says.
    reference : str, optional
        The rendition that metrics with a reference compare with; by default the definition's reference.
    """

    kind = "metric"
    capabilities = Capabilities(deterministic=True)
    Options: ClassVar[type[ObserverOptions]] = MetricOptions

    def __init__(
        self,
        name: str,
        measure: Measure | Mapping[str, Measure],
        *,
        lower_is_better: bool | None = None,
        reference: str | None = None,
    ) -> None:
        self.name = name
        self._by_attribute: dict[str, Metric] = {}
        self._for_all: Metric | None = None
        if isinstance(measure, Mapping):
            self._by_attribute = {attribute: as_metric(one) for attribute, one in measure.items()}
        else:
            self._for_all = as_metric(measure)
        self._lower_is_better = lower_is_better
        self._reference = reference
        self._values: dict[tuple[Metric, str, str], float] = {}
        self._latest_reference: tuple[str, Pixels] | None = None
        self._experiment: Experiment | None = None

    @classmethod
    def configured(cls, subject: str | None, options: Any, name: str | None) -> Self:
        """Make an observer; the subject is the name of a metric, or ``package.module:function``."""
        if (subject is None) == (not options.statistics):
            raise ObserverError(
                "metric: name one metric, as in metric:rms_contrast, or one for each attribute by the option "
                f"statistics; choose from {', '.join(METRICS)}, or name a function as package.module:function"
            )
        measure = (
            find_metric(subject)
            if subject is not None
            else {attribute: find_metric(one) for attribute, one in options.statistics.items()}
        )
        return cls(
            name or (subject or "metric").replace(":", "."),
            measure,
            lower_is_better=options.lower_is_better,
            reference=options.reference,
        )

    def prepare(self, experiment: Experiment) -> list[str]:
        """Check that every attribute has its metric, and every metric its reference."""
        warnings = super().prepare(experiment)
        attributes = experiment.definition.attributes
        lacking = [name for name in attributes if name not in self._by_attribute] if self._for_all is None else []
        if lacking:
            raise ObserverError(f"{self.name}: no metric answers {', '.join(lacking)}: name one for each attribute")
        if any(self._metric(attribute).takes_reference for attribute in attributes):
            self._check_reference(experiment)
        self._experiment = experiment
        self._values.clear()
        return warnings

    def _check_reference(self, experiment: Experiment) -> None:
        reference = self._reference or experiment.definition.reference
        if reference is None:
            raise ObserverError(
                f"{self.name}: compares with a reference and there is none: give 'reference' in the definition, "
                "or the option --reference RENDITION"
            )
        if reference not in experiment.stimuli.renditions:
            known = ", ".join(experiment.stimuli.renditions[:10])
            raise ObserverError(f"{self.name}: unknown reference {reference!r}: choose from {known}")

    def respond(self, trials: Sequence[Trial]) -> Iterator[Response]:
        """Answer `trials` in order."""
        for trial in trials:
            start = time.perf_counter()
            metric = self._metric(trial.attribute)
            left, right = self._value(metric, trial.scene, trial.left), self._value(metric, trial.scene, trial.right)
            yield self._compare(trial, metric, left, right, time.perf_counter() - start)

    def describe(self) -> dict[str, Any]:
        """Return which functions answer, and what they are given."""
        metrics = {"all attributes": self._for_all} if self._for_all is not None else self._by_attribute
        return {
            "measures": {attribute: metric.name for attribute, metric in metrics.items()},
            "metrics": {attribute: metric.describe() for attribute, metric in metrics.items()},
            "given": "sRGB, 8 bits a channel, at the file's own size",
            "lower_is_better": self._lower_is_better,
            "reference": self._reference,
        }

    def _metric(self, attribute: str) -> Metric:
        return self._for_all if self._for_all is not None else self._by_attribute[attribute]

    def _value(self, metric: Metric, scene: str, rendition: str) -> float:
        if self._experiment is None:
            raise ObserverError(f"{self.name} was asked before it was prepared")
        stimulus = self._experiment.stimuli[scene, rendition]
        reference = self._experiment.stimuli[scene, self._reference_name()] if metric.takes_reference else None
        key = metric, stimulus.pixels_sha256, reference.pixels_sha256 if reference else ""
        if key not in self._values:
            self._values[key] = self._measured(metric, stimulus, reference)
        return self._values[key]

    def _measured(self, metric: Metric, stimulus: Stimulus, reference: Stimulus | None) -> float:
        images = [stimulus.pixels(), *([self._reference_pixels(reference)] if reference else [])]
        try:
            return float(metric.function(*images))
        except Exception as error:  # of a function that is not ours
            raise ObserverError(
                f"{self.name}: {metric.name} failed on {stimulus.path} ({type(error).__name__}: {error}): "
                "choose another metric, or leave this image out"
            ) from error

    def _reference_pixels(self, reference: Stimulus) -> Pixels:
        """Return the pixels of a reference, read once for all renditions of a scene in turn."""
        if self._latest_reference is None or self._latest_reference[0] != reference.pixels_sha256:
            self._latest_reference = reference.pixels_sha256, reference.pixels()
        return self._latest_reference[1]

    def _reference_name(self) -> str:
        definition = self._experiment.definition if self._experiment is not None else None
        return self._reference or (definition.reference if definition else None) or ""

    def _compare(self, trial: Trial, metric: Metric, left: float, right: float, seconds: float) -> Response:
        values = {
            name: value if math.isfinite(value) else str(value) for name, value in (("left", left), ("right", right))
        }
        provenance: dict[str, Any] = {"values": values}
        if self._experiment is not None:
            provenance["size"] = list(self._experiment.stimuli[trial.scene, trial.left].size)
        if metric.takes_reference:
            provenance["reference"] = self._reference_name()
        common: dict[str, Any] = {"response_time_s": seconds, "provenance": provenance}
        if math.isnan(left) or math.isnan(right):
            return Response(trial.id, "invalid", **common)
        if left == right:
            if self._experiment is not None and self._experiment.definition.ties:
                return Response(trial.id, "tie", "tie", **common)
            return Response(trial.id, "invalid", **common)
        lower = metric.lower_is_better if self._lower_is_better is None else self._lower_is_better
        return Response(trial.id, "choice", "left" if (left > right) != lower else "right", **common)
