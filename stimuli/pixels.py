"""From an image file to the exact sRGB 8-bit array that every observer is given.

The rules, in order. What is not named here is refused by the file's name.

- Formats other than BMP, GIF, JPEG, PNG, PPM, TIFF and WebP are refused: of some of them Pillow reduces the bits a
  channel without a word.
- A PNG whose checksums do not hold is refused.
- Files of several frames (GIF, APNG, WebP, TIFF, JPEG with a second view) and images with more than 8 bits a channel
  are refused: there is no one right way to show them.
- EXIF orientation is applied, in every format that can hold it.
- An embedded ICC profile is converted to sRGB (perceptual intent), unless it is sRGB already: unless it moves no colour
  by more than a step, whatever it is called.
- A file without a profile that states another colour space than sRGB's is refused: some programs would show it so,
  others not. That is read from PNG's cICP, gAMA and cHRM, EXIF's ColorSpace, TIFF's primaries and the headers of BMP.
- CMYK is refused without a profile, since its colours are not defined, and converted with one.
- Grey becomes three equal channels; a palette is looked up.
- Alpha is dropped where every pixel is opaque; any transparency is refused, since it would let the background decide.
"""

from __future__ import annotations

import hashlib
import io
import re
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

from .colour import to_srgb
from .kinds import what_it_is
from .pillow_warnings import pillow_warnings_ignored
from .png import SIGNATURE, PngFile, read_png
from .statements import read_statement
from .unusable import UnusableImage

Pixels = NDArray[np.uint8]
"""An image: uint8 array of shape (height, width, 3), sRGB, row 0 at the top."""

READING_RULES = 2
"""Raised whenever a file may be read to other pixels than before: what a cache remembers of older rules is not used."""

_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
_TIFF_BITS_PER_SAMPLE = 258
_PPM_LARGEST_VALUE = re.compile(rb"P[2356](?:(?:\s|#[^\n]*\n)+(\d{1,9})){3}")
_BAND = 2**17
_LARGE = 24_000_000
_ONE_LARGE_IMAGE = threading.Lock()
"""Held while an image of more pixels than `_LARGE` is decoded, so that memory does not grow with threads times size."""
_REFUSED_MODES = {"I": "32-bit", "F": "floating-point", "I;16": "16-bit", "I;16L": "16-bit", "I;16B": "16-bit"}

# EXIF 2.32, tag 274: what makes the stored pixels upright.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


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


