"""From an image file to the exact sRGB 8-bit array that every observer is given.

The rules, in order. What is not named here is refused by the file's name.

- Formats other than BMP, GIF, JPEG, PNG, PPM, TIFF and WebP are refused: of some of them Pillow reduces the bits a
  channel without a word.
- Files of several frames (GIF, APNG, WebP, TIFF, JPEG with a second view) and images with more than 8 bits a channel
  are refused: there is no one right way to show them.
- EXIF orientation is applied.
- An embedded ICC profile is converted to sRGB (perceptual intent), unless it is sRGB already: unless it moves no colour
  by more than a step, whatever it is called.
- A PNG that states another gamma than sRGB's, and no profile, is refused: some programs would show it so, others not.
- CMYK is refused without a profile, since its colours are not defined, and converted with one.
- Grey becomes three equal channels; a palette is looked up.
- Alpha is dropped where every pixel is opaque; any transparency is refused, since it would let the background decide.
"""

from __future__ import annotations

import hashlib
import io
import re
import warnings
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

Pixels = NDArray[np.uint8]
"""An image: uint8 array of shape (height, width, 3), sRGB, row 0 at the top."""

_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
_EXIF_ORIENTATION = 0x0112
_TIFF_BITS_PER_SAMPLE = 258
_PPM_LARGEST_VALUE = re.compile(rb"P[2356](?:(?:\s|#[^\n]*\n)+(\d+)){3}")
_SRGB_GAMMA = 0.45455
_REFUSED_MODES = {"I": "32-bit", "F": "floating-point", "I;16": "16-bit", "I;16L": "16-bit", "I;16B": "16-bit"}


class UnusableImage(ValueError):
    """An image file that has no one right sRGB array; the message says why and what to do, without the file's name."""


@dataclass(frozen=True)
class Decoded:
    """What a file holds.

    Attributes
    ----------
    pixels : uint8 array, shape (height, width, 3)
    media_type : str
        Such as ``image/png``.
    verbatim : bool
        Whether the file shows these pixels to anyone who decodes it plainly: no profile to convert, no rotation, no
        alpha and no palette of grey to interpret. Only then may the file itself be sent to a model.
    """

    pixels: Pixels
    media_type: str
    verbatim: bool


def decode(data: bytes) -> Decoded:
    """Turn the bytes of an image file into exact sRGB pixels.

    Parameters
    ----------
    data : bytes
        A whole file.

    Raises
    ------
    UnusableImage
        If the bytes are no whole image, or one that the rules above refuse.
    """
    if not data:
        raise UnusableImage("the file is empty: restore it from a copy")
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        warnings.simplefilter("ignore", UserWarning)  # odd metadata, which the pixels do not depend on
        try:
            with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
                return _decode(image, data)
        except UnidentifiedImageError:
            raise UnusableImage(
                f"cannot be read as {', '.join(_FORMATS[:-1])} or {_FORMATS[-1]}: save it as 8-bit PNG"
            ) from None
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):
            raise UnusableImage(f"more than {Image.MAX_IMAGE_PIXELS:,} pixels: make it smaller") from None
        except (OSError, SyntaxError, EOFError, IndexError) as error:
            raise UnusableImage(f"truncated or damaged ({error}): restore it from a copy") from error


def _decode(image: Image.Image, data: bytes) -> Decoded:
    frames = getattr(image, "n_frames", 1)
    if frames > 1:
        raise UnusableImage(f"animated, or of several pages or views ({frames} frames): save one frame as PNG")
    if image.mode in _REFUSED_MODES or _bits_per_channel(image, data) > 8:
        depth = _REFUSED_MODES.get(image.mode, "more than 8 bits a channel")
        raise UnusableImage(f"{depth}: tone-map it to 8 bits a channel and save it as PNG")
    image.load()
    gamma = image.info.get("gamma", _SRGB_GAMMA)
    if abs(gamma - _SRGB_GAMMA) > 0.01 and not {"srgb", "icc_profile"} & image.info.keys():
        raise UnusableImage(f"states a gamma of {gamma:g}, which is not sRGB's: convert it to sRGB")
    media_type = Image.MIME.get(image.format or "", "application/octet-stream")
    rotated = image.getexif().get(_EXIF_ORIENTATION, 1) != 1
    upright = ImageOps.exif_transpose(image) if rotated else image
    profile = image.info.get("icc_profile")
    plain, converted = _to_srgb(_without_alpha(upright), profile)
    verbatim = not rotated and not converted and image.mode in {"RGB", "L"} and "transparency" not in image.info
    return Decoded(np.array(plain, dtype=np.uint8), media_type, verbatim)


def _bits_per_channel(image: Image.Image, data: bytes) -> int:
    """Return the bits a channel as the file states them: Pillow reduces colour of more than 8 without a word."""
    if image.format == "PNG" and data[12:16] == b"IHDR":
        return data[24]
    if isinstance(image, TiffImageFile):
        return int(max(image.tag_v2.get(_TIFF_BITS_PER_SAMPLE, (1,))))
    header = _PPM_LARGEST_VALUE.match(data) if image.format == "PPM" else None
    return int(header[1]).bit_length() if header else 8


def _without_alpha(image: Image.Image) -> Image.Image:
    """Drop an alpha channel that hides nothing."""
    if image.mode == "P" and "transparency" not in image.info:
        return image.convert("RGB")
    if image.mode in {"RGBA", "LA", "PA", "La", "RGBa"} or "transparency" in image.info:
        with_alpha = image.convert("RGBA")
        lowest, _ = with_alpha.getchannel("A").getextrema()
        if lowest != 255:
            raise UnusableImage("transparent pixels, which would show the background: flatten it onto its background")
        return with_alpha.convert("RGB")
    return image


def _to_srgb(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, bool]:
    """Return the image in sRGB, and whether a profile or a colour model had to be converted."""
    if profile:
        try:
            if image.mode == "RGB" and _is_srgb(profile):
                return image, False
            return _converted(image, profile), True
        except (ImageCms.PyCMSError, OSError) as error:
            raise UnusableImage(f"its colour profile cannot be converted ({error}): convert it to sRGB") from error
    if image.mode == "CMYK":
        raise UnusableImage("CMYK without a colour profile: its colours are not defined; convert it to sRGB")
    if image.mode in {"RGB", "L", "1"}:
        return image.convert("RGB"), False
    if image.mode in {"YCbCr", "HSV", "LAB"}:
        return image.convert("RGB"), True
    raise UnusableImage(f"colour mode {image.mode}, which has no stated conversion: save it as 8-bit RGB")


def _converted(image: Image.Image, profile: bytes) -> Image.Image:
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    if converted is None:
        raise ImageCms.PyCMSError("nothing came of it")
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


def pixel_hash(pixels: Pixels) -> str:
    """Return the SHA-256 of an image's size and pixels, 64 hexadecimal digits: the same for all formats of a file."""
    height, width, _ = pixels.shape
    return hashlib.sha256(f"{width}x{height}:".encode() + np.ascontiguousarray(pixels).tobytes()).hexdigest()


def encode_png(pixels: Pixels) -> bytes:
    """Return the pixels as a PNG file, without loss."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()


def read_image(path: Path) -> tuple[bytes, Decoded]:
    """Read a file and decode it.

    Raises
    ------
    UnusableImage
        As `decode`, or if the file cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UnusableImage(f"cannot be read ({error.strerror})") from error
    return data, decode(data)
