"""Folders that can be deposited, whether they are whole, and what was fixed before the data."""

from __future__ import annotations

from pathlib import Path

import click

from .common import FOLDER, say


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
