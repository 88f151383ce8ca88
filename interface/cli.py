"""The command line: every command, and what becomes of errors.

Exit status: 0 done; 1 the data, the definition or the observer cannot do what was asked; 2 wrong usage; 3 a run that
ended before every trial was answered; 130 interrupted from the keyboard.
"""

from __future__ import annotations

import errno
from typing import Any

import click

from visavis.base.text import printable

from .commands.analysing import compare, preregister, report, scale
from .commands.beginning import demo, new
from .commands.exchanging import export, import_table, schema
from .commands.observing import check, costs, observers, plan, run, status
from .commands.serving import serve
from .commands.sharing import publish, verify

# What the disk refuses: not our mistake, and nothing to show a traceback for.
_REFUSED = {
    *(errno.EACCES, errno.EPERM, errno.EROFS),
    *(errno.ENOSPC, errno.EDQUOT),
    *(errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG),
}


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
            message = f"{where}{error.strerror}: make room, or choose another place"
            raise click.ClickException(printable(message)) from error
        except Exception as error:
            if isinstance(error, _user_errors()):
                raise click.ClickException(printable(str(error))) from error
            raise

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(self.commands)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="visavis")
def main() -> None:
    """Paired comparison of images by people and models, from one definition."""


for command in (
    *(demo, new, check, plan, run, serve, status, costs),
    *(preregister, scale, compare, report),
    *(observers, import_table, export, publish, verify, schema),
):
    main.add_command(command)
