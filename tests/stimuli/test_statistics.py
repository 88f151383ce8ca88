"""Image statistics: against hand computation, published values and laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from visavis.stimuli import STATISTICS, Step, adjust, sample_photographs
from visavis.stimuli.statistics import (
    colorfulness,
    edge_sharpness,
    lab,
    luminance,
    mean_chroma,
    mean_lightness,
    michelson_contrast,
    rms_contrast,
)

images = arrays(np.uint8, st.tuples(st.integers(3, 8), st.integers(3, 8), st.just(3)))


def flat(*rgb: int) -> np.ndarray:
    return np.full((5, 5, 3), rgb, dtype=np.uint8)


@pytest.fixture
def half_black_half_white() -> np.ndarray:
    pixels = np.zeros((4, 6, 3), dtype=np.uint8)
    pixels[:, 3:] = 255
    return pixels


def test_contrast_of_half_black_half_white(half_black_half_white: np.ndarray) -> None:
    assert rms_contrast(half_black_half_white) == pytest.approx(1.0)  # mean .5, SD .5
    assert michelson_contrast(half_black_half_white) == pytest.approx(1.0)


def test_contrast_of_two_greys_by_hand() -> None:
    pixels = flat(188, 188, 188)
    pixels[:, :2] = 100
    low, high = (((c / 255 + 0.055) / 1.055) ** 2.4 for c in (100, 188))
    assert michelson_contrast(pixels) == pytest.approx((high - low) / (high + low))
    mean = (2 * low + 3 * high) / 5
    assert rms_contrast(pixels) == pytest.approx(np.sqrt(0.4 * (low - mean) ** 2 + 0.6 * (high - mean) ** 2) / mean)


def test_luminance_of_the_primaries_is_the_standards() -> None:
    for rgb, expected in (((255, 0, 0), 0.2126), ((0, 255, 0), 0.7152), ((0, 0, 255), 0.0722), ((255,) * 3, 1.0)):
        assert luminance(flat(*rgb)) == pytest.approx(expected)


# sRGB primaries and white in CIELAB (D65), as Lindbloom's calculator and most colour libraries give them.
@pytest.mark.parametrize(
    ("rgb", "expected"),
    [
        ((255, 0, 0), (53.24, 80.09, 67.20)),
        ((0, 255, 0), (87.73, -86.18, 83.18)),
        ((0, 0, 255), (32.30, 79.19, -107.86)),
        ((255, 255, 255), (100, 0, 0)),
    ],
)
def test_lab_of_known_colours(rgb: tuple[int, int, int], expected: tuple[float, float, float]) -> None:
    assert lab(flat(*rgb))[0, 0] == pytest.approx(expected, abs=0.02)
    assert mean_lightness(flat(*rgb)) == pytest.approx(expected[0], abs=0.02)
    assert mean_chroma(flat(*rgb)) == pytest.approx(np.hypot(*expected[1:]), abs=0.03)


def test_colorfulness_by_hand() -> None:
    pixels = flat(200, 100, 50)
    assert colorfulness(pixels) == pytest.approx(0.3 * np.hypot(100, 100))  # no variance; rg = 100, yb = 100
    pixels = np.zeros((1, 2, 3), dtype=np.uint8)
    pixels[0, 0] = (100, 0, 0)  # rg 100 and 0, yb 50 and 0: SD 50 and 25, mean 50 and 25
    assert colorfulness(pixels) == pytest.approx(1.3 * np.hypot(50, 25))


@given(grey=st.integers(0, 255))
def test_grey_has_no_colour(grey: int) -> None:
    assert colorfulness(flat(grey, grey, grey)) == 0
    assert mean_chroma(flat(grey, grey, grey)) < 0.02


def test_sharpness_of_one_dot_by_hand() -> None:
    pixels = np.zeros((5, 5, 3), dtype=np.uint8)
    pixels[2, 2] = 10
    laplacian = np.array([0, 10, 0, 10, -40, 10, 0, 10, 0])
    assert edge_sharpness(pixels) == pytest.approx(laplacian.var())
    assert edge_sharpness(pixels[:2]) == 0


@given(pixels=images)
@settings(max_examples=30)
def test_turning_an_image_changes_no_statistic(pixels: np.ndarray) -> None:
    for turned in (pixels[:, ::-1], pixels[::-1], pixels.transpose(1, 0, 2)):
        for name, measure in STATISTICS.items():
            assert measure(turned) == pytest.approx(measure(pixels), rel=1e-9, abs=1e-9), name


def test_black_has_numbers_too() -> None:
    assert all(measure(flat(0, 0, 0)) == pytest.approx(0, abs=1e-9) for measure in STATISTICS.values())


def test_statistics_follow_the_steps_they_are_about() -> None:
    for photograph in sample_photographs().values():
        duller, stronger = (adjust(photograph, Step(contrast=c)).pixels for c in (0.75, 1.25))
        assert rms_contrast(duller) < rms_contrast(photograph)
        assert edge_sharpness(duller) < edge_sharpness(photograph) < edge_sharpness(stronger)
        paler, richer = (adjust(photograph, Step(chroma=c)).pixels for c in (0.65, 1.3))
        for measure in (colorfulness, mean_chroma):
            assert measure(paler) < measure(photograph) < measure(richer)


def whole_array_statistics(pixels: np.ndarray) -> dict[str, float]:
    """The formulas on whole arrays of floating-point numbers, and CIELAB by scikit-image."""
    encoded = pixels / 255
    y = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4) @ (0.2126, 0.7152, 0.0722)
    r, g, b = np.moveaxis(pixels.astype(float), -1, 0)
    rg, yb = r - g, (r + g) / 2 - b
    luma = pixels @ np.array([0.299, 0.587, 0.114])
    coordinates = lab(pixels)
    return {
        "rms_contrast": y.std() / y.mean(),
        "michelson_contrast": (y.max() - y.min()) / (y.max() + y.min()),
        "colorfulness": np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean()),
        "mean_lightness": coordinates[..., 0].mean(),
        "mean_chroma": np.hypot(coordinates[..., 1], coordinates[..., 2]).mean(),
        "edge_sharpness": ndimage.laplace(luma)[1:-1, 1:-1].var(),
    }


def test_statistics_taken_block_by_block_are_those_of_the_whole_image() -> None:
    noise = np.random.default_rng(5).integers(0, 256, (5, 40_000, 3), dtype=np.uint8)  # rows longer than a block
    tall = np.random.default_rng(6).integers(0, 256, (9_001, 7, 3), dtype=np.uint8)
    for pixels in (noise, tall, *sample_photographs().values()):
        expected = whole_array_statistics(pixels)
        for name, measure in STATISTICS.items():
            assert measure(pixels) == pytest.approx(expected[name], rel=1e-12), name
