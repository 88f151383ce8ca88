"""Statistics of one image: numbers that observers can be compared with.

Every function takes an sRGB uint8 array of shape (height, width, 3) and returns one float.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .pixels import Pixels

Channel = NDArray[np.float64]

_LUMINANCE_WEIGHTS = np.array([0.2126, 0.7152, 0.0722])


def luminance(pixels: Pixels) -> Channel:
    """Return relative luminance Y of sRGB pixels (IEC 61966-2-1).

    Returns
    -------
    float array, shape (height, width)
        In [0, 1].
    """
    encoded = pixels / 255.0
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    luminances: Channel = linear @ _LUMINANCE_WEIGHTS
    return luminances


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
    y = luminance(pixels)
    mean = float(y.mean())
    return float(y.std()) / mean if mean > 0 else 0.0


def michelson_contrast(pixels: Pixels) -> float:
    """Return the Michelson contrast of the luminance extremes, in [0, 1]; 0 for a black image.

    Michelson (1927): (Ymax - Ymin) / (Ymax + Ymin). Made for gratings: in a photograph one dark and one bright pixel
    decide it.
    """
    y = luminance(pixels)
    low, high = float(y.min()), float(y.max())
    return (high - low) / (high + low) if high > 0 else 0.0


def colorfulness(pixels: Pixels) -> float:
    """Return the colorfulness M3 of Hasler & Süsstrunk (2003), eqs. 3 to 5: 0 for grey, about 109 for extreme.

    With rg = R - G and yb = (R + G) / 2 - B on 8-bit values: sqrt(var rg + var yb) + 0.3 sqrt(mean² rg + mean² yb).
    """
    r, g, b = np.moveaxis(pixels.astype(np.float64), -1, 0)
    rg, yb = r - g, (r + g) / 2 - b
    return float(np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean()))


def mean_lightness(pixels: Pixels) -> float:
    """Return the mean CIELAB lightness L*, in [0, 100] (CIE 15:2004)."""
    return float(lab(pixels)[..., 0].mean())


def mean_chroma(pixels: Pixels) -> float:
    """Return the mean CIELAB chroma C*ab = sqrt(a*² + b*²), from 0 (CIE 15:2004)."""
    coordinates = lab(pixels)
    return float(np.hypot(coordinates[..., 1], coordinates[..., 2]).mean())


def edge_sharpness(pixels: Pixels) -> float:
    """Return the variance of the Laplacian of luma, in squared 8-bit steps: the larger, the sharper.

    Pech-Pacheco et al. (2000), LAP_VAR in Pertuz et al. (2013), with the 4-neighbour Laplacian on luma (ITU-R BT.601)
    and without the border.
    """
    luma = pixels @ np.array([0.299, 0.587, 0.114])
    if min(luma.shape) < 3:
        return 0.0
    laplacian = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:] - 4 * luma[1:-1, 1:-1]
    return float(laplacian.var())


STATISTICS: dict[str, Callable[[Pixels], float]] = {
    "rms_contrast": rms_contrast,
    "michelson_contrast": michelson_contrast,
    "colorfulness": colorfulness,
    "mean_lightness": mean_lightness,
    "mean_chroma": mean_chroma,
    "edge_sharpness": edge_sharpness,
}
"""Every statistic by its name."""
