"""What an analysis of the comparison declares, in one place: every output reads it.

`compare` computes it, the report shows its figure and table, the command line prints it, LaTeX, CSV and JSON write it,
the methods paragraph takes its sentence, and the documentation lists its columns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from visavis.scaling.errors import ScalingError

from .study import Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .result import Comparison


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    name : str
    meaning : str
        In a few words, for the documentation.
    unit : str
        Empty for names, and for numbers without one.
    heading : str
        In the report, where the name does not serve.
    limits : (str, str), optional
        Columns that hold the interval of this one; the report shows the three in one cell.
    shown : bool
        Whether the report has the column.
    always : bool
        Whether the table has it whatever the data.
    """

    name: str
    meaning: str
    unit: str = ""
    heading: str = ""
    limits: tuple[str, str] | None = None
    shown: bool = True
    always: bool = True


def with_interval(
    name: str, meaning: str, *, unit: str = "", heading: str = "", limits: str = ""
) -> tuple[Column, ...]:
    """Return the columns of an estimate and of its limits, ``low`` and ``high`` after the prefix `limits`."""
    low, high = f"{limits}low", f"{limits}high"
    return (
        Column(name, meaning, unit, heading, (low, high)),
        Column(low, f"lower limit of the interval of {name}", unit),
        Column(high, f"upper limit of the interval of {name}", unit),
    )


ATTRIBUTE = Column("attribute", "what was judged")
OBSERVER = Column("observer", "who answered; `people` for all of them together")
SCENES = Column("scenes", "scenes that it is computed from")
PAIRS = Column("pairs", "pairs that it is computed from")


@dataclass(frozen=True)
class Note:
    """Something to know about a result.

    Attributes
    ----------
    text : str
        With ``{}`` for the observer's name, if it is about one.
    attribute, observer : str
        What it is about; notes of one text are joined.
    """

    text: str
    attribute: str = ""
    observer: str = ""


@dataclass(frozen=True)
class Drawing:
    """The figure of an analysis.

    Attributes
    ----------
    draw : callable
    has_data : callable
        Whether a comparison has anything to draw.
    caption : callable
    """

    draw: Callable[[Comparison], Figure]
    has_data: Callable[[Comparison], bool]
    caption: Callable[[Comparison], str]


def _always(comparison: Comparison) -> bool:  # noqa: ARG001
    return True


def never(comparison: Comparison) -> bool:  # noqa: ARG001
    """Print no table."""
    return False


def _no_notes(study: Study, table: pd.DataFrame) -> Sequence[Note]:  # noqa: ARG001 (as every analysis has it)
    return ()


def _as_it_is(comparison: Comparison, table: pd.DataFrame) -> pd.DataFrame:  # noqa: ARG001
    return table


def _no_sentences(comparison: Comparison) -> Sequence[str]:  # noqa: ARG001
    return ()


@dataclass(frozen=True)
class Analysis:
    """One table of the comparison.

    Attributes
    ----------
    name : str
        Of the table, its files and its figure.
    section : str
        Heading of the report under which it stands, with those of the same section; ``{target}`` stands for the
        attribute to be explained, here and in the title.
    columns : tuple of Column
    compute : callable
        From the prepared study to the table; its rows may be none.
    caption : callable
        Above the table; plain text.
    title : str
        On the command line, and where the report folds the table away.
    folded : bool
        Whether the report folds the table away.
    printed : callable
        Whether the command line prints the table of a comparison; `never` for details.
    in_report : bool
        Whether the report shows the table.
    notes : callable
        What should be known of the table.
    shape : callable
        From the table to the rows and columns that the report shows.
    drawing : Drawing, optional
    sentences : callable
        What the methods paragraph says of it.
    """

    name: str
    section: str
    columns: tuple[Column, ...]
    compute: Callable[[Study], pd.DataFrame]
    caption: Callable[[Comparison], str]
    title: str = ""
    folded: bool = False
    printed: Callable[[Comparison], bool] = _always
    in_report: bool = True
    notes: Callable[[Study, pd.DataFrame], Sequence[Note]] = _no_notes
    shape: Callable[[Comparison, pd.DataFrame], pd.DataFrame] = _as_it_is
    drawing: Drawing | None = None
    sentences: Callable[[Comparison], Sequence[str]] = _no_sentences

    def __repr__(self) -> str:
        return f"<Analysis {self.name!r}: {', '.join(column.name for column in self.columns)}>"

    def checked(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return a computed table, its columns being those declared.

        Raises
        ------
        ScalingError
            If a column lacks its declaration, or a declaration its column.
        """
        declared = {column.name: column for column in self.columns}
        unknown = [str(name) for name in table.columns if name not in declared]
        missing = [name for name, column in declared.items() if column.always and name not in table.columns]
        if unknown or missing:
            problem = f"computed but not declared: {', '.join(unknown)}" if unknown else ""
            problem += "; " if unknown and missing else ""
            problem += f"declared but not computed: {', '.join(missing)}" if missing else ""
            raise ScalingError(f"analysis {self.name!r}: its columns differ from its declaration ({problem})")
        return table

    def empty(self) -> pd.DataFrame:
        """Return the table without a row."""
        return pd.DataFrame(columns=[column.name for column in self.columns if column.always])


def joined(notes: Sequence[Note]) -> list[str]:
    """Make one note of what is alike for several observers, and for several attributes, where the first stood."""
    observers: dict[tuple[str, str], list[str]] = {}
    for note in notes:
        observers.setdefault((note.attribute, note.text), []).append(note.observer)
    attributes: dict[tuple[str, str], list[str]] = {}
    for (attribute, text), names in observers.items():
        attributes.setdefault((text, ", ".join(names)), []).append(attribute)
    return [
        f"{', '.join(where)}: {text.format(names)}" if any(where) else (text.format(names) if names else text)
        for (text, names), where in attributes.items()
    ]
