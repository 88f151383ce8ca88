"""What is recorded of time is true: held against what an emulated display with vertical sync showed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image as PilImage
from vertical_sync import EmulatedDisplay, vertical_sync

from visavis import load_trials, run
from visavis.experiments import Definition, Experiment
from visavis.experiments.experiment import load_stimuli
from visavis.observers.human import HumanObserver, HumanOptions
from visavis.observers.human.screen import Element, ImageElement, Press
from visavis.observers.human.session_timing import session_timings
from visavis.observers.human.timing import frame_record, judge_refresh, shown_record, timing_line

Open = Callable[..., Any]


class TestRefresh:
    @pytest.mark.parametrize("hz", [30.0, 59.94, 60.0, 120.0, 144.0, 240.0])
    def test_flips_that_wait_for_the_display_give_its_rate_though_some_come_late(self, hz: float) -> None:
        random = np.random.default_rng(1)
        refreshes = np.cumsum(1 + (random.random(40) < 0.1))
        flips = refreshes / hz + random.exponential(0.0002, 40)
        refresh = judge_refresh(flips.tolist())
        assert refresh.synchronised
        assert refresh.hz == pytest.approx(hz, rel=0.005)
        assert refresh.problem() == ""

    def test_flips_that_keep_in_step_with_nothing_are_no_refresh(self) -> None:
        random = np.random.default_rng(2)
        flips = np.cumsum(random.gamma(2.0, 0.004, 60))
        refresh = judge_refresh(flips.tolist())
        assert not refresh.synchronised
        assert refresh.hz == 60.0

    @pytest.mark.parametrize("hz", [721.0, 2087.0, 12.0])
    def test_a_rate_that_no_display_has_is_told(self, hz: float) -> None:
        refresh = judge_refresh((np.arange(60) / hz).tolist())
        assert (refresh.synchronised, refresh.hz) == (False, 60.0)
        assert f"{hz:.0f} frames/s" in refresh.problem()
        assert "vertical sync" in refresh.problem()


def test_a_frame_is_late_where_a_refresh_passed_without_it() -> None:
    flips = np.asarray([0, 1, 2, 4, 5, 8, 9]) / 60
    record = frame_record(flips.tolist(), 60.0)
    assert (record["frames"], record["late"]) == (7, 2)
    assert record["longest_ms"] == pytest.approx(50, abs=0.001)
    assert frame_record([0.5], 60.0) == {"frames": 1, "late": 0}


def test_the_line_of_a_session_says_refresh_late_frames_exposures_and_uncertainty() -> None:
    provenances = [
        {
            "frames": {"frames": 100, "late": late},
            "timeline": [shown_record("interval", 0.5, 0.61), shown_record("left", 0.2, shown)],
            **more,
        }
        for late, shown, more in ((0, 0.2, {}), (3, 0.2167, {"time_uncertainty_ms": 2.25}))
    ]
    line = timing_line({"refresh_hz": 60.0, "vertical_sync": False}, provenances)
    assert line == (
        "60 Hz (no vertical sync); 3 of 200 frames late; left 200 ms asked, 200–217 ms shown; "
        "answers up to 2.2 ms early (pointer)"
    )
    assert timing_line({}, [{}]) == ""


LEVELS = {"low": 60, "middle": 100, "high": 200}


@pytest.fixture
def grey_images(tmp_path: Path) -> Experiment:
    """Images of one grey each, one after the other."""
    folder = tmp_path / "images" / "scene"
    folder.mkdir(parents=True)
    for name, level in LEVELS.items():
        PilImage.fromarray(np.full((120, 160, 3), level, dtype=np.uint8)).save(folder / f"{name}.png")
    definition = Definition.from_dict(
        {
            "visavis": 1,
            "name": "greys",
            "stimuli": {"folder": str(tmp_path / "images")},
            "attributes": {"lightness": {"question": "Which is lighter?"}},
            "repetitions": 4,
            "presentation": {
                "layout": "one_after_other", "exposure_s": 0.1, "interval_s": 0.05, "fixation_s": 0.05,
                "inter_trial_interval_s": 0.05, "feedback_s": 0,
            },
            "seed": 1,
        }
    )  # fmt: skip
    return Experiment(definition, load_stimuli(definition, tmp_path))


def session_on(display: EmulatedDisplay, window: Open, experiment: Experiment, folder: Path) -> pd.DataFrame:
    """Return the trials of a session that answers itself in a window on this display."""
    window((300, 300)).close()  # PsychoPy is there
    with vertical_sync(display):
        screen = window((500, 400))
        assert screen.describe()["vertical_sync"]
        assert screen.refresh_hz == pytest.approx(display.hz, rel=0.005)
        answers_itself(screen)
        display.shown[:-1] = []
        observer = HumanObserver("P07", HumanOptions(window=(500, 400)), lambda *_: screen)
        assert run(experiment, observer, folder / "results").complete
    return load_trials(folder / "results")


def answers_itself(screen: Any) -> None:
    """Have pages left and trials answered by themselves, the latter a moment after the last image went."""
    presses, draw = screen.presses, screen.draw
    shown: dict[str, Any] = {"elements": (), "since": 0.0}

    def noting(elements: Sequence[Element]) -> None:
        if tuple(elements) != shown["elements"]:
            shown.update(elements=tuple(elements), since=screen.now())
        draw(elements)

    def pressing() -> list[Press]:
        now = screen.now()
        images = any(isinstance(element, ImageElement) for element in shown["elements"])
        waited = now - shown["since"] > 0.35
        return [*presses(), *([Press(now, "return"), Press(now, "left")] if waited and not images else [])]

    screen.draw, screen.presses = noting, pressing


@pytest.mark.filterwarnings("ignore")  # PsychoPy's own
@pytest.mark.parametrize("hz", [60.0, 120.0, 240.0])
def test_no_frame_is_late_where_drawing_takes_most_of_a_frame(
    window: Open, grey_images: Experiment, tmp_path: Path, hz: float
) -> None:
    display = EmulatedDisplay(hz, (250, 200), lambda _: 0.6)
    trials = session_on(display, window, grey_images, tmp_path)
    records = [json.loads(text) for text in trials["provenance"]]
    assert sum(record["frames"]["late"] for record in records) == 0
    assert {refreshes for level, refreshes in display.exposures() if level in LEVELS.values()} == {round(0.1 * hz)}


@pytest.mark.filterwarnings("ignore")  # PsychoPy's own
def test_exposures_and_late_frames_are_recorded_as_the_display_showed_them(
    window: Open, grey_images: Experiment, tmp_path: Path
) -> None:
    display = EmulatedDisplay(60.0, (250, 200), lambda frame: 2.3 if frame % 23 == 0 else 0.4)
    trials = session_on(display, window, grey_images, tmp_path)
    records = [json.loads(text) for text in trials["provenance"]]
    counted = [exposure for exposure in display.exposures() if exposure[0] in LEVELS.values()]
    recorded = [
        (LEVELS[trial[element["name"]]], element["shown_ms"])
        for (_, trial), record in zip(trials.iterrows(), records, strict=True)
        for element in record["timeline"]
        if element["name"] in ("left", "right")
    ]
    assert recorded == [(level, pytest.approx(1000 * refreshes / 60, abs=0.01)) for level, refreshes in counted]
    assert {refreshes for _, refreshes in counted} > {6}  # a late frame makes some longer than asked
    late = sum(record["frames"]["late"] for record in records)
    assert 0 < late < display.missed()
    ((manifest, line),) = session_timings(tmp_path / "results")
    assert manifest.observer == "P07"
    assert re.match(rf"60 Hz; {late} of \d+ frames late; fixation 50 ms asked, .* shown; left 100 ms asked, ", line)
