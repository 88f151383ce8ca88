"""What a trial asks a model: pictures and words in order, in no provider's form yet, and how its answer is read.

The same definition gives every model the same question; providers differ only in how they wrap it.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from visavis.experiments import Choice, Experiment, Trial
from visavis.stimuli import Pixels, Stimulus, encode_png

COMPOSITE_GAP_PX = 32

Resize = Callable[[int, int], tuple[int, int]]
"""Gives the size at which an image of some width and height is sent."""


@dataclass(frozen=True)
class Picture:
    """An image file as it is sent.

    Attributes
    ----------
    base64 : bytes
        The file, encoded once however often it is sent.
    media_type : str
    sha256 : str
        Of the file.
    width, height : int
        In pixels.
    source : tuple of str
        SHA-256 of the pixels of the stimuli that it shows.
    resized_from : tuple of int or None
        Width and height before it was resized here, on purpose.
    """

    base64: bytes
    media_type: str
    sha256: str
    width: int
    height: int
    source: tuple[str, ...]
    resized_from: tuple[int, int] | None = None

    @property
    def data(self) -> bytes:
        """The file."""
        return b64decode(self.base64)

    def record(self) -> dict[str, object]:
        """Return what a response's provenance keeps."""
        size = {"sha256": self.sha256, "pixels_sha256": list(self.source), "width": self.width, "height": self.height}
        return size if self.resized_from is None else {**size, "resized_from": list(self.resized_from)}


@dataclass(frozen=True)
class Question:
    """One question to a model.

    Attributes
    ----------
    parts : tuple of str and Picture
        In the order in which the model reads them.
    answers : dict
        What may be answered, and the choice that it means.
    reasoning : bool
        Whether words before the answer are asked for.
    structured : bool
        Whether the answer is asked for as JSON, ``{"answer": …}``.
    """

    parts: tuple[str | Picture, ...]
    answers: dict[str, Choice]
    reasoning: bool
    structured: bool

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """The pictures, in order."""
        return tuple(part for part in self.parts if isinstance(part, Picture))

    @cached_property
    def prompt_sha256(self) -> str:
        """SHA-256 of the words and of where the pictures stand among them."""
        words = [part if isinstance(part, str) else None for part in self.parts]
        return hashlib.sha256(json.dumps(words, ensure_ascii=False).encode()).hexdigest()

    @property
    def schema(self) -> dict[str, object]:
        """JSON Schema of a structured answer."""
        properties: dict[str, object] = {"reasoning": {"type": "string"}} if self.reasoning else {}
        properties["answer"] = {"type": "string", "enum": list(self.answers)}
        return {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }


