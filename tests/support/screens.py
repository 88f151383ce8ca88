"""A screen that nobody sees, with a clock of its own, and a participant who answers by a rule."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from visavis.observers.human.screen import Element, ImageElement, Press, Screen, TextElement
from visavis.stimuli import Pixels

FRAME_S = 1 / 60


@dataclass(frozen=True)
class Shown:
    """What was on the screen from one moment on."""

    at: float
    elements: tuple[Element, ...]

    @property
    def images(self) -> list[ImageElement]:
        return [element for element in self.elements if isinstance(element, ImageElement)]

    @property
    def text(self) -> str:
        return "\n".join(element.text for element in self.elements if isinstance(element, TextElement))


Behaviour = Callable[["ScriptedScreen"], "list[Press] | None"]
"""Looks at the screen and presses something, or not."""


class ScriptedScreen(Screen):
    """Time passes when the session waits; what is pressed, the behaviour says."""

    def __init__(self, behave: Behaviour, size: tuple[int, int] = (1000, 800)) -> None:
        self.size = self.display = size
        self.refresh_hz = 1 / FRAME_S
        self.behave = behave
        self.clock = 0.0
        self.history: list[Shown] = []
        self.drawn: tuple[Element, ...] = ()
        self.loaded: dict[str, Pixels] = {}
        self.closed = 0
        self.looks = 0
        self.pointer: bool | None = None
        self.text_fits: Callable[[TextElement], bool] = lambda _: True

    @property
    def current(self) -> Shown:
        return self.history[-1]

    def since(self) -> float:
        """Return how long the same things have been shown."""
        same = self.current
        for shown in reversed(self.history):
            if shown.elements != self.current.elements:
                break
            same = shown
        return self.clock - same.at

    def now(self) -> float:
        return self.clock

    def load(self, key: str, pixels: Pixels) -> None:
        self.loaded[key] = pixels

    def draw(self, elements: Sequence[Element]) -> None:
        self.drawn = tuple(elements)
        for element in elements:
            if isinstance(element, ImageElement):
                assert element.key in self.loaded, "an image was not loaded before its onset"

    def flip(self) -> float:
        self.clock = FRAME_S * (math.floor(self.clock / FRAME_S + 1e-6) + 1)  # the next frame, as on a display
        self.history.append(Shown(self.clock, self.drawn))
        return self.clock

    def fits(self, words: TextElement) -> bool:
        return self.text_fits(words)

    def due(self) -> bool:
        return not self.history or self.clock - self.current.at >= 0.75 * FRAME_S

    def point(self, shown: bool) -> None:
        self.pointer = shown

    def presses(self) -> list[Press]:
        self.looks += 1
        return self.behave(self) or [] if self.history else []

    def pause(self, seconds: float) -> None:
        self.clock += seconds

    def close(self) -> None:
        self.closed += 1


def presses_key(screen: ScriptedScreen, key: str) -> list[Press]:
    return [Press(screen.clock, key)]


def diligent(choose: Callable[[ScriptedScreen], str] = lambda _: "left", after_s: float = 0.5) -> Behaviour:
    """Read every page and press Enter; answer every trial a while after its onset."""
    answered: list[float] = []

    def behave(screen: ScriptedScreen) -> list[Press] | None:
        if not screen.current.images:
            # A page is there once the presses from before it are cleared: not in its first frame.
            return presses_key(screen, "return") if screen.current.text and screen.since() > 0.001 else None
        if screen.since() < after_s or screen.current.at in answered:
            return None
        answered.append(screen.current.at)
        return presses_key(screen, choose(screen))

    return behave
