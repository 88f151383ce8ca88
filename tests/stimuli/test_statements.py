"""What a file says of its colour and orientation is followed or refused, never passed over."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from image_files import chunk, exif, file_of, jpeg_with, png_with, sample
from PIL import Image, ImageCms, TiffImagePlugin

from visavis.stimuli import UnusableImage, decode
from visavis.stimuli.png import LARGEST_METADATA

SHORT, LONG, RATIONAL, ASCII = 3, 4, 5, 2
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def short(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}H", *values)


def chromaticities(*values: float) -> bytes:
    return struct.pack(f">{len(values)}I", *(round(value * 100_000) for value in values))


def grey_profile(gamma: float) -> bytes:
    """A grey display profile (ICC.1:2001-04)."""
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    white = struct.pack(">3i", *(round(value * 65536) for value in (0.9642, 1.0, 0.8249)))
    description = b"desc\0\0\0\0" + struct.pack(">I", 2) + b"g\0" + b"\0" * 78
    tags = {
        b"desc": description.ljust(96, b"\0"),
        b"cprt": b"text\0\0\0\0no\0\0",
        b"wtpt": b"XYZ \0\0\0\0" + white,
        b"kTRC": curve,
    }
    offset, table, body = 132 + 12 * len(tags), b"", b""
    for tag, data in tags.items():
        table += tag + struct.pack(">II", offset + len(body), len(data))
        body += data
    head = struct.pack(">I4sI4s4s4s", offset + len(body), b"lcms", 0x02400000, b"mntr", b"GRAY", b"XYZ ")
    head += b"\0" * 12 + b"acsp" + b"\0" * 28 + white + b"\0" * 48
    return head[:128] + struct.pack(">I", len(tags)) + table + body


ADOBE_RGB = (0.3127, 0.3290, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
SRGB_PRIMARIES = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)

# A directory entry of interoperability data: 'R03' means Adobe RGB (DCF 2.0).
INTEROPERABILITY = [(0xA001, SHORT, 1, short(0xFFFF)), (1, ASCII, 4, b"R03\0")]


def bmp(kind: int, ends: tuple[float, ...] = (0.0,) * 9, gamma: float = 0.0, profile: bytes = b"") -> bytes:
    """A BMP file with a header of version 5 that states a colour space."""
    pixels = sample()
    rows = b"".join(row[:, ::-1].tobytes() + b"\0" * (-18 % 4) for row in pixels[::-1])
    offset = 14 + 124
    header = struct.pack("<IiiHHIIiiII", 124, 6, 4, 1, 24, 0, len(rows), 2835, 2835, 0, 0) + b"\0" * 16
    header += struct.pack("<I", kind) + struct.pack("<9I", *(round(value * 2**30) for value in ends))
    header += struct.pack("<3I", *(round(gamma * 2**16),) * 3)
    header += struct.pack("<IIII", 4, 124 + len(rows), len(profile), 0)
    assert len(header) == 124
    data = rows + profile
    return b"BM" + struct.pack("<IHHI", offset + len(data), 0, 0, offset) + header + data


def tiff(**tags: object) -> bytes:
    directory = TiffImagePlugin.ImageFileDirectory_v2()
    for name, value in tags.items():
        directory[int(name.removeprefix("tag"))] = value
    return file_of(sample(), "TIFF", tiffinfo=directory)


WIDE = ((0.64, 0.33, 0.03), (0.21, 0.71, 0.08), (0.15, 0.06, 0.79))
NARROW = ((0.64, 0.33, 0.03), (0.30, 0.60, 0.10), (0.15, 0.06, 0.79))

STATES_ANOTHER = {
    "cicp of HDR": png_with((b"cICP", bytes((9, 16, 0, 1)))),
    "cicp of Display P3 over sRGB": png_with((b"cICP", bytes((12, 13, 0, 1))), (b"sRGB", b"\0")),
    "cicp of a narrow range": png_with((b"cICP", bytes((1, 13, 0, 0)))),
    "chrm of Adobe RGB": png_with((b"cHRM", chromaticities(*ADOBE_RGB))),
    "chrm cut off": png_with((b"cHRM", chromaticities(*ADOBE_RGB[:4]))),
    "gamma": png_with((b"gAMA", chromaticities(1.0))),
    "a profile in a text": png_with((b"tEXt", b"Raw profile type icc\0\nicc\n       4\n00ff00ff\n")),
    "exif 2": jpeg_with(b"Exif\0\0" + exif(below=[(0xA001, SHORT, 1, short(2))])),
    "exif uncalibrated": jpeg_with(b"Exif\0\0" + exif(below=[(0xA001, SHORT, 1, short(0xFFFF))])),
    "exif uncalibrated in png": png_with((b"eXIf", exif(below=[(0xA001, SHORT, 1, short(0xFFFF))]))),
    "exif uncalibrated in webp": file_of(
        sample(), "WEBP", lossless=True, exif=b"Exif\0\0" + exif(below=[(0xA001, SHORT, 1, short(0xFFFF))])
    ),
    "exif gamma": jpeg_with(b"Exif\0\0" + exif(below=[(0xA500, RATIONAL, 1, struct.pack("<II", 1, 1))])),
    "exif primaries": jpeg_with(
        b"Exif\0\0" + exif((319, RATIONAL, 6, struct.pack("<12I", 64, 100, 33, 100, 21, 100, 71, 100, 15, 100, 6, 100)))
    ),
    "tiff primaries": tiff(tag319=(0.64, 0.33, 0.21, 0.71, 0.15, 0.06)),
    "tiff white point": tiff(tag318=(0.3457, 0.3585)),
    "tiff transfer function": tiff(tag301=tuple(257 * level for level in range(256))),
    "bmp primaries": bmp(0, tuple(value for end in WIDE for value in end), 2.2),
    "bmp gamma": bmp(0, tuple(value for end in NARROW for value in end), 1.0),
    "bmp linked profile": bmp(0x4C494E4B),
    "gif profile": file_of(Image.fromarray(sample()).quantize(7), "GIF")[:-1] + b"\x21\xff\x0bICCRGBG1012\x02\0\0\0;",
}


@pytest.mark.parametrize("kind", STATES_ANOTHER)
def test_a_colour_space_other_than_srgb_without_a_profile_is_refused(kind: str) -> None:
    with pytest.raises(UnusableImage, match=r"states .*, which is not sRGB: convert it to sRGB and save it as 8-bit"):
        decode(STATES_ANOTHER[kind])


SRGB_CURVE = [(i / 255 / 12.92 if i / 255 <= 0.04045 else ((i / 255 + 0.055) / 1.055) ** 2.4) for i in range(256)]

STATES_SRGB = {
    "cicp": png_with((b"cICP", bytes((1, 13, 0, 1))), (b"gAMA", chromaticities(1.0))),
    "srgb over gamma": png_with(
        (b"sRGB", b"\0"), (b"gAMA", chromaticities(1.0)), (b"cHRM", chromaticities(*ADOBE_RGB))
    ),
    "chrm": png_with((b"cHRM", chromaticities(*SRGB_PRIMARIES)), (b"gAMA", chromaticities(0.45455))),
    "exif": png_with((b"eXIf", exif(below=[(0xA001, SHORT, 1, short(1))]))),
    "tiff": tiff(
        tag318=(0.3127, 0.3290),
        tag319=(0.64, 0.33, 0.30, 0.60, 0.15, 0.06),
        tag301=tuple(round(65535 * value) for value in SRGB_CURVE),
    ),
    "bmp": bmp(0x73524742),
    "bmp of Windows": bmp(0x57696E20),
    "bmp without a word": bmp(0),
    "bmp primaries": bmp(0, tuple(value for end in NARROW for value in end), 2.2),
    "bmp profile": bmp(0x4D424544, profile=SRGB),
}


@pytest.mark.parametrize("kind", STATES_SRGB)
def test_a_file_that_says_srgb_in_any_way_is_read_as_it_is(kind: str) -> None:
    decoded = decode(STATES_SRGB[kind])
    assert np.array_equal(decoded.pixels, sample())
    assert decoded.verbatim


def test_a_profile_counts_more_than_what_exif_says() -> None:
    data = file_of(sample(), exif=exif(below=[(0xA001, SHORT, 1, short(0xFFFF))]), icc_profile=SRGB)
    assert np.array_equal(decode(data).pixels, sample())


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "JPEG"])
def test_orientation_is_applied_in_every_format_and_the_file_is_then_not_verbatim(kind: str, orientation: int) -> None:
    tags = Image.Exif()
    tags[0x0112] = orientation
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 100}}.get(kind, {})
    stored = np.zeros((8, 16, 3), dtype=np.uint8)
    stored[:, 8:] = 128
    stored[4:] += 100
    decoded = decode(file_of(stored, kind, exif=tags, **options))  # type: ignore[arg-type]
    turn = {2: np.fliplr, 3: lambda x: np.rot90(x, 2), 4: np.flipud, 5: lambda x: x.transpose(1, 0, 2)}
    turn |= {6: lambda x: np.rot90(x, -1), 7: lambda x: np.rot90(x, 2).transpose(1, 0, 2), 8: np.rot90}
    expected = turn[orientation](stored) if orientation > 1 else stored
    assert decoded.pixels.shape == expected.shape
    assert np.abs(decoded.pixels.astype(int) - expected).max() <= (3 if kind == "JPEG" else 0)
    assert decoded.verbatim == (orientation == 1)


ODD_ORIENTATIONS = {
    "text": (0x112, ASCII, 2, b"6\0"),
    "a fraction": (0x112, RATIONAL, 1, struct.pack("<II", 6, 1)),
    "two": (0x112, SHORT, 2, short(6, 6)),
    "a long": (0x112, LONG, 1, struct.pack("<I", 6)),
}


@pytest.mark.parametrize("kind", ODD_ORIENTATIONS)
def test_an_orientation_of_another_type_is_refused_since_programs_differ(kind: str) -> None:
    with pytest.raises(UnusableImage, match="its EXIF orientation is not one whole number, so that some programs turn"):
        decode(jpeg_with(b"Exif\0\0" + exif(ODD_ORIENTATIONS[kind])))


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_means_nothing_is_passed_over(orientation: int) -> None:
    assert decode(jpeg_with(b"Exif\0\0" + exif((0x112, SHORT, 1, short(orientation))))).verbatim


@pytest.mark.parametrize("header", [b"Exif\0\0", b"Exif\0\0Exif\0\0"])
def test_exif_beside_odd_tags_of_other_types_is_followed(header: bytes) -> None:
    odd = [(0x112, SHORT, 1, short(6)), (0x11A, 7, 8, struct.pack("<II", 72, 0)), (0x132, RATIONAL, 1, b"\0" * 8)]
    assert decode(jpeg_with(header + exif(*odd))).pixels.shape == (24, 16, 3)


@pytest.mark.parametrize(
    "broken", [b"garbage", b"II*\0\xff\xff\0\0", b"II+\0", exif((0x112, SHORT, 1, short(6)))[:-10], b"II*\0"]
)
def test_exif_that_cannot_be_read_is_refused(broken: bytes) -> None:
    for data in (jpeg_with(b"Exif\0\0" + broken), png_with((b"eXIf", broken))):
        with pytest.raises(UnusableImage, match="its EXIF data cannot be read"):
            decode(data)


XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
TURNED_BY_OTHERS = {
    "jpeg": jpeg_with(b"http://ns.adobe.com/xap/1.0/\0" + XMP),
    "png": png_with((b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP)),
    "png, compressed": png_with((b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(XMP))),
    "webp": file_of(sample(), "WEBP", lossless=True, xmp=XMP),
    "tiff": tiff(tag700=XMP),
}


@pytest.mark.parametrize("kind", TURNED_BY_OTHERS)
def test_an_image_that_xmp_alone_turns_is_refused(kind: str) -> None:
    with pytest.raises(UnusableImage, match="turned by its XMP data and not by EXIF"):
        decode(TURNED_BY_OTHERS[kind])


def test_exif_counts_more_than_xmp() -> None:
    upright = exif((0x112, SHORT, 1, short(1)))
    assert decode(png_with((b"eXIf", upright), (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP))).verbatim


def test_orientation_in_the_text_of_older_programs_is_followed() -> None:
    turned = exif((0x112, SHORT, 1, short(6))).hex().encode()
    text = b"Raw profile type exif\0\0" + zlib.compress(b"\nexif\n      %d\n%s\n" % (len(turned) // 2, turned))
    decoded = decode(png_with((b"zTXt", text)))
    assert np.array_equal(decoded.pixels, np.rot90(sample(), -1))
    assert not decoded.verbatim


@pytest.mark.parametrize("gamma", [1.8, 2.2])
def test_a_grey_profile_is_read_alike_behind_alpha_and_palette(gamma: float) -> None:
    grey = Image.fromarray(sample()).convert("L")
    profile = grey_profile(gamma)
    expected = decode(file_of(grey, icc_profile=profile)).pixels
    assert (np.abs(expected[..., 0].astype(int) - np.array(grey)).max() > 10) == (gamma == 1.8)
    for image in (grey.convert("LA"), grey.convert("P"), grey.convert("RGB"), grey.convert("RGBA")):
        decoded = decode(file_of(image, icc_profile=profile))
        assert np.array_equal(decoded.pixels, expected), image.mode
        assert not decoded.verbatim


def test_an_srgb_profile_on_a_grey_image_changes_nothing() -> None:
    grey = Image.fromarray(sample()).convert("L")
    for image in (grey, grey.convert("LA"), grey.convert("1")):
        expected = np.array(image.convert("RGB"))
        assert np.array_equal(decode(file_of(image, icc_profile=SRGB)).pixels, expected), image.mode


def test_a_profile_for_another_colour_model_is_refused_with_what_both_are() -> None:
    with pytest.raises(UnusableImage, match="its colour profile is for grey and the image is RGB"):
        decode(file_of(sample(), icc_profile=grey_profile(2.2)))
    with pytest.raises(UnusableImage, match="its colour profile is for RGB and the image is CMYK"):
        decode(file_of(Image.new("CMYK", (4, 4)), "JPEG", icc_profile=SRGB))


def test_a_jpeg_that_lacks_a_part_of_its_profile_is_refused() -> None:
    with pytest.raises(UnusableImage, match="its colour profile is incomplete"):
        decode(jpeg_with(b"ICC_PROFILE\0\1\2" + SRGB, 0xE2))


def test_large_texts_and_profiles_do_not_keep_a_png_from_being_read() -> None:
    large = b"x" * (2 * 2**20)
    data = png_with(
        (b"zTXt", b"workflow\0\0" + zlib.compress(large)),
        (b"iTXt", b"prompt\0\1\0\0\0" + zlib.compress(large)),
        (b"tEXt", b"notes\0" + large),
        (b"iCCP", b"large\0\0" + zlib.compress(SRGB + b"\0" * 2**21)),
    )
    assert np.array_equal(decode(data).pixels, sample())


@pytest.mark.parametrize("kind", [b"iCCP", b"zTXt"])
def test_metadata_that_inflate_beyond_all_bounds_are_refused(kind: bytes) -> None:
    name = b"XML:com.adobe.xmp\0\0" if kind == b"zTXt" else b"name\0\0"
    bomb = zlib.compress(b"\0" * (LARGEST_METADATA + 2))
    with pytest.raises(UnusableImage, match="is larger than 16 MiB: save it again without metadata"):
        decode(png_with((kind, name + bomb)))


def test_a_preview_within_a_raw_photograph_is_not_taken_for_it() -> None:
    for tags in ({"tag50706": b"\1\4\0\0"}, {"tag254": 1}):
        with pytest.raises(UnusableImage, match="a preview within a raw photograph or a reduced copy"):
            decode(tiff(**tags))


def test_a_png_whose_checksum_does_not_hold_is_refused() -> None:
    data = bytearray(file_of(sample()))
    data[60] ^= 1
    with pytest.raises(UnusableImage, match=r"the checksum of chunk 'IDAT' does not hold\): restore it from"):
        decode(bytes(data))


def test_a_png_with_a_chunk_that_is_not_standard_is_refused() -> None:
    data = file_of(sample())
    with pytest.raises(UnusableImage, match="holds the chunk 'CgBI', which is not standard"):
        decode(data[:33] + chunk(b"CgBI", b"\0\0\0\0") + data[33:])


def test_bytes_after_the_end_of_a_png_are_passed_over() -> None:
    assert np.array_equal(decode(file_of(sample()) + b"\0" * 100).pixels, sample())


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:abc\n", "a pointer of Git LFS and not the image"),
        (b"\n<!DOCTYPE html><html>404</html>", "a web page and not an image: download the image again"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG or XML, which has no pixels of its own"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 300, "HEIC, which is not read: convert it to sRGB"),
        (file_of(Image.fromarray(sample()), "JPEG2000"), "JPEG 2000, which is not read"),
    ],
)
def test_a_file_that_is_something_else_is_called_what_it_is(data: bytes, reason: str) -> None:
    with pytest.raises(UnusableImage, match=reason):
        decode(data)


def test_decoding_in_threads_leaves_the_warning_filters_as_they_were() -> None:
    import warnings
    from concurrent.futures import ThreadPoolExecutor

    before = list(warnings.filters)
    odd = jpeg_with(b"Exif\0\0" + exif((0x112, SHORT, 1, short(6))))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(decode, [odd, io.BytesIO(odd).getvalue()] * 40))
    assert warnings.filters == before
