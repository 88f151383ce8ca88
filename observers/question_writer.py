"""Writes what a trial asks a model: the same words and pictures for every model, whichever provider serves it."""

from __future__ import annotations

import hashlib
import io
from base64 import b64encode
from collections.abc import Callable, Collection
from functools import lru_cache

import numpy as np

from visavis.experiments import Choice, Experiment, Trial
from visavis.stimuli import Pixels, Stimulus, encode_png

from .question import Picture, Question

COMPOSITE_GAP_PX = 32

Resize = Callable[[int, int], tuple[int, int]]
"""Gives the size at which an image of some width and height is sent."""


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
