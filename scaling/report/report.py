"""The report: one HTML file that opens anywhere, and the same numbers as JSON and CSV beside it."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from visavis.base.files import atomic_files
from visavis.scaling.comparison.analyses import arranged
from visavis.scaling.comparison.sensitivity import SENSITIVITY
from visavis.scaling.presentation.style import save, svg
from visavis.scaling.study.result import Comparison

from .figures import figures
from .latex import latex_table
from .methods_paragraph import methods_paragraph
from .sections import Part, parts_by_section

if TYPE_CHECKING:
    from matplotlib.figure import Figure

REPORT = "report.html"
NUMBERS = "comparison.json"
_PRINTED = ("pdf", "png")
_REM_AN_INCH = 7.8  # on a screen figures are a little larger than in print

_VERSIONED = ("visavis", "numpy", "scipy", "pandas", "matplotlib")


def write_report(comparison: Comparison, folder: Path | str) -> Path:
    """Write a comparison as ``report.html``, ``comparison.json``, CSV and LaTeX tables, and the figures for print.

    Parameters
    ----------
    comparison : Comparison
    folder : path
        Made if need be. An earlier report stays there until this one is whole; other files are left alone.

    Returns
    -------
    Path
        Of the HTML file.
    """
    folder = Path(folder)
    drawn = figures(comparison)
    sections = parts_by_section(comparison)
    with atomic_files(folder, earlier=_names(comparison), last=(NUMBERS, REPORT)) as aside:
        _write(comparison, drawn, sections, aside)
    return folder / REPORT


def _write(comparison: Comparison, drawn: dict[str, Figure], sections: dict[str, list[Part]], folder: Path) -> None:
    """Write every file of a report to a folder."""
    for name, table in comparison.items():
        table.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n", encoding="utf-8")
    for part in (part for parts in sections.values() for part in parts):
        if part.table is not None:
            text = latex_table(part.table.columns, part.table.rows, part.table.numeric, part.caption, part.name)
            (folder / f"{part.name}.tex").write_text(text, encoding="utf-8", newline="\n")
    elements = {name: svg(figure) for name, figure in drawn.items()}
    for name, figure in drawn.items():
        for kind in _PRINTED:
            save(figure, folder / f"{name}.{kind}", kind)
        (folder / f"{name}.svg").write_text(elements[name], encoding="utf-8", newline="\n")
    text = json.dumps(comparison_json(comparison), indent=1, ensure_ascii=False, allow_nan=False)
    (folder / NUMBERS).write_text(text + "\n", encoding="utf-8", newline="\n")
    page = _page(comparison, sections, elements, _widths(drawn))
    (folder / REPORT).write_text(page, encoding="utf-8", newline="\n")


def _names(comparison: Comparison) -> set[str]:
    """Return the names that a report may write: an earlier one may have had figures and tables that this has not."""
    names = {analysis.name for analysis in (*arranged([SENSITIVITY]), *comparison.analyses)}
    kinds = (*_PRINTED, "svg", "csv", "tex")
    return {REPORT, NUMBERS, *(f"{name}.{kind}" for name in names for kind in kinds)}


def comparison_json(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison as JSON values; what is not known is null."""
    tables = {
        name: json.loads(table.to_json(orient="records", double_precision=15)) for name, table in comparison.items()
    }
    return {
        **_heading(comparison),
        "options": asdict(comparison.options),
        "unit": comparison.unit,
        "methods": methods_paragraph(comparison),
        "notes": list(comparison.notes),
        **tables,
    }


def report_html(comparison: Comparison) -> str:
    """Return the report as one HTML page without anything from outside; every text of the user's is escaped."""
    drawn = figures(comparison)
    elements = {name: svg(figure) for name, figure in drawn.items()}
    return _page(comparison, parts_by_section(comparison), elements, _widths(drawn))


def _widths(drawn: dict[str, Figure]) -> dict[str, float]:
    return {name: round(_REM_AN_INCH * float(figure.get_size_inches()[0]), 1) for name, figure in drawn.items()}


def _page(
    comparison: Comparison, sections: dict[str, list[Part]], drawn: dict[str, str], widths: dict[str, float]
) -> str:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(
        files("visavis.scaling.report").joinpath("template.html").read_text(encoding="utf-8")
    )
    return template.render(
        **_heading(comparison),
        subject=_subject(comparison),
        comparison=comparison,
        options=asdict(comparison.options),
        sections=sections,
        figures=drawn,
        widths=widths,
        methods=methods_paragraph(comparison),
        files=[f"{name}.csv" for name in comparison],
    )


def _subject(comparison: Comparison) -> str:
    if comparison.people and comparison.models:
        return "models beside people"
    return "what people chose" if comparison.people else "what models chose"


def _heading(comparison: Comparison) -> dict[str, Any]:
    """Return what the numbers were made from."""
    return {
        "experiments": list(comparison.experiments),
        "definitions": list(comparison.definitions),
        "attributes": list(comparison.attributes),
        "scenes": list(comparison.scenes),
        "items": list(comparison.renditions),
        "people": list(comparison.people),
        "models": list(comparison.models),
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in _VERSIONED}},
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed as a package"
