"""One form of text: NFC at every entrance, no invisible characters in names, nothing that moves a terminal."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_BAD_IN_NAMES = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060\u2066-\u2069\ufeff\ud800-\udfff]"
)


def nfc(text: str) -> str:
    """Return a text in Unicode's composed form, the one form in which names are kept and compared."""
    return unicodedata.normalize("NFC", text)


def bad_character(name: str) -> str | None:
    """Return the first character that a name must not have, as its code; None if there is none.

    Control characters, those that cannot be seen (such as a zero-width space) or turn the direction of writing, and
    halves of characters (lone surrogates).
    """
    found = _BAD_IN_NAMES.search(name)
    return None if found is None else f"U+{ord(found.group()):04X}"


def printable(text: str) -> str:
    r"""Return a text that moves no terminal and fits any encoding: other characters as ``\x1b`` or ``\ud83d``."""
    return _UNSAFE.sub(lambda found: found.group().encode("unicode_escape", "surrogatepass").decode("ascii"), text)


def without_surrogates(value: Any) -> Any:
    r"""Return JSON values with the halves of characters, which UTF-8 cannot hold, written out as ``\ud83d``."""
    if isinstance(value, str):
        return _SURROGATE.sub(lambda found: f"\\u{ord(found.group()):04x}", value)
    if isinstance(value, Mapping):
        return {without_surrogates(key): without_surrogates(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [without_surrogates(one) for one in value]
    return value
