"""Put a definition to an observer: check, plan, run, and how far everyone has come.

Exit status 3 is a run that ended before every trial was answered, 130 one interrupted from the keyboard.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from visavis.base.near import did_you_mean

from .common import (
    DEFINITION,
    FILE,
    FOLDER,
    read_pairs,
    read_trials,
    say,
    strict_option,
    warn_left_out,
    with_options,
    write_text,
)

if TYPE_CHECKING:
    from visavis.experiments import Definition, Experiment, Observer, RunResult

INCOMPLETE = 3


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


def _one_observer(ctx: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> str | None:  # noqa: ARG001 - click's
    """Refuse a second one, which would silently replace the first."""
    if len(given) > 1:
        raise click.BadParameter(
            f"{len(given)} observers given ({', '.join(given)}): run the command once for each of them"
        )
    return given[0] if given else None


_observer_options = [
    click.option("--name", "--participant", help="Name in the observer column; by default from --observer."),
    click.option(
        "--option", "options", multiple=True, metavar="KEY=VALUE", help="An option of the observer; also --KEY VALUE."
    ),
    click.option("--options", "options_file", type=FILE, help="YAML file with options of the observer."),
    click.option("--workers", type=click.IntRange(1), help="Ask on so many workers of a Ray cluster."),
    click.option("--gpus-per-worker", type=click.FloatRange(0), default=0.0, help="GPUs of each worker."),
    click.option("--cluster", help="Ray cluster that runs: auto, or its address; by default one is started here."),
]


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
    given.update(read_pairs("--option", tuple(options)))
    if workers is None:
        return create_observer(spec, given, name=name)
    from visavis.observers.ray_workers import RayObserver

    return RayObserver(spec, given, name=name, workers=workers, gpus_per_worker=gpus_per_worker, address=cluster)


@click.command(cls=_AsksObserver)
@click.argument("definition", type=DEFINITION)
@click.option(
    "--observer",
    multiple=True,
    callback=_one_observer,
    help="Also check whether this observer can do it, and what it would take.",
)
@click.option("--panel", type=FILE, help="The same for every observer of a panel.")
@with_options(_observer_options)
@click.option("--repetitions", type=click.IntRange(1), help="As for 'run'.")
def check(
    definition: Path,
    observer: str | None,
    panel: Path | None,
    repetitions: int | None,
    **how: Any,
) -> None:
    """Check DEFINITION and its images; say how many trials there are and how long they take."""
    from visavis.experiments import Experiment

    experiment = Experiment.load(definition)
    if repetitions is not None:
        experiment = experiment.with_repetitions(repetitions)
    stimuli = experiment.stimuli
    say(f"{definition}: {experiment.definition.name}, sha256 {experiment.definition.sha256[:12]}")
    say(f"images    {len(stimuli.scenes)} scenes × {len(stimuli.renditions)} renditions in {stimuli.folder}")
    sizes = sorted({f"{s.width}×{s.height}" for s in stimuli.values()})
    say(f"sizes     {', '.join(sizes[:6])}{' …' if len(sizes) > 6 else ''} px")
    if stimuli.passed_over:
        names = sorted({path.name for path in stimuli.passed_over})
        say(
            f"ignored   {len(stimuli.passed_over)} hidden or system files: {', '.join(names[:4])}"
            f"{', …' if len(names) > 4 else ''}"
        )
    plan = experiment.plan("check").to_frame()
    phases = plan["phase"].value_counts()
    parts = [f"{phases[phase]} {phase}" for phase in ("practice", "main", "catch") if phase in phases]
    say(f"trials    {len(plan)} an observer ({', '.join(parts)}) in {plan['block'].nunique()} blocks")
    presentation = experiment.definition.presentation
    fixed = presentation.fixed_seconds(3 if experiment.definition.reference else 2)
    minutes = len(plan) * (presentation.seconds_per_trial + fixed) / 60
    every = presentation.break_every
    breaks = f", and {(len(plan) - 1) // every} breaks" if every and len(plan) > every else ""
    say(
        f"time      about {minutes:.0f} min for a person{breaks}: a trial takes {presentation.seconds_per_trial:g} s "
        f"to look and answer, and {fixed:g} s that the presentation fixes"
    )
    for attribute in experiment.definition.attributes:
        say(f"question  {attribute}: {experiment.definition.question(attribute)}")
    for caution in _cautions(experiment.definition):
        say(f"warning   {caution}", fg="yellow")
    if panel is not None:
        _check_panel(experiment, panel)
    if observer is not None:
        _check_one(experiment, _make_observer(observer, **how))
    say("no problems found")


def _check_panel(experiment: Experiment, file: Path) -> None:
    from visavis.panel import Panel, PanelError

    try:
        panel = Panel.load(file)
        observers = panel.make()
    except PanelError as problem:
        raise click.ClickException(_with_file(file, str(problem))) from problem
    for member, someone in zip(panel.observers, observers, strict=True):
        asked = experiment if member.repetitions is None else experiment.with_repetitions(member.repetitions)
        say(f"\n{someone.name}: {len(asked.plan(someone.name))} trials")
        _check_one(asked, someone)


def _check_one(experiment: Experiment, someone: Observer) -> None:
    """Say what the experiment takes of an observer, and whether it can do it."""
    from visavis.experiments import MissingKey

    for line in someone.estimate(experiment, list(experiment.plan(someone.name))):
        say(f"takes     {line}")
    able = "can do it"
    try:
        warnings = someone.prepare(experiment)
    except MissingKey as missing:
        warnings, able = [*missing.warnings, str(missing)], "can do it once it has its key"
    finally:
        someone.close()
    for warning in warnings:
        say(f"warning   {warning}", fg="yellow")
    say(f"observer  {someone.name} ({someone.kind}) {able}")


def _cautions(definition: Definition) -> Iterator[str]:
    """Yield what is allowed, and seldom meant."""
    if definition.repetitions == 1 and definition.adaptive:
        yield "one round of adaptive pairs is a random one: set 'repetitions' to the number of rounds"
    elif definition.repetitions == 1 and definition.sides != "both_orders":
        yield "each pair is asked once, so VR% and repeat noise cannot be measured: set 'repetitions'"
    for position, catch in enumerate(definition.catch):
        if definition.practice and catch.scene in (definition.practice.scenes or ()):
            yield (
                f"catch.{position}.scene: {catch.scene!r} is kept for practice (practice.scenes), and this trial "
                "shows it in the experiment"
            )


@click.command()
@click.argument("definition", type=DEFINITION)
@click.option("--observer", required=True, help="Name of the observer whose plan it is.")
@click.option("--session", default="1", show_default=True, help="Label of the session.")
@click.option("-o", "--output", type=FILE, help="Write here instead of to standard output.")
def plan(definition: Path, observer: str, session: str, output: Path | None) -> None:
    """Show every trial of one observer's session, in order, as CSV."""
    from visavis.experiments import Experiment

    experiment = Experiment.load(definition)
    write_text(experiment.plan(observer, session).to_csv(), output)
    if experiment.definition.adaptive and experiment.definition.repetitions > 1:
        say(
            "From the second repetition on the pairs stand in the places of those that the answers will choose",
            err=True,
        )


