"""One form of text."""

from __future__ import annotations

import pytest

from visavis.base.near import did_you_mean, near_miss
from visavis.base.text import bad_character, nfc, printable, without_surrogates


def test_composed_and_decomposed_letters_become_one() -> None:
    assert nfc("Ga\u0308rten") == nfc("Gärten") == "Gärten"


@pytest.mark.parametrize("name", ["a\x1b[31mb", "a\tb", "a\nb", "a\u200bb", "a\u202eb", "a\ud83d", "\ufeffa", "a\x85"])
def test_characters_that_names_must_not_have(name: str) -> None:
    assert bad_character(name)
    assert bad_character("Gärten 花園 👍🏽 a–b 'c'") is None


def test_nothing_that_moves_a_terminal_is_printed() -> None:
    assert printable("a\x1b[31m\x07\ud83d\u202e") == "a\\x1b[31m\\x07\\ud83d\\u202e"
    assert printable("two\nlines\tand ünï 👍") == "two\nlines\tand ünï 👍"


def test_halves_of_characters_are_written_out_in_all_values() -> None:
    assert without_surrogates({"a\ud83d": ["\udc80", 1, None]}) == {"a\\ud83d": ["\\udc80", 1, None]}


@pytest.mark.parametrize("name", ["Harbour", "harbour ", "ｈarbour", "har\u200bbour", "harbur"])
def test_near_misses_are_found(name: str) -> None:
    assert near_miss(name, ["garden", "harbour"]) == "harbour"
    assert did_you_mean(name, ["garden", "harbour"]) == "did you mean 'harbour'?"


def test_what_is_far_from_everything_gets_the_list() -> None:
    assert did_you_mean("xyz", ["garden", "harbour"]) == "choose from garden, harbour"
    assert did_you_mean("xyz", []) == "there are none"
