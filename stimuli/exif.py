"""What EXIF and TIFF tags say of an image's orientation and colour, read strictly and without Pillow.

Pillow reads what it can of broken tags and passes over the rest, and raises many kinds of errors where a tag has
another type than the standard gives it. Here a tag that matters is read as the standard writes it, or the file is
refused.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .unusable import UnusableImage

# Tags (EXIF 2.32, TIFF 6.0).
_ORIENTATION, _TRANSFER_FUNCTION, _WHITE_POINT, _PRIMARIES = 0x0112, 301, 318, 319
_EXIF_IFD, _INTEROPERABILITY_IFD, _COLOR_SPACE, _GAMMA = 0x8769, 0xA005, 0xA001, 0xA500
_NEW_SUBFILE_TYPE, _DNG_VERSION = 254, 50706

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_WHOLE_NUMBERS = {3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}

SRGB_WHITE = (0.3127, 0.3290)
SRGB_PRIMARIES = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
CHROMATICITY_TOLERANCE = 0.005
"""Rounding to two decimals, as many writers do."""

_UNREADABLE = "its EXIF data cannot be read ({}): set the orientation and colour in an editor and save it without them"
_XMP_ORIENTATION = re.compile(rb"tiff:Orientation\s*(?:=\s*[\"']|>)\s*(\d+)")


@dataclass(frozen=True)
class _Value:
    kind: int
    count: int
    raw: bytes
    order: str

    def whole_numbers(self) -> tuple[int, ...] | None:
        """Return the numbers of a SHORT, LONG or IFD tag; None for another type."""
        letter = _WHOLE_NUMBERS.get(self.kind)
        return None if letter is None else struct.unpack(f"{self.order}{self.count}{letter}", self.raw)

    def fractions(self) -> tuple[float, ...] | None:
        """Return the numbers of a RATIONAL tag; None for another type or a denominator of 0."""
        if self.kind != 5:
            return None
        numbers = struct.unpack(f"{self.order}{2 * self.count}I", self.raw)
        pairs = list(zip(numbers[::2], numbers[1::2], strict=True))
        return tuple(a / b for a, b in pairs) if all(b for _, b in pairs) else None


class Tags:
    """The tags of an EXIF block or a TIFF file's first image.

    Parameters
    ----------
    data : bytes
        From the byte order mark on.

    Raises
    ------
    UnusableImage
        If the directory of tags cannot be read.
    """

    def __init__(self, data: bytes) -> None:
        order = {b"II": "<", b"MM": ">"}.get(data[:2])
        if order is None:
            raise UnusableImage(_UNREADABLE.format("no byte order"))
        self._data, self._order = data, order
        (magic,) = self._unpack("H", 2)
        if magic not in (42, 43):
            raise UnusableImage(_UNREADABLE.format("not TIFF tags"))
        self._big = magic == 43
        (first,) = self._unpack("Q", 8) if self._big else self._unpack("I", 4)
        self._tags = self._directory(first)

    def orientation(self) -> int:
        """Return the orientation, 1 to 8; 1 where none is stated.

        Whole numbers outside 1 to 8 mean nothing and are passed over by all readers.

        Raises
        ------
        UnusableImage
            If it is written as another type than one SHORT: some readers turn such an image, others do not.
        """
        value = self._tags.get(_ORIENTATION)
        if value is None:
            return 1
        if value.kind != 3 or value.count != 1:
            raise UnusableImage(
                "its EXIF orientation is not one whole number, so that some programs turn it and others do not: "
                "turn it upright in an editor and save it without EXIF data"
            )
        (orientation,) = value.whole_numbers() or (1,)
        return orientation if 1 <= orientation <= 8 else 1

    def states_orientation(self) -> bool:
        """Return whether an orientation is stated at all."""
        return _ORIENTATION in self._tags

    def other_colour(self) -> str:
        """Return which colour space other than sRGB the tags state; empty where they state none."""
        return _other_curve(self._tags) or _other_chromaticities(self._tags) or self._other_exif_colour()

    def raw_photograph(self) -> bool:
        """Return whether a TIFF file's first image is the preview of a raw photograph or a reduced copy."""
        subfile = self._tags.get(_NEW_SUBFILE_TYPE)
        numbers = subfile.whole_numbers() if subfile else None
        return _DNG_VERSION in self._tags or bool(numbers and numbers[0] & 1)

    def _other_exif_colour(self) -> str:
        exif = self._below(self._tags, _EXIF_IFD)
        stated = exif.get(_COLOR_SPACE)
        numbers = stated.whole_numbers() if stated else None
        interoperability = self._below(exif, _INTEROPERABILITY_IFD).get(1)
        if numbers == (2,) or (interoperability and interoperability.raw.startswith(b"R03")):
            return "Adobe RGB (in EXIF)"
        if stated and numbers != (1,):
            return "a colour space other than sRGB (EXIF ColorSpace 'uncalibrated')"
        gamma = exif.get(_GAMMA)
        fractions = gamma.fractions() if gamma else None
        if gamma and (fractions is None or abs(fractions[0] - 2.2) > 0.05):
            return "a gamma other than sRGB's (in EXIF)"
        return ""

    def _below(self, tags: Mapping[int, _Value], pointer: int) -> dict[int, _Value]:
        value = tags.get(pointer)
        offset = value.whole_numbers() if value else None
        return self._directory(offset[0]) if offset else {}

    def _directory(self, offset: int) -> dict[int, _Value]:
        size, inline, letters = (20, 8, "HHQ8s") if self._big else (12, 4, "HHI4s")
        (count,) = self._unpack("Q" if self._big else "H", offset)
        start = offset + (8 if self._big else 2)
        if start + size * count > len(self._data):
            raise UnusableImage(_UNREADABLE.format("cut off"))
        tags = {}
        for at in range(start, start + size * count, size):
            tag, kind, values, field = self._unpack(letters, at)
            length = _SIZES.get(kind, 0) * values
            if length <= inline:
                raw = field[:length]
            else:
                (place,) = struct.unpack(f"{self._order}{'Q' if self._big else 'I'}", field)
                raw = self._data[place : place + length]
            if len(raw) == length:
                tags[tag] = _Value(kind, values, raw, self._order)
            elif tag in _MATTERS:
                raise UnusableImage(_UNREADABLE.format("cut off"))
        return tags

    def _unpack(self, letters: str, offset: int) -> tuple[Any, ...]:
        try:
            return struct.unpack_from(self._order + letters, self._data, offset)
        except struct.error:
            raise UnusableImage(_UNREADABLE.format("cut off")) from None


