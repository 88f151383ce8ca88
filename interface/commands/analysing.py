"""Scale, compare and report what was answered."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from visavis.base.near import did_you_mean

from .common import DEFINITION, FILE, FOLDER, read_pairs, read_trials, say, strict_option, with_options, write_text

if TYPE_CHECKING:
    from visavis.scaling import Comparison, Options, ScreeningRule

_scaling_options = [
    click.option("--model", type=click.Choice(["thurstone", "bradley_terry"]), default="thurstone", show_default=True),
    click.option(
        "--method", type=click.Choice(["map", "ml", "firth", "least_squares"]), default="map", show_default=True
    ),
    click.option(
        "--prior-sd", type=click.FloatRange(0, min_open=True), default=2.0, show_default=True, help="For map."
    ),
    click.option(
        "--correction",
        type=click.Choice(["add_half", "clip"]),
        default="add_half",
        show_default=True,
        help="For least_squares: what is done with proportions of 0 and 1.",
    ),
]

_comparison_options = [
    click.option("--people", multiple=True, metavar="NAME", help="Who counts as people; * and ? stand for anything."),
    *_scaling_options,
    click.option(
        "--rho",
        "rho_mode",
        type=click.Choice(["aggregate", "pooled", "per_scene_mean"]),
        default="aggregate",
        show_default=True,
        help="How Spearman's ρ is taken.",
    ),
    click.option("--resamples", type=click.IntRange(1), default=2000, show_default=True, help="Of scenes."),
    click.option(
        "--level",
        type=click.FloatRange(0, 1, min_open=True, max_open=True),
        default=0.95,
        show_default=True,
        help="Of every interval.",
    ),
    click.option("--resample-people", is_flag=True, help="Let ρ's intervals hold for other people too."),
    click.option("--target", default="preference", show_default=True, help="Attribute whose making is asked for."),
    click.option("--expanded/--plain", default=True, show_default=True, help="Widen intervals for few scenes, or not."),
    click.option("--seed", type=int, default=0, show_default=True, help="Of the resamples."),
    click.option("--screen", is_flag=True, help="Leave out people who answered without care, by the usual limits."),
    click.option(
        "--screen-by",
        multiple=True,
        metavar="MEASURE=LIMIT",
        help="Screen by a limit of your own: of invalid, disagreement, catch or out_of_line; none switches one off.",
    ),
]


@click.command()
@click.argument("results", type=FOLDER, default=Path("results"))
@click.option("--by", default="observer,attribute,scene", show_default=True, help="Columns that are scaled apart.")
@with_options(_scaling_options)
@strict_option
@click.option(
    "--fit",
    "kind",
    type=click.Choice(["ties", "sides", "population", "classes", "sparse"]),
    help="A model with more in it: ties as answers of their own, a bias for a side, people who differ, groups of "
    "people, or very many items.",
)
@click.option("--tie-model", type=click.Choice(["davidson", "rao_kupper", "glenn_david"]), help="For --fit ties.")
@click.option("--classes", type=click.IntRange(1), help="Number of groups of people, for --fit classes.")
@click.option("-o", "--output", type=FILE, help="Write CSV here instead of to standard output.")
def scale(
    results: Path,
    by: str,
    kind: str | None,
    tie_model: str | None,
    classes: int | None,
    output: Path | None,
    strict: bool,
    **options: Any,
) -> None:
    """Scale the choices in RESULTS; give a CSV with values, standard errors and intervals."""
    from visavis.scaling import count_choices, fit_groups, fit_scale

    columns = [name.strip() for name in by.split(",") if name.strip()]
    if kind is not None:
        chosen = _options_of_a_model(kind, tie_model, classes, options)
        table = fit_groups(read_trials(results, strict=strict), kind, columns, **chosen)  # type: ignore[arg-type]
        write_text(table.to_csv(index=False, lineterminator="\n", float_format="%.6g"), output)
        return
    for name, value in (("--tie-model", tie_model), ("--classes", classes)):
        if value is not None:
            raise click.UsageError(f"{name} goes with --fit {'ties' if name == '--tie-model' else 'classes'}")
    fitted = fit_scale(count_choices(read_trials(results, strict=strict), columns), **options)
    for group, reason in enumerate(fitted.separation):
        if reason and options["method"] == "ml":
            which = ", ".join(f"{name} {value}" for name, value in fitted.counts.groups.iloc[group].items())
            say(f"no finite maximum{f' for {which}' if which else ''}: {reason}", fg="yellow", err=True)
    write_text(fitted.to_frame().to_csv(index=False, lineterminator="\n", float_format="%.6g"), output)


def _options_of_a_model(
    kind: str, tie_model: str | None, classes: int | None, options: dict[str, Any]
) -> dict[str, Any]:
    """Return the options of scaling that a model with more in it takes."""
    if options["method"] in ("firth", "least_squares"):
        raise click.UsageError(f"--fit {kind} is by likelihood or with a prior: choose --method map or ml")
    chosen = {name: options[name] for name in ("model", "method", "prior_sd")}
    if kind == "ties":
        chosen["model"] = tie_model or "davidson"
    elif tie_model is not None:
        raise click.UsageError("--tie-model goes with --fit ties")
    if kind == "classes":
        if chosen.pop("method") == "ml":
            raise click.UsageError("--fit classes needs a prior: choose --method map")
        chosen["classes"] = classes or 2
    elif classes is not None:
        raise click.UsageError("--classes goes with --fit classes")
    return chosen


@click.command()
@click.argument("results", type=FOLDER, default=Path("results"))
@with_options(_comparison_options)
@strict_option
def compare(
    results: Path, people: tuple[str, ...], screen: bool, screen_by: tuple[str, ...], strict: bool, **options: Any
) -> None:
    """Compare models with people in RESULTS: agreement, ceilings and variability, as text."""
    from visavis.scaling import compare as compare_trials
    from visavis.scaling import printed_tables

    chosen = _options(screen, screen_by, **options)
    compared = compare_trials(read_trials(results, strict=strict), people=people or None, options=chosen)
    _tell_notes(compared)
    for title, table in printed_tables(compared).items():
        say(f"\n{title}\n{table.to_string(index=False)}")


@click.command()
@click.argument("results", type=FOLDER, default=Path("results"))
@click.option("-o", "--output", type=FOLDER, default=Path("report"), show_default=True, help="Folder of the report.")
@click.option("--sensitivity", is_flag=True, help="Show how far the result depends on each open choice.")
@click.option("--preregistration", type=FILE, help="Say how what was run departs from this preregistration.")
@with_options(_comparison_options)
@strict_option
def report(
    results: Path,
    output: Path,
    sensitivity: bool,
    preregistration: Path | None,
    people: tuple[str, ...],
    screen: bool,
    screen_by: tuple[str, ...],
    strict: bool,
    **options: Any,
) -> None:
    """Write the comparison of RESULTS as one HTML file, with JSON and CSV beside it."""
    from visavis.scaling import SENSITIVITY, write_report
    from visavis.scaling import compare as compare_trials

    compared = compare_trials(
        read_trials(results, strict=strict),
        people=people or None,
        options=_options(screen, screen_by, **options),
        extra=[SENSITIVITY] if sensitivity else [],
    )
    if preregistration is not None:
        compared = _with_departures(compared, preregistration, results)
    _tell_notes(compared)
    say(f"{write_report(compared, output)} written")


def _with_departures(compared: Comparison, preregistration: Path, results: Path) -> Comparison:
    """Add how what was run departs from what was registered to the notes, first."""
    from visavis.experiments import find_sessions
    from visavis.experiments.session import read_manifest
    from visavis.preregistering import departures, read_preregistration

    registered = read_preregistration(preregistration)
    began = [read_manifest(folder).created_at for folder in find_sessions(results)[0]]
    return replace(compared, notes=(*departures(registered, compared, began), *compared.notes))


@click.command()
@click.argument("definition", type=DEFINITION)
@click.option("-o", "--output", type=FILE, default=Path("preregistration.json"), show_default=True)
@click.option("--observer", "observers", multiple=True, metavar="NAME", help="Whose plan is fixed by its hash.")
@click.option("--note", default="", help="Hypotheses and reasons, in words.")
@with_options(_comparison_options)
def preregister(
    definition: Path,
    output: Path,
    observers: tuple[str, ...],
    note: str,
    people: tuple[str, ...],
    screen: bool,
    screen_by: tuple[str, ...],
    **options: Any,
) -> None:
    """Fix DEFINITION, its images and plans, screening and options of the analysis in one file, with time and hash."""
    from visavis.experiments import Experiment
    from visavis.preregistering import preregister as registered
    from visavis.preregistering import read_preregistration

    path = registered(
        Experiment.load(definition),
        output,
        people=people,
        observers=observers,
        options=_options(screen, screen_by, **options),
        note=note,
    )
    say(f"{path} written, SHA-256 {read_preregistration(path)['sha256']}: deposit it before the first session")


def _tell_notes(compared: Comparison) -> None:
    for note in compared.notes:
        say(f"note: {note}", fg="yellow")


def _options(
    screen: bool, screen_by: tuple[str, ...], *, resamples: int, seed: int, level: float, expanded: bool, **others: Any
) -> Options:
    from visavis.scaling import Options, Resampling

    resampling = Resampling(resamples, seed, level, "expanded" if expanded else "percentile")
    return Options(**others, resampling=resampling, screening=_screening_rule(screen, screen_by))


def _screening_rule(screen: bool, limits: tuple[str, ...]) -> ScreeningRule | None:
    """Return the usual rule with the limits that were given, or None if no one is to be left out."""
    from visavis.scaling import ScalingError, ScreeningRule

    if not screen and not limits:
        return None
    names = {name.partition("_")[2]: name for name in asdict(ScreeningRule())}
    given: dict[str, float | None] = {}
    for measure, text in read_pairs("--screen-by", limits).items():
        if measure not in names:
            raise click.BadParameter(
                f"unknown measure {measure!r}: {did_you_mean(measure, names)}", param_hint="--screen-by"
            )
        try:
            given[names[measure]] = None if text == "none" else float(text)
        except ValueError:
            raise click.BadParameter(f"expected a number, got {text!r}", param_hint="--screen-by") from None
    try:
        return replace(ScreeningRule(), **given)
    except ScalingError as problem:
        raise click.BadParameter(str(problem), param_hint="--screen-by") from None
