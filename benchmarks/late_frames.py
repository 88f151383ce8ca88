"""Frames of a session that come late on a display with vertical sync, beside a loop that only draws and flips.

    python benchmarks/late_frames.py [TRIALS]

Needs Xvfb, which has no vertical sync: each flip copies, then sleeps until the next refresh. A busy machine makes both
miss refreshes.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as PilImage

from visavis import Experiment
from visavis.observers.human import HumanObserver, HumanOptions
from visavis.observers.human.layout import in_a_row
from visavis.observers.human.psychopy_screen import PsychoPyScreen
from visavis.observers.human.screen import Element, ImageElement, Press
from visavis.observers.human.timing import frame_record


@contextmanager
def refreshes(hz: float) -> Iterator[None]:
    """Have every window's flip wait for the next of `hz` refreshes a second."""
    from pyglet import gl
    from pyglet.window.xlib import XlibWindow

    flip = XlibWindow.flip

    def waits(window: Any) -> None:
        flip(window)
        gl.glFinish()
        until = (int(time.perf_counter() * hz) + 1) / hz
        while (left := until - time.perf_counter()) > 0:
            time.sleep(max(0.0, left - 0.001))

    XlibWindow.flip = waits
    try:
        yield
    finally:
        XlibWindow.flip = flip


class Quick(PsychoPyScreen):
    """A window whose participant answers 0.3 s after the images went."""

    _last: tuple[Element, ...] = ()
    _since = 0.0

    def draw(self, elements: Sequence[Element]) -> None:
        if tuple(elements) != self._last:
            self._last, self._since = tuple(elements), self.now()
        super().draw(elements)

    def presses(self) -> list[Press]:
        super().presses()
        now = self.now()
        images = any(isinstance(element, ImageElement) for element in self._last)
        return [Press(now, "return"), Press(now, "left")] if not images and now - self._since > 0.3 else []


def session(folder: Path, trials: int) -> tuple[int, int]:
    """Return how many frames a session had, and how many came late."""
    experiment = Experiment.load(folder / "study.yaml")
    options = HumanOptions(screen="headless", window=(1280, 800))
    observer = HumanObserver("bench", options, Quick)
    observer.prepare(experiment)
    records = [response.provenance["frames"] for response in observer.respond(list(experiment.plan("bench"))[:trials])]
    observer.close()
    return sum(record["frames"] for record in records), sum(record["late"] for record in records)


def plain_loop(hz: float, frames: int) -> tuple[int, int]:
    """Return how many frames a loop had that draws two images and flips, and how many came late."""
    screen = PsychoPyScreen(HumanOptions(screen="headless", window=(1280, 800)), (128, 128, 128))
    pixels = np.full((400, 500, 3), 90, dtype=np.uint8)
    places = in_a_row([(500, 400)] * 2, 20, screen.size)
    elements = [ImageElement(name, place) for name, place in zip("ab", places, strict=True)]
    for element in elements:
        screen.load(element.key, pixels)
    flips = []
    for _ in range(frames):
        screen.draw(elements)
        flips.append(screen.flip())
    screen.close()
    record = frame_record(flips, hz)
    return record["frames"], record["late"]


def main() -> None:
    """Print the late frames of a session and of the plain loop at three rates."""
    PsychoPyScreen(HumanOptions(screen="headless", window=(1280, 800)), (128, 128, 128)).close()  # opens the display
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 12
    print("rate     session (late of frames)   plain loop")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "images" / "scene").mkdir(parents=True)
        for name, level in {"low": 60, "middle": 100, "high": 200}.items():
            pixels = np.full((400, 500, 3), level, dtype=np.uint8)
            PilImage.fromarray(pixels).save(folder / "images" / "scene" / f"{name}.png")
        (folder / "study.yaml").write_text(
            "visavis: 1\nname: late\nseed: 1\nstimuli: {folder: images}\nrepetitions: 8\n"
            "attributes: {lightness: {question: Which image is lighter?}}\n"
            "presentation: {layout: one_after_other, exposure_s: 0.3, interval_s: 0.1, feedback_s: 0}\n"
        )
        for hz in (60.0, 120.0, 240.0):
            with refreshes(hz):
                frames, late = session(folder, trials)
                plain_frames, plain_late = plain_loop(hz, frames)
            print(f"{hz:3.0f} Hz {late:8d} of {frames:5d} {plain_late:17d} of {plain_frames:5d}")


if __name__ == "__main__":
    main()
