"""The trials as a BIDS dataset of behaviour (specification 1.10): a subject an observer."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from visavis.base.files import atomic_folder

from .bids_sources import conditions, copy_imported, copy_sources, participants, sessions_below, stimuli
from .session import SessionError
from .table import COLUMNS, INTEGER, NUMBER, TIME

BIDS_VERSION = "1.10.0"

_LEVELS = {
    "phase": {
        "practice": "before the experiment, not scaled",
        "main": "the experiment",
        "catch": "a pair whose answer is known",
    },
    "presentation_order": {
        "AB": "the rendition that comes first in the stimulus set was on the left",
        "BA": "it was on the right",
    },
    "outcome": {
        "choice": "one image was chosen",
        "tie": "no difference was seen",
        "refusal": "the observer declined",
        "invalid": "the reply was no answer",
        "truncated": "the reply was cut off",
        "filtered": "the reply was withheld by a filter",
        "error": "no answer came",
        "aborted": "the trial was broken off",
    },
    "choice": {"left": "left, or first", "right": "right, or second", "tie": "no difference"},
}
_UNITS = {"response_time_s": "s"}
_SPELT = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss", "æ": "ae", "Æ": "Ae", "ø": "oe",
     "Ø": "Oe", "ł": "l", "Ł": "L"}
)  # fmt: skip
_IDENTITY = ("experiment", "observer", "observer_kind", "session")


def write_bids(
    trials: pd.DataFrame,
    folder: Path | str,
    *,
    results: Path | str | None = None,
    authors: Sequence[str] = (),
    licence: str = "",
) -> Path:
    """Write trials as a BIDS dataset.

    Parameters
    ----------
    trials : DataFrame
        From `load_trials`.
    folder : path
        New or empty.
    results : path, optional
        The data folder that `trials` come from. With it ``sourcedata/`` holds the sessions' files as they were written
        and files of choices made elsewhere, ``stimuli/stimuli.tsv`` the images and their hashes, ``participants.tsv``
        what people answered on the form, and each person's sidecar the screen and the viewing conditions; what
        identifies people is not among it, since it is kept elsewhere.
    authors : sequence of str
    licence : str
        Such as ``CC0`` or ``CC-BY-4.0``; without it the dataset says that none is stated.

    Returns
    -------
    Path
        The folder: ``participants.tsv`` with the observers' names and kinds, and for each subject and session
        ``sub-…/ses-…/beh/sub-…_ses-…_task-…_beh.tsv``, every column described in a JSON sidecar.

    Raises
    ------
    SessionError
        If the folder holds something already, or cannot be written.
    """
    folder = Path(folder)
    if results is not None and folder.resolve().is_relative_to(Path(results).resolve()):
        raise SessionError(f"{folder}: lies within {results}, where its copies would be read as data: name another")
    if folder.exists() and any(folder.iterdir()):
        raise SessionError(f"{folder}: is not empty: name a new folder for the dataset")
    sessions = sessions_below(results)
    observers = trials[["observer", "observer_kind"]].drop_duplicates("observer").sort_values("observer")
    labels = _labels(observers["observer"].tolist())
    tasks = _labels(sorted(set(trials["experiment"])))
    visits = {
        str(observer): _labels(sorted(set(part["session"])))
        for observer, part in trials.groupby("observer")  # sessions of one observer are distinguished
    }
    try:
        with atomic_folder(folder, durable=True) as aside:
            _write_head(trials, aside, authors, licence)
            table, described = participants(observers, labels, sessions)
            _write_table(table, aside / "participants.tsv")
            _write_json(described, aside / "participants.json")
            if sessions:
                table, described = stimuli(sessions)
                (aside / "stimuli").mkdir()
                _write_table(table, aside / "stimuli" / "stimuli.tsv")
                _write_json(described, aside / "stimuli" / "stimuli.json")
            seen: dict[tuple[str, str, str], dict[str, Any]] = {}
            for source, manifest in sessions.items():
                visit = visits.get(manifest.observer, {}).get(manifest.session)
                if visit is not None and manifest.experiment in tasks:
                    place = Path(
                        f"sub-{labels[manifest.observer]}", f"ses-{visit}", f"task-{tasks[manifest.experiment]}"
                    )
                    copy_sources(source, aside / "sourcedata" / place)
                    seen[manifest.experiment, manifest.observer, manifest.session] = conditions(source)
            if results is not None:
                shared = trials[["experiment", "observer", "session"]].drop_duplicates()
                place = aside / "sourcedata" / "imported"
                copy_imported(Path(results), place, set(shared.itertuples(index=False, name=None)))
            for key, part in trials.groupby(["experiment", "observer", "session"]):
                experiment, observer, session = map(str, key)
                subject, visit = f"sub-{labels[observer]}", f"ses-{visits[observer][session]}"
                name = f"{subject}_{visit}_task-{tasks[experiment]}_beh"
                place = aside / subject / visit / "beh"
                place.mkdir(parents=True, exist_ok=True)
                _write_table(part.drop(columns=list(_IDENTITY)), place / f"{name}.tsv")
                conditioned = seen.get((experiment, observer, session), {})
                _write_json(_describe(experiment) | conditioned, place / f"{name}.json")
    except OSError as error:
        raise SessionError(f"{folder}: the dataset cannot be written ({error.strerror})") from error
    return folder


def _write_head(trials: pd.DataFrame, folder: Path, authors: Sequence[str], licence: str) -> None:
    names = sorted(set(trials["experiment"]))
    _write_json(
        {
            "Name": ", ".join(names),
            "BIDSVersion": BIDS_VERSION,
            "DatasetType": "raw",
            "License": licence or "not stated",
            "Authors": list(authors) or ["not stated"],
            "GeneratedBy": [{"Name": "visavis", "Version": version("visavis")}],
        },
        folder / "dataset_description.json",
    )
    (folder / "README").write_text(
        f"Paired comparisons of images ({', '.join(names)}) by people and models, one subject an observer.\n"
        "participants.tsv says who is who; 'beh' holds a row a trial, 'sourcedata' the sessions' files as they were\n"
        "written and files of choices made elsewhere, 'stimuli' the images that were shown, by their hashes.\n",
        encoding="utf-8",
        newline="\n",
    )


def _describe(experiment: str) -> dict[str, Any]:
    described: dict[str, Any] = {"TaskName": experiment}
    for name, (_, meaning) in COLUMNS.items():
        if name not in _IDENTITY:
            described[name] = {"Description": meaning}
            if name in _LEVELS:
                described[name]["Levels"] = _LEVELS[name]
            if name in _UNITS:
                described[name]["Units"] = _UNITS[name]
    return described


def _write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a TSV by the rules of BIDS: missing values as n/a, no tabs or line breaks within a cell."""
    shown = pd.DataFrame(index=table.index)
    for name in table.columns:
        column = table[name]
        if COLUMNS.get(name, ("",))[0] == TIME:
            column = column.dt.strftime("%Y-%m-%dT%H:%M:%S.%f")
        elif COLUMNS.get(name, ("",))[0] not in (INTEGER, NUMBER):
            column = column.astype("string").str.replace(r"[\t\r\n]+", " ", regex=True)
        shown[name] = column
    shown.to_csv(path, sep="\t", index=False, na_rep="n/a", lineterminator="\n", encoding="utf-8", quoting=3)


def _write_json(content: dict[str, Any], path: Path) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")


def _labels(names: list[str]) -> dict[str, str]:
    """Give every observer a label of letters and digits, no two the same."""
    labels: dict[str, str] = {}
    for name in names:
        label = base = _alphanumeric(name)
        number = 2
        while label.casefold() in {taken.casefold() for taken in labels.values()}:
            label, number = f"{base}x{number}", number + 1
        labels[name] = label
    return labels


def _alphanumeric(text: str) -> str:
    """Keep letters and digits, spelt without marks: Müller as Mueller, José as Jose."""
    spelt = unicodedata.normalize("NFC", text).translate(_SPELT)
    return re.sub(r"[^A-Za-z0-9]", "", unicodedata.normalize("NFKD", spelt)) or "x"
