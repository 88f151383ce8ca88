"""What an image file says of its own colour and orientation, format by format.

A file that says nothing is taken for sRGB and upright. A file that says another colour space than sRGB in any way but
by an ICC profile is refused: programs disagree on which of these they follow.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from PIL.TiffImagePlugin import TiffImageFile

from .exif import SRGB_PRIMARIES, Tags, same_chromaticities, xmp_orientation
from .png import PngFile
from .unusable import UnusableImage

_EXIF_HEADER = b"Exif\0\0"
_XMP_TAG = 700
_BMP_SRGB, _BMP_WINDOWS, _BMP_EMBEDDED = 0x73524742, 0x57696E20, 0x4D424544
_GIF_PROFILE = b"\x21\xff\x0bICCRGBG1012"


@dataclass(frozen=True)
class Statement:
    """What a file says.

    Attributes
    ----------
    profile : bytes or None
        An ICC profile.
    orientation : int
        EXIF's, 1 (upright) to 8.
    """

    profile: bytes | None = None
    orientation: int = 1


def read_statement(image: Image.Image, data: bytes, png: PngFile | None) -> Statement:
    """Read what an opened file says, before its pixels are decoded.

    Parameters
    ----------
    image : PIL.Image.Image
        As Pillow opened it.
    data : bytes
        The whole file.
    png : PngFile or None
        The file taken apart, where it is a PNG.

    Raises
    ------
    UnusableImage
        If it says a colour space other than sRGB without a profile, or what it says cannot be read.
    """
    profile: bytes | None = image.info.get("icc_profile")
    tags, xmp, other_colour = None, image.info.get("xmp", b""), ""
    if png is not None:
        profile, other_colour, xmp = png.profile, png.other_colour, png.xmp
        tags = Tags(png.exif) if png.exif else None
    elif isinstance(image, TiffImageFile):
        tags = Tags(data)
        if tags.raw_photograph():
            raise UnusableImage(
                "a preview within a raw photograph or a reduced copy: develop the photograph and save it as 8-bit PNG"
            )
        xmp = image.tag_v2.get(_XMP_TAG, b"")
    elif image.format == "BMP":
        profile, other_colour = _bmp_colour(data)
    elif image.format == "GIF" and _GIF_PROFILE in data:
        other_colour = "a colour profile in a GIF"
    else:
        exif = image.info.get("exif", b"")
        while exif.startswith(_EXIF_HEADER):  # some programs write it twice
            exif = exif.removeprefix(_EXIF_HEADER)
        tags = Tags(exif) if exif else None
        if isinstance(image, JpegImageFile) and not profile:
            _check_jpeg_profile(image)
    if tags is not None and not profile:
        other_colour = other_colour or tags.other_colour()
    if other_colour and not profile:
        raise UnusableImage(f"states {other_colour}, which is not sRGB: convert it to sRGB and save it as 8-bit PNG")
    return Statement(profile or None, _orientation(tags, xmp if isinstance(xmp, bytes) else b""))


def _orientation(tags: Tags | None, xmp: bytes) -> int:
    if tags is not None and tags.states_orientation():
        return tags.orientation()
    if xmp_orientation(xmp) != 1:
        raise UnusableImage(
            "turned by its XMP data and not by EXIF, so that some programs turn it and others do not: "
            "turn it upright in an editor and save it without XMP data"
        )
    return 1


def _check_jpeg_profile(image: JpegImageFile) -> None:
    if any(name == "APP2" and content.startswith(b"ICC_PROFILE\0") for name, content in image.applist):
        raise UnusableImage("its colour profile is incomplete: restore it from a copy, or convert it to sRGB")


def _bmp_colour(data: bytes) -> tuple[bytes | None, str]:
    """Return the profile of a BMP file, and a colour stated otherwise (BITMAPV4HEADER and BITMAPV5HEADER)."""
    (header_size,) = struct.unpack_from("<I", data, 14)
    if header_size < 108:
        return None, ""
    (kind,) = struct.unpack_from("<I", data, 14 + 56)
    if kind in (_BMP_SRGB, _BMP_WINDOWS):
        return None, ""
    if kind == _BMP_EMBEDDED and header_size >= 124:
        offset, length = struct.unpack_from("<II", data, 14 + 112)
        profile = data[14 + offset : 14 + offset + length]
        if not length or len(profile) != length:
            raise UnusableImage("its colour profile is cut off: restore it from a copy, or convert it to sRGB")
        return profile, ""
    if kind:
        return None, "a colour profile in another file"
    ends = [value / 2**30 for value in struct.unpack_from("<9I", data, 14 + 60)]
    gammas = [value / 2**16 for value in struct.unpack_from("<3I", data, 14 + 96)]
    if not any(ends) and not any(gammas):
        return None, ""  # the header is that of version 4, and says nothing
    chromaticities = tuple(
        value / (sum(ends[at : at + 3]) or 1) for at in (0, 3, 6) for value in (ends[at], ends[at + 1])
    )
    usual = not any(gammas) or all(abs(gamma - 2.2) <= 0.05 or abs(gamma - 1 / 2.2) <= 0.01 for gamma in gammas)
    if usual and (not any(ends) or same_chromaticities(chromaticities, SRGB_PRIMARIES)):
        return None, ""
    return None, "primaries or a gamma other than sRGB's (in its header)"
