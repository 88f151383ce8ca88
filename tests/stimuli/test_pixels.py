"""Reading: one rule for every kind of file, and what has no right answer is refused."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageCms

from visavis.stimuli import UnusableImage, decode, encode_png, pixel_hash

images = arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3)))


def sample(height: int = 4, width: int = 6) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (height, width, 3), dtype=np.uint8)


def file_of(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=kind, **options)
    return buffer.getvalue()


@given(pixels=images)
def test_png_keeps_every_pixel(pixels: np.ndarray) -> None:
    decoded = decode(encode_png(pixels))
    assert np.array_equal(decoded.pixels, pixels)
    assert decoded.verbatim
    assert decoded.media_type == "image/png"


@pytest.mark.parametrize("kind", ["BMP", "PPM", "TIFF", "WEBP"])
def test_other_lossless_formats_keep_every_pixel(kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    decoded = decode(file_of(Image.fromarray(sample()), kind, **options))
    assert np.array_equal(decoded.pixels, sample())
    assert decoded.verbatim


def test_jpeg_is_what_pillow_decodes() -> None:
    data = file_of(Image.fromarray(sample(16, 16)), "JPEG", quality=95)
    assert np.array_equal(decode(data).pixels, np.array(Image.open(io.BytesIO(data))))
    assert decode(data).verbatim


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation: int) -> None:
    upright = sample()
    # What the camera stored so that the given turn makes it upright (EXIF 2.3, tag 274).
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: np.rot90(upright, 2).transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    decoded = decode(file_of(Image.fromarray(np.ascontiguousarray(stored)), "PNG", exif=exif))
    assert np.array_equal(decoded.pixels, upright)
    assert decoded.verbatim == (orientation == 1)


def test_an_srgb_profile_changes_nothing() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    decoded = decode(file_of(Image.fromarray(sample()), icc_profile=profile))
    assert np.array_equal(decoded.pixels, sample())
    assert decoded.verbatim


def display_p3() -> bytes:
    """Build a matrix profile with Display P3's primaries (SMPTE EG 432-1, adapted to D50) and a gamma of 2.2."""
    columns = {
        b"rXYZ": (0.51512, 0.2412, -0.00105),
        b"gXYZ": (0.29198, 0.69225, 0.04189),
        b"bXYZ": (0.1571, 0.06657, 0.78407),
    }

    def fixed(value: float) -> bytes:
        return struct.pack(">i", round(value * 65536))

    def xyz(values: tuple[float, float, float]) -> bytes:
        return b"XYZ \0\0\0\0" + b"".join(map(fixed, values))

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(2.2 * 256)) + b"\0\0"
    text = b"Display P3\0"
    description = b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + b"\0" * 78
    description += b"\0" * (-len(description) % 4)
    tags = [(b"desc", description), (b"wtpt", xyz((0.9642, 1.0, 0.8249))), *((k, xyz(v)) for k, v in columns.items())]
    tags += [(name, curve) for name in (b"rTRC", b"gTRC", b"bTRC")]
    offset, table, body = 128 + 4 + 12 * len(tags), b"", b""
    for name, data in tags:
        table += name + struct.pack(">II", offset + len(body), len(data))
        body += data
    size = offset + len(body)
    header = struct.pack(">I4sI4s4s4s", size, b"lcms", 0x02400000, b"mntr", b"RGB ", b"XYZ ") + b"\0" * 12 + b"acsp"
    header += b"\0" * 28 + b"".join(map(fixed, (0.9642, 1.0, 0.8249))) + b"\0" * 48
    return header[:128] + struct.pack(">I", len(tags)) + table + body


def test_a_wide_gamut_profile_is_converted() -> None:
    p3 = np.full((2, 2, 3), (200, 100, 100), dtype=np.uint8)
    decoded = decode(file_of(Image.fromarray(p3), icc_profile=display_p3()))
    # By hand: linear P3 (gamma 2.2) to linear sRGB by the published matrix, then the sRGB curve.
    to_srgb = np.array([[1.2249, -0.2247, 0], [-0.0420, 1.0419, 0], [-0.0197, -0.0786, 1.0979]])
    linear = to_srgb @ (np.array([200, 100, 100]) / 255) ** 2.2
    expected = 255 * (1.055 * linear ** (1 / 2.4) - 0.055)
    assert np.abs(decoded.pixels[0, 0] - expected).max() <= 2
    assert decoded.pixels[0, 0, 0] >= 208, "the same numbers in P3 are a stronger red than in sRGB"
    assert not decoded.verbatim