@click.command(cls=_AsksObserver)
@click.argument("definition", type=DEFINITION)
@click.option(
    "--observer",
    multiple=True,
    callback=_one_observer,
    help="Who answers, such as metric:rms_contrast (see 'visavis observers').",
)
@click.option("--panel", type=FILE, help="YAML file that lists several observers: ask them all, side by side.")
@with_options(_observer_options)
@click.option("--session", default="1", show_default=True, help="Label of the session.")
@click.option("--results", type=FOLDER, default=Path("results"), show_default=True, help="Folder of the sessions.")
@click.option(
    "--repetitions", type=click.IntRange(1), help="Ask each pair so often, instead of as the definition says."
)
@click.option("--limit", type=click.IntRange(1), help="Ask at most so many trials now.")
def run(
    definition: Path,
    observer: str | None,
    panel: Path | None,
    session: str,
    results: Path,
    repetitions: int | None,
    limit: int | None,
    **how: Any,
) -> None:
    """Put DEFINITION to an observer, or to a panel of them, or go on where an earlier run ended."""
    if panel is not None and observer is None:
        _run_panel(definition, panel, session, results, repetitions, limit, how)
        return
    if observer is None or panel is not None:
        raise click.UsageError("say who answers: --observer NAME, or --panel FILE for several")
    from visavis.adaptive_run import run as run_session
    from visavis.experiments import Experiment
    from visavis.experiments.session import is_session, session_folder

    experiment = Experiment.load(definition)
    someone = _make_observer(observer, **how)
    if is_session(where := session_folder(results, someone.name, session)):
        say(f"{where} is there already: going on with it", err=True)
    try:
        result = run_session(
            experiment,
            someone,
            results,
            session=session,
            repetitions=repetitions,
            limit=limit,
            progress=True,
            warn=lambda text: say(f"warning: {text}", fg="yellow", err=True),
        )
    except KeyboardInterrupt:
        say("\nInterrupted. Every answer is saved; the same command goes on from here.", err=True)
        sys.exit(130)
    _report_run(result)


