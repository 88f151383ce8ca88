"""Choices of other studies, and data for other programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from visavis.base.files import atomic_path
from visavis.base.near import did_you_mean

from .common import FILE, FOLDER, read_pairs, read_trials, say, strict_option, write_text

if TYPE_CHECKING:
    from visavis.experiments import Layout


def _list_layouts(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    """Print the known layouts, and end."""
    if not value or ctx.resilient_parsing:
        return
    from visavis.experiments import LAYOUTS

    for name, layout in LAYOUTS.items():
        say(f"{name:20} {' '.join(layout.about.split())}")
    say(f"{'matrix':20} A square of counts, how often the row was chosen over the column.")
    ctx.exit()


@click.command("import")
@click.argument("sources", type=FILE, nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--layout",
    default="plain",
    show_default=True,
    help="A name (see --layouts), a YAML file, matrix (counts, row over column), or plain: our own column names.",
)
@click.option(
    "--layouts",
    "listed",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_list_layouts,
    help="List the known layouts, and stop.",
)
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="OURS=THEIRS",
    help="A column of another name; several, joined, as A,B.",
)
@click.option("--left", help="Column of the left image, or several: distortion,level.")
@click.option("--right", help="Column of the right image, or several.")
@click.option("--answer", "answers", multiple=True, metavar="TEXT=left|right|tie", help="What the choice column holds.")
@click.option("--scale", metavar="LOW,HIGH", help="The choice column holds a scale of preference, left at LOW.")
@click.option("--split", metavar="RULE", help="How file names tell scene and rendition: {scene}_{rendition}.{ext}.")
@click.option("--unit", type=click.Choice(["s", "ms"]), help="Of the response times.")
@click.option("--practice", multiple=True, metavar="COLUMN=TEXT", help="Rows that are practice; * stands for anything.")
@click.option("--catch", multiple=True, metavar="COLUMN=TEXT", help="Rows that are catch trials.")
@click.option("--leave-out", multiple=True, metavar="COLUMN=TEXT", help="Rows that are not trials.")
@click.option(
    "--constant",
    "constants",
    multiple=True,
    metavar="OURS=TEXT",
    help="What holds for all rows, such as observer=people.",
)
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
@click.option("--dry-run", is_flag=True, help="Show ten rows as understood, the counts and every doubt; write nothing.")
@click.option("--save-layout", type=FILE, help="Write the layout, with what the options change, as a YAML file.")
@click.option("-o", "--output", type=FILE, help="By default results/NAME.trials.csv.")
def import_table(
    sources: tuple[Path, ...],
    layout: str,
    dry_run: bool,
    save_layout: Path | None,
    experiment: str | None,
    attribute: str,
    scene: str,
    kind: Any,
    output: Path | None,
    **changes: Any,
) -> None:
    """Bring choices from another study, in tables with a row a choice, among the results."""
    from visavis.experiments import import_matrix, write_layout
    from visavis.experiments.importing import preview, read_choices

    what: dict[str, Any] = {
        "experiment": experiment or sources[0].stem, "attribute": attribute, "scene": scene, "kind": kind,
    }  # fmt: skip
    path = output or Path("results") / sources[0].stem
    if layout == "matrix":
        if dry_run or save_layout or any(changes.values()):
            raise click.UsageError(
                "a matrix of counts has no columns or answers to name: leave --column and --answer out, and their like"
            )
        if len(sources) > 1:
            raise click.UsageError("a matrix of counts is one file: import each by itself, and name its output by -o")
        trials = import_matrix(sources[0], **what)
        _write_among_results(trials, path, f"{len(trials)} choices")
        return
    chosen = _layout(layout, **changes)
    imported = read_choices(sources, chosen, **what)
    if save_layout is not None:
        say(f"{write_layout(chosen, save_layout)}: the layout, for --layout {save_layout}")
    if dry_run:
        for line in preview(imported):
            say(line, fg="yellow" if line.startswith("doubt: ") else None)
        return
    trials = imported.trials
    observers, scenes = trials["observer"].nunique(), trials["scene"].nunique()
    _write_among_results(trials, path, f"{len(trials)} trials of {observers} observer(s) in {scenes} scene(s)")
    for note in imported.notes:
        say(f"note: {note}")
    for doubt in imported.doubts:
        say(f"doubt: {doubt}", fg="yellow")


def _layout(
    name: str,
    *,
    columns: tuple[str, ...],
    left: str | None,
    right: str | None,
    answers: tuple[str, ...],
    scale: str | None,
    split: str | None,
    unit: str | None,
    practice: tuple[str, ...],
    catch: tuple[str, ...],
    leave_out: tuple[str, ...],
    constants: tuple[str, ...],
) -> Layout:
    """Return a layout with what the options change."""
    from visavis.experiments import LAYOUTS, read_layout

    if name not in LAYOUTS and not name.endswith((".yaml", ".yml")):
        from visavis.experiments import SessionError

        raise SessionError(f"unknown layout {name!r}: {did_you_mean(name, [*LAYOUTS, 'matrix'])}")
    layout = LAYOUTS[name] if name in LAYOUTS else read_layout(name)
    own: dict[str, Any] = read_pairs("--column", columns)
    own |= {ours: theirs for ours, theirs in (("left", left), ("right", right)) if theirs is not None}
    others: dict[str, Any] = {
        "answers": read_pairs("--answer", answers),
        "leave_out": read_pairs("--leave-out", leave_out),
        "constants": read_pairs("--constant", constants),
        "phases": {
            phase: {**layout.phases.get(phase, {}), **read_pairs(f"--{phase}", given)}
            for phase, given in (("practice", practice), ("catch", catch))
            if given
        },
    }
    others |= {key: value for key, value in (("split", split), ("unit", unit)) if value is not None}
    if scale is not None:
        try:
            others["scale"] = [float(end) for end in scale.split(",")]
        except ValueError:
            raise click.BadParameter(
                f"expected two numbers, such as 1,5, not {scale!r}", param_hint="--scale"
            ) from None
    return layout.adapted(own, **others)


def _write_among_results(trials: Any, path: Path, held: str) -> None:
    """Write imported trials; say what was replaced, and warn of choices that are there already."""
    from visavis.experiments.trials_file import files_with_same_choices, trials_path, write_trials

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

    named = {"trials": "all.trials.csv", "parquet": "trials.parquet", "bids": "bids", "psychopy": "psychopy"}
    output = output or Path(named[kind])
    if output.resolve().is_relative_to(results.resolve()):
        raise click.ClickException(
            f"{output}: lies within {results}, where copies would be read as data and count twice: choose another -o"
        )
    if kind == "psychopy":
        from visavis.observers.human.psychopy_csv import write_psychopy_csv

        for path in write_psychopy_csv(results, output):
            say(f"{path} written")
        return
    trials = read_trials(results, strict=strict)
    if kind == "bids":
        written = write_bids(trials, output, results=results, authors=authors, licence=licence)
    elif kind == "parquet":
        written = _write_parquet(trials, output)
    else:
        written = write_trials(trials, output)
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
