"""How far sessions have come, from what the end of each log says; a log that says nothing there is read whole."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from .seam import UNSETTLED
from .session import SessionError, read_manifest
from .session_columns import read_columns
from .session_log import last_event
from .table import find_sessions, load_trials, session_status

IDENTITY = ["experiment", "observer", "observer_kind", "session"]


def standing(planned: int, responses: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Say how far a session has come, as the event at its end does.

    Parameters
    ----------
    planned : int
        Trials of the plan.
    responses : iterable of mappings
        The standing response of each trial that has one.

    Returns
    -------
    dict
        ``planned``; ``outcomes``, the number of trials by outcome; ``last_answer``, a time in ISO 8601 or None.
    """
    outcomes: Counter[str] = Counter()
    last: str | None = None
    for response in responses:
        outcomes[response["outcome"]] += 1
        at = response.get("answered_at")
        if at is not None and (last is None or datetime.fromisoformat(at) > datetime.fromisoformat(last)):
            last = at
    return {"planned": planned, "outcomes": dict(sorted(outcomes.items())), "last_answer": last}


def read_status(
    folder: Path | str | Iterable[Path | str], *, strict: bool = False, warn: Callable[[str], None] = warnings.warn
) -> pd.DataFrame:
    """Say how far each session in or below one or more folders has come.

    Its log's last line says so where the session's run has ended; only the logs of others are read whole.

    Parameters
    ----------
    folder, strict, warn
        As for `load_trials`.

    Returns
    -------
    DataFrame
        As `session_status`.

    Raises
    ------
    SessionError
        As `load_trials`.
    """
    found, files = find_sessions(folder)
    rows: dict[tuple[str, str, str], dict[str, Any]] = {}
    unreadable: list[SessionError] = []
    for one in (*found, *files):
        try:
            read = _of_file(one) if one in files else [_of_session(one)]
        except SessionError as error:
            if strict:
                raise
            unreadable.append(error)
            continue
        for row in read:
            identity = row["experiment"], row["observer"], row["session"]
            if identity in rows:
                raise SessionError(f"{one}: session {identity[2]!r} of {identity[1]!r} is found twice: remove the copy")
            rows[identity] = row
    if not rows:
        raise unreadable[0]
    for reason in unreadable:
        warn(f"left out: {reason}")
    table = pd.DataFrame(rows.values())
    first = [*IDENTITY, "planned", "answered", "state", "last_answer"]
    outcomes = sorted(set(table.columns) - set(first))
    table["last_answer"] = pd.to_datetime(table["last_answer"], utc=True, format="ISO8601").dt.as_unit("us")
    for name in IDENTITY:
        table[name] = pd.array(table[name].tolist(), dtype="string")
    table[outcomes] = table[outcomes].fillna(0).astype(int)
    return table[[*first, *outcomes]].sort_values(IDENTITY, ignore_index=True)


def _of_session(folder: Path) -> dict[str, Any]:
    manifest = read_manifest(folder)
    event = last_event(folder)
    found = event.get("standing") if event is not None and event["event"] == "stop" else None
    if not isinstance(found, dict):
        columns = read_columns(folder).columns
        ends = zip(columns["outcome"], columns["answered_at"], strict=True)
        given = [{"outcome": outcome, "answered_at": at} for outcome, at in ends if outcome is not None]
        found = standing(len(columns["trial"]), given)
    outcomes = found["outcomes"]
    answered = sum(count for outcome, count in outcomes.items() if outcome not in UNSETTLED)
    return {
        **{name: getattr(manifest, name) for name in IDENTITY},
        "planned": found["planned"],
        "answered": answered,
        "state": "complete" if answered == found["planned"] else "unfinished",
        "last_answer": found["last_answer"],
        **outcomes,
    }


def _of_file(file: Path) -> list[dict[str, Any]]:
    table = session_status(load_trials(file, unanswered=True, strict=True))
    table["last_answer"] = [None if pd.isna(at) else at.isoformat() for at in table["last_answer"]]
    return table.to_dict("records")  # type: ignore[return-value]
