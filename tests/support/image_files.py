"""Image files of every kind, made by hand where Pillow cannot write them."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image


def sample(height: int = 4, width: int = 6) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (height, width, 3), dtype=np.uint8)


def file_of(image: Image.Image | np.ndarray, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(buffer, format=kind, **options)
    return buffer.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_with(*chunks: tuple[bytes, bytes], pixels: np.ndarray | None = None) -> bytes:
    """A PNG with chunks after its header."""
    data = file_of(sample() if pixels is None else pixels)
    return data[:33] + b"".join(chunk(kind, body) for kind, body in chunks) + data[33:]


def tiff_tags(entries: list[tuple[int, int, int, bytes]], start: int = 8) -> bytes:
    """One directory of TIFF tags, each of tag, type, count and the value's bytes, from its count on."""
    body, extra = struct.pack("<H", len(entries)), b""
    after = start + 2 + 12 * len(entries) + 4
    for tag, kind, count, value in entries:
        if len(value) > 4:
            body += struct.pack("<HHII", tag, kind, count, after + len(extra))
            extra += value
        else:
            body += struct.pack("<HHI", tag, kind, count) + value.ljust(4, b"\0")
    return body + b"\0\0\0\0" + extra


def exif(*entries: tuple[int, int, int, bytes], below: list[tuple[int, int, int, bytes]] | None = None) -> bytes:
    """EXIF data from the byte order mark on; `below` are the tags of the Exif directory."""
    head = b"II*\0" + struct.pack("<I", 8)
    if below is None:
        return head + tiff_tags(list(entries))
    place = 8 + len(tiff_tags([*entries, (0x8769, 4, 1, b"\0" * 4)]))
    first = tiff_tags([*entries, (0x8769, 4, 1, struct.pack("<I", place))])
    return head + first + tiff_tags(below, place)


def jpeg_with(segment: bytes, marker: int = 0xE1, pixels: np.ndarray | None = None) -> bytes:
    """A JPEG with one more segment after its start."""
    data = file_of(sample(16, 24) if pixels is None else pixels, "JPEG", quality=95)
    return data[:2] + bytes((0xFF, marker)) + struct.pack(">H", len(segment) + 2) + segment + data[2:]