class QuestionWriter:
    """Writes the questions of one experiment.

    Parameters
    ----------
    experiment : Experiment
    structured : bool
        Whether the provider forces JSON; otherwise the words ask for a form that `read_answer` takes.
    resize : callable, optional
        Size to send an image at; by default files go out byte for byte.
    media_types : collection of str, optional
        Formats that the provider takes; files of others go out as PNG of the same pixels.
    """

    def __init__(
        self,
        experiment: Experiment,
        *,
        structured: bool,
        resize: Resize | None = None,
        media_types: Collection[str] | None = None,
    ) -> None:
        self.experiment = experiment
        self.structured = structured
        self._resize = resize
        self._media_types = media_types
        # Encoded once a stimulus: some hundred images are a whole study, and a request costs no decoding.
        self.picture = lru_cache(maxsize=256)(self._make_picture)
        self._composite = lru_cache(maxsize=64)(self._make_composite)

    def write(self, trial: Trial) -> Question:
        """Return the question of a trial."""
        asking = self.experiment.definition.models
        left, right = asking.labels
        stimuli = self.experiment.stimuli
        parts: list[str | Picture] = []
        if trial.reference is not None:
            parts += ["Reference image:", self.picture(stimuli[trial.scene, trial.reference])]
        pair = stimuli[trial.scene, trial.left], stimuli[trial.scene, trial.right]
        if asking.images == "composite":
            parts += [_composite_caption(left, right), self._composite(*pair)]
        else:
            for label, stimulus in zip(asking.labels, pair, strict=True):
                parts += [_caption(label), self.picture(stimulus)]
        parts.append(self.words(trial.attribute))
        answers: dict[str, Choice] = {left: "left", right: "right"}
        if self.experiment.definition.ties:
            answers[asking.tie_label] = "tie"
        return Question(tuple(parts), answers, asking.reasoning, self.structured)

    def words(self, attribute: str) -> str:
        """Return the text after the pictures."""
        definition = self.experiment.definition
        asking = definition.models
        labels = [*asking.labels, *([asking.tie_label] if definition.ties else [])]
        listed = f"{', '.join(labels[:-1])} or {labels[-1]}"
        if self.structured:
            form = f'Answer in JSON, with the key "answer": {listed}.'
            if asking.reasoning:
                form = f'Answer in JSON: first, under "reasoning", your reasons; then, under "answer": {listed}.'
        elif asking.reasoning:
            form = f"Give your reasons first. Then write a last line that says only: Answer: {listed}."
        else:
            form = f"Answer with one word and nothing else: {listed}."
        asked = definition.question(attribute, model=True, language=asking.language)
        return "\n\n".join(filter(None, (definition.instructions(asking.language), asked, form)))

    def _make_picture(self, stimulus: Stimulus) -> Picture:
        size = stimulus.size if self._resize is None else self._resize(*stimulus.size)
        if size == stimulus.size:
            data, media_type = stimulus.encoded()
            if self._media_types is not None and media_type not in self._media_types:
                data, media_type = encode_png(stimulus.pixels()), "image/png"
            return _picture(data, media_type, stimulus.size, (stimulus.pixels_sha256,))
        data = _resized_png(stimulus.pixels(), size)
        return _picture(data, "image/png", size, (stimulus.pixels_sha256,), resized_from=stimulus.size)

    def _make_composite(self, left: Stimulus, right: Stimulus) -> Picture:
        pixels = compose(left.pixels(), right.pixels(), self.experiment.definition.presentation.background)
        whole = pixels.shape[1], pixels.shape[0]
        size = whole if self._resize is None else self._resize(*whole)
        data = encode_png(pixels) if size == whole else _resized_png(pixels, size)
        shown = left.pixels_sha256, right.pixels_sha256
        return _picture(data, "image/png", size, shown, resized_from=None if size == whole else whole)


def compose(
    left: Pixels,
    right: Pixels,
    background: tuple[int, int, int],
) -> Pixels:
    """Put two images side by side.

    Parameters
    ----------
    left, right : uint8 array, shape (height, width, 3)
        sRGB, of equal size.
    background : tuple of int
        Colour of the gap of `COMPOSITE_GAP_PX` pixels between them.

    Returns
    -------
    uint8 array, shape (height, 2 width + gap, 3)
    """
    gap = np.empty((left.shape[0], COMPOSITE_GAP_PX, 3), np.uint8)
    gap[:] = background
    return np.hstack([left, gap, right])


def composite_size(width: int, height: int) -> tuple[int, int]:
    """Return the size of two images of this size side by side."""
    return 2 * width + COMPOSITE_GAP_PX, height


def _caption(label: str) -> str:
    """Name an image: "Image A:", "The first image:"."""
    return f"The {label} image:" if label in ("left", "right", "first", "second") else f"Image {label}:"


def _composite_caption(left: str, right: str) -> str:
    if (left.casefold(), right.casefold()) == ("left", "right"):
        return "Two images side by side:"
    return f"Two images side by side; the one on the left is called {left}, the one on the right {right}:"


def _picture(
    data: bytes,
    media_type: str,
    size: tuple[int, int],
    source: tuple[str, ...],
    resized_from: tuple[int, int] | None = None,
) -> Picture:
    return Picture(b64encode(data), media_type, hashlib.sha256(data).hexdigest(), *size, source, resized_from)


def _resized_png(pixels: Pixels, size: tuple[int, int]) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS).save(buffer, "PNG")
    return buffer.getvalue()


