"""A trials table as one file, ``*.trials.csv``, which `load_trials` reads beside or below the sessions."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pandas as pd

from visavis.base.files import atomic_path
from visavis.base.tables import read_table

from .table import COLUMNS, TRIALS_SUFFIX, as_trials

_JUDGED = ["observer", "session", "attribute", "scene", "left", "right", "choice"]


def write_trials(trials: pd.DataFrame, path: Path | str) -> Path:
    """Write a trials table as one CSV file that `load_trials` reads.

    Parameters
    ----------
    trials : DataFrame
    path : path
        Its name is made to end in ``.trials.csv``.

    Returns
    -------
    Path
    """
    path = trials_path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path, durable=True) as aside:
        as_trials(trials).to_csv(aside, index=False, lineterminator="\n", encoding="utf-8")
    return path


def trials_path(path: Path | str) -> Path:
    """Return the path with a name that ends in ``.trials.csv``."""
    path = Path(path)
    if path.name.endswith(TRIALS_SUFFIX):
        return path
    return path.with_name(path.name.removesuffix(".csv") + TRIALS_SUFFIX)


def files_with_same_choices(path: Path) -> list[Path]:
    """Return the other ``*.trials.csv`` in the folder that hold the same choices, whatever their experiment is called.

    Parameters
    ----------
    path : path
        A file as `write_trials` leaves it. Others that cannot be read are passed over.
    """
    others = (other for other in sorted(path.parent.glob(f"*{TRIALS_SUFFIX}")) if other != path)
    same = _choices_sha256(path)
    return [other for other in others if _choices_sha256(other) == same]


def _choices_sha256(path: Path) -> str | None:
    """Return a hash of what was answered by whom, in whichever order; None if the file cannot be read."""
    try:
        frame = read_table(path.read_bytes(), expected=COLUMNS).frame
    except (OSError, ValueError):
        return None
    if not set(_JUDGED) <= set(frame.columns):
        return None
    rows = frame[_JUDGED].sort_values(_JUDGED).to_csv(index=False)
    return hashlib.sha256(rows.encode()).hexdigest()
