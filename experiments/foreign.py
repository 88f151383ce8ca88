"""Choices made elsewhere, brought into the trials table: so that models can be compared with a study that exists.

An imported study is one CSV file with the columns of the trials table, whose name ends in ``.trials.csv``;
`load_trials` reads it wherever it lies beside or below the sessions.
"""

from __future__ import annotations

import codecs
import hashlib
import io
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from visavis.base.files import atomic_path
from visavis.base.near import did_you_mean
from visavis.base.trials import check_trials, typed_trials

from .seam import ObserverKind
from .session import SessionError
from .table import COLUMNS, TRIALS_SUFFIX, as_trials

_NEEDED = ("observer", "left", "right", "choice")
_OPTIONAL = ("session", "scene", "attribute", "repetition", "response_time_s")
_ANSWERS = ("left", "right", "tie")
_JUDGED = ["observer", "session", "attribute", "scene", "left", "right", "choice"]


@dataclass(frozen=True)
class Layout:
    """Where a foreign table keeps what.

    Attributes
    ----------
    columns : mapping
        The foreign name of each of ``observer, left, right, choice`` and, if there, ``session, scene, attribute,
        repetition, response_time_s``.
    answers : mapping
        What the choice column holds for ``left``, ``right`` and ``tie``, as text, beside those words themselves, which
        may be written in capital letters. Without it the name of the chosen item is an answer too. Anything else is an
        ``invalid`` outcome.
    other_rows : bool
        Whether rows that name neither image are not trials, but instructions and the like.
    optional : collection of str
        Our names of columns that a table may lack.

    Raises
    ------
    SessionError
        If a column is unknown, or an answer not left, right or tie.
    """

    columns: Mapping[str, str]
    answers: Mapping[str, str] = field(default_factory=dict)
    other_rows: bool = False
    optional: Collection[str] = ()

    def __post_init__(self) -> None:
        known = (*_NEEDED, *_OPTIONAL)
        for name in self.columns:
            if name not in known:
                raise SessionError(f"unknown column {name!r}: {did_you_mean(name, known)}")
        for text, meaning in self.answers.items():
            if meaning not in _ANSWERS:
                raise SessionError(f"the answer {text!r} must be one of {', '.join(_ANSWERS)}, not {meaning!r}")


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
        optional=_OPTIONAL,
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
        other_rows=True,
        optional=_OPTIONAL,
    ),
    "plain": Layout({name: name for name in (*_NEEDED, *_OPTIONAL)}, optional=_OPTIONAL),
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
        A CSV file, a row a choice; with commas, semicolons or tabs, in UTF-8 or Excel's UTF-16.
    layout : Layout or str
        Which column is which, or the name of one of `LAYOUTS`. A column that is not there is looked for under our own
        name.
    experiment : str
        Name for the ``experiment`` column.
    attribute, scene : str
        What was judged, and the scene, where the table has no column for it.
    kind : {'human', 'vlm', 'metric', 'simulated'}

    Returns
    -------
    DataFrame
        A trials table. Its ``definition_sha256`` is the hash of the file; ``provenance`` keeps what the choice column
        held, and the line.

    Raises
    ------
    SessionError
        If the file cannot be read, a needed column is missing, a row lacks observer or items, shows one item twice or
        repeats a repetition, with the line; or if not one answer can be understood.
    """
    source = Path(source)
    if isinstance(layout, str):
        if layout not in LAYOUTS:
            raise SessionError(f"unknown layout {layout!r}: {did_you_mean(layout, [*LAYOUTS, 'matrix'])}")
        layout = LAYOUTS[layout]
    content = _read(source)
    raw = _table(content, source)
    there = {}
    for ours, theirs in layout.columns.items():
        if theirs in raw or ours in raw:
            there[ours] = theirs if theirs in raw else ours
    expected = [name for name in (*_NEEDED, *_OPTIONAL) if name in _NEEDED or name in layout.columns]
    missing = [layout.columns.get(name, name) for name in expected if name not in there and name not in layout.optional]
    if missing:
        raise SessionError(f"{source}: lacks the column(s) {', '.join(missing)}; it has {', '.join(raw.columns)}")
    table = raw[list(there.values())].set_axis(list(there), axis=1)
    if layout.other_rows:
        table = table[(table["left"] != "") | (table["right"] != "")]
    if not len(table):
        raise SessionError(f"{source}: holds no choices")
    for name in (name for name in (*_NEEDED[:3], "session", "scene", "attribute", "repetition") if name in there):
        _refuse(source, table[name] == "", f"{there[name]} is empty")
    _refuse(source, table["left"] == table["right"], "both images are the same")
    if "repetition" in table:
        whole = table["repetition"].str.fullmatch(r"[0-9]+")
        _refuse(source, ~whole, f"{there['repetition']} is not a whole number")
    for name, value in (("session", "1"), ("scene", scene), ("attribute", attribute)):
        if name not in table:
            table[name] = value
    answers = table["choice"].astype(str).tolist()
    table["provenance"] = [
        json.dumps({"answer": text, "line": line}, ensure_ascii=False)
        for line, text in zip(table.index.tolist(), answers, strict=True)
    ]
    trials = _complete(table, layout, experiment, kind, hashlib.sha256(content).hexdigest())
    twice = trials.duplicated(["observer", "session", "trial"]).set_axis(table.index)
    _refuse(source, twice, "this repetition of the pair was there before")
    try:
        check_trials(trials.set_axis(table.index), required=tuple(COLUMNS), row="line {}".format)
    except ValueError as error:
        raise SessionError(f"{source}: {error}") from error
    if (trials["outcome"] == "invalid").all():
        held = ", ".join(map(repr, dict.fromkeys(answers)))
        raise SessionError(
            f"{source}: not one answer can be understood: {there['choice']} holds {held[:200]}. Say what means what: "
            "--answer TEXT=left on the command line, a Layout's answers in Python"
        )
    return trials


def _refuse(source: Path, wrong: pd.Series, reason: str) -> None:
    """Raise for the first row that is wrong; rows are numbered as their lines."""
    if wrong.any():
        more = int(wrong.sum()) - 1
        others = f" (and in {more} more line{'s' if more > 1 else ''})" if more else ""
        raise SessionError(f"{source}: line {wrong.idxmax()}: {reason}{others}")


def _read(source: Path) -> bytes:
    try:
        return source.read_bytes()
    except OSError as error:
        raise SessionError(f"{source}: cannot be read ({error.strerror})") from error


def _table(content: bytes, source: Path, **options: Any) -> pd.DataFrame:
    """Read a CSV as texts, its rows numbered as the lines of the file, without empty ones."""
    encoding = "utf-16" if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise SessionError(
            f"{source}: line {line} is not in UTF-8: save the file as UTF-8 (in Excel: 'CSV UTF-8')"
        ) from error
    first = 2
    if text.casefold().startswith("sep="):  # Excel's own line
        text, first = text.partition("\n")[2], 3
    head = text.partition("\n")[0]
    separator = max(",;\t", key=head.count)
    try:
        raw = pd.read_csv(
            io.StringIO(text), sep=separator, dtype="string", keep_default_na=False, skip_blank_lines=False, **options
        )
    except ValueError as error:
        raise SessionError(f"{source}: cannot be read as CSV ({str(error).strip()})") from error
    raw = pd.DataFrame({str(name).strip(): column.fillna("").str.strip() for name, column in raw.items()})
    if "index_col" in options:
        return raw.loc[[not pd.isna(name) and str(name).strip() != "" for name in raw.index]]
    raw.index = pd.RangeIndex(first, first + len(raw))
    return raw.loc[(raw != "").any(axis=1)].copy()


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
        A CSV file as for `import_choices`, whose first row and first column name the items, in the same order.
    experiment, attribute, scene : str
    observer : str
        Name for all who chose; a matrix does not distinguish them, so nothing that needs single people can be computed.
    kind : {'human', 'vlm', 'metric', 'simulated'}

    Returns
    -------
    DataFrame
        A trials table with a row a choice. Sides are not known; they alternate.

    Raises
    ------
    SessionError
        If the file is not such a matrix; with the cell.
    """
    source = Path(source)
    content = _read(source)
    raw = _table(content, source, index_col=0)
    items = [str(name).strip() for name in raw.columns]
    if [str(name).strip() for name in raw.index] != items or len(set(items)) != len(items) or len(items) < 2:
        raise SessionError(f"{source}: the first row and the first column must name the same items in the same order")
    rows = []
    for i, chosen in enumerate(items):
        for j, other in enumerate(items):
            text = str(raw.iat[i, j]).strip()
            if i == j or text in ("", "0"):
                continue
            if not text.isdecimal():
                raise SessionError(f"{source}: {chosen} over {other}: {text!r} is not a whole number of choices")
            for number in range(int(text)):
                left, right = (chosen, other) if (number + i + j) % 2 else (other, chosen)
                rows.append((observer, left, right, chosen))
    table = pd.DataFrame(rows, columns=["observer", "left", "right", "choice"], dtype="string")
    table = table.assign(session="1", scene=scene, attribute=attribute)
    if not rows:
        raise SessionError(f"{source}: all counts are 0")
    return _complete(table, Layout({}), experiment, kind, hashlib.sha256(content).hexdigest())


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
        table = pd.read_csv(path, usecols=_JUDGED, dtype="string", keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError):
        return None
    rows = table[_JUDGED].sort_values(_JUDGED).to_csv(index=False)
    return hashlib.sha256(rows.encode()).hexdigest()


