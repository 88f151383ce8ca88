"""Time from a response to the next onset, beyond the interval that was asked for, in frames of 60 Hz.

    python benchmarks/presentation.py [TRIALS]

Needs Xvfb, which has no vertical sync: this is what the program adds, to which a display adds up to one frame. The
peer is PsychoPy used plainly in the same window: two `ImageStim` made from their files after each response.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from visavis import Experiment
from visavis.observers.human import HumanObserver, HumanOptions
from visavis.observers.human.layout import in_a_row
from visavis.observers.human.psychopy_screen import PsychoPyScreen
from visavis.observers.human.screen import Element, ImageElement, Press
from visavis.stimuli import sample_stimuli

FRAME_S = 1 / 60


class Quick(PsychoPyScreen):
    """A window whose participant answers each trial after 0.2 s."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.onsets: list[float] = []
        self.answers: list[float] = []
        self._last: tuple[Element, ...] = ()

    def show(self, elements: Sequence[Element]) -> float:
        at = super().show(elements)
        images = tuple(element for element in elements if isinstance(element, ImageElement))
        if images and images != self._last:
            self.onsets.append(at)
        self._last = images
        return at

    def presses(self) -> list[Press]:
        super().presses()
        if not self._last:
            return [Press(self.now(), "return")]
        if self.now() - self.onsets[-1] < 0.2 or len(self.answers) == len(self.onsets):
            return []
        self.answers.append(self.now())
        return [Press(self.answers[-1], "left")]


def ours(folder: Path, trials: int, interval_s: float) -> list[float]:
    """Return the seconds from each answer to the next onset, without the interval."""
    definition = folder / "study.yaml"
    definition.write_text(
        f"visavis: 1\nname: bench\nseed: 1\nstimuli: {{folder: images}}\norder: {{blocks: []}}\n"
        "attributes: {contrast: {question: Which image has the higher contrast?}}\n"
        f"presentation: {{inter_trial_interval_s: {interval_s}, feedback_s: 0}}\n"
    )
    made: list[Quick] = []

    def open_screen(options: HumanOptions, background: tuple[int, int, int]) -> Quick:
        made.append(Quick(options, background))
        return made[-1]

    experiment = Experiment.load(definition)
    observer = HumanObserver("bench", HumanOptions(screen="headless", window=(1280, 800)), open_screen)
    observer.prepare(experiment)
    for _ in observer.respond(list(experiment.plan("bench"))[:trials]):
        pass
    observer.close()
    (screen,) = made
    return [onset - answer - interval_s for answer, onset in zip(screen.answers, screen.onsets[1:], strict=False)]


def plain(folder: Path, trials: int) -> list[float]:
    """Do the same by PsychoPy as its documentation shows it."""
    from psychopy import visual

    screen = PsychoPyScreen(HumanOptions(screen="headless", window=(1280, 800)), (128, 128, 128))
    files = sorted((folder / "images").rglob("*.png"))
    places = in_a_row([(384, 288)] * 2, 32, screen.size)
    waited = []
    for trial in range(trials):
        answered = time.perf_counter()
        for place, path in zip(places, (files[trial % len(files)], files[(trial + 1) % len(files)]), strict=True):
            visual.ImageStim(screen._window, image=str(path), pos=place.centre(screen.size), units="pix").draw()
        screen._window.flip()
        waited.append(time.perf_counter() - answered)
    screen.close()
    return waited


def main() -> None:
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sample_stimuli(folder / "images")
        found = {
            "visavis, interval 0.5 s": ours(folder, min(trials, 40), 0.5),
            "visavis, no interval": ours(folder, trials, 0.0),
            "PsychoPy, files read on the way": plain(folder, trials),
        }
    for name, seconds in found.items():
        frames = np.array(seconds) / FRAME_S
        print(f"{name:34} median {np.median(frames):5.2f} frames, worst {frames.max():5.2f}")
    ratio = np.median(found["visavis, no interval"]) / np.median(found["PsychoPy, files read on the way"])
    print(f"without an interval, ours over PsychoPy's: {ratio:.2f}")


if __name__ == "__main__":
    main()
