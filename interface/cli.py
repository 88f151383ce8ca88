"""The command line. Each command imports what it needs when it is called, so that ``--help`` answers at once.

Exit status: 0 done; 1 the data, the definition or the observer cannot do what was asked; 2 wrong usage; 3 a run that
ended before every trial was answered; 130 interrupted from the keyboard.
"""

from __future__ import annotations

import errno
import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from visavis.experiments import Observer, RunResult
    from visavis.scaling import ScreeningRule

INCOMPLETE = 3

# What the disk refuses: not our mistake, and nothing to show a traceback for.
_REFUSED = {
    *(errno.EACCES, errno.EPERM, errno.EROFS),
    *(errno.ENOSPC, errno.EDQUOT),
    *(errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG),
}

_DEFINITION = click.Path(dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)
_FILE = click.Path(dir_okay=False, path_type=Path)


def _user_errors() -> tuple[type[Exception], ...]:
    """Return the errors that are about what the user gave, and whose message alone is worth showing."""
    from visavis.experiments import DefinitionError, ObserverError, SessionError
    from visavis.scaling import ScalingError
    from visavis.stimuli import StimulusError

    return DefinitionError, ObserverError, SessionError, ScalingError, StimulusError


class _Commands(click.Group):
    """Shows errors of the user's making as one message, and lists commands in the order of use."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except OSError as error:
            if error.errno not in _REFUSED:
                raise
            where = f"{error.filename}: " if error.filename else ""
            raise click.ClickException(f"{where}{error.strerror}: make room, or choose another place") from error
        except Exception as error:
            if isinstance(error, _user_errors()):
                raise click.ClickException(str(error)) from error
            raise

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(self.commands)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="visavis")
def main() -> None:
    """Paired comparison of images by people and models, from one definition."""


@main.command()
@click.argument("folder", type=_FOLDER, default=Path("visavis-demo"))
@click.option("--people", default=12, show_default=True, help="Number of simulated people.", type=click.IntRange(2))
def demo(folder: Path, people: int) -> None:
    """Run a whole comparison on sample photographs, without keys or network, and write a report.

    FOLDER gets the images, the definition, the sessions and the report.
    """
    from visavis.demo import run_demo

    run_demo(folder, people, say=click.echo)


@main.command()
@click.argument("file", type=_FILE, default=Path("study.yaml"))
@click.option("--name", help="Name of the experiment; by default that of the file.")
@click.option(
    "--protocol",
    type=click.Choice(["starter", "iqa-three-scales"]),
    default="starter",
    show_default=True,
    help="A commented starter, or the protocol of a study of contrast, colorfulness and preference.",
)
def new(file: Path, name: str | None, protocol: str) -> None:
    """Write a definition to begin with to FILE."""
    import secrets
    from importlib.resources import files

    if file.exists():
        raise click.ClickException(f"{file} exists already: choose another name")
    template = files("visavis").joinpath(f"{protocol}.yaml").read_text(encoding="utf-8")
    text = template.format(
        file=file, name=json.dumps(name or file.stem, ensure_ascii=False), seed=secrets.randbelow(10**6)
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8", newline="\n")
    click.echo(f"{file} written. Put your images below {file.parent / 'images'}, then: visavis check {file}")


class _AsksObserver(click.Command):
    """A command that takes the observer's own options too: ``--base-url X`` is ``--option base_url=X``.

    They come after the definition; one without a value, such as ``--strict``, is true.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        known = {name for parameter in self.get_params(ctx) for name in (*parameter.opts, *parameter.secondary_opts)}
        kept: list[str] = []
        rest = list(args)
        while rest:
            argument = rest.pop(0)
            name, equals, value = argument.partition("=")
            if not name.startswith("--") or name in known or argument == "--":
                kept.append(argument)
                continue
            if not equals:
                value = rest.pop(0) if rest and not rest[0].startswith("--") else "true"
            kept += ["--option", f"{name[2:].replace('-', '_')}={value}"]
        return super().parse_args(ctx, kept)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        formatter.write_paragraph()
        formatter.write_text(
            "The observer's own options come after DEFINITION: --budget 20, --strict. They are listed by "
            "'visavis observers KIND'."
        )


