"""Where things stand on the screen, in whole pixels, and how large a degree of visual angle is.

Pixels count from the window's top left corner. An image whose edges lie on whole pixels is shown pixel for pixel; half
a pixel aside, every pixel of it would be a mixture.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

Size = tuple[int, int]

QUESTION_PX = 90
"""Least room above the images for the question, and below them for the frame and the feedback."""
FRAME_PX = 8
"""The most that the frame of a chosen image is thick, and away from it: texts keep twice this from images."""


@dataclass(frozen=True)
class Placement:
    """A rectangle of whole pixels.

    Attributes
    ----------
    left, top, width, height : int
    """

    left: int
    top: int
    width: int
    height: int

    def centre(self, window: Size) -> tuple[float, float]:
        """Return the middle as PsychoPy counts it: from the window's middle, upwards."""
        return self.left + self.width / 2 - window[0] / 2, window[1] / 2 - self.top - self.height / 2

    def holds(self, x: float, y: float) -> bool:
        """Whether a point lies within."""
        return self.left <= x < self.left + self.width and self.top <= y < self.top + self.height

    def record(self) -> list[int]:
        """Return left, top, width and height, for the log."""
        return [self.left, self.top, self.width, self.height]


def letter_px(window: Size) -> int:
    """Return the height of letters that suits a window: 19 pixels on 800x600, 35 on 1920x1080, 69 on 3840x2160."""
    return max(12, round(0.032 * min(window[1], 0.75 * window[0])))


def line_px(window: Size) -> int:
    """Return the longest line of text: four fifths of the window, and no more than 36 letter heights."""
    return min(round(0.8 * window[0]), 36 * letter_px(window))


class DoesNotFit(ValueError):
    """Images that the window has no room for."""


def in_a_row(sizes: Sequence[Size], gap: int, window: Size) -> list[Placement]:
    """Place images side by side in the middle of the window.

    Parameters
    ----------
    sizes : sequence of (width, height)
        From left to right, in pixels.
    gap : int
        Pixels between two.
    window : (width, height)

    Raises
    ------
    DoesNotFit
        If they, or the question above them, do not fit the window.
    """
    width = sum(size[0] for size in sizes) + gap * (len(sizes) - 1)
    height = max(size[1] for size in sizes)
    if width > window[0] or height + 2 * QUESTION_PX > window[1]:
        raise DoesNotFit(
            f"{len(sizes)} image(s) in a row need {width}×{height + 2 * QUESTION_PX} pixels with the question, the "
            f"screen has {window[0]}×{window[1]}"
        )
    left = (window[0] - width) // 2
    places = []
    for size in sizes:
        places.append(Placement(left, (window[1] - size[1]) // 2, *size))
        left += size[0] + gap
    return places


def frame_bars(place: Placement, others: Sequence[Placement], window: Size) -> list[Placement]:
    """Return the bars of a line around an image, which cover no pixel of any image and stay within the window.

    Parameters
    ----------
    place : Placement
        The image.
    others : sequence of Placement
        The images in a row with it.
    window : (width, height)

    Returns
    -------
    list of Placement
        Above, below, left and right. The line is a ninth of a letter thick and as far away; nearer and thinner where
        half the gap to the next image, or the window's edge, leaves less room; and left out on a side that has none.
    """
    thick = min(FRAME_PX, max(2, round(letter_px(window) / 9)))
    right, bottom = place.left + place.width, place.top + place.height
    gaps_left = [(place.left - other.left - other.width) // 2 for other in others if other.left < place.left]
    gaps_right = [(other.left - right) // 2 for other in others if other.left > place.left]
    to_left, to_right = min([2 * thick, place.left, *gaps_left]), min([2 * thick, window[0] - right, *gaps_right])
    left, width = place.left - to_left, place.width + to_left + to_right
    top, height = place.top - 2 * thick, place.height + 4 * thick
    bars = [
        Placement(left, top, width, thick),
        Placement(left, bottom + thick, width, thick),
        Placement(left, top, -(-to_left // 2), height),
        Placement(right + to_right // 2, top, -(-to_right // 2), height),
    ]
    return [bar for bar in bars if bar.width]


@dataclass(frozen=True)
class Viewing:
    """Screen and distance.

    Attributes
    ----------
    width_px : int
        Of the screen.
    width_cm : float
    distance_cm : float
        From the eye to the screen.
    """

    width_px: int
    width_cm: float
    distance_cm: float

    @property
    def pixels_per_degree(self) -> float:
        """Pixels in the degree straight ahead: ``2 d tan(0.5°)`` of the screen, in pixels."""
        return self.pixels(1.0)

    def pixels(self, degrees: float) -> float:
        """Return the width, straight ahead, that is seen under an angle: ``2 d tan(angle / 2)``, in pixels."""
        return 2 * self.distance_cm * math.tan(math.radians(degrees) / 2) * self.width_px / self.width_cm

    def degrees(self, pixels: float) -> float:
        """Return the angle under which a width straight ahead is seen."""
        return math.degrees(2 * math.atan(pixels * self.width_cm / self.width_px / (2 * self.distance_cm)))


def scaled(size: Size, width: float) -> Size:
    """Return a size of the same shape with another width, in whole pixels."""
    return max(1, round(width)), max(1, round(size[1] * width / size[0]))
