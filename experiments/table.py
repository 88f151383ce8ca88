"""The trials table: one row a trial, alike for people and models, from any number of sessions."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from .plan import with_pairs
from .seam import OUTCOMES, UNSETTLED
from .session import MANIFEST, SessionError, read_manifest, read_plan
from .session_log import read_events, settle, take_pairs

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

TRIALS_SUFFIX = ".trials.csv"
"""End of the name of a file that holds a trials table whole."""

_TIMES = {name for name, (dtype, _) in COLUMNS.items() if dtype == TIME}
_FROM_RESPONSE = ("outcome", "choice", "p_left", "response_time_s", "onset", "answered_at", "attempts", "provenance")


def load_trials(
    folder: Path | str | Iterable[Path | str], *, unanswered: bool = False, every_response: bool = False
) -> pd.DataFrame:
    """Read every session in or below one or more folders, and every ``*.trials.csv``, into one table.

    Parameters
    ----------
    folder : path or iterable of paths
        A data folder, a session's folder, a ``*.trials.csv``, or several of them.
    unanswered : bool
        Whether to keep trials that were planned and not asked yet; their outcome is missing.
    every_response : bool
        Whether to give, in the order of the log, every response that a session holds, also those that gave way to a
        later one: what was spent, rather than what was answered. A ``*.trials.csv`` holds the standing ones alone.

    Returns
    -------
    DataFrame
        A row a trial with the columns and dtypes of `COLUMNS`, sorted by observer, session and trial index. A trial
        has one row however often it was asked; `Response.settled` answers stand, failures give way to later answers.
        With `every_response`, a row a response.

    Raises
    ------
    SessionError
        If there is no session, a session is damaged, or one session is found twice.
    """
    folders = [Path(folder)] if isinstance(folder, Path | str) else [Path(one) for one in folder]
    for one in folders:
        if not (one.is_dir() or (one.is_file() and one.name.endswith(TRIALS_SUFFIX))):
            raise SessionError(f"{one}: no such folder, nor a file *{TRIALS_SUFFIX}")
    found = sorted({manifest.parent.resolve() for one in folders for manifest in one.rglob(MANIFEST)})
    files = sorted(
        {file.resolve() for one in folders for file in ([one] if one.is_file() else one.rglob(f"*{TRIALS_SUFFIX}"))}
    )
    if not found and not files:
        names = ", ".join(str(one) for one in folders)
        raise SessionError(f"{names}: no sessions here (a session is a folder with a {MANIFEST}): run one first")
    tables: dict[tuple[str, str, str], pd.DataFrame] = {}
    where: dict[tuple[str, str, str], Path] = {}
    read = partial(_session_table, every_response=every_response)
    for one in (*found, *files):
        for identity, table in _whole_tables(one) if one in files else [read(one)]:
            if identity in tables:
                raise SessionError(
                    f"{one} and {where[identity]} are both session {identity[2]!r} of {identity[1]!r}: remove the copy"
                )
            tables[identity], where[identity] = table, one
    trials = pd.concat([tables[identity] for identity in sorted(tables)], ignore_index=True)
    if not unanswered:
        trials = trials[trials["outcome"].notna()].reset_index(drop=True)
    return trials


def _session_table(folder: Path, *, every_response: bool) -> tuple[tuple[str, str, str], pd.DataFrame]:
    manifest = read_manifest(folder)
    responses: dict[str, dict[str, Any]] = {}
    pairs: dict[int, dict[str, Any]] = {}
    events = read_events(folder)
    for event in events:
        settle(responses, event)
        take_pairs(pairs, event)
    plan = with_pairs(read_plan(folder, manifest), pairs)
    unknown = responses.keys() - set(plan["trial"])
    if unknown:
        raise SessionError(f"{folder}: the log answers a trial that is not in the plan: {min(unknown)!r}")
    answers = [responses.get(trial, {}) for trial in plan["trial"]]
    if every_response:
        answers = [event for event in events if event.get("event") == "response"]
        plan = plan.set_index("trial").loc[[answer["trial"] for answer in answers]].reset_index()
    columns: dict[str, Any] = {name: plan[name] for name in plan.columns}
    for name in ("experiment", "definition_sha256", "session", "observer", "observer_kind"):
        columns[name] = getattr(manifest, name)
    for name in _FROM_RESPONSE:
        columns[name] = [answer.get(name) for answer in answers]
    columns["provenance"] = [
        json.dumps(p, ensure_ascii=False) if p is not None else None for p in columns["provenance"]
    ]
    table = pd.DataFrame(columns)
    chosen = table["left"].where(table["choice"] == "left", table["right"])
    table["chosen"] = chosen.where(table["choice"].isin(["left", "right"]))
    return (manifest.experiment, manifest.observer, manifest.session), as_trials(table)


def _whole_tables(file: Path) -> list[tuple[tuple[str, str, str], pd.DataFrame]]:
    """Read the sessions of a file that holds a trials table."""
    try:
        raw = pd.read_csv(file, dtype="string", keep_default_na=False, na_values=[""], encoding="utf-8-sig")
        trials = as_trials(raw)
    except (OSError, ValueError) as error:
        raise SessionError(f"{file}: {error}") from error
    return [
        ((str(experiment), str(observer), str(session)), part)
        for (experiment, observer, session), part in trials.groupby(["experiment", "observer", "session"])
    ]


def session_status(trials: pd.DataFrame) -> pd.DataFrame:
    """Say how far each session has come.

    Parameters
    ----------
    trials : DataFrame
        From `load_trials` with ``unanswered=True``.

    Returns
    -------
    DataFrame
        A row a session: ``experiment, observer, observer_kind, session, planned, answered, state`` (complete,
        unfinished), ``last_answer`` and the number of trials for each outcome that occurs.
    """
    identity = ["experiment", "observer", "observer_kind", "session"]
    sessions = trials.assign(settled=trials["outcome"].notna() & ~trials["outcome"].isin(UNSETTLED)).groupby(identity)
    table = sessions.agg(planned=("trial", "size"), answered=("settled", "sum"), last_answer=("answered_at", "max"))
    table.insert(2, "state", (table["planned"] == table["answered"]).map({True: "complete", False: "unfinished"}))
    outcomes = trials.dropna(subset="outcome").groupby([*identity, "outcome"]).size().unstack(fill_value=0)
    return table.join(outcomes).reset_index()


def as_trials(table: pd.DataFrame) -> pd.DataFrame:
    """Bring a table with the columns of `COLUMNS` into their order and dtypes, and check them.

    Raises
    ------
    ValueError
        Naming the column that is missing, or that does not hold what it should.
    """
    missing = [name for name in COLUMNS if name not in table]
    if missing:
        raise ValueError(f"the trials table lacks the column(s) {', '.join(missing)}")
    columns = {}
    for name, (dtype, _) in COLUMNS.items():
        try:
            if name in _TIMES:
                columns[name] = pd.to_datetime(table[name], utc=True, format="ISO8601").astype(dtype)
            else:
                columns[name] = table[name].astype(dtype)
        except (ValueError, TypeError) as error:
            raise ValueError(f"column {name!r} cannot be read as {dtype}: {error}") from error
    return pd.DataFrame(columns)
