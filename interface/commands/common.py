"""What several commands share: types of paths, options in groups, ``KEY=VALUE``, and where text goes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from visavis.base.files import atomic_write
from visavis.base.text import printable

if TYPE_CHECKING:
    import pandas as pd

DEFINITION = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)
FILE = click.Path(dir_okay=False, path_type=Path)


def with_options(options: list[Any]) -> Callable[[Any], Any]:
    """Give a command several options that other commands have too."""

    def add(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def read_pairs(option: str, given: tuple[str, ...]) -> dict[str, str]:
    """Read ``KEY=VALUE`` options."""
    pairs = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not equals:
            raise click.BadParameter(f"expected KEY=VALUE, got {text!r}", param_hint=option)
        pairs[key] = value
    return pairs


def say(text: object = "", **style: Any) -> None:
    """Print text so that no control character in it moves the terminal; style as of `click.secho`."""
    click.secho(printable(str(text)), **style)


strict_option = click.option("--strict", is_flag=True, help="Stop at a session that cannot be read, not leave it out.")


def warn_left_out(text: str) -> None:
    """Say on standard error what is left out."""
    say(f"warning: {text}", fg="yellow", err=True)


def read_trials(results: Path, *, strict: bool, **how: Any) -> pd.DataFrame:
    """Read the trials in a folder; what is left out is said."""
    from visavis.experiments import load_trials

    return load_trials(results, strict=strict, warn=warn_left_out, **how)


def write_text(text: str, output: Path | None) -> None:
    """Write a text to a file, or to standard output."""
    if output is None:
        click.echo(printable(text), nl=False)
    else:
        output.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(output, text, durable=True)
        say(f"{output} written")
