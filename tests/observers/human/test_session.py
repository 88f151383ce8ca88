"""A session, on a clock of the test's own: what is shown when, and which presses count."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from io import FileIO
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from screens import FRAME_S, ScriptedScreen, Shown, diligent, presses_key

from visavis import load_trials, run
from visavis.experiments import Experiment, ObserverError, Response, SessionError, Trial
from visavis.experiments.session_log import SessionLog
from visavis.observers.contract_tests import MakeObserver, ObserverContract
from visavis.observers.human import HumanObserver, HumanOptions
from visavis.observers.human.fixed_texts import FIXED_TEXTS
from visavis.observers.human.layout import frame_bars, in_a_row
from visavis.observers.human.participant import FILE
from visavis.observers.human.screen import CrossElement, Element, FrameElement, ImageElement, Press
from visavis.stimuli import Pixels

MakeExperiment = Callable[..., Experiment]
MakePerson = Callable[..., tuple[HumanObserver, ScriptedScreen]]
ONE = {"attributes": {"contrast": {"question": "Which has more contrast?"}}, "repetitions": 1}


class TestContract(ObserverContract):
    @pytest.fixture
    def make_observer(self, person: MakePerson) -> MakeObserver:
        return lambda: person()[0]


class TestContractOneAfterOther(ObserverContract):
    """The same of a person who answers ties by key."""

    @pytest.fixture
    def make_observer(self, person: MakePerson) -> MakeObserver:
        return lambda: person(diligent(lambda screen: "right" if len(screen.history) % 2 else "left"))[0]


def sit(observer: HumanObserver, experiment: Experiment, trials: list[Trial] | None = None) -> list[Response]:
    observer.prepare(experiment)
    return list(observer.respond(list(experiment.plan(observer.name)) if trials is None else trials))


def onsets(screen: ScriptedScreen) -> list[Shown]:
    """Return the first frame of every showing of images, feedback aside."""
    found: list[Shown] = []
    for before, shown in zip([None, *screen.history], screen.history, strict=False):
        framed = any(isinstance(element, FrameElement) for element in shown.elements)
        if shown.images and not framed and not (before and before.images):
            found.append(shown)
    return found


def test_left_is_left_and_right_is_right(person: MakePerson, make_experiment: MakeExperiment) -> None:
    experiment = make_experiment(**ONE)
    observer, screen = person(diligent(lambda screen: "left" if len(onsets(screen)) % 3 else "right"))
    responses = sit(observer, experiment)
    trials = list(experiment.plan("P07"))
    assert [response.trial for response in responses] == [trial.id for trial in trials]
    assert [r.choice for r in responses] == ["left" if (n + 1) % 3 else "right" for n in range(len(trials))]
    for trial, shown in zip(trials, onsets(screen), strict=True):
        left, right = shown.images
        assert left.place.left < right.place.left
        stimuli = [experiment.stimuli[trial.scene, name] for name in (trial.left, trial.right)]
        assert [image.key for image in (left, right)] == [stimulus.sha256 for stimulus in stimuli]
        for image, stimulus in zip((left, right), stimuli, strict=True):
            assert np.array_equal(screen.loaded[image.key], stimulus.pixels())


def test_response_time_runs_from_onset_to_press(person: MakePerson, make_experiment: MakeExperiment) -> None:
    observer, _ = person(diligent(after_s=0.7))
    for response in sit(observer, make_experiment(**ONE)):
        assert response.response_time_s == pytest.approx(0.7, abs=2 * FRAME_S)


def test_early_presses_answer_nothing(person: MakePerson, make_experiment: MakeExperiment) -> None:
    def impatient(screen: ScriptedScreen) -> list[Press] | None:
        if not screen.current.images and screen.current.text:
            return diligent()(screen)
        early = [Press(screen.clock - 0.3, "right"), Press(screen.clock, "right")] if screen.since() < 0.2 else []
        return early + (presses_key(screen, "left") if screen.since() >= 0.6 else [])

    presentation = {"minimum_exposure_s": 0.5, "inter_trial_interval_s": 0.1}
    responses = sit(person(impatient)[0], make_experiment(**ONE, presentation=presentation))
    assert {response.choice for response in responses} == {"left"}
    assert min(response.response_time_s or 0 for response in responses) >= 0.5


def test_a_press_stamped_before_the_onset_never_counts(person: MakePerson, make_experiment: MakeExperiment) -> None:
    def stale(screen: ScriptedScreen) -> list[Press] | None:
        if not screen.current.images:
            return diligent()(screen)
        return [Press(onsets(screen)[-1].at - 0.001, "right"), *(diligent()(screen) or [])]

    assert {response.choice for response in sit(person(stale)[0], make_experiment(**ONE))} == {"left"}


def test_ties_only_where_they_are_allowed(person: MakePerson, make_experiment: MakeExperiment) -> None:
    allowed = sit(person(diligent(lambda _: "space"))[0], make_experiment(**ONE, ties=True))
    assert {(response.outcome, response.choice) for response in allowed} == {("tie", "tie")}

    def first_space(screen: ScriptedScreen) -> str:
        return "space" if screen.since() < 1 else "right"

    def insists(screen: ScriptedScreen) -> list[Press] | None:
        if not screen.current.images:
            return diligent()(screen)
        return presses_key(screen, first_space(screen)) if screen.since() > 0.5 else None

    forced = sit(person(insists)[0], make_experiment(**ONE))
    assert {response.choice for response in forced} == {"right"}


def test_a_click_on_an_image_chooses_it_and_beside_it_nothing(
    person: MakePerson, make_experiment: MakeExperiment
) -> None:
    def clicks(screen: ScriptedScreen) -> list[Press] | None:
        images = screen.current.images
        if not images:
            return diligent()(screen)
        if screen.since() < 0.3:
            return [Press(screen.clock, "mouse", 500, 5)]
        place = images[-1].place
        return [Press(screen.clock, "mouse", place.left, place.top + place.height - 1)]

    responses = sit(person(clicks)[0], make_experiment(**ONE))
    assert {response.choice for response in responses} == {"right"}
    assert {response.provenance["device"] for response in responses} == {"mouse"}
    assert min(response.response_time_s or 0 for response in responses) >= 0.3

    def keys_at_last(screen: ScriptedScreen) -> list[Press] | None:
        return diligent(lambda _: "left")(screen) if screen.since() > 1 or not screen.current.images else clicks(screen)

    without = sit(person(keys_at_last)[0], make_experiment(**ONE, presentation={"mouse": False}))
    assert {response.provenance["device"] for response in without} == {"keyboard"}


def test_feedback_frames_the_choice_and_moves_nothing(person: MakePerson, make_experiment: MakeExperiment) -> None:
    observer, screen = person(diligent(lambda _: "right"))
    sit(observer, make_experiment(**ONE, presentation={"feedback_s": 0.4}))
    framed = [shown for shown in screen.history if any(isinstance(element, FrameElement) for element in shown.elements)]
    assert len(framed) == len(onsets(screen)) > 0
    for before, feedback in zip(onsets(screen), framed, strict=True):
        assert feedback.images == before.images
        (frame,) = (element for element in feedback.elements if isinstance(element, FrameElement))
        assert frame.place == before.images[1].place
        assert frame.bars == tuple(frame_bars(frame.place, [image.place for image in before.images], screen.size))
        after = next(shown for shown in screen.history if shown.at > feedback.at)
        assert after.at - feedback.at == pytest.approx(0.4, abs=2 * FRAME_S)


@pytest.mark.parametrize("window", [(800, 600), (1920, 1080), (3840, 2160)])
@pytest.mark.parametrize("gap", [0, 1, 2, 7, 20, 100])
@pytest.mark.parametrize("to_the_edge", [False, True])
def test_the_frame_of_a_choice_covers_no_image_and_stays_in_the_window(
    window: tuple[int, int], gap: int, to_the_edge: bool
) -> None:
    width = (window[0] - 2 * gap) // 3 if to_the_edge else 150
    row = in_a_row([(width, 200)] * 3, gap, window)
    taken = np.zeros((window[1], window[0]), dtype=bool)
    for place in row:
        taken[place.top : place.top + place.height, place.left : place.left + place.width] = True
    for place in row:
        bars = frame_bars(place, row, window)
        assert len(bars) >= 2
        for bar in bars:
            assert min(bar.left, bar.top, bar.width - 1, bar.height - 1) >= 0
            assert bar.left + bar.width <= window[0]
            assert bar.top + bar.height <= window[1]
            assert not taken[bar.top : bar.top + bar.height, bar.left : bar.left + bar.width].any()
    assert len(frame_bars(row[1], row, window)) == (4 if gap > 1 else 2)


def test_the_frame_is_a_ninth_of_a_letter_thick_where_there_is_room() -> None:
    thickness = {}
    for window in ((800, 600), (1920, 1080), (3840, 2160)):
        (place,) = in_a_row([(100, 100)], 0, window)
        above, below, left, right = frame_bars(place, [place], window)
        assert {above.height, below.height, left.width, right.width} == {place.top - above.top - above.height}
        thickness[window] = above.height
    assert list(thickness.values()) == [2, 4, 8]


def test_images_vanish_in_time_and_the_answer_is_waited_for(
    person: MakePerson, make_experiment: MakeExperiment
) -> None:
    def late(screen: ScriptedScreen) -> list[Press] | None:
        if screen.current.images:
            return None
        question = screen.current.text == "Which has more contrast?"
        return (
            presses_key(screen, "left")
            if question and screen.since() > 1
            else diligent()(screen)
            if not question
            else None
        )

    observer, screen = person(late)
    responses = sit(observer, make_experiment(**ONE, presentation={"maximum_exposure_s": 0.3}))
    for response in responses:
        assert response.provenance["exposure_s"] == pytest.approx(0.3, abs=2 * FRAME_S)
        assert (response.response_time_s or 0) > 1
    assert not [s for s in screen.history if s.images and any(isinstance(e, FrameElement) for e in s.elements)]


def test_one_after_the_other_with_a_mask_between(person: MakePerson, make_experiment: MakeExperiment) -> None:
    presentation = {"layout": "one_after_other", "exposure_s": 0.4, "interval_s": 0.2, "mask": True, "fixation_s": 0.3}

    def after_both(screen: ScriptedScreen) -> list[Press] | None:
        if screen.current.images or screen.current.text != "Which has more contrast?":
            return diligent(after_s=99)(screen)
        return presses_key(screen, "right") if screen.since() > 0.25 else None

    experiment = make_experiment(**ONE, presentation=presentation)
    observer, screen = person(after_both)
    responses = sit(observer, experiment)
    assert {response.choice for response in responses} == {"right"}
    trial = experiment.plan("P07")[0]
    sequence = [s for s in showings(screen) if s.images or any(isinstance(e, CrossElement) for e in s.elements)]
    cross, first, mask, second = sequence[:4]
    keys = [experiment.stimuli[trial.scene, name].sha256 for name in (trial.left, trial.right)]
    assert [first.images[0].key, second.images[0].key] == keys
    assert mask.images[0].key.startswith("mask")
    assert first.images[0].place == mask.images[0].place == second.images[0].place
    assert first.at - cross.at == pytest.approx(0.3, abs=2 * FRAME_S)
    assert mask.at - first.at == pytest.approx(0.4, abs=2 * FRAME_S)
    assert second.at - mask.at == pytest.approx(0.2, abs=2 * FRAME_S)
    assert (responses[0].response_time_s or 0) > 0.4


def test_a_reference_stands_in_the_middle(person: MakePerson, make_experiment: MakeExperiment) -> None:
    experiment = make_experiment(**ONE, reference="c4")
    observer, screen = person()
    sit(observer, experiment)
    trial = experiment.plan("P07")[0]
    keys = [experiment.stimuli[trial.scene, name].sha256 for name in (trial.left, "c4", trial.right)]
    assert [image.key for image in onsets(screen)[0].images] == keys


class TestPages:
    def texts(self, screen: ScriptedScreen) -> list[str]:
        shown: list[str] = []
        for frame in screen.history:
            if frame.text and not frame.images and frame.text not in shown[-1:]:
                shown.append(frame.text)
        return shown

    def test_everything_is_said_in_order(self, person: MakePerson, make_experiment: MakeExperiment) -> None:
        experiment = make_experiment(
            **{**ONE, "ties": True},
            practice={"trials": 2},
            presentation={
                "consent": "We ask for your consent.", "instructions": "Look at both.", "thanks": "Goodbye.",
                "break_every": 5,
            },
        )  # fmt: skip
        observer, screen = person()
        sit(observer, experiment)
        told = "\n--\n".join(self.texts(screen))
        wanted = ["We ask for your consent.", "Look at both.", "Choose with the keys ← and →, or click on the image.",
                  "If you see no difference, press ↓.", "We begin with 2 trials of practice.", "Next question:",
                  "Practice is over.", "Take a break. 5 of 14 are done.", "Take a break. 10", "Goodbye."]  # fmt: skip
        places = [told.find(text) for text in wanted]
        assert -1 not in places
        assert places == sorted(places)

    @pytest.mark.parametrize("limits", [(None,), (8, None)])
    def test_rounds_of_adaptive_pairs_are_one_sitting(
        self, person: MakePerson, make_experiment: MakeExperiment, tmp_path: Path, limits: tuple[int | None, ...]
    ) -> None:
        experiment = make_experiment(
            **{**ONE, "repetitions": 3},
            pairs={"design": "adaptive"},
            practice={"trials": 2},
            presentation={"instructions": "Look at both.", "thanks": "Goodbye.", "break_every": 5},
        )
        total, done = 2 + 3 * 2 * 3, 0
        for limit in limits:
            observer, screen = person()
            result = run(experiment, observer, tmp_path, limit=limit)
            told = self.texts(screen)
            asked = result.answered - done
            for words, times in {
                "Look at both.": 1,
                "Goodbye.": 1,
                "being loaded": 1,
                "Practice is over.": 1 if not done else 0,
                f"of {asked} are done.": (asked - 1) // 5,
            }.items():
                assert sum(words in text for text in told) == times, words
            done = result.answered
        assert done == total
        assert len(load_trials(tmp_path)) == total

    def test_every_text_is_there_in_every_language_with_the_same_gaps(self) -> None:
        import string

        def gaps(text: str) -> set[str]:
            return {name for _, name, _, _ in string.Formatter().parse(text) if name}

        for texts in FIXED_TEXTS.values():
            assert texts.keys() == FIXED_TEXTS["en"].keys()
            assert all(gaps(text) == gaps(FIXED_TEXTS["en"][name]) for name, text in texts.items())

    def test_the_language_is_the_participants(self, person: MakePerson, make_experiment: MakeExperiment) -> None:
        words = {"en": "Which has more contrast?", "zh": "哪张图片的对比度更高？"}
        experiment = make_experiment(attributes={"contrast": {"question": words}}, repetitions=1)
        observer, screen = person(language="zh-Hans")
        sit(observer, experiment)
        assert onsets(screen)[0].text == "哪张图片的对比度更高？"
        assert any("请用 ← 键和 → 键选择" in text for text in self.texts(screen))
        observer, screen = person(language="de")
        sit(observer, experiment)
        assert onsets(screen)[0].text == "Which has more contrast?"
        assert any("Wählen Sie" in text for text in self.texts(screen))

    def test_texts_that_are_not_in_the_participants_language_are_told(
        self, person: MakePerson, make_experiment: MakeExperiment
    ) -> None:
        experiment = make_experiment(
            attributes={
                "contrast": {"question": {"en": "Which has more contrast?", "de": "Wo ist mehr Kontrast?"}},
                "preference": {"question": {"en": "Which do you prefer?"}},
            },
            presentation={
                "instructions": {"de": "Sehen Sie hin."}, "thanks": "Danke!",
                "form": [{"name": "age", "ask": {"en": "How old are you?"}}],
            },
        )  # fmt: skip

        def told(language: str) -> list[str]:
            observer, _ = person(language=language)
            return [warning for warning in observer.prepare(experiment) if "another language" in warning]

        (german,) = told("de-AT")
        assert german.endswith("not given in 'de-AT': form, age, question of preference")
        (english,) = told("en")
        assert english.endswith("not given in 'en': instructions")

    def test_consent_refused_ends_before_anything_is_asked(
        self, person: MakePerson, make_experiment: MakeExperiment, tmp_path: Path
    ) -> None:
        observer, screen = person(lambda screen: presses_key(screen, "escape") if screen.current.text else None)
        result = run(make_experiment(**ONE, presentation={"consent": "Agree?"}), observer, tmp_path)
        assert (result.answered, result.stop_reason) == (0, "P07 ended the session.")
        assert not onsets(screen)
        assert not list(tmp_path.rglob(FILE))

    def test_practice_says_what_was_taken(self, person: MakePerson, make_experiment: MakeExperiment) -> None:
        observer, screen = person(diligent(lambda _: "right"))
        sit(observer, make_experiment(**ONE, practice={"trials": 2, "feedback": True}))
        assert sum(shown.text.endswith("\nYou chose the right image.") for shown in screen.history) == 2

    def test_what_is_too_long_for_one_page_goes_on_on_the_next(
        self, person: MakePerson, make_experiment: MakeExperiment
    ) -> None:
        consent = "\n\n".join(f"Paragraph {number} of what you consent to." for number in range(6))
        observer, screen = person()
        screen.text_fits = lambda words: len(words.text) <= 80
        sit(observer, make_experiment(**ONE, presentation={"consent": consent}))
        shown = [text for text in self.texts(screen) if "consent to" in text]
        assert len(shown) == 3
        assert ["Press Enter to agree" in text for text in shown] == [False, False, True]
        assert all(f"Paragraph {number}" in "".join(shown) for number in range(6))

    def test_a_page_is_not_left_by_the_press_that_was_meant_for_the_trial_before(
        self, person: MakePerson, make_experiment: MakeExperiment
    ) -> None:
        at: list[float] = []

        def hasty(screen: ScriptedScreen) -> list[Press] | None:
            if "Take a break" not in screen.current.text:
                return diligent()(screen)
            at.append(screen.since())
            return presses_key(screen, "left")

        observer, _ = person(hasty)
        sit(observer, make_experiment(**ONE, presentation={"break_every": 5}))
        assert 0.25 < max(at) < 0.4

    def test_one_after_the_other_is_explained_as_first_and_second(
        self, person: MakePerson, make_experiment: MakeExperiment
    ) -> None:
        observer, screen = person()
        presentation = {"layout": "one_after_other"}
        sit(observer, make_experiment(**ONE, reference="c4", presentation=presentation))
        told = "\n".join(self.texts(screen))
        assert "Press ← for the first image, → for the second." in told
        assert "The reference is shown first" in told
        assert "click on the image" not in told
        assert screen.pointer is False


class TestForm:
    FORM: ClassVar = [
        {"name": "age", "ask": {"en": "How old are you?"}},
        {"name": "glasses", "ask": "Do you wear glasses?", "choices": [{"de": "ja", "en": "yes"}, "no"]},
        {"name": "email", "ask": "Your e-mail?", "identifies": True},
    ]

    def typing(self) -> Any:
        typed = {"How old are you?": ["3", "2", "x", "backspace"], "Your e-mail?": list("a@b.c")}
        left = {question: list(keys) for question, keys in typed.items()}

        def behave(screen: ScriptedScreen) -> list[Press] | None:
            asked = screen.current.text.partition("\n")[0]
            if asked in left:
                if not left[asked]:
                    return presses_key(screen, "return")
                key = left[asked].pop(0)
                return presses_key(screen, key) if len(key) > 1 else [Press(screen.clock, "text", text=key)]
            if asked == "Do you wear glasses?":
                return presses_key(screen, "num_2") if screen.since() > 0.001 else None
            return diligent()(screen)

        return behave

    def test_answers_are_written_down_and_what_identifies_apart(
        self, person: MakePerson, make_experiment: MakeExperiment, tmp_path: Path
    ) -> None:
        experiment = make_experiment(**ONE, presentation={"form": self.FORM, "consent": "Agree?"})
        observer, screen = person(self.typing(), acuity="1.0")
        result = run(experiment, observer, tmp_path / "results")
        known = json.loads((result.folder / FILE).read_text(encoding="utf-8"))
        assert known["answers"] == {"age": "32", "glasses": "no"}
        assert known["screening"] == {"acuity": "1.0"}
        assert known["consent"].endswith("+00:00")
        apart = tmp_path / "results-identities" / "P07" / "1.json"
        assert json.loads(apart.read_text(encoding="utf-8")) == {"email": "a@b.c"}
        assert any("2   no" in shown.text for shown in screen.history)
        shared = b"".join(path.read_bytes() for path in (tmp_path / "results").rglob("*") if path.is_file())
        assert b"a@b.c" not in shared

    def test_choices_are_read_in_the_participants_language_and_recorded_in_one(
        self, person: MakePerson, make_experiment: MakeExperiment, tmp_path: Path
    ) -> None:
        form = [
            {"name": "glasses", "ask": "Glasses?", "choices": [{"de": "ja", "en": "yes"}, {"de": "nein", "en": "no"}]}
        ]

        def first(screen: ScriptedScreen) -> list[Press] | None:
            return presses_key(screen, "1" if "Glasses?" in screen.current.text else "return")

        def behave(screen: ScriptedScreen) -> list[Press] | None:
            return diligent()(screen) if screen.current.images else first(screen)

        observer, screen = person(behave, language="de")
        result = run(make_experiment(**ONE, presentation={"form": form}), observer, tmp_path)
        assert any("1   ja\n2   nein" in shown.text for shown in screen.history)
        known = json.loads((result.folder / FILE).read_text(encoding="utf-8"))
        assert known["answers"] == {"glasses": "yes"}

    def test_the_identity_of_each_session_has_a_file_of_its_own(
        self, person: MakePerson, make_experiment: MakeExperiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        experiment = make_experiment(**ONE, presentation={"form": self.FORM})
        (tmp_path / "here").mkdir()
        monkeypatch.chdir(tmp_path / "here")
        for session, email in (("1", "a@b.c"), ("2", "d@e.f")):
            answers = {"age": 31, "glasses": "yes", "email": email}
            assert run(experiment, person(answers=answers)[0], ".", session=session).complete
        kept = [json.loads(path.read_text()) for path in sorted((tmp_path / "here-identities" / "P07").iterdir())]
        assert kept == [{"email": "a@b.c"}, {"email": "d@e.f"}]

    def test_a_place_that_cannot_be_written_is_told_before_the_window_opens(
        self, make_experiment: MakeExperiment, tmp_path: Path
    ) -> None:
        (tmp_path / "file").write_text("no folder")

        def no_window(*_: object) -> ScriptedScreen:
            raise AssertionError("a window was opened")

        with pytest.raises(ObserverError, match=r"not writable .*--results"):
            run(make_experiment(**ONE), HumanObserver("P07", HumanOptions(), no_window), tmp_path / "file" / "results")
        (tmp_path / "results-identities").write_text("no folder")
        form = {"form": self.FORM}
        with pytest.raises(ObserverError, match="results-identities: not writable"):
            run(
                make_experiment(**ONE, presentation=form),
                HumanObserver("P07", HumanOptions(), no_window),
                tmp_path / "results",
            )
        assert not (tmp_path / "results").exists()

    def test_answers_from_the_command_line_are_checked(
        self, person: MakePerson, make_experiment: MakeExperiment, tmp_path: Path
    ) -> None:
        experiment = make_experiment(**ONE, presentation={"form": self.FORM})
        with pytest.raises(
            ObserverError, match=r"(?s)glasses: must be one of yes, no.*colour: not asked by the form.*email: .*missing"
        ):
            person(answers={"glasses": "maybe", "colour": "red", "age": 31})[0].prepare(experiment)
        observer, screen = person(answers={"age": 31, "glasses": "yes", "email": "x@y.z"})
        assert run(experiment, observer, tmp_path / "results").complete
        assert not any("How old" in shown.text for shown in screen.history)


class TestTime:
    """What is stamped, and by which frame."""

    def test_onset_and_answer_are_stamped_in_utc_when_they_happened(
        self, person: MakePerson, make_experiment: MakeExperiment
    ) -> None:
        observer, _ = person(diligent(after_s=0.7))
        experiment = make_experiment(**ONE, presentation={"feedback_s": 3, "inter_trial_interval_s": 2})
        responses = sit(observer, experiment)
        at = [datetime.fromisoformat(response.onset or "") for response in responses]
        answered = [datetime.fromisoformat(response.answered_at) for response in responses]
        for response, onset, answer in zip(responses, at, answered, strict=True):
            assert (answer - onset).total_seconds() == pytest.approx(response.response_time_s or 0, abs=2e-6)
        # The screen's clock runs ahead of the real one in this test; what was read off it is right all the same.
        now = datetime.now(UTC)
        assert all(abs((now - answer).total_seconds()) < 60 for answer in answered)

    def test_one_after_the_other_the_onset_is_the_last_images(
        self, person: MakePerson, make_experiment: MakeExperiment
    ) -> None:
        presentation = {"layout": "one_after_other", "exposure_s": 5, "interval_s": 5}
        observer, screen = person(diligent(after_s=0.2))
        stamps: list[tuple[float, datetime]] = []
        show = screen.show

        def watched(elements: Sequence[Element]) -> float:
            at = show(elements)
            if any(isinstance(element, ImageElement) for element in elements):
                stamps.append((at, datetime.now(UTC)))
            return at

        screen.show = watched  # type: ignore[method-assign]
        experiment = make_experiment(**ONE, presentation=presentation)
        observer.prepare(experiment)
        (response,) = observer.respond(list(experiment.plan("P07"))[:1])
        assert len(onsets(screen)) == 2
        waited = screen.clock - onsets(screen)[1].at
        ago = (datetime.now(UTC) - datetime.fromisoformat(response.onset or "")).total_seconds()
        assert ago == pytest.approx(waited, abs=1)

    @pytest.mark.parametrize("frames", [1, 2, 7, 18, 30])
    def test_images_and_intervals_last_the_frames_that_were_asked_for(
        self, frames: int, person: MakePerson, make_experiment: MakeExperiment
    ) -> None:
        presentation = {
            "layout": "one_after_other",
            "exposure_s": frames / 60,
            "interval_s": (frames + 1) / 60,
            "fixation_s": (frames + 2) / 60,
            "mask": True,
        }
        observer, screen = person(lambda screen: presses_key(screen, "f" if asks(screen) else "return"))
        sit(observer, make_experiment(**ONE, presentation=presentation))
        whole = [showing for showing in showings(screen) if showing.elements]
        first = next(n for n, showing in enumerate(whole) if isinstance(showing.elements[0], CrossElement))
        cross, image, mask, last = whole[first : first + 4]
        lasted = [round((after.at - before.at) / FRAME_S) for before, after in pairwise((cross, image, mask, last))]
        assert lasted == [frames + 2, frames, frames + 1]

    @pytest.mark.parametrize("frames", [3, 18, 30])
    def test_images_vanish_after_the_frames_that_were_asked_for(
        self, frames: int, person: MakePerson, make_experiment: MakeExperiment
    ) -> None:
        def late(screen: ScriptedScreen) -> list[Press] | None:
            if asks(screen):
                return presses_key(screen, "left") if not screen.current.images and screen.since() > 0.1 else None
            return presses_key(screen, "return")

        observer, _ = person(late)
        responses = sit(observer, make_experiment(**ONE, presentation={"maximum_exposure_s": frames / 60}))
        exposures = {round(response.provenance["exposure_s"] / FRAME_S, 3) for response in responses}
        assert exposures == {frames}

    def test_presses_are_looked_for_many_times_a_frame(
        self, person: MakePerson, make_experiment: MakeExperiment
    ) -> None:
        looks: list[tuple[int, float]] = []

        def behave(screen: ScriptedScreen) -> list[Press] | None:
            if screen.current.images:
                looks.append((screen.looks, screen.clock))
            return diligent(after_s=1)(screen)

        observer, screen = person(behave)
        sit(observer, make_experiment(**ONE))
        gaps = np.diff([clock for _, clock in looks])
        assert np.median(gaps) < 0.001
        shown = [frame.at for frame in screen.history if frame.images]
        assert np.median(np.diff(shown)) == pytest.approx(FRAME_S)

    def test_masks_are_loaded_before_the_first_image(self, person: MakePerson, make_experiment: MakeExperiment) -> None:
        presentation = {"layout": "one_after_other", "mask": True, "exposure_s": 0.1, "interval_s": 0.1}
        observer, screen = person(lambda screen: presses_key(screen, "f" if asks(screen) else "return"))
        loaded: list[bool] = []
        load = screen.load

        def watched(key: str, pixels: Pixels) -> None:
            loaded.append(bool(screen.current.images))
            load(key, pixels)

        screen.load = watched  # type: ignore[method-assign]
        sit(observer, make_experiment(**ONE, presentation=presentation))
        assert any(key.startswith("mask") for key in screen.loaded)
        assert not any(loaded)


def asks(screen: ScriptedScreen) -> bool:
    return screen.current.text == "Which has more contrast?"


def showings(screen: ScriptedScreen) -> list[Shown]:
    """Return each change of what is shown, once."""
    return [
        shown
        for before, shown in zip([None, *screen.history], screen.history, strict=False)
        if before is None or before.elements != shown.elements
    ]


class SmallDisk:
    """A file on a disk with room for so many more bytes: what does not fit is written in part, then refused."""

    def __init__(self, file: FileIO, room: int) -> None:
        self.file, self.room = file, room

    def write(self, content: bytes) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = self.file.write(content[: self.room])
        self.room -= written
        return written

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)


class TestWithoutPsychoPy:
    """It cannot be imported: one message says how to install it, before a session's folder is made."""

    def test_from_python(
        self, make_experiment: MakeExperiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "psychopy", None)
        with pytest.raises(ObserverError, match=r"pip install 'visavis\[human\]'") as told:
            run(make_experiment(**ONE), HumanObserver("P07", HumanOptions(window=(800, 600))), tmp_path / "results")
        assert "\n" not in str(told.value)
        assert not (tmp_path / "results").exists()

    def test_from_the_command_line(self, make_experiment: MakeExperiment, tmp_path: Path) -> None:
        experiment = make_experiment(**ONE)
        data = experiment.definition.model_dump(mode="json", exclude_none=True)
        data["stimuli"] = {"folder": str(experiment.stimuli.folder)}
        (tmp_path / "study.yaml").write_text(json.dumps(data), encoding="utf-8")
        blocked = "import sys, runpy; sys.modules['psychopy'] = None; runpy.run_module('visavis', run_name='__main__')"
        command = ["run", "study.yaml", "--observer", "human", "--participant", "P07", "--results", "results"]
        done = subprocess.run(
            [sys.executable, "-c", blocked, *command], capture_output=True, text=True, cwd=tmp_path, check=False
        )
        assert done.returncode == 1
        assert len(done.stderr.splitlines()) == 1
        assert "needs psychopy" in done.stderr
        assert "pip install 'visavis[human]'" in done.stderr
        assert not (tmp_path / "results").exists()


