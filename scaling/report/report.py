"""The report: one HTML file that opens anywhere, and the same numbers as JSON and CSV beside it."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from visavis.scaling.comparison.compare import Comparison

from .captions import captions, trade_off_caution
from .figures import FIGURES, figures
from .latex import latex_table
from .methods_paragraph import methods_paragraph
from .style import save, svg
from .tables import shown_tables

if TYPE_CHECKING:
    from matplotlib.figure import Figure

REPORT = "report.html"
NUMBERS = "comparison.json"
_PRINTED = ("pdf", "png")
_REM_AN_INCH = 7.8  # on a screen figures are a little larger than in print

_VERSIONED = ("visavis", "numpy", "scipy", "pandas", "matplotlib")


def write_report(comparison: Comparison, folder: Path | str, sensitivity: pd.DataFrame | None = None) -> Path:
    """Write a comparison as ``report.html``, ``comparison.json``, CSV and LaTeX tables, and the figures for print.

    Parameters
    ----------
    comparison : Comparison
    sensitivity : DataFrame, optional
        From `visavis.scaling.sensitivity`, to be shown too.
    folder : path
        Made if need be. What an earlier report left there is removed, and nothing else.

    Returns
    -------
    Path
        Of the HTML file.
    """
    folder = Path(folder)
    drawn = figures(comparison)
    told = captions(comparison)
    folder.mkdir(parents=True, exist_ok=True)
    _remove_earlier(folder, [*comparison.tables(), "sensitivity"], list(told))
    for name, table in _tables(comparison, sensitivity).items():
        table.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n", encoding="utf-8")
    for name, shown in shown_tables(comparison, sensitivity).items():
        if shown.rows:
            text = latex_table(shown.columns, shown.rows, shown.numeric, told[name], name)
            (folder / f"{name}.tex").write_text(text, encoding="utf-8", newline="\n")
    elements = {name: svg(figure) for name, figure in drawn.items()}
    for name, figure in drawn.items():
        for kind in _PRINTED:
            save(figure, folder / f"{name}.{kind}", kind)
        (folder / f"{name}.svg").write_text(elements[name], encoding="utf-8", newline="\n")
    text = json.dumps(comparison_json(comparison, sensitivity), indent=1, ensure_ascii=False, allow_nan=False)
    (folder / NUMBERS).write_text(text + "\n", encoding="utf-8", newline="\n")
    page = folder / REPORT
    page.write_text(_page(comparison, sensitivity, elements, _widths(drawn)), encoding="utf-8", newline="\n")
    return page


def _remove_earlier(folder: Path, tables: list[str], captioned: list[str]) -> None:
    """Remove every file that a report may write: an earlier one may have had figures and tables that this has not."""
    drawn = [f"{name}.{kind}" for name in FIGURES for kind in (*_PRINTED, "svg")]
    listed = [*(f"{name}.csv" for name in tables), *(f"{name}.tex" for name in captioned)]
    for name in (REPORT, NUMBERS, *drawn, *listed):
        (folder / name).unlink(missing_ok=True)


def comparison_json(comparison: Comparison, sensitivity: pd.DataFrame | None = None) -> dict[str, Any]:
    """Return a comparison, and what `sensitivity` found, as JSON values; what is not known is null."""
    tables = {
        name: json.loads(table.to_json(orient="records", double_precision=15))
        for name, table in _tables(comparison, sensitivity).items()
    }
    return {
        **_heading(comparison),
        "options": asdict(comparison.options),
        "unit": comparison.unit,
        "methods": methods_paragraph(comparison),
        "notes": list(comparison.notes),
        **tables,
    }


def _tables(comparison: Comparison, sensitivity: pd.DataFrame | None) -> dict[str, pd.DataFrame]:
    return comparison.tables() | ({} if sensitivity is None else {"sensitivity": sensitivity})


def report_html(comparison: Comparison, sensitivity: pd.DataFrame | None = None) -> str:
    """Return the report as one HTML page without anything from outside; every text of the user's is escaped."""
    drawn = figures(comparison)
    return _page(comparison, sensitivity, {name: svg(figure) for name, figure in drawn.items()}, _widths(drawn))


def _widths(drawn: dict[str, Figure]) -> dict[str, float]:
    return {name: float(figure.get_size_inches()[0]) for name, figure in drawn.items()}


def _page(
    comparison: Comparison, sensitivity: pd.DataFrame | None, drawn: dict[str, str], widths: dict[str, float]
) -> str:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(
        files("visavis.scaling.report").joinpath("template.html").read_text(encoding="utf-8")
    )
    return template.render(
        **_heading(comparison),
        comparison=comparison,
        options=asdict(comparison.options),
        figures=drawn,
        widths={name: round(_REM_AN_INCH * inches, 1) for name, inches in widths.items()},
        methods=methods_paragraph(comparison),
        tables=shown_tables(comparison, sensitivity),
        captions=captions(comparison),
        caution=trade_off_caution(comparison),
        files=[f"{name}.csv" for name in _tables(comparison, sensitivity)],
    )


def _heading(comparison: Comparison) -> dict[str, Any]:
    """Return what the numbers were made from."""
    return {
        "experiments": list(comparison.experiments),
        "definitions": list(comparison.definitions),
        "attributes": list(comparison.attributes),
        "scenes": list(comparison.scenes),
        "items": list(comparison.items),
        "people": list(comparison.people),
        "models": list(comparison.models),
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in _VERSIONED}},
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed as a package"
