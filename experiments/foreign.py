"""Choices made elsewhere, brought into the trials table: so that models can be compared with a study that exists.

An imported study is one CSV file with the columns of the trials table, whose name ends in ``.trials.csv``;
`load_trials` reads it wherever it lies beside or below the sessions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from .seam import ObserverKind
from .session import SessionError
from .table import COLUMNS, TRIALS_SUFFIX, as_trials

_NEEDED = ("observer", "left", "right", "choice")
_OPTIONAL = ("session", "scene", "attribute", "repetition", "response_time_s")


@dataclass(frozen=True)
class Layout:
    """Where a foreign table keeps what.

    Attributes
    ----------
    columns : mapping
        The foreign name of each of ``observer, left, right, choice`` and, if there, ``session, scene, attribute,
        repetition, response_time_s``.
    answers : mapping
        What the choice column holds for ``left``, ``right`` and ``tie``, as text. Without it the column holds those
        words, or the name of the chosen item. Anything else is an ``invalid`` outcome.
    """

    columns: Mapping[str, str]
    answers: Mapping[str, str] = field(default_factory=dict)


LAYOUTS: dict[str, Layout] = {
    "pwcmp": Layout(
        {
            "observer": "observer",
            "session": "session_id",
            "scene": "scene",
            "left": "condition_A",
            "right": "condition_B",
            "choice": "is_A_selected",
        },
        {"1": "left", "0": "right"},
    ),
    "quickeval": Layout(
        {"observer": "observer", "left": "picture_id_left", "right": "picture_id_right", "choice": "selected"}
    ),
    "psychopy": Layout(
        {
            "observer": "participant",
            "session": "session",
            "attribute": "attribute",
            "scene": "scene",
            "left": "left",
            "right": "right",
            "choice": "key_resp.keys",
            "response_time_s": "key_resp.rt",
        },
        {"left": "left", "f": "left", "right": "right", "j": "right", "down": "tie", "space": "tie"},
    ),
    "plain": Layout({name: name for name in (*_NEEDED, *_OPTIONAL)}),
}
"""Known layouts: pwcmp's CSV (Perez-Ortiz & Mantiuk 2017), QuickEval's, PsychoPy's, and one with our own names."""


def import_choices(
    source: Path | str,
    layout: Layout | str = "plain",
    *,
    experiment: str,
    attribute: str = "preference",
    scene: str = "all",
    kind: ObserverKind = "human",
) -> pd.DataFrame:
    """Read a table of choices.

    Parameters
    ----------
    source : path
        A CSV file in UTF-8, a row a choice.
    layout : Layout or str
        Which column is which, or the name of one of `LAYOUTS`. Optional columns that are not there are left out.
    experiment : str
        Name for the ``experiment`` column.
    attribute, scene : str
        What was judged, and the scene, where the table has no column for it.
    kind : {'human', 'vlm', 'metric', 'simulated'}

    Returns
    -------
    DataFrame
        A trials table. Its ``definition_sha256`` is the hash of the file.

    Raises
    ------
    SessionError
        If the file cannot be read, a needed column is missing, or a row lacks observer or items; with the line.
    """
    source = Path(source)
    if isinstance(layout, str):
        if layout not in LAYOUTS:
            raise SessionError(f"there is no layout {layout!r}: known are {', '.join(LAYOUTS)}")
        layout = LAYOUTS[layout]
    try:
        raw = pd.read_csv(source, dtype="string", keep_default_na=False, encoding="utf-8-sig", skipinitialspace=True)
    except (OSError, ValueError) as error:
        raise SessionError(f"{source}: cannot be read as CSV in UTF-8 ({error})") from error
    missing = [layout.columns[name] for name in _NEEDED if layout.columns[name] not in raw]
    if missing:
        raise SessionError(f"{source}: lacks the column(s) {', '.join(missing)}; it has {', '.join(raw.columns)}")
    there = {ours: theirs for ours, theirs in layout.columns.items() if theirs in raw}
    table = raw[list(there.values())].rename(columns={theirs: ours for ours, theirs in there.items()})
    for name in ("observer", "left", "right"):
        if (table[name] == "").any():
            line = int((table[name] == "").to_numpy().argmax()) + 2
            raise SessionError(f"{source}: line {line}: {there[name]} is empty")
    for name, value in (("session", "1"), ("scene", scene), ("attribute", attribute)):
        if name not in table:
            table[name] = value
    return _complete(table, layout, experiment, kind, hashlib.sha256(source.read_bytes()).hexdigest())


