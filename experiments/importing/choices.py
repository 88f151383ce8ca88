"""Tables with a row a choice, a row a vote count, or a row a winner, understood by a layout."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from visavis.base.near import did_you_mean
from visavis.base.trials import COLUMNS, OUTCOMES, PHASES, ObserverKind, check_trials, typed_trials
from visavis.experiments.session import SessionError

from .answers import take_answers
from .cells import Cells, first_line
from .doubts import doubts_of, not_choices
from .layout import KNOWN, LAYOUTS, Layout, read_layout
from .records import Source, read_source


@dataclass(frozen=True)
class Imported:
    """Choices as they were understood.

    Attributes
    ----------
    trials : DataFrame
        A trials table.
    notes : tuple of str
        What was guessed about the files, and what was passed over.
    doubts : tuple of str
        What may not be as it was understood, each with the remedy.
    unread : tuple of str
        Columns that the layout does not name.
    """

    trials: pd.DataFrame
    notes: tuple[str, ...]
    doubts: tuple[str, ...]
    unread: tuple[str, ...]


def import_choices(
    source: Path | str | Sequence[Path | str],
    layout: Layout | str = "plain",
    *,
    experiment: str,
    attribute: str = "preference",
    scene: str = "all",
    kind: ObserverKind = "human",
    warn: Callable[[str], None] = warnings.warn,
) -> pd.DataFrame:
    """Read a table of choices.

    Parameters
    ----------
    source : path or sequence of paths
        Files with a row a choice: CSV with commas, semicolons or tabs, in UTF-8 or Excel's UTF-16; JSON; JSON lines.
    layout : Layout or str
        Which column is which, or the name of one of `LAYOUTS`, or of a YAML file. A column that is not there is looked
        for under our own name.
    experiment : str
        Name for the ``experiment`` column.
    attribute, scene : str
        What was judged, and the scene, where the table has no column for it.
    kind : {'human', 'vlm', 'metric', 'simulated'}
    warn : callable
        Called with each doubt about what was understood.

    Returns
    -------
    DataFrame
        A trials table. Its ``definition_sha256`` is the hash of the file; ``provenance`` keeps what the choice column
        held, and the line.

    Raises
    ------
    SessionError
        If a file cannot be read, a needed column is missing, a row lacks observer or items, shows one item twice or
        repeats a repetition, with the line; or if not one answer can be understood.
    """
    imported = read_choices(source, layout, experiment=experiment, attribute=attribute, scene=scene, kind=kind)
    for doubt in imported.doubts:
        warn(doubt)
    return imported.trials


def read_choices(
    source: Path | str | Sequence[Path | str],
    layout: Layout | str = "plain",
    *,
    experiment: str,
    attribute: str = "preference",
    scene: str = "all",
    kind: ObserverKind = "human",
) -> Imported:
    """Read a table of choices, and say how it was understood; parameters and errors are those of `import_choices`."""
    paths = [Path(source)] if isinstance(source, Path | str) else [Path(one) for one in source]
    if not paths:
        raise SessionError("no file to read: name at least one")
    if isinstance(layout, str):
        layout = _named(layout)
    sources = [read_source(path, _names_looked_for(layout)) for path in paths]
    notes, doubts, unread = [], [], []
    tables = []
    for one in sources:
        cells = Cells(one, layout)
        table = _understand(cells, attribute, scene)
        tables.append(table.assign(file=str(one.path), line=table.index))
        prefix = f"{one.path.name}: " if len(sources) > 1 else ""
        notes += [prefix + text for text in (*one.table.notes, *cells.notes)]
        unread += [name for name in cells.unread() if name not in unread]
        doubts += [prefix + text for text in cells.doubts]
    table = pd.concat(tables, ignore_index=True)

    def place(row: int) -> str:
        number = next(i for i, one in enumerate(sources) if str(one.path) == table.at[row, "file"])
        return f"{sources[number].path}: {sources[number].place} {table.at[row, 'line']!s}"

    sha256 = (
        sources[0].sha256
        if len(sources) == 1
        else hashlib.sha256("\n".join(one.sha256 for one in sources).encode()).hexdigest()
    )
    trials = complete(table, experiment, kind, sha256, len(sources) > 1)
    twice = trials.duplicated(["observer", "session", "trial"])
    if twice.any():
        first, more = first_line(twice), int(twice.sum()) - 1
        others = f" (and in {more} more line{'s' if more > 1 else ''})" if more else ""
        raise SessionError(f"{place(first)}: this repetition of the pair was there before{others}")
    try:
        check_trials(trials, required=tuple(COLUMNS), row=place)
    except ValueError as error:
        raise SessionError(str(error)) from error
    if (trials["outcome"] == "invalid").all():
        held = ", ".join(map(repr, dict.fromkeys(table["answer"])))
        column = layout.columns.get(layout.form[0], layout.form[0])
        raise SessionError(
            f"{paths[0]}: not one answer can be understood: {column} holds {held[:200]}. Say what means what: "
            "--answer TEXT=left on the command line, a Layout's answers in Python"
        )
    notes += not_choices(trials)
    return Imported(trials, tuple(notes), (*doubts, *doubts_of(trials, layout)), tuple(unread))


def _named(name: str) -> Layout:
    if name in LAYOUTS:
        return LAYOUTS[name]
    if name.endswith((".yaml", ".yml")):
        return read_layout(name)
    raise SessionError(f"unknown layout {name!r}: {did_you_mean(name, [*LAYOUTS, 'matrix'])}")


def _names_looked_for(layout: Layout) -> list[str]:
    names: list[str] = list(KNOWN)
    for column in layout.columns.values():
        if isinstance(column, str):
            names.append(column)
        else:
            names += [str(name) for name in (column["first_of"] if isinstance(column, dict) else column)]
    return names


def _understand(cells: Cells, attribute: str, scene: str) -> pd.DataFrame:
    """Return what one file says, a row a choice, by line."""
    source, layout = cells.source, cells.layout
    votes = layout.form[:2] if layout.form[0] == "n_left" else layout.form[:1]
    cells.require([name for name in ("observer", *_images(layout), *votes) if name not in layout.constants])
    table = pd.DataFrame(index=cells.frame.index)
    for name in (*_images(layout), "observer", "session", "attribute", "scene", "reference", "expected", "phase",
                 "outcome", "repetition"):  # fmt: skip
        texts = cells.texts(name)
        if texts is not None:
            table[name] = texts
    table = table.rename(columns={"winner": "left", "loser": "right"})
    if layout.other_rows:
        shown = (table["left"] != "") | (table["right"] != "")
        cells.pass_over(~shown, "name neither image")
        table = table[shown]
    table = table[cells.are_trials(table.index)]
    if not len(table):
        raise source.error("holds no choices")
    cells.split(table)
    for name in (
        name for name in ("observer", "left", "right", "session", "scene", "attribute", "repetition") if name in table
    ):
        _refuse(source, table[name] == "", f"{cells.spelt(name)} is empty")
    _refuse(source, table["left"] == table["right"], "both images are the same")
    if "repetition" in table:
        whole = table["repetition"].str.fullmatch(r"[0-9]{1,9}").fillna(False).astype(bool)
        _refuse(source, ~whole, f"{cells.spelt('repetition')} is not a whole number")
    for name, value in (("session", "1"), ("scene", scene), ("attribute", attribute)):
        if name not in table:
            table[name] = value
    table["phase"] = cells.phases(table)
    _refuse(
        source,
        ~table["phase"].isin(PHASES),
        f"{cells.spelt('phase')} is not one of {', '.join(PHASES)}: map it by phases",
    )
    times = cells.times(table.index)
    if times is not None:
        table["response_time_s"] = times
    return take_answers(cells, table)


def _images(layout: Layout) -> tuple[str, str]:
    return ("winner", "loser") if layout.form[0] == "winner" else ("left", "right")


def _refuse(source: Source, wrong: pd.Series, reason: str) -> None:
    """Raise for the first row that is wrong; rows are numbered as their lines."""
    wrong = wrong.fillna(False).astype(bool)
    if wrong.any():
        more = int(wrong.sum()) - 1
        others = f" (and in {more} more line{'s' if more > 1 else ''})" if more else ""
        raise source.error(f"line {first_line(wrong)}: {reason}{others}")


def complete(table: pd.DataFrame, experiment: str, kind: ObserverKind, sha256: str, several: bool) -> pd.DataFrame:
    """Fill in every column of the trials table.

    Parameters
    ----------
    table : DataFrame
        A row a choice, with ``observer, session, attribute, scene, left, right, phase, choice, answer, line, file``.
    experiment : str
    kind : {'human', 'vlm', 'metric', 'simulated'}
    sha256 : str
        Of the file.
    several : bool
        Whether there are several files, so that each row says from which it is.
    """
    choice = table["choice"].astype("string")
    table["chosen"] = table["left"].where(choice == "left", table["right"].where(choice == "right"))
    understood = choice.map({"left": "choice", "right": "choice", "tie": "tie"}).fillna("invalid")
    if "outcome" in table:  # as our own exports say it, where there was no choice
        said = table["outcome"].where(table["outcome"].isin(OUTCOMES) & ~table["outcome"].isin(["choice", "tie"]))
        understood = understood.where(said.isna() | choice.notna(), said)
    table["outcome"] = understood
    for name in ("reference", "expected"):
        if name in table:
            table[name] = table[name].mask(table[name].isna() | (table[name] == ""))
    swapped = (table["left"] > table["right"]).to_numpy(dtype=bool)
    first, second = table["left"].where(~swapped, table["right"]), table["right"].where(~swapped, table["left"])
    table["presentation_order"] = np.where(swapped, "BA", "AB")
    session = ["observer", "session"]
    counted = table.assign(_first=first, _second=second).groupby(
        [*session, "phase", "attribute", "scene", "_first", "_second"], sort=False
    )
    ours = counted.cumcount() + 1
    given = table["repetition"] if "repetition" in table else pd.Series(pd.NA, table.index, dtype="string")
    table["repetition"] = given.where(given.notna(), ours.astype("string"))
    table["trial"] = _id_part(table["attribute"])
    for name in ("scene", "left", "right", "repetition"):
        table["trial"] += "/" + _id_part(table[name].astype("string"))
    table["trial"] = (table["phase"] + "/").mask(table["phase"] == "main", "") + table["trial"]
    table["trial_index"] = table.groupby(session, sort=False).cumcount()
    table["provenance"] = [
        json.dumps({"answer": answer, "line": line, **({"file": file} if several else {})}, ensure_ascii=False)
        for answer, line, file in zip(
            table["answer"].tolist(), table["line"].tolist(), [Path(file).name for file in table["file"]], strict=True
        )
    ]
    table = table.assign(experiment=experiment, definition_sha256=sha256, observer_kind=kind, block=0, attempts=1)
    for name in COLUMNS:
        if name not in table:
            table[name] = None
    return typed_trials(table)


def _id_part(texts: pd.Series) -> pd.Series:
    """Return names as parts of an id, in which a slash divides them."""
    return texts.str.replace("%", "%25", regex=False).str.replace("/", "%2F", regex=False)