def _complete(table: pd.DataFrame, layout: Layout, experiment: str, kind: ObserverKind, sha256: str) -> pd.DataFrame:
    """Fill in every column of the trials table."""
    held = table["choice"]
    meaning = {word: word for word in _ANSWERS} | dict(layout.answers)
    choice = held.map(meaning).astype("string")
    if not layout.answers:
        choice = choice.mask((held == table["left"]).fillna(False), "left")
        choice = choice.mask((held == table["right"]).fillna(False), "right")
    plain = {word: word for word in _ANSWERS if meaning[word] == word}
    choice = choice.fillna(held.str.casefold().map(plain).astype("string"))
    table["choice"] = choice
    table["chosen"] = table["left"].where(choice == "left", table["right"].where(choice == "right"))
    table["outcome"] = choice.map({"left": "choice", "right": "choice", "tie": "tie"}).fillna("invalid")
    swapped = (table["left"] > table["right"]).to_numpy()
    first, second = table["left"].where(~swapped, table["right"]), table["right"].where(~swapped, table["left"])
    table["presentation_order"] = pd.Series(swapped, table.index).map({False: "AB", True: "BA"})
    session = ["observer", "session"]
    if "repetition" not in table:
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
        times = table["response_time_s"].str.replace(",", ".")  # of languages that write decimals so
        table["response_time_s"] = pd.to_numeric(times, errors="coerce")
    for name in COLUMNS:
        if name not in table:
            table[name] = None
    return typed_trials(table)
