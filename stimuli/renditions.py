"""Controlled renditions: one photograph in known steps of contrast and chroma.

The steps are made in CIELAB (D65): contrast scales lightness about the photograph's mean lightness, chroma scales a*
and b* at constant hue angle. CIELAB's hue is not quite even (blues drift towards purple as chroma grows), which matters
little for the moderate steps meant here. What leaves the sRGB gamut is clipped channel by channel, and how many pixels
were clipped is reported, for a step that clips a lot is not the step that was asked for.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from visavis.base.files import atomic_path, atomic_write

from .pixels import Pixels, encode_png
from .stimulus_set import StimulusSet, thread_count

REPORT = "renditions.csv"

# Rounding of the conversion alone leaves the unit cube by less than this.
_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Step:
    """One controlled change.

    Attributes
    ----------
    contrast : float
        Factor on the deviations of L* from their mean; 1 leaves them alone.
    chroma : float
        Factor on C*; 1 leaves it alone.
    """

    contrast: float = 1.0
    chroma: float = 1.0

    def __post_init__(self) -> None:
        for name in ("contrast", "chroma"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value >= 0):
                raise ValueError(f"{name} must be a finite factor from 0, not {value!r}")


@dataclass(frozen=True)
class Rendition:
    """A photograph after a step.

    Attributes
    ----------
    pixels : uint8 array, shape (height, width, 3)
    clipped : float
        Share of pixels that left the sRGB gamut in at least one channel, in [0, 1].
    """

    pixels: Pixels
    clipped: float


def adjust(pixels: Pixels, step: Step) -> Rendition:
    """Make one rendition.

    Parameters
    ----------
    pixels : uint8 array, shape (height, width, 3)
    step : Step
        The neutral step returns the pixels as they are, to the bit.
    """
    if step == Step():
        return Rendition(pixels.copy(), 0.0)
    from .statistics import lab

    coordinates = lab(pixels)
    mean = coordinates[..., 0].mean()
    coordinates[..., 0] = mean + step.contrast * (coordinates[..., 0] - mean)
    coordinates[..., 1:] *= step.chroma
    rgb = _lab_to_srgb(coordinates)
    outside = ((rgb < -_TOLERANCE) | (rgb > 1 + _TOLERANCE)).any(axis=-1)
    return Rendition(np.rint(np.clip(rgb, 0, 1) * 255).astype(np.uint8), float(outside.mean()))


def _lab_to_srgb(coordinates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert without clipping, so that what leaves the gamut can be counted (CIE 15:2004, IEC 61966-2-1)."""
    from skimage.color import rgb2xyz, xyz_tristimulus_values

    f_y = (coordinates[..., 0] + 16) / 116
    f = np.stack([f_y + coordinates[..., 1] / 500, f_y, f_y - coordinates[..., 2] / 200], axis=-1)
    ratio = np.where(f > 6 / 29, f**3, (f - 16 / 116) * 3 * (6 / 29) ** 2)
    xyz = ratio * xyz_tristimulus_values(illuminant="D65", observer="2")
    linear = xyz @ np.linalg.inv(rgb2xyz(np.eye(3)))
    # An odd function beyond black keeps the order of what will be clipped.
    magnitude = np.abs(linear)
    encoded = np.where(magnitude <= 0.0031308, 12.92 * magnitude, 1.055 * magnitude ** (1 / 2.4) - 0.055)
    srgb: NDArray[np.float64] = np.copysign(encoded, linear)
    return srgb


def write_renditions(photographs: Mapping[str, Pixels], steps: Mapping[str, Step], folder: Path | str) -> StimulusSet:
    """Write every photograph in every step, as ``scene/rendition.png``, and a report of the steps and their clipping.

    Parameters
    ----------
    photographs : mapping of str to uint8 arrays of shape (height, width, 3)
        By scene.
    steps : mapping of str to Step
        By rendition.
    folder : path
        Made if need be; the report is its ``renditions.csv``.

    Returns
    -------
    StimulusSet
        What was written, read back and checked.
    """
    folder = Path(folder)
    for scene in photographs:
        (folder / scene).mkdir(parents=True, exist_ok=True)

    def written(of: tuple[str, str]) -> tuple[object, ...]:
        scene, name = of
        rendition = adjust(photographs[scene], steps[name])
        atomic_write(folder / scene / f"{name}.png", encode_png(rendition.pixels))
        return scene, name, steps[name].contrast, steps[name].chroma, f"{rendition.clipped:.4f}"

    with ThreadPoolExecutor(thread_count()) as pool:  # encoding leaves the interpreter's lock
        rows = list(pool.map(written, product(photographs, steps)))
    with atomic_path(folder / REPORT) as aside, aside.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["scene", "rendition", "contrast", "chroma", "clipped"])
        writer.writerows(rows)
    return StimulusSet.from_folder(folder, scenes=list(photographs), renditions=list(steps))