def test_a_broken_profile_is_refused() -> None:
    with pytest.raises(UnusableImage, match="its colour profile cannot be converted"):
        decode(file_of(Image.fromarray(sample()), icc_profile=b"no profile at all"))


def test_grey_becomes_three_equal_channels() -> None:
    grey = sample()[..., 0]
    decoded = decode(file_of(Image.fromarray(grey)))
    assert np.array_equal(decoded.pixels, np.dstack([grey] * 3))
    assert decoded.verbatim


def test_a_palette_is_looked_up() -> None:
    palette = Image.fromarray(sample()).quantize(7)
    assert np.array_equal(decode(file_of(palette)).pixels, np.array(palette.convert("RGB")))


def test_opaque_alpha_is_dropped_and_transparency_refused() -> None:
    rgba = np.dstack([sample(), np.full((4, 6), 255, dtype=np.uint8)])
    decoded = decode(file_of(Image.fromarray(rgba)))
    assert np.array_equal(decoded.pixels, sample())
    assert not decoded.verbatim
    rgba[0, 0, 3] = 254
    with pytest.raises(UnusableImage, match="transparent pixels"):
        decode(file_of(Image.fromarray(rgba)))


def test_a_transparent_palette_entry_is_refused() -> None:
    palette = Image.fromarray(sample()).quantize(7)
    with pytest.raises(UnusableImage, match="transparent pixels"):
        decode(file_of(palette, transparency=0))


def png_of_16_bits() -> bytes:
    """A 1 x 1 PNG of 16-bit RGB, which Pillow cannot write."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 16, 2, 0, 0, 0)
    row = b"\0" + struct.pack(">HHH", 257, 514, 65535)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(row)) + chunk(b"IEND", b"")


def frames() -> list[Image.Image]:
    return [Image.fromarray(sample()), Image.fromarray(sample()[::-1])]


REFUSED = {
    "empty": (b"", "the file is empty"),
    "text": (b"hello", "not an image that Pillow can read"),
    "16-bit grey": (file_of(Image.fromarray(np.full((2, 2), 300, dtype=np.uint16))), "tone-map it to 8 bits"),
    "16-bit colour": (png_of_16_bits(), "tone-map it to 8 bits"),
    "floating point": (file_of(Image.fromarray(np.ones((2, 2), dtype=np.float32)), "TIFF"), "floating-point"),
    "animated gif": (file_of(frames()[0], "GIF", save_all=True, append_images=frames()[1:]), "animated (2 frames)"),
    "animated png": (file_of(frames()[0], "PNG", save_all=True, append_images=frames()[1:]), "animated (2 frames)"),
    "animated webp": (file_of(frames()[0], "WEBP", save_all=True, append_images=frames()[1:]), "animated (2 frames)"),
    "cmyk": (file_of(Image.new("CMYK", (4, 4)), "JPEG"), "CMYK without a colour profile"),
    "truncated png": (encode_png(sample(40, 40))[:-200], "truncated or damaged"),
    "truncated jpeg": (file_of(Image.fromarray(sample(64, 64)), "JPEG")[:-900], "truncated or damaged"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_has_no_right_answer_is_refused_with_the_reason_and_the_remedy(kind: str) -> None:
    data, reason = REFUSED[kind]
    with pytest.raises(UnusableImage) as caught:
        decode(data)
    assert reason in str(caught.value)


def test_a_decompression_bomb_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with pytest.raises(UnusableImage, match="more than 10 pixels"):
        decode(encode_png(sample()))


@given(pixels=images, data=st.data())
def test_the_pixel_hash_sees_every_pixel_and_the_shape(pixels: np.ndarray, data: st.DataObject) -> None:
    changed = pixels.copy()
    place = tuple(data.draw(st.integers(0, size - 1)) for size in pixels.shape)
    changed[place] ^= 1
    assert pixel_hash(changed) != pixel_hash(pixels)
    if pixels.shape[0] != pixels.shape[1]:
        assert pixel_hash(pixels.reshape(pixels.shape[1], pixels.shape[0], 3)) != pixel_hash(pixels)
    assert pixel_hash(np.asfortranarray(pixels)) == pixel_hash(pixels)
