"""The real window: PsychoPy on a real X display, its frames captured, its keys pressed by another process."""

from __future__ import annotations

import io
import itertools
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import numpy as np
import pandas as pd
import pytest
from PIL import Image as PilImage

from visavis import RunResult, load_trials, run
from visavis.experiments import COLUMNS, Definition, Experiment, ObserverError
from visavis.experiments.experiment import load_stimuli
from visavis.observers import SimulatedObserver, SimulatedOptions
from visavis.observers.human import HumanObserver, HumanOptions
from visavis.observers.human.layout import Placement, frame_bars, in_a_row
from visavis.observers.human.psychopy_csv import write_psychopy_csv
from visavis.observers.human.psychopy_screen import contrast_ratio
from visavis.observers.human.screen import CrossElement, Element, FrameElement, ImageElement, Screen, TextElement
from visavis.observers.question_writer import QuestionWriter
from visavis.stimuli import StimulusError, pixel_hash

pytestmark = [
    pytest.mark.usefixtures("display"),
    pytest.mark.filterwarnings("ignore"),  # PsychoPy's own, of which there are many
]

MakeExperiment = Callable[..., Experiment]
Open = Callable[..., Any]
ONE = {"attributes": {"contrast": {"question": "Which has more contrast?"}}}


class TestPixels:
    @pytest.mark.parametrize("size", [(1000, 700), (1001, 700), (1000, 701), (1001, 701)])
    def test_the_screen_shows_the_files_pixels_whatever_is_odd_or_even(
        self, size: tuple[int, int], window: Open
    ) -> None:
        screen, random = window(size), np.random.default_rng(1)
        wrong = compared = 0
        for width, height in itertools.product((255, 256, 331, 384), (200, 201, 288, 287)):
            left, right = (random.integers(0, 256, (height, width, 3), dtype=np.uint8) for _ in range(2))
            places = in_a_row([(width, height)] * 2, 33, screen.size)
            names = [f"{width}x{height}{side}" for side in "ab"]
            for name, pixels in zip(names, (left, right), strict=True):
                screen.load(name, pixels)
            frame = screen.capture([ImageElement(name, place) for name, place in zip(names, places, strict=True)])
            for place, pixels in zip(places, (left, right), strict=True):
                shown = cut(frame, place)
                wrong += int((shown != pixels).sum())
                compared += pixels.size
                assert pixel_hash(np.ascontiguousarray(shown)) == pixel_hash(pixels)
            around = frame.copy()
            for place in places:
                cut(around, place)[:] = 128
            assert (around == 128).all()
        assert (wrong, compared > 5_000_000) == (0, True)

    @pytest.mark.parametrize("size", [(1000, 700), (1001, 701), (600, 700)])
    @pytest.mark.parametrize("gap", [0, 1, 5, 32])
    def test_the_frame_of_a_choice_is_drawn_on_its_bars_alone(
        self, gap: int, size: tuple[int, int], window: Open
    ) -> None:
        screen = window(size)
        row = in_a_row([((600 - 2 * gap) // 3, 101)] * 3, gap, screen.size)
        for name, level in zip("abc", (100, 150, 200), strict=True):
            screen.load(name, np.full((101, row[0].width, 3), level, dtype=np.uint8))
        images = [ImageElement(name, place) for name, place in zip("abc", row, strict=True)]
        without = screen.capture(images)
        for place in row:
            bars = frame_bars(place, row, screen.size)
            frame = screen.capture([*images, FrameElement(place, tuple(bars))])
            expected = without.copy()
            for bar in bars:
                cut(expected, bar)[:] = 16
            assert (frame == expected).all()
            for image in row:
                assert (cut(frame, image) == cut(without, image)).all()

    def test_people_see_the_array_that_models_are_sent(self, window: Open, make_experiment: MakeExperiment) -> None:
        experiment = make_experiment()
        trial = experiment.plan("anyone")[0]
        pictures = QuestionWriter(experiment, structured=True).write(trial).pictures
        screen = window((500, 400))
        places = in_a_row([(32, 24)] * 2, 32, screen.size)
        images = []
        for name, place in zip((trial.left, trial.right), places, strict=True):
            stimulus = experiment.stimuli[trial.scene, name]
            screen.load(stimulus.sha256, stimulus.pixels())
            images.append(ImageElement(stimulus.sha256, place))
        frame = screen.capture(images)
        for place, picture in zip(places, pictures, strict=True):
            sent = np.asarray(PilImage.open(io.BytesIO(picture.data)).convert("RGB"))
            assert pixel_hash(np.ascontiguousarray(cut(frame, place))) == pixel_hash(sent)

    def test_the_background_is_the_definitions(self, window: Open) -> None:
        assert (window((300, 300), (10, 200, 77)).capture([]) == (10, 200, 77)).all()


def cut(frame: np.ndarray, place: Placement) -> np.ndarray:
    return frame[place.top : place.top + place.height, place.left : place.left + place.width]


class Fingers:
    """A participant in a process of its own, who presses when told to."""

    def __init__(self) -> None:
        script = Path(__file__).parents[2] / "support" / "x_fingers.py"
        self._process = subprocess.Popen(
            [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._to, self._from = self._process.stdin, self._process.stdout
        assert self._from.readline().strip() == "ready"
        self._waiting = 0

    def press(self, wait_s: float, hold_s: float, what: str) -> None:
        self._to.write(f"{wait_s} {hold_s} {what}\n")
        self._to.flush()
        self._waiting += 1

    def pressed(self) -> list[float]:
        """Return when each press was made, on the monotonic clock."""
        times = [float(self._from.readline()) for _ in range(self._waiting)]
        self._waiting = 0
        return times

    def close(self) -> None:
        self._to.close()
        self._process.wait(10)
        self._from.close()


@pytest.fixture
def fingers() -> Iterator[Fingers]:
    made = Fingers()
    yield made
    made.close()


def watched(opened: Any, on_show: Callable[[float, Sequence[Element]], None]) -> Screen:
    """Have a window tell what it shows, the moment that it has."""
    draw, flip = opened.draw, opened.flip
    drawn: list[Sequence[Element]] = [()]

    def noting(elements: Sequence[Element]) -> None:
        drawn[0] = elements
        draw(elements)

    def telling() -> float:
        at: float = flip()
        on_show(time.monotonic(), drawn[0])
        return at

    opened.draw = noting
    opened.flip = telling
    return opened  # type: ignore[no-any-return]


def sit(
    opened: Any,
    fingers: Fingers,
    experiment: Experiment,
    folder: Path,
    answer: Callable[[int, Sequence[ImageElement]], str],
) -> tuple[RunResult, list[float]]:
    """Run a session with real presses: Enter on pages, and on every trial what `answer` says, after a random time.

    Returns
    -------
    result : RunResult
    truth : list of float
        Seconds between each onset and the press that answered it, on the clock of both processes.
    """
    random = np.random.default_rng(3)
    onsets: list[float] = []
    answers: list[int] = []
    sent = [0]
    state: dict[str, Any] = {"page": None, "images": None}

    given_up = time.monotonic() + 90

    def on_show(at: float, elements: Sequence[Element]) -> None:
        assert at < given_up, "a press was not taken"
        images = tuple(element for element in elements if isinstance(element, ImageElement))
        if images and state["images"] != images:
            onsets.append(at)
            answers.append(sent[0])
            sent[0] += 1
            hold = (0.0, 0.0, 0.03, 0.1)[len(onsets) % 4]
            fingers.press(float(random.uniform(0.02, 0.15)), hold, answer(len(onsets) - 1, images))
        state["images"] = images or None
        page = None if images or not elements else tuple(elements)
        if page is not None and page != state["page"]:
            fingers.press(0.4, 0.01, "Return")
            sent[0] += 1
        state["page"] = page

    observer = HumanObserver("P07", HumanOptions(window=opened.size), lambda *_: watched(opened, on_show))
    result = run(experiment, observer, folder)
    pressed = fingers.pressed()
    return result, [pressed[answer] - onset for answer, onset in zip(answers, onsets, strict=True)]


def test_a_hundred_real_key_presses(
    window: Open, fingers: Fingers, make_experiment: MakeExperiment, tmp_path: Path
) -> None:
    presentation = {"inter_trial_interval_s": 0.02, "feedback_s": 0.02}
    experiment = make_experiment(**ONE, repetitions=9, presentation=presentation)
    keys = ("Left", "Right", "f", "j")
    result, truth = sit(window(), fingers, experiment, tmp_path, lambda n, _: keys[n % 4])
    assert result.complete
    assert len(truth) == result.planned >= 100
    trials = load_trials(tmp_path)
    assert trials["choice"].tolist() == [("left", "right")[n % 2] for n in range(len(truth))]
    errors = [1000 * abs(t - m) for t, m in zip(truth, trials["response_time_s"], strict=True)]
    assert np.quantile(errors, 0.1) < 5, errors  # a busy machine makes some late, a wrong clock all
    for path in write_psychopy_csv(tmp_path, tmp_path / "csv"):
        exported = pd.read_csv(path)
        assert exported["participant"].unique().tolist() == ["P07"]
        assert exported["key_resp.keys"].tolist() == [("left", "right", "f", "j")[n % 4] for n in range(len(truth))]
        assert np.allclose(exported["key_resp.rt"], trials["response_time_s"].astype(float))
        assert exported["psychopyVersion"].notna().all()
        assert exported["trials.thisRepN"].max() == 8


def test_real_clicks_on_the_images(
    window: Open, fingers: Fingers, make_experiment: MakeExperiment, tmp_path: Path
) -> None:
    presentation = {"inter_trial_interval_s": 0.02, "feedback_s": 0.02}
    experiment = make_experiment(**ONE, repetitions=4, presentation=presentation)

    opened = window()
    x, y = opened._window.winHandle.get_location()

    def click(number: int, images: Sequence[ImageElement]) -> str:
        place = images[number % 2].place
        return f"click {x + place.left + place.width // 2} {y + place.top + place.height // 2}"

    result, truth = sit(opened, fingers, experiment, tmp_path, click)
    assert result.complete
    trials = load_trials(tmp_path)
    assert trials["choice"].tolist() == [("left", "right")[n % 2] for n in range(len(truth))]
    assert len(truth) == result.planned >= 40
    errors = [1000 * abs(t - m) for t, m in zip(truth, trials["response_time_s"], strict=True)]
    assert np.quantile(errors, 0.1) < 10, errors  # a busy machine makes some late, a wrong clock all


def test_the_table_has_the_form_of_a_models(
    window: Open, fingers: Fingers, make_experiment: MakeExperiment, tmp_path: Path
) -> None:
    presentation = {"inter_trial_interval_s": 0, "feedback_s": 0}
    experiment = make_experiment(**ONE, repetitions=1, presentation=presentation)
    sit(window(), fingers, experiment, tmp_path / "person", lambda *_: "Left")
    values = {"contrast": {"c1": 0.0, "c2": 1.0, "c3": 2.0, "c4": 3.0}}
    run(experiment, SimulatedObserver("P07", SimulatedOptions(values=values)), tmp_path / "model")
    person, model = load_trials(tmp_path / "person"), load_trials(tmp_path / "model")
    assert list(person.columns) == list(model.columns) == list(COLUMNS)
    assert person.dtypes.equals(model.dtypes)
    planned = ["trial", "trial_index", "left", "right", "repetition", "presentation_order", "block"]
    assert person[planned].equals(model[planned])
    assert {"device", "key", "shown", "frames"} <= json.loads(person["provenance"].iloc[0]).keys()


LONG = {
    "en": "Please look at both pictures carefully before you decide. There is no right or wrong answer. " * 5,
    "de": "Bitte betrachten Sie beide Bilder sorgfältig, bevor Sie sich entscheiden. Es gibt kein Richtig. " * 5,
    "zh": "请在作答之前仔细观看两张图片，并根据第一印象作答：答案没有对错之分。" * 8,
}


class TestTexts:
    @pytest.mark.parametrize("language", ["en", "de", "zh"])
    @pytest.mark.parametrize("size", [(800, 600), (1279, 719)])
    @pytest.mark.parametrize("aligned", ["left", "center"])
    def test_every_line_stays_in_its_room(
        self, size: tuple[int, int], language: str, aligned: Any, window: Open
    ) -> None:
        screen = window(size, language=language)
        for top, bottom, text in ((30, size[1] - 90, LONG[language]), (8, 74, LONG[language][:150])):
            words = TextElement(text, top, bottom, aligned=aligned)
            inked = np.argwhere((screen.capture([words]) != 128).any(axis=2))
            assert len(inked) > 500
            (first, left), (last, right) = inked.min(axis=0), inked.max(axis=0)
            assert top <= first <= last < bottom
            assert 0.08 * size[0] < left < right < 0.92 * size[0]
            assert abs(left + right - size[0]) < 30

    def test_what_does_not_fit_is_told_before_it_is_drawn_smaller(self, window: Open) -> None:
        screen = window((800, 600))
        assert screen.fits(TextElement("Take a break.", 30, 500))
        assert not screen.fits(TextElement(LONG["en"] * 4, 30, 500))

    def test_letters_that_no_font_has_are_told(self, window: Open) -> None:
        screen = window((300, 300))
        whatever = screen.problems(["Which?"])  # this display has no vertical sync, which is told too
        (told,) = screen.problems(["Which?\u1200"])[len(whatever) :]
        assert "fonts-noto" in told
        (told,) = screen.problems(["Which\u0323?\u0323"])[len(whatever) :]
        assert "letter by letter" in told

    @pytest.mark.parametrize(("background", "least"), [((128,) * 3, 4.5), ((0,) * 3, 15), ((255,) * 3, 15)])
    def test_text_stands_out_from_the_background(
        self, background: tuple[int, int, int], least: float, window: Open
    ) -> None:
        assert contrast_ratio(window((300, 300), background)._ink, background) >= least

    def test_the_cross_grows_with_the_window(self, window: Open) -> None:
        def extent(size: tuple[int, int]) -> int:
            inked = np.argwhere((window(size).capture([CrossElement()]) != 128).any(axis=2))
            return int(np.ptp(inked[:, 0])) + 1

        assert abs(extent((800, 600)) - 19) <= 1
        assert abs(extent((1280, 1000)) - 31) <= 1


class TestFocus:
    def test_what_is_typed_into_another_window_answers_nothing(self, window: Open, fingers: Fingers) -> None:
        from Xlib import X, display

        screen = window((400, 300))
        server = display.Display()
        ours = server.create_resource_object("window", screen._window.winHandle._window)
        other = server.screen().root.create_window(500, 400, 100, 100, 0, X.CopyFromParent)
        other.map()
        heard = []
        for target in (ours, other, ours):
            target.set_input_focus(X.RevertToParent, X.CurrentTime)
            server.sync()
            time.sleep(0.1)
            screen.presses()
            fingers.press(0, 0.01, "f")
            fingers.pressed()
            time.sleep(0.1)
            heard.append([press.key for press in screen.presses() if press.key != "text"])
        other.destroy()
        server.close()
        assert heard == [["f"], [], ["f"]]

    def test_a_window_manager_that_closes_the_window_is_a_press_and_the_window_stays(self, window: Open) -> None:
        screen = window((400, 300))
        screen._window.winHandle.dispatch_event("on_close")
        assert [press.key for press in screen.presses()] == ["close"]
        assert screen.capture([]).shape == (300, 400, 3)


def test_a_form_is_filled_in_by_real_keys(window: Open, fingers: Fingers, make_experiment: MakeExperiment) -> None:
    form = [{"name": "age", "ask": "Age?"}, {"name": "hand", "ask": "Hand?", "choices": ["left", "right"]}]
    experiment = make_experiment(**ONE, presentation={"form": form})
    asked: set[str] = set()

    def on_show(_: float, elements: Sequence[Element]) -> None:
        said = next((element.text for element in elements if isinstance(element, TextElement)), "")
        question = said.partition("\n")[0]
        if question in asked:
            return
        asked.add(question)
        for key in {"Age?": ("3", "2", "Return"), "Hand?": ("9", "2")}.get(question, ("Return",)):
            fingers.press(0.4, 0.02, key)

    opened = window()
    observer = HumanObserver("P07", HumanOptions(window=opened.size), lambda *_: watched(opened, on_show))
    observer.prepare(experiment)
    assert observer._driver is not None
    assert observer._driver.pages(observer._driver.flow.form()) == {"age": "32", "hand": "right"}


def test_a_named_monitor_says_how_wide_and_how_far(window: Open, make_experiment: MakeExperiment) -> None:
    from psychopy import monitors

    monitors.Monitor("lab-left", width=52.0, distance=60.0).save()
    opened = window((500, 400), monitor="lab-left")
    observer = HumanObserver("P07", HumanOptions(window=(500, 400), monitor="lab-left"), lambda *_: opened)
    observer.prepare(make_experiment(**ONE, presentation={"width_deg": 1}))
    record = observer.describe()
    assert record["screen"]["monitor"] == {
        "name": "lab-left", "width_cm": 52.0, "distance_cm": 60.0, "size_px": None, "calibration": ANY,
    }  # fmt: skip
    assert record["screen"]["display_px"] == [1280, 1024]
    assert record["pixels_per_degree"] == pytest.approx(2 * 60 * np.tan(np.radians(0.5)) * 1280 / 52, abs=1e-4)


class TestTrouble:
    def command(self, experiment: Experiment, folder: Path, *more: str) -> list[str]:
        data = experiment.definition.model_dump(mode="json", exclude_none=True)
        data["stimuli"] = {"folder": str(experiment.stimuli.folder)}
        (folder / "study.yaml").write_text(json.dumps(data), encoding="utf-8")
        definition = str(folder / "study.yaml")
        return [sys.executable, "-W", "ignore", "-m", "visavis", "run", definition, "--observer", "human",
                "--participant", "P07", "--results", str(folder / "results"), *more]  # fmt: skip

    def test_no_display_is_one_clear_message(self, make_experiment: MakeExperiment, tmp_path: Path) -> None:
        environment = {name: value for name, value in os.environ.items() if name != "DISPLAY"}
        line = self.command(make_experiment(**ONE), tmp_path)
        done = subprocess.run(line, capture_output=True, text=True, env=environment, check=False)
        assert done.returncode == 1
        assert "--screen headless" in done.stderr
        assert "Traceback" not in done.stderr
        assert not (tmp_path / "results").exists()

    def test_a_screen_too_small_is_one_clear_message(self, make_experiment: MakeExperiment, tmp_path: Path) -> None:
        line = self.command(make_experiment(**ONE), tmp_path, "--window", "[200, 200]")
        done = subprocess.run(line, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert "the screen has 200×200" in done.stderr
        assert "Traceback" not in done.stderr

    def test_headless_brings_a_display_of_its_own(self, make_experiment: MakeExperiment, tmp_path: Path) -> None:
        environment = {name: value for name, value in os.environ.items() if name != "DISPLAY"}
        line = self.command(make_experiment(**ONE), tmp_path, "--screen", "headless")
        line[line.index("run")] = "check"
        del line[line.index("--results") : line.index("--results") + 2]
        done = subprocess.run(line, capture_output=True, text=True, env=environment, check=False)
        assert done.returncode == 0, done.stderr
        assert "P07 (human) can do it" in done.stdout

    def test_killed_in_the_middle_and_resumed(
        self, window: Open, fingers: Fingers, make_experiment: MakeExperiment, tmp_path: Path
    ) -> None:
        presentation = {"inter_trial_interval_s": 0, "feedback_s": 0}
        experiment = make_experiment(**ONE, repetitions=3, presentation=presentation)
        process = subprocess.Popen(
            self.command(experiment, tmp_path, "--window", "[1000, 700]"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

        deadline = time.monotonic() + 60
        while answered(tmp_path) < 7 and time.monotonic() < deadline:
            fingers.press(0.02, 0.01, "Return")
            fingers.press(0.02, 0.01, "Left")
            fingers.pressed()
        process.kill()
        process.wait()
        before = load_trials(tmp_path / "results")
        assert 7 <= len(before) < len(experiment.plan("P07"))
        result, _ = sit(window(), fingers, experiment_at(tmp_path), tmp_path / "results", lambda *_: "Right")
        assert result.complete
        after = load_trials(tmp_path / "results")
        assert after["trial"].tolist() == [trial.id for trial in experiment.plan("P07")]
        kept = after[after["trial"].isin(before["trial"])].reset_index(drop=True)
        assert kept.equals(before)

    @pytest.mark.parametrize("change", ["vanishes", "changes"])
    def test_an_image_that_is_lost_in_the_middle_costs_no_answer(
        self, change: str, window: Open, fingers: Fingers, tmp_path: Path, images: Path, make_experiment: MakeExperiment
    ) -> None:
        experiment = make_experiment(**ONE, repetitions=9, presentation={"inter_trial_interval_s": 0, "feedback_s": 0})
        window((300, 300)).close()  # the display lives as long as someone has been connected to it
        line = self.command(experiment, tmp_path, "--window", "[1000, 700]")
        shutil.copytree(images, tmp_path / "images")
        file = tmp_path / "study.yaml"
        file.write_text(file.read_text().replace(str(images), "images"))
        with (tmp_path / "said").open("w+") as said:
            process = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=said)
            deadline = time.monotonic() + 60
            while process.poll() is None and time.monotonic() < deadline:
                for key in ("Return", "Left"):
                    fingers.press(0.02, 0.01, key)
                fingers.pressed()
                if answered(tmp_path) >= 5:
                    for path in (tmp_path / "images").rglob("*.png"):
                        if change == "vanishes":
                            path.unlink()
                        elif path.stat().st_size:
                            path.write_bytes(b"")
            assert process.wait(10) == 1
            said.seek(0)
            told = said.read()
        assert "Traceback" not in told
        assert "c1.png" in told or "c2.png" in told or "c3.png" in told or "c4.png" in told
        assert len(load_trials(tmp_path / "results")) >= 5

    def test_an_image_that_vanishes_is_named(
        self, window: Open, fingers: Fingers, tmp_path: Path, images: Path, make_experiment: MakeExperiment
    ) -> None:
        shutil.copytree(images, tmp_path / "images")
        source = make_experiment(**ONE)
        data = {**source.definition.model_dump(mode="json"), "stimuli": {"folder": "images"}}
        definition = Definition.from_dict(data)
        experiment = Experiment(definition, load_stimuli(definition, tmp_path))
        for path in (tmp_path / "images").rglob("*.png"):
            path.unlink()
        with pytest.raises(StimulusError, match=r"c\d\.png"):
            sit(window(), fingers, experiment, tmp_path / "results", lambda *_: "Left")

    def test_an_unknown_monitor_is_named(self, window: Open) -> None:
        with pytest.raises(ObserverError, match="unknown monitor 'nonesuch'"):
            window(monitor="nonesuch")


def answered(folder: Path) -> int:
    try:
        return len(load_trials(folder / "results"))
    except Exception:
        return 0  # not begun yet, or a line is being written


def experiment_at(folder: Path) -> Experiment:
    return Experiment.load(folder / "study.yaml")
