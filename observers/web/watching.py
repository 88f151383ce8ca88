"""What the experimenter's page shows: who is where, and what stands out in the answers.

Rules of this file: read from plans and logs, each line of them once. A flag names a reason, and accuses no one: it
decides nothing.
"""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path
from statistics import median
from typing import Any

from visavis.experiments.plan import trials_of
from visavis.experiments.session import is_session, read_manifest, read_plan
from visavis.experiments.session_log import read_new, settle, take_pairs

FAST_S = 0.2
"""Faster than people judge two images (simple reactions take as long)."""
ONE_SIDED = 0.9
LEAST = 20
"""Answers before a share of sides, or of fast answers, is spoken of."""
_SHOWN = ("outcome", "choice", "response_time_s")
_MARKS = ("interrupted_by", "untrusted_event")


class SessionProgress:
    """How far one session has come.

    Parameters
    ----------
    folder : Path
        The session's, whether it is there yet or not.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._guard = threading.Lock()
        self._offset = 0
        self._ids: list[str] | None = None
        self._expected: dict[str, Any] = {}
        self._responses: dict[str, dict[str, Any]] = {}
        self._pairs: dict[int, dict[str, Any]] = {}
        self._summary: dict[str, Any] = {"answered": 0, "planned": 0, "flags": []}

    def summary(self) -> dict[str, Any]:
        """Return answered, planned, outcomes, median response time, catch trials and flags."""
        with self._guard:
            if self._read():
                self._summary = self._summarised()
            return self._summary

    def is_answered(self, index: int) -> bool:
        """Whether the trial at this place of the plan has an answer in the log."""
        with self._guard:
            if self._read():
                self._summary = self._summarised()
            if self._ids is None or not 0 <= index < len(self._ids):
                return False
            return self._pairs.get(index, {}).get("trial", self._ids[index]) in self._responses

    def _read(self) -> bool:
        """Take what was appended to the log; return whether there was anything."""
        if self._ids is None:
            if not is_session(self._folder):
                return False
            plan = trials_of(read_plan(self._folder, read_manifest(self._folder)))
            self._ids = [trial.id for trial in plan]
            self._expected = {trial.id: trial for trial in plan if trial.phase == "catch"}
        events, self._offset = read_new(self._folder, self._offset)
        for event in events:
            take_pairs(self._pairs, event)
            settle(self._responses, _needed(event))
        return bool(events) or not self._summary["planned"]

    def _summarised(self) -> dict[str, Any]:
        found = list(self._responses.values())
        caught = [_meets(self._expected[name], r) for name, r in self._responses.items() if name in self._expected]
        times = [response["response_time_s"] for response in found if response["response_time_s"] is not None]
        return {
            "answered": len(found),
            "planned": len(self._ids or ()),
            "outcomes": dict(Counter(response["outcome"] for response in found)),
            "median_s": round(median(times), 2) if times else None,
            "catch": [sum(caught), len(caught)],
            "flags": flags(found, caught),
        }


def watched(study: Any) -> dict[str, Any]:
    """Return where every participation stands, as JSON values."""
    people = []
    for place in study.places:
        state = "abandoned" if study.places.abandoned(place) else place.state
        people.append(
            {
                "code": place.code,
                "state": state,
                "link": f"/p/{place.token}",
                "seen": study.places.last_seen(place),
                **study.progress(place).summary(),
            }
        )
    return {
        "experiment": study.experiment.definition.name,
        "intake": study.intake,
        "limit": study.options.participants,
        "states": dict(Counter(person["state"] for person in people)),
        "people": people,
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


def _needed(event: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a response event that is looked at; of the provenance, which is most of it, the marks."""
    if event["event"] != "response":
        return event
    provenance = event.get("provenance", {})
    kept = {name: provenance[name] for name in (*_MARKS, "pixels") if name in provenance}
    shown = {name: event.get(name) for name in _SHOWN}
    return {"event": "response", "trial": event["trial"], **shown, "provenance": kept}


def _meets(trial: Any, response: dict[str, Any]) -> bool:
    choice = response.get("choice")
    return choice in ("left", "right") and trial.rendition(choice) == trial.expected
