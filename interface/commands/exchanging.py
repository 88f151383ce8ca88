"""Choices of other studies, and data for other programs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from visavis.base.files import atomic_path

from .common import FILE, FOLDER, read_pairs, read_trials, say, strict_option, write_text


@click.command("import")
@click.argument("source", type=FILE)
@click.option(
    "--layout",
    default="plain",
    show_default=True,
    help="pwcmp, quickeval, psychopy, matrix (counts, row over column), or plain: our own column names.",
)
@click.option("--column", "columns", multiple=True, metavar="OURS=THEIRS", help="A column of another name.")
@click.option("--answer", "answers", multiple=True, metavar="TEXT=left|right|tie", help="What the choice column holds.")
@click.option("--experiment", help="Name of the study; by default that of the file.")
@click.option("--attribute", default="preference", show_default=True, help="Where the table has no column for it.")
@click.option("--scene", default="all", show_default=True, help="Where the table has no column for it.")
@click.option(
    "--kind",
    type=click.Choice(["human", "vlm", "metric", "simulated"]),
    default="human",
    show_default=True,
    help="Who chose.",
)
@click.option("-o", "--output", type=FILE, help="By default results/NAME.trials.csv.")
def import_table(
    source: Path,
    layout: str,
    columns: tuple[str, ...],
    answers: tuple[str, ...],
    experiment: str | None,
    attribute: str,
    scene: str,
    kind: Any,
    output: Path | None,
) -> None:
    """Bring choices from another study, a CSV with a row a choice, among the results."""
    from visavis.experiments import LAYOUTS, import_choices, import_matrix

    what: dict[str, Any] = {
        "experiment": experiment or source.stem, "attribute": attribute, "scene": scene, "kind": kind,
    }  # fmt: skip
    if layout == "matrix" and (columns or answers):
        raise click.UsageError("a matrix of counts has no columns or answers to name: leave --column and --answer out")
    if layout == "matrix":
        trials = import_matrix(source, **what)
        _write_among_results(trials, output or Path("results") / source.stem, f"{len(trials)} choices")
        return
    named = LAYOUTS.get(layout)
    if named is not None:
        own = read_pairs("--column", columns)
        named = replace(
            named,
            columns={**named.columns, **own},
            answers={**named.answers, **read_pairs("--answer", answers)},
            optional=set(named.optional) - own.keys(),
        )
    trials = import_choices(source, named or layout, **what)
    observers, scenes = trials["observer"].nunique(), trials["scene"].nunique()
    held = f"{len(trials)} trials of {observers} observer(s) in {scenes} scene(s)"
    _write_among_results(trials, output or Path("results") / source.stem, held)
    unclear = trials.loc[trials["outcome"] == "invalid", "provenance"].map(json.loads)
    if len(unclear):
        held = ", ".join(repr(text) for text in dict.fromkeys(one["answer"] for one in unclear))
        say(f"{len(unclear)} are not choices (from line {unclear.iloc[0]['line']}): {held}", fg="yellow")


def _write_among_results(trials: Any, path: Path, held: str) -> None:
    """Write imported trials; say what was replaced, and warn of choices that are there already."""
    from visavis.experiments.foreign import files_with_same_choices, trials_path, write_trials

    replaced = " (replaced)" if trials_path(path).exists() else ""
    path = write_trials(trials, path)
    say(f"{path}{replaced}: {held}")
    for other in files_with_same_choices(path):
        say(
            f"warning: {other} holds the same choices, which would count twice: remove one of the two",
            fg="yellow",
            err=True,
        )


@click.command()
@click.argument("results", type=FOLDER, default=Path("results"))
@click.option(
    "--format",
    "kind",
    type=click.Choice(["trials", "parquet", "bids", "psychopy"]),
    default="trials",
    show_default=True,
    help="The whole table as CSV or Parquet; a BIDS dataset; or CSVs with PsychoPy's columns.",
)
@click.option("--author", "authors", multiple=True, metavar="NAME", help="Of a BIDS dataset; may be given again.")
@click.option("--licence", default="", help="Of a BIDS dataset, such as CC0 or CC-BY-4.0.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File, or folder of the files.")
@strict_option
def export(results: Path, kind: str, authors: tuple[str, ...], licence: str, output: Path | None, strict: bool) -> None:
    """Write the data in RESULTS for other programs."""
    from visavis.experiments import write_bids, write_trials

    if kind == "psychopy":
        from visavis.observers.human.psychopy_csv import write_psychopy_csv

        for path in write_psychopy_csv(results, output or Path("psychopy")):
            say(f"{path} written")
        return
    trials = read_trials(results, strict=strict)
    if kind == "bids":
        written = write_bids(trials, output or Path("bids"), results=results, authors=authors, licence=licence)
    elif kind == "parquet":
        written = _write_parquet(trials, output or Path("trials.parquet"))
    else:
        written = write_trials(trials, output or Path("all.trials.csv"))
    say(f"{written}: {len(trials)} trials")


def _write_parquet(trials: Any, path: Path) -> Path:
    try:
        with atomic_path(path, durable=True) as aside:
            trials.to_parquet(aside, index=False)
    except ImportError as error:
        raise click.ClickException("Parquet needs pyarrow: pip install pyarrow") from error
    return path


@click.command()
@click.option("-o", "--output", type=FILE, help="Write here instead of to standard output.")
def schema(output: Path | None) -> None:
    """Print the JSON Schema of definitions, for editors and validators."""
    from visavis.experiments import definition_schema

    write_text(json.dumps(definition_schema(), indent=2, ensure_ascii=False) + "\n", output)
