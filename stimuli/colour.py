"""From the colour model and profile of a decoded image to sRGB.

A profile counts only for the colour model it is made for. Two kinds of file break that rule so often that they are read
as meant: a grey profile on an image whose colours are all grey, and an sRGB profile on a grey image.
"""

from __future__ import annotations

import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

from .unusable import UnusableImage

_SPACES = {b"RGB ": "RGB", b"GRAY": "grey", b"CMYK": "CMYK", b"Lab ": "CIELAB"}
_MODES = {"L": "grey", "RGB": "RGB", "CMYK": "CMYK", "LAB": "CIELAB"}


def to_srgb(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, bool]:
    """Return an image in sRGB, and whether a profile or a colour model had to be converted.

    Parameters
    ----------
    image : PIL.Image.Image
        Without alpha; mode 1, L, RGB, CMYK, YCbCr, HSV or LAB.
    profile : bytes or None

    Raises
    ------
    UnusableImage
        If the colours are not defined, or the profile is for another colour model or cannot be used.
    """
    if image.mode == "1":
        image = image.convert("L")
    if profile is not None:
        return _by_profile(image.convert("RGB") if image.mode in {"YCbCr", "HSV"} else image, profile)
    if image.mode == "CMYK":
        raise UnusableImage("CMYK without a colour profile: its colours are not defined; convert it to sRGB")
    if image.mode in {"RGB", "L"}:
        return (image if image.mode == "RGB" else image.convert("RGB")), False
    if image.mode in {"YCbCr", "HSV", "LAB"}:
        return image.convert("RGB"), True
    raise UnusableImage(f"colour mode {image.mode}, which has no stated conversion: save it as 8-bit RGB")


def _by_profile(image: Image.Image, profile: bytes) -> tuple[Image.Image, bool]:
    model, made_for = _MODES.get(image.mode, image.mode), _SPACES.get(profile[16:20], "another colour model")
    if model == "grey" and made_for == "RGB" and _is_srgb(profile):
        return image.convert("RGB"), False
    if model == "RGB" and made_for == "grey" and _all_grey(image):
        image, model = image.getchannel("R"), "grey"
    if profile[36:40] == b"acsp" and model != made_for:
        raise UnusableImage(
            f"its colour profile is for {made_for} and the image is {model}, so that programs show it differently: "
            "convert it to RGB with the right profile, then to sRGB"
        )
    if model == "RGB" and _is_srgb(profile):
        return image, False
    return _converted(image, profile), True


def _all_grey(image: Image.Image) -> bool:
    pixels = np.asarray(image)
    return bool((pixels[..., :1] == pixels).all())


def _converted(image: Image.Image, profile: bytes) -> Image.Image:
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError) as error:
        raise UnusableImage(f"its colour profile cannot be converted ({error}): convert it to sRGB") from error
    if converted is None:
        raise UnusableImage("its colour profile cannot be converted: convert it to sRGB")
    return converted


@lru_cache(maxsize=64)
def _is_srgb(profile: bytes) -> bool:
    """Whether an RGB profile is sRGB by what it does, within rounding: names tell neither all that are nor only those.

    Linear and wide profiles have "sRGB" in their names too, and a compact sRGB profile in wide use is called "c2".
    """
    levels = np.arange(0, 256, 17, dtype=np.uint8)
    colours = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(len(levels), -1, 3)
    converted = np.array(_converted(Image.fromarray(colours), profile))
    return int(np.abs(converted.astype(np.int16) - colours).max()) <= 1
