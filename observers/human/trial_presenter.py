"""One trial on a screen: its timeline is shown, and the answer to it is read.

Rules of this file: no image file is read between an answer and the next onset; an answer is a press after the images
appeared, stamped by the same clock.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from visavis.experiments import Trial

from .answer_reading import GivenAnswer, leave_press, read_answer
from .flow import TrialStep
from .layout import FRAME_PX, Placement, frame_bars
from .pictures import MASK, Pictures
from .screen import CrossElement, Element, FrameElement, ImageElement, Press, Screen, TextElement
from .timeline import Role, Showing

_POLL_S = 0.0005


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
        What the screen says of its frames.
    interruptions : int
        How often the trial was begun and left.
    """

    answer: GivenAnswer
    onset: float
    vanished: float | None
    frames: dict[str, Any]
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
        onset: float | None = None
        vanished: float | None = None
        loaded = watching = False
        for showing in step.timeline:
            if showing.name != "interval" and not loaded:
                self._load(step)
                loaded = True
            if showing.question and not watching:
                early = leave_press(self.screen.presses())  # other early presses answer nothing
                if early is not None:
                    return early
                self.screen.begin_frames()
                watching = True
            at = self.screen.show(elements := self._elements(step, showing))
            if showing.name == "interval":
                self._load(step)  # in the interval the images, read already, go to the graphics card
                loaded = True
            elif showing.images and showing.images[0] == step.images[0]:
                self.pictures.read_ahead(coming)
            if showing.answers and onset is None:
                onset = at
            elif onset is not None and vanished is None:
                vanished = at
            found = self._hold(step, showing, elements, at, onset)
            if isinstance(found, GivenAnswer) and onset is not None:
                return PresentedTrial(found, onset, vanished, self.screen.end_frames(), interruptions)
            if isinstance(found, Press):
                return found
        raise AssertionError("the last showing of a timeline lasts until the answer")

    def _hold(
        self, step: TrialStep, showing: Showing, elements: Sequence[Element], at: float, onset: float | None
    ) -> GivenAnswer | Press | None:
        """Wait until a showing is over, is answered, or is left."""
        until = math.inf if showing.duration_s is None else draw_at(self.screen, at + showing.duration_s)
        earliest = math.inf if onset is None else onset + step.earliest_s
        targets = self._targets(step)
        while True:
            for press in self.screen.presses():
                if leave_press([press]):
                    return press
                answer = read_answer(press, step.keys, targets) if press.at >= earliest else None
                if answer is not None:
                    return answer
            if self.screen.now() >= until:
                return None
            if showing.answers and self.screen.due():
                self.screen.show(elements)
            self.screen.pause(_POLL_S)

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
