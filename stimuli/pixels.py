"""From an image file to the exact sRGB 8-bit array that every observer is given.

The rules, in order. What is not named here is refused by the file's name.

- Animated files (GIF, APNG, WebP with more than one frame) and images with 16 or more bits a channel are refused: there
  is no one right way to show them.
- EXIF orientation is applied.
- An embedded ICC profile is converted to sRGB (perceptual intent), unless it is an sRGB profile already.
- CMYK is refused without a profile, since its colours are not defined, and converted with one.
- Grey becomes three equal channels; a palette is looked up.
- Alpha is dropped where every pixel is opaque; any transparency is refused, since it would let the background decide.
"""

from __future__ import annotations

import hashlib
import io
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

Pixels = NDArray[np.uint8]
"""An image: uint8 array of shape (height, width, 3), sRGB, row 0 at the top."""

_EXIF_ORIENTATION = 0x0112
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
        A whole file in any format that Pillow reads.

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
            with Image.open(io.BytesIO(data)) as image:
                return _decode(image, data)
        except UnidentifiedImageError:
            raise UnusableImage("not an image that Pillow can read: save it as PNG") from None
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):
            raise UnusableImage(f"more than {Image.MAX_IMAGE_PIXELS:,} pixels: make it smaller") from None
        except (OSError, SyntaxError, EOFError, IndexError) as error:
            raise UnusableImage(f"truncated or damaged ({error}): restore it from a copy") from error


def _decode(image: Image.Image, data: bytes) -> Decoded:
    if getattr(image, "n_frames", 1) > 1:
        raise UnusableImage(f"animated ({image.n_frames} frames): save one frame as PNG")  # type: ignore[attr-defined]
    if image.mode in _REFUSED_MODES or _bits_per_channel(image, data) > 8:
        depth = _REFUSED_MODES.get(image.mode, "more than 8 bits a channel")
        raise UnusableImage(f"{depth}: tone-map it to 8 bits a channel and save it as PNG")
    image.load()
    media_type = Image.MIME.get(image.format or "", "application/octet-stream")
    rotated = image.getexif().get(_EXIF_ORIENTATION, 1) != 1
    upright = ImageOps.exif_transpose(image) if rotated else image
    profile = image.info.get("icc_profile")
    plain, converted = _to_srgb(_without_alpha(upright), profile)
    verbatim = not rotated and not converted and image.mode in {"RGB", "L"} and "transparency" not in image.info
    return Decoded(np.array(plain, dtype=np.uint8), media_type, verbatim)


def _bits_per_channel(image: Image.Image, data: bytes) -> int:
    """Return the bits a channel of a PNG, whose 16-bit colour Pillow reduces without a word; 8 for other formats."""
    return data[24] if image.format == "PNG" and data[12:16] == b"IHDR" else 8


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
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            described = ImageCms.getProfileDescription(source).strip().lower()
            if "srgb" in described and image.mode == "RGB":
                return image, False
            out = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
        except (ImageCms.PyCMSError, OSError) as error:
            raise UnusableImage(f"its colour profile cannot be converted ({error}): convert it to sRGB") from error
        if out is None:
            raise UnusableImage("its colour profile cannot be converted: convert it to sRGB")
        return out, True
    if image.mode == "CMYK":
        raise UnusableImage("CMYK without a colour profile: its colours are not defined; convert it to sRGB")
    if image.mode in {"RGB", "L", "1"}:
        return image.convert("RGB"), False
    if image.mode in {"YCbCr", "HSV", "LAB"}:
        return image.convert("RGB"), True
    raise UnusableImage(f"colour mode {image.mode}, which has no stated conversion: save it as 8-bit RGB")


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
