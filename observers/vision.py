"""What a model sees of an image: its size after the provider's resizing, by the rules that providers document.

A model that resamples an image is shown another image than people are: the check before a run says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["RULES", "SeenImage"]


@dataclass(frozen=True)
class SeenImage:
    """What a model sees of one image.

    Attributes
    ----------
    width, height : int
        In pixels, after resizing and before padding; of all tiles together where the image is cut into tiles.
    tokens : int or None
        Input tokens of the image; None where they are not known.
    padded : tuple of int or None
        Width and height with the margin that is added on the right and below; None where none is.
    tiles : int
        Pieces that the model gets, a thumbnail of the whole included.
    """

    width: int
    height: int
    tokens: int | None
    padded: tuple[int, int] | None = None
    tiles: int = 1


Rule = Callable[[int, int], SeenImage]


def claude(width: int, height: int, *, side: int, tokens: int) -> SeenImage:
    """Fit into sides of `side` pixels and `tokens` patches of 28 x 28, then pad to whole patches (Anthropic's rule)."""

    def patches(w: int, h: int) -> int:
        return math.ceil(w / 28) * math.ceil(h / 28)

    def fits(w: int, h: int) -> bool:
        return max(w, h) <= side and patches(w, h) <= tokens

    w, h = _largest_that_fits(width, height, fits)
    padded = 28 * math.ceil(w / 28), 28 * math.ceil(h / 28)
    return SeenImage(w, h, patches(w, h), None if padded == (w, h) else padded)


def openai_patches(width: int, height: int, *, patches: int, side: int, tokens_per_patch: float) -> SeenImage:
    """Fit into `side` pixels and `patches` patches of 32 x 32 (OpenAI's rule for detail ``high``)."""
    shrink = min(1.0, side / max(width, height))
    w, h = width * shrink, height * shrink
    if math.ceil(w / 32) * math.ceil(h / 32) > patches:
        # The largest scale that gives a whole number of patches on the side that is the tighter.
        scale = math.sqrt(patches * 32**2 / (w * h))
        columns, rows = w * scale / 32, h * scale / 32
        scale *= min(math.floor(columns) / columns, math.floor(rows) / rows)
        w, h = w * scale, h * scale
    # A side that is whole but for rounding stays whole.
    size = math.floor(w + 1e-6), math.floor(h + 1e-6)
    return SeenImage(*size, math.ceil(tokens_per_patch * math.ceil(size[0] / 32) * math.ceil(size[1] / 32)))


def qwen_vl(width: int, height: int, *, smallest: int = 256**2, largest: int = 4096**2) -> SeenImage:
    """Round the sides to multiples of 32 with an area between `smallest` and `largest` (Qwen3-VL's processor)."""
    w, h = (max(32, 32 * round(side / 32)) for side in (width, height))
    if w * h > largest:
        shrink = math.sqrt(width * height / largest)
        w, h = (max(32, 32 * math.floor(side / shrink / 32)) for side in (width, height))
    elif w * h < smallest:
        stretch = math.sqrt(smallest / (width * height))
        w, h = (32 * math.ceil(side * stretch / 32) for side in (width, height))
    return SeenImage(w, h, w * h // 32**2)


def internvl(width: int, height: int, *, tile: int = 448, tiles: int = 12, tokens_per_tile: int = 256) -> SeenImage:
    """Stretch to the grid of tiles that is nearest in aspect ratio, which distorts (InternVL's processor)."""
    grids = sorted(
        {(i, j) for n in range(1, tiles + 1) for i in range(1, n + 1) for j in range(1, n + 1) if i * j <= tiles},
        key=lambda grid: grid[0] * grid[1],
    )
    best, nearest = (1, 1), math.inf
    for columns, rows in grids:
        distance = abs(width / height - columns / rows)
        if distance < nearest:
            best, nearest = (columns, rows), distance
        elif distance == nearest and width * height > 0.5 * tile**2 * columns * rows:
            best = columns, rows
    count = best[0] * best[1]
    return SeenImage(best[0] * tile, best[1] * tile, tokens_per_tile * (count + (count > 1)))


def _largest_that_fits(width: int, height: int, fits: Callable[[int, int], bool]) -> tuple[int, int]:
    """Return the largest size of the same aspect ratio that fits, by whole pixels of the longer side."""
    longer = max(width, height)

    def scaled(side: int) -> tuple[int, int]:
        return max(1, round(width * side / longer)), max(1, round(height * side / longer))

    low, high = 1, longer
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(*scaled(middle)) else (low, middle - 1)
    return scaled(low)


RULES: dict[str, Rule] = {
    "claude-1568": lambda w, h: claude(w, h, side=1568, tokens=1568),
    "claude-2576": lambda w, h: claude(w, h, side=2576, tokens=4784),
    "openai-patches-1536": lambda w, h: openai_patches(w, h, patches=1536, side=2048, tokens_per_patch=1.2),
    "qwen3-vl": qwen_vl,
    "internvl": internvl,
}
"""The documented rules by name (November 2026), each a function of width and height in pixels. Token counts serve the
estimate of cost alone."""
