"""Statistics of one image: numbers that observers can be compared with.

Every function takes an sRGB uint8 array of shape (height, width, 3) and returns one float. Images are measured block by
block, by tables of the 256 values that a channel can have: twelve megapixels take a tenth of a second or little more,
and no memory to speak of.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .pixels import Pixels

Channel = NDArray[np.float64]

_LUMINANCE_WEIGHTS = np.array([0.2126, 0.7152, 0.0722])
_ENCODED = np.arange(256) / 255
_LINEAR = np.where(_ENCODED <= 0.04045, _ENCODED / 12.92, ((_ENCODED + 0.055) / 1.055) ** 2.4)
_LUMINANCE_TABLE = _LUMINANCE_WEIGHTS[:, None] * _LINEAR
_DARK = 0.008856  # as scikit-image rounds (6 / 29)³
_BLOCK = 2**15
"""Pixels that are measured at a time."""


def luminance(pixels: Pixels) -> Channel:
    """Return relative luminance Y of sRGB pixels (IEC 61966-2-1).

    Returns
    -------
    float array, shape (height, width)
        In [0, 1].
    """
    return _by_table(pixels, _LUMINANCE_TABLE)


def lab(pixels: Pixels) -> Channel:
    """Return CIELAB coordinates (D65, 2°) of sRGB pixels.

    Returns
    -------
    float array, shape (height, width, 3)
        L* in [0, 100], a*, b*.
    """
    from skimage.color import rgb2lab

    converted: Channel = rgb2lab(pixels)
    return converted


def rms_contrast(pixels: Pixels) -> float:
    """Return the root-mean-square contrast: the standard deviation of relative luminance over its mean.

    Dimensionless, from 0; 0 for a black image. Peli (1990), eq. 1, on luminance divided by its mean, so that it does
    not depend on exposure.
    """
    total = 0
    mean = squares = 0.0
    for block in _blocks(pixels):
        y = _by_table(block, _LUMINANCE_TABLE)
        # Chan, Golub & LeVeque (1983), eq. 1.5: mean and sum of squared deviations of two parts together.
        block_mean = float(y.mean())
        y -= block_mean
        difference, together = block_mean - mean, total + y.size
        squares += float(np.vdot(y, y)) + difference**2 * total * y.size / together
        mean += difference * y.size / together
        total = together
    return math.sqrt(squares / total) / mean if mean > 0 else 0.0


def michelson_contrast(pixels: Pixels) -> float:
    """Return the Michelson contrast of the luminance extremes, in [0, 1]; 0 for a black image.

    Michelson (1927): (Ymax - Ymin) / (Ymax + Ymin). Made for gratings: in a photograph one dark and one bright pixel
    decide it.
    """
    low: float = math.inf
    high = 0.0
    for block in _blocks(pixels):
        y = _by_table(block, _LUMINANCE_TABLE)
        low, high = min(low, float(y.min())), max(high, float(y.max()))
    return (high - low) / (high + low) if high > 0 else 0.0


def colorfulness(pixels: Pixels) -> float:
    """Return the colorfulness M3 of Hasler & Süsstrunk (2003), eqs. 3 to 5: 0 for grey, about 109 for extreme.

    With rg = R - G and yb = (R + G) / 2 - B on 8-bit values: sqrt(var rg + var yb) + 0.3 sqrt(mean² rg + mean² yb).
    The sums are exact.
    """
    count, sums, squares = _count(pixels), [0, 0], [0, 0]
    for block in _blocks(pixels):
        r, g, b = (block[..., channel].astype(np.float64).ravel() for channel in range(3))
        for which, opponent in enumerate((r - g, r + g - 2 * b)):  # the second is twice yb
            sums[which] += int(opponent.sum())  # whole numbers below 2**53, so exact
            squares[which] += int(np.vdot(opponent, opponent))
    mean_rg, mean_yb = sums[0] / count, sums[1] / count / 2
    variance = (squares[0] * count - sums[0] ** 2) / count**2 + (squares[1] * count - sums[1] ** 2) / count**2 / 4
    return math.sqrt(variance) + 0.3 * math.hypot(mean_rg, mean_yb)


def mean_lightness(pixels: Pixels) -> float:
    """Return the mean CIELAB lightness L*, in [0, 100] (CIE 15:2004)."""
    total = 0.0
    for block in _blocks(pixels):
        total += float(_lab_curve(_by_table(block, _xyz_tables()[1])).sum())
    return 116 * total / _count(pixels) - 16


def mean_chroma(pixels: Pixels) -> float:
    """Return the mean CIELAB chroma C*ab = sqrt(a*² + b*²), from 0 (CIE 15:2004)."""
    total = 0.0
    for block in _blocks(pixels):
        x, y, z = (_lab_curve(_by_table(block, table)) for table in _xyz_tables())
        total += float(np.hypot(500 * (x - y), 200 * (y - z)).sum())
    return total / _count(pixels)


def edge_sharpness(pixels: Pixels) -> float:
    """Return the variance of the Laplacian of luma, in squared 8-bit steps: the larger, the sharper.

    Pech-Pacheco et al. (2000), LAP_VAR in Pertuz et al. (2013), with the 4-neighbour Laplacian on luma (ITU-R BT.601)
    and without the border. The sums are exact.
    """
    if min(pixels.shape[:2]) < 3:
        return 0.0
    total, squares, count = 0, 0, _count(pixels[2:, 2:])
    for block in _blocks(pixels, overlap=2):
        r, g, b = (block[..., channel].astype(np.int32) for channel in range(3))
        luma = 299 * r + 587 * g + 114 * b  # in thousandths of a step
        laplacian = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:] - 4 * luma[1:-1, 1:-1]
        total += int(laplacian.sum(dtype=np.int64))
        wide = laplacian.astype(np.float64).ravel()
        squares += int(np.vdot(wide, wide))  # whole numbers below 2**53, so exact
    return (squares * count - total**2) / count**2 / 1e6


def _count(pixels: Pixels) -> int:
    return int(pixels.shape[0]) * int(pixels.shape[1])


def _blocks(pixels: Pixels, overlap: int = 0) -> Iterator[Pixels]:
    """Yield bands of rows that fit into a processor's own memory; successive bands share `overlap` rows."""
    height, width, _ = pixels.shape
    rows = max(1, _BLOCK // width)
    for first in range(0, height - overlap, rows):
        yield pixels[first : first + rows + overlap]


def _by_table(block: Pixels, table: Channel) -> Channel:
    """Return a sum over channels of a function of each, by its 256 values: table of shape (3, 256)."""
    summed: Channel = table[0].take(block[..., 0])
    summed += table[1].take(block[..., 1])
    summed += table[2].take(block[..., 2])
    return summed


def _lab_curve(ratio: Channel) -> Channel:
    """Return f of CIE 15:2004, eq. 8.6, of a tristimulus value over the white's."""
    root: Channel = np.cbrt(ratio)
    dark = ratio <= _DARK
    if dark.any():
        root[dark] = ratio[dark] * 7.787 + 16 / 116
    return root


@lru_cache(maxsize=1)
def _xyz_tables() -> tuple[Channel, Channel, Channel]:
    """Return the tables of X, Y and Z over those of the white (D65, 2°), as `lab` has them."""
    from skimage.color import rgb2xyz, xyz_tristimulus_values

    matrix, white = rgb2xyz(np.eye(3)), xyz_tristimulus_values(illuminant="D65", observer="2")
    x, y, z = (matrix[:, i, None] * _LINEAR / white[i] for i in range(3))
    return x, y, z


STATISTICS: dict[str, Callable[[Pixels], float]] = {
    "rms_contrast": rms_contrast,
    "michelson_contrast": michelson_contrast,
    "colorfulness": colorfulness,
    "mean_lightness": mean_lightness,
    "mean_chroma": mean_chroma,
    "edge_sharpness": edge_sharpness,
}
"""Every statistic by its name."""
