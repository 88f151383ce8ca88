"""The interface of a screen: elements to draw, presses, and a clock; the window itself is `psychopy_screen`.

The driver of a session is written against this, so that sessions can be tested without a window.
"""

from __future__ import annotations

import abc
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from visavis.stimuli import Pixels

from .layout import Placement, Size

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class ImageElement:
    """A loaded image at its place; `key` is the one that it was loaded under."""

    key: str
    place: Placement


@dataclass(frozen=True)
class TextElement:
    """Text in the middle of the window's width, wrapped, and made smaller where it would not fit its room.

    Attributes
    ----------
    text : str
    top, bottom : int
        The room for it, in pixels from the window's top.
    stands : {'top', 'middle', 'bottom'}
        Where in that room.
    aligned : {'center', 'left'}
        How its lines stand to each other; the whole of them is in the middle.
    scale : float
        Of the letters, to those of running text.
    """

    text: str
    top: int
    bottom: int
    stands: Literal["top", "middle", "bottom"] = "middle"
    aligned: Literal["center", "left"] = "center"
    scale: float = 1.0


@dataclass(frozen=True)
class FrameElement:
    """A line around an image, outside of it: the image's place, and the bars that the line is made of."""

    place: Placement
    bars: tuple[Placement, ...]


@dataclass(frozen=True)
class CrossElement:
    """The fixation cross, in the middle."""


Element = ImageElement | TextElement | FrameElement | CrossElement


@dataclass(frozen=True)
class Press:
    """A key that went down, a click, or a typed text.

    Attributes
    ----------
    at : float
        Seconds on the screen's clock.
    key : str
        PsychoPy's name of the key; ``mouse`` for a click; ``text`` for a character; ``close`` where the window is
        asked to close.
    x, y : float
        Of a click, in pixels from the window's top left.
    text : str
        The character.
    uncertainty : float
        Seconds by which it may have happened before `at`: the time between two looks, where nothing stamps it sooner.
    """

    at: float
    key: str
    x: float = 0.0
    y: float = 0.0
    text: str = ""
    uncertainty: float = 0.0


class Screen(abc.ABC):
    """A window that is drawn as a whole and answers with presses.

    Attributes
    ----------
    size : tuple of int
        Width and height in pixels.
    display : tuple of int
        The same of the whole display that the window is on.
    refresh_hz : float
        Frames a second.
    viewed : (float or None, float or None)
        Width of the display and distance to it in cm, where the screen itself knows them.
    """

    size: Size
    display: Size
    refresh_hz: float
    viewed: tuple[float | None, float | None] = (None, None)

    @abc.abstractmethod
    def now(self) -> float:
        """Return seconds on the clock that stamps presses and flips."""

    @abc.abstractmethod
    def load(self, key: str, pixels: Pixels) -> None:
        """Make an image ready to be drawn; one that is there already stays."""

    @abc.abstractmethod
    def draw(self, elements: Sequence[Element]) -> None:
        """Draw these things alone into the frame that `flip` shows; again, where others were drawn since."""

    @abc.abstractmethod
    def flip(self) -> float:
        """Show what was drawn at the next refresh, and return when it appeared."""

    def show(self, elements: Sequence[Element]) -> float:
        """Draw these things alone, show them at the next refresh, and return when they appeared."""
        self.draw(elements)
        return self.flip()

    def prepare(self, elements: Sequence[Element]) -> None:  # noqa: B027 - for screens where drawing anew takes long
        """Make ready to draw these things without delay."""

    @abc.abstractmethod
    def fits(self, words: TextElement) -> bool:
        """Whether a text has its room without being made smaller."""

    @abc.abstractmethod
    def due(self) -> bool:
        """Whether it is time to flip for the next refresh; until then there is time to read presses."""

    @abc.abstractmethod
    def presses(self) -> list[Press]:
        """Return what was pressed since the last call, in order."""

    def point(self, shown: bool) -> None:  # noqa: B027 - not every screen has a pointer
        """Show the mouse pointer, or hide it."""

    def problems(self, texts: Sequence[str]) -> list[str]:  # noqa: ARG002 - for screens with fonts
        """Return what the screen cannot show of these texts, and the remedy."""
        return []

    @abc.abstractmethod
    def pause(self, seconds: float) -> None:
        """Do nothing for a moment."""

    def describe(self) -> dict[str, Any]:
        """Return what the log should record of the screen."""
        return {
            "size_px": list(self.size),
            "display_px": list(self.display),
            "refresh_hz": round(self.refresh_hz, 2),
        }

    def close(self) -> None:  # noqa: B027 - not every screen is a window
        """Close the window."""
