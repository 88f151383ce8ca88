"""The report's sections: for each heading the figures and tables under it, as the analyses declare them."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from visavis.scaling.presentation.cells import Shown, shown
from visavis.scaling.study.analysis import Analysis
from visavis.scaling.study.result import Comparison


@dataclass(frozen=True)
class Part:
    """What the report shows of one analysis.

    Attributes
    ----------
    name, title : str
    figure_caption : str
        Empty without a figure.
    table : Shown or None
        None where there is no row to show.
    caption : str
        Of the table.
    folded : bool
    """

    name: str
    title: str
    figure_caption: str
    table: Shown | None
    caption: str
    folded: bool


def parts_by_section(comparison: Comparison) -> dict[str, list[Part]]:
    """Return all that there is to show, by heading."""
    found: dict[str, list[Part]] = {}
    for analysis in comparison.analyses:
        part = _part(comparison, analysis)
        if part.table is not None or part.figure_caption:
            found.setdefault(in_words(comparison, analysis.section), []).append(part)
    return found


def _part(comparison: Comparison, analysis: Analysis) -> Part:
    drawing = analysis.drawing
    return Part(
        name=analysis.name,
        title=in_words(comparison, analysis.title or analysis.section),
        figure_caption=drawing.caption(comparison) if drawing is not None and drawing.has_data(comparison) else "",
        table=shown_table(comparison, analysis) if analysis.in_report else None,
        caption=analysis.caption(comparison),
        folded=analysis.folded,
    )


def shown_table(comparison: Comparison, analysis: Analysis) -> Shown | None:
    """Return an analysis's table as a reader wants it; None without a row."""
    table = analysis.shape(comparison, comparison[analysis.name])
    return shown(table, {column.name: column for column in analysis.columns}) if len(table) else None


def printed_tables(comparison: Comparison) -> dict[str, pd.DataFrame]:
    """Return the tables that a terminal shows, as texts, by title."""
    found: dict[str, pd.DataFrame] = {}
    for analysis in comparison.analyses:
        table = shown_table(comparison, analysis) if analysis.printed(comparison) else None
        if table is not None:
            found[in_words(comparison, analysis.title or analysis.section)] = pd.DataFrame(
                table.rows, columns=table.columns
            )
    return found


def in_words(comparison: Comparison, text: str) -> str:
    """Return a heading or title with the attribute to be explained in its place."""
    return text.replace("{target}", comparison.options.target)
