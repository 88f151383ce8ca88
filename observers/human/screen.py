"""What a session needs of a screen: things to draw, presses that come back, and a clock; no window yet.

The session's course is written against this, so that it can be tested in no time; `psychopy_screen` is the window.
"""

from __future__ import annotations

import abc
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from visavis.stimuli import Pixels

from .layout import Placement, Size

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Image:
    """A loaded image at its place; `key` is the one that it was loaded under."""

    key: str
    place: Placement


@dataclass(frozen=True)
class Words:
    """Text, its middle so many pixels below the window's top."""

    text: str
    middle: int
    height: int = 28


@dataclass(frozen=True)
class Frame:
    """A line around a rectangle, outside of it."""

    place: Placement


@dataclass(frozen=True)
class Cross:
    """The fixation cross, in the middle."""


Element = Image | Words | Frame | Cross


@dataclass(frozen=True)
class Press:
    """A key that went down, a click, or a typed text.

    Attributes
    ----------
    at : float
        Seconds on the screen's clock.
    key : str
        PsychoPy's name of the key; ``mouse`` for a click; ``text`` for a character.
    x, y : float
        Of a click, in pixels from the window's top left.
    text : str
        The character.
    """

    at: float
    key: str
    x: float = 0.0
    y: float = 0.0
    text: str = ""


class Screen(abc.ABC):
    """A window that is drawn as a whole and answers with presses.

    Attributes
    ----------
    size : tuple of int
        Width and height in pixels.
    refresh_hz : float
        Measured.
    """

    size: Size
    refresh_hz: float

    @abc.abstractmethod
    def now(self) -> float:
        """Return seconds on the clock that stamps presses and flips."""

    @abc.abstractmethod
    def load(self, key: str, pixels: Pixels) -> None:
        """Make an image ready to be drawn; one that is there already stays."""

    @abc.abstractmethod
    def show(self, elements: Sequence[Element]) -> float:
        """Draw these things alone, and return when they appeared."""

    @abc.abstractmethod
    def presses(self) -> list[Press]:
        """Return what was pressed since the last call, in order."""

    @abc.abstractmethod
    def pause(self, seconds: float) -> None:
        """Do nothing for a moment."""

    def begin_frames(self) -> None:  # noqa: B027 - not every screen counts frames
        """Begin to watch the intervals between frames."""

    def end_frames(self) -> dict[str, Any]:
        """Return what was seen of them: ``frames``, ``median_ms``, ``longest_ms``, ``dropped``."""
        return {}

    def describe(self) -> dict[str, Any]:
        """Return what the log should record of the screen."""
        return {"size_px": list(self.size), "refresh_hz": round(self.refresh_hz, 2)}

    def close(self) -> None:  # noqa: B027 - not every screen is a window
        """Close the window."""
