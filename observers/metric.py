"""An image statistic, or any other function of an image, as an observer."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Self

from pydantic import Field

from visavis.experiments import Capabilities, Experiment, ObserverError, Response, Trial
from visavis.stimuli import STATISTICS, Pixels

from .configurable import ConfigurableObserver, ObserverOptions

Measure = Callable[[Pixels], float]


class MetricOptions(ObserverOptions):
    """Which statistic answers which question."""

    statistics: dict[str, str] = Field(
        default_factory=dict, description="by attribute, the statistic that answers it, instead of one for all"
    )
    lower_is_better: bool = Field(False, description="choose the image with the lower value")


class MetricObserver(ConfigurableObserver):
    """Chooses the image whose statistic is higher.

    Two equal values are a tie where the definition allows ties, and otherwise an ``invalid`` outcome, as is a value
    that is no number: a metric tosses no coin.

    Parameters
    ----------
    name : str
    measure : callable or mapping of str to callable
        A function of an sRGB uint8 array of shape (height, width, 3) that returns a number; or one for each attribute.
    lower_is_better : bool
    """

    kind = "metric"
    capabilities = Capabilities(deterministic=True)
    Options: ClassVar[type[ObserverOptions]] = MetricOptions

    def __init__(self, name: str, measure: Measure | Mapping[str, Measure], *, lower_is_better: bool = False) -> None:
        self.name = name
        self._measure = measure
        self._lower_is_better = lower_is_better
        self._cache: dict[tuple[Measure, str], float] = {}
        self._experiment: Experiment | None = None

    @classmethod
    def configured(cls, subject: str | None, options: Any, name: str | None) -> Self:
        """Make an observer; the subject is the name of a statistic."""
        if (subject is None) == (not options.statistics):
            raise ObserverError(
                "metric: name one statistic, as in metric:rms_contrast, or one for each attribute by the option "
                f"statistics; known are {', '.join(STATISTICS)}"
            )
        named = options.statistics or {"": subject}
        for statistic in named.values():
            if statistic not in STATISTICS:
                raise ObserverError(f"metric: unknown statistic {statistic!r}; choose from {', '.join(STATISTICS)}")
        measures = {attribute: STATISTICS[statistic] for attribute, statistic in named.items()}
        measure = STATISTICS[subject] if subject else measures
        return cls(name or subject or "metric", measure, lower_is_better=options.lower_is_better)

    def prepare(self, experiment: Experiment) -> list[str]:
        """Check that every attribute has its measure."""
        warnings = super().prepare(experiment)
        if isinstance(self._measure, Mapping):
            lacking = [name for name in experiment.definition.attributes if name not in self._measure]
            if lacking:
                raise ObserverError(
                    f"{self.name}: no statistic answers {', '.join(lacking)}: name one for each attribute"
                )
        self._experiment = experiment
        self._cache.clear()
        return warnings

    def respond(self, trials: Sequence[Trial]) -> Iterator[Response]:
        """Answer `trials` in order."""
        for trial in trials:
            start = time.perf_counter()
            measure = self._measure[trial.attribute] if isinstance(self._measure, Mapping) else self._measure
            left, right = self._value(measure, trial.scene, trial.left), self._value(measure, trial.scene, trial.right)
            yield self._compare(trial, left, right, time.perf_counter() - start)

    def describe(self) -> dict[str, Any]:
        """Return which functions answer."""
        measures = self._measure if isinstance(self._measure, Mapping) else {"all attributes": self._measure}
        names = {attribute: getattr(measure, "__qualname__", repr(measure)) for attribute, measure in measures.items()}
        return {"measures": names, "lower_is_better": self._lower_is_better}

    def _value(self, measure: Measure, scene: str, rendition: str) -> float:
        if self._experiment is None:
            raise ObserverError(f"{self.name} was asked before it was prepared")
        stimulus = self._experiment.stimuli[scene, rendition]
        key = measure, stimulus.pixels_sha256
        if key not in self._cache:
            self._cache[key] = float(measure(stimulus.pixels()))
        return self._cache[key]

    def _compare(self, trial: Trial, left: float, right: float, seconds: float) -> Response:
        values = {
            name: value if math.isfinite(value) else str(value) for name, value in (("left", left), ("right", right))
        }
        common: dict[str, Any] = {"response_time_s": seconds, "provenance": {"values": values}}
        if math.isnan(left) or math.isnan(right):
            return Response(trial.id, "invalid", **common)
        if left == right:
            if self._experiment is not None and self._experiment.definition.ties:
                return Response(trial.id, "tie", "tie", **common)
            return Response(trial.id, "invalid", **common)
        return Response(trial.id, "choice", "left" if (left > right) != self._lower_is_better else "right", **common)
