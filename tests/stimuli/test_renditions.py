"""Controlled renditions: the step that was asked for, and clipping told."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from visavis.stimuli import SAMPLE_STEPS, Step, adjust, sample_photographs, sample_stimuli, write_renditions
from visavis.stimuli.renditions import REPORT
from visavis.stimuli.statistics import lab

images = arrays(np.uint8, st.tuples(st.integers(1, 8), st.integers(1, 8), st.just(3)))


@given(pixels=images)
def test_the_neutral_step_changes_nothing(pixels: np.ndarray) -> None:
    rendition = adjust(pixels, Step())
    assert np.array_equal(rendition.pixels, pixels)
    assert rendition.clipped == 0
    assert rendition.pixels is not pixels


@given(pixels=images)
def test_a_step_too_small_to_matter_changes_nothing(pixels: np.ndarray) -> None:
    # The whole way to CIELAB and back, for every colour there is.
    assert np.array_equal(adjust(pixels, Step(contrast=1 + 1e-9)).pixels, pixels)


@pytest.fixture
def photograph() -> np.ndarray:
    return sample_photographs()["cat"]


def test_contrast_scales_lightness_about_its_mean(photograph: np.ndarray) -> None:
    rendition = adjust(photograph, Step(contrast=0.5))
    before, after = lab(photograph)[..., 0], lab(rendition.pixels)[..., 0]
    assert after.mean() == pytest.approx(before.mean(), abs=0.05)
    assert after.std() == pytest.approx(0.5 * before.std(), rel=0.01)


def test_chroma_scales_at_constant_hue_and_lightness(photograph: np.ndarray) -> None:
    before, after = lab(photograph), lab(adjust(photograph, Step(chroma=0.5)).pixels)
    assert np.hypot(*after[..., 1:].T).mean() == pytest.approx(0.5 * np.hypot(*before[..., 1:].T).mean(), rel=0.01)
    assert np.abs(after[..., 0] - before[..., 0]).mean() < 0.2
    coloured = np.hypot(before[..., 1], before[..., 2]) > 25
    hue_before, hue_after = (np.arctan2(image[..., 2], image[..., 1])[coloured] for image in (before, after))
    assert np.degrees(np.abs(hue_after - hue_before)).mean() < 1.5


def test_no_chroma_is_grey(photograph: np.ndarray) -> None:
    grey = adjust(photograph, Step(chroma=0)).pixels.astype(int)
    assert np.abs(grey - grey[..., :1]).max() <= 1


def test_no_contrast_is_one_lightness() -> None:
    rows = np.repeat(np.arange(0, 250, 10, dtype=np.uint8), 3).reshape(5, 5, 3)
    assert np.ptp(adjust(rows, Step(contrast=0)).pixels) == 0


def test_clipping_is_counted_pixel_by_pixel() -> None:
    pixels = np.full((10, 10, 3), 128, dtype=np.uint8)
    pixels[:2] = (255, 0, 0)  # on the edge of the gamut: any more chroma leaves it
    assert adjust(pixels, Step(chroma=1.2)).clipped == pytest.approx(0.2)
    assert adjust(pixels, Step(chroma=0.8)).clipped == 0


@pytest.mark.parametrize("bad", [-0.1, float("nan"), float("inf")])
def test_a_factor_that_makes_no_sense_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="contrast must be a finite factor from 0"):
        Step(contrast=bad)


def test_written_renditions_are_a_stimulus_set_with_a_report(tmp_path: Path, photograph: np.ndarray) -> None:
    steps = {"plain": Step(), "low": Step(contrast=0.5), "vivid": Step(chroma=2)}
    stimuli = write_renditions({"cat": photograph}, steps, tmp_path)
    assert stimuli.renditions == ("plain", "low", "vivid")
    assert np.array_equal(stimuli["cat", "plain"].pixels(), photograph)
    with (tmp_path / REPORT).open(encoding="utf-8") as file:
        rows = {row["rendition"]: row for row in csv.DictReader(file)}
    assert float(rows["vivid"]["chroma"]) == 2
    assert float(rows["vivid"]["clipped"]) == pytest.approx(adjust(photograph, steps["vivid"]).clipped, abs=1e-4)
    assert float(rows["low"]["clipped"]) == 0


def test_samples_are_ten_scenes_in_seven_renditions(tmp_path: Path) -> None:
    stimuli = sample_stimuli(tmp_path)
    assert (len(stimuli.scenes), stimuli.renditions) == (10, tuple(SAMPLE_STEPS))
    assert {stimulus.size for stimulus in stimuli.values()} == {(384, 288)}
    assert all(stimulus.verbatim for stimulus in stimuli.values())
    steps = np.array([(step.contrast, step.chroma) for step in SAMPLE_STEPS.values()])
    assert abs(np.corrcoef(steps.T)[0, 1]) < 0.2, "contrast and chroma must be told apart"
