"""The timing of every person's session below a folder, a line each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from visavis.experiments.bids_sources import sessions_below
from visavis.experiments.session import Manifest
from visavis.experiments.session_log import read_events

from .timing import timing_line


def session_timings(results: Path | str) -> Iterator[tuple[Manifest, str]]:
    """Give each session of a person below a folder with its timing in one line; see `timing_line`."""
    for folder, manifest in sessions_below(results).items():
        if manifest.observer_kind == "human":
            line = _line(read_events(folder))
            if line:
                yield manifest, line


def _line(events: list[dict[str, Any]]) -> str:
    screen: dict[str, Any] = {}
    provenances = []
    for event in events:
        if event.get("event") == "start":
            screen = event.get("observer", {}).get("screen", screen)
        elif event.get("event") == "response":
            provenances.append(event.get("provenance", {}))
    return timing_line(screen, provenances)
