"""A PNG file chunk by chunk: checksums, what it says of its colour, and what Pillow needs of it to decode the pixels.

Pillow checks no checksum of image data, and stops at large texts and profiles, which the pixels do not depend on.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from .exif import SRGB_PRIMARIES, SRGB_WHITE, same_chromaticities
from .unusable import UnusableImage

SIGNATURE = b"\x89PNG\r\n\x1a\n"
LARGEST_METADATA = 16 * 2**20
"""Bytes of a profile or of XMP after inflating; more is refused."""

_SRGB_GAMMA = 0.45455
_STANDARD = {b"IHDR", b"PLTE", b"IDAT", b"IEND"}
_FOR_DECODING = _STANDARD | {b"tRNS", b"acTL", b"fcTL", b"fdAT"}
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# First column and row, and steps, of each pass of an interlaced image (PNG, section 8.1).
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_SRGB_CODE_POINTS = (1, 13, 0, 1)


@dataclass(frozen=True)
class PngFile:
    """What a PNG file holds beside its pixels.

    Attributes
    ----------
    decodable : bytes
        The file without what the pixels do not depend on.
    bits : int
        Bits a channel.
    profile : bytes or None
        The ICC profile, where it is what states the colour.
    other_colour : str
        A colour space other than sRGB that is stated otherwise; empty where none is.
    exif, xmp : bytes
        Empty where there are none.
    """

    decodable: bytes
    bits: int
    profile: bytes | None
    other_colour: str
    exif: bytes
    xmp: bytes

    def has_every_row(self) -> bool:
        """Inflate the image data to see whether they are as many as the header says: Pillow makes missing rows black.

        It costs as much as decoding does, and is worth it where a last row is black.
        """
        body = self.decodable[len(SIGNATURE) + 8 :]
        width, height, bits, colour_type, *_, interlaced = struct.unpack_from(">IIBBBBB", body)
        bits_a_pixel = bits * _CHANNELS.get(colour_type, 1)
        passes = _ADAM7 if interlaced else ((0, 0, 1, 1),)
        sizes = ((-(-(width - x) // dx), -(-(height - y) // dy)) for x, y, dx, dy in passes)
        expected = sum(rows * (1 + -(-columns * bits_a_pixel // 8)) for columns, rows in sizes if columns > 0 < rows)
        inflating = zlib.decompressobj()
        found = 0
        for kind, start, end in _places(self.decodable):
            pending = self.decodable[start:end] if kind == b"IDAT" else b""
            while pending and found < expected:
                found += len(inflating.decompress(pending, 2**20))
                pending = inflating.unconsumed_tail
        return bool(found >= expected)


def read_png(data: bytes) -> PngFile:
    """Take a PNG file apart.

    Raises
    ------
    UnusableImage
        If a checksum does not hold, the file is cut off, or metadata are larger than `LARGEST_METADATA`.
    """
    chunks = list(_chunks(data))
    kinds = {kind for kind, _, _ in chunks}
    if not chunks or chunks[0][0] != b"IHDR" or len(chunks[0][1]) != 13:
        raise UnusableImage("damaged (its first chunk is not a header): restore it from a copy")
    unknown = sorted(kind for kind in kinds - _STANDARD if not kind[0] & 0x20)
    if unknown:
        raise UnusableImage(f"holds the chunk {_name(unknown[0])}, which is not standard: save it again as PNG")
    first = {kind: body for kind, body, _ in reversed(chunks)}
    texts = {body.split(b"\0", 1)[0]: (kind, body) for kind, body, _ in chunks if kind in (b"iTXt", b"zTXt", b"tEXt")}
    profile, other_colour = _colour(first, texts)
    return PngFile(
        decodable=SIGNATURE + b"".join(whole for kind, _, whole in chunks if kind in _FOR_DECODING),
        bits=first[b"IHDR"][8],
        profile=profile,
        other_colour=other_colour,
        exif=first[b"eXIf"] if b"eXIf" in first else _raw_profile(texts, b"exif", b"APP1"),
        xmp=_text(*texts[b"XML:com.adobe.xmp"]) if b"XML:com.adobe.xmp" in texts else b"",
    )


def _places(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield each chunk's name, and where its content starts and ends."""
    at = len(SIGNATURE)
    while at + 12 <= len(data):
        kind, start = data[at + 4 : at + 8], at + 8
        at = start + int.from_bytes(data[at : at + 4], "big") + 4
        if at > len(data):
            break
        yield kind, start, at - 4
        if kind == b"IEND":
            return
    raise UnusableImage("truncated or damaged (it ends before its last chunk): restore it from a copy")


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yield each chunk's name, its content (not of image data), and the whole of it with length and checksum."""
    view = memoryview(data)
    for kind, start, end in _places(data):
        if zlib.crc32(view[start - 4 : end]) != int.from_bytes(view[end : end + 4], "big"):
            raise UnusableImage(f"damaged (the checksum of chunk {_name(kind)} does not hold): restore it from a copy")
        yield kind, b"" if kind == b"IDAT" else data[start:end], data[start - 8 : end + 4]