def import_matrix(
    source: Path | str,
    *,
    experiment: str,
    attribute: str = "preference",
    scene: str = "all",
    observer: str = "people",
    kind: ObserverKind = "human",
) -> pd.DataFrame:
    """Read a matrix of counts: how often the row's item was chosen over the column's.

    Parameters
    ----------
    source : path
        A CSV file in UTF-8 whose first row and first column name the items, in the same order.
    experiment, attribute, scene : str
    observer : str
        Name for all who chose; a matrix does not tell them apart, so nothing that needs single people can be computed.
    kind : {'human', 'vlm', 'metric', 'simulated'}

    Returns
    -------
    DataFrame
        A trials table with a row a choice. Sides are not known; they alternate.

    Raises
    ------
    SessionError
        If the file is no such matrix; with the cell.
    """
    source = Path(source)
    try:
        raw = pd.read_csv(source, dtype="string", index_col=0, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise SessionError(f"{source}: cannot be read as CSV in UTF-8 ({error})") from error
    items = [str(name).strip() for name in raw.columns]
    if [str(name).strip() for name in raw.index] != items or len(items) < 2:
        raise SessionError(f"{source}: the first row and the first column must name the same items in the same order")
    rows = []
    for i, chosen in enumerate(items):
        for j, other in enumerate(items):
            text = str(raw.iat[i, j]).strip()
            if i == j or text in ("", "0"):
                continue
            if not text.isdecimal():
                raise SessionError(f"{source}: {chosen} over {other}: {text!r} is no whole number of choices")
            for number in range(int(text)):
                left, right = (chosen, other) if (number + i + j) % 2 else (other, chosen)
                rows.append((observer, left, right, chosen))
    table = pd.DataFrame(rows, columns=["observer", "left", "right", "choice"], dtype="string")
    table = table.assign(session="1", scene=scene, attribute=attribute)
    sha256 = hashlib.sha256(source.read_bytes()).hexdigest()
    return _complete(table, Layout({}), experiment, kind, sha256)


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
    path = Path(path)
    if not path.name.endswith(TRIALS_SUFFIX):
        path = path.with_name(path.name.removesuffix(".csv") + TRIALS_SUFFIX)
    path.parent.mkdir(parents=True, exist_ok=True)
    as_trials(trials).to_csv(path, index=False, lineterminator="\n", encoding="utf-8")
    return path


def _complete(table: pd.DataFrame, layout: Layout, experiment: str, kind: ObserverKind, sha256: str) -> pd.DataFrame:
    """Fill in every column of the trials table."""
    choice = table["choice"]
    if layout.answers:
        choice = choice.map(dict(layout.answers)).astype("string")
    else:
        named = choice.mask((choice == table["left"]).fillna(False), "left")
        choice = named.mask((choice == table["right"]).fillna(False), "right")
    choice = choice.where(choice.isin(["left", "right", "tie"]))
    table["choice"] = choice
    table["chosen"] = table["left"].where(choice == "left", table["right"].where(choice == "right"))
    table["outcome"] = choice.map({"left": "choice", "right": "choice", "tie": "tie"}).fillna("invalid")
    swapped = (table["left"] > table["right"]).to_numpy()
    first, second = table["left"].where(~swapped, table["right"]), table["right"].where(~swapped, table["left"])
    table["presentation_order"] = pd.Series(swapped, table.index).map({False: "AB", True: "BA"})
    session = ["observer", "session"]
    if "repetition" not in table or (table["repetition"] == "").any():
        asked = table.assign(_first=first, _second=second).groupby(
            [*session, "attribute", "scene", "_first", "_second"]
        )
        table["repetition"] = asked.cumcount() + 1
    table["trial"] = table["attribute"]
    for name in ("scene", "left", "right", "repetition"):
        table["trial"] += "/" + table[name].astype("string")
    table["trial_index"] = table.groupby(session).cumcount()
    table = table.assign(experiment=experiment, definition_sha256=sha256, observer_kind=kind)
    table = table.assign(block=0, phase="main", attempts=1)
    if "response_time_s" in table:
        table["response_time_s"] = pd.to_numeric(table["response_time_s"], errors="coerce")
    for name in COLUMNS:
        if name not in table:
            table[name] = None
    return as_trials(table)