def _with_file(file: Path, problem: str) -> str:
    """Return what is wrong with a panel, its file named."""
    return problem if problem.startswith(str(file)) else f"{file}: {problem}"


def _panel_budget(how: dict[str, Any]) -> float | None:
    """Return the budget of a panel, the one option of all its members."""
    options = read_pairs("--option", tuple(how["options"]))
    budget = options.pop("budget", None)
    given = [*options, *(name for name, value in how.items() if name != "options" and value)]
    if given:
        raise click.UsageError(f"{', '.join(given)}: in a panel options stand in its file, with each observer")
    try:
        return None if budget is None else float(budget)
    except (TypeError, ValueError):
        raise click.UsageError(f"--budget: expected US dollars, got {budget!r}") from None


def _run_panel(
    definition: Path,
    file: Path,
    session: str,
    results: Path,
    repetitions: int | None,
    limit: int | None,
    how: dict[str, Any],
) -> None:
    import pandas as pd

    from visavis.experiments import Experiment
    from visavis.panel import Panel, PanelError, run_panel

    budget = _panel_budget(how)
    experiment = Experiment.load(definition)
    if repetitions is not None:
        raise click.UsageError("--repetitions: in a panel they stand in its file, with each observer")
    try:
        finished = run_panel(
            experiment,
            Panel.load(file),
            results,
            session=session,
            limit=limit,
            budget=budget,
            progress=True,
            warn=lambda text: say(f"warning: {text}", fg="yellow", err=True),
        )
    except PanelError as problem:
        raise click.ClickException(_with_file(file, str(problem))) from problem
    except KeyboardInterrupt:
        say("\nInterrupted. Every answer is saved; the same command goes on from here.", err=True)
        sys.exit(130)
    rows = [
        {
            "observer": one.name,
            "answered": f"{one.result.answered} of {one.result.planned}" if one.result else "–",
            "outcomes": ", ".join(f"{n} {name}" for name, n in sorted(one.result.outcomes.items()))
            if one.result
            else "–",
            "spent": one.money or "–",
        }
        for one in finished
    ]
    say(pd.DataFrame(rows).to_string(index=False))
    for one in finished:
        if one.failure:
            say(f"{one.name}: {one.failure}", fg="red")
        elif one.result is not None and not one.result.complete:
            say(f"{one.name}: {one.result.stop_reason or 'not all answered'}", fg="yellow")
    if any(one.failure for one in finished):
        sys.exit(1)
    if not all(one.result and one.result.complete for one in finished):
        say("The same command goes on from here.")
        sys.exit(INCOMPLETE)


