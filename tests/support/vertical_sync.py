"""Vertical sync where there is none: a flip copies, then waits for the next refresh, as on a display.

What stands at one point of the window is read at every flip, so that how long an image was shown can be counted in
refreshes, apart from what the session's own clock says.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from typing import Any, NamedTuple


@dataclass
class EmulatedDisplay:
    """What a display with vertical sync showed.

    Attributes
    ----------
    hz : float
    point : (int, int)
        What is read, in pixels from the window's bottom left.
    shown : list of Frame
    """

    hz: float
    point: tuple[int, int]
    shown: list[Frame] = field(default_factory=list)

    def exposures(self) -> list[tuple[int, int, float]]:
        """Return what the point showed one after the other, each for how many refreshes and for how long, in s."""
        begun = [next(same) for _, same in groupby(self.shown, key=lambda frame: frame.level)]
        return [
            (frame.level, after.refresh - frame.refresh, after.returned - frame.returned)
            for frame, after in pairwise(begun)
        ]

    def missed(self) -> int:
        """Return how many refreshes came without a new frame."""
        return sum(after.refresh - frame.refresh - 1 for frame, after in pairwise(self.shown))

    def woken_late(self) -> int:
        """Return how often a busy machine let a flip return more than 4 ms after its refresh."""
        return sum(frame.returned - frame.refresh / self.hz > 0.004 for frame in self.shown)


class Frame(NamedTuple):
    """The refresh that a flip waited for, the red of the point from it on, and when the flip returned."""

    refresh: int
    level: int
    returned: float


@contextmanager
def vertical_sync(hz: float, point: tuple[int, int]) -> Iterator[EmulatedDisplay]:
    """Have every window's flip wait for the next of `hz` refreshes a second."""
    from pyglet import gl
    from pyglet.window.xlib import XlibWindow

    display = EmulatedDisplay(hz, point)
    flip = XlibWindow.flip
    pixel = (ctypes.c_ubyte * 4)()

    def waits(window: Any) -> None:
        gl.glReadPixels(*point, 1, 1, gl.GL_RGBA, gl.GL_UNSIGNED_BYTE, pixel)
        flip(window)
        gl.glFinish()
        refresh = int(time.perf_counter() * hz) + 1
        while (left := refresh / hz - time.perf_counter()) > 0:
            time.sleep(max(0.0, left - 0.001))
        display.shown.append(Frame(refresh, pixel[0], time.perf_counter()))

    XlibWindow.flip = waits
    try:
        yield display
    finally:
        XlibWindow.flip = flip
