"""The course of a session: consent, form, instructions, trials, breaks, thanks.

Rules of this file: it knows no window, only a `Screen`; it reads no image file between an answer and the next onset;
an answer is a press after the images appeared, stamped by the same clock.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from visavis.experiments import Choice, Experiment, Response, Trial
from visavis.experiments.presentation import FormField, Keys, has_language, in_language

from .layout import FRAME_PX, Placement, frame_bars, letter_px
from .pictures import MASK, Pictures
from .screen import Cross, Element, Frame, Image, Press, Screen, Words
from .texts import TEXTS, key_name, spoken, text
from .typesetting import pages

_AHEAD = 4
"""Trials whose pictures are read before they are needed."""
_POLL_S = 0.0005
_GLANCE_S = 0.3
"""A page that is left sooner was not read: the press was meant for what came before it."""
_SHORT = 120
"""A text of so many characters is set line by line in the middle; a longer one begins its lines on the left."""
_LEAVE = frozenset({"escape", "close"})
_ENTER = frozenset({"return", "num_enter"})


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
    shown : int
        Trials of this sitting that were shown.
    """

    experiment: Experiment
    screen: Screen
    pictures: Pictures
    language: str
    onset: float = 0.0
    vanished: float | None = None
    shown: int = field(default=0, init=False)
    _before: Trial | None = field(default=None, init=False)
    _interruptions: int = field(default=0, init=False)

    @property
    def keys(self) -> Keys:
        """The keys that answer."""
        return self.experiment.definition.presentation.keys

    def trials(self, trials: Sequence[Trial], of: int) -> Iterator[Response]:
        """Show trials one after the other.

        Parameters
        ----------
        trials : sequence of Trial
        of : int
            How many this sitting has in all, where more follow later.

        Raises
        ------
        Ended
            If the participant ends the session.
        """
        presentation = self.experiment.definition.presentation
        self.screen.point(presentation.mouse and not self._one_by_one)
        if not self.shown:
            self.screen.show([self._body(text("loading", self.language))])
        self.pictures.read_ahead(trials[:_AHEAD])
        for number, trial in enumerate(trials, start=1):
            self._announce(trial, self._before)
            if self.shown and presentation.break_every and self.shown % presentation.break_every == 0:
                self.page(text("rest", self.language, done=self.shown, total=of))
            answer, response = self._trial(trial, trials[number : number + _AHEAD])
            seen = self._feedback(trial, answer)
            self.shown += 1
            self._before = trial
            yield response  # on disk while the feedback is on the screen
            self._wait_until(seen)

    def page(self, *paragraphs: str | None) -> None:
        """Show text until a key is pressed, on as many pages as it needs; Escape asks whether to end.

        Raises
        ------
        Ended
        """
        for body in self._pages(*paragraphs):
            self._turn([body, self._hint("go_on")])

    def _turn(self, page: Sequence[Element]) -> Press:
        while True:
            self.screen.show(page)
            press = self._next_press()
            if press.key not in _LEAVE:
                return press
            self._ask_to_stop(press)

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
        bodies = self._pages(in_language(words, self.language))
        for body in bodies:
            last = body is bodies[-1]
            self.screen.show([body, self._hint("agree" if last else "go_on")])
            while True:
                press = self._next_press()
                if press.key in _LEAVE:
                    raise Ended
                if press.key in _ENTER or not last:
                    break

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
        where = "first" if self._one_by_one else "middle"
        self.page(
            text("welcome_back", self.language) if resumed else None,
            definition.instructions(self.language),
            text(f"reference_{where}", self.language) if definition.reference is not None else None,
            text(
                "answer_first_by" if self._one_by_one else "answer_by",
                self.language,
                left=named["left"],
                right=named["right"],
                mouse=mouse,
            ),
            text("tie_by", self.language, tie=named["tie"]) if definition.ties else None,
            text("practice", self.language, trials=practice) if practice else None,
        )

    def thanks(self) -> None:
        """Say that it is over."""
        words = self.experiment.definition.presentation.thanks
        self.page(in_language(words, self.language) if words else text("thanks", self.language))

    def texts(self) -> list[str]:
        """Return every text that a session may show."""
        ours = TEXTS[spoken(self.language)].values()
        return [*ours, *(in_language(words, self.language) for words in self._given().values())]

    def untranslated(self) -> list[str]:
        """Return a warning where texts that are given in several languages are not in the participant's, or nothing."""
        lacking = [name for name, words in self._given().items() if not has_language(words, self.language)]
        if not lacking:
            return []
        return [f"shown in another language, since they are not given in {self.language!r}: {', '.join(lacking)}"]

    def _given(self) -> dict[str, str | dict[str, str]]:
        """Return the definition's own texts, by where they stand."""
        definition = self.experiment.definition
        presentation = definition.presentation
        given = {name: getattr(presentation, name) for name in ("consent", "instructions", "thanks")}
        for item in presentation.form:
            given[f"form, {item.name}"] = item.ask
            given |= {f"form, {item.name}, choice {n}": words for n, words in enumerate(item.choices or (), start=1)}
        for name, asked in definition.attributes.items():
            given[f"question of {name}"] = asked.question_for_people or asked.question
        return {name: words for name, words in given.items() if words is not None}

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

    def _trial(self, trial: Trial, coming: Sequence[Trial]) -> tuple[Answer, Response]:
        presentation = self.experiment.definition.presentation
        self._interruptions = 0
        while True:
            # In the interval the images, read already, go to the graphics card.
            self._wait(presentation.inter_trial_interval_s, [], meanwhile=trial)
            if presentation.fixation_s:
                self._wait(presentation.fixation_s, [Cross()])
            answer: Answer | Press | None = self._left()  # early presses answer nothing
            if answer is None:
                self.screen.begin_frames()
                answer = self._sequence(trial, coming) if self._one_by_one else self._at_once(trial, coming)
                frames = self.screen.end_frames()
            if isinstance(answer, Answer):
                break
            self._interruptions += 1
            self._ask_to_stop(answer)
        return answer, self._response(trial, answer, frames)

    def _left(self) -> Press | None:
        """Forget what was pressed, unless it was to leave."""
        return next((press for press in self.screen.presses() if press.key in _LEAVE), None)

    @property
    def _one_by_one(self) -> bool:
        return self.pictures.one_by_one

    def _at_once(self, trial: Trial, coming: Sequence[Trial]) -> Answer | Press:
        presentation = self.experiment.definition.presentation
        images = self._images(trial)
        self.onset = self.screen.show([*images, *self._question(trial)])
        self.vanished = None
        self.pictures.read_ahead(coming)
        until = math.inf if presentation.maximum_exposure_s is None else self.onset + presentation.maximum_exposure_s
        return self._answer(trial, images, until)

    def _sequence(self, trial: Trial, coming: Sequence[Trial]) -> Answer | Press:
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
            if left := self._stay(self.onset + presentation.exposure_s):
                return left
            gap: list[Element] = [Image(_mask(image.place), image.place)] if presentation.mask else []
            begun = self.screen.show([*gap, *self._question(trial)])
            if left := self._stay(begun + presentation.interval_s):
                return left
        return self._answer(trial, images[-1:], self.onset + presentation.exposure_s)

    def _answer(self, trial: Trial, images: Sequence[Image], until: float) -> Answer | Press:
        """Wait for an answer, or for a press to leave; take the images away at `until`."""
        earliest = self.onset + self.experiment.definition.presentation.minimum_exposure_s
        shown: list[Element] = [*images, *self._question(trial)]
        while True:
            for press in self.screen.presses():
                if press.key in _LEAVE:
                    return press
                choice = self._choice(trial, press)
                if choice is not None and press.at >= max(earliest, self.onset):
                    return Answer(choice, press)
            if self.vanished is None and self.screen.now() >= self._draw_at(until):
                shown = list(self._question(trial))
                self.vanished = self.screen.show(shown)
            elif self.screen.due():
                self.screen.show(shown)
            self.screen.pause(_POLL_S)

    def _choice(self, trial: Trial, press: Press) -> Choice | None:
        if press.key == "mouse":
            if not self.experiment.definition.presentation.mouse or self._one_by_one:
                return None
            left, right = self._sides(trial)
            if left.holds(press.x, press.y):
                return "left"
            return "right" if right.holds(press.x, press.y) else None
        if press.key in self.keys.left:
            return "left"
        if press.key in self.keys.right:
            return "right"
        return "tie" if press.key in self.keys.tie and self.experiment.definition.ties else None

    def _feedback(self, trial: Trial, answer: Answer) -> float:
        """Frame what was chosen, the images where they are; return until when, on the screen's clock."""
        definition = self.experiment.definition
        practice = trial.phase == "practice" and definition.practice is not None and definition.practice.feedback
        seconds = max(definition.presentation.feedback_s, 1.0 if practice else 0.0)
        if not seconds:
            return self.screen.now()
        shown: list[Element] = list(self._question(trial))
        if not self._one_by_one:
            if self.vanished is None:
                shown += self._images(trial)
            left, right = self._sides(trial)
            if answer.choice != "tie":
                chosen = left if answer.choice == "left" else right
                bars = frame_bars(chosen, self.pictures.places(trial), self.screen.size)
                shown.append(Frame(chosen, tuple(bars)))
        if practice:
            below = max(place.top + place.height for place in self.pictures.places(trial)) + 2 * FRAME_PX
            shown.append(Words(self._took(answer.choice), below, self.screen.size[1] - FRAME_PX, "top"))
        return self._draw_at(self.screen.show(shown) + seconds)

    def _took(self, choice: Choice) -> str:
        named = {"left": "first", "right": "second"} if self._one_by_one else {}
        return text(f"took_{named.get(choice, choice)}", self.language)

    def _sides(self, trial: Trial) -> tuple[Placement, Placement]:
        """Return where the left and the right image stand, side by side."""
        places = self.pictures.places(trial)
        return places[0], places[-1]

    def _response(self, trial: Trial, answer: Answer, frames: dict[str, Any]) -> Response:
        # The screen's clock, which stamps flips and presses, read off against UTC.
        began = datetime.now(UTC) - timedelta(seconds=self.screen.now())
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
        if press.uncertainty:
            provenance["time_uncertainty_ms"] = round(1000 * press.uncertainty, 3)
        if self.vanished is not None:
            provenance["exposure_s"] = round(self.vanished - self.onset, 6)
        if self._interruptions:
            provenance["interruptions"] = self._interruptions
        return Response(
            trial.id,
            "tie" if answer.choice == "tie" else "choice",
            answer.choice,
            response_time_s=round(press.at - self.onset, 6),
            onset=_stamp(began, self.onset),
            answered_at=_stamp(began, press.at),
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
        if self._one_by_one and self.experiment.definition.presentation.mask:
            for place in self.pictures.places(trial):
                self.screen.load(_mask(place), self.pictures.mask((place.width, place.height)))

    def _question(self, trial: Trial) -> list[Words]:
        words = self.experiment.definition.question(trial.attribute, language=self.language)
        top = min(place.top for place in self.pictures.places(trial))
        return [Words(words, FRAME_PX, top - 2 * FRAME_PX, "bottom")]

    def _pages(self, *paragraphs: str | None) -> list[Words]:
        """Return what stands on each page of a longer text."""
        parts = [part for paragraph in paragraphs if paragraph for part in paragraph.strip().split("\n\n")]
        aligned: Literal["center", "left"] = "left" if sum(map(len, parts)) > _SHORT else "center"
        return [
            self._body(page, aligned)
            for page in pages(parts, lambda shown: self.screen.fits(self._body(shown, aligned)))
        ]

    def _body(self, shown: str, aligned: Literal["center", "left"] = "center") -> Words:
        letter, height = letter_px(self.screen.size), self.screen.size[1]
        return Words(shown, letter, height - 4 * letter, aligned=aligned)

    def _hint(self, name: str) -> Words:
        letter, height = letter_px(self.screen.size), self.screen.size[1]
        return Words(text(name, self.language), height - 4 * letter, height - letter, scale=0.8)

    def _draw_at(self, moment: float) -> float:
        """Return when to draw for the frame that is nearest to a moment."""
        return moment - 0.5 / self.screen.refresh_hz

    def _stay(self, until: float) -> Press | None:
        """Wait with the screen as it is until it is time to draw what follows; or for a press to leave."""
        while self.screen.now() < self._draw_at(until):
            if left := self._left():
                return left
            self.screen.pause(_POLL_S)
        return None

    def _wait(self, seconds: float, shown: Sequence[Element], meanwhile: Trial | None = None) -> None:
        """Show something for so long, and load a trial's images meanwhile."""
        until = self._draw_at(self.screen.show(shown) + seconds) if seconds or shown else self.screen.now()
        if meanwhile is not None:
            self._load(meanwhile)
        self._wait_until(until)

    def _wait_until(self, moment: float) -> None:
        while (left := moment - self.screen.now()) > 0:
            self.screen.pause(min(left, 0.01))

    def _next_press(self) -> Press:
        earliest = self.screen.now() + _GLANCE_S
        while True:
            for press in self.screen.presses():
                if press.key != "text" and press.at >= earliest:
                    return press
            self.screen.pause(0.005)

    def _ask_to_stop(self, left: Press) -> None:
        """Ask whether to end; a window that is asked to close twice does."""
        self.screen.show([self._body(text("stop", self.language))])
        press = self._next_press()
        if press.key in _ENTER or left.key == press.key == "close":
            raise Ended

    def _field(self, item: FormField) -> str:
        asked = in_language(item.ask, self.language)
        if item.choices:
            listed = [
                f"{number}   {in_language(choice, self.language)}"
                for number, choice in enumerate(item.choices, start=1)
            ]
            page = [self._body("\n".join([asked, "", *listed]), "left"), self._hint("choose")]
            while True:
                number = self._turn(page).key.removeprefix("num_")
                if number.isdigit() and 1 <= int(number) <= len(listed):
                    return item.recorded[int(number) - 1]
        return self._typed(asked)

    def _typed(self, asked: str) -> str:
        typed = ""
        self.screen.presses()
        while True:
            self.screen.show([self._body(f"{asked}\n\n{typed}▏"), self._hint("enter")])
            for press in self.screen.presses():
                if press.key == "text":
                    typed += press.text
                elif press.key == "backspace":
                    typed = typed[:-1]
                elif press.key in _LEAVE:
                    self._ask_to_stop(press)
                elif press.key in _ENTER and typed.strip():
                    return typed.strip()
            self.screen.pause(0.01)


def _mask(place: Placement) -> str:
    """Return what a mask of this size is loaded under."""
    return f"{MASK} {place.width}×{place.height}"


def _stamp(began: datetime, at: float) -> str:
    """Return a moment of the screen's clock in UTC, in the form of every time stamp in a log."""
    return (began + timedelta(seconds=at)).isoformat(timespec="microseconds")
