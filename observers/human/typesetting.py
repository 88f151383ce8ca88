"""Texts broken into lines and divided into pages, whatever script they are written in."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable

_WIDE = r"\u2e80-\u2fdf\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_CLOSING = "、。〉》」』】〕’”…！），．：；？｝"
_OPENING = "〈《「『【〔‘“（｛"
_BREAK = re.compile(
    rf"(?<=\s)(?=\S)|(?<=[{_WIDE}{_CLOSING}])(?=[{_WIDE}{_OPENING}])"  # after a space, between two wide characters,
    rf"|(?<=[{_WIDE}{_CLOSING}])(?=[0-9A-Za-z])|(?<=[0-9A-Za-z])(?=[{_WIDE}{_OPENING}])"  # and to other scripts
)
_SENTENCE = re.compile(r"(?<=[.!?…])(?=\s)|(?<=[。！？])|(?=\n)")


def wrapped(text: str, width: float, advance: Callable[[str], float]) -> str:
    """Break a text into lines: at spaces, and between the characters of Chinese and Japanese.

    No line begins with closing punctuation or ends with opening. Letters and their accents become one character where
    Unicode has it (NFC), since they are drawn one by one.

    Parameters
    ----------
    text : str
        Its own line breaks stay.
    width : float
        Of the longest line; a word that is wider is broken anywhere.
    advance : callable
        Width of a text on one line.
    """
    lines: list[str] = []
    for paragraph in unicodedata.normalize("NFC", text).split("\n"):
        line = ""
        for piece in _BREAK.split(paragraph):
            if line and advance((line + piece).rstrip()) > width:
                lines.append(line.rstrip())
                line = ""
            for character in piece if advance(piece.rstrip()) > width else [piece]:
                if line and advance((line + character).rstrip()) > width:
                    lines.append(line)
                    line = ""
                line += character
        lines.append(line.rstrip())
    return "\n".join(lines)


def needs_shaping(text: str) -> str:
    """Return the characters of a text that cannot be drawn one by one from left to right, such as Arabic's."""
    composed = unicodedata.normalize("NFC", text)
    return "".join(
        sorted(
            {
                character
                for character in composed
                if unicodedata.bidirectional(character) in {"R", "AL"}
                or unicodedata.category(character) in {"Mn", "Mc"}
            }
        )
    )


def pages(paragraphs: Iterable[str], fits: Callable[[str], bool]) -> list[str]:
    """Divide paragraphs into pages, as few as there may be; what is too long for a page goes on after a sentence.

    Parameters
    ----------
    paragraphs : iterable of str
    fits : callable
        Whether a page has room for a text.

    Returns
    -------
    list of str
        A single sentence may still not fit.
    """
    made: list[str] = []
    page = ""
    for paragraph in paragraphs:
        pieces = [paragraph] if fits(paragraph) else [piece for piece in _SENTENCE.split(paragraph) if piece.strip()]
        gap = "\n\n"
        for piece in pieces:
            longer = page + gap + piece if page else piece.strip()
            if page and not fits(longer):
                made.append(page)
                longer = piece.strip()
            page, gap = longer, ""
    return [*made, page] if page else made
