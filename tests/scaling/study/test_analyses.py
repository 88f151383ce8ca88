"""An analysis is declared once, and every output reads the declaration; a toy one from outside is found in all."""

from __future__ import annotations

import json
import runpy
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from trial_tables import trials_table

from visavis.scaling import (
    ANALYSES,
    SENSITIVITY,
    Analysis,
    Column,
    Comparison,
    Drawing,
    Note,
    Options,
    Resampling,
    ScalingError,
    Study,
    compare,
    describe_tables,
    write_report,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DOCS = Path(__file__).parents[3] / "docs"
VALUES = {"contrast": np.array([-1.0, 0.0, 1.0]), "preference": np.array([0.4, 0.1, -0.5])}
QUICK = Options(resampling=Resampling(20))


def draw(comparison: Comparison) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure()
    figure.subplots().bar(comparison.toy["observer"], comparison.toy["trials"])
    return figure


def count(study: Study) -> pd.DataFrame:
    return study.main.groupby("observer").size().rename("trials").reset_index()


TOY = Analysis(
    name="toy",
    section="A toy",
    columns=(Column("observer", "who answered"), Column("trials", "how many", heading="number of trials")),
    compute=count,
    caption=lambda comparison: f"Trials of {len(comparison.models)} models & people.",  # also a column's '&' in LaTeX
    notes=lambda study, table: [Note("{} counts", observer=table["observer"].iloc[0])],  # noqa: ARG005
    drawing=Drawing(draw, lambda comparison: True, lambda comparison: "Bars."),  # noqa: ARG005
    sentences=lambda comparison: ["Trials were counted."],  # noqa: ARG005
)


@pytest.fixture(scope="module")
def trials() -> pd.DataFrame:
    return trials_table({**{f"P{i}": VALUES for i in range(3)}, "M1": VALUES, "M2": VALUES}, scenes=3)


@pytest.fixture(scope="module")
def compared(trials: pd.DataFrame) -> Comparison:
    return compare(trials, options=QUICK, extra=[TOY, SENSITIVITY])


def test_an_analysis_from_outside_is_in_every_output(compared: Comparison, tmp_path: Path) -> None:
    page = write_report(compared, tmp_path).read_text(encoding="utf-8")
    for text in ("<h2>A toy</h2>", "Trials of 2 models &amp; people.", "number of trials", "Bars.", "M1 counts"):
        assert text in page or text.replace("M1", "M1") in page
    assert "Trials were counted." in page
    numbers = json.loads((tmp_path / "comparison.json").read_text(encoding="utf-8"))
    assert numbers["toy"][0] == {"observer": "M1", "trials": 54}
    assert "M1 counts" in numbers["notes"]
    assert r"\caption{Trials of 2 models \& people.}" in (tmp_path / "toy.tex").read_text(encoding="utf-8")
    assert (tmp_path / "toy.csv").read_text(encoding="utf-8").startswith("observer,trials\nM1,54\n")
    assert {"toy.png", "toy.pdf", "toy.svg"} <= {path.name for path in tmp_path.iterdir()}
    assert page.index("A toy") < page.index("Screening of people")
    assert compared.toy is compared["toy"] is compared.tables()["toy"]


def test_a_later_report_without_it_leaves_nothing_of_what_is_ours(compared: Comparison, tmp_path: Path) -> None:
    write_report(compared, tmp_path)
    assert (tmp_path / "sensitivity.csv").exists()
    write_report(replace(compared, analyses=ANALYSES, _tables={a.name: compared[a.name] for a in ANALYSES}), tmp_path)
    assert not (tmp_path / "sensitivity.csv").exists()


def test_columns_that_differ_from_the_declaration_are_refused(trials: pd.DataFrame) -> None:
    wrong = replace(TOY, columns=(TOY.columns[0], Column("number", "how many")))
    with pytest.raises(ScalingError) as problem:
        compare(trials, options=QUICK, extra=[wrong])
    assert "computed but not declared: trials; declared but not computed: number" in str(problem.value)


@pytest.mark.parametrize("name", ["scales", "people", "tables", "not a name"])
def test_a_name_that_is_taken_or_none_is_refused(trials: pd.DataFrame, name: str) -> None:
    with pytest.raises(ScalingError, match=f"analysis '{name}': its name is taken"):
        compare(trials, options=QUICK, extra=[replace(TOY, name=name)])


def test_two_alike_are_refused(trials: pd.DataFrame) -> None:
    with pytest.raises(ScalingError, match="its name is taken by another analysis"):
        compare(trials, options=QUICK, extra=[TOY, TOY])


def test_every_column_has_its_meaning(compared: Comparison) -> None:
    told = describe_tables().groupby("table")["column"].agg(set)
    for name, table in compared.items():
        if name != "toy":
            assert set(table.columns) <= told[name], name


def test_the_page_of_tables_is_made_from_the_declarations() -> None:
    make = runpy.run_path(str(DOCS / "make_tables.py"))
    message = "run: python docs/make_tables.py"
    assert (DOCS / "tables.md").read_text(encoding="utf-8") == make["page"](), message


def test_six_columns_are_enough(trials: pd.DataFrame) -> None:
    least = trials[["observer", "attribute", "scene", "left", "right", "choice"]]
    found = compare(least, people=["P*"], options=QUICK)
    whole = compare(trials, options=QUICK)
    pd.testing.assert_frame_equal(found.alignment, whole.alignment)
    pd.testing.assert_frame_equal(found.vr_within, whole.vr_within)
    assert found.notes == whole.notes


def test_a_column_that_lacks_is_named_with_the_remedy(trials: pd.DataFrame) -> None:
    with pytest.raises(ScalingError, match=r"the trials table lacks the column.* scene"):
        compare(trials.drop(columns="scene"))


def test_a_notebook_shows_the_tables_with_rows(compared: Comparison) -> None:
    page = compared._repr_html_()
    assert "3 people, 2 model(s)" in page
    assert "<summary>alignment</summary>" in page
    escaped: Any = replace(compared, notes=("<b>",))
    assert "<li>&lt;b&gt;</li>" in escaped._repr_html_()
