"""Offer a definition to people in their browsers."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

import click

from visavis.base.files import atomic_write

from .common import DEFINITION, FOLDER, say

_NEEDED = ("starlette", "uvicorn")


@click.command()
@click.argument("definition", type=DEFINITION)
@click.option("--results", type=FOLDER, default=Path("results"), show_default=True, help="Where the answers go.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0 for every one.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 takes a free one.")
@click.option("--public-url", help="Address that participants see, behind a reverse proxy: https://study.example.org.")
@click.option("--language", default="en", show_default=True, help="Of links that say nothing else (?lang=de).")
@click.option("--participants", type=click.IntRange(1), help="Let so many take part.")
@click.option("--until", type=click.DateTime(), help="Let no one new in after this date (UTC).")
@click.option(
    "--abandoned-after", type=click.FloatRange(1), default=60.0, show_default=True, help="Minutes without a sign."
)
@click.option("--prefix", default="web-", show_default=True, help="Of the codes, which are numbered.")
@click.option("--completion-link", default="", help="Where participants go at the end.")
@click.option("--completion-code", default="", help="Shown at the end.")
@click.option("--no-consent-link", default="", help="Where those go who do not agree.")
@click.option("--screened-out-link", default="", help="Where those go whose screen is too small.")
def serve(
    definition: Path,
    results: Path,
    host: str,
    port: int,
    public_url: str | None,
    language: str,
    participants: int | None,
    until: datetime | None,
    abandoned_after: float,
    prefix: str,
    completion_link: str,
    completion_code: str,
    no_consent_link: str,
    screened_out_link: str,
) -> None:
    """Let people answer DEFINITION in their browsers, until Ctrl-C.

    Answers are in the same folder and form as everybody's. The same command, run again, goes on with every participant.
    """
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise click.ClickException(f"people in a browser need {', '.join(missing)}: pip install 'visavis[web]'")
    from visavis import run
    from visavis.experiments import Experiment
    from visavis.observers.web.server import serve as serve_study
    from visavis.observers.web.web_study import WebOptions, WebStudy

    for option, link in (
        ("--completion-link", completion_link),
        ("--no-consent-link", no_consent_link),
        ("--screened-out-link", screened_out_link),
        ("--public-url", public_url or ""),
    ):
        if link and not link.startswith(("https://", "http://")):
            raise click.BadParameter(f"must begin with https:// or http://, not {link!r}", param_hint=option)
    options = WebOptions(
        language,
        participants,
        until.replace(tzinfo=UTC) if until else None,
        60 * abandoned_after,
        prefix,
        completion_link,
        completion_code,
        no_consent_link,
        screened_out_link,
    )
    study = WebStudy(Experiment.load(definition), results, options, run)

    def ready(address: str) -> None:
        link = (public_url or address).rstrip("/")
        say(f"participants  {link}/")
        say(f"experimenter  {link}/watch/{key}")
        say(f"answers       {results}; Ctrl-C stops the server, and the same command goes on")

    key = _watch_key(study.places.path.with_name("web-key"))
    serve_study(study, key, host, port, ready)


def _watch_key(path: Path) -> str:
    """Return the key of the experimenter's page, the same whenever the study is served."""
    if not path.exists():
        atomic_write(path, secrets.token_urlsafe(24), durable=True)
    return path.read_text(encoding="utf-8").strip()
