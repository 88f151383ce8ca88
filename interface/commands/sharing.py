"""Folders that can be deposited, whether they are whole, and what was fixed before the data."""

from __future__ import annotations

from pathlib import Path

import click

from .common import FILE, FOLDER, say


@click.command()
@click.argument("folder", type=FOLDER, default=Path())
def verify(folder: Path) -> None:
    """Say whether FOLDER is whole: files, definitions, plans, logs, images, tables and reports, a line each."""
    from visavis.verifying import verify as verified

    failed = 0
    for check in verified(folder):
        failed += check.state == "FAILED"
        colour = {"ok": "green", "FAILED": "red"}.get(check.state, "yellow")
        say(check, fg=colour)
    if failed:
        raise click.ClickException(f"{failed} check(s) failed")
    say("whole, as far as it was checked")


@click.command()
@click.argument("results", type=FOLDER, default=Path("results"))
@click.option("-o", "--output", type=FOLDER, default=Path("published"), show_default=True, help="New or empty folder.")
@click.option("--author", "authors", multiple=True, required=True, metavar="NAME", help="May be given again.")
@click.option("--licence", required=True, help="Such as CC0 or CC-BY-4.0.")
@click.option("--name", default="", help="By default the experiments' names.")
@click.option("--description", default="", help="A sentence or two; by default the counts.")
@click.option("--url", default="", help="Where it will be found, such as its DOI.")
@click.option("--report", type=FOLDER, help="Folder of a report to publish along, with its methods paragraph.")
@click.option("--images", type=FILE, help="Definition whose images are published too; else their hashes alone.")
@click.option("--identities-checked", is_flag=True, help="Publish although something looks like a name or free text.")
def publish(
    results: Path,
    output: Path,
    authors: tuple[str, ...],
    licence: str,
    name: str,
    description: str,
    url: str,
    report: Path | None,
    images: Path | None,
    identities_checked: bool,
) -> None:
    """Write RESULTS as one folder that can be deposited: BIDS, Psych-DS, RO-Crate, Croissant, codebook, README."""
    from visavis.publishing import publish as published

    folder = published(
        results,
        output,
        authors=authors,
        licence=licence,
        name=name,
        description=description,
        url=url,
        report=report,
        images=images,
        identities_checked=identities_checked,
    )
    say(f"{folder} written: visavis verify {folder} says whether it is whole")