_observer_options = [
    click.option("--name", "--participant", help="Name in the observer column; by default from --observer."),
    click.option(
        "--option", "options", multiple=True, metavar="KEY=VALUE", help="An option of the observer; also --KEY VALUE."
    ),
    click.option("--options", "options_file", type=_FILE, help="YAML file with options of the observer."),
    click.option("--workers", type=click.IntRange(1), help="Ask on so many workers of a Ray cluster."),
    click.option("--gpus-per-worker", type=click.FloatRange(0), default=0.0, help="GPUs of each worker."),
    click.option("--cluster", help="Address of a Ray cluster that runs; by default one is started here."),
]


def _with(options: list[Any]) -> Callable[[Any], Any]:
    """Give a command several options that other commands have too."""

    def add(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def _make_observer(
    spec: str,
    name: str | None,
    options: Iterable[str] = (),
    options_file: Path | None = None,
    workers: int | None = None,
    gpus_per_worker: float = 0.0,
    cluster: str | None = None,
) -> Observer:
    from visavis.experiments.yaml_file import read_yaml
    from visavis.observers import create_observer

    given: dict[str, Any] = {}
    if options_file is not None:
        try:
            content = read_yaml(options_file)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise click.ClickException(f"{options_file}: {reason}") from error
        if content.problems or not isinstance(content.data, dict):
            raise click.ClickException(f"{options_file}: {'; '.join(content.problems) or 'no mapping of options'}")
        given.update(content.data)
    given.update(_pairs("--option", tuple(options)))
    if workers is None:
        return create_observer(spec, given, name=name)
    from visavis.observers.ray_workers import RayObserver

    return RayObserver(spec, given, name=name, workers=workers, gpus_per_worker=gpus_per_worker, address=cluster)


@main.command(cls=_AsksObserver)
@click.argument("definition", type=_DEFINITION)
@click.option("--observer", help="Also check whether this observer can do it, and what it would take.")
@_with(_observer_options)
@click.option("--repetitions", type=click.IntRange(1), help="As for 'run'.")
def check(
    definition: Path,
    observer: str | None,
    repetitions: int | None,
    **how: Any,
) -> None:
    """Check DEFINITION and its images; say how many trials there are and how long they take."""
    from visavis.experiments import Experiment

    experiment = Experiment.load(definition)
    if repetitions is not None:
        experiment = experiment.with_repetitions(repetitions)
    stimuli = experiment.stimuli
    click.echo(f"{definition}: {experiment.definition.name}, sha256 {experiment.definition.sha256[:12]}")
    click.echo(f"images    {len(stimuli.scenes)} scenes × {len(stimuli.renditions)} renditions in {stimuli.folder}")
    sizes = sorted({f"{s.width}×{s.height}" for s in stimuli.values()})
    click.echo(f"sizes     {', '.join(sizes[:6])}{' …' if len(sizes) > 6 else ''} px")
    plan = experiment.plan("check").to_frame()
    phases = plan["phase"].value_counts()
    parts = [f"{phases[phase]} {phase}" for phase in ("practice", "main", "catch") if phase in phases]
    click.echo(f"trials    {len(plan)} an observer ({', '.join(parts)}) in {plan['block'].nunique()} blocks")
    presentation = experiment.definition.presentation
    minutes = len(plan) * (presentation.seconds_per_trial + presentation.inter_trial_interval_s) / 60
    click.echo(
        f"time      about {minutes:.0f} min for a person, at {presentation.seconds_per_trial:g} s a trial "
        f"and {presentation.inter_trial_interval_s:g} s between two"
    )
    for attribute in experiment.definition.attributes:
        click.echo(f"question  {attribute}: {experiment.definition.question(attribute)}")
    if observer is not None:
        someone = _make_observer(observer, **how)
        for line in someone.outlook(experiment, list(experiment.plan(someone.name))):
            click.echo(f"takes     {line}")
        try:
            for warning in someone.prepare(experiment):
                click.secho(f"warning   {warning}", fg="yellow")
        finally:
            someone.close()
        click.echo(f"observer  {someone.name} ({someone.kind}) can do it")
    click.echo("no problems found")


@main.command()
@click.argument("definition", type=_DEFINITION)
@click.option("--observer", required=True, help="Name of the observer whose plan it is.")
@click.option("--session", default="1", show_default=True, help="Label of the session.")
@click.option("-o", "--output", type=_FILE, help="Write here instead of to standard output.")
def plan(definition: Path, observer: str, session: str, output: Path | None) -> None:
    """Show every trial of one observer's session, in order, as CSV."""
    from visavis.experiments import Experiment

    _write(Experiment.load(definition).plan(observer, session).to_csv(), output)


@main.command(cls=_AsksObserver)
@click.argument("definition", type=_DEFINITION)
@click.option("--observer", required=True, help="Who answers, such as metric:rms_contrast (see 'visavis observers').")
@_with(_observer_options)
@click.option("--session", default="1", show_default=True, help="Label of the session.")
@click.option("--results", type=_FOLDER, default=Path("results"), show_default=True, help="Folder of the sessions.")
@click.option(
    "--repetitions", type=click.IntRange(1), help="Ask each pair so often, instead of as the definition says."
)
@click.option("--limit", type=click.IntRange(1), help="Ask at most so many trials now.")
def run(
    definition: Path,
    observer: str,
    session: str,
    results: Path,
    repetitions: int | None,
    limit: int | None,
    **how: Any,
) -> None:
    """Put DEFINITION to an observer, or go on where an earlier run ended."""
    from visavis.experiments import Experiment
    from visavis.running import run as run_session

    experiment = Experiment.load(definition)
    someone = _make_observer(observer, **how)
    try:
        result = run_session(
            experiment,
            someone,
            results,
            session=session,
            repetitions=repetitions,
            limit=limit,
            progress=True,
            warn=lambda text: click.secho(f"warning: {text}", fg="yellow", err=True),
        )
    except KeyboardInterrupt:
        click.echo("\nInterrupted. Every answer is saved; the same command goes on from here.", err=True)
        sys.exit(130)
    _report_run(result)


def _report_run(result: RunResult) -> None:
    outcomes = ", ".join(f"{count} {outcome}" for outcome, count in sorted(result.outcomes.items()))
    click.echo(f"{result.folder}: {result.answered} of {result.planned} trials answered ({outcomes or 'none yet'})")
    if not result.complete:
        if result.stop_reason:
            click.secho(result.stop_reason, fg="yellow")
        click.echo("The same command goes on from here.")
        sys.exit(INCOMPLETE)


@main.command()
@click.argument("results", type=_FOLDER, default=Path("results"))
def status(results: Path) -> None:
    """List the sessions in RESULTS and how far each has come."""
    from visavis.experiments import load_trials, session_status

    table = session_status(load_trials(results, unanswered=True))
    table["last_answer"] = table["last_answer"].dt.strftime("%Y-%m-%d %H:%M UTC")
    click.echo(table.to_string(index=False, na_rep="–"))


@main.command()
@click.argument("results", type=_FOLDER, default=Path("results"))
def costs(results: Path) -> None:
    """List what models in RESULTS have used: trials, requests, tokens and money, by the model that answered."""
    from visavis.experiments import load_trials
    from visavis.observers.accounts import account

    table = account(load_trials(results))
    click.echo(table.to_string(index=False, na_rep="–") if len(table) else "no tokens were used")


_scaling_options = [
    click.option("--model", type=click.Choice(["thurstone", "bradley_terry"]), default="thurstone", show_default=True),
    click.option("--method", type=click.Choice(["map", "ml", "least_squares"]), default="map", show_default=True),
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
    click.option("--resample-people", is_flag=True, help="Let ρ's intervals hold for other people too."),
    click.option("--target", default="preference", show_default=True, help="Attribute whose making is asked for."),
    click.option("--expanded/--plain", default=True, show_default=True, help="Widen intervals for few scenes, or not."),
    click.option("--seed", type=int, default=0, show_default=True, help="Of the resamples."),
    click.option("--screen", is_flag=True, help="Leave out people who answered without care, by the usual limits."),
    click.option(
        "--screen-by",
        multiple=True,
        metavar="MEASURE=LIMIT",
        help="Screen by a limit of your own: most invalid or disagreement, least catch, most out_of_line; or none.",
    ),
]


@main.command()
@click.argument("results", type=_FOLDER, default=Path("results"))
@click.option("--by", default="observer,attribute,scene", show_default=True, help="Columns that are scaled apart.")
@_with(_scaling_options)
@click.option("-o", "--output", type=_FILE, help="Write CSV here instead of to standard output.")
def scale(results: Path, by: str, output: Path | None, **options: Any) -> None:
    """Scale the choices in RESULTS; give a CSV with values, standard errors and intervals."""
    from visavis.experiments import load_trials
    from visavis.scaling import count_choices, fit_scale

    columns = [name.strip() for name in by.split(",") if name.strip()]
    fitted = fit_scale(count_choices(load_trials(results), columns), **options)
    for group, reason in enumerate(fitted.separation):
        if reason and options["method"] == "ml":
            told = ", ".join(f"{name} {value}" for name, value in fitted.counts.groups.iloc[group].items())
            click.secho(f"no finite maximum{f' for {told}' if told else ''}: {reason}", fg="yellow", err=True)
    _write(fitted.to_frame().to_csv(index=False, lineterminator="\n"), output)


@main.command()
@click.argument("results", type=_FOLDER, default=Path("results"))
@_with(_comparison_options)
def compare(results: Path, people: tuple[str, ...], screen: bool, screen_by: tuple[str, ...], **options: Any) -> None:
    """Compare models with people in RESULTS: agreement, ceilings and variability, as text."""
    from visavis.experiments import load_trials
    from visavis.scaling import Options
    from visavis.scaling import compare as compare_trials

    chosen = Options(**options, screening=_screening_rule(screen, screen_by))
    compared = compare_trials(load_trials(results), people=people or None, options=chosen)
    for note in compared.notes:
        click.secho(f"note: {note}", fg="yellow")
    within = compared.vr_within.dropna(subset="any")
    for name, table in (
        ("people among themselves", compared.ceilings),
        ("agreement with people", compared.alignment),
        ("pair by pair", compared.agreement),
        ("differences between models", compared.differences),
        ("agreement by separability", compared.separability),
        ("VR% within", within),
        ("VR% between: one against the rest", compared.vr_rest),
        ("consistency against agreement", compared.trade_off),
        ("spread of scale values", compared.spreads),
        (f"what {compared.options.target} is made of", compared.weights),
        ("sides", compared.side_bias),
        ("screening", compared.screening if chosen.screening else compared.screening[:0]),
    ):
        if len(table):
            click.echo(f"\n{name}\n{table.to_string(index=False, float_format=lambda value: f'{value:.3f}')}")


@main.command()
@click.argument("results", type=_FOLDER, default=Path("results"))
@click.option("-o", "--output", type=_FOLDER, default=Path("report"), show_default=True, help="Folder of the report.")
@click.option("--sensitivity", is_flag=True, help="Show how far the result depends on each open choice.")
@_with(_comparison_options)
def report(
    results: Path,
    output: Path,
    sensitivity: bool,
    people: tuple[str, ...],
    screen: bool,
    screen_by: tuple[str, ...],
    **options: Any,
) -> None:
    """Write the comparison of RESULTS as one HTML file, with JSON and CSV beside it."""
    from visavis.experiments import load_trials
    from visavis.scaling import Options, write_report
    from visavis.scaling import compare as compare_trials
    from visavis.scaling import sensitivity as vary

    trials, names = load_trials(results), people or None
    chosen = Options(**options, screening=_screening_rule(screen, screen_by))
    compared = compare_trials(trials, people=names, options=chosen)
    varied = vary(trials, people=names, options=chosen) if sensitivity else None
    click.echo(f"{write_report(compared, output, varied)} written")


@main.command(cls=_AsksObserver)
@click.argument("kind", required=False)
@click.argument("observer", required=False)
@_with(_observer_options)
def observers(kind: str | None, observer: str | None, **how: Any) -> None:
    """List who can answer, what each can do and what it still needs; with KIND, its options.

    'visavis observers check OBSERVER' asks OBSERVER three trials whose answers are known, and shows what came back.
    """
    from visavis.observers import available_observers

    if kind == "check":
        if observer is None:
            raise click.UsageError("say whom to check: visavis observers check openai:gpt-5.2")
        _try_out(_make_observer(observer, **how))
        return
    known = {info.kind: info for info in available_observers()}
    if kind is not None and kind not in known:
        raise click.ClickException(f"there is no observer {kind!r}: known are {', '.join(known)}")
    for info in known.values() if kind is None else [known[kind]]:
        click.echo(f"{info.kind:17} {info.summary}")
        if info.capabilities is not None:
            can = [name.replace("_", " ") for name in info.capabilities.__slots__ if getattr(info.capabilities, name)]
            click.echo(f"{'':17} can: {', '.join(can) or 'choose'}")
        if info.missing:
            click.secho(f"{'':17} {info.missing}", fg="yellow")
        if kind is not None:
            for name, line in info.options.items():
                click.echo(f"{'':17} --{name.replace('_', '-')} …  {line}")


def _try_out(observer: Observer) -> None:
    """Ask an observer three trials whose answers are known."""
    from visavis.trial_run import try_out

    right = 0

    def warn(text: str) -> None:
        click.secho(f"warning: {text}", fg="yellow", err=True)

    for line in try_out(observer, warn, tell=click.echo):
        right += line.correct
        click.echo(f"\n{line.question}\n  {'shown':19} {line.shown}\n  {'answer':19} {line.answer}")
        for name, value in line.details.items():
            click.echo(f"  {name.replace('_', ' '):19} {value}")
    click.echo(f"\n{right} of 3 as expected")


@main.command("import")
@click.argument("source", type=_FILE)
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
@click.option("-o", "--output", type=_FILE, help="By default results/NAME.trials.csv.")
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
    from visavis.experiments import LAYOUTS, Layout, import_choices, import_matrix, write_trials

    what: dict[str, Any] = {
        "experiment": experiment or source.stem, "attribute": attribute, "scene": scene, "kind": kind,
    }  # fmt: skip
    if layout == "matrix":
        trials = import_matrix(source, **what)
        click.echo(f"{write_trials(trials, output or Path('results') / source.stem)}: {len(trials)} choices")
        return
    named = LAYOUTS.get(layout)
    if named is not None and (columns or answers):
        named = Layout(
            {**named.columns, **_pairs("--column", columns)}, {**named.answers, **_pairs("--answer", answers)}
        )
    trials = import_choices(source, named or layout, **what)
    path = write_trials(trials, output or Path("results") / source.stem)
    observers, scenes = trials["observer"].nunique(), trials["scene"].nunique()
    click.echo(f"{path}: {len(trials)} trials of {observers} observer(s) in {scenes} scene(s)")
    unclear = trials.loc[trials["outcome"] == "invalid", "provenance"].map(json.loads)
    if len(unclear):
        held = ", ".join(repr(text) for text in dict.fromkeys(one["answer"] for one in unclear))
        click.secho(f"{len(unclear)} of them are no choice (from line {unclear.iloc[0]['line']}): {held}", fg="yellow")


def _screening_rule(screen: bool, limits: tuple[str, ...]) -> ScreeningRule | None:
    """Return the usual rule with the limits that were given, or None where nobody shall be left out."""
    from visavis.scaling import ScreeningRule

    if not screen and not limits:
        return None
    names = {name.partition("_")[2]: name for name in asdict(ScreeningRule())}
    given: dict[str, float | None] = {}
    for measure, text in _pairs("--screen-by", limits).items():
        if measure not in names:
            raise click.BadParameter(f"{measure!r} is none of {', '.join(names)}", param_hint="--screen-by")
        try:
            given[names[measure]] = None if text == "none" else float(text)
        except ValueError:
            raise click.BadParameter(f"{text!r} is no number", param_hint="--screen-by") from None
    return replace(ScreeningRule(), **given)


def _pairs(option: str, given: tuple[str, ...]) -> dict[str, str]:
    """Read ``KEY=VALUE`` options."""
    pairs = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not equals:
            raise click.BadParameter(f"{text!r} is no KEY=VALUE", param_hint=option)
        pairs[key] = value
    return pairs


@main.command()
@click.argument("results", type=_FOLDER, default=Path("results"))
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
def export(results: Path, kind: str, authors: tuple[str, ...], licence: str, output: Path | None) -> None:
    """Write the data in RESULTS for other programs."""
    from visavis.experiments import load_trials, write_bids, write_trials

    if kind == "psychopy":
        from visavis.observers.human.psychopy_csv import write_psychopy_csv

        for path in write_psychopy_csv(results, output or Path("psychopy")):
            click.echo(f"{path} written")
        return
    trials = load_trials(results)
    if kind == "bids":
        written = write_bids(trials, output or Path("bids"), results=results, authors=authors, licence=licence)
    elif kind == "parquet":
        written = _write_parquet(trials, output or Path("trials.parquet"))
    else:
        written = write_trials(trials, output or Path("all.trials.csv"))
    click.echo(f"{written}: {len(trials)} trials")


def _write_parquet(trials: Any, path: Path) -> Path:
    try:
        trials.to_parquet(path, index=False)
    except ImportError as error:
        raise click.ClickException("Parquet needs pyarrow: pip install pyarrow") from error
    return path


@main.command()
@click.option("-o", "--output", type=_FILE, help="Write here instead of to standard output.")
def schema(output: Path | None) -> None:
    """Print the JSON Schema of definitions, for editors and validators."""
    from visavis.experiments import definition_schema

    _write(json.dumps(definition_schema(), indent=2, ensure_ascii=False) + "\n", output)


def _write(text: str, output: Path | None) -> None:
    if output is None:
        click.echo(text, nl=False)
    else:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, encoding="utf-8", newline="\n")
        click.echo(f"{output} written")
