"""Damaged and hostile image files: a reason and never a traceback, and no pixel of a PNG that changes unseen."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from image_files import chunk, exif, file_of, jpeg_with, sample
from PIL import Image, ImageCms

from visavis.stimuli import StimulusError, StimulusSet, UnusableImage, decode
from visavis.stimuli.pixels import Decoded

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
TURNED = exif((0x112, 3, 1, b"\6\0"), (0x11A, 5, 1, b"\x48\0\0\0\1\0\0\0"), below=[(0xA001, 3, 1, b"\1\0")])
PALETTE = Image.fromarray(sample()).quantize(7)

FILES = {
    "png": file_of(sample(), icc_profile=SRGB, exif=TURNED),
    "png palette": file_of(PALETTE, transparency=b"\xff" * 7),
    "jpeg": jpeg_with(b"Exif\0\0" + TURNED),
    "jpeg profile": file_of(sample(16, 16), "JPEG", icc_profile=SRGB),
    "tiff": file_of(sample(), "TIFF", icc_profile=SRGB, compression="tiff_lzw"),
    "tiff plain": file_of(sample(), "TIFF"),
    "webp": file_of(sample(), "WEBP", lossless=True, exif=b"Exif\0\0" + TURNED, icc_profile=SRGB),
    "gif": file_of(PALETTE, "GIF"),
    "bmp": file_of(sample(), "BMP"),
    "bmp palette": file_of(PALETTE, "BMP"),
    "ppm": file_of(sample(), "PPM"),
    "pgm": b"P2 # a comment\n2 2\n255\n0 1 2 3\n",
}

mutations = st.lists(
    st.one_of(
        st.tuples(st.just("flip"), st.floats(0, 1), st.integers(1, 255)),
        st.tuples(st.just("cut"), st.floats(0, 1), st.integers(1, 40)),
        st.tuples(st.just("double"), st.floats(0, 1), st.integers(1, 40)),
        st.tuples(st.just("fill"), st.floats(0, 1), st.integers(0, 255)),
        st.tuples(st.just("end"), st.floats(0, 1), st.just(0)),
    ),
    min_size=1,
    max_size=4,
)


def mutated(data: bytes, changes: list[tuple[str, float, int]]) -> bytes:
    for how, share, number in changes:
        at = min(int(share * len(data)), max(len(data) - 1, 0))
        if how == "flip" and data:
            data = data[:at] + bytes((data[at] ^ number,)) + data[at + 1 :]
        elif how == "cut":
            data = data[:at] + data[at + number :]
        elif how == "double":
            data = data[: at + number] + data[at:]
        elif how == "fill":
            data = data[:at] + bytes((number,)) * 4 + data[at + 4 :]
        elif how == "end":
            data = data[:at]
    return data


def read_or_refused(data: bytes) -> Decoded | None:
    try:
        return decode(data)
    except UnusableImage as error:
        reason = str(error)
    assert reason
    return None


@pytest.mark.parametrize("kind", FILES)
@given(changes=mutations)
@settings(max_examples=150)
@example(changes=[("end", 0.0, 0)])
def test_a_mutated_file_is_read_or_refused_with_a_reason(kind: str, changes: list[tuple[str, float, int]]) -> None:
    whole = decode(FILES[kind])
    decoded = read_or_refused(mutated(FILES[kind], changes))
    if decoded is not None:
        assert decoded.pixels.dtype == np.uint8
        assert decoded.pixels.shape[2] == 3
        if kind.startswith("png"):
            assert np.array_equal(decoded.pixels, whole.pixels)


@pytest.mark.parametrize("share", np.linspace(0, 0.99, 40))
@pytest.mark.parametrize("kind", FILES)
def test_a_file_cut_short_anywhere_never_gives_an_image_of_other_pixels(kind: str, share: float) -> None:
    whole = FILES[kind]
    decoded = read_or_refused(whole[: int(share * len(whole))])
    assert decoded is None or np.array_equal(decoded.pixels, decode(whole).pixels)


@given(
    body=st.binary(max_size=60), kind=st.sampled_from([b"iCCP", b"eXIf", b"cICP", b"gAMA", b"cHRM", b"tRNS", b"PLTE"])
)
@settings(max_examples=300)
def test_any_content_of_a_chunk_is_read_or_refused(kind: bytes, body: bytes) -> None:
    data = file_of(sample())
    decoded = read_or_refused(data[:33] + chunk(kind, body) + data[33:])
    assert decoded is None or decoded.pixels.size == sample().size


@given(body=st.binary(max_size=80))
@settings(max_examples=200)
def test_any_exif_data_are_read_or_refused(body: bytes) -> None:
    for content in (body, b"II*\0\x08\0\0\0" + body, b"MM\0*\0\0\0\x08" + body, TURNED[:30] + body):
        read_or_refused(jpeg_with(b"Exif\0\0" + content))


@pytest.mark.parametrize("raised", [ValueError("odd"), RuntimeError(), MemoryError("much"), ZeroDivisionError("by 0")])
def test_whatever_pillow_raises_becomes_a_reason_with_the_other_problems(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raised: Exception
) -> None:
    for name in ("x", "y", "z"):
        (tmp_path / "s").mkdir(exist_ok=True)
        (tmp_path / "s" / f"{name}.png").write_bytes(file_of(sample() // (1 + ord(name) - ord("x"))))
    (tmp_path / "s" / "y.png").write_bytes(b"")

    def fail(*_: object) -> None:
        raise raised

    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", fail)
    with pytest.raises(StimulusError) as caught:
        StimulusSet.from_folder(tmp_path)
    problems = caught.value.problems
    assert len(problems) == 3
    assert f"truncated or damaged ({str(raised) or type(raised).__name__}): restore it" in problems[0]
    assert "the file is empty" in problems[1]


@pytest.mark.parametrize(("rows", "interlaced"), [(2, 0), (3, 0), (4, 0), (4, 1)])
def test_an_image_whose_data_are_fewer_than_its_size_is_refused(rows: int, interlaced: int) -> None:
    header = b"\0\0\0\4\0\0\0\4\x08\2\0\0" + bytes((interlaced,))
    content = zlib.compress((b"\0" + b"\0" * 12) * rows)  # interlaced, four rows of four have 6 bytes more
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", content) + chunk(b"IEND", b"")
    if rows == 4 and not interlaced:
        assert not decode(data).pixels.any()
    else:
        with pytest.raises(UnusableImage, match="truncated or damaged"):
            decode(data)
