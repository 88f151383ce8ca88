"""What stands beside the trials in a BIDS dataset: who took part, what was shown, the sessions' files as written."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from visavis.base.files import find_files

from .presentation import in_language
from .session import EVENTS, MANIFEST, PLAN, Manifest, SessionError, read_manifest
from .session_log import read_events
from .table import COLUMNS, TRIALS_SUFFIX, load_trials

PARTICIPANT = "participant.json"
SOURCES = (MANIFEST, PLAN, EVENTS, PARTICIPANT)
"""Files of a session that are shared; none holds what identifies people."""

_KINDS = {
    "human": "a person",
    "vlm": "a vision-language model",
    "metric": "an image statistic",
    "simulated": "a simulation",
}
_RESERVED = ("participant_id", "observer", "observer_kind", "species", "sex", "handedness", "strain", "strain_rrid")
_STIMULUS = {
    "scene": "scene of the image",
    "rendition": "rendition of the scene",
    "sha256": "SHA-256 of the file",
    "pixels_sha256": "SHA-256 of the pixels, as 8-bit sRGB",
    "width": "width in pixels",
    "height": "height in pixels",
}


def sessions_below(results: Path | str | None) -> dict[Path, Manifest]:
    """Return the sessions in or below a folder with their manifests; none without a folder."""
    if results is None:
        return {}
    folders = sorted(path.parent for path in find_files(results, MANIFEST))
    return {folder: read_manifest(folder) for folder in folders}


def participants(
    observers: pd.DataFrame, labels: Mapping[str, str], sessions: Mapping[Path, Manifest]
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return ``participants.tsv`` and the description of its columns.

    Parameters
    ----------
    observers : DataFrame
        ``observer, observer_kind``, a row each.
    labels : mapping
        From names to labels.
    sessions : mapping
        What people answered on their form is taken from these, the last session's answer where they differ.
    """
    table = pd.DataFrame(
        {
            "participant_id": [f"sub-{labels[name]}" for name in observers["observer"]],
            "observer": observers["observer"].to_numpy(dtype=object),
            "observer_kind": observers["observer_kind"].to_numpy(dtype=object),
        }
    )
    described: dict[str, Any] = {
        "observer": {"Description": COLUMNS["observer"][1]},
        "observer_kind": {"Description": "what kind of observer", "Levels": _KINDS},
    }
    answers: dict[str, dict[str, str]] = {}
    asked: dict[str, str] = {}
    for folder, manifest in sessions.items():
        form = manifest.read_definition().presentation.form
        asked |= {field.name: in_language(field.ask, "en") for field in form}
        for name, answer in _answers(folder).items():
            answers.setdefault(name, {})[manifest.observer] = str(answer)
    for name, by_observer in answers.items():
        values = table["observer"].map(by_observer).astype("string")
        # The standard gives some names a meaning of their own, which free answers may not have.
        numbers = pd.to_numeric(values.dropna(), errors="coerce").notna().all()
        column = f"form_{name}" if name in _RESERVED or (name == "age" and not numbers) else name
        table[column] = values
        described[column] = {"Description": f"answer to: {asked.get(name, name)}"}
    return table, described


def stimuli(sessions: Mapping[Path, Manifest]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return every image that the sessions showed, with its hashes, and the description of the columns."""
    rows = [stimulus for manifest in sessions.values() for stimulus in manifest.stimuli]
    table = pd.DataFrame(rows, columns=list(_STIMULUS)).drop_duplicates(ignore_index=True)
    return table, {name: {"Description": meaning} for name, meaning in _STIMULUS.items()}


def copy_sources(session: Path, place: Path) -> None:
    """Copy a session's files as they were written."""
    place.mkdir(parents=True, exist_ok=True)
    for name in SOURCES:
        if (session / name).exists():
            shutil.copyfile(session / name, place / name)


def copy_imported(results: Path, place: Path, shared: set[tuple[str, str, str]]) -> None:
    """Copy the files of choices made elsewhere that hold a shared ``experiment, observer, session``."""
    for file in find_files(results, f"*{TRIALS_SUFFIX}"):
        held = load_trials(file)[["experiment", "observer", "session"]].drop_duplicates()
        if shared.intersection(held.itertuples(index=False, name=None)):
            copy = place / file.relative_to(results)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)


def conditions(session: Path) -> dict[str, Any]:
    """Return how a person saw a session: of its last sitting, by the standard's names and units where it has some.

    Returns
    -------
    dict
        ``StimulusPresentation`` and ``ViewingConditions``; empty for observers without a screen.
    """
    starts = [event for event in read_events(session) if event["event"] == "start"]
    observer = starts[-1].get("observer", {}) if starts else {}
    screen = observer.get("screen", {})
    if "display_px" not in screen:
        return {}
    viewing = {name: value for name, value in observer.get("viewing", {}).items() if value is not None}
    width, height = screen["display_px"]
    versions = starts[-1].get("versions", {})
    presentation: dict[str, Any] = {
        "ScreenResolution": [width, height],
        "ScreenRefreshRate": screen.get("refresh_hz"),
        "OperatingSystem": versions.get("platform"),
        "SoftwareName": "visavis",
        "SoftwareVersion": versions.get("visavis"),
    }
    if "distance_cm" in viewing:
        presentation["ScreenDistance"] = viewing["distance_cm"] / 100
    if "width_cm" in viewing:  # pixels are square
        presentation["ScreenSize"] = [viewing["width_cm"] / 100, viewing["width_cm"] / 100 * height / width]
    rest = {name: observer[name] for name in ("pixels_per_degree", "images") if name in observer}
    known = {name: value for name, value in presentation.items() if value is not None}
    return {"StimulusPresentation": known, "ViewingConditions": {**viewing, "window_px": screen.get("size_px"), **rest}}


def _answers(session: Path) -> dict[str, Any]:
    path = session / PARTICIPANT
    if not path.exists():
        return {}
    try:
        return dict(json.loads(path.read_text(encoding="utf-8"))["answers"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SessionError(f"{path}: is damaged ({error}): restore it from a copy") from error
