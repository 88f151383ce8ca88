"""The lenient reading: a closed grammar, the same for every label and side."""

from __future__ import annotations

import itertools

import pytest

from visavis.observers.answer_reading import read_answer
from visavis.observers.lenient_reading import read_leniently
from visavis.observers.question import Question

LABELS = [("A", "B"), ("first", "second"), ("left", "right"), ("1", "2")]
FORMS = [
    "Answer: {}", "answer: {}.", "**Answer:** {}", "The answer is {}", "Final answer: {}", "My choice: {}",
    "答案：{}", "答案是{}", "Antwort: {}", "Image {}", "image {}.", "Picture {}", "The {} image", "the {} one",
    "{} image", "Option {}", "Answer: Image {}", "Answer: the {} image", "图片{}", r"\boxed{{{}}}",
    r"$\boxed{{\text{{{}}}}}$", r"Answer: \boxed{{{}}}", "{}<|im_end|>", "{}</s>", "<answer>{}</answer>",
    "<|begin_of_box|>{}<|end_of_box|>", "◁think▷Which one? A or B.◁/think▷{}", "<thinking>first?</thinking>Answer: {}",
]  # fmt: skip
NO_ANSWER = [
    "not {}", "-{}", "!{}", "{} or {other}", "{}, but {other}", "Answer: {} or {other}", "Answer: not {}", "{} {other}",
    "Image {} is darker than {other}", "I cannot tell", "Answer:", "Image",
    "{}?! No: {other}", "answer {} {other}",
    r"\boxed{{{}}} or \boxed{{{other}}}", "<answer>{}</answer><answer>{other}</answer>", r"not \boxed{{{}}}",
    "the answer is not {}", "anything but {}", "<think>Answer: {}", "{}A", "",
]  # fmt: skip


def question(labels: tuple[str, str], *, reasoning: bool = False) -> Question:
    return Question(("?",), {labels[0]: "left", labels[1]: "right"}, reasoning=reasoning, structured=False)


@pytest.mark.parametrize(("labels", "form"), list(itertools.product(LABELS, FORMS)))
def test_what_any_reader_takes_for_an_answer_is_one_for_both_labels_and_both_orders(
    labels: tuple[str, str], form: str
) -> None:
    for order in (labels, labels[::-1]):
        asked = question(order)
        assert read_leniently(form.format(order[0]), asked).choice == "left"
        assert read_leniently(form.format(order[1]), asked).choice == "right"


@pytest.mark.parametrize(("labels", "form"), list(itertools.product(LABELS, NO_ANSWER)))
def test_anything_else_stays_no_answer_for_both_labels(labels: tuple[str, str], form: str) -> None:
    for label, other in (labels, labels[::-1]):
        assert read_leniently(form.format(label, other=other), question(labels)).choice is None


def test_full_width_letters_are_letters() -> None:
    assert read_leniently("Ａ", question(("A", "B"))).choice == "left"
    assert read_leniently("答案：Ｂ", question(("A", "B"))).choice == "right"


@pytest.mark.parametrize("form", ["Answer: {}", "Image {}", "答案：{}", "{}<|im_end|>", r"\boxed{{{}}}"])
def test_none_of_it_is_an_answer_by_default(form: str) -> None:
    assert read_answer(form.format("A"), question(("A", "B"))).choice is None


def test_after_reasons_only_a_line_that_says_it_is_the_answer_counts() -> None:
    asked = question(("A", "B"), reasoning=True)
    found = read_leniently("B is dull.\nThe answer is A", asked)
    assert (found.choice, found.reasoning) == ("left", "B is dull.")
    assert read_leniently("B is dull.\nImage A", asked).choice is None
