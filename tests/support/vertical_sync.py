"""A display with vertical sync where there is none, on a clock of its own: a flip waits for the next refresh.

Time passes only where the session waits, draws or flips, so that what is recorded of it is the same on every machine.
What stands at one point of the window is read at every flip, so that how long an image was shown can be counted in
refreshes, apart from what the session's own clock says.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from typing import Any, NamedTuple


class Frame(NamedTuple):
    """The refresh from which on a frame was shown, and the red of the point in it."""

    refresh: int
    level: int


@dataclass
class EmulatedDisplay:
    """What a display with vertical sync showed.

    Attributes
    ----------
    hz : float
    point : (int, int)
        What is read, in pixels from the window's bottom left.
    drawing : callable
        How long it takes to draw a frame, in refreshes, by the number of the frame.
    seconds : float
        The time on its clock.
    shown : list of Frame
    """

    hz: float
    point: tuple[int, int]
    drawing: Callable[[int], float] = lambda _: 0.0
    seconds: float = 0.0
    shown: list[Frame] = field(default_factory=list)

    def wait(self, seconds: float) -> None:
        self.seconds += seconds

    def draw(self) -> None:
        self.wait(self.drawing(len(self.shown)) / self.hz)

    def flip(self, level: int) -> None:
        refresh = int(self.seconds * self.hz + 1e-6) + 1
        self.seconds = refresh / self.hz
        self.shown.append(Frame(refresh, level))

    def exposures(self) -> list[tuple[int, int]]:
        """Return what the point showed one after the other, each for how many refreshes."""
        begun = [next(same) for _, same in groupby(self.shown, key=lambda frame: frame.level)]
        return [(frame.level, after.refresh - frame.refresh) for frame, after in pairwise(begun)]

    def missed(self) -> int:
        """Return how many refreshes came without a new frame."""
        return sum(after.refresh - frame.refresh - 1 for frame, after in pairwise(self.shown))


@contextmanager
def vertical_sync(display: EmulatedDisplay) -> Iterator[None]:
    """Have every window of PsychoPy keep to this display and to its clock."""
    from pyglet import gl
    from pyglet.window.xlib import XlibWindow

    from visavis.observers.human.psychopy_screen import PsychoPyScreen

    flip, draw = XlibWindow.flip, PsychoPyScreen.draw
    now, pause = PsychoPyScreen.now, PsychoPyScreen.pause
    pixel = (ctypes.c_ubyte * 4)()

    def draws(screen: Any, elements: Any) -> None:
        draw(screen, elements)
        display.draw()

    def waits(window: Any) -> None:
        gl.glReadPixels(*display.point, 1, 1, gl.GL_RGBA, gl.GL_UNSIGNED_BYTE, pixel)
        flip(window)
        display.flip(pixel[0])

    XlibWindow.flip, PsychoPyScreen.draw = waits, draws  # type: ignore[method-assign]
    PsychoPyScreen.now = lambda _: display.seconds  # type: ignore[method-assign]
    PsychoPyScreen.pause = lambda _, seconds: display.wait(seconds)  # type: ignore[method-assign]
    try:
        yield
    finally:
        XlibWindow.flip, PsychoPyScreen.draw = flip, draw
        PsychoPyScreen.now, PsychoPyScreen.pause = now, pause
