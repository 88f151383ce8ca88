"""Frame by frame: each is drawn right after the last was shown, and presses are read until it is shown itself.

Rendering so has the whole time between two refreshes; a loop that draws shortly before the refresh comes late.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

from .screen import Element, Press, Screen

_POLL_S = 0.0005

Found = TypeVar("Found")


def next_frame(
    screen: Screen, elements: Sequence[Element], read: Callable[[Press], Found | None]
) -> tuple[Found | None, float]:
    """Show the next frame, unless a press is found before.

    Parameters
    ----------
    screen : Screen
    elements : sequence
        What the frame shows.
    read : callable
        Returns what a press means, or None to go on.

    Returns
    -------
    found : object or None
        What `read` returned first; the frame is then not shown.
    at : float
        When the frame appeared, on the screen's clock; now, where it did not.
    """
    screen.draw(elements)
    while True:
        for press in screen.presses():
            found = read(press)
            if found is not None:
                return found, screen.now()
        if screen.due():
            return None, screen.flip()
        screen.pause(_POLL_S)


def next_refresh(screen: Screen, flipped: float) -> float:
    """Return when the next frame can appear, after one that appeared at `flipped`."""
    period = 1 / screen.refresh_hz
    return flipped + period * max(1, math.ceil((screen.now() - flipped) / period))


def is_over(screen: Screen, flipped: float, until: float) -> bool:
    """Whether what ends at `until` ends with the next frame, to the nearest refresh."""
    return next_refresh(screen, flipped) >= until - 0.5 / screen.refresh_hz
