"""The report: one HTML file that opens anywhere, and the same numbers as JSON and CSV beside it."""

from __future__ import annotations

import json
import math
import platform
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from .comparison import Comparison
from .figures import figures, save, svg
from .methods import methods_paragraph
from .options import PEOPLE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

REPORT = "report.html"

_VERSIONED = ("visavis", "numpy", "scipy", "pandas", "matplotlib")


def write_report(comparison: Comparison, folder: Path | str, sensitivity: pd.DataFrame | None = None) -> Path:
    """Write a comparison as ``report.html``, ``comparison.json``, a CSV for each table and the figures for print.

    Parameters
    ----------
    comparison : Comparison
    sensitivity : DataFrame, optional
        From `visavis.scaling.sensitivity`, to be shown too.
    folder : path
        Made if need be; what an earlier report left there is replaced.

    Returns
    -------
    Path
        Of the HTML file.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tables = comparison.tables() | ({} if sensitivity is None else {"sensitivity": sensitivity})
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n", encoding="utf-8")
    for name, table in _shown(comparison).items():
        if len(table):
            (folder / f"{name}.tex").write_text(_latex(table), encoding="utf-8", newline="\n")
    drawn = figures(comparison)
    for name, figure in drawn.items():
        for kind in ("pdf", "png", "svg"):
            save(figure, folder / f"{name}.{kind}", kind)
    text = json.dumps(comparison_json(comparison), indent=1, ensure_ascii=False, allow_nan=False)
    (folder / "comparison.json").write_text(text + "\n", encoding="utf-8", newline="\n")
    page = folder / REPORT
    page.write_text(_page(comparison, sensitivity, drawn), encoding="utf-8", newline="\n")
    return page


def comparison_json(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison as JSON values; what is not known is null."""
    return {
        **_heading(comparison),
        "options": asdict(comparison.options),
        "unit": comparison.unit,
        "notes": list(comparison.notes),
        **{name: json.loads(table.to_json(orient="records")) for name, table in comparison.tables().items()},
    }


def _latex(table: pd.DataFrame) -> str:
    """Return a table as LaTeX (with booktabs), its texts escaped."""
    cells = table.map(_cell).rename(columns=_heading_of)
    numbers = "".join("r" if pd.api.types.is_numeric_dtype(kind) else "l" for kind in table.dtypes)
    return str(cells.to_latex(index=False, escape=True, column_format=numbers))


def report_html(comparison: Comparison, sensitivity: pd.DataFrame | None = None) -> str:
    """Return the report as one HTML page without anything from outside; every text of the user's is escaped."""
    return _page(comparison, sensitivity, figures(comparison))


def _page(comparison: Comparison, sensitivity: pd.DataFrame | None, drawn: dict[str, Figure]) -> str:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(files("visavis.scaling").joinpath("report.html").read_text(encoding="utf-8"))
    return template.render(
        **_heading(comparison),
        comparison=comparison,
        options=asdict(comparison.options),
        figures={name: svg(figure) for name, figure in drawn.items()},
        methods=methods_paragraph(comparison),
        tables={name: _cells(table.rename(columns=_heading_of)) for name, table in _shown(comparison).items()},
        scales=_cells(_shown_scales(comparison.scales)),
        sensitivity=None if sensitivity is None else _cells(sensitivity),
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


def _shown(comparison: Comparison) -> dict[str, pd.DataFrame]:
    """Return the tables as a reader wants them, with intervals in one cell."""
    return {
        "alignment": _one_cell(comparison.alignment, "rho"),
        "agreement": _one_cell(comparison.agreement, "estimate"),
        "differences": _one_cell(comparison.differences, "difference"),
        "separability": _one_cell(comparison.separability.drop(columns="intercept"), "slope"),
        "screening": comparison.screening,
        "vr_within": _one_cell(comparison.vr_within.dropna(subset="any"), "any"),
        "weights": _shown_weights(comparison.weights),
        "side_bias": _shown_sides(comparison.side_bias),
        "outcomes": comparison.outcomes,
    }


def _one_cell(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Put a value and its interval into one cell."""
    table = table.copy()
    table[name] = [_with_interval(*row) for row in table[[name, "low", "high"]].itertuples(index=False)]
    return table.drop(columns=["low", "high"])


def _shown_scales(scales: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each attribute and item, a column for each observer, under its own name."""
    table = scales.copy()
    table["shown"] = [_with_interval(*row) for row in table[["value", "low", "high"]].itertuples(index=False)]
    wide = table.pivot_table(index=["attribute", "item"], columns="observer", values="shown", aggfunc="first")
    return wide[sorted(wide.columns, key=lambda name: name != PEOPLE)].reset_index()


def _heading_of(column: str) -> str:
    return column.replace("_", " ")


def _shown_weights(weights: pd.DataFrame) -> pd.DataFrame:
    table = weights.copy()
    table["beta"] = [_with_interval(*row) for row in table[["beta", "low", "high"]].itertuples(index=False)]
    return table.drop(columns=["low", "high"])


def _shown_sides(sides: pd.DataFrame) -> pd.DataFrame:
    table = sides[["observer", "left_share", "same_flips", "swapped_flips", "excess_flips", "p_value"]].copy()
    intervals = sides[["left_share", "left_low", "left_high"]].itertuples(index=False)
    table["left_share"] = [_with_interval(*row) for row in intervals]
    table["p_value"] = ["–" if math.isnan(p) else "< 0.001" if p < 0.001 else f"{p:.3f}" for p in table["p_value"]]
    return table


def _with_interval(value: float, low: float, high: float) -> str:
    if math.isnan(value):
        return "–"
    return f"{value:.2f}" if math.isnan(low) else f"{value:.2f} [{low:.2f}, {high:.2f}]"


def _cells(table: pd.DataFrame) -> dict[str, Any]:
    rows = [[_cell(value) for value in row] for row in table.itertuples(index=False)]
    return {"columns": [str(name) for name in table.columns], "rows": rows}


def _cell(value: Any) -> str:
    if pd.isna(value):
        return "–"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    return f"{value:.2f}" if isinstance(value, float) else str(value)
