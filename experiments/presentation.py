"""The part of the definition that says how trials are put before an observer, and its words in several languages."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from visavis.base.near import near_miss

MODEL_CONFIG = ConfigDict(extra="forbid", frozen=True, strict=True)

Text = Annotated[str, Field(min_length=1)]
Channel = Annotated[int, Field(ge=0, le=255)]
Seconds = Annotated[float, Field(ge=0, strict=False, allow_inf_nan=False)]

_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")


def _check_words(given: Any) -> str | dict[str, str]:
    if isinstance(given, str):
        if not given.strip():
            raise PydanticCustomError("empty", "the text is empty")
        return given
    if not isinstance(given, dict):
        raise PydanticCustomError("string_type", "this should be a text, or a text for each language")
    for language, text in given.items():
        if not isinstance(language, str) or not _LANGUAGE.fullmatch(language):
            raise PydanticCustomError(
                "language", "{language} is not a language code, such as en, de or zh", {"language": repr(language)}
            )
        if not isinstance(text, str) or not text.strip():
            raise PydanticCustomError("empty", "the text in {language} is empty or no text", {"language": language})
    if not given:
        raise PydanticCustomError("empty", "give the text in at least one language")
    return dict(given)


_WORDS_SCHEMA = {
    "anyOf": [
        {"type": "string", "minLength": 1},
        {"type": "object", "additionalProperties": {"type": "string", "minLength": 1}, "minProperties": 1},
    ]
}

Words = Annotated[str | dict[str, str], PlainValidator(_check_words), WithJsonSchema(_WORDS_SCHEMA)]
"""A text, or the same text in several languages: ``{en: …, de: …, zh: …}``."""


def has_language(words: str | dict[str, str], language: str) -> bool:
    """Whether a text is there in a language; one that is given once holds for all."""
    return isinstance(words, str) or language in words or language.partition("-")[0] in words


def in_language(words: str | dict[str, str], language: str) -> str:
    """Return a text in a language; where it is not there, in English, or else in the language that is given first."""
    if isinstance(words, str):
        return words
    spoken = language.partition("-")[0]
    return next((words[code] for code in (language, spoken, "en") if code in words), next(iter(words.values())))


_NAMED_KEYS = """
left right up down space return tab backspace delete insert home end pageup pagedown pause menu capslock
lshift rshift lctrl rctrl lalt ralt loption roption lcommand rcommand lwindows rwindows
minus equal bracketleft bracketright backslash semicolon apostrophe comma period slash quoteleft grave less pound
num_add num_subtract num_multiply num_divide num_decimal num_enter num_equal numlock
"""
_KEYS = frozenset(
    [
        *"abcdefghijklmnopqrstuvwxyz0123456789",
        *(f"f{number}" for number in range(1, 13)),
        *(f"num_{number}" for number in range(10)),
        *_NAMED_KEYS.split(),
    ]
)
"""PsychoPy's names of keys, on any system; Escape is not among them."""


def _check_key(key: str) -> str:
    if key == "escape":
        raise ValueError("'escape' ends the session and cannot be an answer")
    if key not in _KEYS:
        close = near_miss(key, sorted(_KEYS))
        hint = f"did you mean {close!r}?" if close else "see the names of PsychoPy's Keyboard, such as 'left' or 'f'"
        raise ValueError(f"unknown key {key!r}: {hint}")
    return key


Key = Annotated[str, AfterValidator(_check_key)]


class Keys(BaseModel):
    """The keys that people answer with, by PsychoPy's names.

    Attributes
    ----------
    left, right, tie : list of str
    """

    model_config = MODEL_CONFIG
    left: tuple[Key, ...] = Field(default=("left", "f"), min_length=1, strict=False)
    right: tuple[Key, ...] = Field(default=("right", "j"), min_length=1, strict=False)
    tie: tuple[Key, ...] = Field(default=("down", "space"), min_length=1, strict=False)

    @model_validator(mode="after")
    def _one_meaning_each(self) -> Keys:
        keys = [*self.left, *self.right, *self.tie]
        if len(set(keys)) < len(keys):
            raise ValueError("a key stands for two answers")
        return self