_MATTERS = {
    *(_ORIENTATION, _TRANSFER_FUNCTION, _WHITE_POINT, _PRIMARIES),
    *(_EXIF_IFD, _INTEROPERABILITY_IFD, _COLOR_SPACE, _GAMMA),
}


def _other_curve(tags: Mapping[int, _Value]) -> str:
    stated = tags.get(_TRANSFER_FUNCTION)
    if stated is None:
        return ""
    numbers = stated.whole_numbers()
    if numbers is not None and len(numbers) in (256, 768):
        encoded = np.tile(np.arange(256) / 255, len(numbers) // 256)
        linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
        if np.abs(np.array(numbers) / 65535 - linear).max() <= 0.01:
            return ""
    return "a transfer function other than sRGB's"


def _other_chromaticities(tags: Mapping[int, _Value]) -> str:
    for tag, srgb, name in (
        (_WHITE_POINT, SRGB_WHITE, "a white point"),
        (_PRIMARIES, SRGB_PRIMARIES, "primaries"),
    ):
        stated = tags.get(tag)
        if stated is None:
            continue
        fractions = stated.fractions()
        if fractions is None or not same_chromaticities(fractions, srgb):
            return f"{name} other than sRGB's"
    return ""


def same_chromaticities(stated: tuple[float, ...], expected: tuple[float, ...]) -> bool:
    """Return whether chromaticities are the expected ones within rounding."""
    return len(stated) == len(expected) and all(
        abs(a - b) <= CHROMATICITY_TOLERANCE for a, b in zip(stated, expected, strict=True)
    )


def xmp_orientation(xmp: bytes) -> int:
    """Return the orientation that an XMP packet states, 1 to 8; 1 where it states none."""
    found = _XMP_ORIENTATION.search(xmp)
    orientation = int(found[1][:4]) if found else 1
    return orientation if 1 <= orientation <= 8 else 1
