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


# Primaries in XYZ, adapted to D50: SMPTE EG 432-1 and IEC 61966-2-1.
DISPLAY_P3 = ((0.51512, 0.2412, -0.00105), (0.29198, 0.69225, 0.04189), (0.1571, 0.06657, 0.78407))
SRGB = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))


def fixed(*values: float) -> bytes:
    return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))


def curve(gamma: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"


def icc_profile(name: str, space: bytes, elements: dict[bytes, bytes]) -> bytes:
    """Build a display profile (ICC.1:2001-04) of a name, a white point and the given elements."""
    text = name.encode() + b"\0"
    description = b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + b"\0" * 78
    description += b"\0" * (-len(description) % 4)
    white = fixed(0.9642, 1.0, 0.8249)
    tags = {b"desc": description, b"wtpt": b"XYZ \0\0\0\0" + white, **elements}
    offset, table, body = 128 + 4 + 12 * len(tags), b"", b""
    for tag, data in tags.items():
        table += tag + struct.pack(">II", offset + len(body), len(data))
        body += data
    size = offset + len(body)
    header = struct.pack(">I4sI4s4s4s", size, b"lcms", 0x02400000, b"mntr", space, b"XYZ ") + b"\0" * 12 + b"acsp"
    header += b"\0" * 28 + white + b"\0" * 48
    return header[:128] + struct.pack(">I", len(tags)) + table + body


def matrix_profile(name: str, primaries: tuple[tuple[float, float, float], ...], gamma: float) -> bytes:
    """Build an RGB profile of three primaries and one gamma."""
    elements = {b"%cXYZ" % c: b"XYZ \0\0\0\0" + fixed(*xyz) for c, xyz in zip(b"rgb", primaries, strict=True)}
    return icc_profile(name, b"RGB ", elements | {b"%cTRC" % c: curve(gamma) for c in b"rgb"})


def test_a_wide_gamut_profile_is_converted() -> None:
    p3 = np.full((2, 2, 3), (200, 100, 100), dtype=np.uint8)
    decoded = decode(file_of(Image.fromarray(p3), icc_profile=matrix_profile("Display P3", DISPLAY_P3, 2.2)))
    # By hand: linear P3 (gamma 2.2) to linear sRGB by the published matrix, then the sRGB curve.
    to_srgb = np.array([[1.2249, -0.2247, 0], [-0.0420, 1.0419, 0], [-0.0197, -0.0786, 1.0979]])
    linear = to_srgb @ (np.array([200, 100, 100]) / 255) ** 2.2
    expected = 255 * (1.055 * linear ** (1 / 2.4) - 0.055)
    assert np.abs(decoded.pixels[0, 0] - expected).max() <= 2
    assert decoded.pixels[0, 0, 0] >= 208, "the same numbers in P3 are a stronger red than in sRGB"
    assert not decoded.verbatim


def test_a_linear_profile_is_converted_although_it_is_named_srgb() -> None:
    grey = np.full((2, 2, 3), 55, dtype=np.uint8)
    decoded = decode(file_of(Image.fromarray(grey), icc_profile=matrix_profile("sRGB-elle-V2-g10.icc", SRGB, 1.0)))
    expected = 255 * (1.055 * (55 / 255) ** (1 / 2.4) - 0.055)
    assert np.abs(decoded.pixels - expected).max() <= 1
    assert not decoded.verbatim


def test_a_grey_profile_is_converted() -> None:
    profile = icc_profile("gamma 1.8", b"GRAY", {b"kTRC": curve(1.8)})
    decoded = decode(file_of(Image.new("L", (2, 2), 100), icc_profile=profile))
    expected = 255 * (1.055 * (100 / 255) ** (1.8 / 2.4) - 0.055)
    assert np.abs(decoded.pixels - expected).max() <= 1
    assert not decoded.verbatim


@pytest.mark.parametrize(("gamma", "refused"), [(1 / 2.2, False), (1.0, True)])
def test_a_png_of_another_gamma_is_refused(gamma: float, refused: bool) -> None:
    data = encode_png(sample())
    body = b"gAMA" + struct.pack(">I", round(gamma * 100_000))
    stated = data[:33] + struct.pack(">I", 4) + body + struct.pack(">I", zlib.crc32(body)) + data[33:]
    if refused:
        with pytest.raises(UnusableImage, match="states a gamma of 1, which is not sRGB: convert it to sRGB"):
            decode(stated)
    else:
        assert np.array_equal(decode(stated).pixels, sample())


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


def tiff_of_16_bits() -> bytes:
    """A 1 x 1 TIFF of 16-bit RGB, which Pillow cannot write."""
    tags = [(256, 3, 1, 1), (257, 3, 1, 1), (258, 3, 3, 122), (259, 3, 1, 1), (262, 3, 1, 2)]
    tags += [(273, 4, 1, 128), (277, 3, 1, 3), (278, 3, 1, 1), (279, 4, 1, 6)]
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    head = b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + b"\0" * 4
    return head + struct.pack("<HHH", 16, 16, 16) + struct.pack("<HHH", 257, 514, 65535)


def frames() -> list[Image.Image]:
    return [Image.fromarray(sample()), Image.fromarray(sample()[::-1])]


REFUSED = {
    "empty": (b"", "the file is empty"),
    "text": (b"hello", "cannot be read as BMP, GIF, JPEG, PNG, PPM, TIFF or WEBP"),
    "16-bit grey": (file_of(Image.fromarray(np.full((2, 2), 300, dtype=np.uint16))), "tone-map it to 8 bits"),
    "16-bit colour": (png_of_16_bits(), "tone-map it to 8 bits"),
    "16-bit colour tiff": (tiff_of_16_bits(), "tone-map it to 8 bits"),
    "16-bit colour ppm": (b"P6\n# by hand\n1 1\n65535\n\0\1\0\2\0\3", "tone-map it to 8 bits"),
    "floating point": (file_of(Image.fromarray(np.ones((2, 2), dtype=np.float32)), "TIFF"), "floating-point"),
    "animated gif": (
        file_of(frames()[0], "GIF", save_all=True, append_images=frames()[1:]),
        "animated, or of several pages or views (2 frames)",
    ),
    "animated png": (
        file_of(frames()[0], "PNG", save_all=True, append_images=frames()[1:]),
        "animated, or of several pages or views (2 frames)",
    ),
    "animated webp": (
        file_of(frames()[0], "WEBP", save_all=True, append_images=frames()[1:]),
        "animated, or of several pages or views (2 frames)",
    ),
    "two views": (file_of(frames()[0], "MPO", save_all=True, append_images=frames()[1:]), "views (2 frames)"),
    "another format": (file_of(frames()[0], "TGA"), "cannot be read as BMP"),
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
