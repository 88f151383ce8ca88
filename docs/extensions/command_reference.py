"""The reference of the command line: the help of every command, as ``visavis COMMAND --help`` prints it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from sphinx.application import Sphinx

from visavis.cli import main

PAGE = Path("reference") / "command-line.md"
WIDTH = 88

_BEGINNING = """# The command line

Every command, as `visavis COMMAND --help` prints it. Where a study is run with options of its observer, `visavis
observers KIND` lists them.
"""


def page() -> str:
    """Return the page as Markdown."""
    settings = {**main.context_settings, "max_content_width": WIDTH, "terminal_width": WIDTH}
    context = click.Context(main, info_name="visavis", **settings)
    parts = [_BEGINNING, _block(main.get_help(context))]
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        if command is not None and not command.hidden:
            parts += _sections(command, click.Context(command, info_name=name, parent=context), 2)
    return "\n\n".join(parts) + "\n"


def _sections(command: click.Command, context: click.Context, level: int) -> list[str]:
    parts = [f"{'#' * level} {context.command_path}", _block(command.get_help(context))]
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            if found is not None and not found.hidden:
                parts += _sections(found, click.Context(found, info_name=name, parent=context), level + 1)
    return parts


def _block(text: str) -> str:
    return f"```text\n{text}\n```"


def write_page(app: Sphinx) -> None:
    """Write the page where Sphinx looks for it."""
    file = Path(app.srcdir) / PAGE
    file.parent.mkdir(exist_ok=True)
    if not file.exists() or file.read_text(encoding="utf-8") != page():
        file.write_text(page(), encoding="utf-8", newline="\n")


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to Sphinx."""
    app.connect("builder-inited", write_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