@dataclass(frozen=True)
class Answer:
    """What a reply says.

    Attributes
    ----------
    choice : {'left', 'right', 'tie'} or None
        None where the reply is not one of the answers, and nothing else.
    reasoning : str or None
        The words before the answer.
    """

    choice: Choice | None
    reasoning: str | None = None


_BEFORE = " \t\r\n'\"`*_([“”‘’«»"
_AFTER = _BEFORE + ")].!:;,。！：；，、"


def _bare(text: str) -> str:
    """Return a text without quotation marks, emphasis and brackets around it and punctuation after it, in one case.

    Nothing else is taken off: what stands before a word may turn it round, as in ``!A`` and ``-A``.
    """
    return text.lstrip(_BEFORE).rstrip(_AFTER).casefold()


def read_answer(text: str, question: Question) -> Answer:
    """Read a reply strictly: one of the answers and nothing beside it, in any case, or no choice.

    A label inside a sentence is no answer: "A is brighter, so B" names both. Where reasons were asked for, the answer
    is the last line, ``Answer: LABEL``. JSON with the key ``answer`` is read whether it was forced or not. What a model
    thought first, up to ``</think>``, is its reasoning, where its server leaves the two together.
    """
    thoughts, thought, text = text.rpartition("</think>")
    answer = _read_words(text.strip(), question)
    if not thought:
        return answer
    reasons = thoughts.strip().removeprefix("<think>").strip(), answer.reasoning
    return Answer(answer.choice, "\n\n".join(filter(None, reasons)) or None)


def _read_words(text: str, question: Question) -> Answer:
    structured = _read_json(text, question)
    if structured is not None:
        return structured
    if question.structured:  # a server that does not know the format may give the answer alone, which is no less clear
        return Answer(_match(text, question))
    reasoning = None
    if question.reasoning:
        before, _, last = text.rpartition("\n")
        found = re.fullmatch(r"[\s*_#>-]*answer[\s*_]*:(?P<label>.*)", last, re.IGNORECASE)
        if found is None:
            return Answer(None)
        reasoning, text = before.strip() or None, found["label"]
    return Answer(_match(text, question), reasoning)


def _match(text: str, question: Question) -> Choice | None:
    bare = _bare(text)
    return next((choice for label, choice in question.answers.items() if _bare(label) == bare), None)


def _read_json(text: str, question: Question) -> Answer | None:
    fenced = re.fullmatch(r"```(?:json)?\s*(.*?)\s*```", text, re.DOTALL)
    try:
        data = json.loads(fenced[1] if fenced else text, object_pairs_hook=_without_doubles)
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict) or not isinstance(data.get("answer"), str):
        return None
    reasoning = data.get("reasoning")
    return Answer(_match(data["answer"], question), reasoning if isinstance(reasoning, str) else None)


def _without_doubles(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Refuse an object that says a thing twice, of which JSON readers keep the last."""
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a key occurs twice")
    return dict(pairs)


def soft_choice(tokens: dict[str, float], question: Question) -> tuple[float | None, float]:
    """Turn the probabilities of the first token into a soft choice.

    Parameters
    ----------
    tokens : dict
        Probability of each token that the provider told, by its text.
    question : Question

    Returns
    -------
    p_left : float or None
        Probability of left among left and right; None where no token stands for either.
    mass : float
        Probability of all tokens that stand for an answer; what is missing to 1 went elsewhere.

    Notes
    -----
    A token stands for an answer if it is the answer, or the beginning of this answer and of no other ("fir" of
    "first"), in any case.
    """
    by_choice: dict[Choice, float] = {"left": 0.0, "right": 0.0, "tie": 0.0}
    for token, probability in tokens.items():
        bare = _bare(token)
        meant = {choice for label, choice in question.answers.items() if bare and _bare(label).startswith(bare)}
        if len(meant) == 1:
            by_choice[meant.pop()] += probability
    sides = by_choice["left"] + by_choice["right"]
    mass = min(1.0, sides + by_choice["tie"])
    return (by_choice["left"] / sides if sides > 0 else None), mass
