"""Sample photographs: crops, at their own pixels, of colour photographs that scikit-image ships in its wheel.

Every crop is 384 × 288 pixels: multiples of 32 with more than 65,536 pixels, which Qwen3-VL takes as they are, and so
small that neither Claude nor GPT resamples them. Nothing is downloaded.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from .pixels import Pixels, decode
from .renditions import Step, write_renditions
from .stimulus_set import StimulusSet

WIDTH, HEIGHT = 384, 288

# Scene: file, and the left and upper edge of the crop.
_CROPS = {
    "astronaut": ("astronaut.png", 48, 0),
    "spacesuit": ("astronaut.png", 64, 224),
    "cat": ("chelsea.png", 44, 6),
    "coffee": ("coffee.png", 110, 40),
    "rocket": ("rocket.jpg", 60, 40),
    "launchpad": ("rocket.jpg", 256, 139),
    "engine": ("motorcycle_left.png", 180, 150),
    "workshop": ("motorcycle_left.png", 357, 0),
    "wheel": ("motorcycle_left.png", 0, 170),
    "galaxies": ("hubble_deep_field.jpg", 80, 120),
}

SAMPLE_STEPS = {
    "neutral": Step(),
    "contrast-low": Step(contrast=0.75),
    "contrast-high": Step(contrast=1.25),
    "chroma-low": Step(chroma=0.65),
    "chroma-high": Step(chroma=1.3),
    "vivid": Step(contrast=1.12, chroma=1.15),
    "faded-vivid": Step(contrast=0.88, chroma=1.15),
}
"""Seven steps in which contrast and chroma vary apart, so that the weight of each in preference can be estimated."""


def sample_photographs() -> dict[str, Pixels]:
    """Return ten colour photographs.

    Returns
    -------
    dict of str to uint8 arrays, shape (288, 384, 3)
        By scene.
    """
    folder = files("skimage") / "data"
    whole = {name: decode((folder / name).read_bytes()).pixels for name in {crop[0] for crop in _CROPS.values()}}
    return {scene: whole[name][y : y + HEIGHT, x : x + WIDTH] for scene, (name, x, y) in _CROPS.items()}


def sample_stimuli(folder: Path | str) -> StimulusSet:
    """Write the sample photographs, each in the seven `SAMPLE_STEPS`, and return them as stimuli.

    Parameters
    ----------
    folder : path
        Made if need be.
    """
    return write_renditions(sample_photographs(), SAMPLE_STEPS, folder)
