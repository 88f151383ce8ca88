"""The cells of one file by our names: which column is which, joined and split, with what was guessed."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import pandas as pd

from visavis.base.near import near_miss
from visavis.base.tables import TableError, read_numbers
from visavis.base.text import printable

from .layout import NAMES, Column, Conditions, Layout
from .records import Source
from .splitting import SplitRule

_LIKE_A_NUMBER = r"[+-]?[0-9.,]+([eE][+-]?[0-9]+)?"
_OFTEN_MISSPELT = ("session", "attribute", "scene", "repetition", "response_time_s")
_NOT_MAIN = {"practice", "training", "warmup", "warm-up", "catch", "trap", "attention", "attention check"}
_FEW = 50
_NO_TIME = ("", "na", "n/a", "nan", "none", "null")


class Cells:
    """What a file holds, by our names of columns.

    Parameters
    ----------
    source : Source
    layout : Layout

    Attributes
    ----------
    frame : DataFrame
        Of texts, by line.
    notes, doubts : list of str
    raw : dict
        The texts of ``left`` and ``right`` before they were split.
    """

    def __init__(self, source: Source, layout: Layout) -> None:
        self.source, self.layout = source, layout
        self.frame = source.table.frame
        self.notes: list[str] = []
        self.doubts: list[str] = []
        self.raw: dict[str, pd.Series] = {}
        self._read: set[str] = set()
        self._rule = SplitRule(layout.split) if layout.split else None

    def require(self, needed: Sequence[str]) -> None:
        """Refuse a table that lacks columns, naming near misses.

        Raises
        ------
        SessionError
        """
        named = [name for name in (*needed, *self.layout.columns) if name not in self.layout.optional or name in needed]
        missing = [name for name in dict.fromkeys(named) if not self._where(name)]
        missing = [name for name in missing if name not in self.layout.constants]
        missing = [name for name in missing if not (name in self.layout.form and self._any_of_the_form(name))]
        if not missing:
            return
        spelt = [self.spelt(name) for name in missing]
        there = [str(name) for name in self.frame.columns]
        hints = []
        for name, theirs in zip(missing, spelt, strict=True):
            free = [
                column for column in there if column not in self._read and column not in self.layout.columns.values()
            ]
            near = near_miss(theirs, free)
            if near is not None:
                hints.append(f"--column {name}={near}")
        hint = f": perhaps {', '.join(hints)}" if hints else ""
        shown = ", ".join(there[:30]) + (f", … ({len(there)} in all)" if len(there) > 30 else "")
        raise self.source.error(f"lacks the column(s) {', '.join(spelt)}; it has {shown}{hint}")

    def _any_of_the_form(self, name: str) -> bool:
        """Whether another column of the answers' form does as well as this one."""
        form = self.layout.form
        if form[0] == "choice":
            return False
        alternatives = [other for other in form if other != name and other not in ("votes", "n_left", "n_right")]
        if form[0] == "n_left":
            return name == "n_tie"
        return form[0].startswith("share") and name.startswith("share") and any(map(self._where, alternatives))

    def spelt(self, name: str) -> str:
        """Return what the file calls one of our columns, for messages."""
        column = self.layout.columns.get(name, name)
        found = self._where(name)
        if isinstance(column, str):
            return found[0] if found else column
        names = column["first_of"] if isinstance(column, Mapping) else column
        return ", ".join(found) if found else " or ".join(names) if isinstance(column, Mapping) else ", ".join(names)

    def _where(self, name: str) -> list[str]:
        """Return the file's columns that hold one of ours."""
        column: Column = self.layout.columns.get(name, name)
        if isinstance(column, str):
            found = self._find(column) or (self._find(name) if name in self.layout.columns else None)
            if found is None and "," in column:
                return self._all([part.strip() for part in column.split(",")])
            return [found] if found else []
        if isinstance(column, Mapping):
            return self._matching(column["first_of"]) or ([own] if (own := self._find(name)) else [])
        return self._all(column) or ([own] if (own := self._find(name)) else [])

    def _all(self, names: Sequence[str]) -> list[str]:
        found = [self._find(name) for name in names]
        return [one for one in found if one is not None] if None not in found else []

    def _find(self, name: str) -> str | None:
        try:
            return self.source.table.find(name)
        except TableError as error:
            raise self.source.error(error) from error

    def _matching(self, names: Sequence[str]) -> list[str]:
        """Return the columns with these names, in their order; ``*`` stands for anything."""
        found: list[str] = []
        for name in names:
            if "*" in name and name not in self.frame.columns:
                found += [str(one) for one in self.frame.columns if fnmatchcase(str(one), name)]
            elif (one := self._find(name)) is not None:
                found.append(one)
        return list(dict.fromkeys(found))

    def texts(self, name: str) -> pd.Series | None:
        """Return the texts of one of our columns; None if the file has none and the layout no constant."""
        found = self._where(name)
        if not found:
            constant = self.layout.constants.get(name)
            return None if constant is None else pd.Series(constant, self.frame.index, dtype="string")
        self._read.update(found)
        column = self.layout.columns.get(name, name)
        looked_for = (name, column) if isinstance(column, str) else ()
        if len(found) == 1 and isinstance(column, str) and found[0] not in looked_for and "," not in column:
            self.notes.append(f"column {found[0]!r} is taken for {column!r}")
        texts = self.frame[found[0]]
        if isinstance(column, Mapping):
            for other in found[1:]:
                texts = texts.mask(texts == "", self.frame[other])
        else:
            for other in found[1:]:
                between = self.layout.join
                texts = (texts + between + self.frame[other]).mask(texts == "", self.frame[other]).mask(
                    self.frame[other] == "", texts
                )  # fmt: skip
        if name in NAMES:
            texts = texts.str.replace(r"\s+", " ", regex=True)
        return texts

    def are_trials(self, index: pd.Index) -> pd.Series:
        """Whether each row is a trial, by what the layout leaves out; those left out are counted."""
        out = self._hold(self.layout.leave_out, index)
        self.pass_over(out, f"hold {_spelt(self.layout.leave_out)}")
        return ~out

    def pass_over(self, rows: pd.Series, why: str) -> None:
        """Note how many rows are not trials."""
        if rows.any():
            count = int(rows.sum())
            self.notes.append(f"{count} row{'s are not trials' if count > 1 else ' is not a trial'}: they {why}")

    def _hold(self, conditions: Conditions, index: pd.Index) -> pd.Series:
        """Whether one of the conditions holds in each row."""
        holds = pd.Series(False, index)
        for name, wanted in conditions.items():
            for column in self._matching([name]):
                self._read.add(column)
                texts = self.frame.loc[index, column]
                words = [wanted] if isinstance(wanted, str) else list(wanted)
                if "*" in words:
                    holds |= (texts != "").astype(bool)
                else:
                    holds |= texts.str.casefold().isin([word.casefold() for word in words]).astype(bool)
        return holds

    def phases(self, table: pd.DataFrame) -> pd.Series:
        """Return the phase of each row."""
        phases = pd.Series("main", table.index, dtype="string")
        if "phase" in table:
            phases = table["phase"].str.casefold().mask(table["phase"] == "", "main")
        for phase, conditions in self.layout.phases.items():
            phases = phases.mask(self._hold(conditions, table.index), phase)
        return phases

    def split(self, table: pd.DataFrame) -> None:
        """Split file names into scene and rendition, in place.

        Raises
        ------
        SessionError
            Naming the line of a name that does not fit, or of images of two scenes.
        """
        for name in ("left", "right"):
            self.raw[name] = table[name]
        if self._rule is None:
            return
        scenes: dict[str, pd.Series] = {}
        for name in (one for one in ("left", "right", "reference", "expected") if one in table):
            parts = {text: self._rule.split(text) for text in table[name].unique() if text}
            for line, text in table[name].items():
                if text and parts[text] is None:
                    raise self.source.error(
                        f"line {line}: {self.spelt(name)} {printable(text)[:80]!r} does not fit the rule "
                        f"{self._rule.rule!r}: change the rule, or leave it out"
                    )
            scenes[name] = table[name].map({text: part[0] for text, part in parts.items() if part})
            table[name] = (
                table[name].map({text: part[1] for text, part in parts.items() if part} | {"": ""}).astype("string")
            )
        left, right = scenes["left"], scenes["right"]
        if left.isna().all():
            return
        apart = left != right
        if apart.any():
            line = first_line(apart)
            raise self.source.error(
                f"line {line}: the left image is of scene {left[line]!r}, the right one of {right[line]!r}: to compare "
                "images across scenes, leave the rule out and name the files as they are"
            )
        if "scene" not in table:
            table["scene"] = left.astype("string")

    def choice_of_file(self, texts: pd.Series) -> pd.Series:
        """Return the texts of a choice column with file names as their renditions."""
        if self._rule is None:
            return texts
        parts = {text: self._rule.split(text) for text in texts.dropna().unique() if text}
        return texts.map({text: part[1] for text, part in parts.items() if part}).astype("string")

    def times(self, index: pd.Index) -> pd.Series | None:
        """Return response times in seconds."""
        texts = self.texts("response_time_s")
        if texts is None:
            return None
        texts = texts.loc[index]
        numbers = texts.str.fullmatch(_LIKE_A_NUMBER).fillna(False).astype(bool)
        unread = texts[~numbers & ~texts.str.casefold().isin(_NO_TIME)]
        if len(unread):
            self.notes.append(
                f"line {unread.index[0]}: the response time {unread.iloc[0][:40]!r} is not a number: left missing"
                + (f" (and in {len(unread) - 1} more lines)" if len(unread) > 1 else "")
            )
        values = self.numbers(texts.where(numbers, ""), self.spelt("response_time_s"))
        return values / 1000 if self.layout.unit == "ms" else values

    def numbers(self, texts: pd.Series, name: str) -> pd.Series:
        """Return texts as numbers.

        Raises
        ------
        SessionError
            Naming the line of what is not a number, or could be two.
        """
        try:
            values, notes = read_numbers(texts, name, self.source.table.separator)
        except TableError as error:
            raise self.source.error(error) from error
        self.notes += notes
        return values

    def unread(self) -> list[str]:
        """Return the columns that the layout does not name; what may be ours, or tells practice, becomes a doubt."""
        rest = [str(name) for name in self.frame.columns if name not in self._read]
        for name in _OFTEN_MISSPELT:
            near = [] if self._where(name) else difflib.get_close_matches(name, rest, n=2, cutoff=0.75)
            if len(near) == 1:
                self.doubts.append(
                    f"column {near[0]!r} is not read: where it is the {name}, say --column {name}={near[0]}"
                )
        for column in rest:
            held = self.frame[column].drop_duplicates()
            words = [text for text in held if text.casefold() in _NOT_MAIN] if len(held) <= _FEW else []
            if words:
                self.doubts.append(
                    f"column {column!r} holds {words[0]!r}, and such rows count as main trials: say --practice, "
                    f"--catch or --leave-out {column}={words[0]}"
                )
        return rest


def first_line(rows: pd.Series) -> Any:
    """Return the line of the first row that is true."""
    return rows.index[int(rows.to_numpy(dtype=bool).argmax())]


def _spelt(conditions: Conditions) -> str:
    return " or ".join(
        f"{name} {wanted if isinstance(wanted, str) else ', '.join(wanted)}" for name, wanted in conditions.items()
    )
