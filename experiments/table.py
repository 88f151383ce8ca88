"""The trials table: one row a trial, alike for people and models, from any number of sessions."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import pandas as pd

from visavis.base.files import find_files
from visavis.base.tables import TableError, read_table
from visavis.base.trials import COLUMNS as COLUMNS
from visavis.base.trials import INTEGER as INTEGER
from visavis.base.trials import NUMBER as NUMBER
from visavis.base.trials import TIME as TIME
from visavis.base.trials import as_trials as as_trials
from visavis.base.trials import typed_trials

from .seam import UNSETTLED
from .session import MANIFEST, SessionError
from .session_columns import SessionColumns, in_chunks, read_columns

TRIALS_SUFFIX = ".trials.csv"
"""End of the name of a file that holds a trials table whole."""

_CHUNK = 50_000
"""So many rows become a table at once: enough for columns to be fast, few enough for memory to stay flat."""

Identity = tuple[str, str, str]
"""Experiment, observer, session."""


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
    found, files = find_sessions(folder)
    where: dict[Identity, Path] = {}
    unreadable: list[SessionError] = []

    def first(identity: Identity, one: Path) -> Identity:
        if identity in where:
            raise SessionError(
                f"{one} and {where[identity]} are both session {identity[2]!r} of {identity[1]!r}: remove the copy"
            )
        where[identity] = one
        return identity

    def leave_out(error: SessionError) -> None:
        if strict:
            raise error
        unreadable.append(error)

    tables: list[pd.DataFrame] = []
    rows: dict[Identity, tuple[int, int, int]] = {}
    for chunk in in_chunks(_readable(found, leave_out, unanswered, every_response), _CHUNK):
        for table, sessions in _typed(chunk, leave_out):
            begin = 0
            for session in sessions:
                rows[first(session.identity, session.folder)] = len(tables), begin, (begin := begin + len(session))
            tables.append(table)
    for file in files:
        try:
            parts = _whole_tables(file)
        except SessionError as error:
            leave_out(error)
            continue
        for identity, part in parts:
            rows[first(identity, file)] = len(tables), 0, len(part)
            tables.append(part if unanswered else part[part["outcome"].notna()])
    if not rows:
        raise unreadable[0]
    for reason in unreadable:
        warn(f"left out: {reason}")
    if list(rows) != sorted(rows):
        tables = [tables[number].iloc[begin:end] for _, (number, begin, end) in sorted(rows.items())]
    return pd.concat(tables, ignore_index=True) if len(tables) > 1 else tables[0].reset_index(drop=True)


def find_sessions(folder: Path | str | Iterable[Path | str]) -> tuple[list[Path], list[Path]]:
    """Return the folders of sessions, and the ``*.trials.csv``, in or below one or more folders.

    Raises
    ------
    SessionError
        If there is none.
    """
    folders = [Path(folder)] if isinstance(folder, Path | str) else [Path(one) for one in folder]
    for one in folders:
        if not (one.is_dir() or (one.is_file() and one.name.endswith(TRIALS_SUFFIX))):
            raise SessionError(f"{one}: no such folder, nor a file *{TRIALS_SUFFIX}")
    found = sorted({manifest.parent.resolve() for one in folders for manifest in find_files(one, MANIFEST)})
    files = sorted(
        {
            file.resolve()
            for one in folders
            for file in ([one] if one.is_file() else find_files(one, f"*{TRIALS_SUFFIX}"))
        }
    )
    if not found and not files:
        names = ", ".join(str(one) for one in folders)
        raise SessionError(f"{names}: no sessions here (a session is a folder with a {MANIFEST}): run one first")
    return found, files


def _readable(
    folders: Iterable[Path], leave_out: Callable[[SessionError], None], unanswered: bool, every_response: bool
) -> Iterator[SessionColumns]:
    for folder in folders:
        try:
            yield read_columns(folder, unanswered=unanswered, every_response=every_response)
        except SessionError as error:
            leave_out(error)


def _typed(
    sessions: Sequence[SessionColumns], leave_out: Callable[[SessionError], None]
) -> Iterator[tuple[pd.DataFrame, Sequence[SessionColumns]]]:
    """Make one table of the rows of several sessions; where that cannot be, of those of each that can be read."""
    columns = {name: list(chain.from_iterable(one.columns[name] for one in sessions)) for name in COLUMNS}
    try:
        yield typed_trials(pd.DataFrame(columns, dtype=object)), sessions
    except ValueError as error:
        if len(sessions) == 1:
            leave_out(SessionError(f"{sessions[0].folder}: {error}: restore it from a copy"))
        else:
            for one in sessions:
                yield from _typed([one], leave_out)


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