def _report_run(result: RunResult) -> None:
    outcomes = ", ".join(f"{count} {outcome}" for outcome, count in sorted(result.outcomes.items()))
    say(f"{result.folder}: {result.answered} of {result.planned} trials answered ({outcomes or 'none yet'})")
    if result.before == result.planned:
        say("It was complete before: nothing was asked. For another session give it a label: --session 2")
    if not result.complete:
        if result.stop_reason:
            say(result.stop_reason, fg="yellow")
        say("The same command goes on from here.")
        sys.exit(INCOMPLETE)


@click.command()
@click.argument("results", type=FOLDER, default=Path("results"))
@strict_option
def status(results: Path, strict: bool) -> None:
    """List the sessions in RESULTS and how far each has come, and the timing of those of people in a line each."""
    from visavis.experiments.status import read_status
    from visavis.observers.human.session_timing import session_timings

    table = read_status(results, strict=strict, warn=warn_left_out)
    table["last_answer"] = table["last_answer"].dt.strftime("%Y-%m-%d %H:%M UTC")
    counts = table.select_dtypes("number").columns
    table[counts] = table[counts].fillna(0).astype(int)
    say(table.to_string(index=False, na_rep="–"))
    timings = list(session_timings(results))
    if timings:
        say("\ntiming")
    for manifest, line in timings:
        say(f"{manifest.observer}, session {manifest.session}: {line}")


@click.command()
@click.argument("results", type=FOLDER, default=Path("results"))
@strict_option
def costs(results: Path, strict: bool) -> None:
    """List what models in RESULTS have used: trials, requests, tokens and money, by the model that answered.

    All that was ever asked counts, also what failed and was asked again. lost_usd is the most that replies that were
    lost or did not report their tokens can have cost beside cost_usd.
    """
    from visavis.observers.accounts import account

    table = account(read_trials(results, strict=strict, every_response=True))
    say(table.to_string(index=False, na_rep="–") if len(table) else "no tokens were used")


@click.command(cls=_AsksObserver)
@click.argument("kind", required=False)
@click.argument("observer", required=False)
@with_options(_observer_options)
def observers(kind: str | None, observer: str | None, **how: Any) -> None:
    """List who can answer, what each can do and what it still needs; with KIND, its options.

    'visavis observers check OBSERVER' asks OBSERVER three trials whose answers are known, and shows what came back.
    """
    from visavis.observers import available_observers

    if kind == "check":
        if observer is None:
            raise click.UsageError("say whom to check: visavis observers check openai:gpt-5.2")
        _check_observer(_make_observer(observer, **how))
        return
    known = {info.kind: info for info in available_observers()}
    if kind is not None and kind not in known:
        raise click.ClickException(f"unknown observer {kind!r}: {did_you_mean(kind, known)}")
    for info in known.values() if kind is None else [known[kind]]:
        say(f"{info.kind:17} {info.summary}")
        if info.capabilities is not None:
            can = [name.replace("_", " ") for name in info.capabilities.__slots__ if getattr(info.capabilities, name)]
            say(f"{'':17} can: {', '.join(can) or 'choose'}")
        if info.missing:
            say(f"{'':17} {info.missing}", fg="yellow")
        if kind is not None:
            for name, line in info.options.items():
                say(f"{'':17} --{name.replace('_', '-')} …  {line}")


def _check_observer(observer: Observer) -> None:
    """Ask an observer three trials whose answers are known."""
    from visavis.observer_check import check_observer

    right = 0

    def warn(text: str) -> None:
        say(f"warning: {text}", fg="yellow", err=True)

    for line in check_observer(observer, warn, say=say):
        right += line.correct
        say(f"\n{line.question}\n  {'shown':19} {line.shown}\n  {'answer':19} {line.answer}")
        for name, value in line.details.items():
            say(f"  {name.replace('_', ' '):19} {value}")
    say(f"\n{right} of 3 as expected")
