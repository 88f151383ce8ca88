"""What the experimenter's page shows: who is where, and what stands out in the answers.

Rules of this file: read from plans and logs. A flag names a reason, and accuses no one: it decides nothing.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from statistics import median
from typing import Any

from visavis.experiments.plan import trials_of
from visavis.experiments.session import is_session, read_manifest, read_plan, session_folder
from visavis.experiments.session_log import read_events, settle, take_pairs

FAST_S = 0.2
"""Faster than people judge two images (simple reactions take as long)."""
ONE_SIDED = 0.9
LEAST = 20
"""Answers before a share of sides, or of fast answers, is spoken of."""


def watched(study: Any) -> dict[str, Any]:
    """Return where every participation stands, as JSON values."""
    people = []
    for place in study.places:
        progress = session_progress(session_folder(study.results, place.code, "1"))
        state = "abandoned" if study.places.abandoned(place) else place.state
        people.append({"code": place.code, "state": state, "seen": study.places.last_seen(place), **progress})
    return {
        "experiment": study.experiment.definition.name,
        "intake": study.intake,
        "limit": study.options.participants,
        "states": dict(Counter(person["state"] for person in people)),
        "people": people,
    }


def session_progress(folder: Path) -> dict[str, Any]:
    """Return how far a session has come: answered, planned, outcomes, median response time, catch trials, flags."""
    if not is_session(folder):
        return {"answered": 0, "planned": 0, "flags": []}
    plan = read_plan(folder, read_manifest(folder))
    responses: dict[str, dict[str, Any]] = {}
    pairs: dict[int, dict[str, Any]] = {}
    for event in read_events(folder):
        settle(responses, event)
        take_pairs(pairs, event)
    catch = {trial.id: trial for trial in trials_of(plan) if trial.phase == "catch"}
    caught = [_meets(catch[name], found) for name, found in responses.items() if name in catch]
    times = [found["response_time_s"] for found in responses.values() if found.get("response_time_s") is not None]
    return {
        "answered": len(responses),
        "planned": len(plan),
        "outcomes": dict(Counter(found["outcome"] for found in responses.values())),
        "median_s": round(median(times), 2) if times else None,
        "catch": [sum(caught), len(caught)],
        "flags": flags(list(responses.values()), caught),
    }


def flags(responses: list[dict[str, Any]], caught: list[bool]) -> list[str]:
    """Return what stands out, each with its figures.

    Parameters
    ----------
    responses : list of dict
        Response events.
    caught : list of bool
        Whether each catch trial was answered as expected.
    """
    found = []
    if caught and not all(caught):
        found.append(f"catch trials: {len(caught) - sum(caught)} of {len(caught)} not as expected")
    fast = sum((event.get("response_time_s") or 1.0) < FAST_S for event in responses)
    if len(responses) >= LEAST and fast > len(responses) / 10:
        found.append(f"fast: {fast} of {len(responses)} answers in less than {FAST_S:g} s")
    sides = Counter(event.get("choice") for event in responses)
    side, times = max(sides.items(), key=lambda item: item[1], default=("", 0))
    if len(responses) >= LEAST and times >= ONE_SIDED * len(responses):
        found.append(f"one answer: {side} in {times} of {len(responses)}")
    provenance = [event.get("provenance", {}) for event in responses]
    for name, key in (("interrupted", "interrupted_by"), ("synthetic events", "untrusted_event")):
        count = sum(key in record for record in provenance)
        if count:
            found.append(f"{name}: {count} of {len(responses)} trials")
    inexact = sum(record.get("pixels") == "not one to one" for record in provenance)
    if inexact:
        found.append(f"pixels: {inexact} of {len(responses)} trials not shown one to one")
    return found


def _meets(trial: Any, response: dict[str, Any]) -> bool:
    choice = response.get("choice")
    return choice in ("left", "right") and trial.rendition(choice) == trial.expected
