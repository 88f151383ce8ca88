"""``import``, and what it says where choices are replaced, would count twice, or are named wrongly."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from visavis.cli import main

Import = Callable[..., Result]


@pytest.fixture
def imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Import:
    monkeypatch.chdir(tmp_path)
    Path("theirs.csv").write_text(
        "observer,left,right,choice,Szene\nP1,a,b,L,cat\nP1,b,a,R,cat\nP2,a,b,L,cat\n", encoding="utf-8"
    )
    return lambda *words: CliRunner().invoke(
        main, ["import", "theirs.csv", "--answer", "L=left", "--answer", "R=right", *words]
    )


def test_a_file_that_is_replaced_is_told(imported: Import) -> None:
    assert "replaced" not in imported().output
    again = imported()
    assert "theirs.trials.csv (replaced): 3 trials" in again.output
    assert "warning" not in again.output


def test_the_same_choices_by_another_name_are_told(imported: Import) -> None:
    imported()
    assert "warning" not in imported("--attribute", "contrast", "-o", "results/contrast").output
    again = imported("--experiment", "other", "-o", "results/other")
    assert again.exit_code == 0
    assert f"{Path('results/theirs.trials.csv')} holds the same choices, which would count twice" in again.stderr


def test_a_matrix_takes_no_answers(imported: Import) -> None:
    found = imported("--layout", "matrix")
    assert (found.exit_code, "leave --column and --answer out" in found.output) == (2, True)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--column", "sceen=Szene"), "unknown column 'sceen': did you mean 'scene'?"),
        (("--column", "scene=Scene"), "theirs.csv: lacks the column(s) Scene; it has observer, left"),
        (("--answer", "L=links"), "the answer 'L' must be one of left, right, tie, not 'links'"),
    ],
)
def test_names_that_are_none_are_refused(imported: Import, words: tuple[str, ...], message: str) -> None:
    found = imported(*words)
    assert (found.exit_code, message in found.output) == (1, True), found.output
    assert not Path("results").exists()


def test_a_column_of_another_name_is_taken(imported: Import) -> None:
    assert "3 trials of 2 observer(s) in 1 scene(s)" in imported("--column", "scene=Szene").output
    assert ",cat," in Path("results/theirs.trials.csv").read_text(encoding="utf-8")
