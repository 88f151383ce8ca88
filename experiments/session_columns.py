"""The answers of a session as columns: read in one pass, provenance kept as the text that it is in the log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .plan import plan_columns, with_pairs
from .session import Manifest, SessionError, read_manifest, read_plan, read_plan_text
from .session_log import read_lines, settle, take_pairs

FROM_MANIFEST = ("experiment", "definition_sha256", "session", "observer", "observer_kind")
FROM_RESPONSE = ("outcome", "choice", "p_left", "response_time_s", "onset", "answered_at", "attempts", "provenance")


@dataclass(frozen=True)
class SessionColumns:
    """What was planned and answered in one session, a row a trial.

    Attributes
    ----------
    folder : Path
    manifest : Manifest
    columns : dict of lists
        The columns of the trials table, by name; None where something is missing.
    """

    folder: Path
    manifest: Manifest
    columns: dict[str, list[Any]]

    @property
    def identity(self) -> tuple[str, str, str]:
        """Experiment, observer and session."""
        return self.manifest.experiment, self.manifest.observer, self.manifest.session

    def __len__(self) -> int:
        return len(self.columns["trial"])


def read_columns(folder: Path, *, unanswered: bool = True, every_response: bool = False) -> SessionColumns:
    """Read one session; parameters are those of `load_trials`.

    Raises
    ------
    SessionError
        If the session is damaged.
    """
    manifest = read_manifest(folder)
    responses: dict[str, dict[str, Any]] = {}
    pairs: dict[int, dict[str, Any]] = {}
    every: list[dict[str, Any]] = []
    for event in read_lines(folder, texts=True):
        if every_response and event["event"] == "response":
            every.append(event)
        settle(responses, event)
        take_pairs(pairs, event)
    plan = _plan(folder, manifest, pairs)
    place = {trial: row for row, trial in enumerate(plan["trial"])}
    unknown = responses.keys() - place.keys()
    if unknown:
        raise SessionError(
            f"{folder}: the log answers a trial that is not in the plan: {min(unknown)!r}: restore it from a copy"
        )
    if every_response:
        answers = every
    else:
        answers = [responses.get(trial, {}) for trial in plan["trial"] if unanswered or trial in responses]
    if every_response or len(answers) < len(place):
        rows = [place[answer["trial"]] for answer in answers]
        plan = {name: [values[row] for row in rows] for name, values in plan.items()}
    columns = plan
    columns |= {name: [getattr(manifest, name)] * len(answers) for name in FROM_MANIFEST}
    columns |= {name: [answer.get(name) for answer in answers] for name in FROM_RESPONSE}
    columns["chosen"] = [
        left if choice == "left" else right if choice == "right" else None
        for choice, left, right in zip(columns["choice"], columns["left"], columns["right"], strict=True)
    ]
    return SessionColumns(folder, manifest, columns)


def _plan(folder: Path, manifest: Manifest, pairs: dict[int, dict[str, Any]]) -> dict[str, list[Any]]:
    if not pairs:
        return plan_columns(read_plan_text(folder, manifest))
    plan = read_plan(folder, manifest)
    if not pairs.keys() <= set(plan["trial_index"]):
        raise SessionError(
            f"{folder}: the log chooses pairs for trials that are not in the plan: restore it from a copy"
        )
    frame = with_pairs(plan, pairs)
    return {str(name): column.astype(object).where(column.notna(), None).tolist() for name, column in frame.items()}


def in_chunks(sessions: Iterable[SessionColumns], rows: int) -> Iterator[list[SessionColumns]]:
    """Yield sessions in lists of at least so many rows, but for the last."""
    chunk: list[SessionColumns] = []
    for session in sessions:
        chunk.append(session)
        if sum(map(len, chunk)) >= rows:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