def _name(kind: bytes) -> str:
    return repr(kind.decode("latin-1"))


def _colour(first: dict[bytes, bytes], texts: dict[bytes, tuple[bytes, bytes]]) -> tuple[bytes | None, str]:
    """Return the profile and the colour stated otherwise, in the order in which the standard lets them count.

    Source: W3C PNG, third edition (2025), section 4.3: cICP, iCCP, sRGB, then gAMA and cHRM.
    """
    if b"cICP" in first:
        points = tuple(first[b"cICP"])
        return None, "" if points == _SRGB_CODE_POINTS else f"code points {'/'.join(map(str, points))} (cICP)"
    if b"iCCP" in first:
        return _inflate(first[b"iCCP"].split(b"\0", 1)[-1][1:], "colour profile"), ""
    if b"sRGB" in first:
        return None, ""
    gamma = _numbers(first.get(b"gAMA", b""))
    if gamma and abs(gamma[0] - _SRGB_GAMMA) > 0.01:
        return None, f"a gamma of {gamma[0]:g}"
    if b"cHRM" in first and not same_chromaticities(_numbers(first[b"cHRM"]), SRGB_WHITE + SRGB_PRIMARIES):
        return None, "primaries or a white point other than sRGB's (cHRM)"
    if _raw_profile(texts, b"icc", b"icm"):
        return None, "a colour profile in a text"
    return None, ""


def _numbers(body: bytes) -> tuple[float, ...]:
    count = len(body) // 4
    return tuple(number / 100_000 for number in struct.unpack(f">{count}I", body[: 4 * count]))


def _raw_profile(texts: dict[bytes, tuple[bytes, bytes]], *names: bytes) -> bytes:
    """Return what older programs write as hexadecimal text; empty where there is none."""
    for name in names:
        if b"Raw profile type " + name in texts:
            _, _, content = _text(*texts[b"Raw profile type " + name]).lstrip(b"\n").partition(b"\n")
            _, _, digits = content.lstrip(b"\n").partition(b"\n")
            try:
                return bytes.fromhex(digits.decode("latin-1")).removeprefix(b"Exif\0\0")
            except ValueError:
                raise UnusableImage(
                    f"its text 'Raw profile type {name.decode()}' cannot be read: save it again without metadata"
                ) from None
    return b""


def _text(kind: bytes, body: bytes) -> bytes:
    """Return the text of a text chunk, inflated."""
    content = body.partition(b"\0")[2]
    if kind == b"tEXt":
        return content
    if kind == b"zTXt":
        return _inflate(content[1:], "text")
    compressed, rest = content[:1] == b"\1", content[2:].split(b"\0", 2)[-1]
    return _inflate(rest, "text") if compressed else rest


def _inflate(data: bytes, what: str) -> bytes:
    try:
        inflated = zlib.decompressobj().decompress(data, LARGEST_METADATA + 1)
    except zlib.error as error:
        raise UnusableImage(f"its {what} cannot be read ({error}): save it again without metadata") from None
    if len(inflated) > LARGEST_METADATA:
        raise UnusableImage(f"its {what} is larger than {LARGEST_METADATA >> 20} MiB: save it again without metadata")
    return inflated