class FormField(BaseModel):
    """Something that a participant is asked once, before the first trial.

    Attributes
    ----------
    name : str
        What it is called in the data.
    ask : str
        The question.
    choices : list of str
        What may be answered; without it, any text. Where they are given in several languages, the data have the
        English, or else the first.
    identifies : bool
        Whether the answer could identify the participant; it is then kept apart from the data.
    """

    model_config = MODEL_CONFIG
    name: Text
    ask: Words
    choices: tuple[Words, ...] | None = Field(default=None, min_length=2, max_length=9, strict=False)
    identifies: bool = False

    @property
    def recorded(self) -> tuple[str, ...]:
        """The choices as they stand in the data, whatever language they were read in."""
        return tuple(in_language(choice, "en") for choice in self.choices or ())

    @model_validator(mode="after")
    def _distinct(self) -> FormField:
        if len(set(self.recorded)) < len(self.recorded):
            raise ValueError("'choices' lists the same answer twice")
        return self


class Presentation(BaseModel):
    """How trials are put before an observer.

    Attributes
    ----------
    consent : str
        Shown first; people agree or the session ends.
    form : list of FormField
        What participants are asked about themselves.
    instructions : str
        Shown before the first trial, and given to models before the question.
    thanks : str
        Shown at the end.
    background : list of int
        Colour around the images, sRGB 8-bit.
    layout : {'side_by_side', 'one_after_other'}
        For people: both images at once, or the left one first and the right one after it, in the middle.
    gap_px : int
        Between images side by side, in pixels.
    width_deg : float
        Width of an image in degrees of visual angle; without it images are shown pixel for pixel.
    fixation_s : float
        A cross before the images.
    inter_trial_interval_s : float
        Seconds between an answer and what comes next.
    minimum_exposure_s : float
        Answers before this are not taken.
    maximum_exposure_s : float
        The images vanish after this; the answer is waited for.
    exposure_s, interval_s : float
        One after the other: how long each image is shown, and the time between the two.
    mask : bool
        One after the other: show noise of the same size in the interval.
    keys : Keys
    mouse : bool
        Whether a click or a touch on an image chooses it.
    feedback_s : float
        How long the chosen image is framed.
    break_every : int
        Offer people a break after so many trials.
    seconds_per_trial : float
        Expected time to look and answer, for the estimate that `visavis check` prints; what the presentation fixes
        (fixation, images one after the other, gaps, feedback, the interval between trials) comes on top.
    """

    model_config = MODEL_CONFIG
    consent: Words | None = None
    form: tuple[FormField, ...] = Field(default=(), strict=False)
    instructions: Words | None = None
    thanks: Words | None = None
    background: tuple[Channel, Channel, Channel] = Field(default=(128, 128, 128), strict=False)
    layout: Literal["side_by_side", "one_after_other"] = "side_by_side"
    gap_px: int = Field(default=32, ge=0)
    width_deg: float | None = Field(default=None, gt=0, le=180, strict=False, allow_inf_nan=False)
    fixation_s: Seconds = 0.0
    inter_trial_interval_s: Seconds = 0.5
    minimum_exposure_s: Seconds = 0.0
    maximum_exposure_s: Seconds | None = None
    exposure_s: Annotated[float, Field(gt=0, strict=False, allow_inf_nan=False)] = 1.0
    interval_s: Seconds = 0.5
    mask: bool = False
    keys: Keys = Keys()
    mouse: bool = True
    feedback_s: Seconds = 0.2
    break_every: int | None = Field(default=None, ge=1)
    seconds_per_trial: float = Field(default=3.0, gt=0, strict=False, allow_inf_nan=False)

    def fixed_seconds(self, images: int) -> float:
        """Return the seconds of a trial that do not depend on who answers; `images`: how many are shown."""
        between = self.inter_trial_interval_s + self.fixation_s + self.feedback_s
        if self.layout != "one_after_other":
            return between
        # The last image is looked at while the answer is awaited.
        return between + (images - 1) * (self.exposure_s + self.interval_s)

    @model_validator(mode="after")
    def _consistent(self) -> Presentation:
        if self.maximum_exposure_s is not None and self.maximum_exposure_s <= 0:
            raise ValueError("'maximum_exposure_s' must be more than 0")
        names = [field.name for field in self.form]
        if len(set(names)) < len(names):
            raise ValueError("'form' asks for the same name twice")
        return self
