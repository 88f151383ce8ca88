"""Pixels in a real browser: what is on the screen is what is in the file, at every device scale factor."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsers import Served, browser, to_trial
from PIL import Image

from visavis.experiments import Experiment
from visavis.observers.human.layout import DoesNotFit, in_a_row

SCALES = (1, 1.1, 1.25, 1.5, 1.75, 2, 2.5)


@pytest.mark.parametrize("scale", SCALES)
def test_captured_pixels_are_those_of_the_files(served: Callable[..., Served], tmp_path: Path, scale: float) -> None:
    size = (121, 83) if scale in (1.1, 1.5, 2) else (120, 80)
    server = served(size=size, presentation={"gap_px": 31})
    with browser(scale=scale) as started:
        page = started.new_context(no_viewport=True).new_page()
        page.goto(server.address)
        assert page.evaluate("devicePixelRatio") == pytest.approx(scale, abs=1e-6)
        to_trial(page)
        page.wait_for_timeout(100)
        window = tuple(page.evaluate("import('/page/pixels.js').then((m) => m.windowPx())"))
        session = page.context.new_cdp_session(page)
        shot = base64.b64decode(session.send("Page.captureScreenshot", {"format": "png"})["data"])
    captured = np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"))
    experiment = Experiment.load(tmp_path / "study.yaml")
    first = experiment.plan("web-001").to_frame().iloc[0]
    for side, place in zip(("left", "right"), in_a_row([size, size], 31, window), strict=True):
        there = captured[place.top : place.top + place.height, place.left : place.left + place.width]
        expected = experiment.stimuli[first["scene"], first[side]].pixels()
        assert int((there != expected).any(axis=2).sum()) == 0, side


def test_the_page_places_images_where_the_window_does(served: Callable[..., Served], chrome: Any) -> None:
    page = chrome.new_page()
    page.goto(served().address)
    rng = np.random.default_rng(3)
    for _ in range(200):
        sizes = rng.integers(1, 700, (int(rng.integers(1, 4)), 2)).tolist()
        gap, window = int(rng.integers(0, 60)), rng.integers(300, 2000, 2).tolist()
        found = page.evaluate(
            "([sizes, gap, window]) => import('/page/layout.js').then((m) => m.inARow(sizes, gap, window))",
            [sizes, gap, window],
        )
        try:
            expected = [place.record() for place in in_a_row([tuple(size) for size in sizes], gap, tuple(window))]
        except DoesNotFit:
            expected = None
        shown = found and [[place[name] for name in ("left", "top", "width", "height")] for place in found]
        assert shown == expected
    page.close()


def test_a_screen_that_is_too_small_is_refused_before_consent(served: Callable[..., Served], chrome: Any) -> None:
    server = served("--screened-out-link", "https://example.org/out", size=(900, 500))
    small = chrome.new_context(viewport={"width": 390, "height": 844}, screen={"width": 390, "height": 844}).new_page()
    small.goto(server.address)
    small.get_by_text("This screen is too small").wait_for()
    assert small.locator("a[href='https://example.org/out']").count() == 1
    small.context.close()
    window = chrome.new_context(
        viewport={"width": 800, "height": 800}, screen={"width": 2560, "height": 1440}
    ).new_page()
    window.goto(server.address)
    window.get_by_text("The window is too small").wait_for()
    window.set_viewport_size({"width": 2000, "height": 900})
    window.get_by_text("Choose with the keys").wait_for()
    window.context.close()
