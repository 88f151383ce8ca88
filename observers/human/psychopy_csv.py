"""Sessions of people as CSV files with the columns that PsychoPy's users know."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from visavis.base.files import atomic_path, find_files
from visavis.experiments import SessionError, load_trials
from visavis.experiments.session import MANIFEST, read_manifest
from visavis.experiments.session_log import read_events

_OURS = ("trial", "phase", "block", "attribute", "scene", "left", "right", "reference", "repetition",
         "presentation_order", "expected", "outcome", "choice", "chosen")  # fmt: skip


def write_psychopy_csv(results: Path | str, folder: Path | str) -> list[Path]:
    """Write one CSV a session, named as PsychoPy names its own.

    Parameters
    ----------
    results : path
        Folder with sessions; those of people that hold answers are written.
    folder : path
        Gets ``PARTICIPANT_EXPERIMENT_DATE.csv``.

    Returns
    -------
    list of Path

    Raises
    ------
    SessionError
        If there are no sessions of people, or none holds an answer.
    """
    sessions = [file.parent for file in find_files(results, MANIFEST)]
    of_people = [session for session in sessions if read_manifest(session).observer_kind == "human"]
    if not of_people:
        raise SessionError(f"{results}: no session of a person found: run one, or choose another folder")
    answered = {session: trials for session in of_people if len(trials := load_trials(session))}
    if not answered:
        raise SessionError(f"{results}: the sessions of people hold no answers yet")
    return [_write(session, trials, Path(folder)) for session, trials in answered.items()]


def _write(session: Path, trials: pd.DataFrame, folder: Path) -> Path:
    manifest = read_manifest(session)
    starts = [event for event in read_events(session) if event["event"] == "start"]
    screen = (starts[-1].get("observer") or {}).get("screen") or {} if starts else {}
    known = [json.loads(text) if isinstance(text, str) else {} for text in trials["provenance"]]
    date = manifest.created_at[:19].replace(":", "h", 1).replace(":", ".").replace("T", "_")
    columns: dict[str, Any] = {
        "participant": manifest.observer,
        "session": manifest.session,
        "date": date,
        "expName": manifest.experiment,
        "psychopyVersion": screen.get("psychopy"),
        "frameRate": screen.get("refresh_hz"),
        "trials.thisN": range(len(trials)),
        "trials.thisTrialN": trials.groupby("repetition").cumcount(),
        "trials.thisRepN": trials["repetition"] - 1,
        "trials.thisIndex": trials["trial_index"],
        "key_resp.keys": [record.get("key") for record in known],
        "key_resp.rt": trials["response_time_s"],
        "key_resp.started": trials["onset"],
    }
    table = pd.DataFrame(columns | {name: trials[name] for name in _OURS})
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{session.parent.name}_{manifest.experiment}_{date}.csv"
    with atomic_path(path, durable=True) as aside:
        table.to_csv(aside, index=False, lineterminator="\n", encoding="utf-8-sig")
    return path
