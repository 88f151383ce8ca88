"""What a model is asked, and how its words are read."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from visavis.experiments import Experiment
from visavis.observers.answer_reading import read_answer
from visavis.observers.question import Picture, Question
from visavis.observers.question_writer import COMPOSITE_GAP_PX, QuestionWriter, composite_size
from visavis.observers.soft_choice import soft_choice

MakeExperiment = Callable[..., Experiment]


def question(
    labels: tuple[str, ...] = ("A", "B"), *, structured: bool = False, reasoning: bool = False, tie: str | None = None
) -> Question:
    answers = dict(zip(labels, ("left", "right"), strict=True)) | ({tie: "tie"} if tie else {})
    return Question((), answers, reasoning, structured)


def decoded(picture: Picture) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(picture.data)).convert("RGB"))


def test_files_go_out_byte_for_byte_in_the_order_of_the_sides(make_experiment: MakeExperiment) -> None:
    experiment = make_experiment()
    writer = QuestionWriter(experiment, structured=True)
    for trial in list(experiment.plan("M"))[:10]:
        asked = writer.write(trial)
        shown = [experiment.stimuli[trial.scene, name] for name in (trial.left, trial.right)]
        assert [picture.data for picture in asked.pictures] == [stimulus.path.read_bytes() for stimulus in shown]
        assert [part for part in asked.parts if isinstance(part, str)][:2] == ["Image A:", "Image B:"]
        assert [picture.source for picture in asked.pictures] == [(stimulus.pixels_sha256,) for stimulus in shown]


def test_the_words_are_the_definitions_own(make_experiment: MakeExperiment) -> None:
    experiment = make_experiment(
        attributes={"contrast": {"question": "For people?", "question_for_models": "For models?"}},
        presentation={"instructions": "Two images follow."},
        models={"labels": ["first", "second"], "tie_label": "same"},
        ties=True,
    )
    asked = QuestionWriter(experiment, structured=False).write(experiment.plan("M")[0])
    words = [part for part in asked.parts if isinstance(part, str)]
    assert words == [
        "The first image:",
        "The second image:",
        "Two images follow.\n\nFor models?\n\nAnswer with one word and nothing else: first, second or same.",
    ]
    assert asked.answers == {"first": "left", "second": "right", "same": "tie"}


def test_a_format_that_is_not_taken_goes_out_as_png_of_the_same_pixels(make_experiment: MakeExperiment) -> None:
    experiment = make_experiment()
    trial = experiment.plan("M")[0]
    writer = QuestionWriter(experiment, structured=False, media_types=("image/jpeg",))
    stimulus = experiment.stimuli[trial.scene, trial.left]
    picture = writer.write(trial).pictures[0]
    assert picture.media_type == "image/png"
    assert np.array_equal(decoded(picture), stimulus.pixels())


def test_a_reference_comes_first(make_experiment: MakeExperiment) -> None:
    experiment = make_experiment(reference="c4")
    trial = experiment.plan("M")[0]
    asked = QuestionWriter(experiment, structured=False).write(trial)
    assert asked.parts[0] == "Reference image:"
    assert asked.pictures[0].source == (experiment.stimuli[trial.scene, "c4"].pixels_sha256,)
    assert len(asked.pictures) == 3


def test_a_composite_shows_both_side_by_side(make_experiment: MakeExperiment) -> None:
    experiment = make_experiment(
        models={"images": "composite", "labels": ["left", "right"]}, presentation={"background": [10, 20, 30]}
    )
    trial = experiment.plan("M")[0]
    asked = QuestionWriter(experiment, structured=False).write(trial)
    left, right = (experiment.stimuli[trial.scene, name].pixels() for name in (trial.left, trial.right))
    whole = decoded(asked.pictures[0])
    assert np.array_equal(whole[:, : left.shape[1]], left)
    assert np.array_equal(whole[:, left.shape[1] + COMPOSITE_GAP_PX :], right)
    assert (whole[:, left.shape[1] : left.shape[1] + COMPOSITE_GAP_PX] == (10, 20, 30)).all()
    assert (whole.shape[1], whole.shape[0]) == composite_size(left.shape[1], left.shape[0])
    assert asked.parts[0] == "Two images side by side:"


def test_swapped_images_are_another_question(make_experiment: MakeExperiment) -> None:
    experiment = make_experiment(sides="both_orders", repetitions=1)
    writer = QuestionWriter(experiment, structured=False)
    trials = list(experiment.plan("M"))
    first = trials[0]
    swapped = next(t for t in trials if (t.attribute, t.scene, t.left, t.right) ==
                   (first.attribute, first.scene, first.right, first.left))  # fmt: skip
    one, other = writer.write(first), writer.write(swapped)
    assert one.prompt_sha256 == other.prompt_sha256
    assert one.pictures == other.pictures[::-1]


def test_a_size_asked_for_is_made_here_and_recorded(make_experiment: MakeExperiment) -> None:
    experiment = make_experiment()
    trial = experiment.plan("M")[0]
    picture = (
        QuestionWriter(experiment, structured=False, resize=lambda w, h: (w // 2, h // 2)).write(trial).pictures[0]
    )
    assert decoded(picture).shape == (12, 16, 3)
    assert picture.record()["resized_from"] == [32, 24]


@pytest.mark.parametrize("reply", ["A", "a", " A. ", "**A**", "`A`", '"A"', "(A)", "A\n", '{"answer": "A"}',
                                   '```json\n{"answer": "a"}\n```'])  # fmt: skip
def test_an_answer_is_read_in_any_dress(reply: str) -> None:
    assert read_answer(reply, question()).choice == "left"


@pytest.mark.parametrize("reply", ["", "I think A", "A is brighter", "A or B", "A B", "AB", "C", "左", "Image A",
                                   "A because B is dull", '{"answer": "C"}', '{"choice": "A"}', "{A}"])  # fmt: skip
def test_what_is_not_an_answer_alone_is_no_choice(reply: str) -> None:
    assert read_answer(reply, question()).choice is None


TRICKS = [
    "not A", "!A", "¬A", "-A", "~A", "A?", "A/B", "A or B", "A, B", "neither A nor B", "A (or B)", "Not B, A", "A > B",
    "А", "Ａ", "𝐀", "Α", "ª", "a\u0301", "A\u200b", "\u202eA", "a b", "AA", "A A", "A.B", "# A", "> A", "1. A",
    "option A", "A is my answer", "answer: A", "I'd say A", "\\boxed{A}", "<b>A</b>", "$A$", "left", "links", "gauche",
    "第一张", "1", "```\nA or B\n```", '```json\n{"answer": "A or B"}\n```', '{"answer": ["A"]}',
    '{"answer": {"x": "A"}}', '{"answer": "A", "answer": "B"}', '{"answer": "A"} {"answer": "B"}', '{"answer": "A"',
    '{"answer": "not A"}', '{"answer": "!A"}', '{"answer": 0}', '{"answer": true}', "[" * 5000, "<think>A is brighter",
    "<think>B</think>", "<think>A</think> A is better", "<think>x</think>A</think>B?",
]  # fmt: skip


@pytest.mark.parametrize("reply", TRICKS)
def test_no_trick_makes_a_choice(reply: str) -> None:
    for asked in (question(), question(structured=True), question(reasoning=True), question(tie="equal")):
        if not (asked.reasoning and reply == "answer: A"):
            assert read_answer(reply, asked).choice is None


@pytest.mark.parametrize(("labels", "other"), [(("left", "right"), "links"), (("links", "rechts"), "left"),
                                               (("gauche", "droite"), "left"), (("左", "右"), "左边")])  # fmt: skip
def test_only_the_labels_own_language_is_read(labels: tuple[str, str], other: str) -> None:
    asked = question(labels)
    assert [read_answer(text, asked).choice for text in (*labels, labels[0].upper(), other)] == [
        "left", "right", "left", None
    ]  # fmt: skip


def test_thoughts_before_the_answer_are_reasons_and_not_the_answer() -> None:
    read = read_answer("<think>B is dull. So A? No, B!\nHm.</think>\n\nA", question())
    assert (read.choice, read.reasoning) == ("left", "B is dull. So A? No, B!\nHm.")
    # Some templates open the thoughts in the prompt, so that the reply only closes them.
    assert read_answer('B is dull.\n</think>\n{"answer": "A"}', question(structured=True)).choice == "left"
    both = read_answer("<think>first</think>Then this.\nAnswer: B", question(reasoning=True))
    assert (both.choice, both.reasoning) == ("right", "first\n\nThen this.")


def test_where_json_was_asked_for_the_bare_answer_is_taken_and_no_sentence() -> None:
    assert read_answer(" b. ", question(structured=True)).choice == "right"
    for text in ("The answer is A", '{"answer": "A" or "B"}', '{"reply": "A"}', "A or B", ""):
        assert read_answer(text, question(structured=True)).choice is None, text
    assert read_answer(json.dumps({"answer": "B"}), question(structured=True)).choice == "right"


def test_reasons_are_kept_and_only_the_last_line_answers() -> None:
    asked = question(reasoning=True)
    read = read_answer("A is sharper, but B is brighter.\n\nAnswer: B", asked)
    assert (read.choice, read.reasoning) == ("right", "A is sharper, but B is brighter.")
    assert read_answer("Answer: A\nOn second thought I am not sure.", asked).choice is None
    assert read_answer("B", asked).choice is None
    forced = json.dumps({"reasoning": "B is dull", "answer": "A"})
    assert read_answer(forced, question(reasoning=True, structured=True)).reasoning == "B is dull"


def test_the_schema_allows_the_answers_alone() -> None:
    schema = question(structured=True, reasoning=True, tie="equal").schema
    assert schema["required"] == ["reasoning", "answer"]
    assert schema["properties"]["answer"]["enum"] == ["A", "B", "equal"]  # type: ignore[index]


def test_labels_of_other_scripts_are_answers_too() -> None:
    asked = question(("左", "右"), tie="一样")
    assert [read_answer(text, asked).choice for text in ("左", "右。", "一样")] == ["left", "right", "tie"]


@given(st.text(max_size=40))
def test_no_text_is_ever_bent_into_a_choice(text: str) -> None:
    choice = read_answer(text, question(("first", "second"))).choice
    assert choice is None or "first" in text.casefold() or "second" in text.casefold()


def test_a_soft_choice_sums_the_tokens_that_stand_for_an_answer() -> None:
    tokens = {"A": 0.5, " A": 0.1, "a": 0.05, "B": 0.2, "The": 0.15}
    found = soft_choice(tokens, question())
    p_left, mass = found.p_left, found.mass
    assert p_left == pytest.approx(0.65 / 0.85)
    assert mass == pytest.approx(0.85)


def test_the_beginning_of_one_answer_stands_for_it_and_of_two_for_none() -> None:
    found = soft_choice({"le": 0.4, "l": 0.3, "ri": 0.1}, question(("left", "lower"), tie="right"))
    p_left, mass = found.p_left, found.mass
    assert (p_left, mass) == (pytest.approx(0.9), pytest.approx(0.5))  # between 0.8 and 1: "lo" was not given


def test_a_tie_takes_mass_and_no_side() -> None:
    found = soft_choice({"A": 0.3, "equal": 0.4, "B": 0.1}, question(tie="equal"))
    p_left, mass = found.p_left, found.mass
    assert p_left == pytest.approx(0.75)
    assert mass == pytest.approx(0.8)


def test_no_token_of_an_answer_gives_no_soft_choice() -> None:
    found = soft_choice({"The": 0.9}, question())
    assert (found.p_left, found.mass) == (None, 0.0)


@pytest.mark.parametrize("mark", ["▁", "Ġ", " ", "", "Ċ"])
def test_raw_tokens_stand_for_their_words(mark: str) -> None:
    found = soft_choice({f"{mark}A": 0.6, f"{mark}B": 0.2}, question())
    assert (found.p_left, found.mass) == (pytest.approx(0.75), pytest.approx(0.8))


@pytest.mark.parametrize(("label", "low", "high"), [("A", 0.5, 1.0), ("B", 0.0, 0.5)])
def test_one_label_alone_among_the_tokens_is_bounded_by_what_is_unseen(label: str, low: float, high: float) -> None:
    found = soft_choice({"The": 0.9, "I": 0.05, label: 0.007}, question())
    assert found.is_bounded
    assert (found.low, found.high, found.p_left) == (
        pytest.approx(low),
        pytest.approx(high),
        pytest.approx((low + high) / 2),
    )
    assert found.mass == pytest.approx(0.007)
    sure = soft_choice({label: 0.99, "The": 0.009}, question())
    assert sure.high is not None
    assert sure.low is not None
    assert sure.high - sure.low == pytest.approx(0.001 / 0.991)
