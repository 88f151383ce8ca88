"""What in a folder could say who took part: looked for before it is published."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from visavis.base.files import find_files
from visavis.base.text import printable
from visavis.experiments.bids_sources import PARTICIPANT
from visavis.observers.human.participant import identities_folder

_EMAIL = re.compile(rb"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+\.[A-Za-z]{2,}")
_TELEPHONE = re.compile(r"\+?\d[\d ()/-]{7,}\d")
_LIKE_A_NAME = re.compile(r"[^\W\d_]{2,}\.?(?:[ ,.-]+[^\W\d_]+\.?)+|[A-ZÀ-Þ][a-zß-ÿ]{2,}")
_TEXTS = {".tsv", ".csv", ".json", ".jsonl", ".yaml", ".txt", ""}
_FREE_WORDS = 4
_SHORTEST = 3


def identity_findings(folder: Path, results: Path, trials: pd.DataFrame) -> Iterator[str]:
    """Yield what in a folder may identify a person, each with the place and the remedy.

    Parameters
    ----------
    folder : path
        With what is to be published.
    results : path
        The data folder; what was said to identify people lies beside it, and must occur nowhere.
    trials : DataFrame
        Whose human observers' names are looked at.
    """
    people = trials.loc[trials["observer_kind"] == "human", "observer"].drop_duplicates()
    for name in people:
        if "@" in name or _LIKE_A_NAME.fullmatch(name):
            yield f"the observer {name!r} looks like a person's name: give people codes, such as P01"
    files = [file for file in find_files(folder, "*") if file.suffix.casefold() in _TEXTS]
    known = _known(results)
    for file in files:
        content = file.read_bytes()
        place = file.relative_to(folder).as_posix()
        found = _EMAIL.search(content)
        if found:
            yield f"{place}: holds the e-mail address {printable(found[0].decode())}: take it out"
        text = content.decode("utf-8", "replace").casefold() if known else ""
        for value, field in known.items():
            if re.search(rf"(?<!\w){re.escape(value)}(?!\w)", text):
                yield f"{place}: holds an answer to {field!r}, which the definition says identifies people: take it out"
        if file.name == PARTICIPANT:
            yield from _free_text(place, content)


def _known(results: Path) -> dict[str, str]:
    """Return the answers that identify, in small letters, and the question of each."""
    known: dict[str, str] = {}
    for file in find_files(identities_folder(results / "x" / "1"), "*.json"):
        try:
            answers = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        for field, value in answers.items() if isinstance(answers, dict) else ():
            if isinstance(value, str) and len(value.strip()) >= _SHORTEST:
                known[value.strip().casefold()] = str(field)
    return known


def _free_text(place: str, content: bytes) -> Iterator[str]:
    try:
        answers: Any = json.loads(content)["answers"]
    except (ValueError, KeyError, TypeError):
        return
    for field, value in answers.items():
        if not isinstance(value, str):
            continue
        if _TELEPHONE.search(value):
            yield f"{place}: the answer to {field!r} looks like a telephone number: take it out"
        elif len(value.split()) >= _FREE_WORDS:
            yield f"{place}: the answer to {field!r} is free text ({printable(value)[:40]!r}): read it"