class TestStopping:
    def test_escape_between_trials_is_not_lost(self, person: MakePerson, make_experiment: MakeExperiment) -> None:
        pressed: list[float] = []

        def behave(screen: ScriptedScreen) -> list[Press] | None:
            if not pressed and onsets(screen) and not screen.current.elements:
                pressed.append(screen.clock)
                return presses_key(screen, "escape")
            return diligent()(screen)

        observer, _ = person(behave)
        responses = sit(observer, make_experiment(**ONE, presentation={"feedback_s": 0}))
        assert len(responses) == 1
        assert observer.stop_reason == "P07 ended the session."

    def test_a_window_that_is_closed_asks_and_ends_when_closed_again(
        self, person: MakePerson, make_experiment: MakeExperiment, tmp_path: Path
    ) -> None:
        def closes(screen: ScriptedScreen) -> list[Press] | None:
            if len(onsets(screen)) >= 3 and screen.since() > 0.2:
                return presses_key(screen, "close")
            return diligent()(screen)

        observer, screen = person(closes)
        result = run(make_experiment(**ONE), observer, tmp_path)
        assert (result.answered, result.stop_reason) == (2, "P07 ended the session.")
        assert any("End the session here?" in shown.text for shown in screen.history)

    def test_escape_asks_and_the_same_command_goes_on(
        self, person: MakePerson, make_experiment: MakeExperiment, tmp_path: Path
    ) -> None:
        experiment = make_experiment(**ONE)

        def leaves(screen: ScriptedScreen) -> list[Press] | None:
            if screen.current.images and len(onsets(screen)) == 4 and screen.since() > 0.2:
                return presses_key(screen, "escape")
            return diligent()(screen)

        first = run(experiment, person(leaves)[0], tmp_path)
        assert (first.answered, first.stop_reason) == (3, "P07 ended the session.")
        observer, screen = person()
        second = run(experiment, observer, tmp_path)
        assert second.complete
        assert len(onsets(screen)) == second.planned - 3
        assert any("Welcome back" in shown.text for shown in screen.history)
        assert load_trials(tmp_path)["trial"].tolist() == [trial.id for trial in experiment.plan("P07")]

    def test_on_second_thought_the_trial_is_shown_again(
        self, person: MakePerson, make_experiment: MakeExperiment
    ) -> None:
        asked: list[float] = []

        def hesitates(screen: ScriptedScreen) -> list[Press] | None:
            if "End the session here?" in screen.current.text:
                return presses_key(screen, "space") if screen.since() > 0.001 else None
            if screen.current.images and not asked and screen.since() > 0.2:
                asked.append(screen.clock)
                return presses_key(screen, "escape")
            return diligent()(screen)

        observer, screen = person(hesitates)
        experiment = make_experiment(**ONE)
        responses = sit(observer, experiment)
        assert len(responses) == len(experiment.plan("P07"))
        assert (responses[0].attempts, responses[0].provenance["interruptions"]) == (2, 1)
        assert (responses[0].response_time_s or 9) < 0.6
        assert onsets(screen)[0].images == onsets(screen)[1].images

    @pytest.mark.parametrize("room", [0.5, 0.501, 0.503])
    def test_a_full_disk_costs_no_answer_and_the_session_goes_on(
        self,
        room: float,
        person: MakePerson,
        make_experiment: MakeExperiment,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        experiment = make_experiment(**ONE)
        whole = run(experiment, person()[0], tmp_path / "elsewhere")
        size = (whole.folder / "events.jsonl").stat().st_size
        opened = SessionLog._open

        def on_a_small_disk(log: SessionLog) -> None:
            opened(log)
            log._file = SmallDisk(log._file, int(room * size))  # type: ignore[assignment]

        with monkeypatch.context() as patch:
            patch.setattr(SessionLog, "_open", on_a_small_disk)
            observer, screen = person()
            with pytest.raises(SessionError, match="every answer before this one is saved: make room") as told:
                run(experiment, observer, tmp_path / "results")
        assert "\n" not in str(told.value)
        assert screen.closed
        before = load_trials(tmp_path / "results")
        assert len(before) in (len(onsets(screen)) - 1, len(onsets(screen)) - 2)
        assert len(before) > 2
        observer, screen = person()
        assert run(experiment, observer, tmp_path / "results").complete
        after = load_trials(tmp_path / "results")
        assert after["trial"].tolist() == [trial.id for trial in experiment.plan("P07")]
        assert after.iloc[: len(before)].reset_index(drop=True).equals(before)
        assert len(onsets(screen)) == len(after) - len(before)

    def test_another_session_has_another_plan(
        self, person: MakePerson, make_experiment: MakeExperiment, tmp_path: Path
    ) -> None:
        experiment = make_experiment()
        for session in ("1", "2"):
            assert run(experiment, person()[0], tmp_path, session=session).complete
        trials = load_trials(tmp_path)
        first, second = (trials[trials["session"] == name]["trial"].tolist() for name in ("1", "2"))
        assert sorted(first) != first
        assert first != second


class TestViewing:
    def test_the_monitors_width_and_distance_serve_where_the_options_leave_them_out(
        self, person: MakePerson, make_experiment: MakeExperiment
    ) -> None:
        experiment = make_experiment(**ONE, presentation={"width_deg": 5})
        observer, screen = person(distance_cm=70)
        screen.viewed = (50.0, 60.0)
        observer.prepare(experiment)
        record = observer.describe()
        assert (record["viewing"]["width_cm"], record["viewing"]["distance_cm"]) == (50.0, 70.0)
        assert record["pixels_per_degree"] == pytest.approx(2 * 70 * np.tan(np.radians(0.5)) * 20, abs=1e-4)

    def test_degrees_in_a_window_count_the_whole_displays_pixels(
        self, person: MakePerson, make_experiment: MakeExperiment
    ) -> None:
        observer, screen = person(width_cm=50, distance_cm=60)
        screen.display = (2000, 1500)
        observer.prepare(make_experiment(**ONE))
        assert observer.describe()["pixels_per_degree"] == pytest.approx(
            2 * 60 * np.tan(np.radians(0.5)) * 40, abs=1e-4
        )


def test_balancing_needs_numbered_participants(person: MakePerson, make_experiment: MakeExperiment) -> None:
    experiment = make_experiment(**ONE, order={"per_observer": "balanced"})
    with pytest.raises(ObserverError, match="'Ann' has none: number participants"):
        person(name="Ann")[0].prepare(experiment)
    assert len(sit(person(name="Ann12")[0], experiment)) == len(experiment.plan("Ann12"))


class TestFitting:
    def test_images_too_large_for_the_screen_are_refused_before_the_session(
        self, person: MakePerson, make_experiment: MakeExperiment, tmp_path: Path
    ) -> None:
        observer, screen = person(size=(200, 200))
        with pytest.raises(ObserverError, match=r"scene 'coast'.*need 96×204 pixels.*200×200"):
            run(make_experiment(), observer, tmp_path)
        assert screen.closed
        assert not list(tmp_path.iterdir())

    def test_degrees_need_viewing_conditions(self, person: MakePerson, make_experiment: MakeExperiment) -> None:
        with pytest.raises(ObserverError, match="--width-cm"):
            person()[0].prepare(make_experiment(presentation={"width_deg": 5}))

    def test_degrees_are_made_pixels_by_the_tangent(self, person: MakePerson, make_experiment: MakeExperiment) -> None:
        experiment = make_experiment(**ONE, presentation={"width_deg": 5})
        observer, screen = person(width_cm=50, distance_cm=60)
        (warning,) = observer.prepare(experiment)
        assert "scaled" in warning
        list(observer.respond(list(experiment.plan("P07"))[:1]))
        place = onsets(screen)[0].images[0].place
        assert place.width == round(2 * 60 * np.tan(np.radians(2.5)) * 1000 / 50)
        assert place.height == round(place.width * 24 / 32)
        assert observer.describe()["pixels_per_degree"] == pytest.approx(
            2 * 60 * np.tan(np.radians(0.5)) * 20, abs=1e-4
        )
        key = onsets(screen)[0].images[0].key
        assert screen.loaded[key].shape == (place.height, place.width, 3)
