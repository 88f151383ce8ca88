"""The course of a session: consent, form, instructions, trials, breaks, thanks.

Rules of this file: it knows no window, only a `Screen`; it reads no image file between an answer and the next onset;
an answer is a press after the images appeared, stamped by the same clock.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from visavis.experiments import Choice, Experiment, Response, Trial, utc_now
from visavis.experiments.presentation import FormField, Keys, in_language

from .layout import FRAME_PX, Placement
from .pictures import MASK, Pictures
from .screen import Cross, Element, Frame, Image, Press, Screen, Words
from .texts import key_name, text

_AHEAD = 4
"""Trials whose pictures are read before they are needed."""
_POLL_S = 0.0005


class Ended(Exception):
    """The participant ended the session."""


@dataclass
class Answer:
    """A press that answers a trial."""

    choice: Choice
    press: Press


@dataclass
class Course:
    """One sitting of a participant.

    Attributes
    ----------
    experiment : Experiment
    screen : Screen
    pictures : Pictures
    language : str
    onset, vanished : float or None
        Of the trial that is on: when its images appeared and were taken away, on the screen's clock.
    """

    experiment: Experiment
    screen: Screen
    pictures: Pictures
    language: str
    onset: float = 0.0
    vanished: float | None = None
    _interruptions: int = field(default=0, init=False)

    @property
    def keys(self) -> Keys:
        """The keys that answer."""
        return self.experiment.definition.presentation.keys

    def trials(self, trials: Sequence[Trial]) -> Iterator[Response]:
        """Show trials one after the other.

        Raises
        ------
        Ended
            If the participant ends the session.
        """
        presentation = self.experiment.definition.presentation
        self.screen.show([self._middle(text("loading", self.language))])
        self.pictures.read_ahead(trials[:_AHEAD])
        before: Trial | None = None
        for number, trial in enumerate(trials):
            self._announce(trial, before)
            if number and presentation.break_every and number % presentation.break_every == 0:
                self.page(text("rest", self.language, done=number, total=len(trials)))
            yield self._trial(trial, trials[number + 1 : number + 1 + _AHEAD])
            before = trial

    def page(self, *paragraphs: str | None, hint: str = "go_on") -> Press:
        """Show text until a key is pressed; Escape asks whether to end.

        Raises
        ------
        Ended
        """
        shown = "\n\n".join(paragraph for paragraph in paragraphs if paragraph)
        elements = [
            self._middle(shown),
            Words(text(hint, self.language), self.screen.size[1] - 60, 22),
        ]
        while True:
            self.screen.show(elements)
            press = self._next_press()
            if press.key != "escape":
                return press
            self._ask_to_stop()

    def consent(self) -> None:
        """Ask for consent, where the definition has a text for it.

        Raises
        ------
        Ended
            If it is refused.
        """
        words = self.experiment.definition.presentation.consent
        if words is None:
            return
        self.screen.show(
            [self._middle(in_language(words, self.language)),
             Words(text("agree", self.language), self.screen.size[1] - 60, 22)]
        )  # fmt: skip
        while (press := self._next_press()).key != "return":
            if press.key == "escape":
                raise Ended

    def form(self) -> dict[str, Any]:
        """Ask what the definition's form asks.

        Raises
        ------
        Ended
        """
        return {item.name: self._field(item) for item in self.experiment.definition.presentation.form}

    def instructions(self, *, practice: int, resumed: bool) -> None:
        """Say what is to be done."""
        definition = self.experiment.definition
        named = {side: key_name(getattr(self.keys, side)[0], self.language) for side in ("left", "right", "tie")}
        mouse = text("or_mouse", self.language) if definition.presentation.mouse else ""
        self.page(
            text("welcome_back", self.language) if resumed else None,
            definition.instructions(self.language),
            text("answer_by", self.language, left=named["left"], right=named["right"], mouse=mouse),
            text("tie_by", self.language, tie=named["tie"]) if definition.ties else None,
            text("practice", self.language, trials=practice) if practice else None,
        )

    def thanks(self) -> None:
        """Say that it is over."""
        words = self.experiment.definition.presentation.thanks
        self.page(in_language(words, self.language) if words else text("thanks", self.language))

    def _announce(self, trial: Trial, before: Trial | None) -> None:
        """Say that practice is over, or that another question follows."""
        over = before is not None and before.phase == "practice" and trial.phase != "practice"
        changed = before is None or before.attribute != trial.attribute
        mixed = "attribute" not in self.experiment.definition.order.blocks
        if over or (changed and not mixed):
            self.page(
                text("practice_over", self.language) if over else None,
                text("next", self.language),
                self.experiment.definition.question(trial.attribute, language=self.language),
            )

    def _trial(self, trial: Trial, coming: Sequence[Trial]) -> Response:
        presentation = self.experiment.definition.presentation
        self._interruptions = 0
        while True:
            # In the interval the images, read already, go to the graphics card.
            self._wait(presentation.inter_trial_interval_s, [], meanwhile=trial)
            if presentation.fixation_s:
                self._wait(presentation.fixation_s, [Cross()])
            self.screen.presses()  # early ones answer nothing
            onset_at = utc_now()
            self.screen.begin_frames()
            answer = self._sequence(trial, coming) if self._one_by_one else self._at_once(trial, coming)
            frames = self.screen.end_frames()
            if answer is not None:
                break
            self._interruptions += 1
            self._ask_to_stop()
        self._feedback(trial, answer)
        return self._response(trial, answer, onset_at, frames)

    @property
    def _one_by_one(self) -> bool:
        return self.experiment.definition.presentation.layout == "one_after_other"

    def _at_once(self, trial: Trial, coming: Sequence[Trial]) -> Answer | None:
        presentation = self.experiment.definition.presentation
        images = self._images(trial)
        self.onset = self.screen.show([*images, *self._question(trial)])
        self.vanished = None
        self.pictures.read_ahead(coming)
        until = math.inf if presentation.maximum_exposure_s is None else self.onset + presentation.maximum_exposure_s
        return self._answer(trial, images, until)

    def _sequence(self, trial: Trial, coming: Sequence[Trial]) -> Answer | None:
        """Show the images one after the other; the answer is timed from the onset of the last."""
        presentation = self.experiment.definition.presentation
        images = self._images(trial)
        for position, image in enumerate(images):
            last = position == len(images) - 1
            self.onset = self.screen.show([image, *self._question(trial)])
            self.vanished = None
            if last:
                break
            if position == 0:
                self.pictures.read_ahead(coming)
            if not self._stay(self.onset + presentation.exposure_s):
                return None
            gap: list[Element] = [Image(self._mask(image), image.place)] if presentation.mask else []
            begun = self.screen.show([*gap, *self._question(trial)])
            if not self._stay(begun + presentation.interval_s):
                return None
        self.screen.presses()
        return self._answer(trial, images[-1:], self.onset + presentation.exposure_s)

    def _answer(self, trial: Trial, images: Sequence[Image], until: float) -> Answer | None:
        """Wait for an answer; take the images away at `until`. None where Escape was pressed."""
        earliest = self.onset + self.experiment.definition.presentation.minimum_exposure_s
        shown: list[Element] = [*images, *self._question(trial)]
        while True:
            for press in self.screen.presses():
                if press.key == "escape":
                    return None
                choice = self._choice(trial, press)
                if choice is not None and press.at >= max(earliest, self.onset):
                    return Answer(choice, press)
            if self.vanished is None and self.screen.now() >= until:
                shown = list(self._question(trial))
                self.vanished = self.screen.show(shown)
            else:
                self.screen.show(shown)
            self.screen.pause(_POLL_S)

    def _choice(self, trial: Trial, press: Press) -> Choice | None:
        if press.key == "mouse":
            if not self.experiment.definition.presentation.mouse or self._one_by_one:
                return None
            places = self.pictures.places(trial)
            if places[0].holds(press.x, press.y):
                return "left"
            return "right" if places[-1].holds(press.x, press.y) else None
        if press.key in self.keys.left:
            return "left"
        if press.key in self.keys.right:
            return "right"
        return "tie" if press.key in self.keys.tie and self.experiment.definition.ties else None

    def _feedback(self, trial: Trial, answer: Answer) -> None:
        """Frame what was chosen; the images stay where they are."""
        definition = self.experiment.definition
        practice = trial.phase == "practice" and definition.practice is not None and definition.practice.feedback
        seconds = max(definition.presentation.feedback_s, 1.0 if practice else 0.0)
        if not seconds:
            return
        shown: list[Element] = list(self._question(trial))
        if not self._one_by_one:
            if self.vanished is None:
                shown += self._images(trial)
            places = self.pictures.places(trial)
            if answer.choice != "tie":
                shown.append(Frame(places[0 if answer.choice == "left" else -1]))
        if practice:
            shown.append(Words(self._took(answer.choice), self.screen.size[1] - 60))
        self._wait(seconds, shown)

    def _took(self, choice: Choice) -> str:
        if self._one_by_one and choice != "tie":
            return text("first" if choice == "left" else "second", self.language)
        return text(f"took_{choice}", self.language)

    def _response(self, trial: Trial, answer: Answer, onset_at: str, frames: dict[str, Any]) -> Response:
        shown = [
            {"pixels_sha256": stimulus.pixels_sha256, "place_px": place.record()}
            for stimulus, place in zip(self.pictures.stimuli(trial), self.pictures.places(trial), strict=True)
        ]
        press = answer.press
        provenance: dict[str, Any] = {
            "device": "mouse" if press.key == "mouse" else "keyboard",
            "key": press.key,
            "shown": shown,
            "frames": frames,
        }
        if press.key == "mouse":
            provenance["clicked_px"] = [press.x, press.y]
        if self.vanished is not None:
            provenance["exposure_s"] = round(self.vanished - self.onset, 6)
        if self._interruptions:
            provenance["interruptions"] = self._interruptions
        return Response(
            trial.id,
            "tie" if answer.choice == "tie" else "choice",
            answer.choice,
            response_time_s=round(press.at - self.onset, 6),
            onset=onset_at,
            attempts=1 + self._interruptions,
            provenance=provenance,
        )

    def _images(self, trial: Trial) -> list[Image]:
        return [
            Image(stimulus.sha256, place)
            for stimulus, place in zip(self.pictures.stimuli(trial), self.pictures.places(trial), strict=True)
        ]

    def _load(self, trial: Trial) -> None:
        for stimulus in self.pictures.stimuli(trial):
            self.screen.load(stimulus.sha256, self.pictures.pixels(stimulus))

    def _mask(self, image: Image) -> str:
        size = image.place.width, image.place.height
        key = f"{MASK} {size}"
        self.screen.load(key, self.pictures.mask(size))
        return key

    def _question(self, trial: Trial) -> list[Words]:
        words = self.experiment.definition.question(trial.attribute, language=self.language)
        top = min(place.top for place in self.pictures.places(trial))
        return [Words(words, top - 4 * FRAME_PX - 14)]

    def _middle(self, shown: str) -> Words:
        return Words(shown, self.screen.size[1] // 2)

    def _stay(self, until: float) -> bool:
        """Wait with the screen as it is; False where Escape was pressed."""
        while self.screen.now() < until:
            if any(press.key == "escape" for press in self.screen.presses()):
                return False
            self.screen.pause(_POLL_S)
        return True

    def _wait(self, seconds: float, shown: Sequence[Element], meanwhile: Trial | None = None) -> None:
        """Show something for so long, and load a trial's images meanwhile."""
        until = self.screen.show(shown) + seconds if seconds or shown else self.screen.now()
        if meanwhile is not None:
            self._load(meanwhile)
        while (left := until - self.screen.now()) > 0:
            self.screen.pause(min(left, 0.01))

    def _next_press(self) -> Press:
        self.screen.presses()  # those from before the page
        while True:
            pressed = [press for press in self.screen.presses() if press.key != "text"]
            if pressed:
                return pressed[0]
            self.screen.pause(0.005)

    def _ask_to_stop(self) -> None:
        self.screen.show([self._middle(text("stop", self.language))])
        if self._next_press().key == "return":
            raise Ended

    def _field(self, item: FormField) -> str:
        asked = in_language(item.ask, self.language)
        if item.choices:
            listed = "\n".join(f"{number}  {choice}" for number, choice in enumerate(item.choices, start=1))
            while True:
                press = self.page(asked, listed, hint="choose")
                number = press.key.removeprefix("num_")
                if number.isdigit() and 1 <= int(number) <= len(item.choices):
                    return item.choices[int(number) - 1]
        return self._typed(asked)

    def _typed(self, asked: str) -> str:
        typed = ""
        hint = Words(text("enter", self.language), self.screen.size[1] - 60, 22)
        self.screen.presses()
        while True:
            self.screen.show([self._middle(f"{asked}\n\n{typed}▏"), hint])
            for press in self.screen.presses():
                if press.key == "text":
                    typed += press.text
                elif press.key == "backspace":
                    typed = typed[:-1]
                elif press.key == "escape":
                    self._ask_to_stop()
                elif press.key == "return" and typed.strip():
                    return typed.strip()
            self.screen.pause(0.01)


def framed(place: Placement) -> Placement:
    """Return the rectangle of the line around a chosen image."""
    return Placement(
        place.left - FRAME_PX, place.top - FRAME_PX, place.width + 2 * FRAME_PX, place.height + 2 * FRAME_PX
    )
