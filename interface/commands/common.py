"""What several commands share: types of paths, options in groups, ``KEY=VALUE``, and where text goes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

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


def write_text(text: str, output: Path | None) -> None:
    """Write a text to a file, or to standard output."""
    if output is None:
        click.echo(text, nl=False)
    else:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, encoding="utf-8", newline="\n")
        click.echo(f"{output} written")
