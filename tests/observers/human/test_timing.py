"""What is recorded of time is true: held against what an emulated display with vertical sync showed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PilImage
from vertical_sync import EmulatedDisplay, vertical_sync

from visavis import load_trials, run
from visavis.experiments import Definition, Experiment
from visavis.experiments.experiment import load_stimuli
from visavis.observers.human import HumanObserver, HumanOptions
from visavis.observers.human.layout import in_a_row
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


def plain_loop(screen: Any, display: EmulatedDisplay, frames: int) -> float:
    """Return the share of refreshes that a loop misses that draws and flips and does nothing else."""
    screen.load("plain", np.full((120, 160, 3), 9, dtype=np.uint8))
    elements = [ImageElement("plain", in_a_row([(160, 120)], 0, screen.size)[0])]
    display.shown.clear()
    for _ in range(frames):
        screen.draw(elements)
        screen.flip()
    return display.missed() / frames


@pytest.mark.filterwarnings("ignore")  # PsychoPy's own
def test_exposures_and_late_frames_are_recorded_as_the_display_showed_them(
    window: Open, grey_images: Experiment, tmp_path: Path
) -> None:
    window((300, 300)).close()  # PsychoPy is there
    with vertical_sync(60.0, (250, 200)) as display:
        screen = window((500, 400))
        if not screen.describe()["vertical_sync"] and display.woken_late() > 0.1 * len(display.shown):
            pytest.skip("the machine is too busy for an emulated display")
        assert screen.describe()["vertical_sync"]
        assert screen.refresh_hz == pytest.approx(60, rel=0.01)
        plain = plain_loop(screen, display, 120)
        answers_itself(screen)
        display.shown.clear()
        observer = HumanObserver("P07", HumanOptions(window=(500, 400)), lambda *_: screen)
        assert run(grey_images, observer, tmp_path / "results").complete
    trials = load_trials(tmp_path / "results")
    records = [json.loads(text) for text in trials["provenance"]]
    counted = [exposure for exposure in display.exposures() if exposure[0] in LEVELS.values()]
    recorded = [
        (LEVELS[trial[element["name"]]], element["shown_ms"])
        for (_, trial), record in zip(trials.iterrows(), records, strict=True)
        for element in record["timeline"]
        if element["name"] in ("left", "right")
    ]
    assert [level for level, _ in recorded] == [level for level, _, _ in counted]
    for (_, milliseconds), (_, _, seconds) in zip(recorded, counted, strict=True):
        assert milliseconds == pytest.approx(1000 * seconds, abs=8)
    ((manifest, line),) = session_timings(tmp_path / "results")
    assert manifest.observer == "P07"
    assert re.match(r"(59|60)\S* Hz; \d+ of \d+ frames late; fixation 50 ms asked, .* shown; left 100 ms asked, ", line)
    if display.woken_late() > 0.01 * len(display.shown):
        return  # a busy machine: what its flips return late by is in the record, as it should
    for (_, milliseconds), (_, refreshes, _) in zip(recorded, counted, strict=True):
        assert milliseconds == pytest.approx(1000 * refreshes / 60, abs=8)
    late, frames = (sum(record["frames"][name] for record in records) for name in ("late", "frames"))
    too_long = sum(refreshes > 6 for _, refreshes, _ in counted)
    assert too_long <= late  # an exposure is longer than asked only where a frame came late
    assert late / frames <= max(0.001, 3 * plain)  # a busy machine makes the plainest loop miss refreshes too
