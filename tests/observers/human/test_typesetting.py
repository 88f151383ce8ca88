"""Lines and pages, with letters that are all one wide."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from visavis.observers.human.typesetting import needs_shaping, pages, wrapped

CHINESE = "在本实验中，您每次会看到同一场景的“两张”图片（JPEG 文件）。答案没有对错之分。请仔细观看！"
FIXED_TEXTS = st.text(st.sampled_from("abc ,.\n您每次会看到，。（）“”"), max_size=80)


def test_lines_end_at_spaces() -> None:
    assert wrapped("the quick brown fox", 10, len) == "the quick\nbrown fox"
    assert wrapped("one\n\ntwo", 10, len) == "one\n\ntwo"


def test_a_word_wider_than_the_line_is_broken_anywhere() -> None:
    assert wrapped("an incomprehensibility", 6, len) == "an\nincomp\nrehens\nibilit\ny"


def test_chinese_is_broken_between_its_characters_and_keeps_its_punctuation() -> None:
    for width in range(8, 20):
        lines = wrapped(CHINESE, width, len).split("\n")
        assert all(len(line) <= width for line in lines)
        assert not any(line[0] in "，。”）！" or line[-1] in "“（" for line in lines)
        assert sum(map(len, lines)) >= len(CHINESE) - CHINESE.count(" ")


@given(FIXED_TEXTS, st.integers(4, 20))
def test_nothing_is_lost_and_no_line_is_too_long(text: str, width: int) -> None:
    lines = wrapped(text, width, len)
    assert [c for c in lines if not c.isspace()] == [c for c in text if not c.isspace()]
    assert all(len(line.rstrip()) <= width for line in lines.split("\n"))


def test_accents_typed_apart_become_one_letter() -> None:
    assert wrapped(unicodedata.normalize("NFD", "höheren"), 50, len) == "höheren"
    assert needs_shaping(unicodedata.normalize("NFD", "höheren")) == ""


def test_what_cannot_be_drawn_letter_by_letter_is_told() -> None:
    assert needs_shaping("أي صورة") != ""
    assert needs_shaping("कौन") != ""
    assert needs_shaping("Which? 哪张 Welches höher") == ""


def test_pages_are_as_few_as_there_may_be() -> None:
    assert pages(["aaa", "bbb", "ccc"], lambda text: len(text) <= 8) == ["aaa\n\nbbb", "ccc"]


def test_a_paragraph_longer_than_a_page_goes_on_after_a_sentence() -> None:
    assert pages(["One. Two. Three."], lambda text: len(text) <= 9) == ["One. Two.", "Three."]
    assert pages(["一。二。三。"], lambda text: len(text) <= 4) == ["一。二。", "三。"]


@given(st.lists(st.text(st.sampled_from("ab. 。\n"), min_size=1, max_size=30)), st.integers(1, 40))
def test_pages_lose_nothing(paragraphs: list[str], room: int) -> None:
    divided = pages(paragraphs, lambda text: len(text) <= room)
    assert "".join("".join(divided).split()) == "".join("".join(paragraphs).split())
