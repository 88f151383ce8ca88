"""The settings with which a session began, compared with those of now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from visavis.experiments.session_log import read_events


def begun_with(events: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return how the observer described itself when its session began; empty before that."""
    return next((event["observer"] for event in events if event.get("event") == "start"), None) or {}


def session_events(folder: Path | None) -> list[dict[str, Any]]:
    """Return the events of a session's folder, where there is one."""
    return read_events(folder) if folder is not None and folder.is_dir() else []


def changed_settings(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return a warning where a session goes on with other settings than it began with, or nothing."""
    changed = [name for name in sorted({*before, *now}) if before.get(name) != now.get(name)]
    listed = [f"{name} was {before.get(name, 'the default')}, is {now.get(name, 'the default')}" for name in changed]
    return [f"this session began with other settings ({'; '.join(listed)}): its answers mix them"] if listed else []