@dataclass(frozen=True, slots=True)
class Examined:
    """What an examined file holds, without its pixels.

    Attributes
    ----------
    sha256, pixels_sha256 : str
        Of the file; of size and pixels.
    width, height : int
        In pixels.
    media_type : str
    verbatim : bool
        As of `Decoded`.
    """

    sha256: str
    pixels_sha256: str
    width: int
    height: int
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
        If the bytes are not a whole image, or are one that the rules above refuse.
    """
    with _read(data) as (image, media_type, verbatim):
        pixels = np.empty((image.height, image.width, 3), dtype=np.uint8)
        for first, last, band in _bands(image):
            pixels[first:last] = np.frombuffer(band, dtype=np.uint8).reshape(last - first, image.width, 3)
    return Decoded(pixels, media_type, verbatim)


def examine(data: bytes) -> Examined:
    """Say what `decode` would give, in less time and memory.

    Raises
    ------
    UnusableImage
        As `decode`.
    """
    with _read(data) as (image, media_type, verbatim):
        digest = _pixel_digest(image.width, image.height)
        for _, _, band in _bands(image):
            digest.update(band)
        width, height = image.size
    return Examined(hashlib.sha256(data).hexdigest(), digest.hexdigest(), width, height, media_type, verbatim)


@contextmanager
def _read(data: bytes) -> Iterator[tuple[Image.Image, str, bool]]:
    """Give the sRGB image of a file, its media type, and whether the file is verbatim."""
    if not data:
        raise UnusableImage("the file is empty: restore it from a copy, or let the cloud folder download it")
    with ExitStack() as held:
        held.enter_context(pillow_warnings_ignored())
        try:
            png = read_png(data) if data.startswith(SIGNATURE) else None
            image = held.enter_context(Image.open(io.BytesIO(png.decodable if png else data), formats=_FORMATS))
            if image.width * image.height > _LARGE:
                held.enter_context(_ONE_LARGE_IMAGE)
            opened = _decode(image, data, png)
        except UnusableImage:
            raise
        except UnidentifiedImageError:
            raise UnusableImage(_unidentified(data)) from None
        except Image.DecompressionBombError:
            raise _too_large() from None
        except Exception as error:  # Pillow raises whatever a damaged file led it into
            reason = str(error) or type(error).__name__
            raise UnusableImage(
                f"truncated or damaged ({reason}): restore it from a copy, or save it again as 8-bit PNG"
            ) from error
        yield opened


def _bands(image: Image.Image) -> Iterator[tuple[int, int, bytes]]:
    """Yield the first row, the row after the last, and the bytes of bands that fit into a processor's own memory.

    The whole image at once takes three times as long, and two copies of it.
    """
    rows = max(1, _BAND // (4 * image.width))
    for first in range(0, image.height, rows):
        last = min(first + rows, image.height)
        yield first, last, image.crop((0, first, image.width, last)).tobytes()


def _unidentified(data: bytes) -> str:
    return what_it_is(data) or f"cannot be read as {', '.join(_FORMATS[:-1])} or {_FORMATS[-1]}: save it as 8-bit PNG"


def _too_large() -> UnusableImage:
    return UnusableImage(f"more than {Image.MAX_IMAGE_PIXELS:,} pixels: make it smaller")


def _decode(image: Image.Image, data: bytes, png: PngFile | None) -> tuple[Image.Image, str, bool]:
    if Image.MAX_IMAGE_PIXELS is not None and image.width * image.height > Image.MAX_IMAGE_PIXELS:
        raise _too_large()
    frames = getattr(image, "n_frames", 1)
    if frames > 1:
        raise UnusableImage(f"animated, or of several pages or views ({frames} frames): save one frame as PNG")
    if image.mode in _REFUSED_MODES or _bits_per_channel(image, data, png) > 8:
        depth = _REFUSED_MODES.get(image.mode, "more than 8 bits a channel")
        raise UnusableImage(f"{depth}: tone-map it to 8 bits a channel and save it as PNG")
    statement = read_statement(image, data, png)
    media_type = Image.MIME.get(image.format or "", "application/octet-stream")
    image.load()
    if png is not None and _last_row_is_zero(image) and not png.has_every_row():
        raise UnusableImage("truncated or damaged (it has fewer rows than its header says): restore it from a copy")
    plain, converted = to_srgb(_without_alpha(image), statement.profile)
    turned = statement.orientation != 1
    if turned and not isinstance(image, TiffImageFile):  # Pillow turns a TIFF while it loads it
        plain = plain.transpose(_TURNS[statement.orientation])
    verbatim = not turned and not converted and image.mode in {"RGB", "L"} and "transparency" not in image.info
    return plain, media_type, verbatim


def _last_row_is_zero(image: Image.Image) -> bool:
    """Whether one of the last two rows (of an interlaced image the last but one may come last) is 0 throughout."""
    rows = [row for row in (image.height - 2, image.height - 1) if row >= 0]
    return any(image.crop((0, row, image.width, row + 1)).getbbox(alpha_only=False) is None for row in rows)


def _bits_per_channel(image: Image.Image, data: bytes, png: PngFile | None) -> int:
    """Return the bits a channel as the file states them: Pillow reduces colour of more than 8 without a word."""
    if png is not None:
        return png.bits
    if isinstance(image, TiffImageFile):
        return int(max(image.tag_v2.get(_TIFF_BITS_PER_SAMPLE, (1,))))
    header = _PPM_LARGEST_VALUE.match(data) if image.format == "PPM" else None
    return int(header[1]).bit_length() if header else 8


def _without_alpha(image: Image.Image) -> Image.Image:
    """Return the image as 1, L, RGB or another mode without alpha, where no pixel is transparent."""
    if image.mode in {"RGBA", "LA", "PA", "La", "RGBa"} or "transparency" in image.info:
        lowest, _ = image.convert("RGBA").getchannel("A").getextrema()
        if lowest != 255:
            raise UnusableImage("transparent pixels, which would show the background: flatten it onto its background")
    if image.mode in {"LA", "La"}:
        return image.getchannel("L")
    if image.mode in {"RGBA", "RGBa", "P", "PA"}:
        return image.convert("RGBA").convert("RGB") if image.mode != "P" else image.convert("RGB")
    return image


def pixel_hash(pixels: Pixels) -> str:
    """Return the SHA-256 of an image's size and pixels, 64 hexadecimal digits: the same for all formats of a file."""
    height, width, _ = pixels.shape
    digest = _pixel_digest(width, height)
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


def _pixel_digest(width: int, height: int) -> hashlib._Hash:
    return hashlib.sha256(f"{width}x{height}:".encode())


def encode_png(pixels: Pixels) -> bytes:
    """Return the pixels as a PNG file, without loss."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()


def read_file(path: Path) -> bytes:
    """Return the bytes of a file.

    Raises
    ------
    UnusableImage
        If the file cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise UnusableImage(f"cannot be read ({error.strerror}){_other_spelling(path)}") from error


def _other_spelling(path: Path) -> str:
    """Name the file beside that differs in capitals alone, as it may on another operating system."""
    try:
        same = [other.name for other in path.parent.iterdir() if other.name.casefold() == path.name.casefold()]
    except OSError:
        same = []
    return f": did you mean {same[0]}?" if same and same[0] != path.name else ""
