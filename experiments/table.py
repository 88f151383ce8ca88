"""The trials table: one row a trial, alike for people and models, from any number of sessions."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from visavis.base.tables import TableError, read_table
from visavis.base.trials import COLUMNS as COLUMNS
from visavis.base.trials import INTEGER as INTEGER
from visavis.base.trials import NUMBER as NUMBER
from visavis.base.trials import TIME as TIME
from visavis.base.trials import as_trials as as_trials
from visavis.base.trials import typed_trials

from .plan import with_pairs
from .seam import UNSETTLED
from .session import MANIFEST, SessionError, read_manifest, read_plan
from .session_log import read_events, settle, take_pairs

TRIALS_SUFFIX = ".trials.csv"
"""End of the name of a file that holds a trials table whole."""

_FROM_RESPONSE = ("outcome", "choice", "p_left", "response_time_s", "onset", "answered_at", "attempts", "provenance")


def load_trials(
    folder: Path | str | Iterable[Path | str],
    *,
    unanswered: bool = False,
    every_response: bool = False,
    strict: bool = False,
    warn: Callable[[str], None] = warnings.warn,
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
    strict : bool
        Whether one session that cannot be read stops everything; otherwise it is left out by name, with a warning.
    warn : callable
        Called with what is left out, and why.

    Returns
    -------
    DataFrame
        A row a trial with the columns and dtypes of `COLUMNS`, sorted by observer, session and trial index. A trial
        has one row however often it was asked; `Response.settled` answers stand, failures give way to later answers.
        With `every_response`, a row a response.

    Raises
    ------
    SessionError
        If there is no session that can be read, one session is found twice, or, with `strict`, a session is damaged.
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
    unreadable: list[SessionError] = []
    for one in (*found, *files):
        try:
            parts = _whole_tables(one) if one in files else [_session_table(one, every_response=every_response)]
        except SessionError as error:
            if strict:
                raise
            unreadable.append(error)
            continue
        for identity, table in parts:
            if identity in tables:
                raise SessionError(
                    f"{one} and {where[identity]} are both session {identity[2]!r} of {identity[1]!r}: remove the copy"
                )
            tables[identity], where[identity] = table, one
    if not tables:
        raise unreadable[0]
    for reason in unreadable:
        warn(f"left out: {reason}")
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
    plan = read_plan(folder, manifest)
    if not pairs.keys() <= set(plan["trial_index"]):
        raise SessionError(
            f"{folder}: the log chooses pairs for trials that are not in the plan: restore it from a copy"
        )
    plan = with_pairs(plan, pairs)
    unknown = responses.keys() - set(plan["trial"])
    if unknown:
        raise SessionError(
            f"{folder}: the log answers a trial that is not in the plan: {min(unknown)!r}: restore it from a copy"
        )
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
    try:
        return (manifest.experiment, manifest.observer, manifest.session), typed_trials(table)
    except ValueError as error:
        raise SessionError(f"{folder}: {error}: restore it from a copy") from error


def _whole_tables(file: Path) -> list[tuple[tuple[str, str, str], pd.DataFrame]]:
    """Read the sessions of a file that holds a trials table."""
    try:
        table = read_table(file.read_bytes(), expected=COLUMNS)
        raw = table.frame.rename(columns={there: name for name in COLUMNS if (there := table.find(name)) is not None})
        trials = as_trials(raw.mask(raw == ""), row="line {}".format)
        _check_provenance(trials["provenance"])
    except OSError as error:
        raise SessionError(f"{file}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise SessionError(f"{file}: {error}") from error
    return [
        ((str(experiment), str(observer), str(session)), part)
        for (experiment, observer, session), part in trials.groupby(["experiment", "observer", "session"])
    ]


def _check_provenance(texts: pd.Series) -> None:
    """Refuse what is not a JSON object."""
    for line, text in texts.dropna().items():
        try:
            whole = isinstance(json.loads(text), dict)
        except (ValueError, RecursionError):
            whole = False
        if not whole:
            raise TableError(f"line {line}: provenance must be a JSON object, not {text[:60]!r}")


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
