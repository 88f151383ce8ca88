"""One vocabulary: the words that the glossary retires occur in no name, message or docstring."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("experiments", "interface", "observers", "scaling", "stimuli")
ALLOWED = re.compile(r"there (is|are) no\b|told (apart|from)\b|(is|are) no (less|more|better|worse)\b", re.IGNORECASE)


def retired_words() -> list[str]:
    section = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8").partition("## Words that are not used")[2]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| ")][1:]
    return [word.strip() for cell in cells for word in cell.split(",")]


def occurrences(text: str) -> list[str]:
    """Return each retired word in a text with its line."""
    word = re.compile("|".join(rf"(?<![a-z]){re.escape(word)}(?![a-z])" for word in retired_words()), re.IGNORECASE)
    lines = enumerate(ALLOWED.sub("", text).splitlines(), start=1)
    return [f"line {number}: {found.group()}" for number, line in lines for found in word.finditer(line)]


def test_a_retired_word_is_found_in_any_spelling() -> None:
    assert occurrences("x\nclass Told:  # the key is no key, there is no key") == ["line 2: Told", "line 2: is no"]
    assert occurrences("toldness; the stranger; is not") == []


@pytest.mark.parametrize("room", ROOMS)
def test_retired_words_do_not_come_back(room: str) -> None:
    files = sorted(set((ROOT / room).rglob("*.py")) - {ROOT / "observers" / "api" / "batch_store.py"})  # former names
    assert files
    found = {str(file): occurrences(file.read_text(encoding="utf-8")) for file in files}
    assert {file: words for file, words in found.items() if words} == {}
