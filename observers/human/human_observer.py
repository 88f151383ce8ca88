"""The observer that is a person at a screen."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, Self

from visavis.experiments import Experiment, ObserverError, Response, Trial, utc_now
from visavis.experiments.trial_sequence import trailing_number
from visavis.observers.configurable import ConfigurableObserver, ObserverOptions

from . import participant
from .driver import SessionDriver
from .flow import SessionFlow
from .human_options import HumanOptions
from .layout import Viewing
from .page_presenter import SessionEnded
from .pictures import Pictures
from .screen import Colour, Screen

OpenScreen = Callable[[HumanOptions, Colour], Screen]


def open_psychopy(options: HumanOptions, background: Colour) -> Screen:
    """Open a PsychoPy window."""
    from .psychopy_screen import PsychoPyScreen

    return PsychoPyScreen(options, background)


class HumanObserver(ConfigurableObserver):
    """A person at a PsychoPy window: --observer human --participant P07.

    Parameters
    ----------
    name : str
        The participant's code.
    options : HumanOptions
    open_screen : callable
        Opens the screen; by default a PsychoPy window.
    """

    kind = "human"
    Options: ClassVar[type[ObserverOptions]] = HumanOptions
    requires = ("psychopy",)
    extra = "human"
    needs = "Python 3.12 or older, for PsychoPy" if sys.version_info >= (3, 13) else ""

    def __init__(self, name: str, options: HumanOptions, open_screen: OpenScreen = open_psychopy) -> None:
        self.name = name
        self.options = options
        self._open_screen = open_screen
        self._screen: Screen | None = None
        self._driver: SessionDriver | None = None

    @classmethod
    def configured(cls, subject: str | None, options: Any, name: str | None) -> Self:
        """Make an observer; the participant's code is the name, or stands after the colon."""
        who = name or subject
        if who is None:
            raise ObserverError("human: the participant's code is missing: give --participant P07")
        return cls(who, options)

    def prepare(self, experiment: Experiment) -> list[str]:
        """Open the window and check that everything fits."""
        warnings = super().prepare(experiment)
        if experiment.definition.order.per_observer == "balanced" and trailing_number(self.name) is None:
            raise ObserverError(
                f"'order.per_observer: balanced' needs a number at the end of the participant's code, and "
                f"{self.name!r} has none: number participants, such as --participant P07"
            )
        participant.check_answers(experiment.definition, self.options.answers)
        participant.check_writable(self.folder, experiment.definition)
        self.close()
        self._screen = self._open_screen(self.options, experiment.definition.presentation.background)
        try:
            pictures = Pictures(experiment, self._screen.size, self._viewing(self._screen))
        except BaseException:
            self.close()
            raise
        if pictures.resampled:
            warnings.append("images are scaled to degrees of visual angle (Lanczos), not shown pixel for pixel")
        flow = SessionFlow(experiment.definition, self.options.language)
        self._driver = SessionDriver(flow, self._screen, pictures)
        return [*warnings, *flow.untranslated(), *self._screen.problems(flow.texts())]

    def respond(self, trials: Sequence[Trial]) -> Iterator[Response]:
        """Run a sitting; Escape, confirmed, ends it early."""
        driver = self._driver
        if driver is None:
            raise ObserverError(f"{self.name}: prepare must be called before respond")
        self.stop_reason = ""
        if not trials:
            return
        total = self.to_ask or len(trials)
        try:
            if not driver.shown:
                self._welcome(driver, trials)
            yield from driver.trials(trials, total)
            if driver.shown >= total:
                driver.pages(driver.flow.closing())
        except SessionEnded:
            self.stop_reason = f"{self.name} ended the session."

    def describe(self) -> dict[str, Any]:
        """Return the viewing conditions."""
        record: dict[str, Any] = {"viewing": self.options.model_dump(mode="json", exclude={"answers"})}
        if self._screen is not None:
            record["screen"] = self._screen.describe()
            viewing = self._viewing(self._screen)
            if viewing is not None:
                record["viewing"] |= {"width_cm": viewing.width_cm, "distance_cm": viewing.distance_cm}
                record["pixels_per_degree"] = round(viewing.pixels_per_degree, 4)
                record["pixels_per_degree_rule"] = "2 d tan(0.5°) · width_px / width_cm"
        if self._driver is not None:
            record["images"] = "scaled (Lanczos)" if self._driver.pictures.resampled else "pixel for pixel"
        return record

    def close(self) -> None:
        """Close the window."""
        if self._driver is not None:
            self._driver.pictures.close()
        if self._screen is not None:
            self._screen.close()
        self._screen = self._driver = None

    def _welcome(self, driver: SessionDriver, trials: Sequence[Trial]) -> None:
        """Show consent, form and instructions; the first two only once a session."""
        flow, known = driver.flow, participant.is_known(self.folder)
        if not known:
            driver.pages(flow.consent())
            agreed = utc_now()
            answers = self.options.answers or driver.pages(flow.form())
            screening = {"acuity": self.options.acuity, "colour_vision": self.options.colour_vision}
            participant.write(
                self.folder,
                flow.definition,
                answers,
                consent=agreed if flow.definition.presentation.consent else None,
                screening={name: value for name, value in screening.items() if value},
            )
        practice = sum(trial.phase == "practice" for trial in trials)
        driver.pages(flow.instructions(practice=practice, resumed=known))

    def _viewing(self, screen: Screen) -> Viewing | None:
        """Return how the display is seen: as the options say, or else as its calibration does."""
        width = self.options.width_cm or screen.viewed[0]
        distance = self.options.distance_cm or screen.viewed[1]
        return Viewing(screen.display[0], width, distance) if width and distance else None
