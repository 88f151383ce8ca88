"""A demo, and a definition to begin with."""

from __future__ import annotations

import json
from pathlib import Path

import click

from visavis.base.files import atomic_write

from .common import FILE, FOLDER, say


@click.command()
@click.argument("folder", type=FOLDER, default=Path("visavis-demo"))
@click.option("--people", default=12, show_default=True, help="Number of simulated people.", type=click.IntRange(2))
def demo(folder: Path, people: int) -> None:
    """Run a whole comparison on sample photographs, without keys or network, and write a report.

    FOLDER gets the images, the definition, the sessions and the report.
    """
    from visavis.demo import run_demo

    run_demo(folder, people, say=say)


@click.command()
@click.argument("file", type=FILE, default=Path("study.yaml"))
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
    atomic_write(file, text, durable=True)
    panel = files("visavis").joinpath(f"panel-{protocol}.yaml")
    beside = file.with_name("panel.yaml")
    if panel.is_file() and not beside.exists():
        atomic_write(beside, panel.read_text(encoding="utf-8"), durable=True)
        say(f"{beside} written: the models of the study, for visavis run {file} --panel {beside}")
    say(f"{file} written. Put your images below {file.parent / 'images'}, then: visavis check {file}")
