"""The schema of the trials table: its columns, vocabularies and ranges, and the one check that every table passes.

Session logs, ``*.trials.csv``, imported choices and a table given to `visavis.compare` are held against the same rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from .near import near_miss
from .text import bad_character

Side = Literal["left", "right"]

Choice = Literal["left", "right", "tie"]
"""An answer: the side that was chosen, or that both are equal."""

Outcome = Literal["choice", "tie", "refusal", "invalid", "truncated", "filtered", "error", "aborted"]
"""What came of a trial; what is not a choice is never made into one."""

ObserverKind = Literal["human", "vlm", "metric", "simulated"]
Phase = Literal["practice", "main", "catch"]
PresentationOrder = Literal["AB", "BA"]

OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
"""All outcomes; only ``choice`` and ``tie`` are answers."""

OBSERVER_KINDS: tuple[ObserverKind, ...] = get_args(ObserverKind)
PHASES: tuple[Phase, ...] = get_args(Phase)
CHOICES: tuple[Choice, ...] = get_args(Choice)

TEXT, INTEGER, NUMBER, TIME = "string", "Int64", "Float64", "datetime64[us, UTC]"

COLUMNS: dict[str, tuple[Any, str]] = {
    "experiment": (TEXT, "name of the experiment"),
    "definition_sha256": (TEXT, "hash of the definition that was run"),
    "session": (TEXT, "label of the session, unique for an observer"),
    "observer": (TEXT, "who answered"),
    "observer_kind": (TEXT, "human, vlm, metric or simulated"),
    "trial": (TEXT, "id of the trial, unique in a session"),
    "trial_index": (INTEGER, "position in the plan, from 0"),
    "block": (INTEGER, "number of the block, from 0"),
    "phase": (TEXT, "practice, main or catch; scaling reads main"),
    "attribute": (TEXT, "what was judged"),
    "scene": (TEXT, "scene of all stimuli shown"),
    "left": (TEXT, "rendition on the left, or shown first"),
    "right": (TEXT, "rendition on the right, or shown second"),
    "reference": (TEXT, "rendition shown as reference, if any"),
    "repetition": (INTEGER, "repetition of the pair, from 1"),
    "presentation_order": (TEXT, "AB if the rendition that comes first in the stimulus set was on the left, else BA"),
    "expected": (TEXT, "for a catch trial, the rendition that an attentive observer chooses"),
    "outcome": (TEXT, f"one of {', '.join(OUTCOMES)}"),
    "choice": (TEXT, "left, right or tie; missing where there was no choice"),
    "chosen": (TEXT, "rendition chosen; missing for a tie or no choice"),
    "p_left": (NUMBER, "probability of choosing left, in [0, 1], where it is real"),
    "response_time_s": (NUMBER, "seconds from onset to answer"),
    "onset": (TIME, "when the stimuli appeared or the request was sent"),
    "answered_at": (TIME, "when the answer came"),
    "attempts": (INTEGER, "how often the observer was asked until this outcome"),
    "provenance": (TEXT, "everything else that is known of the answer, as JSON"),
}
"""Every column of the trials table with its dtype and its meaning, in order."""

VOCABULARIES: dict[str, tuple[str, ...]] = {
    "observer_kind": OBSERVER_KINDS,
    "phase": PHASES,
    "presentation_order": get_args(PresentationOrder),
    "outcome": OUTCOMES,
    "choice": CHOICES,
}
"""What columns may hold."""

REQUIRED = (
    *("experiment", "definition_sha256", "session", "observer", "observer_kind"),
    *("trial", "trial_index", "block", "phase", "attribute", "scene", "left", "right", "repetition"),
    "presentation_order",
)
"""Columns that are missing in no row."""

IDENTITY = ("experiment", "observer", "session", "trial")
"""Columns that name a row; no two rows have the same."""

_NAMES = ("experiment", "session", "observer", "attribute", "scene", "left", "right", "reference", "expected")
_LEAST = {"trial_index": 0, "block": 0, "repetition": 1, "attempts": 1, "response_time_s": 0, "p_left": 0}

Rows = Callable[[Any], str]
"""Names a row by its index, such as ``line 7``."""


def check_trials(
    table: pd.DataFrame, *, required: Sequence[str] = (), unique: bool = True, row: Rows = "row {!r}".format
) -> None:
    """Hold a trials table against the schema; columns that it lacks are passed over unless they are required.

    Parameters
    ----------
    table : DataFrame
        Any dtypes; a missing value is NA, None or NaN.
    required : sequence of str
        Columns that must be there.
    unique : bool
        Whether every trial of a session may stand in one row alone.
    row : callable
        Names a row in messages by its index.

    Raises
    ------
    ValueError
        Naming the first row that breaks a rule, how many more do, and what it should hold.
    """
    _require_columns(table, required)
    for where, wrong in _broken(table, unique=unique):
        places = np.flatnonzero(np.asarray(wrong, dtype=bool))
        if len(places):
            more = f" (and {len(places) - 1} more)" if len(places) > 1 else ""
            raise ValueError(f"{row(table.index[places[0]])}: {where(table.iloc[places[0]])}{more}")


def _require_columns(table: pd.DataFrame, required: Sequence[str]) -> None:
    names = [str(name) for name in table.columns]
    doubled = sorted({name for name in names if name in COLUMNS and names.count(name) > 1})
    if doubled:
        raise ValueError(f"the trials table has the column(s) {', '.join(doubled)} twice: keep one of each")
    missing = [name for name in required if name not in table]
    if missing:
        near = {name: near_miss(name, [one for one in names if one not in COLUMNS]) for name in missing}
        hints = "; ".join(f"rename {there!r} to {name!r}" for name, there in near.items() if there is not None)
        raise ValueError(
            f"the trials table lacks the column(s) {', '.join(missing)}: "
            + (hints or f"it has {', '.join(names) or 'none'}")
        )


def _broken(table: pd.DataFrame, *, unique: bool) -> Iterator[tuple[Callable[[pd.Series], str], Any]]:
    """Yield, rule by rule, what to say of a row that breaks it, and which rows do."""
    there = {name: table[name] for name in COLUMNS if name in table}
    given = {name: column.notna().to_numpy(dtype=bool) for name, column in there.items()}
    for name in REQUIRED:
        if name in there:
            empty = ~given[name] | (there[name].astype(object) == "").to_numpy(dtype=bool)
            yield partial(_say, f"{name} is missing"), empty
    for name in _NAMES:
        if name in there:
            bad = [one for one in there[name].dropna().unique() if isinstance(one, str) and bad_character(one)]
            yield partial(_say_character, name), there[name].isin(bad)
    for name, allowed in VOCABULARIES.items():
        if name in there:
            strange = given[name] & ~there[name].isin(allowed).to_numpy(dtype=bool)
            yield partial(_say_not_among, name, allowed), strange
    for name, least in _LEAST.items():
        if name in there:
            number = pd.to_numeric(there[name], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
            most = 1 if name == "p_left" else np.finfo(float).max
            yield partial(_say_out_of_range, name, least), given[name] & ~((number >= least) & (number <= most))
    if {"left", "right"} <= there.keys():
        same = (there["left"].astype(object) == there["right"].astype(object)).to_numpy(dtype=bool)
        yield partial(_say, "left and right are both {left!r}"), same & given["left"]
    yield from _contradictions(there, given)
    if unique and set(IDENTITY) <= there.keys():
        yield (
            partial(_say, "trial {trial!r} of session {session!r} of {observer!r} occurs twice"),
            table.duplicated(list(IDENTITY)),
        )
    if {"experiment", "observer", "session", "observer_kind"} <= there.keys():
        kinds = table.groupby(["experiment", "observer", "session"], dropna=False)["observer_kind"].transform("nunique")
        yield partial(_say, "session {session!r} of {observer!r} has two observer_kinds"), kinds > 1


def _contradictions(
    there: dict[str, pd.Series], given: dict[str, Any]
) -> Iterator[tuple[Callable[[pd.Series], str], Any]]:
    """Yield the rules between outcome, choice, chosen and expected."""
    if "choice" not in there:
        return
    choice = there["choice"].astype(object).where(there["choice"].notna(), "")
    if "outcome" in there:
        outcome = there["outcome"].astype(object).where(there["outcome"].notna(), "")
        goes_with = outcome.map({"choice": "a side", "tie": "tie"}).fillna("")
        held = choice.map({"left": "a side", "right": "a side", "tie": "tie"}).fillna("")
        yield partial(_say, "outcome {outcome!r} does not go with choice {choice!r}"), goes_with != held
    if {"chosen", "left", "right"} <= there.keys():
        right = there["right"].astype(object).where(choice == "right", "")
        should = there["left"].astype(object).where(choice == "left", right)
        chosen = there["chosen"].astype(object).where(there["chosen"].notna(), "")
        yield partial(_say, "chosen is {chosen!r}, but choice is {choice!r}"), chosen != should
    if {"expected", "left", "right"} <= there.keys():
        expected = there["expected"].astype(object)
        neither = (expected != there["left"].astype(object)) & (expected != there["right"].astype(object))
        yield (
            partial(_say, "expected is {expected!r}, which is on neither side"),
            given["expected"] & neither.to_numpy(dtype=bool),
        )


def _say(text: str, row: pd.Series) -> str:
    return text.format(**{str(name): held for name, held in row.items()})


def _say_character(name: str, row: pd.Series) -> str:
    return f"{name} holds the character {bad_character(row[name])}: remove it"


def _say_not_among(name: str, allowed: Sequence[str], row: pd.Series) -> str:
    close = near_miss(row[name], allowed)
    hint = f": did you mean {close!r}?" if close else ""
    return f"{name} must be one of {', '.join(allowed)}, not {str(row[name])[:60]!r}{hint}"


def _say_out_of_range(name: str, least: int, row: pd.Series) -> str:
    limits = "in [0, 1]" if name == "p_left" else f"of at least {least}"
    return f"{name} must be a number {limits}, not {str(row[name])[:60]!r}"


def as_trials(table: pd.DataFrame, *, unique: bool = True, row: Rows = "row {!r}".format) -> pd.DataFrame:
    """Bring a table with the columns of `COLUMNS` into their order and dtypes, and hold it against the schema.

    Parameters are those of `check_trials`.

    Raises
    ------
    ValueError
        Naming the column that is missing, or the row and what it should hold.
    """
    check_trials(table, required=tuple(COLUMNS), unique=unique, row=row)
    return typed_trials(table)


def typed_trials(table: pd.DataFrame) -> pd.DataFrame:
    """Bring the columns of `COLUMNS` into their order and dtypes.

    Raises
    ------
    ValueError
        Naming the column that cannot be read.
    """
    columns = {}
    for name, (dtype, _) in COLUMNS.items():
        try:
            if dtype == TIME:
                columns[name] = pd.to_datetime(table[name], utc=True, format="ISO8601").astype(dtype)
            else:
                columns[name] = table[name].astype(dtype)
        except (ValueError, TypeError) as error:
            raise ValueError(f"column {name!r} cannot be read as {dtype}: {error}") from error
    return pd.DataFrame(columns)
