"""What a trial asks a model: pictures and words in order, in no provider's form yet.

The same definition gives every model the same question; providers differ only in how they wrap it.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode
from dataclasses import dataclass
from functools import cached_property

from visavis.experiments import Choice


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
