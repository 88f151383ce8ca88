"""Images as scenes × renditions, read to exact sRGB pixels."""

from .pixels import Pixels, decode, encode_png, pixel_hash
from .renditions import Rendition, Step, adjust, write_renditions
from .samples import SAMPLE_STEPS, sample_photographs, sample_stimuli
from .sources import StimulusError
from .statistics import STATISTICS
from .stimulus_set import Stimulus, StimulusSet
from .unusable import UnusableImage

__all__ = [
    "SAMPLE_STEPS",
    "STATISTICS",
    "Pixels",
    "Rendition",
    "Step",
    "Stimulus",
    "StimulusError",
    "StimulusSet",
    "UnusableImage",
    "adjust",
    "decode",
    "encode_png",
    "pixel_hash",
    "sample_photographs",
    "sample_stimuli",
    "write_renditions",
]
