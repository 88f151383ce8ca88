"""One trial on a screen: its timeline is shown, and the answer to it is read.

Rules of this file: no image file is read between an answer and the next onset; an answer is a press after the images
appeared, stamped by the same clock.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from visavis.experiments import Trial

from .flow import TrialStep
from .frames import is_over, next_frame
from .layout import FRAME_PX, Placement, frame_bars
from .pictures import MASK, Pictures
from .press_reading import GivenAnswer, leave_press, read_answer
from .screen import CrossElement, Element, FrameElement, ImageElement, Press, Screen, TextElement
from .timeline import Role, Showing
from .timing import frame_record, shown_record


@dataclass(frozen=True)
class PresentedTrial:
    """A trial that was shown and answered.

    Attributes
    ----------
    answer : GivenAnswer
    onset : float
        When the showing that takes answers appeared, on the screen's clock.
    vanished : float or None
        When the images were taken away before the answer.
    frames : dict
        How many frames the trial had, and how many were late.
    timeline : list of dict
        How long each element was asked for, and how long it was shown.
    interruptions : int
        How often the trial was begun and left.
    """

    answer: GivenAnswer
    onset: float
    vanished: float | None
    frames: dict[str, Any]
    timeline: list[dict[str, Any]]
    interruptions: int


@dataclass
class TrialPresenter:
    """Shows trials on a screen.

    Parameters
    ----------
    screen : Screen
    pictures : Pictures
    ask_to_stop : callable
        Called with the press that asks to leave; returns where the session goes on.
    """

    screen: Screen
    pictures: Pictures
    ask_to_stop: Callable[[Press], None]

    def present(self, step: TrialStep, coming: Sequence[Trial]) -> PresentedTrial:
        """Show a trial until it is answered; one that was interrupted is shown again from its beginning.

        Parameters
        ----------
        step : TrialStep
        coming : sequence of Trial
            Whose images are read while this one waits for its answer.
        """
        interruptions = 0
        while True:
            found = self._attempt(step, coming, interruptions)
            if isinstance(found, PresentedTrial):
                return found
            interruptions += 1
            self.ask_to_stop(found)

    def feedback(self, step: TrialStep, shown: PresentedTrial) -> float:
        """Show what follows the answer, the images where they are; return when it is over, on the screen's clock."""
        feedback, choice = step.feedback, shown.answer.choice
        if not feedback.duration_s:
            return self.screen.now()
        places = self.pictures.places(step.trial)
        elements: list[Element] = [self._question(step)]
        if feedback.frame:
            if shown.vanished is None:
                elements += self._images(step, step.images)
            if choice != "tie":
                bars = frame_bars(places[choice], list(places.values()), self.screen.size)
                elements.append(FrameElement(places[choice], tuple(bars)))
        if choice in feedback.texts:
            below = max(place.top + place.height for place in places.values()) + 2 * FRAME_PX
            elements.append(TextElement(feedback.texts[choice], below, self.screen.size[1] - FRAME_PX, "top"))
        return draw_at(self.screen, self.screen.show(elements) + feedback.duration_s)

    def _attempt(self, step: TrialStep, coming: Sequence[Trial], interruptions: int) -> PresentedTrial | Press:
        """Show the timeline once; return the press where it asked to leave."""
        begun: list[tuple[Showing, float]] = []
        """What was shown, and from when on."""
        flips: list[float] = []
        loaded = False
        targets = self._targets(step)

        def onset() -> float | None:
            return next((at for showing, at in begun if showing.answers), None)

        def read(press: Press) -> GivenAnswer | Press | None:
            if leave_press([press]):
                return press
            appeared = onset()
            if appeared is None or press.at < appeared + step.earliest_s:
                return None
            return read_answer(press, step.keys, targets)

        for showing in step.timeline:
            if not loaded and showing.name != "interval":
                self._load(step)
                loaded = True
            elements = self._elements(step, showing)
            until = math.inf
            at = 0.0
            first = True
            while first or not is_over(self.screen, at, until):
                found, at = next_frame(self.screen, elements, read)
                if isinstance(found, Press):
                    return found
                if isinstance(found, GivenAnswer):
                    return self._presented(found, begun, flips, interruptions)
                if showing.name != "interval":
                    flips.append(at)
                if not first:
                    continue
                first = False
                begun.append((showing, at))
                if showing.duration_s is not None:
                    until = at + showing.duration_s
                if showing.name == "interval":
                    self._load(step)  # in the interval the images, read already, go to the graphics card
                    loaded = True
                elif showing.images and showing.images[0] == step.images[0]:
                    self.pictures.read_ahead(coming)
        raise AssertionError("the last showing of a timeline lasts until the answer")

    def _presented(
        self,
        answer: GivenAnswer,
        begun: Sequence[tuple[Showing, float]],
        flips: Sequence[float],
        interruptions: int,
    ) -> PresentedTrial:
        timeline = [
            shown_record(showing.name, showing.duration_s, following - at)
            for (showing, at), (_, following) in pairwise(begun)
            if showing.duration_s is not None
        ]
        answerable = [at for showing, at in begun if showing.answers]
        vanished = answerable[1] if len(answerable) > 1 else None
        frames = frame_record(flips, self.screen.refresh_hz)
        return PresentedTrial(answer, answerable[0], vanished, frames, timeline, interruptions)

    def _targets(self, step: TrialStep) -> dict[Any, Placement]:
        if not step.pointer:
            return {}
        return {role: place for role, place in self.pictures.places(step.trial).items() if role != "reference"}

    def _elements(self, step: TrialStep, showing: Showing) -> list[Element]:
        elements: list[Element] = [*self._images(step, showing.images)]
        if showing.mask_of is not None:
            place = self.pictures.places(step.trial)[showing.mask_of]
            elements.append(ImageElement(_mask_key(place), place))
        if showing.cross:
            elements.append(CrossElement())
        if showing.question:
            elements.append(self._question(step))
        return elements

    def _images(self, step: TrialStep, roles: Sequence[Role]) -> list[ImageElement]:
        stimuli, places = self.pictures.stimuli(step.trial), self.pictures.places(step.trial)
        return [ImageElement(stimuli[role].sha256, places[role]) for role in roles]

    def _load(self, step: TrialStep) -> None:
        self.screen.prepare([self._question(step)])
        for stimulus in self.pictures.stimuli(step.trial).values():
            self.screen.load(stimulus.sha256, self.pictures.pixels(stimulus))
        for showing in step.timeline:
            if showing.mask_of is not None:
                place = self.pictures.places(step.trial)[showing.mask_of]
                self.screen.load(_mask_key(place), self.pictures.mask((place.width, place.height)))

    def _question(self, step: TrialStep) -> TextElement:
        top = min(place.top for place in self.pictures.places(step.trial).values())
        return TextElement(step.question, FRAME_PX, top - 2 * FRAME_PX, "bottom")


def draw_at(screen: Screen, moment: float) -> float:
    """Return when to draw for the frame that is nearest to a moment."""
    return moment - 0.5 / screen.refresh_hz


def wait_until(screen: Screen, moment: float) -> None:
    """Wait on a screen's clock."""
    while (remaining := moment - screen.now()) > 0:
        screen.pause(min(remaining, 0.01))


def _mask_key(place: Placement) -> str:
    """Return what a mask of this size is loaded under."""
    return f"{MASK} {place.width}×{place.height}"
